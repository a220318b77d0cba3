"""Exercises of lesson 11: questions about an order, even light, a place's slope, surprise, what came before."""

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.checks.engine import Choice, Exercise, Function, Number, Unfit


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- Questions that give nothing away, each a function of (count, length)

ORDERS = torch.tensor(list(itertools.permutations(range(3))))  # (6, 3), the first forwards, the last backwards
STEADY, OTHERS = (0, 5), (1, 2, 3, 4)


def any_three(count: int, length: int) -> Tensor:
    """Three different frames of each film in their order, (count, 3), any three as likely as others."""
    return torch.rand(count, length).argsort(dim=1)[:, :3].sort(dim=1).values


def first_three(count: int, length: int) -> Tensor:
    return torch.arange(3).expand(count, 3)


def last_three(count: int, length: int) -> Tensor:
    return length - 3 + first_three(count, length)


def neighbours(count: int, length: int) -> Tensor:
    return torch.arange(3) + torch.randint(length - 2, (count, 1))


def one_of(kinds: tuple[int, ...], count: int) -> Tensor:
    return ORDERS[torch.tensor(kinds)[torch.randint(len(kinds), (count,))]]  # (count, 3)


def asked(*, right=STEADY, wrong=OTHERS, frames: Callable = any_three, others: Callable | None = None):
    """Questions of other kinds: numbers of ORDERS for right and wrong ones, and the frames shown, of wrong ones too."""

    def questions(count: int, length: int) -> tuple[Tensor, Tensor]:
        yes = torch.rand(count) < 0.5
        shown = frames(count, length)
        if others is not None:
            shown = torch.where(yes[:, None], shown, others(count, length))
        order = torch.where(yes[:, None], one_of(right, count), one_of(wrong, count))
        return shown.gather(1, order), yes.long()

    return questions


questions = asked()


def read_off(count, length):
    """Any order, and then the answer that belongs to it."""
    shown = any_three(count, length).gather(1, one_of(tuple(range(6)), count))
    steps = shown.diff(dim=1)
    return shown, ((steps > 0).all(dim=1) | (steps < 0).all(dim=1)).long()


def exchanged(count, length):
    shown, answers = questions(count, length)
    return shown, 1 - answers


QUESTIONS = {
    "the answer is read off an order that may be any: only a third of the films are then in order, and whoever always "
    "says 'not in order' is right about two thirds.": read_off,
    "the wrong ones are shown in any order at all: a third are in order, and the answer says that they aren't.": (
        asked(wrong=tuple(range(6)))
    ),
    "backwards counts as not in order: nobody can know in which direction the film ran.": asked(
        right=(0,), wrong=(1, 2, 3, 4, 5)
    ),
    "the wrong ones are two frames swapped, and these may be the ends: then the three run the other way, and are in "
    "order.": asked(wrong=(1, 2, 5)),
    "the right ones all run in one direction: show half of them backwards, each film by its own draw.": (
        asked(right=(0,)),
        asked(right=(5,)),
    ),
    "not all four wrong orders are shown: a network need only learn those that are, and some of these can be told by "
    "two of the frames.": (
        asked(wrong=(1, 2)),
        asked(wrong=(1,)),
    ),
    "the answers are exchanged: 1 stands for in order.": exchanged,
    "the answers say nothing of the orders: draw the answer first, and then an order that fits.": asked(
        right=tuple(range(6)), wrong=tuple(range(6))
    ),
    "films with answer 0 are in order, too: for these the order is one of the four others.": (
        asked(right=STEADY, wrong=STEADY),
        asked(right=(0,), wrong=(0,)),
    ),
    "which frames are shown gives the answer away: a bag of frames could tell it without looking at the order.": (
        asked(others=last_three)
    ),
    "not any three frames are as likely as others: are they next to each other, the same ones for all films, always at "
    "an end or never at the last frame, or is each drawn from those after the one before?": asked(frames=neighbours),
}


