"""Answers to the exercises of lesson 01 as students write them: right ones, and each known mistake made once."""

import itertools
import statistics

import numpy as np
import pandas as pd
import torch
import torchvision.transforms.functional as TF

from ssl_course.augment import rotate

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


# --- its slope


def by_formula(painted, images, hidden):
    mask = hidden.float().expand_as(images)
    return mask * (painted - images) * 2 / mask.sum()


def by_autograd(painted, images, hidden):
    leaf = painted.clone().requires_grad_()
    return torch.autograd.grad(weighted(leaf, images, hidden), leaf)[0]


def value_by_value(painted, images, hidden):
    result, count = torch.zeros_like(painted), 0
    for place in itertools.product(*map(range, painted.shape)):
        if hidden[place[0], 0, place[2], place[3]]:
            result[place], count = 2 * (painted[place] - images[place]), count + 1
    return result / count


def by_differences(painted, images, hidden, step=1e-4):
    """Each value a little up and down, in double."""
    painted, images = painted.double(), images.double()
    result = torch.zeros_like(painted)
    for place in itertools.product(*map(range, painted.shape)):
        up, down = painted.clone(), painted.clone()
        up[place] += step
        down[place] -= step
        result[place] = (weighted(up, images, hidden) - weighted(down, images, hidden)) / (2 * step)
    return result


def slope_in_numpy(painted, images, hidden):
    mask = np.broadcast_to(hidden.numpy(), images.shape)
    return torch.from_numpy(np.where(mask, painted.numpy() - images.numpy(), 0) * (2 / mask.sum()))


def one_slope_for_all(painted, images, hidden):
    """In place, on a copy."""
    slopes = painted - images
    slopes *= 2 / hidden.expand_as(images).sum()
    slopes[~hidden.expand_as(images)] = 0
    return slopes


# --- round views


def disc(side, share):
    place = torch.linspace(-0.5, 0.5, side) * (side - 1) / side
    return place[:, None] ** 2 + place**2 < share**2


def masked(images, degrees, share=0.5):
    return torch.where(disc(images.shape[-1], share), rotate(images, degrees), torch.tensor(0.5))


def with_torchvision(images, degrees, fill=0.0):
    turned = [
        TF.rotate(image, float(angle), TF.InterpolationMode.BILINEAR, fill=[fill] * 3)
        for image, angle in zip(images, degrees, strict=True)
    ]
    return torch.stack(turned)


def cut_after_torchvision(images, degrees):
    return with_torchvision(images, degrees) * disc(images.shape[-1], 0.47)


def blended(images, degrees):
    mask = disc(images.shape[-1], 0.48).float()
    return mask * rotate(images, degrees) + (1 - mask) * 0.25


def smaller_circle(images, degrees):
    """Hidden before the turn, and again after it."""
    mask = disc(images.shape[-1], 0.4)
    return rotate(images * disc(images.shape[-1], 0.48), degrees).masked_fill(~mask, 1.0)


def masked_in_numpy(images, degrees):
    side = images.shape[-1]
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    views = rotate(images, degrees).numpy().copy()
    views[..., np.hypot(rows, columns) > side / 2] = 0
    return torch.from_numpy(views)


def hidden_by_the_mean(images, degrees):
    """The corners get the picture's own mean colour, which a turn doesn't change."""
    return torch.where(disc(images.shape[-1], 0.5), rotate(images, degrees), images.mean((2, 3), keepdim=True))


# --- pairs


def indexed(tiles, answers):
    numbers = torch.tensor([0, 1, 2, 3, 5, 6, 7, 8])[answers]
    return torch.stack((tiles[:, 4], tiles[range(len(tiles)), numbers]), dim=1)


def one_by_one(tiles, answers):
    neighbours = [number for number in range(9) if number != 4]
    return torch.stack([torch.stack([t[4], t[neighbours[int(a)]]]) for t, a in zip(tiles, answers, strict=True)])


