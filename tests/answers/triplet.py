"""Answers to the exercises of lesson 03 as students write them: right ones, and each known mistake made once."""

import numpy as np
import torch
import torch.nn.functional as F


def unit(z):
    return z / z.norm(dim=1, keepdim=True)


# --- Pairs


def pair_by_pair(z1, z2, same, margin, *, pull=lambda d, m: d**2, push=lambda d, m: max(0, m - d) ** 2, total=False):
    """One pair after the other, with the parts that mistakes are made in as options."""
    terms = []
    for a, b, together in zip(z1, z2, same, strict=True):
        distance = torch.dist(a, b)
        terms.append(pull(distance, margin) if together else push(distance, margin))
    return sum(terms) if total else sum(terms) / len(terms)


def pairs_by_cdist(z1, z2, same, margin):
    distance = torch.cdist(z1.unsqueeze(1), z2.unsqueeze(1)).flatten()
    return torch.stack([distance, torch.relu(margin - distance)])[1 - same.long(), range(len(same))].square().mean()


def pairs_in_double(z1, z2, same, margin):
    difference = z1.double() - z2.double()
    distance = torch.einsum("bd,bd->b", difference, difference) ** 0.5
    pulled, pushed = distance[same], distance[same.logical_not()]
    pushed = pushed[pushed < margin]
    return ((pulled @ pulled) + ((margin - pushed) ** 2).sum()).float() / same.numel()


class Pairs(torch.nn.Module):
    def forward(self, z1, z2, same, margin):
        y, distance = same.type_as(z1), torch.linalg.vector_norm(z1 - z2, dim=-1)
        return torch.mean(y * torch.pow(distance, 2) + (1 - y) * torch.pow(F.threshold(margin - distance, 0, 0), 2))


def pairs_weighted(z1, z2, same, margin):
    """Hadsell's equation as it is printed, with Y as a factor, and twice its half."""
    y, distance = (~same).float(), F.pairwise_distance(z1, z2, eps=0)
    return ((1 - y) * distance**2 + y * (margin - distance).clamp(min=0) ** 2).mean()


def pairs_picked(z1, z2, same, margin):
    distance = (z1 - z2).square().sum(1).sqrt()
    terms = distance.square()
    terms[~same] = torch.maximum(torch.zeros(()), margin - distance[~same]) ** 2
    return terms.sum() / len(terms)


def a_mean_each(z1, z2, same, margin):
    distance = F.pairwise_distance(z1, z2, eps=0)
    far = (margin - distance[~same]).clamp(min=0)
    return (distance[same] ** 2).mean() + (far**2).mean()


def whole_norm(z1, z2, same, margin):
    distance = (z1 - z2).pow(2).sum().sqrt()
    return (same * distance**2 + ~same * (margin - distance).clamp(min=0) ** 2).mean()


def push_detached(z1, z2, same, margin):
    distance = (z1 - z2).norm(dim=1)
    return torch.where(same, distance, F.relu(margin - distance.detach())).square().mean()


# --- Triplets


def triplet_by_triplet(a, p, n, margin, *, term=lambda near, far, m: max(0.0, near - far + m), power=2):
    terms = []
    for i in range(len(a)):
        near, far = (torch.dist(a[i], other[i]) ** power for other in (p, n))
        terms.append(term(near, far, margin))
    return sum(terms) / len(terms)


def triplet_by_cdist(a, p, n, margin):
    near, far = torch.cdist(a, p).diagonal() ** 2, torch.cdist(a, n).diagonal() ** 2
    terms = near + margin - far
    return terms[terms > 0].sum() / len(a)


def triplet_by_einsum(a, p, n, margin):
    both = torch.stack([a - p, a - n]).double()
    near, far = torch.einsum("kbd,kbd->kb", both, both)
    return torch.max(near - far + margin, torch.zeros_like(near)).mean().float()


def triplet_hinge_embedding(a, p, n, margin):
    near, far = F.pairwise_distance(a, p, eps=0).pow(2), F.pairwise_distance(a, n, eps=0).pow(2)
    return F.margin_ranking_loss(far, near, torch.ones_like(near), margin=margin)


