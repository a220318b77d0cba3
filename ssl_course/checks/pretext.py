"""Exercises of lesson 01: quarter turns, orders that are far apart, tiles, the hole of inpainting, and shortcuts."""

import itertools

import torch
from torch import Tensor

from ssl_course.checks.engine import Choice, Essay, Exercise, Function, Number
from ssl_course.methods.inpainting import hidden_mse
from ssl_course.methods.jigsaw import normalise_tiles, permutations, shuffle_tiles

# --- the four turns of every image and their answers, functions of (images)


def turned_copies(images: Tensor, direction: int = 1, dims: tuple[int, int] = (2, 3)) -> Tensor:
    return torch.cat([images.rot90(direction * quarter, dims=dims) for quarter in range(4)])


def turn_by_turn(images: Tensor) -> Tensor:
    return torch.arange(4).repeat_interleave(len(images))


def image_by_image(images: Tensor) -> Tensor:
    """All four turns of the first image, then all four of the second: (4B, C, H, H)."""
    return turned_copies(images).unflatten(0, (4, -1)).transpose(0, 1).flatten(0, 1)


def turns(images: Tensor) -> tuple[Tensor, Tensor]:
    return turned_copies(images), turn_by_turn(images)


def only_transposed(images: Tensor) -> tuple[Tensor, Tensor]:
    swapped = images.transpose(2, 3)
    return torch.cat([images, swapped, images, swapped]), turn_by_turn(images)


def one_quarter_on(images: Tensor) -> Tensor:
    """The copies turned by 90, 180, 270 and 360 degrees."""
    return torch.cat([images.rot90(quarter, dims=(2, 3)) for quarter in range(1, 5)])


def mirrored(images: Tensor) -> tuple[Tensor, Tensor]:
    return torch.cat([images, images.flip(3), images.flip(2), images.flip(2, 3)]), turn_by_turn(images)


TURNS = {
    "the answers go 0 1 2 3, 0 1 2 3, while the copies go turn by turn: all images at 0 degrees come first, so all the "
    "zeros do, too.": lambda images: (turned_copies(images), torch.arange(4).repeat(len(images))),
    "the pictures are turned clockwise: `rot90` with 1 turns counter-clockwise, so 90 and 270 degrees have changed "
    "places.": lambda images: (turned_copies(images, -1), turn_by_turn(images)),
    "channels and rows are turned into each other: the rows of a picture are dimension 2, its columns dimension 3.": (
        lambda images: (turned_copies(images, dims=(1, 2)), turn_by_turn(images))
    ),
    "rows and columns are only swapped: that mirrors a picture, and done twice it gives the picture back instead of "
    "half a turn.": only_transposed,
    "there is one answer for each turn: each of the 4B copies needs its own.": (
        lambda images: (turned_copies(images), torch.arange(4))
    ),
    "the answers are degrees: cross-entropy wants the number of the class, from 0 to 3.": (
        lambda images: (turned_copies(images), 90 * turn_by_turn(images))
    ),
    "the answers are counted from 1: the first class has the number 0.": (
        lambda images: (turned_copies(images), 1 + turn_by_turn(images))
    ),
    "the copies go image by image and the answers turn by turn: most pictures then have the answer of another one.": (
        lambda images: (image_by_image(images), turn_by_turn(images))
    ),
    "the four turns of an image follow one another: copies and answers fit together, but here all images at 0 degrees "
    "were to come first, then all at 90.": lambda images: (
        image_by_image(images),
        torch.arange(4).repeat(len(images)),
    ),
    "the copies begin with 90 degrees: the first are the images as they are, range(4) and not range(1, 5).": (
        lambda images: (one_quarter_on(images), turn_by_turn(images))
    ),
    "the pictures are mirrored: a mirrored picture isn't a turned one.": mirrored,
    "the answers go down from 3 to 0: the images as they are have answer 0.": (
        lambda images: (turned_copies(images), 3 - turn_by_turn(images))
    ),
    "pictures and answers have changed places: the pictures come first.": lambda images: turns(images)[::-1],
}