def facts(result: tuple[Tensor, Tensor], count: int, length: int) -> tuple:
    """What holds of many questions, with shares rounded: to twelfths, and those among one answer to sixths."""
    frames, answers = result
    if not ((frames >= 0) & (frames < length)).all():
        raise Unfit(f"a film of {length} frames has the frames 0 to {length - 1}, and others came.")
    if (frames.sort(dim=1).values.diff(dim=1) == 0).any():
        raise Unfit("a film shows the same frame twice: draw three different ones (without putting them back).")
    if not torch.isin(answers, torch.tensor([0, 1])).all():
        raise Unfit("an answer is neither 0 nor 1.")
    if (answers == answers[0]).all():
        raise Unfit("all films get the same answer: draw it for each film by itself.")
    up = (frames[:, :-1] < frames[:, 1:]).long()  # (count, 2)
    kinds = 4 * up[:, 0] + 2 * up[:, 1] + (frames[:, 0] < frames[:, 2])  # 7 is forwards, 0 backwards
    shares = [share(kinds[answers == answer] == kind, 6) for answer in (1, 0) for kind in (7, 0)]
    others = kinds[(answers == 0) & (kinds > 0) & (kinds < 7)].bincount(minlength=7)[2:6]
    alike = bool(others.max() - others.min() < 0.1 * others.sum())
    sets = (2**frames).sum(dim=1).unique(return_inverse=True)[1]
    same = among(sets, answers == 1, answers == 0)
    expected = len(list(itertools.combinations(range(length), 3)))
    even = same and bool(((sets.bincount(minlength=expected) / count - 1 / expected).abs() < 0.3 / expected).all())
    return share(answers == 1, 12), torch.tensor(shares), float(alike), float(same), float(even)


def share(chosen: Tensor, parts: int) -> float:
    return round(parts * chosen.float().mean().item()) / parts


def among(sets: Tensor, one: Tensor, other: Tensor) -> bool:
    """Whether two groups of films show about the same sets of frames alike often."""
    counts = [sets[group].bincount(minlength=int(sets.max()) + 1) / group.sum() for group in (one, other)]
    return bool((counts[0] - counts[1]).abs().max() < 0.06)


def one_film(answer: Callable) -> str | None:
    frames, answers = answer(1, 4)
    if tuple(frames.shape) == (1, 3) and tuple(answers.shape) == (1,):
        return None
    shapes = f"{tuple(frames.shape)} and {tuple(answers.shape)}"
    return f"for a single film the shapes must be (1, 3) and (1,), and {shapes} came."


def long_films(answer: Callable) -> str | None:
    frames, _ = answer(301, 30)
    last = int(frames.max())
    return None if last > 25 else f"films of 30 frames show none after frame {last}: any three frames are as likely."


FACTS = (
    "the share of films with answer 1, about",
    "the shares of forwards and backwards, first where the answer is 1, then where it is 0, about",
    "all four wrong orders alike often (1 is yes)",
    "the same frames for both answers (1 is yes)",
    "any three frames alike often (1 is yes)",
)

# --- Even light, each a function of (films)


def bright(films: Tensor, over: tuple[int, ...] = (2, 3, 4)) -> Tensor:
    return films.mean(dim=over, keepdim=True)


def scaled(films: Tensor, goal: Tensor, brightness: Tensor) -> Tensor:
    return films * goal / brightness.clamp(min=1e-12)


def even(films: Tensor) -> Tensor:
    return scaled(films, bright(films, (1, 2, 3, 4)), bright(films))


def each_to(goal: Callable[[Tensor], Tensor]):
    return lambda films: scaled(films, goal(films), bright(films))


def added(amount: float):
    return lambda films: films * bright(films, (1, 2, 3, 4)) / (bright(films) + amount)


def without_black(films):
    """Each frame to the mean of its film's other frames than black ones."""
    brightness = bright(films)
    seen = (brightness > 0).float()
    return scaled(
        films, (brightness * seen).sum(dim=1, keepdim=True) / seen.sum(dim=1, keepdim=True).clamp(min=1), brightness
    )


def again_and_again(films):
    """The film's mean is taken anew after each frame that was changed."""
    films = films.clone()
    for t in range(films.shape[1]):
        films[:, t] *= (films.mean(dim=(1, 2, 3, 4)) / films[:, t].mean(dim=(1, 2, 3)).clamp(min=1e-12)).view(
            -1, 1, 1, 1
        )
    return films


def dim_as_black(least: float):
    return (
        lambda films: films * bright(films, (1, 2, 3, 4)) / bright(films).clamp(min=least),
        lambda films: torch.where(bright(films) < least, 0.0, even(films)),
    )


def standardised(over: tuple[int, ...], more: float, correction: int = 1):
    def wrong(films):
        return (films - bright(films, over)) / (films.std(dim=over, keepdim=True, correction=correction) + more)

    return wrong


