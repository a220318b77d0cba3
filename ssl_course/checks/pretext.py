"""Exercises of lesson 01: quarter turns, far orders, the hole of inpainting, pairs of tiles, traces, and a report."""

import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ssl_course.augment import rotate
from ssl_course.checks.engine import (
    Answer,
    Choice,
    Essay,
    Exercise,
    Function,
    Number,
    Verdict,
    attempt,
    blank,
    is_number,
    open_,
)
from ssl_course.methods.inpainting import hidden_mse
from ssl_course.methods.jigsaw import permutations

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


# --- the slope of that error, functions of (painted, images, hidden) -> (B, C, H, W)


def slope(painted: Tensor, images: Tensor, hidden: Tensor) -> Tensor:
    return 2 * (painted - images) * hidden / (hidden.sum() * images.shape[1])


def slope_by_picture(painted: Tensor, images: Tensor, hidden: Tensor) -> Tensor:
    parts = zip(painted.split(1), images.split(1), hidden.split(1), strict=True)
    return torch.cat([slope(*each) for each in parts])


SLOPES = {
    "the factor 2 is missing: the slope of d² is 2d.": (lambda p, x, m: slope(p, x, m) / 2),
    "it isn't 0 outside of the hole: the loss doesn't know what was painted there.": (
        lambda p, x, m: 2 * (p - x) / (m.sum() * x.shape[1])
    ),
    "the sign is the other way round: where too much was painted, painting more makes the loss larger.": (
        lambda p, x, m: -slope(p, x, m)
    ),
    "it is divided by the number of all values: the loss divides by that of the hidden ones.": (
        lambda p, x, m: 2 * (p - x) * m / p.numel()
    ),
    "it is divided by the number of hidden pixels: each of them has C values.": (
        lambda p, x, m: slope(p, x, m) * x.shape[1]
    ),
    "each picture is divided by its own number of hidden values: the loss divides by that of the whole batch.": (
        slope_by_picture
    ),
    "it isn't divided at all: the loss is a mean.": lambda p, x, m: 2 * (p - x) * m,
    "only the sign of the difference counts: that is the slope of its absolute value.": (
        lambda p, x, m: (p - x).sign() * m / (m.sum() * x.shape[1])
    ),
    "the difference is still squared: taking the slope lowers the power by one.": (
        lambda p, x, m: 2 * (p - x).square() * m / (m.sum() * x.shape[1])
    ),
}

# --- turns by any angle that leave no trace, functions of (images, degrees) -> views

ANGLES = (0.0, 20.0, 40.0, 60.0)


def distances(side: int) -> Tensor:
    """How far each pixel's centre is from the middle of the picture, in pixels: (side, side)."""
    place = torch.arange(side) - (side - 1) / 2
    return (place.square() + place.square().unsqueeze(1)).sqrt()


def round_views(images: Tensor, degrees: Tensor, radius: float = 0.5) -> Tensor:
    """Turned, and grey outside of a circle; the radius is a share of the side."""
    inside = distances(images.shape[-1]) < radius * images.shape[-1]
    return torch.where(inside, rotate(images, degrees), 0.5)


def black_corners(images: Tensor, degrees: Tensor) -> Tensor:
    half = images.shape[-1] // 2
    turned = rotate(torch.nn.functional.pad(images, [half] * 4), degrees)  # black all round
    return turned[..., half:-half, half:-half]


def only_the_turned(images: Tensor, degrees: Tensor) -> Tensor:
    return torch.where(degrees.view(-1, 1, 1, 1) == 0, images, round_views(images, degrees))


ROUND = {
    "the corners are filled with one colour, and more of them the further it is turned: an empty picture shows the "
    "angle, as in the lesson.": black_corners,
    "something outside of the circle still changes with the angle: what comes in at the corners is mirrored content, "
    "or your circle reaches beyond the edges of the picture.": lambda images, degrees: rotate(images, degrees),
    "the pictures at 0 degrees keep their corners, and only the turned ones are hidden: that alone names them.": (
        only_the_turned
    ),
    "in the middle there isn't the picture, turned counter-clockwise by its own angle: too much is hidden, or it is "
    "turned another way.": (
        lambda images, degrees: round_views(images, -degrees),
        lambda images, degrees: torch.full_like(images, 0.5),
    ),
}