def turn_cases() -> list[tuple]:
    random = torch.Generator().manual_seed(0)
    return [(torch.rand(count, 3, 3, 3, generator=random),) for count in (2, 5)]  # as many channels as rows


# --- orders far apart, functions of (count, tiles)


def last_of_the_nearest(apart: Tensor) -> Tensor:
    """The distances to the nearest, a little larger the later in the list."""
    return nearest(apart) + torch.arange(len(apart)) / len(apart)


def greedy(count: int, tiles: int, distance, summary) -> Tensor:
    """The orders chosen one after the other by `summary` of each one's distances to those that are chosen."""
    pool = torch.tensor(list(itertools.permutations(range(tiles))))  # (tiles!, tiles)
    chosen = [0]
    while len(chosen) < count:
        apart = distance(pool[:, None], pool[chosen]).sum(dim=2)  # (tiles!, chosen)
        chosen.append(int(summary(apart).argmax()))
    return pool[chosen]


def nearest(apart: Tensor) -> Tensor:
    return apart.amin(dim=1)


ORDERS = {
    "it asks for the chosen order that is furthest away (max): what counts is the nearest one, or an order may be "
    "chosen twice.": lambda count, tiles: greedy(count, tiles, torch.ne, lambda apart: apart.amax(dim=1)),
    "it takes the order with the largest sum of distances, as in the paper: here the nearest of those chosen is to be "
    "as far away as possible.": lambda count, tiles: greedy(count, tiles, torch.ne, lambda apart: apart.sum(dim=1)),
    "it looks only at the order that was chosen last: all that were chosen before it count as well.": (
        lambda count, tiles: greedy(count, tiles, torch.ne, lambda apart: apart[:, -1])
    ),
    "it takes the nearest order each time, which is one that is chosen already: count the places that differ, and take "
    "the largest.": lambda count, tiles: greedy(count, tiles, torch.eq, nearest),
    "it adds up how far the numbers of the tiles lie apart: a place that differs counts 1, whichever two tiles they "
    "are.": lambda count, tiles: greedy(count, tiles, lambda a, b: (a - b).abs(), nearest),
    "it takes the first orders of the list: neighbours in that list differ at two places only.": (
        lambda count, tiles: torch.tensor(list(itertools.islice(itertools.permutations(range(tiles)), count)))
    ),
    "of several that are equally good it takes the last one: argmax gives the first, as does max.": (
        lambda count, tiles: greedy(count, tiles, torch.ne, last_of_the_nearest)
    ),
    "it begins with another order: the first one is the order as it is.": lambda count, tiles: greedy(
        count + 1, tiles, torch.ne, nearest
    )[1:],
    "one order too many is chosen: `count` counts the first one as well.": (
        lambda count, tiles: permutations(count + 1, tiles)
    ),
}

# --- shuffled tiles, functions of (tiles, table, answers)


def shuffled(tiles: Tensor, table: Tensor, answers: Tensor) -> Tensor:
    return shuffle_tiles(tiles, table[answers])


SHUFFLES = {
    "tile k is put at place order[k]: it is the other way round, place k gets tile order[k].": (
        lambda tiles, table, answers: shuffle_tiles(tiles, table[answers].argsort(dim=1))
    ),
    "all images get the order of the first one: each has its own answer.": (
        lambda tiles, table, answers: shuffle_tiles(tiles, table[answers[:1]].expand(len(tiles), -1))
    ),
    "image b gets row b of the table: it must get the row that its answer names, or the answers say nothing about the "
    "pictures.": lambda tiles, table, answers: shuffle_tiles(tiles, table[: len(tiles)]),
    "the tiles stay where they were: the order isn't used.": lambda tiles, table, answers: tiles,
    "the images change places as well: only the tiles of each image do.": lambda tiles, table, answers: shuffled(
        tiles, table, answers
    ).flip(0),
    "the row before the answer's is taken: rows are counted from 0, as answers are.": (
        lambda tiles, table, answers: shuffled(tiles, table, answers - 1)
    ),
    "the order is taken twice.": lambda tiles, table, answers: shuffled(
        shuffled(tiles, table, answers), table, answers
    ),
}