LIGHT = {
    "nothing is evened: one number for the whole film leaves its frames as unlike as they were.": (
        lambda films: films,
        lambda films: scaled(films, bright(films, (0, 1, 2, 3, 4)), bright(films, (1, 2, 3, 4))),
        lambda films: films / bright(films, (1, 2, 3, 4)).clamp(min=1e-12),
    ),
    "the frames are shifted, not multiplied: a lamp multiplies, so what is left of it still shows in the contrast.": (
        lambda films: films - bright(films) + bright(films, (1, 2, 3, 4)),
        lambda films: films - bright(films),
    ),
    "each channel gets a number of its own: colours change with it. One number a frame.": (
        lambda films: scaled(films, bright(films, (1, 3, 4)), bright(films, (3, 4))),
        lambda films: scaled(films, bright(films, (1, 2, 3, 4)), bright(films, (3, 4))),
    ),
    "the frames all get mean 1, or another number that is the same for all films: each film shall stay as bright as it "
    "was, on average.": (
        each_to(lambda films: torch.ones(())),
        each_to(lambda films: torch.tensor(0.5)),
    ),
    "all films are brought to the mean of the whole batch: a film's light would depend on its neighbours.": each_to(
        lambda films: bright(films, (0, 1, 2, 3, 4))
    ),
    "frames of the same number are averaged over all films: each frame of each film has a mean of its own.": (
        lambda films: scaled(films, bright(films, (1, 2, 3, 4)), bright(films, (0, 2, 3, 4))),
        lambda films: scaled(films, bright(films, (0, 1, 2, 3, 4)), bright(films, (0, 2, 3, 4))),
    ),
    "dim frames are taken for black ones: they must come to the film's mean, too, only all black ones can't.": tuple(
        wrong for least in (0.01, 0.02, 0.05, 0.1) for wrong in dim_as_black(least)
    ),
    "a black frame doesn't stay black.": (
        lambda films: torch.where(bright(films) == 0, bright(films, (1, 2, 3, 4)), even(films)),
        lambda films: torch.where(bright(films) == 0, 1.0, even(films)),
    ),
    "the film's mean is taken again after some of its frames were changed: take it once, before.": again_and_again,
    "the ratio is turned round: what is bright gets brighter still.": (
        lambda films: films * bright(films) / bright(films, (1, 2, 3, 4)).clamp(min=1e-12)
    ),
    "every pixel gets its own number, over time: that takes the motion away with the lamp.": (
        lambda films: scaled(films, bright(films, (1,)), films),
        lambda films: scaled(films, bright(films, (1, 2, 3, 4)), bright(films, (1,))),
    ),
    "the frames are brought to the light of a single frame, and not to the mean of the film.": (
        each_to(lambda films: bright(films)[:, :1]),
        each_to(lambda films: bright(films)[:, -1:]),
        each_to(lambda films: bright(films).amax(dim=1, keepdim=True)),
    ),
    "what is above 1 is cut off: frames then differ again in their mean.": lambda films: even(films).clamp(max=1),
    "a number is added to the divisor, so the means of the frames aren't the same: treat black ones by themselves.": (
        tuple(added(amount) for amount in (1e-3, 1e-2, 0.02, 0.1, 1.0))
    ),
    "the frames get mean 0 and deviation 1, as in the lesson's EvenLight: here only the light is evened.": tuple(
        standardised(over, more, correction)
        for over in ((3, 4), (2, 3, 4))
        for more in (0.02, 1e-6)
        for correction in (1, 0)
    ),
    "black frames are left out of the film's mean: it is over all of its frames.": without_black,
    "it is the brightest value that is evened: take the mean, which a small thing hardly changes.": (
        lambda films: scaled(
            films, films.amax(dim=(1, 2, 3, 4), keepdim=True), films.amax(dim=(2, 3, 4), keepdim=True)
        ),
        lambda films: scaled(films, torch.ones(()), films.amax(dim=(2, 3, 4), keepdim=True)),
    ),
}