def traces() -> list[tuple]:
    """Four empty pictures, then four of noise, each at the four angles."""
    random = torch.Generator().manual_seed(5)
    cases = []
    for side in (24, 32):
        empty = torch.rand(1, 3, 1, 1, generator=random).expand(4, -1, side, side)
        noise = torch.rand(1, 3, side // 2, side // 2, generator=random).repeat_interleave(2, 2).repeat_interleave(2, 3)
        cases.append((torch.cat([empty, noise.expand(4, -1, -1, -1)]).clone(), torch.tensor(2 * ANGLES)))
    return cases


def traced(views: Tensor, images: Tensor, degrees: Tensor) -> tuple[float, ...]:
    """Yes (1) or no (0) to four questions; see ASKED."""
    side = images.shape[-1]
    away, near = distances(side) > side / 2 + 0.5, distances(side) < side / 4
    empty, outside = views[:4], views[4:, :, away]  # (4, 3, H, H), (4, 3, pixels)
    apart = [empty - empty[:1], outside[1:] - outside[1:2], outside - outside[1:2]]
    same = [float(difference.abs().max() < 0.02) for difference in apart]
    middle = (views - rotate(images, degrees))[..., near].abs().mean(dim=(1, 2))  # (8,); neighbours may be taken whole
    return (*same, float(middle.max() < 0.15))


ASKED = (
    "empty pictures look the same at all angles",
    "outside of the circle turned pictures look the same at all angles",
    "and at 0 degrees, too",
    "in the middle is the turned picture",
)

# --- the middle tile and a neighbour, functions of (tiles, answers) -> (B, 2, C, h, w)

NEIGHBOURS = (0, 1, 2, 3, 5, 6, 7, 8)


def pairs(tiles: Tensor, answers: Tensor, places: tuple[int, ...] = NEIGHBOURS, middle: int = 4) -> Tensor:
    second = tiles[torch.arange(len(tiles)), torch.tensor(places)[answers]]
    return torch.stack([tiles[:, middle], second], dim=1)


PAIRS = {
    "the answer is taken as the tile's number: tile 4 is the middle itself, and tile 8 is never asked for.": (
        lambda tiles, answers: pairs(tiles, answers, tuple(range(9)))
    ),
    "the neighbour comes first: the middle tile is the first of the pair.": (
        lambda tiles, answers: pairs(tiles, answers).flip(1)
    ),
    "the first tile isn't the middle one: counted from 0, that is tile 4.": (
        lambda tiles, answers: pairs(tiles, answers, middle=5),
        lambda tiles, answers: pairs(tiles, answers, middle=0),
    ),
    "all images get the first one's neighbour: each has its own answer.": (
        lambda tiles, answers: pairs(tiles, answers[:1].expand(len(tiles)))
    ),
    "the neighbours are numbered column by column: tiles go row by row.": (
        lambda tiles, answers: pairs(tiles, answers, (0, 3, 6, 1, 7, 2, 5, 8))
    ),
    "the neighbours are numbered round the middle: they go row by row.": (
        lambda tiles, answers: pairs(tiles, answers, (0, 1, 2, 5, 8, 7, 6, 3))
    ),
    "the answers are counted from 1: the first neighbour has the number 0.": (
        lambda tiles, answers: pairs(tiles, answers - 1)
    ),
    "the second tile is one of another image: index image and tile together.": (
        lambda tiles, answers: torch.stack([tiles[:, 4], pairs(tiles.flip(0), answers)[:, 1]], dim=1),
        lambda tiles, answers: torch.stack([tiles[:, 4], pairs(tiles[:1].expand_as(tiles), answers)[:, 1]], dim=1),
    ),
    "both tiles are the middle one.": lambda tiles, answers: tiles[:, [4, 4]],
}


def pair_cases() -> list[tuple]:
    random = torch.Generator().manual_seed(6)
    answers = [torch.tensor([5, 0, 3]), torch.tensor([7, 2, 6, 1, 4])]
    return [(torch.rand(len(each), 9, 3, 2, 4, generator=random), each) for each in answers]


# --- a report over three seeds, functions of (train) -> (mean, deviation)


def lucky(seed: int) -> float:
    return (0.61, 0.82, 0.64, 0.3)[seed]


def unlucky(seed: int) -> float:
    return (0.5, 0.25, 0.42, 0.9)[seed]


def reported(accuracies: Sequence[float]) -> tuple[float, float]:
    return statistics.mean(accuracies), statistics.stdev(accuracies)


def three(train: Callable[[int], float]) -> list[float]:
    return [train(seed) for seed in range(3)]


SPREADS = {
    "the deviation divides by the number of runs (numpy's std, statistics.pstdev): of a sample it is n - 1.": (
        lambda train: (statistics.mean(three(train)), statistics.pstdev(three(train)))
    ),
    "the deviation is divided by √3: that says how well the mean is known, not how far one run lies from another.": (
        lambda train: (statistics.mean(three(train)), statistics.stdev(three(train)) / 3**0.5)
    ),
    "the variance is returned: the deviation is its root.": (
        lambda train: (statistics.mean(three(train)), statistics.variance(three(train)))
    ),
    "the largest minus the smallest is returned: that grows with the number of runs.": (
        lambda train: (statistics.mean(three(train)), max(three(train)) - min(three(train)))
    ),
    "the best run is reported: it is the luckiest seed, and the next one will be worse.": (
        lambda train: (max(three(train)), statistics.stdev(three(train)))
    ),
    "the median is reported: the mean was asked for.": (
        lambda train: (statistics.median(three(train)), statistics.stdev(three(train)))
    ),
    "all runs have the same seed: that is one run, three times.": lambda train: (train(0), 0.0),
    "the seeds are 1, 2 and 3: here they are 0, 1 and 2.": (
        lambda train: reported([train(seed) for seed in (1, 2, 3)])
    ),
    "there are only two runs: the seeds are 0, 1 and 2.": lambda train: reported([train(0), train(1)]),
    "the numbers are per cent: shares between 0 and 1 were asked for.": (
        lambda train: reported([100 * accuracy for accuracy in three(train)])
    ),
}

# --- a method that is trained


@dataclass(frozen=True)
class Training:
    """An exercise whose answer is a function that trains with a seed and returns the accuracy on new questions.

    Attributes:
        guessing: the accuracy of guessing.
        least: what a right answer reaches with every seed.
        most: what no honest answer reaches.
        praise: what is said of a right answer.
        slips: what the accuracy says, by "guessing", "weak", "leak", "seed" and "share".
    """

    guessing: float
    least: float
    most: float
    praise: str
    slips: Mapping[str, str]

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer):
            return open_()
        if not callable(answer):
            return Verdict("wrong", "a function was expected, which trains with a seed: pass it without brackets.")
        found = []
        for seed in (0, 1):
            accuracy, verdict = attempt(answer, seed)
            if verdict is not None:
                return verdict
            if not is_number(accuracy):
                return Verdict("wrong", "a number was expected from your function: is there a `return` at its end?")
            found.append(float(accuracy))
        slip = self._slip(min(found), max(found))
        told = " and ".join(f"{100 * accuracy:.0f} %" for accuracy in found)
        return Verdict("wrong", f"{self.slips[slip]} (Two seeds: {told}.)") if slip else Verdict("right", self.praise)

    def _slip(self, low: float, high: float) -> str | None:
        if not 0 <= low <= high <= 1:
            return "share"
        if low < self.guessing + 0.06:
            return "guessing"
        if high > self.most:
            return "leak"
        if low < self.least:
            return "weak"
        return "seed" if low == high else None


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
    "hole": Function(
        reference=hidden_mse,
        cases=hole_cases,
        mistakes=HOLE,
        praise="only what had to be guessed is counted, and every hidden value counts alike.",
        gradients={"painted": 0},
    ),
    "slope": Function(
        reference=slope,
        cases=hole_cases,
        mistakes=SLOPES,
        praise="twice the difference in the hole, 0 outside of it, divided by the number of hidden values.",
    ),
    "circle": Function(
        reference=round_views,
        cases=traces,
        mistakes=ROUND,
        praise="neither an empty picture nor a full one shows outside of the circle how far it was turned. One trace "
        "is left: a picture that was turned by 20 degrees had to be interpolated and is a little less sharp.",
        measure=traced,
        parts=ASKED,
    ),
    "pairs": Function(
        reference=pairs,
        cases=pair_cases,
        mistakes=PAIRS,
        praise="the middle first, then the neighbour that the answer names.",
    ),
    "position": Training(
        guessing=1 / 8,
        least=0.35,
        most=0.9,
        praise="the loop trains it, and it is right far more often than guessing.",
        slips={
            "guessing": "it is no better than guessing, one in eight. Do the answers that `views` returns belong to "
            "its tiles? Does the head see both tiles of a pair, side by side in one row?",
            "weak": "it beats guessing, but a right one is further by now. Are the tiles normalised? Does the head see "
            "both tiles of a pair? Does the gradient get to the encoder?",
            "leak": "that is too good to be true: many neighbours are plain ground, and nobody can place them. Is the "
            "answer always the same, or visible in the tiles?",
            "seed": "both seeds give exactly the same: is the seed used?",
            "share": "accuracies are shares between 0 and 1.",
        },
    ),
    "spread": Function(
        reference=lambda train: reported(three(train)),
        cases=lambda: [(lucky,), (unlucky,)],
        mistakes=SPREADS,
        praise="the mean of three runs, and how far one run lies from another.",
    ),
    "confound": Choice(
        right="b",
        because="row 1 has made four times as many steps, on four times as many pictures. With four passes of row 2 "
        "the two cost the same; only then does a difference come from the four turns side by side.",
        others={
            "a": "three seeds with such small deviations are enough for a difference of 38 points: luck isn't the "
            "problem here.",
            "c": "the floor is one and the same for both rows, so it can't explain a difference between them.",
            "d": "the batches have 32 pictures in both rows, and the rate is the same.",
        },
    ),
    "log": Choice(
        right="c",
        because="the loss stays at log(24) = 3.18, what guessing costs, on the training images too, while the "
        "gradient isn't 0: the network tries, but the answers aren't tied to what it sees.",
        others={
            "a": "a rate that is far too high makes the loss jump about, above log(24) = 3.18, or ends in nan. Here it "
            "lies still at 3.18.",
            "b": "then the training accuracy would rise and only the one on test images would stay. Here neither does.",
            "d": "without gaps the puzzle gets easier, as the lesson's table shows: the loss would fall further.",
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
