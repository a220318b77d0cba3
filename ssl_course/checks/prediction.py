"""Exercises of lesson 14: the paper's context, easy targets, SIGReg's floor and slope, errors by step, plans."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.checks.engine import Choice, Exercise, Function, Number, by_hand


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- The context of the paper, each a function of (large, blocks, rows, columns)


def covered(boxes: Tensor, rows: int, columns: int, further: int = 0) -> Tensor:
    """Which patches lie inside of boxes (..., 4) of top, left, height, width: bool (..., rows, columns)."""
    top, left, height, width = (part[..., None, None] for part in boxes.unbind(dim=-1))
    row, column = torch.arange(rows)[:, None], torch.arange(columns)
    below, right = top + height + further, left + width + further
    return (row >= top) & (row < below) & (column >= left) & (column < right)


def cut_to_the_fewest(kept: Tensor) -> Tensor:
    """The places of the first patches of each picture, as many as the poorest has: bool (B, L) -> int64 (B, V)."""
    return torch.stack([row.nonzero()[: int(kept.sum(dim=1).min()), 0] for row in kept])


def first_of_the_others(kept: Tensor, outside: Tensor) -> Tensor:
    """Who has nothing left takes all patches outside of its blocks."""
    return torch.where(kept.any(dim=1, keepdim=True), kept, outside)


def context_of(
    *,
    box: Callable = covered,
    hidden: Callable = lambda inside: inside.any(dim=1),
    within: Callable = lambda large, free: large & free,
    rescue: Callable = first_of_the_others,
    cut: Callable = cut_to_the_fewest,
):
    """The context, with something else for: a box, what is hidden, what is kept of it, an empty one, the cut."""

    def places(large, blocks, rows, columns):
        free = ~hidden(box(blocks, rows, columns))  # (B, rows, columns)
        kept = within(box(large, rows, columns), free)
        return cut(rescue(kept.flatten(1), free.flatten(1)))

    return places


context = context_of()


def sides_exchanged(boxes: Tensor, rows: int, columns: int) -> Tensor:
    return covered(boxes[..., [0, 1, 3, 2]], rows, columns)


def corners_exchanged(boxes: Tensor, rows: int, columns: int) -> Tensor:
    return covered(boxes[..., [1, 0, 2, 3]], rows, columns)


def last_of_each(kept: Tensor) -> Tensor:
    fewest = int(kept.sum(dim=1).min())
    return torch.stack([row.nonzero()[len(row.nonzero()) - fewest :, 0] for row in kept])


def filled(value: int | None):
    """Shorter rows are filled up to the longest, with a value or with their own last place."""

    def places(kept):
        lists = [row.nonzero()[:, 0].tolist() for row in kept]
        longest = max(map(len, lists))
        return torch.tensor([row + [row[-1] if value is None else value] * (longest - len(row)) for row in lists])

    return places


def down_the_columns(large, blocks, rows, columns):
    def cut(kept):
        fewest = int(kept.sum(dim=1).min())
        turned = kept.unflatten(1, (rows, columns)).transpose(1, 2).flatten(1)
        return torch.stack([row.nonzero()[:fewest, 0] for row in turned])

    return context_of(cut=cut)(large, blocks, rows, columns)


def all_patches(kept: Tensor, outside: Tensor) -> Tensor:
    return first_of_the_others(kept, torch.ones_like(kept))


def whole_block(large, blocks, rows, columns):
    """Who has nothing left takes its large block, targets and all."""
    inside = covered(large, rows, columns).flatten(1)
    return context_of(rescue=lambda kept, outside: first_of_the_others(kept, inside))(large, blocks, rows, columns)


def by_areas(large, blocks, rows, columns):
    """As many as the large block has, less the areas of all targets: where these overlap, too few."""
    areas = large[:, 2] * large[:, 3] - (blocks[..., 2] * blocks[..., 3]).sum(dim=1)
    return context(large, blocks, rows, columns)[:, : max(1, int(areas.min()))]


def inside_of_the_block(large, blocks, rows, columns):
    """Each place less that of its block's corner, in a grid as wide as the block."""
    top, left, _, width = large.unbind(dim=1)
    free = ~covered(blocks, rows, columns).any(dim=1)
    kept = covered(large, rows, columns) & free
    alone = ~kept.flatten(1).any(dim=1)
    lists = []
    for table, outside, y, x, wide, empty in zip(kept, free, top, left, width, alone, strict=True):
        row, column = table.nonzero(as_tuple=True)
        lists.append(outside.flatten().nonzero()[:, 0] if empty else (row - y) * wide + column - x)
    return torch.stack([places[: min(map(len, lists))] for places in lists])