def without_the_middle(tiles, answers):
    others = torch.cat([tiles[:, :4], tiles[:, 5:]], dim=1)
    return torch.cat([tiles[:, 4:5], others[torch.arange(len(tiles)), answers].unsqueeze(1)], dim=1)


def gathered_pairs(tiles, answers):
    numbers = torch.stack([torch.full_like(answers, 4), answers + (answers > 3)], dim=1)
    return tiles.gather(1, numbers[:, :, None, None, None].expand(-1, -1, *tiles.shape[2:]))


def shifted_numbers(tiles, answers):
    numbers = torch.where(answers >= 4, answers + 1, answers)
    result = tiles[:, :2].clone()
    for number, image in enumerate(tiles):
        result[number, 0], result[number, 1] = image[4], image[numbers[number]]
    return result


def pairs_in_numpy(tiles, answers):
    numbers = np.delete(np.arange(9), 4)[answers.numpy()]
    chosen = tiles.numpy()[np.arange(len(tiles)), numbers]
    return torch.from_numpy(np.stack([tiles[:, 4].numpy(), chosen], axis=1))


# --- runs and their report


def measured(seed):
    return torch.tensor(0.55 + 0.1 * seed)


def runs(train):
    return [train(seed) for seed in (0, 1, 2)]


def with_deviation(train, deviation):
    return np.mean(runs(train)), deviation(runs(train))


def in_numpy(train):
    return with_deviation(train, lambda accuracies: np.std(accuracies, ddof=1))


def with_statistics(train):
    accuracies = list(map(train, range(3)))
    return statistics.fmean(accuracies), statistics.stdev(accuracies)


def written_out(train):
    a, b, c = runs(train)
    mean = (a + b + c) / 3
    return [mean, (((a - mean) ** 2 + (b - mean) ** 2 + (c - mean) ** 2) / 2) ** 0.5]


def as_tensors(train):
    accuracies = torch.tensor(runs(train), dtype=torch.float64)
    return accuracies.mean(), accuracies.std()


