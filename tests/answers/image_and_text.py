"""Answers to the exercises of lesson 12 as students write them: right ones, and each known mistake made once."""

import math

import numpy as np
import torch
import torch.nn.functional as F

LOWEST = (3 * math.log(3) + 2 * math.log(2)) / 6

# --- The slope at the log of the scale


def slope_by_loops(cosines, scale):
    count, total = len(cosines), 0.0
    table = [[scale * float(value) for value in row] for row in cosines]
    for lines in (table, list(zip(*table, strict=True))):
        for own, line in enumerate(lines):
            weights = [math.exp(value) for value in line]
            expected = sum(w * v for w, v in zip(weights, line, strict=True)) / sum(weights)
            total += (expected - line[own]) / (2 * count)
    return total


def slope_in_numpy(cosines, scale):
    s = scale * cosines.numpy().astype(np.float64)
    shares = np.exp(s)
    p = shares / shares.sum(1, keepdims=True) + shares / shares.sum(0, keepdims=True)
    return np.sum((p / 2 - np.eye(len(s))) * s) / len(s)


def slope_by_autograd(cosines, scale):
    t = torch.tensor(math.log(scale), dtype=torch.float64, requires_grad=True)
    s = t.exp() * cosines.double()
    own = torch.arange(len(s))
    ((F.cross_entropy(s, own) + F.cross_entropy(s.T, own)) / 2).backward()
    return t.grad


def slope_by_backward(cosines, scale):
    scale = torch.tensor(float(scale), dtype=torch.float64, requires_grad=True)
    s = scale * cosines.double()
    torch.autograd.backward((s.logsumexp(0) + s.logsumexp(1) - 2 * s.diagonal()).mean() / 2)
    return scale.detach() * scale.grad


def slope_by_functional(cosines, scale):
    def loss(t):
        return the_loss(cosines.double(), t.exp())

    return torch.func.grad(loss)(torch.tensor(math.log(scale), dtype=torch.float64))


def slope_by_einsum(cosines, scale):
    s = scale * cosines
    shares = torch.stack([s.softmax(dim=0), s.softmax(dim=1)]).mean(dim=0)
    return torch.einsum("ij,ij->", shares - torch.eye(len(s)), s) / len(s)


def slope_of_differences(cosines, scale, *, step=1e-6):
    def loss(factor):
        s = factor * scale * cosines.double()
        return (s.logsumexp(0) + s.logsumexp(1) - 2 * s.diagonal()).mean() / 2

    return (loss(1 + step) - loss(1 - step)) / (2 * step)


def weights_of(s):
    return s.softmax(dim=1), s.softmax(dim=0)


def slope_in_place(cosines, scale):
    s = cosines.clone().mul_(scale)
    rows, columns = weights_of(s)
    weights = (rows + columns) / 2
    weights.fill_diagonal_(0)
    own = (rows + columns).diagonal() / 2 - 1
    return ((weights * s).sum() + (own * s.diagonal()).sum()) / len(s)


def part_of_slope(dim):
    return lambda c, scale: ((scale * c).softmax(dim) * scale * c).sum(dim).mean() - scale * c.diagonal().mean()


def own_pairs(cosines, scale):
    rows, columns = weights_of(scale * cosines)
    return (((rows + columns) / 2 - 1) * scale * cosines).diagonal().mean()


def without_own(cosines, scale):
    rows, columns = weights_of(scale * cosines)
    return ((rows + columns) * scale * cosines).sum() / 2 / len(cosines)


def soft_cosines(cosines, scale):
    rows, columns = weights_of(cosines)
    return scale * (((rows + columns) * cosines).sum() / 2 - cosines.trace()) / len(cosines)


def slope_with_own(own):
    """What a softmax expects of both sides, less something of the own pairs."""

    def slope(cosines, scale):
        s = scale * cosines
        rows, columns = weights_of(s)
        return ((rows + columns) * s).sum() / 2 / len(s) - own(cosines, s, rows + columns)

    return slope


def slope_of_lines(cosines, scale):
    """As if a turned table's shares belonged to the one that isn't turned."""
    s = scale * cosines
    return (s * (s.softmax(1) + s.T.softmax(1))).sum() / 2 / len(s) - s.trace() / len(s)


def the_loss(cosines, scale):
    s = scale * cosines
    return (s.logsumexp(1) + s.logsumexp(0)).mean() / 2 - s.diagonal().mean()