def shuffle_cases() -> list[tuple]:
    random = torch.Generator().manual_seed(1)
    cases = []
    for count, places in ((3, 4), (5, 9)):
        tiles = torch.rand(count, places, 3, 2, 4, generator=random)
        table = torch.stack([torch.randperm(places, generator=random) for _ in range(8)])
        cases.append((tiles, table, 7 - torch.randperm(7, generator=random)[:count]))
    return cases


# --- normalised tiles, functions of (tiles)


def normalised(tiles: Tensor, over: Tensor, dims: tuple[int, ...]) -> Tensor:
    mean, deviation = over.mean(dim=dims, keepdim=True), over.std(dim=dims, keepdim=True)
    return ((tiles - mean) / (deviation + 0.02) * 0.25 + 0.5).clamp(0, 1)


def centred(tiles: Tensor) -> tuple[Tensor, Tensor]:
    """The tiles without their mean, and their deviation."""
    return tiles - tiles.mean(dim=(3, 4), keepdim=True), tiles.std(dim=(3, 4), keepdim=True)


def by_the_variance(tiles: Tensor) -> Tensor:
    rest, deviation = centred(tiles)
    return (rest / (deviation**2 + 0.02) * 0.25 + 0.5).clamp(0, 1)


def population(tiles: Tensor) -> Tensor:
    rest = centred(tiles)[0]
    deviation = tiles.std(dim=(3, 4), keepdim=True, correction=0)
    return (rest / (deviation + 0.02) * 0.25 + 0.5).clamp(0, 1)


def added_first(tiles: Tensor) -> Tensor:
    rest, deviation = centred(tiles)
    return ((rest / (deviation + 0.02) + 0.5) * 0.25).clamp(0, 1)


def without_the_small_number(tiles: Tensor) -> Tensor:
    rest, deviation = centred(tiles)
    return (rest / deviation * 0.25 + 0.5).clamp(0, 1)


def bracket_missing(tiles: Tensor) -> Tensor:
    rest, deviation = centred(tiles)
    return ((rest / deviation + 0.02) * 0.25 + 0.5).clamp(0, 1)


def under_the_root(tiles: Tensor) -> Tensor:
    rest, deviation = centred(tiles)
    return (rest / (deviation**2 + 0.02).sqrt() * 0.25 + 0.5).clamp(0, 1)


def mean_undivided(tiles: Tensor) -> Tensor:
    mean, deviation = tiles.mean(dim=(3, 4), keepdim=True), tiles.std(dim=(3, 4), keepdim=True)
    return (tiles - mean / (deviation + 0.02) * 0.25 + 0.5).clamp(0, 1)


def not_scaled(tiles: Tensor) -> Tensor:
    return (centred(tiles)[0] + 0.5).clamp(0, 1)


def not_shifted(tiles: Tensor) -> Tensor:
    rest, deviation = centred(tiles)
    return (rest / (deviation + 0.02) * 0.25).clamp(0, 1)


def too_wide(tiles: Tensor) -> Tensor:
    rest, deviation = centred(tiles)
    return (rest / (deviation + 0.02) + 0.5).clamp(0, 1)


def not_clamped(tiles: Tensor) -> Tensor:
    rest, deviation = centred(tiles)
    return rest / (deviation + 0.02) * 0.25 + 0.5