def by_rows(large, blocks, rows, columns):
    places = context(large, blocks, rows, columns)
    return places // columns * rows + places % columns


def as_corners(boxes: Tensor, rows: int, columns: int) -> Tensor:
    """Boxes of top, left, bottom, right."""
    return covered(torch.cat([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], dim=-1), rows, columns)


def spread_out(kept: Tensor) -> Tensor:
    """From the first to the last place of each, evenly."""
    fewest, lists = int(kept.sum(dim=1).min()), [row.nonzero()[:, 0] for row in kept]
    return torch.stack([places[torch.linspace(0, len(places) - 1, fewest).long()] for places in lists])


CONTEXT = {
    "nothing is taken away: no patch of a target may be in the context, or it could be copied.": context_of(
        within=lambda large, free: large
    ),
    "the context is all that the targets leave: it lies inside of the large block, too.": context_of(
        within=lambda large, free: free
    ),
    "only one target is taken away: the context lies outside of all of them.": (
        context_of(hidden=lambda inside: inside[:, 0]),
        context_of(hidden=lambda inside: inside[:, -1]),
    ),
    "only where all targets overlap is a patch taken away: one target is enough.": context_of(
        hidden=lambda inside: inside.all(dim=1)
    ),
    "the targets of all pictures are taken away from each: a picture has its own.": context_of(
        hidden=lambda inside: inside.any(dim=1).any(dim=0, keepdim=True).expand(len(inside), -1, -1)
    ),
    "what is kept lies in the targets: it is the other part.": context_of(within=lambda large, free: large & ~free),
    "an empty context stays empty, so the whole batch is cut to nothing: such a picture takes all that lies outside "
    "of its targets.": context_of(rescue=lambda kept, outside: kept),
    "a picture whose context is empty gets patches of its targets: it takes only what lies outside of them.": (
        context_of(rescue=all_patches),
        whole_block,
    ),
    "every picture gets all that lies outside of its targets as soon as one has nothing left: only that one does.": (
        context_of(rescue=lambda kept, outside: kept if kept.any(dim=1).all() else outside)
    ),
    "the last ones of each are kept: cut to the first.": context_of(cut=last_of_each),
    "the shorter ones are filled up: an invented place would be seen as a patch. Cut all to the shortest.": tuple(
        context_of(cut=filled(value)) for value in (0, -1, None)
    ),
    "places are counted inside of the large block: a place is one of the whole grid.": inside_of_the_block,
    "a place is row times the number of rows: it is row times the number of columns, and the column.": by_rows,
    "places are counted from 1: the first patch has place 0.": lambda *given: context(*given) + 1,
    "a box is read as two corners: it is top, left, height, width.": context_of(box=as_corners),
    "places are drawn by lot, or spread: keep the first of each.": context_of(cut=spread_out),
    "a box is read as left, top, width, height: it is top, left, height, width.": context_of(
        box=lambda boxes, rows, columns: covered(boxes[..., [1, 0, 3, 2]], rows, columns)
    ),
    "height and width are exchanged: a box is top, left, height, width.": context_of(box=sides_exchanged),
    "top and left are exchanged: a box is top, left, height, width.": context_of(box=corners_exchanged),
    "a box is one row and one column too large: it ends before top + height.": context_of(
        box=lambda boxes, rows, columns: covered(boxes, rows, columns, 1)
    ),
    "patches in two targets are counted twice, so too few are kept: count what is left, patch by patch.": by_areas,
    "it is a table of yes and no: return the places where it says yes, equally many of each picture.": (
        context_of(cut=lambda kept: kept),
        lambda large, blocks, rows, columns: context_of(cut=lambda kept: kept)(large, blocks, rows, columns).view(
            -1, rows, columns
        ),
    ),
    "places are counted down the columns: a place is row times the number of columns, and the column.": (
        down_the_columns
    ),
}