# --- Yes for every caption that is true


def yes_by_loops(image, text, scale, bias, said):
    total = 0
    for i in range(len(image)):
        for j in range(len(text)):
            logit = scale * F.cosine_similarity(image[i], text[j], dim=0) + bias
            total = total + F.softplus(-logit if said[i] == said[j] else logit)
    return total / len(image)


def yes_by_cross_entropy(image, text, scale, bias, said):
    logits = scale * F.cosine_similarity(image[:, None], text[None], dim=2) + bias
    target = said.eq(said.unsqueeze(1)).to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(said)


def yes_in_double(image, text, scale, bias, said):
    u, v = (x.double() / x.double().norm(dim=1, keepdim=True) for x in (image, text))
    z = 2 * (said[None, :] == said[:, None]).double() - 1
    return torch.log1p(torch.exp(-z * (scale * torch.einsum("id,jd->ij", u, v) + bias))).sum(1).mean()


def yes_by_sigmoids(image, text, scale, bias, said):
    p = torch.sigmoid(F.normalize(image) @ (scale * F.normalize(text)).T + bias)
    return -torch.where(said[:, None] == said[None], p, 1 - p).log().sum(dim=1).mean()


def yes_with_an_option(image, text, scale, bias, said, *, eps=1e-12):
    one_hot = F.one_hot(said).float()
    z = (one_hot @ one_hot.T).mul_(2).sub_(1)
    logits = F.normalize(image, dim=-1, eps=eps) @ F.normalize(text, dim=-1, eps=eps).mT
    return F.softplus(-z * logits.mul(scale).add(bias)).sum().div(image.shape[0])


def cosines_of(image, text):
    return F.cosine_similarity(image[:, None], text[None], dim=2)


def answers_of(said):
    return (said[:, None] == said[None]).float()


def bce(logits, target, reduction="sum"):
    return F.binary_cross_entropy_with_logits(logits, target, reduction=reduction)


def yes_with(loss):
    """A loss made of the cosines (B, B), scale, bias and the table of true captions."""
    return lambda image, text, scale, bias, said: loss(cosines_of(image, text), scale, bias, answers_of(said))


def yes_of(compare):
    """A loss made of any table (B, B) that stands for the cosines."""
    return lambda u, v, s, b, said: bce(s * compare(u, v) + b, answers_of(said)) / len(said)


def yes_by_masks(image, text, scale, bias, said):
    logits = cosines_of(image.clone(), text.clone()).mul(scale).add(bias)
    same = said.view(-1, 1) == said.view(1, -1)
    return F.softplus(-logits[same]).sum().div(len(said)) + F.softplus(logits[~same]).sum().div(len(said))


def without_other_yes(image, text, scale, bias, said):
    z = 2 * answers_of(said) - 1
    counts = (answers_of(said) == 0) | torch.eye(len(said), dtype=torch.bool)
    return (F.softplus(-z * (scale * cosines_of(image, text) + bias)) * counts).sum() / len(said)


def two_means(c, s, b, yes):
    losses = bce(s * c + b, yes, "none")
    return losses[yes == 1].mean() + losses[yes == 0].mean()


def both_softmaxes(c, s, b, yes):
    return -(yes * ((s * c + b).log_softmax(0) + (s * c + b).log_softmax(1))).sum() / 2 / len(c)


# --- Several prompts


def scores_by_loops(images, prompts):
    rows = []
    for image in images:
        row = []
        for group in prompts:
            mean = sum(prompt / prompt.norm() for prompt in group)
            row.append(torch.dot(image, mean) / image.norm() / mean.norm())
        rows.append(torch.stack(row))
    return torch.stack(rows)


def scores_in_numpy(images, prompts):
    images, prompts = images.numpy(), prompts.numpy()
    mean = (prompts / np.linalg.norm(prompts, axis=2, keepdims=True)).mean(1)
    scores = images @ mean.T / np.linalg.norm(images, axis=1)[:, None] / np.linalg.norm(mean, axis=1)
    return torch.from_numpy(scores)


def scores_in_double(images, prompts):
    mean = F.normalize(F.normalize(prompts.double(), dim=-1).sum(dim=-2), dim=-1)
    return torch.einsum("nd,kd->nk", F.normalize(images.double(), dim=-1), mean)