def torchs_own(a, p, n, margin):
    def distance(x, y):
        return (x - y).pow(2).sum(1)

    return F.triplet_margin_with_distance_loss(a, p, n, distance_function=distance, margin=margin)


def multiplied_out(a, p, n, margin):
    """|a - p|^2 - |a - n|^2 = p.p - n.n - 2 a.(p - n)."""
    difference = (p * p).sum(1) - (n * n).sum(1) - 2 * (a * (p - n)).sum(1)
    return torch.where(difference + margin > 0, difference + margin, torch.zeros(())).mean()


def active_mean(a, p, n, margin):
    terms = (a - p).pow(2).sum(1) - (a - n).pow(2).sum(1) + margin
    return terms[terms > 0].sum() / (terms > 0).sum()


# --- Mining


def mined_by_hand(table, *, allowed=None, first=min, fallback=max):
    """Row by row with lists; `allowed` says which distances (far, near) are candidates."""
    chosen = []
    for i, row in enumerate(table.tolist()):
        others = [k for k in range(len(row)) if k != i]
        fit = [k for k in others if allowed is None or allowed(row[k], row[i])]
        chosen.append(first(fit, key=row.__getitem__) if fit else fallback(others, key=row.__getitem__))
    return torch.tensor(chosen)


def mined_with_numpy(table):
    rows = table.numpy()
    columns = np.arange(len(rows))
    chosen = []
    for i in columns:
        beyond = columns[rows[i] > rows[i, i]]
        others = np.delete(columns, i)
        chosen.append(beyond[rows[i][beyond].argmin()] if len(beyond) else others[rows[i][others].argmax()])
    return torch.from_numpy(np.array(chosen))


def mined_with_topk(table):
    """The distances from the smallest on; the first whose distance is beyond."""
    values, columns = table.topk(len(table), largest=False)
    later = (values > table.diagonal()[:, None]).int()
    first = later.argmax(dim=1)
    apart = table.clone().fill_diagonal_(-1).topk(1).indices[:, 0]
    return torch.where(later.any(dim=1), columns[torch.arange(len(table)), first], apart).int()


def mined_in_double(table):
    table = table.double().clone()
    near = table.diag().clone()
    table.fill_diagonal_(float("nan"))
    beyond = torch.where(table > near.view(-1, 1), table, torch.inf)
    nothing = beyond.min(1).values == torch.inf
    result = beyond.argmin(1)
    result[nothing] = table.nan_to_num(-1.0).argmax(1)[nothing]
    return result


def mined_by_column(table, *, keep_diagonal=False):
    """As if `unsqueeze` had been forgotten."""
    found = torch.where(table > table.diag(), table, torch.tensor(torch.inf))
    rest = table.clone() if keep_diagonal else table.clone().fill_diagonal_(-1)
    return torch.where(found.isinf().all(1), rest.argmax(1), found.argmin(1))


def mined(table):
    return mined_by_hand(table, allowed=lambda far, near: far > near)


def mined_by_sorting(table):
    """The first in the order of distance that is beyond; the last but oneself if there is none."""
    chosen = []
    for i, order in enumerate(table.argsort(dim=1)):
        row = [int(k) for k in order]
        later = row[row.index(i) + 1 :]
        chosen.append(later[0] if later else [k for k in row if k != i][-1])
    return torch.tensor(chosen)


def mined_at_once(table):
    near = table.diag()[:, None]
    cost = torch.where(table > near, table, 1000 - table)  # what isn't beyond comes last, its farthest first
    cost = cost.fill_diagonal_(1e6)
    return cost.argmin(1)


def own_kept(table):
    chosen = []
    for i, row in enumerate(table):
        fit = [k for k in range(len(row)) if row[k] > row[i]]
        chosen.append(min(fit, key=lambda k: float(row[k])) if fit else int(row.argmax()))
    return torch.tensor(chosen)


def farthest_beyond(table):
    return torch.where(table > table.diag()[:, None], table, torch.tensor(-1.0)).argmax(1)


def column_zero(table):
    near = table.diag()[:, None]
    return torch.where(table > near, table, torch.tensor(torch.inf)).argmin(1)


def any_side(table):
    chosen = []
    for i, row in enumerate(table.tolist()):
        chosen.append(min((k for k in range(len(row)) if k != i), key=lambda k: abs(row[k] - row[i])))
    return torch.tensor(chosen)


