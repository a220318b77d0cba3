"""Answers to the exercises of lesson 14 as students write them: right ones, and each known mistake made once."""

import itertools
import math

import numpy as np
import torch

FLOOR = math.sqrt(2 * math.pi) * (1 - 1 / math.sqrt(3))

# --- The context


def context_by_sets(large, blocks, rows, columns):
    def patches(box):
        top, left, height, width = map(int, box)
        return {r * columns + c for r in range(top, top + height) for c in range(left, left + width)}

    found = []
    for box, targets in zip(large, blocks, strict=True):
        hidden = set().union(*(patches(target) for target in targets))
        found.append(sorted(patches(box) - hidden or set(range(rows * columns)) - hidden))
    return torch.tensor([places[: min(map(len, found))] for places in found])


def context_in_numpy(large, blocks, rows, columns):
    row, column = np.divmod(np.arange(rows * columns), columns)

    def inside(box):
        top, left, height, width = box
        return (top <= row) & (row <= top + height - 1) & (left <= column) & (column <= left + width - 1)

    found = []
    for box, targets in zip(large.numpy(), blocks.numpy(), strict=True):
        free = ~np.any([inside(target) for target in targets], axis=0)
        both = free & inside(box)
        found.append(np.flatnonzero(both if both.any() else free))
    fewest = min(map(len, found))
    return torch.from_numpy(np.stack([places[:fewest] for places in found]))


def boxes_of(boxes, rows, columns):
    """Bool (..., L) by comparing all places at once."""
    place = torch.arange(rows * columns)
    top, left, height, width = boxes.unsqueeze(-2).unbind(-1)
    row, column = place // columns - top, place % columns - left
    return (row >= 0) & (row < height) & (column >= 0) & (column < width)


def context_by_sorting(large, blocks, rows, columns):
    hidden = boxes_of(blocks, rows, columns).any(dim=1)
    kept = boxes_of(large, rows, columns) & ~hidden
    kept[~kept.any(dim=1)] = ~hidden[~kept.any(dim=1)]
    return kept.int().argsort(dim=1, descending=True, stable=True)[:, : kept.sum(dim=1).min()]


def context_by_painting(large, blocks, rows, columns):
    """1 in the large block, 2 and 3 in a target; in int32, and backwards in each row."""
    grid = torch.zeros(len(large), rows, columns, dtype=torch.int32)
    for k, (top, left, height, width) in enumerate(large):
        grid[k, top : top + height, left : left + width] += 1
    for k, m in itertools.product(range(len(blocks)), range(blocks.shape[1])):
        top, left, height, width = blocks[k, m]
        grid[k, top : top + height, left : left + width] = 2
    grid = grid.view(len(large), -1)
    lists = [(g == 1).nonzero() if (g == 1).any() else (g == 0).nonzero() for g in grid]
    v = min(len(part) for part in lists)
    return torch.cat([part[:v].T for part in lists]).flip(1).int()


def context_with_an_option(large, blocks, rows, columns, *, device="cpu"):
    grid = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"), -1).to(device)

    def within(box):
        return ((grid >= box[:2]) & (grid < box[:2] + box[2:])).all(-1).reshape(-1)

    rows_of = []
    for k in range(large.size(0)):
        out = torch.stack([~within(box) for box in blocks[k]]).all(0)
        seen = torch.where(out & within(large[k]))[0]
        rows_of.append(seen if seen.numel() else torch.where(out)[0])
    shortest = min(r.numel() for r in rows_of)
    return torch.vstack([r.narrow(0, 0, shortest) for r in rows_of])