def scores_in_place(images, prompts):
    prompts = prompts.clone()
    prompts /= prompts.norm(dim=2, keepdim=True)
    images = images.clone()
    images /= images.norm(dim=1, keepdim=True)
    classes = prompts.mean(dim=1)
    classes /= classes.norm(dim=1, keepdim=True)
    return images.mm(classes.t())


def scores_of_columns(images, prompts):
    return unit(images) @ F.normalize(unit(prompts).mean(1), dim=0).T


def scores_by_similarity(images, prompts, *, eps=1e-8):
    return F.cosine_similarity(images[:, None], F.normalize(prompts, dim=2).mean(1)[None], dim=2, eps=eps)


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


# --- Recall


def recall_by_loops(queries, candidates, wanted, given, k):
    hits = 0
    for query, number in zip(queries, wanted, strict=True):
        cosines = [float(F.cosine_similarity(query, other, dim=0)) for other in candidates]
        order = sorted(range(len(cosines)), key=lambda place: -cosines[place])[:k]
        hits += any(int(given[place]) == int(number) for place in order)
    return hits / len(queries)


def recall_in_numpy(queries, candidates, wanted, given, k):
    q, c = queries.numpy(), candidates.numpy()
    table = q @ (c / np.linalg.norm(c, axis=1, keepdims=True)).T
    order = np.argsort(-table, axis=1)[:, :k]
    return (given.numpy()[order] == wanted.numpy()[:, None]).any(1).mean()


def recall_by_ranks(queries, candidates, wanted, given, k):
    table = unit(queries.double()) @ unit(candidates.double()).T
    right = wanted[:, None] == given
    first = table.masked_fill(~right, -2).max(dim=1, keepdim=True).values
    return ((table > first).sum(dim=1) < k).double().mean()


def recall_by_sets(queries, candidates, wanted, given, k):
    nearest = torch.argsort(unit(queries) @ unit(candidates).T, dim=1, descending=True)[:, :k]
    return sum(int(w) in set(row.tolist()) for w, row in zip(wanted, given[nearest], strict=True)) / len(wanted)


def recall_by_distance(queries, candidates, wanted, given, k, *, p=2):
    nearest = torch.cdist(unit(queries), unit(candidates), p=p).topk(k, largest=False).indices
    return torch.isin(given[nearest] - wanted.unsqueeze(1), 0).amax(dim=1).float().mean().item()


def looked_at(count, *, cosine=True, largest=True):
    """A share made by `count` of right (M, k)."""

    def share(queries, candidates, wanted, given, k):
        others = unit(candidates) if cosine else candidates
        rows = (queries @ others.T).topk(k, largest=largest).indices
        return count(given[rows] == wanted[:, None]).float().mean().item()

    return share


def recall_of(table, first=0):
    """A share of those that find something in a table (M, N), from place `first` on."""

    def share(queries, candidates, wanted, given, k):
        rows = table(queries, candidates).argsort(dim=1, descending=True)[:, first : first + k]
        return (given[rows] == wanted[:, None]).any(1).float().mean()

    return share


def recall_by_threshold(queries, candidates, wanted, given, k):
    table = unit(queries) @ unit(candidates).T
    near = table >= table.sort(dim=1).values[:, -k, None]
    return np.float32((near & (given == wanted[:, None])).any(1).float().mean())


def votes(queries, candidates, wanted, given, k):
    rows = (unit(queries) @ unit(candidates).T).topk(k).indices
    return (given[rows].mode(1).values == wanted).float().mean()


def first_only(right):
    return right[:, 0]


def share_of_all(queries, candidates, wanted, given, k):
    shares = []
    for row, number in zip(unit(queries) @ unit(candidates).T, wanted, strict=True):
        right = (given == number).nonzero()[:, 0].tolist()
        shares.append(len(set(row.topk(k).indices.tolist()) & set(right)) / len(right))
    return sum(shares) / len(shares)


def partners(queries, candidates, wanted, given, k):
    numbers = torch.arange(len(queries)), torch.arange(len(candidates))
    return recall_by_loops(queries, candidates, *numbers, k)


# --- The scale


def loss_of(table, scale, sides=(0.5, 0.5)):
    logits = scale * table
    own = logits.diagonal()
    rows, columns = (logits.logsumexp(dim) - own for dim in (1, 0))
    return (sides[0] * rows + sides[1] * columns).mean()


def scale_by_hand(tables, rate, largest):
    t, used = math.log(10), []
    for table in tables:
        used.append(math.exp(t))
        t = min(t - rate * float(slope_by_loops(table, used[-1])), math.log(largest))
    return torch.tensor(used)