# --- To mend


def repaired(z1, z2, margin, *, dim=1, along=0, swapped=False):
    z1, z2 = z1 / z1.norm(dim=dim, keepdim=True), z2 / z2.norm(dim=dim, keepdim=True)
    negatives = z2.roll(-1, along)
    near, far = (z1 - z2).pow(2).sum(1), (z1 - negatives).pow(2).sum(1)
    return ((far - near if swapped else near - far) + margin).clamp(min=0).mean()


def repaired_with_cosines(z1, z2, margin):
    own = F.cosine_similarity(z1, z2)
    other = F.cosine_similarity(z1, torch.cat([z2[1:], z2[:1]]))
    return (2 * other - 2 * own + margin).relu().mean()


def repaired_in_double(z1, z2, margin):
    z1, z2 = (z.double() / (z.double() ** 2).sum(-1, keepdim=True) ** 0.5 for z in (z1, z2))
    rows = torch.arange(len(z1))
    table = 2 - 2 * torch.einsum("id,jd->ij", z1, z2)
    return F.relu(table[rows, rows] - table[rows, (rows + 1) % len(rows)] + margin).mean()


def repaired_with_torch(z1, z2, margin):
    z1, z2 = F.normalize(z1), F.normalize(z2)
    loss = torch.nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).pow(2).sum(1), margin=margin)
    return loss(z1, z2, torch.cat((z2[1:], z2[:1])))


def repaired_as_a_loop(z1, z2, margin):
    z1, z2, terms = unit(z1), unit(z2), []
    for i in range(len(z1)):
        near = ((z1[i] - z2[i]) ** 2).sum()
        far = ((z1[i] - z2[(i + 1) % len(z2)]) ** 2).sum()
        terms.append(torch.relu(near - far + margin))
    return sum(terms) / len(terms)


# --- Gradients


def slopes_by_autograd(a, p, n, margin):
    leaves = [torch.nn.Parameter(z) for z in (a, p, n)]
    torchs_own(*leaves, margin).backward()
    return [leaf.grad for leaf in leaves]


def slopes_one_by_one(a, p, n, margin, *, term=lambda value: float(value > 0), count=len):
    """Triplet after triplet in lists, with what is done with each as an option."""
    found = []
    for i in range(len(a)):
        weight = term((a[i] - p[i]).pow(2).sum() - (a[i] - n[i]).pow(2).sum() + margin) / count(a)
        found.append(torch.stack([n[i] - p[i], p[i] - a[i], a[i] - n[i]]) * 2 * weight)
    return torch.stack(found).unbind(1)


def slopes_by_parts(a, p, n, margin, *, factor=2.0):
    """Pull and push apart, in float64."""
    a, p, n = a.double(), p.double(), n.double()
    pull, push = factor * (a - p), factor * (a - n)
    inside = ((a - p).pow(2).sum(1, keepdim=True) + margin > (a - n).pow(2).sum(1, keepdim=True)) / a.shape[0]
    return inside * (pull - push), inside * -pull, inside * push


def slopes_with_where(a, p, n, margin):
    inside = (F.pairwise_distance(a, n, eps=0) ** 2 < F.pairwise_distance(a, p, eps=0) ** 2 + margin)[:, None]
    return tuple(torch.where(inside, z, torch.zeros_like(z)) / (0.5 * len(a)) for z in (n - p, p - a, a - n))


def slopes_stacked(a, p, n, margin):
    return torch.stack(slopes_by_parts(a, p, n, margin)).float()


def slopes_changed(change):
    return lambda *given: change(*slopes_one_by_one(*given))


def slopes_of_active(a, p, n, margin):
    active = ((a - p).pow(2).sum(1) - (a - n).pow(2).sum(1) + margin > 0).sum()
    return slopes_one_by_one(a, p, n, margin, count=lambda _: active)


def pulled_or_pushed(a, p, n, margin, *, pulled):
    _, at_positive, at_negative = slopes_one_by_one(a, p, n, margin)
    return (-at_positive if pulled else -at_negative), at_positive, at_negative


def slopes_plain(a, p, n, margin):
    leaves = [z.clone().requires_grad_() for z in (a, p, n)]
    return torch.autograd.grad(F.triplet_margin_loss(*leaves, margin=margin, eps=0), leaves)