def light_cases() -> list[tuple]:
    """Films under a lamp; in the first case one is black, one has a black frame, one a dim one."""
    lamp = torch.tensor([0.4, 1.0, 0.7, 0.9])[:, None, None, None]
    films = drawn(4, 4, 3, 5, 6, seed=1).sigmoid() * lamp * torch.tensor([0.9, 0.1, 1, 1]).view(4, 1, 1, 1, 1)
    films[2] = 0
    films[3, 1] = 0
    films[1, 3] *= 0.16  # dim, and not black: its mean is below 0.01
    darker = torch.tensor([2.0, -3.0, 1.0])[:, None, None, None]  # what is drawn in a frame; one grows beyond 1
    return [(films,), ((2 * drawn(2, 3, 3, 4, 4, seed=2) + darker).sigmoid(),)]


# --- The slope of a place, each a function of (shares)


def columns_and_rows(shares: Tensor, low: float = -1, high: float | None = 1) -> Tensor:
    """x and y of every pixel, (2, H, W); up to the last pixel's number where `high` is None."""
    height, width = shares.shape
    x = torch.linspace(low, width - 1 if high is None else high, width)
    y = torch.linspace(low, height - 1 if high is None else high, height)
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])


def centre(shares: Tensor, places: Tensor) -> Tensor:
    return (shares * places).sum(dim=(1, 2), keepdim=True)  # (2, 1, 1)


def place_slope(shares: Tensor, low: float = -1, high: float | None = 1) -> Tensor:
    places = columns_and_rows(shares, low, high)
    return shares * (places - centre(shares, places))


def with_places(slope: Callable[[Tensor, Tensor, Tensor], Tensor]):
    """Another formula in shares (H, W), places (2, H, W) and the centre (2, 1, 1)."""

    def wrong(shares):
        places = columns_and_rows(shares)
        return slope(shares, places, centre(shares, places))

    return wrong


SLOPE = {
    "the centre isn't taken off, or not the one weighted by the shares: to raise one value lowers all other shares, "
    "and these stand at the weighted centre on average.": with_places(lambda shares, places, centre: shares * places),
    "that is the slope with respect to the shares: go one step on, through the softmax, to the map.": with_places(
        lambda shares, places, centre: places
    ),
    "the share of the pixel is missing: a value that hardly counts hardly moves the place.": with_places(
        lambda shares, places, centre: places - centre
    ),
    "only the pixel's own share is followed: to raise one value lowers the shares of all others, too.": with_places(
        lambda shares, places, centre: shares * (1 - shares) * places
    ),
    "only the others' shares are followed: the pixel's own share grows.": (
        with_places(lambda shares, places, centre: -shares * centre),
        with_places(lambda shares, places, centre: -shares * (centre - shares * places)),
    ),
    "the pixel's own share is taken off twice: in s (1 - s) x, and in the sum over all pixels once more.": with_places(
        lambda shares, places, centre: shares * (1 - shares) * places - shares * centre
    ),
    "the share in front of the sum over the other pixels is missing: it is in each of their slopes.": (
        with_places(lambda shares, places, centre: shares * places - centre),
        with_places(lambda shares, places, centre: shares * places - shares**2 * places - (centre - shares * places)),
    ),
    "the centre isn't summed over all pixels, for x and for y by itself.": (
        with_places(lambda shares, places, centre: shares * (places - centre.sum())),
        with_places(lambda shares, places, centre: shares * (places - (shares * places).sum(dim=2, keepdim=True))),
        with_places(lambda shares, places, centre: shares * (places - (shares * places).sum(dim=1, keepdim=True))),
    ),
    "the rows are counted upwards: y is -1 at the top.": lambda shares: (
        place_slope(shares) * torch.tensor([1.0, -1.0])[:, None, None]
    ),
    "the first and last pixel aren't at -1 and 1: the even steps are 2 / (W - 1) and 2 / (H - 1).": lambda shares: (
        place_slope(shares) * torch.tensor([1 - 1 / side for side in shares.shape[::-1]])[:, None, None]
    ),
    "the sign is turned round: a higher value draws the place to its pixel.": lambda shares: -place_slope(shares),
    "places are counted in pixels, or from 0 to 1: they go from -1 to 1.": (
        lambda shares: place_slope(shares, 0, None),
        lambda shares: place_slope(shares, 0, 1),
    ),
    "x and y are exchanged: first the slope of x, which depends on the column.": lambda shares: place_slope(
        shares
    ).flip(0),
    "the softmax is taken once more: shares are what comes out of it.": (
        lambda shares: place_slope(shares.flatten().softmax(dim=0).view_as(shares))
    ),
    "it is divided by the number of pixels: the place is a sum over them, not a mean.": (
        lambda shares: place_slope(shares) / shares.numel()
    ),
    "the share stands there twice.": with_places(lambda shares, places, centre: shares**2 * (places - centre)),
    "the share of the pixel is multiplied by 1 - share, as in the slope of one share: here all shares move, and the "
    "distance to the centre says it all.": with_places(
        lambda shares, places, centre: shares * (1 - shares) * (places - centre)
    ),
}