def lists_of(keep, rescue=True, finish=None):
    """A context from keep(large, targets) of sets of places; finish makes rows of one length."""

    def places(large, blocks, rows, columns):
        every = set(range(rows * columns))
        sets = [
            [set(boxes_of(box, rows, columns)[0].nonzero().flatten().tolist()) for box in boxes.unsqueeze(1)]
            for boxes in torch.cat([large.unsqueeze(1), blocks], dim=1)
        ]
        found = []
        for one, *targets in sets:
            kept = keep(one, targets, every)
            found.append(sorted(kept or (every - set().union(*targets) if rescue else kept)))
        lengths = [len(row) for row in found]
        return torch.tensor([finish(row, lengths) if finish else row[: min(lengths)] for row in found])

    return places


def usual(one, targets, every):
    return one - set().union(*targets)


def of_all_pictures(large, blocks, rows, columns):
    return context_by_sets(large, blocks.flatten(0, 1).expand(len(large), -1, -1), rows, columns)


def all_rescued(large, blocks, rows, columns):
    """Where one picture is empty, everybody takes what lies outside of the targets."""
    inside = boxes_of(large, rows, columns) & ~boxes_of(blocks, rows, columns).any(1)
    everywhere = torch.tensor([[0, 0, rows, columns]]).expand(len(large), 4)
    return context_by_sets(large if inside.any(1).all() else everywhere, blocks, rows, columns)


def counted_down(large, blocks, rows, columns):
    """Counted down the columns: the grid and its boxes are turned, and rows and columns with them."""
    turned = context_by_sets(large[:, [1, 0, 3, 2]], blocks[..., [1, 0, 3, 2]], columns, rows)
    return turned


def fewer_for_overlaps(large, blocks, rows, columns):
    sizes = [int(box[2:].prod()) - int(part[:, 2:].prod(1).sum()) for box, part in zip(large, blocks, strict=True)]
    return context_by_sets(large, blocks, rows, columns)[:, : max(min(sizes), 1)]


def table_of_the_context(large, blocks, rows, columns):
    free = ~boxes_of(blocks, rows, columns).any(dim=1)
    kept = boxes_of(large, rows, columns) & free
    return torch.where(kept.any(dim=1, keepdim=True), kept, free)


# --- The hard part


def hard_by_loops(tokens):
    left = tokens.clone()
    for place in range(tokens.shape[1]):
        left[:, place] -= left[:, place].mean(dim=0)
    for image in range(len(tokens)):
        left[image] -= left[image].mean(dim=0)
    return left


def hard_in_numpy(tokens):
    t = tokens.numpy()
    t = t - t.mean(axis=1, keepdims=True)
    return torch.from_numpy(t - t.mean(axis=0))


def hard_in_double(tokens):
    t = tokens.double()
    return t - t.mean(0) - (t - t.mean((0, 1))).mean(1, keepdim=True)


def hard_by_matrices(tokens):
    """Centring matrices from both sides."""
    left, right = (torch.eye(n) - torch.full((n, n), 1 / n) for n in tokens.shape[:2])
    return torch.einsum("ab,bld,lk->akd", left, tokens, right)


def hard_by_least_squares(tokens, *, device=None):
    """Dummies for pictures and places, and what a regression on them leaves."""
    b, length, d = tokens.shape
    picture = torch.eye(b).repeat_interleave(length, dim=0)
    rows = torch.cat([picture, torch.eye(length).repeat(b, 1)], dim=1).double()
    flat = tokens.reshape(-1, d).double()
    return (flat - rows @ (torch.linalg.pinv(rows) @ flat)).view(b, length, d).to(device)


def centred(t, dim):
    return t - t.mean(dim, keepdim=True)


# --- The slope


def slope_by_loops(x):
    values, slopes = [float(v) for v in x], []
    for v in values:
        push = sum((w - v) * math.exp(-((v - w) ** 2) / 2) for w in values)
        slopes.append(2 * math.sqrt(2 * math.pi) * push / len(values) + math.sqrt(math.pi) * v * math.exp(-(v**2) / 4))
    return torch.tensor(slopes)


