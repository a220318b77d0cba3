"""Answers to the exercises of lesson 13 as students write them: right ones, and each known mistake made once."""

import math
import operator

import numpy as np
import torch
import torch.nn.functional as F

# --- The loss of each picture


def losses_by_loops(student, teacher, centre, tau_s, tau_t):
    found = []
    for b in range(student.shape[1]):
        total, pairs = 0.0, 0
        for g in range(teacher.shape[0]):
            for v in range(student.shape[0]):
                if g == v:
                    continue
                with torch.no_grad():
                    target = F.softmax((teacher[g, b] - centre) / tau_t, dim=0)
                total = total + F.cross_entropy(student[v, b] / tau_s, target)
                pairs += 1
        found.append(total / pairs)
    return torch.stack(found)


def losses_by_tables(student, teacher, centre, tau_s, tau_t):
    p = torch.softmax((teacher.detach() - centre) / tau_t, -1)
    logs = student / tau_s - torch.logsumexp(student / tau_s, -1, keepdim=True)
    table = -(p[:, None] * logs[None]).sum(-1)  # (G, V, B)
    weights = 1 - torch.eye(len(p), len(logs))
    return (table * weights[:, :, None]).sum((0, 1)) / weights.sum()


def losses_in_double(student, teacher, centre, tau_s, tau_t):
    p = ((teacher.data.double() - centre.double()) / tau_t).softmax(2)
    logs = (student.double() / tau_s).log_softmax(2)
    all_pairs = torch.einsum("gbk,vbk->b", p, logs)
    own = torch.einsum("gbk,gbk->b", p, logs[: len(p)])
    return (own - all_pairs) / (len(p) * (len(logs) - 1))


def losses_in_numpy_and_torch(student, teacher, centre, tau_s, tau_t, *, eps=0.0):
    scores = (teacher.detach().numpy() - centre.numpy()) / tau_t
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    shares = torch.from_numpy(shares / shares.sum(-1, keepdims=True))
    logs = torch.log(torch.softmax(student / tau_s, dim=-1) + eps)
    pairs = [(g, v) for v in range(len(student)) for g in range(len(teacher)) if v != g]
    return sum(-(shares[g] * logs[v]).sum(1) for g, v in pairs) / len(pairs)


def losses_by_means_of_means(student, teacher, centre, tau_s, tau_t):
    logs = F.log_softmax(student / tau_s, dim=2)
    per_teacher = []
    for g, scores in enumerate(teacher):
        others = torch.cat([logs[:g], logs[g + 1 :]])
        target = F.softmax((scores - centre) / tau_t, dim=1).detach()
        per_teacher.append(-others.mul(target).sum(2).mean(0))
    return torch.stack(per_teacher).mean(0)


def shares_of(teacher, centre, tau_t):
    return F.softmax((teacher.detach() - centre) / tau_t, 2)


def losses_with(targets, logs, pairs=operator.ne, finish=None):
    """The loss of each picture from functions for targets and logs."""

    def losses(student, teacher, centre, tau_s, tau_t):
        p, q = targets(teacher.detach(), centre, tau_s, tau_t), logs(student, centre, tau_s, tau_t)
        some = [(g, v) for g in range(len(p)) for v in range(len(q)) if pairs(g, v)]
        table = torch.stack([-(p[g] * q[v]).sum(1) for g, v in some])
        return (finish or (lambda t: t.mean(0)))(table)

    return losses


def teachers(teacher, centre, tau_s, tau_t):
    return F.softmax((teacher - centre) / tau_t, 2)


def students(student, centre, tau_s, tau_t):
    return F.log_softmax(student / tau_s, 2)


def student_as_teacher(student, teacher, centre, tau_s, tau_t):
    said, logs = F.softmax(student / tau_s, 2), F.log_softmax((teacher.detach() - centre) / tau_t, 2)
    pairs = [(g, v) for g in range(len(logs)) for v in range(len(said)) if g != v]
    return torch.stack([-(said[v] * logs[g]).sum(1) for g, v in pairs]).mean(0)


def kl(student, teacher, centre, tau_s, tau_t):
    p, q = shares_of(teacher, centre, tau_t), F.log_softmax(student / tau_s, 2)
    pairs = [(g, v) for g in range(len(p)) for v in range(len(q)) if g != v]
    return torch.stack([F.kl_div(q[v], p[g], reduction="none").sum(1) for g, v in pairs]).mean(0)