NORMALISE = {
    "mean and deviation are those of the whole picture: its bright corner stays bright, and numbers the tiles as "
    "before.": lambda tiles: normalised(tiles, tiles, (1, 3, 4)),
    "all channels of a tile share one mean and one deviation: each channel has its own.": (
        lambda tiles: normalised(tiles, tiles, (2, 3, 4))
    ),
    "mean and deviation are taken over the batch: a tile then depends on pictures that it has nothing to do with.": (
        lambda tiles: normalised(tiles, tiles, (0, 3, 4))
    ),
    "only the mean is the same in all tiles: divide by the deviation, too.": not_scaled,
    "it is divided by the variance: the deviation is its root.": by_the_variance,
    "the 0.5 isn't added: half of the pixels fall below 0 and are cut off.": not_shifted,
    "the deviation becomes 1 and not 0.25: most pixels then leave the range from 0 to 1 and are cut off.": too_wide,
    "the result isn't cut to the range from 0 to 1.": not_clamped,
    "the deviation is that of the population (numpy's std, or correction=0): torch.std divides by n - 1.": population,
    "0.5 is added before the product: times 0.25 first, then plus 0.5.": added_first,
    "the 0.02 is not in the bracket with the deviation: a tile of a single colour is divided by 0.": (
        without_the_small_number,
        bracket_missing,
    ),
    "the 0.02 is added to the variance, under the root: it is added to the deviation.": under_the_root,
    "mean and deviation are one number each: mean() and std() without dim run over all tiles of all pictures.": (
        lambda tiles: normalised(tiles, tiles, (0, 1, 2, 3, 4))
    ),
    "each row of pixels has its own mean and deviation: those of a tile run over its rows and columns, (3, 4).": (
        lambda tiles: normalised(tiles, tiles, (4,)),
        lambda tiles: normalised(tiles, tiles, (3,)),
    ),
    "a bracket is missing round tile - mean: only the mean is divided.": mean_undivided,
}


def lit_tiles() -> list[tuple]:
    """Tiles of pictures with a lamp in one corner and another level in each channel; one tile is of a single colour."""
    random = torch.Generator().manual_seed(2)
    cases = []
    for count, places in ((2, 9), (5, 4)):
        lamp = torch.linspace(0.5, 0, places).view(1, -1, 1, 1, 1)
        level = torch.tensor([0.0, 0.1, 0.3]).view(1, 1, -1, 1, 1)
        spread = 0.2 * torch.rand(count, places, 3, 1, 1, generator=random)
        tiles = lamp + level + spread * torch.rand(count, places, 3, 4, 6, generator=random) ** 3
        tiles[0, 1] = 0.3
        cases.append((tiles,))
    return cases


# --- the error in the hole, functions of (painted, images, hidden)


def hole(painted: Tensor, images: Tensor, hidden: Tensor) -> Tensor:
    """The differences in the hole as one row: (number of hidden values,)."""
    return (painted - images)[hidden.expand_as(images)]


def by_picture(painted: Tensor, images: Tensor, hidden: Tensor) -> Tensor:
    one_by_one = zip(painted.split(1), images.split(1), hidden.split(1), strict=True)
    return torch.stack([hidden_mse(*parts) for parts in one_by_one]).mean()


HOLE = {
    "the whole picture is compared: only what was hidden counts, the rest could be copied.": (
        lambda painted, images, hidden: (painted - images).square().mean()
    ),
    "the visible part is compared: `hidden` is true inside the hole.": (
        lambda painted, images, hidden: hidden_mse(painted, images, ~hidden)
    ),
    "the error in the hole is divided by the number of all values: divide by the number of hidden ones.": (
        lambda painted, images, hidden: ((painted - images).square() * hidden).mean()
    ),
    "it is divided by the number of hidden pixels: each of them has C values, one for each channel.": (
        lambda painted, images, hidden: hole(painted, images, hidden).square().sum() / hidden.sum()
    ),
    "the mean is taken in each picture first: a small hole then weighs as much as a large one, and here every hidden "
    "value counts alike.": by_picture,
    "the differences are summed: divide by the number of hidden values.": (
        lambda painted, images, hidden: hole(painted, images, hidden).square().sum()
    ),
    "the differences aren't squared: it is their absolute value that is averaged.": (
        lambda painted, images, hidden: hole(painted, images, hidden).abs().mean()
    ),
    "a root is taken at the end: the squared error is meant as it is.": (
        lambda painted, images, hidden: hidden_mse(painted, images, hidden).sqrt()
    ),
    "only `painted` is multiplied by the mask: take the difference first, or the images outside of the hole count.": (
        lambda painted, images, hidden: (painted * hidden - images).square().sum() / (3 * hidden.sum())
    ),
    "a channel is compared alone: all three are in the pictures.": (
        lambda painted, images, hidden: hidden_mse(painted[:, :1], images[:, :1], hidden)
    ),
    "the sum is divided by the number of images: divide by the number of hidden values.": (
        lambda painted, images, hidden: hole(painted, images, hidden).square().sum() / len(images)
    ),
    "the mean is taken before the square: square each difference by itself.": (
        lambda painted, images, hidden: hole(painted, images, hidden).mean().square()
    ),
    "there is a factor of one half: the formula above has none.": (
        lambda painted, images, hidden: hidden_mse(painted, images, hidden) / 2
    ),
}


