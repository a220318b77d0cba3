"""Answers to the exercises of lesson 01 as students write them: right ones, and each known mistake made once."""

import itertools

import numpy as np
import torch

# --- turns


def loop(images, *, turn=lambda image, k: torch.rot90(image, k, (1, 2)), answer=lambda k: k):
    """Picture after picture, the turns outside."""
    copies, answers = [], []
    for k in range(4):
        for image in images:
            copies.append(turn(image, k))
            answers.append(answer(k))
    return torch.stack(copies), torch.tensor(answers)


def with_flips(images):
    swapped = images.mT
    copies = [images, swapped.flip(2), images.flip(2).flip(3), swapped.flip(3)]
    return torch.cat(copies), torch.tensor([0, 1, 2, 3]).unsqueeze(1).expand(4, len(images)).flatten()


def with_a_new_dimension(images):
    copies = torch.stack([torch.rot90(images, k, (-2, -1)) for k in range(4)])
    return copies.reshape(-1, *images.shape[1:]), torch.arange(4 * len(images)) // len(images)


def images_outside(images):
    copies = [torch.rot90(image, k, (1, 2)) for image in images for k in range(4)]
    return torch.stack(copies)


def turned_with_numpy(images):
    copies = [np.rot90(images.numpy(), k, axes=(2, 3)) for k in range(4)]
    return torch.from_numpy(np.concatenate(copies)), torch.from_numpy(np.repeat(np.arange(4), len(images)))


def turned_step_by_step(images):
    """Each turn from the one before; the answers in int32, in a list and not a tuple."""
    copies, answers = [images], [torch.zeros(len(images), dtype=torch.int32)]
    for _ in range(3):
        copies.append(copies[-1].transpose(2, 3).flip(2))
        answers.append(answers[-1] + 1)
    return [torch.vstack(copies), torch.hstack(answers)]


def filled(images):
    b = images.shape[0]
    copies, answers = images.new_empty(4 * b, *images.shape[1:]), torch.empty(4 * b, dtype=torch.uint8)
    for k in range(4):
        copies[k * b : (k + 1) * b] = torch.rot90(images, k - 4, dims=[-2, -1])
        answers[k * b : (k + 1) * b] = k
    return copies, answers


# --- orders


def hamming(a, b):
    return sum(x != y for x, y in zip(a, b, strict=True))


def by_hand(count, tiles, *, score=lambda order, chosen: min(hamming(order, other) for other in chosen)):
    """Greedy in plain Python."""
    pool = list(itertools.permutations(range(tiles)))
    chosen = [pool[0]]
    while len(chosen) < count:
        chosen.append(max(pool, key=lambda order: score(order, chosen)))  # max keeps the first of equals
    return torch.tensor(chosen)


def kept_nearest(count, tiles):
    pool = torch.tensor(list(itertools.permutations(range(tiles))))
    chosen, nearest = [0], (pool != pool[0]).sum(1)
    for _ in range(count - 1):
        chosen.append(nearest.argmax().item())
        nearest = torch.minimum(nearest, (pool != pool[chosen[-1]]).sum(1))
    return pool[chosen]


def by_equal_places(count, tiles):
    """The smallest largest number of places that are equal."""
    pool = torch.tensor(list(itertools.permutations(range(tiles))))
    chosen = pool[:1]
    while len(chosen) < count:
        equal = (pool.unsqueeze(1) == chosen.unsqueeze(0)).sum(2).amax(1)
        chosen = torch.cat([chosen, pool[equal.argmin()].unsqueeze(0)])
    return chosen


def with_numpy(count, tiles):
    pool = np.array(list(itertools.permutations(range(tiles))))
    chosen = pool[:1]
    for _ in range(count - 1):
        apart = (pool[:, None, :] != chosen[None, :, :]).sum(-1)
        chosen = np.vstack([chosen, pool[apart.min(1).argmax()]])
    return torch.from_numpy(chosen)


def with_cdist(count, tiles):
    """Hamming's distance is that of norm 0."""
    pool = torch.tensor(list(itertools.permutations(range(tiles))), dtype=torch.float64)
    table = torch.cdist(pool, pool, p=0)
    chosen = [0]
    while len(chosen) < count:
        chosen.append(table[:, chosen].min(dim=1).values.argmax().item())
    return pool[chosen].int()


def last_of_equals(count, tiles):
    pool = list(itertools.permutations(range(tiles)))
    chosen = [pool[0]]
    while len(chosen) < count:
        chosen.append(max(reversed(pool), key=lambda order: min(hamming(order, other) for other in chosen)))
    return torch.tensor(chosen)