def teacher_moved(student, teacher, centre, tau_s, tau_t):
    p, q = F.softmax((teacher - centre) / tau_t, 2), F.log_softmax(student / tau_s, 2)
    pairs = [(g, v) for g in range(len(p)) for v in range(len(q)) if g != v]
    return torch.stack([-(p[g] * q[v]).sum(1) for g, v in pairs]).mean(0)


# --- The slope


def slope_by_loops(scores, targets, temperature):
    B, K = scores.shape
    out = torch.zeros(B, K)
    for b in range(B):
        weights = [math.exp(float(s) / temperature) for s in scores[b]]
        for k in range(K):
            wanted = sum(float(t[b, k]) for t in targets) / len(targets)
            out[b, k] = (weights[k] / sum(weights) - wanted) / temperature / B
    return out


def slope_in_numpy(scores, targets, temperature):
    s = scores.numpy().astype(np.float64) / temperature
    p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
    return torch.from_numpy((p[None] - targets.numpy()).mean(0) / (temperature * len(s)))


def slope_by_autograd(scores, targets, temperature):
    s = scores.clone().requires_grad_()
    loss = F.cross_entropy((s / temperature).repeat(len(targets), 1), targets.flatten(0, 1))
    loss.backward()
    return s.grad


def slope_by_grad(scores, targets, temperature):
    s = scores.clone().requires_grad_()
    return torch.autograd.grad(crossed(s, targets, temperature), s)[0]


def slope_by_functional(scores, targets, temperature):
    return torch.func.grad(crossed)(scores, targets, temperature)


def crossed(scores, targets, temperature):
    return -(targets.mean(0) * (scores / temperature).log_softmax(1)).sum() / len(scores)


def slope_by_weights(scores, targets, temperature=0.1, **unused):
    said = [torch.exp(s / temperature - torch.logsumexp(s / temperature, 0)) for s in scores]
    return torch.stack([(p - targets[:, b].mean(0)) / (temperature * len(said)) for b, p in enumerate(said)])


def slope_in_place(scores, targets, temperature):
    p = scores.div(temperature).softmax(-1)
    p -= targets.mean(0)
    return p.div_(temperature).div_(scores.size(0))


def slope_by_jacobian(scores, targets, temperature):
    rows = []
    for s, t in zip(scores.double(), targets.double().mean(0), strict=True):
        p = torch.softmax(s / temperature, 0)
        jacobian = (torch.diag(p) - torch.outer(p, p)) / temperature  # of the shares, by the scores
        rows.append(-jacobian @ (t / p))
    return torch.stack(rows) / len(scores)


def p_of(scores, temperature):
    return F.softmax(scores / temperature, 1)


# --- The centre


def centres_by_weights(says, decay):
    means = says.flatten(1, 2).mean(1)
    found = []
    for step in range(len(says)):
        weights = (1 - decay) * decay ** torch.arange(step - 1, -1, -1.0)
        found.append((weights[:, None] * means[:step]).sum(0))
    return torch.stack(found)


def centres_in_place(says, decay):
    used = torch.zeros(len(says), says.shape[-1])
    for step in range(1, len(says)):
        used[step] = used[step - 1].lerp(says[step - 1].mean((0, 1)), 1 - decay)
    return used


def centres_in_numpy(says, decay):
    centre, used = np.zeros(says.shape[3]), []
    for scores in says.numpy():
        used.append(centre)
        centre = decay * centre + (1 - decay) * scores.mean(axis=(0, 1))
    return torch.from_numpy(np.stack(used))


def centres_by_what_is_left(says, decay, *, start=0.0):
    """Moves by a tenth of the distance, which is the same."""
    centre = torch.full((says.shape[3],), start, dtype=torch.float64)
    used = []
    for scores in says.double():
        used.append(centre.clone())
        centre += (1 - decay) * (scores - centre).mean(dim=(0, 1))
    return torch.stack(used)


def centres_by_views(says, decay):
    centre, used = torch.zeros_like(says[0, 0, 0]), []
    for step in range(says.shape[0]):
        used.append(centre)
        total = sum(view.sum(0) for view in says[step])
        centre = centre * decay + total * (1 - decay) / (says.shape[1] * says.shape[2])
    return torch.vstack(used)


def centres_with(update, start=lambda means: torch.zeros_like(means[0]), means=lambda says: says.mean((1, 2)), late=0):
    """The centres by an update (centre, mean, decay, step)."""

    def centres(says, decay):
        every = means(says)
        found = [start(every)]
        for step, mean in enumerate(every, 1):
            found.append(update(found[-1], mean, decay, step))
        return torch.stack(found[late : len(says) + late])

    return centres


