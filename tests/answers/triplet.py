"""Answers to the exercises of lesson 03 as students write them: right ones, and each known mistake made once."""

import torch
import torch.nn.functional as F


def unit(z):
    return z / z.norm(dim=1, keepdim=True)


# --- Pairs


def pair_by_pair(z1, z2, same, margin, *, pull=lambda d, m: d**2, push=lambda d, m: max(0, m - d) ** 2, total=False):
    """One pair after the other, with the parts that mistakes are made in as options."""
    terms = []
    for a, b, together in zip(z1, z2, same, strict=True):
        distance = (a - b).norm()
        terms.append(pull(distance, margin) if together else push(distance, margin))
    return sum(terms) if total else sum(terms) / len(terms)


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


# --- Triplets


def triplet_by_triplet(a, p, n, margin, *, term=lambda near, far, m: max(0.0, near - far + m), power=2):
    terms = []
    for i in range(len(a)):
        near, far = ((a[i] - other[i]).norm() ** power for other in (p, n))
        terms.append(term(near, far, margin))
    return sum(terms) / len(terms)


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


def repaired_as_a_loop(z1, z2, margin):
    z1, z2, terms = unit(z1), unit(z2), []
    for i in range(len(z1)):
        near = ((z1[i] - z2[i]) ** 2).sum()
        far = ((z1[i] - z2[(i + 1) % len(z2)]) ** 2).sum()
        terms.append(torch.relu(near - far + margin))
    return sum(terms) / len(terms)


# --- Two candidates


def two_logits(a, p, n, temperature, *, right=0, total="mean", scale=unit):
    a, p, n = scale(a), scale(p), scale(n)
    logits = torch.stack([(a * p).sum(1), (a * n).sum(1)], dim=1) / temperature
    return F.cross_entropy(logits, torch.full((len(a),), right), reduction=total)


def from_distances(a, p, n, temperature, *, factor=2, rounded=F.softplus):
    a, p, n = unit(a), unit(p), unit(n)
    return rounded(((a - p).pow(2).sum(1) - (a - n).pow(2).sum(1)) / (factor * temperature)).mean()


def chances(a, p, n, temperature):
    """The softmax written out: the probability of the positive, (B,)."""
    own = (F.cosine_similarity(a, p) / temperature).exp()
    other = (F.cosine_similarity(a, n) / temperature).exp()
    return own / (own + other)


def all_negatives(a, p, n, temperature):
    logits = torch.cat([F.cosine_similarity(a, p)[:, None], unit(a) @ unit(n).T], dim=1) / temperature
    return -logits.log_softmax(1)[:, 0].mean()


RIGHT = {
    "triplet.pairs": [pair_by_pair, pairs_weighted, pairs_picked],
    "triplet.triplet": [triplet_by_triplet, torchs_own, multiplied_out],
    "triplet.active": [0.625, 5 / 8, torch.tensor(0.625)],
    "triplet.semi_hard": [mined, mined_by_sorting, mined_at_once],
    "triplet.mend": [repaired, repaired_with_cosines, repaired_as_a_loop],
    "triplet.collapse": ["c", "C", "c\n"],
    "triplet.two_candidates": [two_logits, from_distances, lambda a, p, n, t: -chances(a, p, n, t).log().mean()],
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
    ],
    "triplet.active": [
        ("margin was forgotten", 0.125),
        ("easy ones were counted", 0.375),
        ("only the semi-hard", 0.5),
        ("how many", 5),
        ("percent", 62.5),
        ("mean loss", 0.256),
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
    ],
    "triplet.mend": [
        ("all three slips", lambda a, b, m: repaired(a, b, m, dim=0, along=1, swapped=True)),
        ("two slips are left: each column", lambda a, b, m: repaired(a, b, m, dim=0, along=1)),
        ("row; and near and far", lambda a, b, m: repaired(a, b, m, dim=0, swapped=True)),
        ("view; and near and far", lambda a, b, m: repaired(a, b, m, along=1, swapped=True)),
        ("one slip is left: each column", lambda a, b, m: repaired(a, b, m, dim=0)),
        ("one slip is left: the numbers", lambda a, b, m: repaired(a, b, m, along=1)),
        ("one slip is left: near and far", lambda a, b, m: repaired(a, b, m, swapped=True)),
    ],
    "triplet.collapse": [("semi-hard mining", "a"), ("What ends here", "b"), ("passes through", "d")],
    "triplet.two_candidates": [
        ("multiplied", lambda a, p, n, t: two_logits(a, p, n, 1 / t)),
        ("isn't used", lambda a, p, n, t: two_logits(a, p, n, 1)),
        ("length 1", lambda a, p, n, t: two_logits(a, p, n, t, scale=lambda z: z)),
        ("counts as the right answer", lambda a, p, n, t: two_logits(a, p, n, t, right=1)),
        ("as if they were cosines", lambda a, p, n, t: from_distances(a, p, n, t, factor=1)),
        ("hinge", lambda a, p, n, t: from_distances(a, p, n, t, rounded=F.relu)),
        ("from the denominator", lambda a, p, n, t: from_distances(a, p, n, t, rounded=lambda x: x)),
        ("probability itself", lambda a, p, n, t: chances(a, p, n, t).mean()),
        ("mean probability", lambda a, p, n, t: -chances(a, p, n, t).mean().log()),
        ("negatives of all", all_negatives),
        ("summed", lambda a, p, n, t: two_logits(a, p, n, t, total="sum")),
    ],
}

# --- unusual right answers, and more slips