def slopes_by_grad(a, p, n, margin):
    leaves = [z.detach().clone().requires_grad_() for z in (a, p, n)]
    return torch.autograd.grad(torchs_own(*leaves, margin), leaves)


def slopes_by_functional(*given):
    return torch.func.grad(torchs_own, argnums=(0, 1, 2))(*given)


def slopes_by_matrix(a, p, n, margin, **unused):
    """All three as one matrix of signs times the three vectors."""
    signs = torch.tensor([[0.0, -1.0, 1.0], [-1.0, 1.0, 0.0], [1.0, 0.0, -1.0]])
    near, far = (a - p).square().sum(1), (a - n).square().sum(1)
    inside = (far - near < margin).to(a.dtype) * 2 / a.size(0)
    return list(torch.einsum("st,tbd->sbd", signs, torch.stack([a, p, n])) * inside[:, None])


# --- All triplets of a batch


def all_by_loops(z1, z2, margin, *, term=lambda near, far, m: torch.relu(near - far + m), scale=unit, divide=None):
    """Anchor by anchor, stranger by stranger."""
    z1, z2, terms = scale(z1), scale(z2), []
    for i in range(len(z1)):
        near = (z1[i] - z2[i]).pow(2).sum()
        terms += [term(near, (z1[i] - z2[k]).pow(2).sum(), margin) for k in range(len(z2)) if k != i]
    return sum(terms) / (divide(len(z1)) if divide else len(terms))


def all_by_cdist(z1, z2, margin):
    far = torch.cdist(unit(z1), unit(z2)).pow(2)
    terms = (torch.diag(far)[:, None] - far + margin).clamp(min=0).fill_diagonal_(0)
    return terms.sum() / (far.numel() - len(far))


def all_by_cosines(z1, z2, margin):
    cosine = F.cosine_similarity(z1[:, None], z2[None], dim=-1)
    terms = F.relu(2 * cosine - 2 * cosine.diagonal()[:, None] + margin)
    return (terms.sum() - margin * len(z1)) / (len(z1) * (len(z1) - 1))


def all_by_rolling(z1, z2, margin):
    losses = [torchs_own(unit(z1), unit(z2), unit(z2).roll(k, 0), margin) for k in range(1, len(z1))]
    return torch.stack(losses).mean()


def all_in_double(z1, z2, margin):
    far = 2 - 2 * torch.einsum("id,kd->ik", unit(z1.double()), unit(z2.double()))
    near = torch.einsum("ii->i", far).view(-1, 1)
    rows, columns = torch.meshgrid(torch.arange(len(z1)), torch.arange(len(z2)), indexing="ij")
    return torch.masked_select((near - far + margin).relu(), rows != columns).mean().float()


def all_active(z1, z2, margin):
    terms = []
    for k in range(1, len(z1)):
        near, far = (unit(z1) - unit(z2)).pow(2).sum(1), (unit(z1) - unit(z2).roll(k, 0)).pow(2).sum(1)
        terms.append((near - far + margin).relu())
    terms = torch.cat(terms)
    return terms.sum() / (terms > 0).sum()


def all_with_diagonal(z1, z2, margin):
    far = torch.cdist(unit(z1), unit(z2)) ** 2
    return (far.diag()[:, None] - far + margin).relu().mean()


def all_against_columns(z1, z2, margin):
    far = torch.cdist(unit(z1), unit(z2)) ** 2
    return ((far.diag() - far + margin).relu().sum() - margin * len(z1)) / (len(z1) ** 2 - len(z1))


def all_of_view_1(z1, z2, margin):
    near, far = (unit(z1) - unit(z2)).pow(2).sum(1), torch.cdist(unit(z1), unit(z1)) ** 2
    terms = (near[:, None] - far + margin).relu()
    return terms.fill_diagonal_(0).sum() / (len(z1) ** 2 - len(z1))


def mean_before_clamp(z1, z2, margin):
    return all_by_loops(z1, z2, margin, term=lambda near, far, m: near - far + m).relu()