def centres_in_one_tensor(says, decay):
    centre, used = torch.zeros(says.shape[3]), []
    for scores in says:
        used.append(centre)
        centre *= decay
        centre += (1 - decay) * scores.mean((0, 1))
    return torch.stack(used)


def moved(centre, mean, kept):
    return kept * centre + (1 - kept) * mean


# --- Even shares


def even_by_loops(scores, temperature, rounds):
    q = [[math.exp(float(s) / temperature) for s in row] for row in scores]
    for _ in range(rounds):
        totals = [sum(row[k] for row in q) for k in range(len(q[0]))]
        q = [[value / total for value, total in zip(row, totals, strict=True)] for row in q]
        q = [[value / sum(row) for value in row] for row in q]
    return torch.tensor(q)


def even_in_logs(scores, temperature, rounds):
    logs = scores.double() / temperature
    for _ in range(rounds):
        logs = logs.log_softmax(dim=0)
        logs = logs.log_softmax(dim=1)
    return logs.exp()


def even_as_swav(scores, temperature, rounds):
    """The table of the paper, turned, of which all sums to 1."""
    q = torch.exp(scores / temperature).t()
    K, B = q.shape
    q /= q.sum()
    for _ in range(rounds):
        q /= q.sum(dim=1, keepdim=True) * K
        q /= q.sum(dim=0, keepdim=True) * B
    return (q * B).t()


def even_in_numpy(scores, temperature, rounds):
    q = np.exp((scores.numpy() - scores.numpy().max()) / temperature)
    for _ in range(rounds):
        q /= q.sum(0)
        q /= q.sum(1)[:, None]
    return torch.from_numpy(q)


def even_by_factors(scores, temperature, rounds, *, tiny=0.0):
    q = (scores / temperature).exp()
    r, c = torch.ones(len(q)), torch.ones(q.shape[1])
    for _ in range(rounds):
        c = 1 / (q.T @ r + tiny)
        r = 1 / (q @ c + tiny)
    return torch.diag(r) @ q @ torch.diag(c)


def even_by_normalize(scores, temperature, rounds):
    q = torch.softmax(scores / temperature, dim=0)  # the first division of the columns, done already
    for _ in range(rounds):
        q = F.normalize(F.normalize(q, p=1, dim=0), p=1, dim=1)
    return q


def table_of(scores, temperature):
    return torch.exp(scores / temperature)


def sinkhorn(q, rounds, first=0):
    for _ in range(rounds):
        q = q / q.sum(first, keepdim=True)
        q = q / q.sum(1 - first, keepdim=True)
    return q


# --- Where a head looks


def kept_by_hand(look, mass):
    order = look.flatten().argsort(descending=True).tolist()
    found, held = torch.zeros(look.numel(), dtype=torch.bool), 0.0
    for place in order:
        if held >= mass:
            break
        found[place] = True
        held += float(look.flatten()[place])
    return found.view(look.shape)


def overlap_by_loops(known_maps, known_masks, new_maps, new_masks, mass):
    def of_head(maps, masks, head):
        total = 0.0
        for look, mask in zip(maps[:, head], masks, strict=True):
            kept = kept_by_hand(look, mass)
            total += int((kept & mask).sum()) / int((kept | mask).sum())
        return total / len(maps)

    best = max(range(known_maps.shape[1]), key=lambda head: of_head(known_maps, known_masks, head))
    return of_head(new_maps, new_masks, best)


def overlap_in_numpy(known_maps, known_masks, new_maps, new_masks, mass):
    def table(maps, masks):
        maps, masks = maps.numpy(), masks.numpy()[:, None]
        flat = maps.reshape(*maps.shape[:2], -1)
        order = np.argsort(-flat, axis=-1)
        before = np.cumsum(np.take_along_axis(flat, order, -1), -1) - np.take_along_axis(flat, order, -1)
        kept = np.zeros(flat.shape, dtype=bool)
        np.put_along_axis(kept, order, before < mass, -1)
        kept = kept.reshape(maps.shape)
        return (kept & masks).sum((-1, -2)) / (kept | masks).sum((-1, -2))

    return table(new_maps, new_masks)[:, table(known_maps, known_masks).mean(0).argmax()].mean()


def kept_of(maps, mass):
    """A threshold for each map: the patch with which the share is reached."""
    flat = maps.flatten(-2)
    held = flat.sort(-1, descending=True).values
    place = (held.cumsum(-1) >= mass).int().argmax(-1, keepdim=True)
    return (flat >= held.gather(-1, place)).view_as(maps)


def table_by(keep, divide):
    def table(maps, masks, mass):
        kept, masks = keep(maps, mass), masks.unsqueeze(1).expand_as(maps)
        both = (kept & masks).double().sum((-1, -2))
        return divide(both, kept.double().sum((-1, -2)), masks.double().sum((-1, -2)))

    return table