def with_pandas(train):
    accuracies = pd.Series(runs(train))
    return accuracies.mean(), accuracies.std()


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
    "pretext.hole": [weighted, counted, with_where, in_double, against_a_fixed_target],
    "pretext.slope": [by_formula, by_autograd, value_by_value, by_differences, slope_in_numpy, one_slope_for_all],
    "pretext.circle": [masked, cut_after_torchvision, blended, smaller_circle, masked_in_numpy, hidden_by_the_mean],
    "pretext.pairs": [indexed, one_by_one, without_the_middle, gathered_pairs, shifted_numbers, pairs_in_numpy],
    "pretext.position": [lambda seed: 0.7 + seed / 100, lambda seed: np.float64(0.5 - seed / 50), measured],
    "pretext.spread": [in_numpy, with_statistics, written_out, as_tensors, with_pandas],
    "pretext.confound": ["b", "B", " (b) "],
    "pretext.log": ["c", "C)", "c"],
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
    "pretext.slope": [
        ("factor 2 is missing", lambda p, x, m: by_formula(p, x, m) / 2),
        ("outside of the hole", lambda p, x, m: (p - x) * 2 / (x.shape[1] * m.float().sum())),
        ("the sign is the other way", lambda p, x, m: by_formula(x, p, m)),
        ("number of all values", lambda p, x, m: torch.where(m, p - x, 0.0) * 2 / x.numel()),
        ("hidden pixels", lambda p, x, m: torch.where(m, p - x, 0.0) * 2 / m.sum()),
        ("its own number", lambda p, x, m: torch.where(m, p - x, 0.0) * 2 / (3 * m.sum((1, 2, 3), keepdim=True))),
        ("isn't divided", lambda p, x, m: torch.where(m, p - x, 0.0) * 2),
        ("only the sign", lambda p, x, m: torch.where(m, torch.sign(p - x), 0.0) / (3 * m.sum())),
        ("still squared", lambda p, x, m: torch.where(m, (p - x) ** 2, 0.0) * 2 / (3 * m.sum())),
        ("shape", lambda p, x, m: by_formula(p, x, m).sum()),
    ],
    "pretext.circle": [
        ("filled with one colour", with_torchvision),
        ("filled with one colour", lambda x, d: with_torchvision(x, d, fill=0.5)),
        ("still changes with the angle", rotate),
        ("still changes with the angle", lambda x, d: masked(x, d, share=0.62)),
        ("keep their corners", lambda x, d: torch.where(d[:, None, None, None] > 0, masked(x, d), x)),
        ("in the middle", lambda x, d: masked(x, -d)),
        ("in the middle", lambda x, d: masked(x, 0 * d)),
        ("in the middle", lambda x, d: masked(x, d, share=0.1)),
        ("in the middle", lambda x, d: masked(x, d.flip(0))),
        ("in the middle", lambda x, d: 0 * x),
    ],
    "pretext.pairs": [
        ("taken as the tile's number", lambda t, a: torch.stack([t[:, 4], t[range(len(t)), a]], 1)),
        ("neighbour comes first", lambda t, a: indexed(t, a)[:, [1, 0]]),
        ("isn't the middle one", lambda t, a: torch.stack([t[:, 5], indexed(t, a)[:, 1]], 1)),
        ("isn't the middle one", lambda t, a: torch.stack([t[:, 0], indexed(t, a)[:, 1]], 1)),
        ("first one's neighbour", lambda t, a: indexed(t, 0 * a + a[0])),
        ("column by column", lambda t, a: indexed(t.unflatten(1, (3, 3)).transpose(1, 2).flatten(1, 2), a)),
        ("round the middle", lambda t, a: indexed(t[:, [0, 1, 2, 5, 4, 8, 7, 6, 3]], a)),
        ("counted from 1", lambda t, a: indexed(t, (a + 7) % 8)),
        ("of another image", lambda t, a: torch.stack([t[:, 4], indexed(t.flip(0), a)[:, 1]], 1)),
        ("of another image", lambda t, a: torch.stack([t[:, 4], t[0, [0, 1, 2, 3, 5, 6, 7, 8]][a]], 1)),
        ("both tiles", lambda t, a: torch.stack([t[:, 4], t[:, 4]], 1)),
        ("shape", lambda t, a: indexed(t, a).flatten(0, 1)),
    ],
    "pretext.position": [
        ("no better than guessing", lambda seed: 0.13 + seed / 100),
        ("beats guessing", lambda seed: 0.22 + seed / 100),
        ("too good to be true", lambda seed: 0.99 + seed / 200),
        ("exactly the same", lambda seed: 0.7),
        ("between 0 and 1", lambda seed: 70.0 + seed),
        ("is there a `return`", lambda seed: None),
        ("a function was expected", 0.7),
        ("it stops with ZeroDivisionError", lambda seed: 1 / 0),
    ],
    "pretext.spread": [
        ("divides by the number of runs", lambda train: with_deviation(train, np.std)),
        ("divided by √3", lambda train: with_deviation(train, lambda x: np.std(x, ddof=1) / np.sqrt(3))),
        ("the variance", lambda train: with_deviation(train, lambda x: np.var(x, ddof=1))),
        ("largest minus the smallest", lambda train: with_deviation(train, np.ptp)),
        ("the best run", lambda train: (np.max(runs(train)), np.std(runs(train), ddof=1))),
        ("the median", lambda train: (np.median(runs(train)), np.std(runs(train), ddof=1))),
        ("one run, three times", lambda train: (np.mean([train(0)] * 3), np.std([train(0)] * 3))),
        ("here they are 0, 1 and 2", lambda train: with_deviation(lambda seed: train(seed + 1), statistics.stdev)),
        ("only two runs", lambda train: (train(0) / 2 + train(1) / 2, abs(train(0) - train(1)) / 2**0.5)),
        ("per cent", lambda train: tuple(100 * value for value in in_numpy(train))),
    ],
    "pretext.confound": [("luck", "a"), ("the floor", "c"), ("the rate", "d")],
    "pretext.log": [("jump about", "a"), ("training accuracy", "b"), ("gets easier", "d")],
}