def hole_cases() -> list[tuple]:
    random = torch.Generator().manual_seed(3)
    cases = []
    for count, height, width in ((3, 4, 6), (4, 8, 5)):
        painted, images = torch.randn(2, count, 3, height, width, generator=random)
        hidden = torch.zeros(count, 1, height, width, dtype=torch.bool)
        for picture in range(count):
            hidden[picture, :, : picture + 1, 1:3] = True  # holes of unequal size
        cases.append((3 * painted, images, hidden))
    return cases


EXERCISES: dict[str, Exercise] = {
    "turns": Function(
        reference=turns,
        cases=turn_cases,
        mistakes=TURNS,
        praise="every image at every quarter turn, and the answers cost nothing.",
        whole=True,
    ),
    "letters": Number(
        right=100 * 3.25 / 6,
        because="O, N and Z can only be guessed at (25 % each), of H one of two answers is right (50 %), L and F say "
        "which way they point (100 % each): 325 / 6.",
        slips={
            100 * 3.75 / 6: "each letter was looked at alone: a Z turned by a quarter is an N, so whoever sees one "
            "can't know which letter it was, and all four answers are left.",
            50.0: "letters that look the same at every turn were taken for the easy ones: they give no hint at all, so "
            "25 % is the best for an O.",
            25.0: "no letter was thought to give a hint: L and F look different at every turn.",
            3.25 / 6: "the answer is a share: the exercise asks for per cent, 100 times as much.",
        },
    ),
    "orders": Function(
        reference=permutations,
        cases=lambda: [(4, 3), (12, 4), (8, 5)],
        mistakes=ORDERS,
        praise="each next order keeps the largest distance to the nearest of those before.",
        whole=True,
    ),
    "shuffle": Function(
        reference=shuffled,
        cases=shuffle_cases,
        mistakes=SHUFFLES,
        praise="each image in its own order, and its answer is the row of that order.",
    ),
    "normalise": Function(
        reference=normalise_tiles,
        cases=lit_tiles,
        mistakes=NORMALISE,
        praise="brightness and contrast no longer say where a tile came from.",
    ),
    "hole": Function(
        reference=hidden_mse,
        cases=hole_cases,
        mistakes=HOLE,
        praise="only what had to be guessed is counted, and every hidden value counts alike.",
        gradients={"painted": 0},
    ),
    "shortcut": Choice(
        right="b",
        because="guessing one of 24 orders is right in 4 % of the cases. 25 % on pictures with nothing in them can't "
        "come from the content, so something else gives the answer away.",
        others={
            "a": "98 % on shapes proves nothing, the task may be easy; on empty pictures 25 % is what guessing one of "
            "four angles gives.",
            "c": "50 % is the highest number for empty pictures, but there are only two angles here: guessing gives "
            "50 %.",
            "d": "100 % on shapes proves nothing, the task may be easy; on empty pictures 12 % is about what guessing "
            "one of eight orders gives (12.5 %).",
        },
    ),
    "open": Essay(
        words=40,
        question="A fixed camera by a road has taken 100,000 pictures, with the date and the time printed at the lower "
        "left. You want features that tell cars, lorries, buses and bicycles apart. Would you use rotation, jigsaw or "
        "inpainting? Say for each of them which cheap answer you expect, and how you would test whether the network "
        "uses it.",
    ),
}