def slope_cases() -> list[tuple]:
    maps = 1.5 * drawn(4, 5, seed=1), drawn(3, 7, seed=2)
    return [(values.flatten().softmax(dim=0).view_as(values),) for values in maps]


# --- Surprise without a network, each a function of (places, usual)


def lengths(differences: Tensor) -> Tensor:
    return differences.norm(dim=2)


def missed(places: Tensor) -> Tensor:
    """How far each place is from where the last step would lead: (N, T, 2) -> (N, T - 2)."""
    return lengths(places.diff(dim=1).diff(dim=1))


def root_mean_square(errors: Tensor) -> Tensor:
    return errors.square().mean().sqrt()


def surprise(places: Tensor, usual: Tensor) -> Tensor:
    return F.pad(missed(places) / root_mean_square(missed(usual)), (2, 0))


def by_errors(error: Callable[[Tensor], Tensor], pad: tuple[int, int] = (2, 0)):
    """Another error of a film's frames, divided by the root mean square of the usual films' ones."""
    return lambda places, usual: F.pad(error(places) / root_mean_square(error(usual)), pad)


def against(usual_error: Callable[[Tensor, Tensor], Tensor]):
    """The same error, divided by another usual one, of the errors of these films and of the usual films."""
    return lambda places, usual: F.pad(missed(places) / usual_error(missed(places), missed(usual)), (2, 0))


def stayed(places: Tensor) -> Tensor:
    return lengths(places.diff(dim=1))


def in_length(places: Tensor) -> Tensor:
    return stayed(places).diff(dim=1).abs()


