"""Answers to the exercises of lesson 01 as students write them: right ones, and each known mistake made once."""

import itertools

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


def flat_tiles(tiles):
    flat = tiles.flatten(3)
    deviation, mean = torch.std_mean(flat, dim=-1, keepdim=True)
    return (0.5 + (flat - mean) / (4 * (deviation + 0.02))).clamp(0, 1).view_as(tiles)


def tile_by_tile(tiles):
    result = torch.zeros_like(tiles)
    for b, t, c in itertools.product(*map(range, tiles.shape[:3])):
        tile = tiles[b, t, c]
        result[b, t, c] = (tile - tile.mean()) / (tile.std() + 0.02) * 0.25 + 0.5
    return torch.minimum(torch.maximum(result, torch.tensor(0.0)), torch.tensor(1.0))


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


def each_picture(painted, images, hidden):
    mask = hidden.float().expand_as(images)
    error = (mask * (painted - images) ** 2).sum((1, 2, 3)) / mask.sum((1, 2, 3))
    return error.mean()


RIGHT = {
    "pretext.turns": [loop, with_flips, with_a_new_dimension],
    "pretext.letters": [325 / 6, 54.2, "54"],
    "pretext.orders": [by_hand, kept_nearest, by_equal_places],
    "pretext.shuffle": [place_by_place, gathered, stacked],
    "pretext.normalise": [light, flat_tiles, tile_by_tile],
    "pretext.hole": [weighted, counted, with_where],
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
        ("first orders of the list", lambda c, t: torch.tensor(list(itertools.permutations(range(t)))[:c])),
    ],
    "pretext.shuffle": [
        ("the other way round", scattered),
        ("order of the first one", lambda tiles, table, answers: tiles[:, table[answers[0]]]),
        ("row b of the table", lambda tiles, table, answers: stacked(tiles, table, range(len(tiles)))),
        ("stay where they were", lambda tiles, table, answers: tiles.clone()),
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
    ],
    "pretext.shortcut": [
        ("one of four angles", "a"),
        ("only two angles", "c"),
        ("one of eight orders", "d"),
    ],
}

# --- more slips


def numpys(tiles):
    values = tiles.numpy()
    mean, deviation = values.mean((3, 4), keepdims=True), values.std((3, 4), keepdims=True)
    return torch.from_numpy(((values - mean) / (deviation + 0.02) * 0.25 + 0.5).clip(0, 1))


def added_first(tiles):
    deviation, mean = torch.std_mean(tiles, dim=(3, 4), keepdim=True)
    return torch.clamp(0.25 * ((tiles - mean) / (deviation + 0.02) + 0.5), 0, 1)


WRONG["pretext.normalise"] += [
    ("divided by n", numpys),
    ("multiply first", added_first),
    ("`dim` is missing", lambda t: (0.5 + 0.25 * (t - t.mean()) / (t.std() + 0.02)).clip(0, 1)),
]


# --- unusual right answers


def tiles_with_numpy(tiles):
    values = tiles.double().numpy()
    mean, deviation = values.mean((3, 4), keepdims=True), values.std((3, 4), keepdims=True, ddof=1)
    return torch.from_numpy((0.5 + (values - mean) / (4 * (deviation + 0.02))).clip(0, 1)).float()


def tiles_as_rows(tiles):
    rows = tiles.flatten(3)
    deviation, mean = torch.std_mean(rows, dim=3, keepdim=True)
    return torch.lerp(mean, rows, 1 / (deviation + 0.02)).sub(mean).mul(0.25).add(0.5).clamp(0, 1).view_as(tiles)


def holes_in_a_loop(painted, images, hidden):
    total, count = 0.0, 0
    for one, other, mask in zip(painted, images, hidden, strict=True):
        for channel in range(len(one)):
            total = total + (one[channel] - other[channel])[mask[0]].pow(2).sum()
            count += int(mask.sum())
    return total / count


def holes_by_average(painted, images, hidden):
    error = ((painted - images) ** 2).double().mean(dim=1, keepdim=True)
    return (error * hidden).sum() / hidden.sum()


RIGHT["pretext.normalise"] += [tiles_with_numpy, tiles_as_rows]
RIGHT["pretext.hole"] += [holes_in_a_loop, holes_by_average]