def scale_by_sgd(tables, rate, largest):
    t = torch.nn.Parameter(torch.tensor(10.0).log())
    optimizer = torch.optim.SGD([t], lr=rate)
    used = torch.empty(len(tables))
    for step, table in enumerate(tables):
        used[step] = t.exp().item()
        optimizer.zero_grad()
        loss_of(table, t.exp()).backward()
        optimizer.step()
        t.data.clamp_(max=math.log(largest))
    return used


def scale_in_numpy(tables, rate, largest):
    t, used = np.log(10.0), []
    for table in tables:
        used.append(np.exp(t))
        t = np.minimum(np.log(largest), t - rate * slope_in_numpy(table, used[-1]))
    return torch.from_numpy(np.array(used))


def scale_in_double(tables, rate, largest, *, start=10.0):
    t = torch.tensor(start, dtype=torch.float64).log()
    used = []
    for table in tables.double():
        t = t.detach().clamp(max=math.log(largest)).requires_grad_()  # before the next use
        used.append(t.exp().detach())
        t = t - rate * torch.autograd.grad(loss_of(table, t.exp()), t)[0]
    return torch.stack(used)


def scale_by_factors(tables, rate, largest):
    """Each step multiplies the scale."""
    used = [10.0]
    for table in tables[:-1]:
        used.append(min(largest, used[-1] * math.exp(-rate * float(slope_of_differences(table, used[-1])))))
    return torch.tensor(used)


def learnt(scale_of, bound, *, start=2.302585093, sides=(0.5, 0.5), sign=-1, late=False):
    """Gradient descent on a weight: how the loss reads it, and how it is bounded after a step."""

    def scales(tables, rate, largest):
        weight, used = torch.tensor(start), []
        for table in tables:
            weight = weight.detach().requires_grad_()
            scale = scale_of(weight, largest)
            move = torch.autograd.grad(loss_of(table, scale, sides), weight)[0]
            weight = bound(weight + sign * rate * move, largest)
            used.append((scale_of(weight, largest) if late else scale).detach())
        return torch.stack(used)

    return scales


def exponential(weight, largest):
    return weight.exp()


def bounded(weight, largest):
    return weight.exp().clamp(max=largest)


def as_is(weight, largest):
    return weight


def log_bound(weight, largest):
    return weight.clamp(max=math.log(largest))


def scale_of_both_bounds(tables, rate, largest):
    """The bound is there once more in the loss, where it never holds."""
    return learnt(bounded, log_bound)(tables, rate, largest)


def wrong_unit(weight, largest):
    return weight.clamp(max=largest)


RIGHT = {
    "image_and_text.equal": [LOWEST, 0.7803, "0.78", round(LOWEST, 3), "0,78 nats per pair", "(log 108) / 6 = 0.7804"],
    "image_and_text.slope": [slope_by_loops, slope_in_numpy, slope_by_einsum, slope_of_differences, slope_in_place],
    "image_and_text.yes": [
        yes_by_loops,
        yes_by_cross_entropy,
        yes_in_double,
        yes_by_sigmoids,
        yes_by_masks,
        yes_with_an_option,
    ],
    "image_and_text.ensemble": [
        scores_by_loops,
        scores_in_numpy,
        scores_in_double,
        scores_in_place,
        scores_by_similarity,
        lambda images, prompts: unit(images) @ unit(unit(prompts).sum(1)).T,
    ],
    "image_and_text.recall": [
        recall_by_loops,
        recall_in_numpy,
        recall_by_ranks,
        recall_by_sets,
        recall_by_distance,
        recall_by_threshold,
    ],
    "image_and_text.bag": [7 / 24, 0.2917, "29.2 %", "7/24", "about 0.29", "5/6*1/4 + 1/6*1/2 = 0.2917"],
    "image_and_text.scale": [
        scale_by_hand,
        scale_by_sgd,
        scale_in_numpy,
        scale_in_double,
        scale_by_factors,
        scale_of_both_bounds,
    ],
    "image_and_text.confound": ["c", "C", "c)", "I think c", "c, because the ground is named", ["c"]],
}