def slope_in_numpy(x):
    v = x.numpy().astype(np.float64)
    gaps = np.subtract.outer(v, v)
    push = np.sum(gaps * np.exp(-0.5 * gaps**2), axis=1)
    return torch.from_numpy(np.sqrt(np.pi) * (v * np.exp(-0.25 * v**2) - np.sqrt(8) / len(v) * push))


def statistic(x):
    apart = torch.exp(-(torch.cdist(x[:, None], x[:, None], compute_mode="donot_use_mm_for_euclid_dist") ** 2) / 2)
    return math.sqrt(2 * math.pi) * apart.mean() * len(x) - 2 * math.sqrt(math.pi) * (-(x**2) / 4).exp().sum()


def slope_by_autograd(x):
    leaf = x.double().requires_grad_()
    gaps = leaf[:, None] - leaf[None]
    total = math.sqrt(2 * math.pi) / len(x) * (-(gaps**2) / 2).exp().sum()
    (total - 2 * math.sqrt(math.pi) * (-(leaf**2) / 4).exp().sum()).backward()
    return leaf.grad


def slope_by_grad(x):
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(statistic_of(leaf), leaf)[0]


def slope_by_functional(x):
    return torch.func.grad(statistic_of)(x)


def statistic_of(x):
    gaps = x.unsqueeze(1) - x.unsqueeze(0)
    near = torch.exp(-gaps.square() / 2).sum() * math.sqrt(2 * math.pi) / len(x)
    return near - 2 * math.sqrt(math.pi) * torch.exp(-x.square() / 4).sum()


def slope_by_differences(x, *, step=1e-6):
    moves = step * torch.eye(len(x), dtype=torch.float64)
    return torch.stack([statistic(x.double() + m) - statistic(x.double() - m) for m in moves]) / (2 * step)


def slope_in_place(x):
    gaps = x.unsqueeze(0) - x.unsqueeze(1)  # turned round
    gaps *= gaps.square().div_(-2).exp_()
    slopes = gaps.sum(dim=1).mul_(math.sqrt(8 * math.pi) / len(x))
    slopes += math.pi**0.5 * x * torch.exp(-x.square() / 4)
    return slopes


def terms(x, first=2.0, second=4.0):
    """The sum over neighbours and the pull to the middle, without their factors."""
    gaps = x[:, None] - x
    return (gaps * torch.exp(-(gaps**2) / first)).sum(1), x * torch.exp(-(x**2) / second)


def slope_by_terms(x, **unused):
    push, pull = terms(x.double())
    return 2 * (math.pi**0.5) * pull / 2 - math.sqrt(8 * math.pi) * push / x.numel()


def with_factors(push, pull, divide=True, **widths):
    def slopes(x):
        apart, middle = terms(x, **widths)
        return push * math.sqrt(2 * math.pi) * apart / (len(x) if divide else 1) + pull * math.sqrt(math.pi) * middle

    return slopes


def no_inner_slope(x):
    neighbours = (-((x[:, None] - x) ** 2) / 2).exp().sum(1)
    return -math.sqrt(8 * math.pi) * neighbours / len(x) + math.sqrt(math.pi) * (-(x**2) / 4).exp()


# --- Errors by step


def errors_by_a_list(step, features, actions):
    told = [features[:, 0], features[:, 1]]
    for action in actions[:, 1:].unbind(dim=1):
        told.append(step(told[-2], told[-1], action))
    return (torch.stack(told, dim=1) - features).square()[:, 2:].mean(dim=(0, 2))


def errors_in_double(step, features, actions, *, first=2):
    before, now = features[:, first - 2].double(), features[:, first - 1].double()
    errors = []
    for t in range(first, features.size(1)):
        before, now = now, step(before, now, actions[:, t - 1])
        errors.append(torch.nn.functional.mse_loss(now, features[:, t].double()))
    return torch.stack(errors)