def union(both, kept, true):
    return both / (kept + true - both)


ious = table_by(kept_of, union)


def overlap_by_thresholds(known_maps, known_masks, new_maps, new_masks, mass):
    head = ious(known_maps, known_masks, mass).sum(0).max(0).indices
    return ious(new_maps, new_masks, mass)[:, head].mean()


def overlap_in_double(known_maps, known_masks, new_maps, new_masks, mass, *, eps=1e-12):
    def mean_of(maps, masks):
        held, order = maps.double().flatten(2).sort(-1, descending=True)
        ranks = order.argsort(-1)
        needed = (held.cumsum(-1) < mass).sum(-1, keepdim=True) + 1
        kept, true = (ranks < needed).double(), masks.flatten(1).double().unsqueeze(1)
        return ((kept * true).sum(-1) / (torch.maximum(kept, true).sum(-1) + eps)).mean(0)

    return mean_of(new_maps, new_masks)[mean_of(known_maps, known_masks).argmax()]


def overlap_head_by_head(known_maps, known_masks, new_maps, new_masks, mass):
    heads = []
    for known, new in zip(known_maps.unbind(1), new_maps.unbind(1), strict=True):
        pairs = [(known, known_masks), (new, new_masks)]
        heads.append([ious(maps[:, None], masks, mass).mean().item() for maps, masks in pairs])
    return sorted(heads)[-1][1]


def overlap_with(finish, table=ious):
    return lambda known_maps, known_masks, new_maps, new_masks, mass: float(
        finish(table(known_maps, known_masks, mass), table(new_maps, new_masks, mass))
    )


def chosen(known, new):
    return new.mean(0)[known.mean(0).argmax()]


def one_less(maps, mass):
    flat = maps.flatten(-2)
    held, order = flat.sort(-1, descending=True)
    return (order.argsort(-1) < (held.cumsum(-1) < mass).sum(-1, keepdim=True)).view_as(maps)


def by_count(maps, mass):
    flat = maps.flatten(-2)
    return (flat.argsort(-1, descending=True).argsort(-1) < round(mass * flat.shape[-1])).view_as(maps)


def from_below(maps, mass):
    flat = maps.flatten(-2)
    held, order = flat.sort(-1)
    return (order.argsort(-1) <= (held.cumsum(-1) < mass).sum(-1, keepdim=True)).view_as(maps)


def near_the_largest(maps, mass):
    return maps >= mass * maps.flatten(-2).max(-1).values[..., None, None]


def pooled(known_maps, known_masks, new_maps, new_masks, mass):
    head = ious(known_maps, known_masks, mass).mean(0).argmax()
    kept = kept_of(new_maps[:, head], mass)
    return (kept & new_masks).sum() / (kept | new_masks).sum()


def mean_map(known_maps, known_masks, new_maps, new_masks, mass):
    return overlap_by_loops(known_maps.mean(1, True), known_masks, new_maps.mean(1, True), new_masks, mass)


def one_more(maps, mass):
    order = maps.flatten(-2).argsort(-1, descending=True).argsort(-1)
    return (order <= kept_of(maps, mass).flatten(-2).sum(-1, keepdim=True)).view_as(maps)


def in_the_list(maps, mass):
    count = kept_of(maps, mass).flatten(-2).sum(-1, keepdim=True)
    return (torch.arange(maps[0, 0].numel()) < count).view_as(maps)


def alike(maps, masks, mass):
    return (kept_of(maps, mass) == masks[:, None]).float().mean((2, 3))


def even_at_once(scores, temperature, rounds):
    q = table_of(scores, temperature)
    for _ in range(rounds):
        q = q / (q.sum(0) * q.sum(1)[:, None])
    return q


def even_by_lengths(scores, temperature, rounds):
    q = table_of(scores, temperature)
    for _ in range(rounds):
        q = F.normalize(F.normalize(q, dim=0), dim=1)
    return q


def even_by_halves(scores, temperature, rounds):
    q = table_of(scores, temperature)
    for number in range(rounds):
        q = F.normalize(q, p=1, dim=number % 2)
    return q