def context_cases() -> list[tuple]:
    """Grids whose sides differ; targets overlap; of the first batch, one picture has nothing left."""
    first = torch.tensor([[0, 1, 5, 7], [1, 0, 5, 6], [3, 4, 3, 4]])
    blocks = torch.tensor(
        [
            [[0, 0, 3, 2], [2, 3, 2, 3], [3, 3, 2, 3]],
            [[1, 1, 2, 3], [1, 2, 3, 2], [4, 4, 2, 3]],
            [[2, 3, 4, 3], [3, 5, 3, 3], [0, 6, 3, 2]],
        ]
    )
    second = torch.tensor([[0, 0, 6, 4], [2, 1, 5, 4]])
    others = torch.tensor([[[1, 0, 3, 2], [0, 1, 2, 3]], [[3, 2, 2, 3], [5, 0, 2, 2]]])
    return [(second, others, 8, 5), (first, blocks, 6, 8)]


# --- What isn't easy, each a function of tokens (B, L, D)


def rest(tokens):
    """What is left without the mean at each place and without the mean of each picture."""
    return tokens - tokens.mean(dim=0) - tokens.mean(dim=1, keepdim=True) + tokens.mean(dim=(0, 1))


REST = {
    "only the place's mean is gone: what is alike in a whole picture is still there.": lambda t: t - t.mean(dim=0),
    "only the picture's mean is gone: what is alike at a place is still there.": lambda t: (
        t - t.mean(dim=1, keepdim=True)
    ),
    "the mean of all tokens is taken away twice: it is in the place's mean and in the picture's. Add it once.": (
        lambda t: t - t.mean(dim=0) - t.mean(dim=1, keepdim=True)
    ),
    "the mean of all tokens is taken away three times: it is in both means already.": lambda t: (
        rest(t) - 2 * t.mean(dim=(0, 1))
    ),
    "the mean of all tokens is one number: it has D, one for each place of the width.": (
        lambda t: rest(t) - t.mean(dim=(0, 1)) + t.mean()
    ),
    "the mean of all tokens is added, though it is gone: who takes the second means of what the first left takes it "
    "away only once.": lambda t: rest(t) + t.mean(dim=(0, 1)),
    "nothing is taken away.": lambda t: t,
    "the sign is turned round: it is what is taken away less the tokens.": lambda t: -rest(t),
    "it is the sum of two rests: take both means away from one table.": lambda t: (
        2 * t - t.mean(dim=0) - t.mean(dim=1, keepdim=True)
    ),
    "only one number, the mean of everything, is gone.": lambda t: t - t.mean(),
    "only the mean of all tokens is gone.": lambda t: t - t.mean(dim=(0, 1)),
    "half of each mean is gone: both go as a whole.": lambda t: t - (t.mean(dim=0) + t.mean(dim=1, keepdim=True)) / 2,
    "it is what was to be taken away: return what is left.": lambda t: t - rest(t),
    "the means are over the width: a place's mean is over the pictures, a picture's over its places.": (
        lambda t: t - t.mean(dim=2, keepdim=True),
        lambda t: F.layer_norm(t, t.shape[-1:]),
        lambda t: t - t.mean(dim=2, keepdim=True) - t.mean(dim=1, keepdim=True) + t.mean(dim=(1, 2), keepdim=True),
        lambda t: t - t.mean(dim=2, keepdim=True) - t.mean(dim=0) + t.mean(dim=(0, 2), keepdim=True),
        lambda t: t - t.mean(dim=(0, 2), keepdim=True) - t.mean(dim=(1, 2), keepdim=True) + t.mean(),
    ),
    "it is brought to deviation 1 as well: only the means go.": lambda t: rest(t) / rest(t).std(),
}