SURPRISE = {
    "it is expected to stay where it was: from the last two places the step is known, and it goes on with it.": (
        by_errors(lambda places: stayed(places)[:, 1:]),
        by_errors(stayed, (1, 0)),
        by_errors(lambda places: stayed(places)[:, :-1]),
    ),
    "the surprise comes too early: it belongs to the frame that came otherwise than was expected, two "
    "frames after the first at the earliest.": (
        by_errors(missed, (1, 1)),
        by_errors(missed, (0, 2)),
    ),
    "the step is taken from the first two frames for the whole film: it is the last one known, anew for every frame.": (
        by_errors(lambda places: lengths(places[:, 2:] - places[:, 1:-1] - (places[:, 1:2] - places[:, :1]))),
        by_errors(
            lambda places: lengths(
                places[:, 2:]
                - places[:, :1]
                - torch.arange(2.0, places.shape[1])[:, None] * (places[:, 1:2] - places[:, :1])
            )
        ),
    ),
    "the step is turned round: it goes from the earlier place to the later one.": by_errors(
        lambda places: lengths(places[:, 2:] - places[:, :-2])
    ),
    "a root is missing in the distance: it is the root of the sum of squares.": (
        by_errors(lambda places: missed(places).square()),
        lambda places, usual: F.pad(missed(places) ** 2 / root_mean_square(missed(usual)), (2, 0)),
    ),
    "the usual error is the root of a sum: take the mean of the squares.": against(lambda errors, usual: usual.norm()),
    "each ordinary film has a usual error, and the mean of these is taken: take one over all at once.": (
        against(lambda errors, usual: usual.square().mean(dim=1).sqrt().mean()),
        against(lambda errors, usual: root_mean_square(usual.mean(dim=1))),
    ),
    "of the ordinary films only as many frames are used as the others have: all of them count.": (
        lambda places, usual: surprise(places, usual[:, : places.shape[1]])
    ),
    "it isn't divided by the usual error, so it is in pixels.": lambda places, usual: F.pad(missed(places), (2, 0)),
    "the usual error is the mean: asked for is the root of the mean square, to which large errors add more.": against(
        lambda errors, usual: usual.mean()
    ),
    "the usual error is the median, or the largest one: asked for is the root of the mean square.": (
        against(lambda errors, usual: usual.median()),
        against(lambda errors, usual: usual.max()),
    ),
    "the usual error is the deviation of the errors from their mean: asked for is the root of their mean square.": (
        against(lambda errors, usual: usual.std()),
        against(lambda errors, usual: usual.std(correction=0)),
    ),
    "the root is missing: it is divided by the mean square.": against(lambda errors, usual: usual.square().mean()),
    "x and y are averaged in one of the errors and not in the other: take the distance for both.": (
        against(lambda errors, usual: root_mean_square(usual) / 2**0.5),
        against(lambda errors, usual: root_mean_square(usual) * 2**0.5),
    ),
    "the usual step is taken for the usual error: what is usual is how far from the expected place it came.": (
        lambda places, usual: F.pad(missed(places) / root_mean_square(stayed(usual)), (2, 0))
    ),
    "it is squared: an error of twice the usual one has surprise 2.": lambda places, usual: (
        surprise(places, usual) ** 2
    ),
    "the usual error is subtracted: divide by it.": lambda places, usual: F.pad(
        missed(places) - root_mean_square(missed(usual)), (2, 0)
    ),
    "the films are measured against themselves: the ordinary films say what is usual.": (
        against(lambda errors, usual: root_mean_square(errors)),
        against(lambda errors, usual: errors.square().mean(dim=1, keepdim=True).sqrt()),
    ),
    "each frame has a usual error of its own: take one over all frames of all ordinary films.": against(
        lambda errors, usual: usual.square().mean(dim=0).sqrt()[: errors.shape[1]]
    ),
    "the first two frames count as usual errors of 0: nothing was expected of them, so leave them out of the mean.": (
        lambda places, usual: F.pad(missed(places) / root_mean_square(F.pad(missed(usual), (2, 0))), (2, 0))
    ),
    "the errors in x and y are added: the distance is the root of the sum of their squares.": by_errors(
        lambda places: places.diff(dim=1).diff(dim=1).abs().sum(dim=2)
    ),
    "only the length of the steps is compared: a turn at the same speed would surprise nobody.": by_errors(in_length),
    "the first two frames are left out: they have surprise 0, so that frame t stands at place t.": (
        lambda places, usual: surprise(places, usual)[:, 2:]
    ),
}


def surprise_cases() -> list[tuple]:
    """Paths that turn and hurry; more frames in the ordinary films of the second case, fewer in the third's."""

    def paths(*shape: int, seed: int) -> Tensor:
        return 16 + (drawn(*shape, seed=seed) + 0.5 * drawn(shape[0], 1, 2, seed=seed + 1)).cumsum(dim=1)

    return [
        (paths(3, 6, 2, seed=1), paths(5, 6, 2, seed=3)),
        (paths(2, 5, 2, seed=5), 2 * paths(4, 8, 2, seed=7)),
        (paths(4, 7, 2, seed=9), paths(2, 4, 2, seed=11)),
    ]


# --- What came before, each a function of (features, past)


def windows(features: Tensor, past: int) -> tuple[Tensor, Tensor]:
    seen = features.unfold(1, past, 1)[:, :-1].transpose(2, 3)  # (N, T - past, past, D)
    return seen.flatten(0, 1), features[:, past:].flatten(0, 1)


def in_one_row(features, past):
    row = features.flatten(0, 1)
    return row.unfold(0, past, 1)[:-1].transpose(1, 2), row[past:]


def as_many(features, past):
    """As in one row, with as many pairs as there should be."""
    count = len(features) * (features.shape[1] - past)
    return tuple(part[:count] for part in in_one_row(features, past))


def both_slips(features, past):
    row = features.flatten(0, 1)
    return row.unfold(0, past, 1).transpose(1, 2), row[past - 1 :]


def last_seen(features, past):
    seen = features.unfold(1, past, 1).transpose(2, 3)  # (N, T - past + 1, past, D)
    return seen.flatten(0, 1), features[:, past - 1 :].flatten(0, 1)


def one_too_many(features, past):
    """The last window of each film has no frame that follows."""
    return features.unfold(1, past, 1).transpose(2, 3).flatten(0, 1), features[:, past:].flatten(0, 1)


def told_backwards(features, past):
    return tuple(part.flip(1) if part.ndim == 3 else part for part in windows(features.flip(1), past))