def errors_written_into(step, features, actions):
    errors = features.new_zeros(features.shape[1] - 2)
    pair = features[:, 0], features[:, 1]
    for k in range(len(errors)):
        pair = pair[1], step(*pair, actions[:, k + 1])
        errors[k] = ((pair[1] - features[:, k + 2]) ** 2).sum() / pair[1].numel()
    return errors


def errors_film_by_film(step, features, actions):
    rows = []
    for film, done in zip(features, actions, strict=True):
        old, new, row = film[:1], film[1:2], []
        for true, action in zip(film[2:], done[1:], strict=True):
            old, new = new, step(old, new, action.view(1))
            row.append((new[0] - true).pow(2).mean())
        rows.append(torch.stack(row))
    return torch.stack(rows).mean(dim=0)


def errors_by_recursion(step, features, actions):
    def rest(before, now, t):
        if t == features.shape[1]:
            return []
        told = step(before, now, actions[:, t - 1])
        return [(features[:, t] - told).square().mean(), *rest(now, told, t + 1)]

    return torch.stack(rest(features[:, 0], features[:, 1], 2))


def errors_with(following, *, late=1, error=lambda gap: (gap**2).mean(), end=torch.stack, target=0):
    """Errors where `following(pair, told, true)` gives the next two frames."""

    def errors(step, features, actions):
        pair, found = (features[:, 0], features[:, 1]), []
        for t in range(2, features.shape[1]):
            told = step(*pair, actions[:, t - late])
            found.append(error(told - features[:, t - target]))
            pair = following(pair, told, features[:, t])
        return end(found)

    return errors


def onward(pair, told, true):
    return pair[1], told


def forced(pair, told, true):
    return pair[1], true


def stuck(pair, told, true):
    return pair[0], told


# --- Plans


def plan_by_loops(step, before, now, goal, plans):
    costs = []
    for plan in plans:
        old, new, cost = before[None], now[None], 0.0
        for action in plan:
            old, new = new, step(old, new, action[None])
            cost += float((new[0] - goal).pow(2).mean()) / len(plan)
        costs.append(cost)
    return torch.tensor(costs), int(plans[int(np.argmin(costs))][0])


def plan_in_a_tensor(step, before, now, goal, plans):
    s, k = plans.shape
    told = torch.empty(s, k + 2, len(now))
    told[:, 0], told[:, 1] = before, now
    for t in range(k):
        told[:, t + 2] = step(told[:, t], told[:, t + 1], plans[:, t])
    costs = (told[:, 2:] - goal).flatten(1).square().mean(dim=1)
    return costs, plans[costs.argsort()[0]][0]


def plan_in_double(step, before, now, goal, plans, *, chunk=7):
    """Some plans at a time."""
    costs = []
    for part in plans.split(chunk):
        old, new = (x.double().repeat(len(part), 1) for x in (before, now))
        total = torch.zeros(len(part), dtype=torch.float64)
        for k in range(part.shape[1]):
            old, new = new, step(old, new, part[:, k])
            total += torch.nn.functional.mse_loss(new, goal.double().expand_as(new), reduction="none").mean(1)
        costs.append(total / part.shape[1])
    costs = torch.cat(costs)
    return costs, np.int64(plans[costs.argmin(), 0])


def plan_as_a_list(step, before, now, goal, plans):
    pair, total = [before.tile(len(plans), 1), now.tile(len(plans), 1)], 0
    for action in plans.T:
        pair = [pair[1], step(*pair, action)]
        total = total + (pair[1] - goal).square().sum(dim=1)
    costs = total / plans.numel() * len(plans) / len(goal)
    return [costs, min(zip(costs.tolist(), plans[:, 0].tolist(), strict=True))[1]]


def plan_by_distances(step, before, now, goal, plans):
    frames = [torch.stack([before] * len(plans)), torch.stack([now] * len(plans))]
    for k in range(plans.shape[1]):
        frames.append(step(*frames[-2:], plans[:, k]))
    far = torch.stack([torch.linalg.vector_norm(f - goal, dim=1) for f in frames[2:]])  # (K, S)
    costs = (far**2 / goal.numel()).mean(0)
    best = torch.topk(costs, 1, largest=False).indices
    return costs, plans[best, 0]