def rest_cases() -> list[tuple]:
    made = []
    for (b, length, d), seed in (((5, 7, 4), 1), ((3, 4, 6), 5)):
        place, picture = 2 * drawn(1, length, d, seed=seed), 1.5 * drawn(b, 1, d, seed=seed + 1)
        made.append((drawn(b, length, d, seed=seed + 2) + place + picture + drawn(d, seed=seed + 3),))
    return made


# --- Copies in a sample

FLOOR = math.sqrt(2 * math.pi) * (1 - 1 / math.sqrt(3))  # the mean of T for samples of the standard normal
VIEWS, PICTURES = 4, 64

# --- The slope of the statistic at each sample, each a function of x (N,)


def slope_with(
    *, apart: float = 1.0, middle: float = 1.0, shared: float = 1.0, narrow: float = 2.0, wide: float = 4.0, root=1.0
):
    """The slope with factors at its two terms, at their sum over N, and with other widths of the two bells."""

    def slope(x):
        gaps = x[:, None] - x  # (N, N)
        pushes = (gaps * (-gaps.square() / narrow).exp()).sum(dim=1)
        pulls = x * (-x.square() / wide).exp()
        first = -2 * math.sqrt(2 * math.pi) / len(x) ** shared * pushes
        return root * (apart * first + middle * math.sqrt(math.pi) * pulls)

    return slope


slope = slope_with()


def value(x):
    apart = torch.exp(-(x[:, None] - x).square() / 2).sum() / len(x)
    constant = len(x) * math.sqrt(2 * math.pi / 3)
    return math.sqrt(2 * math.pi) * apart - 2 * math.sqrt(math.pi) * torch.exp(-x.square() / 4).sum() + constant


def gaps_forgotten(x):
    gaps = x[:, None] - x
    pushes = torch.exp(-gaps.square() / 2).sum(dim=1)
    return -2 * math.sqrt(2 * math.pi) / len(x) * pushes + math.sqrt(math.pi) * torch.exp(-x.square() / 4)


def table_of_pairs(x):
    gaps = x[:, None] - x
    return -2 * math.sqrt(2 * math.pi) / len(x) * gaps * torch.exp(-gaps.square() / 2)


def one_side(sign: int):
    """Only the samples behind or before a sample push it."""

    def slopes(x):
        table = table_of_pairs(x)
        return (table.triu() if sign > 0 else table.tril()).sum(dim=1) + slope_with(apart=0.0)(x)

    return slopes


SLOPE = {
    "every pair counts once: x_k stands in two of the pairs of the double sum, as n and as m.": slope_with(apart=0.5),
    "the samples pull each other: a slope with these signs would draw them together.": slope_with(apart=-1.0),
    "the middle pushes: its term stands with a minus, and its exponent brings another.": slope_with(middle=-1.0),
    "both signs are turned round: this is the way down, asked for is the slope.": slope_with(root=-1.0),
    "the pull is twice as large: the slope of x²/4 is x/2.": slope_with(middle=2.0),
    "the pull is half as large: there is a 2 before the root of pi, and the slope of x²/4 is x/2.": slope_with(
        middle=0.5
    ),
    "the first sum isn't divided by N.": slope_with(shared=0.0),
    "it is divided by N once too often: T isn't a mean.": (
        slope_with(shared=2.0),
        lambda x: slope(x) / len(x),
    ),
    "only the samples push: the second term has a slope, too.": slope_with(middle=0.0),
    "only the middle pulls: the first term has a slope, too.": slope_with(apart=0.0),
    "both bells are as wide as the second: the first has its square over 2.": slope_with(narrow=4.0),
    "both bells are as narrow as the first: the second has its square over 4.": slope_with(wide=2.0),
    "an exponent has no inner slope: where are x_k - x_m and x_k?": (
        gaps_forgotten,
        lambda x: gaps_forgotten(x) + slope_with(apart=0.0)(x) - math.sqrt(math.pi) * torch.exp(-x.square() / 4),
        lambda x: slope_with(middle=0.0)(x) + math.sqrt(math.pi) * torch.exp(-x.square() / 4),
    ),
    "a root of pi is forgotten, or pi stands without its root.": (
        slope_with(middle=1 / math.sqrt(math.pi)),
        slope_with(middle=math.sqrt(math.pi)),
        slope_with(apart=math.sqrt(2 * math.pi)),
        slope_with(apart=1 / math.sqrt(2 * math.pi)),
    ),
    "every pair counts four times: x_k stands in two of the pairs of the double sum, as n and as m.": slope_with(
        apart=2.0
    ),
    "the second sum is divided by N, too: only the first one is.": (
        lambda x: slope_with(middle=0.0)(x) + slope_with(apart=0.0)(x) / len(x)
    ),
    "only samples on one side of the list push: all others do.": (one_side(1), one_side(-1)),
    "it is a table of pairs: sum what all others do to a sample.": table_of_pairs,
    "the pull is turned round and twice as large: both minuses cancel, and the slope of x²/4 is x/2.": slope_with(
        middle=-2.0
    ),
    "every pair counts once, and the middle isn't right either.": (
        slope_with(apart=0.5, middle=-1.0),
        slope_with(apart=0.5, middle=2.0),
    ),
    "the slope of all samples is summed: each has its own.": lambda x: slope(x).sum(),
    "it is T: asked for is how it moves with each sample.": value,
}