def steps_apart(order, chosen):
    return min(sum(abs(x - y) for x, y in zip(order, other, strict=True)) for other in chosen)


# --- shuffled tiles


def place_by_place(tiles, table, answers):
    result = torch.empty_like(tiles)
    for b in range(len(tiles)):
        for place in range(tiles.shape[1]):
            result[b, place] = tiles[b, table[answers[b], place]]
    return result


def gathered(tiles, table, answers):
    index = table[answers].view(*tiles.shape[:2], 1, 1, 1).expand_as(tiles)
    return tiles.gather(1, index)


def stacked(tiles, table, answers):
    return torch.stack([image[table[answer]] for image, answer in zip(tiles, answers, strict=True)])


def by_one_hot(tiles, table, answers):
    """With matrices that move the tiles, in double."""
    moves = torch.nn.functional.one_hot(table[answers], tiles.shape[1]).double()  # (B, place, tile)
    return torch.einsum("bkt,btchw->bkchw", moves, tiles.double()).float()


def indexed_at_once(tiles, table, answers):
    return tiles[torch.arange(len(tiles)).unsqueeze(1), table.index_select(0, answers)]


def shuffled_in_numpy(tiles, table, answers):
    orders = table.numpy()[answers.numpy()]
    return torch.from_numpy(np.take_along_axis(tiles.numpy(), orders[:, :, None, None, None], axis=1))


def scattered(tiles, table, answers):
    result = torch.empty_like(tiles)
    for b, answer in enumerate(answers):
        result[b, table[answer]] = tiles[b]
    return result


# --- normalised tiles


def light(tiles, dims=(3, 4), *, power=0.5, scale=0.25, shift=0.5, low=0, high=1):
    """With the variance worked out by hand and the parts that mistakes are made in as options."""
    count = 1
    for dim in dims:
        count *= tiles.shape[dim]
    rest = tiles - tiles.sum(dims, keepdim=True) / count
    centred = tiles - tiles.mean(dims, keepdim=True)
    variance = (centred**2).sum(dims, keepdim=True) / (count - 1)
    return (rest / (variance**power + 0.02) * scale + shift).clip(low, high)


def flat_tiles(tiles, *, deviation=lambda x: x.std(-1, keepdim=True)):
    flat = tiles.flatten(3)
    mean = flat.mean(dim=-1, keepdim=True)
    return (0.5 + (flat - mean) / (4 * (deviation(flat) + 0.02))).clamp(0, 1).view_as(tiles)


def no_bracket(tiles):
    deviation, mean = torch.std_mean(tiles, dim=(3, 4), keepdim=True)
    return torch.clamp(((tiles - mean) / deviation + 0.02) / 4 + 0.5, 0, 1)


def only_the_mean_divided(tiles):
    deviation, mean = torch.std_mean(tiles, dim=(3, 4), keepdim=True)
    return torch.clamp(tiles - mean / (deviation + 0.02) / 4 + 0.5, 0, 1)


def tile_by_tile(tiles):
    result = torch.zeros_like(tiles)
    for b, t, c in itertools.product(*map(range, tiles.shape[:3])):
        tile = tiles[b, t, c]
        result[b, t, c] = (tile - tile.mean()) / (tile.std() + 0.02) * 0.25 + 0.5
    return torch.minimum(torch.maximum(result, torch.tensor(0.0)), torch.tensor(1.0))


def in_numpy(tiles):
    x = tiles.double().numpy()
    mean, deviation = x.mean((3, 4), keepdims=True), x.std((3, 4), keepdims=True, ddof=1)
    return torch.from_numpy(np.clip((x - mean) / (deviation + 0.02) / 4 + 0.5, 0, 1))


def with_einsum(tiles):
    """Deviation from the mean of the squares, and where() for the cut."""
    count = tiles.shape[3] * tiles.shape[4]
    rest = tiles.double() - torch.einsum("btchw->btc", tiles.double())[..., None, None] / count
    deviation = (torch.einsum("btchw,btchw->btc", rest, rest) / (count - 1)).sqrt()[..., None, None]
    new = 0.5 + 0.25 * rest / (0.02 + deviation)
    new = torch.where(new > 1, torch.ones_like(new), new)
    return torch.where(new < 0, torch.zeros_like(new), new).float()


# --- the hole


def weighted(painted, images, hidden):
    mask = hidden.float().expand_as(images)
    return (mask * (painted - images) ** 2).sum() / mask.sum()