WRONG = {
    "image_and_text.equal": [
        ("nothing is learnt", 1.79),
        ("every pair is told apart", 0),
        ("each text counts once", 0.597),
        ("log is of the mean", 0.847),
        ("summed over the pairs", 4.68),
        ("rows and columns are added", 1.56),
        ("one of the two sides", 0.39),
        ("in bits", 1.126),
        ("there three times", 1.099),
        ("groups are as large as their mean", 0.693),
        ("what the captions tell", 1.011),
        ("sign is turned round", -0.78),
        ("only the discs count", 0.549),
        ("two groups count alike", 0.896),
        ("rounded too much", "0.8"),
        ("not a slip that is known", 0.5),
    ],
    "image_and_text.slope": [
        ("slope is that at the scale itself", lambda c, scale: slope_by_loops(c, scale) / scale),
        ("the sign is turned round", lambda c, scale: -slope_by_loops(c, scale)),
        ("slope at the temperature", lambda c, scale: -slope_in_numpy(c, scale) * scale),
        ("only the rows count", part_of_slope(1)),
        ("only the columns count", part_of_slope(0)),
        ("only the rows count", lambda c, scale: part_of_slope(1)(c, scale) / 2),
        ("only the columns count", lambda c, scale: part_of_slope(0)(c, scale) / 2),
        ("columns' softmax weighs the rows", slope_of_lines),
        ("divided by B twice", lambda c, scale: slope_by_loops(c, scale) / len(c)),
        ("a mean over all B * B", lambda c, scale: without_own(c, scale) / len(c) - scale * c.diagonal().mean()),
        ("own pair counts once", slope_with_own(lambda c, s, shares: s.trace() / 2 / len(s))),
        ("own pair is added", slope_with_own(lambda c, s, shares: -s.trace() / len(s))),
        ("own pair has a weight", slope_with_own(lambda c, s, shares: (shares * s).trace() / 2 / len(s))),
        ("own pair isn't scaled", slope_with_own(lambda c, s, shares: c.trace() / len(s))),
        ("scale is taken as t", lambda c, scale: slope_by_loops(c, math.exp(scale))),
        ("multiplied by t", lambda c, scale: slope_by_loops(c, math.log(scale))),
        ("divided by the scale", lambda c, scale: slope_by_loops(c, 1 / scale)),
        ("autograd has made them", slope_by_autograd),
        ("autograd has made them", slope_by_backward),
        ("autograd has made them", slope_by_functional),
        ("two sides are added", lambda c, scale: part_of_slope(0)(c, scale) + part_of_slope(1)(c, scale)),
        ("summed over the pairs", lambda c, scale: slope_in_numpy(c, scale) * len(c)),
        ("own pair is missing", without_own),
        ("only the own pair moves", own_pairs),
        ("shares are of the plain cosines", soft_cosines),
        ("it is the loss", the_loss),
        ("not a mistake that is known", lambda c, scale: 3 * slope_by_loops(c, scale)),
    ],
    "image_and_text.yes": [
        ("only a picture's own caption", lambda u, v, s, b, said: yes_by_loops(u, v, s, b, torch.arange(len(u)))),
        ("mean over all B * B", yes_with(lambda c, s, b, yes: bce(s * c + b, yes, "mean"))),
        ("the sum isn't divided", yes_with(lambda c, s, b, yes: bce(s * c + b, yes))),
        ("number of true pairings", yes_with(lambda c, s, b, yes: bce(s * c + b, yes) / yes.sum())),
        ("bias is subtracted", lambda u, v, s, b, said: yes_by_loops(u, v, s, -b, said)),
        ("bias is left out", lambda u, v, s, b, said: yes_by_loops(u, v, s, 0, said)),
        ("bias is scaled", lambda u, v, s, b, said: yes_by_loops(u, v, s, s * b, said)),
        ("divided by the scale", lambda u, v, s, b, said: yes_by_loops(u, v, 1 / s, b, said)),
        (
            "doesn't reach the bias",
            yes_with(lambda c, s, b, yes: F.softplus(-((2 * yes - 1) * s * c + b)).sum() / len(c)),
        ),
        ("every pairing counts as a yes", yes_with(lambda c, s, b, yes: F.softplus(-s * c - b).sum(1).mean())),
        ("sign of a no is 0", yes_with(lambda c, s, b, yes: F.softplus(-yes * (s * c + b)).sum(1).mean())),
        ("yes and no are exchanged", yes_with(lambda c, s, b, yes: bce(s * c + b, 1 - yes) / len(c))),
        ("only the true pairings", yes_with(lambda c, s, b, yes: (yes * F.softplus(-s * c - b)).sum() / len(c))),
        ("only the wrong pairings", yes_with(lambda c, s, b, yes: ((1 - yes) * F.softplus(s * c + b)).sum() / len(c))),
        ("sign of the loss is wrong", lambda *given: -yes_by_loops(*given)),
        (
            "brought to length 1",
            lambda u, v, s, b, said: bce(s * u @ v.T + b, answers_of(said)) / len(u),
        ),
        ("a softmax is taken", yes_with(lambda c, s, b, yes: -(yes * (s * c + b).softmax(1).log()).sum() / len(c))),
        ("a softmax is taken", yes_with(both_softmaxes)),
        ("a softmax is taken", lambda u, v, s, b, said: the_loss(cosines_of(u, v), s)),
        ("the sum is halved", lambda *given: yes_by_loops(*given) / 2),
        ("mean of the yes and the mean of the no", yes_with(two_means)),
        ("and its own caption are asked", yes_with(lambda c, s, b, yes: F.softplus(-s * c - b).diagonal().mean())),
        ("say the same are left out", without_other_yes),
        ("the log is missing", yes_with(lambda c, s, b, yes: -((2 * yes - 1) * (s * c + b)).sigmoid().sum() / len(c))),
        ("sigmoid is taken twice", yes_with(lambda c, s, b, yes: bce((s * c + b).sigmoid(), yes) / len(c))),
        (
            "sign stands outside of the log",
            yes_with(lambda c, s, b, yes: ((2 * yes - 1) * F.softplus(-s * c - b)).sum() / len(c)),
        ),
        ("scale is taken as t", lambda u, v, s, b, said: yes_by_loops(u, v, math.exp(s), b, said)),
        ("captions' vectors aren't brought", yes_of(lambda u, v: unit(u) @ v.T)),
        ("pictures' vectors aren't brought", yes_of(lambda u, v: u @ unit(v).T)),
        ("down the batch", yes_of(lambda u, v: (u / u.norm(dim=0)) @ (v / v.norm(dim=0)).T)),
        ("pictures are compared with pictures", yes_of(lambda u, v: cosines_of(u, u))),
        ("captions with captions", yes_of(lambda u, v: cosines_of(v, v))),
        ("no gradient gets to the captions", lambda u, v, s, b, said: yes_by_loops(u, v.detach(), s, b, said)),
        ("a tensor with a gradient", lambda *given: yes_by_loops(*given).item()),
    ],
    "image_and_text.ensemble": [
        ("long one counts for more", lambda images, prompts: unit(images) @ unit(prompts.mean(1)).T),
        ("brought to length 1 again", lambda images, prompts: unit(images) @ unit(prompts).mean(1).T),
        ("neither before nor after", lambda images, prompts: unit(images) @ prompts.mean(1).T),
        ("the images aren't brought", lambda images, prompts: images @ unit(unit(prompts).mean(1)).T),
        ("nothing has length 1", lambda images, prompts: images @ prompts.mean(1).T),
        ("best prompt of a class", lambda images, prompts: (unit(prompts) @ unit(images).T).amax(1).T),
        ("only one prompt", lambda images, prompts: unit(images) @ unit(prompts)[:, 0].T),
        ("mean is over the classes", lambda images, prompts: unit(images) @ unit(unit(prompts).mean(0)).T),
        (
            "lengths are taken along the prompts",
            lambda images, prompts: unit(images) @ unit((prompts / prompts.norm(dim=1, keepdim=True)).mean(1)).T,
        ),
        ("images and classes are exchanged", lambda images, prompts: scores_by_loops(images, prompts).T),
        ("the classes are returned", lambda images, prompts: scores_by_loops(images, prompts).argmax(1)),
        ("only one prompt", lambda images, prompts: unit(images) @ unit(prompts[:, -1]).T),
        ("more than one of the three", lambda images, prompts: images @ unit(prompts).mean(1).T),
        ("more than one of the three", lambda images, prompts: images @ unit(prompts.mean(1)).T),
        ("prompts of a class are added", lambda images, prompts: unit(images) @ unit(prompts).sum(1).T),
        ("down the rows", lambda images, prompts: images / images.norm(dim=0) @ unit(unit(prompts).mean(1)).T),
        ("down the classes", scores_of_columns),
        ("the whole table", lambda images, prompts: images / images.norm() @ unit(unit(prompts).mean(1)).T),
        ("the whole table", lambda images, prompts: unit(images) @ (lambda m: m / m.norm())(unit(prompts).mean(1)).T),
        ("a softmax is taken", lambda images, prompts: scores_by_loops(images, prompts).softmax(1)),
        ("not a mistake that is known", lambda images, prompts: 2 * scores_by_loops(images, prompts)),
    ],
    "image_and_text.recall": [
        ("only candidate number i", partners),
        ("all of the k must be right", looked_at(lambda right: right.all(1))),
        ("share of right ones among the k", looked_at(lambda right: right)),
        ("share of all right candidates", share_of_all),
        ("only the k-th is looked at", looked_at(lambda right: right[:, -1])),
        ("only the first is looked at", looked_at(first_only)),
        ("the lengths count", looked_at(lambda right: right.any(1), cosine=False)),
        ("the least similar", looked_at(lambda right: right.any(1), largest=False)),
        ("candidates look for queries", lambda q, c, wanted, given, k: recall_by_loops(c, q, given, wanted, k)),
        ("number of a candidate", lambda q, c, w, g, k: recall_by_loops(q, c, w, torch.arange(len(c)), k)),
        ("number i is left out", recall_of(lambda q, c: (unit(q) @ unit(c).T).fill_diagonal_(-9))),
        ("every right one among the k counts", lambda *given: given[-1] * looked_at(lambda right: right)(*given)),
        ("not the smallest distance", recall_of(lambda q, c: -torch.cdist(q, c))),
        ("down the columns", recall_of(lambda q, c: (q / q.norm(dim=0)) @ (c / c.norm(dim=0)).T)),
        ("one too few", lambda q, c, wanted, given, k: recall_by_loops(q, c, wanted, given, k - 1)),
        ("the first is left out", recall_of(lambda q, c: unit(q) @ unit(c).T, first=1)),
        ("most frequent among the k", votes),
        ("one too many", lambda q, c, wanted, given, k: recall_by_loops(q, c, wanted, given, k + 1)),
        ("in per cent", lambda *given: 100 * recall_by_loops(*given)),
        ("number of queries", lambda *given: len(given[0]) * recall_by_loops(*given)),
        ("that find nothing", lambda *given: 1 - recall_by_loops(*given)),
    ],
    "image_and_text.bag": [
        ("has two things of one colour", 0.25),
        ("five captions are guessed", 0.2),
        ("in every picture two", 0.5),
        ("still among the guesses", 0.2333),
        ("right for certain", 0.375),
        ("pictures with equal colours count as wrong", 0.2083),
        ("two kinds are exchanged", 11 / 24),
        ("three captions are left", 0.333),
        ("order of words is known", 1),
        ("in per cent", 29.2),
        ("in per cent", 29),
        ("the true one is ruled out", 0),
        ("only pictures with equal colours count", 0.0833),
        ("one of 36", 0.257),
        ("rounded too much, or a fifth", 0.3),
        ("what the run below gives", 0.306),
        ("not a slip that is known", 0.6),
    ],
    "image_and_text.scale": [
        ("both slips", learnt(bounded, as_is, sides=(1, 0))),
        ("bound still stands in the loss", learnt(bounded, as_is)),
        ("columns are still missing: the table", learnt(exponential, log_bound, sides=(1, 0))),
        ("the rows are lost", learnt(exponential, log_bound, sides=(0, 1))),
        ("the rows are lost", learnt(bounded, as_is, sides=(0, 1))),
        ("two sides are added", learnt(exponential, log_bound, sides=(1, 1))),
        ("two sides are added", learnt(bounded, as_is, sides=(1, 1))),
        ("returned is bounded", lambda *given: learnt(exponential, as_is)(*given).clamp(max=given[2])),
        ("the logs are returned", lambda *given: scale_by_hand(*given).log()),
        ("weight's own unit", learnt(exponential, wrong_unit)),
        ("bound is gone", learnt(exponential, as_is, sides=(1, 0))),
        ("scale itself is learnt", learnt(as_is, wrong_unit, start=10.0)),
        ("steps go uphill", learnt(exponential, log_bound, sign=1)),
        ("after the steps", learnt(exponential, log_bound, late=True)),
        ("not a mistake that is known", lambda *given: scale_by_hand(*given) + 1),
    ],
    "image_and_text.confound": [
        ("rarely named birds", "a"),
        ("near its copy", "b"),
        ("leave edges", "d"),
        ("one of a, b, c, d", "e"),
    ],
}