def slope_cases() -> list[tuple]:
    return [(0.8 * drawn(7, seed=1) + 0.4,), (1.7 * drawn(5, seed=2) - 0.6,)]


# --- Errors by step, each a function of (step, features, actions)


def by_step(
    *,
    action: Callable = lambda actions, t: actions[:, t - 1],
    fed: Callable = lambda before, now, told, true: (now, told),
    apart: Callable = lambda told, true: (told - true).square().mean(),
    finish: Callable = torch.stack,
    against: int = 0,
):
    """The errors with something else for: the action, what goes in again, the distance, how they are brought together,
    and how many frames before the foretold one it is compared with.
    """

    def errors(step, features, actions):
        before, now, found = features[:, 0], features[:, 1], []
        for t in range(2, features.shape[1]):
            told = step(before, now, action(actions, t))
            found.append(apart(told, features[:, t - against]))
            before, now = fed(before, now, told, features[:, t])
        return finish(found)

    return errors


step_errors = by_step()


def too_early(actions: Tensor, t: int) -> Tensor:
    return actions[:, t - 2]


def true_again(before: Tensor, now: Tensor, told: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    return now, true


def frozen(before: Tensor, now: Tensor, told: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    return before, told


def too_late(actions: Tensor, t: int) -> Tensor:
    return actions[:, min(t, actions.shape[1] - 1)]


def older_true(step, features, actions):
    """Foretold from the newest foretold frame and the true one before it."""
    now, found = features[:, 1], []
    for t in range(2, features.shape[1]):
        now = step(features[:, t - 2], now, actions[:, t - 1])
        found.append((now - features[:, t]).square().mean())
    return torch.stack(found)


def half_true(before: Tensor, now: Tensor, told: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    return true, told


ERRORS = {
    "both slips are still there: the actions are those of a frame too early, and the true features go in again.": (
        by_step(action=too_early, fed=true_again)
    ),
    "the actions are still those of a frame too early: which one acts between frames t - 1 and t?": by_step(
        action=too_early
    ),
    "the true features still go in again: from two frames *all* others are foretold.": by_step(fed=true_again),
    "the frame before never moves on: a step needs the two newest frames.": (
        by_step(fed=frozen),
        by_step(fed=frozen, action=too_early),
    ),
    "the actions are those of a frame too late: which one acts between frames t - 1 and t?": (
        by_step(action=too_late),
        by_step(action=too_late, fed=true_again),
    ),
    "the newest frame stands for both: then nothing shows how fast it is.": (
        by_step(fed=lambda before, now, told, true: (told, told)),
        by_step(fed=lambda before, now, told, true: (told, told), action=too_early),
    ),
    "half of what goes in again is true: the frame before is a foretold one, too, from the second step on.": (
        by_step(fed=half_true),
        by_step(fed=half_true, action=too_early),
        older_true,
    ),
    "nothing goes in again: every step begins at the first two frames.": (
        by_step(fed=lambda before, now, told, true: (before, now)),
        by_step(fed=lambda before, now, told, true: (before, now), action=too_early),
    ),
    "the two frames are exchanged: `step` takes the older one first.": (
        lambda step, *given: step_errors(lambda before, now, action: step(now, before, action), *given),
        by_step(fed=lambda before, now, told, true: (told, now)),
    ),
    "it is compared with the frame before the foretold one.": by_step(against=1),
    "the difference isn't squared.": by_step(apart=lambda told, true: (told - true).abs().mean()),
    "the squares are summed over films and features: take their mean.": by_step(
        apart=lambda told, true: (told - true).square().sum()
    ),
    "the squares are summed over the features: take their mean over films and features.": by_step(
        apart=lambda told, true: (told - true).square().sum(dim=1).mean()
    ),
    "the squares are summed over the films: take their mean over films and features.": by_step(
        apart=lambda told, true: (told - true).square().sum(dim=0).mean()
    ),
    "the root is taken: asked for is the mean square.": (
        by_step(apart=lambda told, true: (told - true).square().mean().sqrt()),
        by_step(apart=lambda told, true: (told - true).norm()),
        by_step(apart=lambda told, true: (told - true).norm(dim=1).mean()),
    ),
    "the mean comes before the square: then errors to the left and to the right cancel.": by_step(
        apart=lambda told, true: (told - true).mean().square()
    ),
    "all steps are averaged or summed: each has its own error.": (
        by_step(finish=lambda found: torch.stack(found).mean()),
        by_step(finish=lambda found: torch.stack(found).sum()),
    ),
    "the errors add up from step to step: each step has its own.": by_step(
        finish=lambda found: torch.stack(found).cumsum(dim=0)
    ),
}


def room(width: int, seed: int) -> Callable:
    """A step of some room, features (N, D) twice and actions (N,) to (N, D): nearly the lesson's, with a bend."""
    ways, mix = 0.7 * drawn(5, width, seed=seed), 0.4 * drawn(width, width, seed=seed + 1)

    def step(before: Tensor, now: Tensor, action: Tensor) -> Tensor:
        if action.ndim != 1 or not before.shape == now.shape == (len(action), width):
            got = f"{tuple(before.shape)}, {tuple(now.shape)} and {tuple(action.shape)}"
            raise ValueError(f"step takes rows: features (N, {width}) twice and actions (N,), got {got}")
        push = ways.to(now.dtype)[action]
        return now + 0.6 * (now - before) + push + 0.2 * torch.sin(now @ mix.to(now.dtype) - before)

    return step


def errors_cases() -> list[tuple]:
    """Films of one room, foretold by another that is much alike."""
    cases = []
    for (count, frames, width), seed in (((4, 7, 3), 1), ((3, 6, 5), 20)):
        actions = torch.randint(5, (count, frames - 1), generator=torch.Generator().manual_seed(seed))
        films = [drawn(count, width, seed=seed + 2), drawn(count, width, seed=seed + 3)]
        for t in range(2, frames):
            films.append(room(width, seed)(films[-2], films[-1], actions[:, t - 1]) + 0.3 * drawn(width, seed=seed + t))
        cases.append((room(width, seed + 9), torch.stack(films, dim=1), actions))
    return cases


# --- A plan, each a function of (step, before, now, goal, plans)


def planned(
    *,
    fed: Callable = lambda before, now, told: (now, told),
    cost: Callable = lambda squared: squared.mean(dim=(1, 2)),
    choice: Callable = lambda costs, plans: plans[costs.argmin(), 0],
    tried: Callable = lambda plans: plans,
    begun: bool = False,
    turned: bool = False,
):
    """A search with something else for: what goes in again, a plan's cost from squares (S, K, D), what is done, which
    actions are tried; and whether where it is now counts as a step, or a step is given the newer frame first.
    """

    def search(step, before, now, goal, plans):
        shape = len(plans), len(now)
        older, newer = before.expand(shape), now.expand(shape)
        told = [newer] if begun else []
        for action in tried(plans).unbind(dim=1):
            foretold = step(newer, older, action) if turned else step(older, newer, action)
            told.append(foretold)
            older, newer = fed(older, newer, foretold)
        costs = cost((torch.stack(told, dim=1) - goal).square())
        return costs, int(choice(costs, plans))

    return search


best_plan = planned()


def greedy(step, before, now, goal, plans):
    costs, _ = best_plan(step, before, now, goal, plans)
    return costs, best_plan(step, before, now, goal, plans[:, :1])[1]


PLAN = {
    "only where a plan ends counts: the cost is the mean over all of its steps.": planned(
        cost=lambda squared: squared[:, -1].mean(dim=1)
    ),
    "only a plan's nearest step counts: whoever runs past the goal is as good as one who stays.": planned(
        cost=lambda squared: squared.mean(dim=2).amin(dim=1)
    ),
    "only a plan's first step counts: the cost is the mean over all of them.": planned(
        cost=lambda squared: squared[:, 0].mean(dim=1)
    ),
    "the squares are summed: take their mean, over steps and features.": (
        planned(cost=lambda squared: squared.sum(dim=(1, 2))),
        planned(cost=lambda squared: squared.sum(dim=2).mean(dim=1)),
        planned(cost=lambda squared: squared.mean(dim=2).sum(dim=1)),
    ),
    "the root is taken before the mean: the cost is the mean of the squares.": (
        planned(cost=lambda squared: squared.sum(dim=2).sqrt().mean(dim=1)),
        planned(cost=lambda squared: squared.mean(dim=2).sqrt().mean(dim=1)),
        planned(cost=lambda squared: squared.sqrt().mean(dim=(1, 2))),
    ),
    "nothing is fed back: each step begins where it is now, so the pushes of a plan don't add up.": planned(
        fed=lambda before, now, told: (before, now)
    ),
    "the frame before never moves on: a step needs the two newest frames.": planned(
        fed=lambda before, now, told: (before, told)
    ),
    "the newest frame stands for both: then nothing shows how fast it is.": planned(
        fed=lambda before, now, told: (told, told)
    ),
    "the first action of each plan is left out: it acts from now to the next frame.": planned(
        tried=lambda plans: plans[:, 1:]
    ),
    "the last action of each plan is left out: it acts as well.": planned(tried=lambda plans: plans[:, :-1]),
    "each step does a plan's first action: column k is for step k.": planned(
        tried=lambda plans: plans[:, :1].expand_as(plans)
    ),
    "only a plan's worst step counts: the cost is the mean over all of them.": planned(
        cost=lambda squared: squared.mean(dim=2).amax(dim=1)
    ),
    "the cost is of the frames before each step: it is of what is foretold, to the last.": planned(
        begun=True, cost=lambda squared: squared[:, :-1].mean(dim=(1, 2))
    ),
    "the action is that of the plan with the best first step: the whole plan counts.": greedy,
    "all begin with the newest frame twice: then nothing shows how fast it is.": (
        lambda step, before, now, *given: best_plan(step, now, now, *given)
    ),
    "the sign of the costs is turned round.": lambda *given: (-best_plan(*given)[0], best_plan(*given)[1]),
    "the two frames are exchanged: `step` takes the older one first.": (
        planned(turned=True),
        planned(fed=lambda before, now, told: (told, now)),
        lambda step, before, now, *given: best_plan(step, now, before, *given),
    ),
    "where it is now counts as a step: the cost is of what is foretold.": planned(begun=True),
    "the dearest plan is taken: the smallest cost is the nearest.": planned(
        choice=lambda costs, plans: plans[costs.argmax(), 0]
    ),
    "the plan's number is returned: return its first action.": planned(choice=lambda costs, plans: costs.argmin()),
    "the plan's last action is returned: the first one is done, then it looks again.": planned(
        choice=lambda costs, plans: plans[costs.argmin(), -1]
    ),
    "the first action of another plan is returned: take that of the plan with the smallest cost.": planned(
        choice=lambda costs, plans: plans[0, 0]
    ),
}


def plan_cases() -> list[tuple]:
    """Searches in which the best plan's first and last action, its number and that of the dearest differ."""
    cases = []
    for (width, tries, horizon), seed in (((3, 40, 5), 1), ((4, 30, 6), 12), ((3, 20, 4), 68)):
        plans = torch.randint(5, (tries, horizon), generator=torch.Generator().manual_seed(seed))
        before = drawn(width, seed=seed + 1)
        now = before + 0.4 * drawn(width, seed=seed + 2)
        cases.append((room(width, seed), before, now, now + drawn(width, seed=seed + 3), plans))
    return cases


EXERCISES: dict[str, Exercise] = {
    "context": Function(
        reference=context,
        cases=context_cases,
        mistakes=CONTEXT,
        praise="nothing that is asked for can be seen, and every picture shows equally many patches.",
        measure=lambda places, *given: (places.sort(dim=1).values,),
        parts=("the places, in order",),
        whole=True,
    ),
    "rest": Function(
        reference=rest,
        cases=rest_cases,
        mistakes=REST,
        praise="neither the place nor the picture as a whole explains any of it now.",
    ),
    "log": Choice(
        right="b",
        because="the place explains nearly all of the targets, and the predictor is told it. The tokens differ as much "
        "as ever, but from place to place, not from picture to picture.",
        others={
            "a": "collapse makes all tokens equal. Look at the spread: it is what it was.",
            "c": "that would be a large share of *image*; it fell from 0.48 to 0.02.",
            "d": "the probe falls to guessing while the loss falls. More passes of the same won't bring it back: what "
            "do the targets still say of a picture?",
        },
    ),
    "copies": Number(
        right=VIEWS * FLOOR,
        because="a mean over 64 different samples, each there four times, scatters like a mean over 64: four times as "
        "much as one over 256. T counts that scatter times 256, so 4 · 1.06.",
        slips={
            FLOOR: "copies are other samples: 256 numbers of which 64 are different scatter like 64.",
            FLOOR / VIEWS: "copies make the mean steadier: it is as steady as with 64, and T counts it times 256.",
            2 * FLOOR: "there are two views, or a root is taken: there are four, and T has the square of a deviation.",
            VIEWS**2 * FLOOR: "the copies count twice: once they scatter four times as much, which is all.",
            PICTURES * FLOOR: "each picture brings a floor: the floor is of the whole sample, whatever N.",
            4.0: "the floor is rounded to 1: it is 1.06.",
            VIEWS * PICTURES * FLOOR: "each projection brings a floor: the floor is of the whole sample, whatever N.",
            0.0: "a perfect network costs nothing: even samples of the true Gaussian cost 1.06.",
            VIEWS * PICTURES * (math.sqrt(2 * math.pi) * (1 + 1 / math.sqrt(3)) - 2 * math.sqrt(math.pi)): "all "
            "samples are equal: only the four views of one picture are.",
        },
        tolerance=0.02,
    ),
    "slope": Function(
        reference=slope,
        cases=slope_cases,
        mistakes=SLOPE,
        praise="neighbours push, the middle pulls; and both forget whoever is far away.",
        probes=[by_hand(lambda: slope_cases()[0])],
        tolerance=1e-5,
    ),
    "errors": Function(
        reference=step_errors,
        cases=errors_cases,
        mistakes=ERRORS,
        praise="each step is foretold from what was foretold, with the action that leads to it.",
        gradients={"the features": 1},
    ),
    "plan": Function(
        reference=best_plan,
        cases=plan_cases,
        mistakes=PLAN,
        praise="all plans are tried in the model, and the first action of the best is done.",
        whole=True,
    ),
    "confound": Choice(
        right="b",
        because="it comes by as often if it is shown another's goal, and hardly ever stays: it moves about, and in "
        "five minutes that leads nearly everywhere.",
        others={
            "a": "then it would come by its own goal more often than by one that it wasn't shown. Compare the rows.",
            "c": "goals known by heart would still have to be told apart; shown another's, it comes by as often.",
            "d": "then all arms would go to one place, and most goals lie elsewhere.",
        },
    ),
}