def rewound(change: Callable[[Tensor], Tensor]):
    """The right windows, and something else in the seen frames."""

    def wrong(features, past):
        seen, following = windows(features, past)
        return change(seen), following

    return wrong


def without_last(features, past):
    return windows(features[:, :-1], past)


def one_too_late(features, past):
    seen, following = windows(features, past + 1)
    return seen[:, :-1], following


def side_by_side(features, past):
    """Each window begins where the last has ended."""
    starts = range(0, features.shape[1] - past, past)
    seen = torch.stack([features[:, start : start + past] for start in starts], dim=1)
    following = torch.stack([features[:, start + past] for start in starts], dim=1)
    return seen.flatten(0, 1), following.flatten(0, 1)


def by_frames(function: Callable):
    """The same pairs, those of the first time in all films before those of the next."""

    def reordered(features, past):
        parts = (part.unflatten(0, (len(features), -1)) for part in function(features, past))
        return tuple(part.transpose(0, 1).flatten(0, 1) for part in parts)

    return reordered


def mixed_rows(features, past):
    seen, _ = windows(features, past)
    return seen, by_frames(windows)(features, past)[1]


def not_flat(features, past):
    return tuple(part.unflatten(0, (len(features), -1)) for part in windows(features, past))


WINDOWS = {
    "both slips are still there: some windows reach from one film into the next, and what follows is the last frame "
    "that is seen.": both_slips,
    "some windows still reach from one film into the next: cut each film by itself.": (in_one_row, as_many),
    "what follows is still one of the frames that are seen: it can be copied, and nothing would ever surprise.": (
        last_seen,
        by_frames(last_seen),
        lambda features, past: (windows(features, past)[0], features[:, :-past].flatten(0, 1)),
        lambda features, past: (
            windows(features, past)[0],
            features[:, past - 1 : -1].flatten(0, 1),
        ),
        lambda features, past: tuple(
            part.unflatten(0, (len(features), -1))[:, 1:].flatten(0, 1) for part in last_seen(features, past)
        ),
    ),
    "there are more windows than frames that follow: no frame follows the last window of a film.": (
        one_too_many,
        by_frames(one_too_many),
    ),
    "the frame before each window is told: asked for is the one that follows.": told_backwards,
    "the frames seen and their numbers are exchanged: each window is (past, D).": (
        rewound(lambda seen: seen.transpose(1, 2)),
        rewound(lambda seen: seen.transpose(1, 2).reshape(seen.shape)),
    ),
    "the last frame of each film is never told: with T frames there are T - past windows.": (
        without_last,
        by_frames(without_last),
    ),
    "a frame is left out between what is seen and what follows: it follows at once.": (
        one_too_late,
        by_frames(one_too_late),
    ),
    "the windows run backwards: the latest frame stands last.": rewound(lambda seen: seen.flip(1)),
    "the windows lie side by side: a new one begins with every frame.": (side_by_side, by_frames(side_by_side)),
    "the rows don't belong together: each window is right by itself, but beside it is what follows another, as if one "
    "goes film by film and the other frame by frame.": mixed_rows,
    "films and windows are two axes: make one of both.": not_flat,
}


def pairs(result: tuple[Tensor, Tensor], features: Tensor, past: int) -> tuple[Tensor, Tensor, Tensor]:
    """What is seen, what follows, and both side by side: rows in an order that depends on the values alone."""
    seen, following = (part.flatten(1).double() for part in result)
    return tuple(in_their_order(rows) for rows in (seen, following, torch.cat([seen, following], dim=1)))


def in_their_order(rows: Tensor) -> Tensor:
    return rows[torch.tensor(sorted(range(len(rows)), key=rows.tolist().__getitem__))]


def windows_cases() -> list[tuple]:
    return [(drawn(3, 6, 4, seed=1), 2), (drawn(2, 5, 3, seed=2), 3), (drawn(1, 4, 1, seed=3), 1)]


FALLING, RULE = 0.4, 0.87