def pairs_with_cdist(z1, z2, same, margin):
    distance = torch.cdist(z1.double(), z2.double(), compute_mode="donot_use_mm_for_euclid_dist").diagonal()
    gap = torch.maximum(margin - distance, torch.zeros_like(distance))
    return (same * distance**2 + ~same * gap**2).sum() / same.numel()


def pairs_in_two_sums(z1, z2, same, margin):
    distance = torch.linalg.vector_norm(z1 - z2, dim=-1)
    near, far = distance[same], distance[~same]
    return (near.dot(near) + torch.clamp_min(margin - far, 0).pow(2).sum()) / len(distance)


def triplets_by_einsum(a, p, n, margin):
    near, far = (torch.einsum("bd,bd->b", a - other, a - other) for other in (p, n))
    return torch.stack([near - far + margin, torch.zeros_like(near)]).amax(dim=0).mean()


def triplets_as_a_mean_of_active(a, p, n, margin):
    terms = (a - p).norm(dim=1) ** 2 - (a - n).norm(dim=1) ** 2 + margin
    active = terms > 0
    return terms[active].sum() / len(terms)


def mined_with_numpy(table):
    rows = table.numpy().astype("float64")
    chosen = []
    for i, row in enumerate(rows):
        order = [int(k) for k in row.argsort() if k != i]
        later = [k for k in order if row[k] > row[i]]
        chosen.append(later[0] if later else order[-1])
    return torch.tensor(chosen)


def mined_by_sorting(table):
    own = table.diagonal()[:, None]
    others = ~torch.eye(len(table), dtype=torch.bool)
    far = torch.where(others & (table > own), table, torch.inf)
    value, column = far.sort(dim=1)
    last = torch.where(others, table, -1.0).topk(1, dim=1).indices[:, 0]
    return column[:, 0].where(value[:, 0].isfinite(), last)


def mended_with_indices(z1, z2, margin):
    a, b = unit(z1), unit(z2)
    following = b[(torch.arange(len(b)) + 1) % len(b)]
    return (((a - b) ** 2).sum(-1) - ((a - following) ** 2).sum(-1) + margin).relu().mean()


def mended_by_cosines(z1, z2, margin):
    """Of vectors of length 1, a squared distance is 2 - 2 cosine."""
    table = F.cosine_similarity(z1[:, None], z2[None], dim=2)  # (B, B)
    near, far = table.diagonal(), torch.cat([table.diagonal(1), table[-1:, 0]])
    return F.relu(2 * far - 2 * near + margin).mean()


def two_by_log_softmax(a, p, n, temperature):
    candidates = torch.stack([p, n], dim=1)  # (B, 2, D)
    logits = F.cosine_similarity(a[:, None], candidates, dim=2).div(temperature)
    return -logits.log_softmax(dim=1)[:, 0].mean()


def two_by_logsumexp(a, p, n, temperature):
    own, other = ((unit(a) * unit(z)).sum(1) / temperature for z in (p, n))
    return (torch.logaddexp(own, other) - own).sum() / len(a)


def softmax_first(a, p, n, temperature):
    logits = torch.stack([(unit(a) * unit(z)).sum(1) for z in (p, n)], 1) / temperature
    return F.nll_loss(torch.log_softmax(torch.softmax(logits, 1), 1), torch.zeros(len(a), dtype=torch.long))


def bare_cosine(x, y):
    return (x * y).sum(1) / x.norm(dim=1) * y.norm(dim=1)


def with_window(table, width=0.2):
    return mined_by_hand(table, allowed=lambda far, near: near < far < near + width)


def by_column(table):
    fits = torch.where(table > table.diagonal(), table, torch.inf)
    easiest = (table - 1e9 * torch.eye(len(table))).argmax(1)
    return torch.where(fits.isinf().all(1), easiest, fits.argmin(1))


RIGHT["triplet.pairs"] += [pairs_with_cdist, pairs_in_two_sums]
RIGHT["triplet.triplet"] += [triplets_by_einsum, triplets_as_a_mean_of_active]
RIGHT["triplet.semi_hard"] += [mined_with_numpy, mined_by_sorting]
RIGHT["triplet.mend"] += [mended_with_indices, mended_by_cosines]
RIGHT["triplet.two_candidates"] += [two_by_log_softmax, two_by_logsumexp]
RIGHT["triplet.active"] += ["5/8", "62.5 %", "0,625"]
WRONG["triplet.pairs"] += [
    ("softplus", lambda a, b, same, m: torch.where(same, d := (a - b).norm(dim=1), F.softplus(m - d)).square().mean())
]
WRONG["triplet.triplet"] += [
    ("softplus", lambda a, p, n, m: F.softplus(((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + m).mean())
]
WRONG["triplet.semi_hard"] += [("unsqueeze(1)", by_column), ("FaceNet's window", with_window)]
WRONG["triplet.mend"] += [
    ("the image before", lambda a, b, m: torchs_own(unit(a), unit(b), unit(b).roll(1, 0), m)),
    ("only one of the two views", lambda a, b, m: torchs_own(unit(a), b, b.roll(-1, 0), m)),
    ("only one of the two views", lambda a, b, m: torchs_own(a, unit(b), unit(b).roll(-1, 0), m)),
]
WRONG["triplet.two_candidates"] += [
    ("softmax is taken twice", softmax_first),
    ("brackets", lambda a, p, n, t: F.softplus((bare_cosine(a, n) - bare_cosine(a, p)) / t).mean()),
    ("a fixed number", lambda a, p, n, t: two_by_log_softmax(a, p, n, 0.1)),
    ("loss is divided", lambda a, p, n, t: two_by_logsumexp(a, p, n, 1.0) / t),
]