def rolled(step, before, now, goal, plans, following=onward, skip=0):
    pair, told = (before.expand(len(plans), -1), now.expand(len(plans), -1)), []
    for k in range(skip, plans.shape[1]):
        told.append(step(*pair, plans[:, k]))
        pair = following(pair, told[-1], None)
    return (torch.stack(told) - goal) ** 2  # (K, S, D)


def plan_with(cost=lambda squares: squares.mean((0, 2)), action=lambda costs, plans: plans[costs.argmin(), 0], **kinds):
    def search(step, before, now, goal, plans):
        costs = cost(rolled(step, before, now, goal, plans, **kinds))
        return costs, action(costs, plans)

    return search


def from_here(step, before, now, goal, plans):
    squares = rolled(step, before, now, goal, plans)
    here = ((now - goal) ** 2).expand(1, len(plans), -1)
    costs = torch.cat([here, squares]).mean((0, 2))
    return costs, plans[costs.argmin(), 0]


def before_each_step(step, before, now, goal, plans):
    squares = rolled(step, before, now, goal, plans)
    here = ((now - goal) ** 2).expand(1, len(plans), -1)
    costs = torch.cat([here, squares[:-1]]).mean((0, 2))
    return costs, plans[costs.argmin(), 0]


def counted_in_the_block(large, blocks, rows, columns):
    found = []
    for box, targets in zip(large, blocks, strict=True):
        top, left, _, width = box.tolist()
        free = ~boxes_of(targets, rows, columns).any(0)
        seen = (free & boxes_of(box.unsqueeze(0), rows, columns)[0]).nonzero().flatten().tolist()
        inside = [(place // columns - top) * width + place % columns - left for place in seen]
        found.append(inside or free.nonzero().flatten().tolist())
    return torch.tensor([row[: min(map(len, found))] for row in found])


def spread(row, lengths):
    return [row[k * (len(row) - 1) // (min(lengths) - 1)] for k in range(min(lengths))]


def in_narrow_rows(large, blocks, rows, columns):
    places = context_by_sets(large, blocks, rows, columns)
    return places.div(columns, rounding_mode="floor") * rows + places.remainder(columns)


def from_corners(boxes):
    return torch.stack([*boxes.unbind(-1)[:2], *(boxes[..., 2:] - boxes[..., :2]).clamp(min=0).unbind(-1)], -1)


def pairs_of(x):
    gaps = x.unsqueeze(1) - x.unsqueeze(0)
    return -math.sqrt(8 * math.pi) / len(x) * gaps * torch.exp(-(gaps**2) / 2)


def plan_with_first_actions(step, before, now, goal, plans):
    return plan_by_loops(step, before, now, goal, plans[:, [0] * plans.shape[1]])


RIGHT = {
    "prediction.context": [
        context_by_sets,
        context_in_numpy,
        context_by_sorting,
        context_by_painting,
        context_with_an_option,
    ],
    "prediction.rest": [hard_by_loops, hard_in_numpy, hard_in_double, hard_by_matrices, hard_by_least_squares],
    "prediction.log": ["b", "B", "b)", "It is b."],
    "prediction.copies": [4 * FLOOR, 4.24, "4.2", "4 * 1.06 = 4.24", "about 4.24"],
    "prediction.slope": [slope_by_loops, slope_in_numpy, slope_by_terms, slope_by_differences, slope_in_place],
    "prediction.errors": [
        errors_by_a_list,
        errors_in_double,
        errors_written_into,
        errors_film_by_film,
        errors_by_recursion,
    ],
    "prediction.plan": [plan_by_loops, plan_in_a_tensor, plan_in_double, plan_as_a_list, plan_by_distances],
    "prediction.confound": ["b", "B", "(b)"],
}

WRONG = {
    "prediction.context": [
        ("row times the number of rows", in_narrow_rows),
        ("two corners", lambda a, b, *grid: context_in_numpy(from_corners(a), from_corners(b), *grid)),
        (
            "left, top, width, height",
            lambda a, b, *grid: context_in_numpy(*(x[..., [1, 0, 3, 2]] for x in (a, b)), *grid),
        ),
        ("nothing is taken away", lists_of(lambda one, targets, every: one)),
        ("all that the targets leave", lists_of(lambda one, targets, every: every - set().union(*targets))),
        ("only one target", lists_of(lambda one, targets, every: one - targets[0])),
        ("only where all targets overlap", lists_of(lambda one, targets, every: one - set.intersection(*targets))),
        ("targets of all pictures", of_all_pictures),
        ("lies in the targets", lists_of(lambda one, targets, every: one & set().union(*targets))),
        ("an empty context stays empty", lists_of(usual, rescue=False)),
        ("gets patches of its targets", lists_of(lambda one, targets, every: usual(one, targets, every) or every)),
        ("gets patches of its targets", lists_of(lambda one, targets, every: usual(one, targets, every) or one)),
        ("as soon as one has nothing left", all_rescued),
        ("last ones of each", lists_of(usual, finish=lambda row, lengths: row[len(row) - min(lengths) :])),
        ("filled up", lists_of(usual, finish=lambda row, lengths: row + [0] * (max(lengths) - len(row)))),
        ("filled up", lists_of(usual, finish=lambda row, lengths: row + row[-1:] * (max(lengths) - len(row)))),
        ("height and width", lambda a, b, *grid: context_in_numpy(a[:, [0, 1, 3, 2]], b[..., [0, 1, 3, 2]], *grid)),
        ("top and left", lambda a, b, *grid: context_by_sorting(a[:, [1, 0, 2, 3]], b[..., [1, 0, 2, 3]], *grid)),
        (
            "one row and one column too large",
            lambda a, b, *grid: context_by_sorting(*(x + torch.tensor([0, 0, 1, 1]) for x in (a, b)), *grid),
        ),
        ("down the columns", counted_down),
        ("counted twice", fewer_for_overlaps),
        ("table of yes and no", table_of_the_context),
        ("counted from 1", lambda *given: context_by_sets(*given) + 1),
        ("counted inside of the large block", counted_in_the_block),
        ("drawn by lot, or spread", lists_of(usual, finish=spread)),
        ("not a mistake that is known", lambda *given: context_by_sets(*given) + 2),
        ("whole numbers were expected", lambda *given: context_by_sets(*given).float()),
        ("shape (2, 12) was expected", lambda *given: context_by_sets(*given)[:, 1:]),
    ],
    "prediction.rest": [
        ("added, though it is gone", lambda t: centred(centred(t, 0), 1) + t.mean((0, 1))),
        ("nothing is taken away", lambda t: t.clone()),
        ("sign is turned round", lambda t: -hard_by_loops(t)),
        ("sum of two rests", lambda t: centred(t, 0) + centred(t, 1)),
        ("only one number", lambda t: centred(t, (0, 1, 2))),
        ("over the width", lambda t: centred(centred(t, 1), 2)),
        ("only the place's mean", lambda t: centred(t, 0)),
        ("only the picture's mean", lambda t: centred(t, 1)),
        ("taken away twice", lambda t: t - t.mean(0, keepdim=True) - t.mean(1, keepdim=True)),
        ("taken away three times", lambda t: t - t.mean(0) - t.mean(1, keepdim=True) - t.mean((0, 1))),
        ("is one number", lambda t: centred(t, 0) - t.mean(1, keepdim=True) + t.mean()),
        ("only the mean of all tokens", lambda t: centred(t, (0, 1))),
        ("half of each mean", lambda t: (centred(t, 0) + centred(t, 1)) / 2),
        ("what was to be taken away", lambda t: t - hard_in_double(t)),
        ("over the width", lambda t: centred(t, 2)),
        ("over the width", lambda t: torch.nn.functional.layer_norm(t, (t.shape[2],))),
        ("deviation 1", lambda t: hard_by_loops(t) / hard_by_loops(t).std()),
        ("not a mistake that is known", lambda t: 2 * hard_by_loops(t)),
    ],
    "prediction.log": [
        ("Look at the spread", "a"),
        ("a large share of *image*", "c"),
        ("falls to guessing", "d"),
        ("one of a, b, c, d", "e"),
    ],
    "prediction.copies": [
        ("rounded to 1", 4),
        ("each projection brings a floor", 271),
        ("copies are other samples", 1.06),
        ("make the mean steadier", 0.265),
        ("there are two views", 2.12),
        ("copies count twice", 16.95),
        ("each picture brings a floor", 67.8),
        ("costs nothing", 0),
        ("all samples are equal", 104.7),
        ("not a slip that is known", 8),
    ],
    "prediction.slope": [
        ("a root of pi is forgotten", with_factors(-2, math.sqrt(math.pi))),
        ("every pair counts four times", with_factors(-4, 1)),
        ("second sum is divided by N", lambda x: with_factors(-2, 0)(x) + with_factors(0, 1)(x) / len(x)),
        ("turned round and twice", with_factors(-2, -2)),
        ("middle isn't right either", with_factors(-1, 2)),
        ("only samples on one side", lambda x: pairs_of(x).tril().sum(1) + with_factors(0, 1)(x)),
        ("table of pairs", lambda x: pairs_of(x)),
        ("every pair counts once", with_factors(-1, 1)),
        ("the samples pull", with_factors(2, 1)),
        ("the middle pushes", with_factors(-2, -1)),
        ("both signs", lambda x: -slope_by_loops(x)),
        ("twice as large", with_factors(-2, 2)),
        ("half as large", with_factors(-2, 0.5)),
        ("isn't divided by N", with_factors(-2, 1, divide=False)),
        ("once too often", lambda x: slope_in_numpy(x) / len(x)),
        ("only the samples push", with_factors(-2, 0)),
        ("only the middle pulls", with_factors(0, 1)),
        ("as wide as the second", with_factors(-2, 1, first=4.0)),
        ("as narrow as the first", with_factors(-2, 1, second=2.0)),
        ("no inner slope", no_inner_slope),
        ("autograd has made them", slope_by_autograd),
        ("autograd has made them", slope_by_grad),
        ("autograd has made them", slope_by_functional),
        ("slope of all samples is summed", lambda x: slope_by_autograd(x).sum()),
        ("it is T", lambda x: statistic(x) + len(x) * math.sqrt(2 * math.pi / 3)),
        ("not a mistake that is known", lambda x: 3 * slope_by_autograd(x)),
    ],
    "prediction.errors": [
        ("of a frame too late", lambda step, h, a: errors_by_a_list(step, h, torch.cat([a[:, 1:], a[:, -1:]], 1))),
        ("two frames are exchanged", errors_with(lambda pair, told, true: (told, pair[1]))),
        ("summed over the films", errors_with(onward, error=lambda gap: (gap**2).sum(0).mean())),
        ("mean comes before the square", errors_with(onward, error=lambda gap: gap.mean() ** 2)),
        ("averaged or summed", errors_with(onward, end=sum)),
        ("both slips", errors_with(forced, late=2)),
        ("of a frame too early: which", errors_with(onward, late=2)),
        ("true features still go in again", errors_with(forced)),
        ("frame before never moves on", errors_with(stuck)),
        ("stands for both", errors_with(lambda pair, told, true: (told, told))),
        ("half of what goes in", errors_with(lambda pair, told, true: (true, told))),
        ("nothing goes in again", errors_with(lambda pair, told, true: pair)),
        ("frame before the foretold one", errors_with(onward, target=1)),
        ("isn't squared", errors_with(onward, error=lambda gap: gap.abs().mean())),
        ("summed over films and features", errors_with(onward, error=lambda gap: (gap**2).sum())),
        ("summed over the features", errors_with(onward, error=lambda gap: (gap**2).sum(1).mean())),
        ("root is taken", errors_with(onward, error=lambda gap: gap.norm() / gap.numel() ** 0.5)),
        ("all steps are averaged", errors_with(onward, end=lambda found: torch.stack(found).mean())),
        ("add up", errors_with(onward, end=lambda found: torch.stack(found).cumsum(0))),
        ("no gradient gets to the features", lambda step, h, actions: errors_by_a_list(step, h.detach(), actions)),
        (
            "the gradient at the features isn't",
            lambda step, h, actions: errors_with(lambda pair, told, true: (pair[1], told.detach()))(step, h, actions),
        ),
        ("IndexError", errors_with(onward, late=0)),
        ("not a mistake that is known", lambda *given: 2 * errors_by_a_list(*given)),
    ],
    "prediction.plan": [
        ("last action of each plan is left out", lambda *given: plan_by_loops(*given[:4], given[4][:, :-1])),
        ("does a plan's first action", plan_with_first_actions),
        ("worst step", plan_with(lambda squares: squares.mean(2).max(0).values)),
        ("newest frame twice", lambda step, before, now, *given: plan_by_loops(step, now, now, *given)),
        ("sign of the costs", lambda *given: (-plan_by_loops(*given)[0], plan_by_loops(*given)[1])),
        ("best first step", lambda *given: (plan_by_loops(*given)[0], plan_by_loops(*given[:4], given[4][:, :1])[1])),
        ("two frames are exchanged", lambda step, old, new, *given: plan_by_loops(step, new, old, *given)),
        ("only where a plan ends", plan_with(lambda squares: squares[-1].mean(1))),
        ("only a plan's nearest step", plan_with(lambda squares: squares.mean(2).min(0).values)),
        ("only a plan's first step", plan_with(lambda squares: squares[0].mean(1))),
        ("squares are summed", plan_with(lambda squares: squares.sum((0, 2)))),
        ("squares are summed", plan_with(lambda squares: squares.sum(2).mean(0))),
        ("squares are summed", plan_with(lambda squares: squares.mean(2).sum(0))),
        ("root is taken", plan_with(lambda squares: squares.sum(2).sqrt().mean(0))),
        ("nothing is fed back", plan_with(following=lambda pair, told, true: pair)),
        ("never moves on", plan_with(following=stuck)),
        ("stands for both", plan_with(following=lambda pair, told, true: (told, told))),
        ("left out", plan_with(skip=1)),
        (
            "two frames are exchanged",
            lambda step, *given: plan_in_a_tensor(lambda old, new, action: step(new, old, action), *given),
        ),
        ("counts as a step", from_here),
        ("frames before each step", before_each_step),
        ("dearest plan", plan_with(action=lambda costs, plans: plans[costs.argmax(), 0])),
        ("plan's number", plan_with(action=lambda costs, plans: int(costs.argmin()))),
        ("plan's last action", plan_with(action=lambda costs, plans: plans[costs.argmin(), -1])),
        ("first action of another plan", plan_with(action=lambda costs, plans: plans[0, 0])),
        ("not a mistake that is known", plan_with(lambda squares: 2 * squares.mean((0, 2)))),
        ("2 values were expected", lambda *given: plan_by_loops(*given)[1]),
        ("features (N, 3) twice", lambda step, before, now, goal, plans: step(before, now, plans[0, 0])),
    ],
    "prediction.confound": [
        ("more often than by one that it wasn't shown", "a"),
        ("known by heart", "c"),
        ("all arms would go to one place", "d"),
        ("one of a, b, c, d", "e"),
    ],
}