EXERCISES: dict[str, Exercise] = {
    "sorting": Number(
        right=3 / 60,
        because="at an outer place or next to one, which are four of five, 24 answers are left, and in the middle 12: "
        "4/5 / 24 + 1/5 / 12. Or at once: 60 answers, in three groups that it tells apart: one right in each.",
        slips={
            1
            / 24: "24 answers are left wherever it stands: if it stands in the middle, it does so in the reverse, too, "
            "and the 24 orders are 12 answers.",
            1 / 12: "12 answers are left wherever it stands: at an outer place the reverse has it at the other one, so "
            "the 24 orders are 24 answers.",
            1 / 60: "nothing is known, or one of the two cases is left out: where the third frame stands leaves fewer "
            "answers, and in both cases some are right.",
            1 / 21.6: "the numbers of answers left are averaged: average the chances to be right.",
            1 / 16: "both cases are alike likely: of five places one is the middle.",
            1 / 18: "outer place, next to one and middle are alike likely: of five places one is the middle.",
            4 / 5 / 12 + 1 / 5 / 24: "the two cases are exchanged: in which one is the reverse of an order among them?",
            4 / 5 / 24: "the case of the middle is left out: add its part.",
            1 / 120: "all 120 orders are answers, and nothing is known: an order and its reverse are one answer.",
            1 / 5: "the place of one frame is guessed: it is known, and the other frames are guessed.",
            5.0: "it is in per cent: give a number from 0 to 1.",
            20.0: "it is turned round: an accuracy is at most 1.",
        },
        tolerance=0.001,
    ),
    "questions": Function(
        reference=questions,
        cases=lambda: [(3000, 5), (3001, 3)],
        mistakes=QUESTIONS,
        probes=(one_film, long_films),
        praise="nothing but the order tells the answer: a guess is right about a half, and so is a bag of frames.",
        measure=facts,
        parts=FACTS,
        whole=True,
    ),
    "light": Function(
        reference=even,
        cases=light_cases,
        mistakes=LIGHT,
        praise="the frames of a film are equally bright, in their own colours, and a lamp leaves no trace.",
    ),
    "slope": Function(
        reference=place_slope,
        cases=slope_cases,
        mistakes=SLOPE,
        praise="each pixel draws the place to itself, by its share and by how far it is from it.",
        tolerance=1e-5,
    ),
    "surprise": Function(
        reference=surprise,
        cases=surprise_cases,
        mistakes=SURPRISE,
        praise="1 is what ordinary films do to this observer, and two frames must pass before anything is expected.",
    ),
    "mixture": Number(
        right=FALLING * RULE + (1 - FALLING) / 2,
        because="0.4 of the films at 0.87, and 0.6 at 0.5, since there the question has no answer.",
        slips={
            1 - FALLING * RULE - (1 - FALLING) / 2: "it is how often the rule is wrong.",
            FALLING * RULE + 0.5: "the half is of all films: it is of the 60 % in which nothing falls.",
            FALLING * RULE
            + (1 - FALLING) * (1 - RULE): "where nothing falls the rule is wrong about 87 %: there it is a guess.",
            0.6633: "it is what the cell below counts in 600 films, with chance in it: compute it from the two shares.",
            FALLING * RULE: "the films in which nothing falls are counted as wrong: half of them are right by chance.",
            RULE: "all films fall: only 40 % do.",
            (RULE + 0.5) / 2: "both kinds count alike: 40 % fall and 60 % don't.",
            (1 - FALLING) * RULE + FALLING / 2: "the shares are exchanged: 40 % fall.",
            FALLING * RULE + 1 - FALLING: "all films in which nothing falls are counted as right: half of them are.",
            100 * (FALLING * RULE + (1 - FALLING) / 2): "it is in per cent: give a number from 0 to 1.",
            0.5: "the films that fall are guessed: there the rule is right about 87 %.",
        },
        tolerance=0.0032,
    ),
    "windows": Function(
        reference=windows,
        cases=windows_cases,
        mistakes=WINDOWS,
        praise="every frame after the first few is told once, from its own film alone.",
        measure=pairs,
        parts=("the windows, sorted", "what follows, sorted", "each window beside what follows it, sorted"),
    ),
    "confound": Choice(
        right="b",
        because="only the backwards films were saved a second time, which leaves traces in every picture, whether or "
        "not anything moves. Turn films round while they are read, after everything else, or save both kinds anew.",
        others={
            "a": "light is a suspect, always; but the frames were evened, and in a picture that is repeated no light "
            "grows. The last row must have another cause.",
            "c": "which films are turned round was drawn by lot, so both kinds show the same things.",
            "d": "many films have an arrow. And if these had none, that would make the high numbers more "
            "suspicious, and not explain them.",
        },
    ),
}