def all_mined(mine):
    def loss(z1, z2, margin):
        far = torch.cdist(unit(z1), unit(z2)) ** 2
        return torchs_own(unit(z1), unit(z2), unit(z2)[mine(far)], margin)

    return loss


# --- Differences over seeds


def gaps(one, other, seeds):
    return torch.tensor([one(seed) - other(seed) for seed in seeds], dtype=torch.float64)


def with_numpy(one, other, seeds, *, ddof=1):
    found = np.array([one(s) for s in seeds]) - np.array([other(s) for s in seeds])
    return found.mean(), found.std(ddof=ddof)


def by_formula(one, other, seeds):
    found = [one(s) - other(s) for s in seeds]
    mean = sum(found) / len(found)
    return [mean, (sum((x - mean) ** 2 for x in found) / (len(found) - 1)) ** 0.5]


def other_way_and_back(one, other, seeds):
    mean, spread = by_formula(other, one, seeds)
    return -mean, spread


def each_apart(spread, middle=lambda a, b: np.mean(a) - np.mean(b)):
    def report(one, other, seeds):
        first, second = ([run(s) for s in seeds] for run in (one, other))
        return middle(first, second), spread(first, second)

    return report


def stdev(values):
    return np.std(values, ddof=1)


def stdev_of_gaps(a, b):
    return stdev(np.subtract(a, b))