def counted(painted, images, hidden):
    total, values = 0.0, 0
    for p, x, m in zip(painted, images, hidden[:, 0], strict=True):
        difference = (p - x)[:, m]
        total, values = total + (difference**2).sum(), values + difference.numel()
    return total / values


def with_where(painted, images, hidden):
    error = torch.where(hidden, painted - images, 0.0)
    return (error * error).sum() / hidden.expand(images.shape).sum()


def in_double(painted, images, hidden):
    mask = hidden.repeat(1, images.shape[1], 1, 1)
    difference = torch.masked_select(painted.double() - images.double(), mask)
    return (difference @ difference / difference.numel()).float()


def against_a_fixed_target(painted, images, hidden):
    """The images need no gradient, and outside of the hole the target is what was painted."""
    target = torch.where(hidden, images, painted).detach()
    return torch.nn.functional.mse_loss(painted, target, reduction="sum") / (hidden.sum() * images.shape[1])


def each_picture(painted, images, hidden):
    mask = hidden.float().expand_as(images)
    error = (mask * (painted - images) ** 2).sum((1, 2, 3)) / mask.sum((1, 2, 3))
    return error.mean()


RIGHT = {
    "pretext.turns": [
        loop,
        with_flips,
        with_a_new_dimension,
        turned_with_numpy,
        turned_step_by_step,
        filled,
    ],
    "pretext.letters": [325 / 6, 54.2, "54"],
    "pretext.orders": [by_hand, kept_nearest, by_equal_places, with_numpy, with_cdist],
    "pretext.shuffle": [place_by_place, gathered, stacked, by_one_hot, indexed_at_once, shuffled_in_numpy],
    "pretext.normalise": [light, flat_tiles, tile_by_tile, in_numpy, with_einsum],
    "pretext.hole": [weighted, counted, with_where, in_double, against_a_fixed_target],
    "pretext.shortcut": ["b", "B", " b "],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "pretext.turns": [
        ("0 1 2 3, 0 1 2 3", lambda x: (loop(x)[0], torch.tensor([0, 1, 2, 3] * len(x)))),
        ("clockwise", lambda x: loop(x, turn=lambda image, k: torch.rot90(image, k, (2, 1)))),
        ("channels and rows", lambda x: loop(x, turn=lambda image, k: torch.rot90(image, k, (0, 1)))),
        ("only swapped", lambda x: loop(x, turn=lambda image, k: image.mT if k % 2 else image)),
        ("one answer for each turn", lambda x: (with_flips(x)[0], torch.tensor([0, 1, 2, 3]))),
        ("degrees", lambda x: loop(x, answer=lambda k: 90 * k)),
        ("counted from 1", lambda x: loop(x, answer=lambda k: k + 1)),
        ("answer of another one", lambda x: (images_outside(x), loop(x)[1])),
        ("follow one another", lambda x: (images_outside(x), torch.tensor([0, 1, 2, 3] * len(x)))),
        ("begin with 90", lambda x: loop(x, turn=lambda image, k: torch.rot90(image, k + 1, (1, 2)))),
        ("mirrored", lambda x: (torch.cat([x, x.flip(-1), x.flip(-2), x.flip(-1).flip(-2)]), loop(x)[1])),
        ("down from 3", lambda x: loop(x, answer=lambda k: 3 - k)),
        ("pictures and answers", lambda x: (loop(x)[1], loop(x)[0])),
        ("whole numbers", lambda x: loop(x, answer=float)),
        ("whole numbers", lambda x: (loop(x)[0], loop(x)[1].double())),
    ],
    "pretext.letters": [
        ("each letter was looked at alone", 62.5),
        ("taken for the easy ones", 50),
        ("no letter was thought", 25),
        ("a share", 0.54),
    ],
    "pretext.orders": [
        (
            "furthest away (max)",
            lambda c, t: by_hand(c, t, score=lambda order, chosen: max(hamming(order, o) for o in chosen)),
        ),
        (
            "sum of distances",
            lambda c, t: by_hand(
                c, t, score=lambda order, chosen: sum(hamming(order, o) for o in chosen) / len(chosen)
            ),
        ),
        ("chosen last", lambda c, t: by_hand(c, t, score=lambda order, chosen: hamming(order, chosen[-1]))),
        (
            "takes the nearest order",
            lambda c, t: by_hand(c, t, score=lambda order, chosen: -min(hamming(order, o) for o in chosen)),
        ),
        ("numbers of the tiles", lambda c, t: by_hand(c, t, score=steps_apart)),
        ("takes the last one", last_of_equals),
        ("begins with another", lambda c, t: by_hand(c + 1, t)[1:]),
        ("one order too many", lambda c, t: by_hand(c + 1, t)),
        ("whole numbers", lambda c, t: by_hand(c, t).double()),
        ("first orders of the list", lambda c, t: torch.tensor(list(itertools.permutations(range(t)))[:c])),
    ],
    "pretext.shuffle": [
        ("the other way round", scattered),
        ("order of the first one", lambda tiles, table, answers: tiles[:, table[answers[0]]]),
        ("row b of the table", lambda tiles, table, answers: stacked(tiles, table, range(len(tiles)))),
        ("stay where they were", lambda tiles, table, answers: tiles.clone()),
        ("images change places", lambda tiles, table, answers: stacked(tiles, table, answers).flip(0)),
        ("row before", lambda tiles, table, answers: gathered(tiles, table, answers - 1)),
        ("taken twice", lambda tiles, table, answers: gathered(gathered(tiles, table, answers), table, answers)),
    ],
    "pretext.normalise": [
        ("whole picture", lambda tiles: light(tiles, (1, 3, 4))),
        ("share one mean", lambda tiles: light(tiles, (2, 3, 4))),
        ("over the batch", lambda tiles: light(tiles, (0, 3, 4))),
        ("only the mean", lambda tiles: (tiles - tiles.mean((3, 4), keepdim=True) + 0.5).clamp(0, 1)),
        ("the variance", lambda tiles: light(tiles, power=1)),
        ("0.5 isn't added", lambda tiles: light(tiles, shift=0)),
        ("not 0.25", lambda tiles: light(tiles, scale=1)),
        ("isn't cut", lambda tiles: light(tiles, low=None, high=100)),
        ("population", lambda tiles: flat_tiles(tiles, deviation=lambda x: x.std(-1, keepdim=True, unbiased=False))),
        ("before the product", lambda tiles: light(tiles, shift=0.125)),
        ("not in the bracket", lambda tiles: flat_tiles(tiles, deviation=lambda x: x.std(-1, keepdim=True) - 0.02)),
        ("not in the bracket", no_bracket),
        (
            "under the root",
            lambda tiles: flat_tiles(tiles, deviation=lambda x: (x.var(-1, keepdim=True) + 0.02).sqrt() - 0.02),
        ),
        ("one number each", lambda tiles: light(tiles, (0, 1, 2, 3, 4))),
        ("each row of pixels", lambda tiles: light(tiles, (4,))),
        ("each row of pixels", lambda tiles: light(tiles, (3,))),
        ("round tile - mean", only_the_mean_divided),
    ],
    "pretext.hole": [
        ("whole picture", lambda p, x, m: torch.nn.functional.mse_loss(p, x)),
        ("visible part", lambda p, x, m: weighted(p, x, m.logical_not())),
        ("number of all values", lambda p, x, m: weighted(p, x, m) * m.float().mean()),
        ("hidden pixels", lambda p, x, m: 3 * weighted(p, x, m)),
        ("in each picture first", each_picture),
        ("summed", lambda p, x, m: ((p - x).pow(2) * m).sum()),
        ("absolute value", lambda p, x, m: ((p - x).abs() * m).sum() / (3 * m.sum())),
        ("root", lambda p, x, m: weighted(p, x, m) ** 0.5),
        ("only `painted`", lambda p, x, m: (torch.where(m, p, 0.0) - x).pow(2).sum() / (3 * m.sum())),
        ("compared alone", lambda p, x, m: (p - x)[:, 0][m[:, 0]].pow(2).mean()),
        ("number of images", lambda p, x, m: ((p - x).pow(2) * m).sum() / p.shape[0]),
        ("before the square", lambda p, x, m: (((p - x) * m).sum() / (3 * m.sum())) ** 2),
        ("one half", lambda p, x, m: weighted(p, x, m) / 2),
        ("no gradient gets to painted", lambda p, x, m: weighted(p, x, m).detach()),
        ("no gradient gets to painted", lambda p, x, m: weighted(p.detach(), x, m)),
        ("no gradient gets to painted", lambda p, x, m: torch.tensor(weighted(p, x, m).tolist())),
        ("cut the gradient", lambda p, x, m: weighted(p, x, m).item()),
    ],
    "pretext.shortcut": [
        ("one of four angles", "a"),
        ("only two angles", "c"),
        ("one of eight orders", "d"),
    ],
}