RIGHT = {
    "self_distillation.memory": [19, 19.0, "19 steps", "n = 19", "19 updates", "19 times"],
    "self_distillation.losses": [
        losses_by_loops,
        losses_by_tables,
        losses_in_double,
        losses_in_numpy_and_torch,
        losses_by_means_of_means,
    ],
    "self_distillation.slope": [slope_by_loops, slope_in_numpy, slope_by_weights, slope_in_place, slope_by_jacobian],
    "self_distillation.centre": [
        centres_by_weights,
        centres_in_place,
        centres_in_numpy,
        centres_by_what_is_left,
        centres_by_views,
    ],
    "self_distillation.even": [
        even_by_loops,
        even_in_logs,
        even_as_swav,
        even_in_numpy,
        even_by_factors,
        even_by_normalize,
    ],
    "self_distillation.logs": ["c", "C", "c)"],
    "self_distillation.overlap": [
        overlap_by_loops,
        overlap_in_numpy,
        overlap_by_thresholds,
        overlap_in_double,
        overlap_head_by_head,
    ],
    "self_distillation.confound": ["b", "B", "b)"],
}

WRONG = {
    "self_distillation.memory": [
        ("stands in the exponent", 9),
        ("it isn't rounded yet", 18.754),
        ("it is rounded down", 18),
        ("one too many", 20),
        ("the memory is 1 / (1 - 0.9) steps", 10),
        ("student's temperature", 11),
        ("score's advantage is halved", 7),
        ("the quotient itself shrinks", 41),
        ("the quotient is below e there", 16),
        ("logarithm is that to base 10", 27),
        ("aren't divided by the temperature", 0),
        ("the decay is exchanged", 1),
        ("not a slip that is known", 30),
    ],
    "self_distillation.losses": [
        ("compared with itself alone", losses_with(teachers, students, pairs=lambda g, v: g == v)),
        ("comes after the teacher's", losses_with(teachers, students, pairs=lambda g, v: g < v)),
        ("isn't divided by their number", lambda s, t, *others: losses_by_loops(s, t, *others) * len(t)),
        ("isn't divided by their number", lambda s, t, *others: losses_by_loops(s, t, *others) * (len(s) - 1)),
        ("student's scores aren't divided", lambda s, t, c, tau_s, tau_t: losses_by_loops(s, t, c, 1, tau_t)),
        ("teacher's scores aren't divided", lambda s, t, c, tau_s, tau_t: losses_by_loops(s, t, c, tau_s, 1)),
        ("log is missing", losses_with(teachers, lambda s, c, tau_s, tau_t: F.softmax(s / tau_s, 2))),
        (
            "softmax is over the views",
            losses_with(
                lambda t, c, tau_s, tau_t: F.softmax((t - c) / tau_t, 0),
                lambda s, c, tau_s, tau_t: F.log_softmax(s / tau_s, 0),
            ),
        ),
        ("a view teaches itself", losses_with(teachers, students, pairs=lambda g, v: True)),
        (
            "still counted in the number of pairs",
            lambda s, t, *others: losses_by_loops(s, t, *others) * (len(s) - 1) / len(s),
        ),
        ("the pairs are summed", losses_with(teachers, students, finish=lambda table: table.sum(0))),
        ("the mean goes over the pictures, too", losses_with(teachers, students, finish=lambda table: table.mean())),
        ("not all of the teacher's views", losses_with(teachers, students, pairs=lambda g, v: g == 0 and v > 0)),
        ("not all of the teacher's views", losses_with(teachers, students, pairs=lambda g, v: g < 2 and g != v)),
        (
            "only the student's large views",
            lambda s, t, *others: losses_with(teachers, students)(s[: len(t)], t, *others),
        ),
        ("the centre isn't used", lambda s, t, c, *taus: losses_by_loops(s, t, 0 * c, *taus)),
        ("the mean of this batch", lambda s, t, c, *taus: losses_by_loops(s, t, t.mean((0, 1)), *taus)),
        ("the centre is added", lambda s, t, c, *taus: losses_by_loops(s, t, -c, *taus)),
        ("from the student, too", lambda s, t, c, *taus: losses_by_tables(s - c, t, c, *taus)),
        ("from the student and not from", lambda s, t, c, *taus: losses_by_tables(s - c, t, 0 * c, *taus)),
        (
            "taken after the division",
            lambda s, t, c, tau_s, tau_t: losses_by_tables(s, t, c * tau_t, tau_s, tau_t),
        ),
        ("teacher has the student's temperature", lambda s, t, c, tau_s, tau_t: losses_by_loops(s, t, c, tau_s, tau_s)),
        ("student has the teacher's temperature", lambda s, t, c, tau_s, tau_t: losses_by_loops(s, t, c, tau_t, tau_t)),
        ("two temperatures are exchanged", lambda s, t, c, tau_s, tau_t: losses_by_loops(s, t, c, tau_t, tau_s)),
        (
            "multiplied by the temperatures",
            lambda s, t, c, tau_s, tau_t: losses_by_loops(s, t, c, 1 / tau_s, 1 / tau_t),
        ),
        ("no temperature is used", lambda s, t, c, tau_s, tau_t: losses_by_loops(s, t, c, 1, 1)),
        ("the student teaches", student_as_teacher),
        ("it is the distance (KL)", kl),
        ("the sign is wrong", lambda *given: -losses_by_tables(*given)),
        ("the mean goes over the prototypes", lambda s, *others: losses_by_tables(s, *others) / s.shape[-1]),
        (
            "softmax is over the pictures",
            losses_with(
                lambda t, c, tau_s, tau_t: F.softmax((t - c) / tau_t, 1),
                lambda s, c, tau_s, tau_t: F.log_softmax(s / tau_s, 1),
            ),
        ),
        (
            "most liked prototype alone",
            losses_with(lambda t, c, *taus: F.one_hot((t - c).argmax(2), t.shape[2]).float(), students),
        ),
        ("a gradient arrives at the teacher", teacher_moved),
        ("no gradient gets to the student", lambda s, *others: losses_by_tables(s.detach(), *others)),
    ],
    "self_distillation.slope": [
        ("autograd has made them", slope_by_autograd),
        ("autograd has made them", slope_by_grad),
        ("autograd has made them", slope_by_functional),
        ("by the temperature twice", lambda s, t, tau: slope_by_loops(s, t, tau) / tau),
        ("temperature is used nowhere", lambda s, t, tau: slope_by_loops(s, t, 1)),
        ("multiplied by the temperature before", lambda s, t, tau: (p_of(s, 1 / tau) - t.mean(0)) / tau / len(s)),
        ("log of the student's shares", lambda s, t, tau: (p_of(s, tau).log() - t.mean(0)) / tau / len(s)),
        ("where are the targets", lambda s, t, tau: p_of(s, tau) / tau / len(s)),
        ("still apart", lambda s, t, tau: (p_of(s, tau) - t) / tau / len(s)),
        ("softmax again", lambda s, t, tau: slope_by_loops(s, F.softmax(t / tau, -1), tau)),
        ("instead of that of the pictures", lambda s, t, tau: (p_of(s, tau) - t.mean(0)) / tau / s.shape[1]),
        ("temperature is missing in front", lambda s, t, tau: tau * slope_by_loops(s, t, tau)),
        ("multiplied by the temperature", lambda s, t, tau: tau**2 * slope_by_loops(s, t, tau)),
        ("divided by the number of pictures", lambda s, t, tau: len(s) * slope_by_loops(s, t, tau)),
        ("neither the temperature nor", lambda s, t, tau: p_of(s, tau) - t.mean(0)),
        ("sign is turned round", lambda s, t, tau: (t.mean(0) - p_of(s, tau)) / tau / len(s)),
        ("teacher's views are summed", lambda s, t, tau: (p_of(s, tau) - t.sum(0)) / tau / len(s)),
        ("student's shares count once", lambda s, t, tau: (p_of(s, tau) - t.sum(0)) / tau / len(s) / len(t)),
        ("number of views once more", lambda s, t, tau: slope_by_loops(s, t, tau) / len(t)),
        ("the whole is summed", lambda s, t, tau: len(t) * slope_in_numpy(s, t, tau)),
        ("only the first of", lambda s, t, tau: slope_in_numpy(s, t[:1], tau)),
        ("only the last of", lambda s, t, tau: slope_in_numpy(s, t[-1:], tau)),
        (
            "rounded to its most liked",
            lambda s, t, tau: (p_of(s, tau) - F.one_hot(t.sum(0).argmax(1), t.shape[2])) / tau / len(s),
        ),
        ("made without the temperature", lambda s, t, tau: (p_of(s, 1) - t.mean(0)) / tau / len(s)),
        ("through a softmax again", lambda s, t, tau: slope_by_loops(s, F.softmax(t, -1), tau)),
        ("softmax is over the pictures", lambda s, t, tau: ((s / tau).softmax(0) - t.mean(0)) / tau / len(s)),
        ("only the score in front", lambda s, t, tau: -t.mean(0) / tau / len(s)),
        ("it is the slope at the shares", lambda s, t, tau: -(t / p_of(s, tau)).mean(0) / len(s)),
        ("the softmax is missing", lambda s, t, tau: (s / tau - t.mean(0)) / tau / len(s)),
        ("number of prototypes", lambda s, t, tau: slope_by_autograd(s, t, tau) / s.shape[1]),
        ("it is the loss", lambda s, t, tau: F.cross_entropy((s / tau).repeat(len(t), 1), t.flatten(0, 1))),
        ("not a mistake that is known", lambda s, t, tau: 3 * slope_by_autograd(s, t, tau)),
    ],
    "self_distillation.centre": [
        (
            "still taken from the scores",
            centres_with(lambda centre, mean, decay, step: moved(centre, mean - centre, min(decay, 1 - 1 / step))),
        ),
        (
            "as in Adam",
            lambda says, decay: torch.cat(
                [says[:1, 0, 0] * 0]
                + [centres_in_place(says, decay)[n : n + 1] / (1 - decay**n) for n in range(1, len(says))]
            ),
        ),
        ("handed over, but 0.9", lambda says, decay: centres_in_numpy(says, 0.9)),
        ("a sum is taken", lambda says, decay: centres_in_place(says.sum((1, 2), keepdim=True), decay)),
        ("nothing of the old centre is kept", lambda says, decay: says.mean((1, 2))),
        (
            "both slips are still there",
            centres_with(lambda centre, mean, decay, step: moved(centre, mean - centre, max(decay, 1 - 1 / step))),
        ),
        (
            "it still gets slower",
            centres_with(lambda centre, mean, decay, step: moved(centre, mean, max(decay, (step - 1) / step))),
        ),
        (
            "still goes only half",
            centres_with(lambda centre, mean, decay, step: moved(centre, mean - centre, decay)),
        ),
        ("ordinary mean of all steps", centres_with(lambda centre, mean, decay, step: centre + (mean - centre) / step)),
        (
            "begins as an ordinary mean",
            centres_with(lambda centre, mean, decay, step: moved(centre, mean, min(decay, 1 - 1 / step))),
        ),
        ("rest of it are exchanged", centres_with(lambda centre, mean, decay, step: moved(mean, centre, decay))),
        ("nothing of the old centre is kept", centres_with(lambda centre, mean, decay, step: mean)),
        ("grows without end", centres_with(lambda centre, mean, decay, step: centre + (1 - decay) * mean)),
        (
            "after the steps are returned",
            centres_with(lambda centre, mean, decay, step: moved(centre, mean, decay), late=1),
        ),
        ("all rows are the same", centres_in_one_tensor),
        (
            "starts with the first step's mean",
            centres_with(lambda centre, mean, decay, step: moved(centre, mean, decay), start=lambda means: means[0]),
        ),
        ("only the first of the teacher's views", lambda says, decay: centres_in_place(says[:, :1], decay)),
        ("a sum is taken", lambda says, decay: centres_in_place(says.sum(1, keepdim=True), decay)),
        ("mean is of the shares", lambda says, decay: centres_by_views(says.softmax(-1), decay)),
        ("not a mistake that is known", lambda says, decay: centres_in_place(says, decay) + 1),
    ],
    "self_distillation.even": [
        ("each picture has B / K", lambda s, tau, n: even_in_logs(s, tau, n) * len(s) / s.shape[1]),
        ("both sums are of the same table", even_at_once),
        ("divided by the mean", lambda s, tau, n: even_by_loops(s, tau, n) * s.shape[1]),
        ("divided by the length", even_by_lengths),
        ("an exponential in each round", lambda s, tau, n: torch.full_like(s, 1 / s.shape[1])),
        ("only half a round", even_by_halves),
        ("nothing is divided", lambda s, tau, n: table_of(s, tau)),
        ("a round ends with the prototypes", lambda s, tau, n: sinkhorn(table_of(s, tau), n, first=1)),
        ("only the rows are divided", lambda s, tau, n: F.softmax(s / tau, 1)),
        ("only the columns are divided", lambda s, tau, n: F.softmax(s / tau, 0)),
        ("each prototype gets 1 in all", lambda s, tau, n: F.normalize(even_in_logs(s, tau, n), p=1, dim=0)),
        ("all shares together", lambda s, tau, n: even_in_logs(s, tau, n) / len(s)),
        ("begins with a softmax", lambda s, tau, n: sinkhorn(F.softmax(s / tau, 1), n)),
        (
            "each row's largest score",
            lambda s, tau, n: sinkhorn(table_of(s - s.max(1, keepdim=True).values, tau), n),
        ),
        ("temperature isn't used", lambda s, tau, n: even_in_numpy(s, 1, n)),
        ("scores are multiplied by", lambda s, tau, n: even_in_numpy(s, 1 / tau, n)),
        ("exponential is missing", lambda s, tau, n: sinkhorn(s / tau, n)),
        ("there is one round only", lambda s, tau, n: even_in_logs(s, tau, 1)),
        ("one round too few", lambda s, tau, n: even_in_logs(s, tau, n - 1)),
        ("one round too many", lambda s, tau, n: even_in_logs(s, tau, n + 1)),
        ("exchanged in the result", lambda s, tau, n: even_in_logs(s, tau, n).T),
        (
            "rounded to each picture's largest",
            lambda s, tau, n: F.one_hot(even_in_logs(s, tau, n).argmax(1), s.shape[1]).float(),
        ),
        ("not a mistake that is known", lambda s, tau, n: even_in_logs(s, tau, n) ** 2),
    ],
    "self_distillation.logs": [
        ("look at run 1's entropies", "a"),
        ("two collapses are exchanged", "b"),
        ("lowest loss isn't the best", "d"),
        ("one of a, b, c, d", "e"),
    ],
    "self_distillation.overlap": [
        ("number of a head", overlap_with(lambda known, new: known.mean(0).argmax())),
        (
            "known and new pictures together",
            overlap_with(lambda known, new: new.mean(0)[torch.cat([known, new]).mean(0).argmax()]),
        ),
        (
            "known and new pictures together",
            overlap_with(lambda known, new: new.mean(0)[(known.mean(0) + new.mean(0)).argmax()]),
        ),
        (
            "isn't chosen by its mean IoU",
            overlap_with(lambda known, new: new.mean(0)[(-1 / (1 + known)).mean(0).argmax()]),
        ),
        ("one patch too many", overlap_with(chosen, table_by(one_more, union))),
        ("put back in their places", overlap_with(chosen, table_by(in_the_list, union))),
        ("kept or not by itself", overlap_with(chosen, table_by(lambda maps, mass: maps > mass, union))),
        ("what is left is kept", lambda *given: overlap_by_loops(*given[:4], 1 - given[4])),
        ("handed over, but 0.6", lambda *given: overlap_by_loops(*given[:4], 0.6)),
        (
            "sum of the two sizes: patches",
            overlap_with(chosen, table_by(kept_of, lambda both, kept, true: both / (kept + true))),
        ),
        ("right to be left out", overlap_with(chosen, alike)),
        ("IoUs are summed", lambda *given: len(given[2]) * overlap_by_loops(*given)),
        ("it is rounded", lambda *given: round(float(overlap_by_loops(*given)), 2)),
        ("head is chosen on the new", overlap_with(lambda known, new: new.mean(0).max())),
        ("each new picture gets", overlap_with(lambda known, new: new.max(1).values.mean())),
        ("the number is of the known pictures", overlap_with(lambda known, new: known.mean(0).max())),
        ("known and new pictures are exchanged", lambda a, b, c, d, mass: overlap_by_loops(c, d, a, b, mass)),
        ("mean over all heads", overlap_with(lambda known, new: new.mean())),
        ("maps of all heads are averaged", mean_map),
        ("the worst head", overlap_with(lambda known, new: new.mean(0)[known.mean(0).argmin()])),
        ("isn't chosen by its mean IoU", overlap_with(lambda known, new: new.mean(0)[known.argmax(1).mode().values])),
        ("isn't chosen by its mean IoU", overlap_with(lambda known, new: new.mean(0)[known.max(0).values.argmax()])),
        ("isn't chosen by its mean IoU", overlap_with(lambda known, new: new.mean(0)[known.median(0).values.argmax()])),
        ("always the first head", overlap_with(lambda known, new: new[:, 0].mean())),
        ("a share of the patches is kept", overlap_with(chosen, table_by(by_count, union))),
        ("one patch too few", overlap_with(chosen, table_by(one_less, union))),
        ("kept or not by itself", overlap_with(chosen, table_by(near_the_largest, union))),
        ("weakest patches come first", overlap_with(chosen, table_by(from_below, union))),
        ("summed over all pictures before", pooled),
        ("by the outline's patches", overlap_with(chosen, table_by(kept_of, lambda both, kept, true: both / true))),
        ("by the kept patches", overlap_with(chosen, table_by(kept_of, lambda both, kept, true: both / kept))),
        ("(Dice)", overlap_with(chosen, table_by(kept_of, lambda both, kept, true: 2 * both / (kept + true)))),
        ("in per cent", lambda *given: 100 * overlap_by_loops(*given)),
        ("not a mistake that is known", lambda *given: 0.5 * overlap_by_loops(*given)),
    ],
    "self_distillation.confound": [
        ("by which it was chosen", "a"),
        ("more seeds would raise", "c"),
        ("another share changes", "d"),
        ("one of a, b, c, d", "e"),
    ],
}