RIGHT = {
    "triplet.pairs": [pair_by_pair, pairs_weighted, pairs_picked, pairs_by_cdist, pairs_in_double, Pairs()],
    "triplet.triplet": [
        triplet_by_triplet,
        torchs_own,
        multiplied_out,
        triplet_by_cdist,
        triplet_by_einsum,
        triplet_hinge_embedding,
    ],
    "triplet.semi_hard": [
        mined,
        mined_by_sorting,
        mined_at_once,
        mined_with_numpy,
        mined_with_topk,
        mined_in_double,
    ],
    "triplet.mend": [
        repaired,
        repaired_with_cosines,
        repaired_as_a_loop,
        repaired_in_double,
        repaired_with_torch,
    ],
    "triplet.collapse": ["c", "C", "c\n"],
    "triplet.gradient": [
        slopes_one_by_one,
        slopes_by_matrix,
        slopes_by_parts,
        slopes_with_where,
        slopes_stacked,
    ],
    "triplet.poles": [2 / 9, 0.222, "2/9", torch.tensor(0.2222)],
    "triplet.confound": ["c", "C", "(c)"],
    "triplet.paired": [
        with_numpy,
        by_formula,
        other_way_and_back,
        lambda *x: torch.std_mean(gaps(*x))[::-1],
        lambda *x: (float(gaps(*x).mean()), float(gaps(*x).var() ** 0.5)),
    ],
    "triplet.report": [0.79, 0.8, "0.77", 0.7],
    "triplet.batch_all": [all_by_loops, all_by_cdist, all_by_cosines, all_by_rolling, all_in_double],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "triplet.pairs": [
        ("swapped", lambda a, b, same, m: pairs_weighted(a, b, ~same, m)),
        ("outside of the clamp", lambda *x: pair_by_pair(*x, push=lambda d, m: (m + max(0, -d)) ** 2)),
        ("clamp is missing", lambda *x: pair_by_pair(*x, push=lambda d, m: (m - d) ** 2)),
        ("turned round", lambda *x: pair_by_pair(*x, push=lambda d, m: max(0, d - m) ** 2)),
        ("aren't squared", lambda *x: pair_by_pair(*x, pull=lambda d, m: d, push=lambda d, m: max(0, m - d))),
        ("with the squared distance", lambda *x: pair_by_pair(*x, push=lambda d, m: max(0, m - d * d))),
        ("have no loss", lambda a, b, same, m: (a - b).square().sum(1).mul(same).mean()),
        ("summed", lambda *x: pair_by_pair(*x, total=True)),
        ("a mean each", a_mean_each),
        ("one half", lambda *x: 0.5 * pairs_weighted(*x)),
        ("softplus", lambda *x: pair_by_pair(*x, push=lambda d, m: torch.log1p(torch.exp(m - d)) ** 2)),
        ("squared one by one", lambda *x: pair_by_pair(*x, push=lambda d, m: max(0, m**2 - d**2))),
        ("only the pull", lambda *x: pair_by_pair(*x, push=lambda d, m: max(0, m - d))),
        ("one distance for all", whole_norm),
        ("absolute values", lambda a, b, same, m: Pairs()((a - b).abs().sum(1, keepdim=True), 0, same, m)),
        ("averaged over the dimensions", lambda a, b, same, m: Pairs()(a, b, same, m * a.shape[1] ** 0.5) / a.shape[1]),
        ("no gradient gets to z1 and z2", lambda *x: pair_by_pair(*x).detach()),
        ("no gradient gets to z1 and z2", lambda *x: torch.tensor(pair_by_pair(*x).item())),
        ("no gradient gets to z2", lambda a, b, same, m: pair_by_pair(a, b.detach(), same, m)),
        ("no gradient gets to z1,", lambda a, b, same, m: pair_by_pair(a.detach(), b, same, m)),
        ("the gradient at z1 isn't", push_detached),
        ("cut the gradient", lambda *x: pair_by_pair(*x).item()),
    ],
    "triplet.triplet": [
        ("swapped", lambda a, p, n, m: torchs_own(a, n, p, m)),
        ("outside of the clamp", lambda *x: triplet_by_triplet(*x, term=lambda near, far, m: max(0, near - far) + m)),
        ("clamp is missing", lambda *x: triplet_by_triplet(*x, term=lambda near, far, m: near - far + m)),
        ("before the clamp", lambda a, p, n, m: ((a - p) ** 2 - (a - n) ** 2).sum(1).mean().add(m).clamp(min=0)),
        ("aren't squared", lambda *x: triplet_by_triplet(*x, power=1)),
        ("subtracted", lambda *x: triplet_by_triplet(*x, term=lambda near, far, m: max(0.0, near - far - m))),
        ("isn't used", lambda *x: triplet_by_triplet(*x, term=lambda near, far, m: max(0.0, near - far))),
        ("from the positive", lambda a, p, n, m: ((p - a).pow(2).sum(1) - (p - n).pow(2).sum(1) + m).relu().mean()),
        ("averaged over the dimensions", lambda a, p, n, m: torchs_own(a, p, n, m * a.shape[1]) / a.shape[1]),
        ("active triplets alone", active_mean),
        ("summed", lambda a, p, n, m: len(a) * torchs_own(a, p, n, m)),
        ("softplus", lambda *x: triplet_by_triplet(*x, term=lambda near, far, m: F.softplus(near - far + m))),
        ("softplus", lambda *x: triplet_by_triplet(*x, term=lambda near, far, m: (1 + (near - far).exp()).log())),
        (
            "hinge is squared",
            lambda *x: triplet_by_triplet(*x, term=lambda near, far, m: max(0.0, near - far + m) ** 2),
        ),
        ("whole batch", lambda a, p, n, m: ((a - p).pow(2).sum() - (a - n).pow(2).sum() + m).clamp(min=0)),
        ("whole batch", lambda a, p, n, m: (F.mse_loss(a, p) - F.mse_loss(a, n) + m).clamp(min=0)),
        ("scaled to length 1 first", lambda a, p, n, m: torchs_own(unit(a), unit(p), unit(n), m)),
        ("cosines", lambda a, p, n, m: torchs_own(unit(a), unit(p), unit(n), 2 * m) / 2),
        ("one half", lambda *x: torchs_own(*x) / 2),
        ("aren't squared", lambda a, p, n, m: F.triplet_margin_loss(a, p, n, margin=m)),
        ("no gradient gets to anchor and positive and negative", lambda *x: torchs_own(*x).detach()),
        ("no gradient gets to negative", lambda a, p, n, m: torchs_own(a, p, n.detach(), m)),
        ("cut the gradient", lambda *x: float(torchs_own(*x))),
    ],
    "triplet.semi_hard": [
        ("hardest", mined_by_hand),
        ("easiest", lambda table: mined_by_hand(table, first=max)),
        ("the whole row", lambda table: table.min(dim=1).indices),
        ("own image", lambda table: torch.arange(len(table))),
        ("its own negative", own_kept),
        ("column 0", column_zero),
        ("least hard", lambda table: mined_by_hand(table, allowed=lambda far, near: far > near, fallback=min)),
        ("nearer side", lambda table: torch.where(table < table.diag()[:, None], table, torch.tensor(-1.0)).argmax(1)),
        ("on either side", any_side),
        ("columns are read", lambda table: mined(table.T.contiguous())),
        ("not its column", lambda table: table[range(len(table)), mined(table)]),
        ("positive of its column", mined_by_column),
        ("positive of its column", lambda table: mined_by_column(table, keep_diagonal=True)),
        ("positive of its column", lambda table: table.masked_fill(table <= table.diag(), torch.inf).argmin(1)),
        ("FaceNet's window", lambda table: mined_by_hand(table, allowed=lambda far, near: near < far < near + 0.2)),
        ("FaceNet's window", lambda table: mined_by_hand(table, allowed=lambda far, near: near < far < near + 0.5)),
        ("without the diagonal", lambda table: mined(table) - (mined(table) > torch.arange(len(table))).long()),
        ("the farthest beyond", farthest_beyond),
        ("whole numbers", lambda table: mined(table).float()),
    ],
    "triplet.mend": [
        ("all three slips", lambda a, b, m: repaired(a, b, m, dim=0, along=1, swapped=True)),
        ("two slips are left: each column", lambda a, b, m: repaired(a, b, m, dim=0, along=1)),
        ("row; and near and far", lambda a, b, m: repaired(a, b, m, dim=0, swapped=True)),
        ("view; and near and far", lambda a, b, m: repaired(a, b, m, along=1, swapped=True)),
        ("one slip is left: each column", lambda a, b, m: repaired(a, b, m, dim=0)),
        ("one slip is left: the numbers", lambda a, b, m: repaired(a, b, m, along=1)),
        ("one slip is left: near and far", lambda a, b, m: repaired(a, b, m, swapped=True)),
        ("image before", lambda a, b, m: torchs_own(unit(a), unit(b), unit(b).roll(1, 0), m)),
        ("z2 isn't scaled", lambda a, b, m: torchs_own(unit(a), b, b.roll(-1, 0), m)),
        ("z1 isn't scaled", lambda a, b, m: torchs_own(a, unit(b), unit(b).roll(-1, 0), m)),
        ("no gradient gets to z2", lambda a, b, m: repaired(a, b.detach(), m)),
    ],
    "triplet.collapse": [
        ("semi-hard mining", "a"),
        ("Nothing has collapsed", "b"),
        ("passes through", "d"),
        ("encoder has collapsed", "e"),
    ],
    "triplet.gradient": [
        ("autograd has made them", slopes_by_autograd),
        ("autograd has made them", slopes_by_grad),
        ("autograd has made them", slopes_by_functional),
        ("factor 2", lambda *x: slopes_by_parts(*x, factor=1.0)),
        ("turned round", lambda *x: slopes_by_parts(*x, factor=-2.0)),
        ("by the number of triplets", lambda *x: slopes_one_by_one(*x, count=lambda a: 1)),
        ("number of active", slopes_of_active),
        ("beyond the margin", lambda *x: slopes_one_by_one(*x, term=lambda value: 1.0)),
        ("margin is missing", lambda a, p, n, m: slopes_one_by_one(a, p, n, 0.0)),
        ("weighted by its loss", lambda *x: slopes_one_by_one(*x, term=torch.relu)),
        ("only pulled", lambda *x: pulled_or_pushed(*x, pulled=True)),
        ("only pushed", lambda *x: pulled_or_pushed(*x, pulled=False)),
        ("the anchor's gradient", slopes_changed(lambda a, p, n: (-a, p, n))),
        ("the positive's gradient", slopes_changed(lambda a, p, n: (a, -p, n))),
        ("the negative's gradient", slopes_changed(lambda a, p, n: (a, p, -n))),
        ("are both wrong", slopes_changed(lambda a, p, n: (a, -p, -n))),
        ("wrong order", slopes_changed(lambda a, p, n: (a, n, p))),
        ("plain distances", slopes_plain),
        ("3 values", lambda *x: slopes_one_by_one(*x)[:2]),
        ("shape", lambda *x: [z.sum(0) for z in slopes_one_by_one(*x)]),
    ],
    "triplet.poles": [
        ("own image was counted", 0.25),
        ("of a collapse", 0.5),
        ("under semi-hard", 0),
        ("mixed up", 0.278),
        ("share of active", 0.444),
        ("clamp is missing", -1.722),
        ("mean of distances", 2),
        ("not a slip that is known", 0.3),
    ],
    "triplet.confound": [
        ("both share", "a"),
        ("far too small", "b"),
        ("nobody did", "d"),
        ("as many labelled", "e"),
    ],
    "triplet.paired": [
        ("wrong way round", lambda one, other, seeds: by_formula(other, one, seeds)),
        ("unrelated runs", each_apart(lambda a, b: (stdev(a) ** 2 + stdev(b) ** 2) ** 0.5)),
        ("deviations are subtracted", each_apart(lambda a, b: stdev(a) - stdev(b))),
        ("deviations are subtracted", each_apart(lambda a, b: abs(stdev(b) - stdev(a)))),
        ("one method alone", each_apart(lambda a, b: stdev(a))),
        ("one method alone", each_apart(lambda a, b: stdev(b))),
        ("divided by n", lambda *x: with_numpy(*x, ddof=0)),
        ("standard error", each_apart(lambda a, b: stdev_of_gaps(a, b) / len(a) ** 0.5)),
        ("variance", lambda *x: (gaps(*x).mean().item(), gaps(*x).var().item())),
        ("range", lambda *x: (gaps(*x).mean().item(), (gaps(*x).max() - gaps(*x).min()).item())),
        ("best seeds", each_apart(stdev_of_gaps, lambda a, b: max(a) - max(b))),
        ("best seeds", lambda *x: (gaps(*x).max().item(), gaps(*x).std().item())),
        ("median", lambda *x: (float(np.median(gaps(*x))), gaps(*x).std().item())),
        ("only the first seed", lambda one, other, seeds: (one(seeds[0]) - other(seeds[0]), 0)),
        ("never handed on", lambda one, other, seeds: by_formula(lambda s: one(0), lambda s: other(0), seeds)),
        ("different seeds", lambda one, other, seeds: by_formula(one, lambda s: other(s + 1), seeds)),
        (
            "different seeds",
            lambda one, other, seeds: each_apart(lambda a, b: stdev_of_gaps(a, b[::-1]))(one, other, seeds),
        ),
        ("replaced by 0, 1, 2", lambda one, other, seeds: by_formula(one, other, range(len(seeds)))),
        ("2 values", lambda *x: gaps(*x).mean().item()),
    ],
    "triplet.report": [("wrong way round", -0.8), ("nothing differs", 0.0), ("not a slip", 0.3)],
    "triplet.batch_all": [
        ("its own negative", all_with_diagonal),
        ("divided by B * B", lambda *x: all_by_loops(*x, divide=lambda count: count**2)),
        ("divided by B:", lambda *x: all_by_loops(*x, divide=lambda count: count)),
        ("summed", lambda *x: all_by_loops(*x, divide=lambda count: 1)),
        ("active triplets alone", all_active),
        ("positive of its column", all_against_columns),
        ("swapped", lambda *x: all_by_loops(*x, term=lambda near, far, m: torch.relu(far - near + m))),
        ("clamp is missing", lambda *x: all_by_loops(*x, term=lambda near, far, m: near - far + m)),
        ("margin isn't used", lambda *x: all_by_loops(*x, term=lambda near, far, m: torch.relu(near - far))),
        ("before the clamp", mean_before_clamp),
        ("aren't scaled", lambda *x: all_by_loops(*x, scale=lambda z: z)),
        ("of view 1", all_of_view_1),
        ("aren't squared", lambda *x: all_by_loops(*x, term=lambda near, far, m: (near**0.5 - far**0.5 + m).relu())),
        ("cosines", lambda *x: all_by_loops(*x, term=lambda near, far, m: ((near - far) / 2 + m).relu())),
        ("the hardest", all_mined(lambda far: far.detach().clone().fill_diagonal_(9).argmin(1))),
        ("the semi-hard", all_mined(lambda far: mined(far.detach()))),
        ("no gradient gets to z1 and z2", lambda *x: all_by_cdist(*x).detach()),
        ("no gradient gets to z2", lambda a, b, m: all_by_loops(a, b.detach(), m)),
    ],
}
