"""Answers to the exercises of lesson 10 as students write them: right ones, and each known mistake made once."""

from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F

# --- Negatives


def negatives_by_loops(dice, positive, length):
    rows = []
    for row, right, count in zip(dice.tolist(), positive.tolist(), length.tolist(), strict=True):
        others = [frame for frame in range(count) if frame != right]
        rows.append([others[int(die * len(others))] for die in row])
    return torch.tensor(rows)


def negatives_by_turning(dice, positive, length):
    """So many frames behind the positive, around the clip."""
    behind = 1 + torch.floor(dice * (length[:, None] - 1)).long()
    return (positive[:, None] + behind) % length[:, None]


def negatives_by_exchange(dice, positive, length):
    """The last frame stands in for the positive."""
    last = length[:, None] - 1
    numbers = (dice * last).to(torch.int64)
    return torch.where(numbers == positive[:, None], last, numbers)


def negatives_in_numpy(dice, positive, length):
    dice, positive, length = dice.double().numpy(), positive.numpy()[:, None], length.numpy()[:, None]
    numbers = np.floor(dice * (length - 1)).astype(np.int64)
    return torch.from_numpy(np.where(numbers < positive, numbers, numbers + 1))


def negatives_in_place(dice, positive, length):
    numbers = dice.mul(length.sub(1).unsqueeze(1)).floor().int()
    numbers[numbers >= positive.unsqueeze(1)] += 1
    return numbers


def negatives_by_a_table(dice, positive, length, *, seed=None):
    """The frames of each clip in a list, the positive and the padding at its end."""
    frames = torch.arange(int(length.max())).expand(len(dice), -1)
    last = (frames == positive[:, None]) | (frames >= length[:, None])
    ordered = last.long().argsort(dim=1, stable=True)
    return ordered.gather(1, (dice * (length - 1)[:, None]).long())


def negatives_from_above(dice, positive, length):
    numbers = length[:, None] - 1 - (dice * (length[:, None] - 1)).long()  # 1 … length - 1, downwards
    return numbers - (numbers <= positive[:, None]).long()


def negatives_by_floor_divide(dice, positive, length):
    numbers = torch.div(dice, 1 / (length[:, None] - 1), rounding_mode="floor").long()
    return torch.add(numbers, torch.ge(numbers, positive[:, None]).long())


def frames_of(count):
    """Dice as whole numbers below count(length), both with a column of their own."""
    return lambda dice, length: (dice * count(length[:, None])).long()


all_but_one, every = frames_of(lambda length: length - 1), frames_of(lambda length: length)


def elsewhere(place):
    def draw(dice, positive, length):
        numbers = every(dice, length)
        for row, (right, count) in enumerate(zip(positive.tolist(), length.tolist(), strict=True)):
            numbers[row][numbers[row] == right] = place(right, count)
        return numbers

    return draw


# --- The loss of the future


def future_by_loops(predictions, frames, negatives, temperature):
    losses = []
    clips, length, steps = predictions.shape[:3]
    for b in range(clips):
        for t in range(length):
            for k in range(steps):
                if t + 1 + k < length:
                    numbers = [t + 1 + k, *negatives[b, t, k].tolist()]
                    cosines = F.cosine_similarity(predictions[b, t, k][None], frames[b, numbers], dim=1)
                    losses.append(-(cosines / temperature).log_softmax(0)[0])
    return torch.stack(losses).mean()


def future_by_gather(predictions, frames, negatives, temperature):
    """All cosines of all predictions with all frames, and then those that are needed."""
    p, z = F.normalize(predictions, dim=-1), F.normalize(frames, dim=-1)
    cosines = torch.einsum("btkd,bsd->btks", p, z) / temperature
    clips, length, steps, _ = cosines.shape
    later = torch.arange(length)[:, None] + torch.arange(1, steps + 1)
    inside = (later < length).expand(clips, -1, -1)
    right = cosines.gather(3, later.clamp(max=length - 1).expand(clips, -1, -1)[..., None])
    logits = torch.cat([right, cosines.gather(3, negatives)], dim=3)
    return F.cross_entropy(logits[inside], torch.zeros(int(inside.sum()), dtype=torch.long))


def future_by_weights(predictions, frames, negatives, temperature):
    p = predictions / predictions.norm(dim=3, keepdim=True)
    z = frames / frames.norm(dim=2, keepdim=True)
    total, count = 0.0, 0
    for k in range(predictions.shape[2]):
        last = frames.shape[1] - 1 - k
        right = (p[:, :last, k] * z[:, k + 1 :]).sum(2)
        taken = torch.stack([clip[numbers] for clip, numbers in zip(z, negatives[:, :last, k], strict=True)])
        wrong = (p[:, :last, k, None] * taken).sum(3)
        above = (right / temperature).exp()
        total = total - (above / (above + (wrong / temperature).exp().sum(2))).log().sum()
        count += right.numel()
    return total / count


def future_by_last_place(predictions, frames, negatives, temperature):
    """The right one stands last, in float64."""
    predictions, frames = predictions.double(), frames.double()
    p, z = F.normalize(predictions, dim=3), F.normalize(frames, dim=2)
    clips, length, steps, width = p.shape
    index = negatives.flatten(1)[..., None].expand(-1, -1, width)
    wrong = z.gather(1, index).view(*negatives.shape, width)
    padded = F.pad(z, (0, 0, 0, steps))
    right = torch.stack([padded[:, k + 1 : k + 1 + length] for k in range(steps)], dim=2)
    logits = (p.unsqueeze(3) * torch.cat([wrong, right.unsqueeze(3)], dim=3)).sum(-1) / temperature
    inside = torch.arange(length)[:, None] + torch.arange(steps) + 1 < length
    losses = F.cross_entropy(
        logits.flatten(0, 2), torch.full((clips * length * steps,), wrong.shape[3]), reduction="none"
    )
    return losses.view(clips, length, steps)[:, inside].mean()


def future_by_ignoring(predictions, frames, negatives, temperature):
    clips, length, steps, _ = predictions.shape
    z = F.normalize(frames, dim=2)
    later = torch.arange(length)[:, None] + 1 + torch.arange(steps)
    numbers = torch.cat([(later % length).expand(clips, -1, -1)[..., None], negatives], dim=3)
    candidates = torch.stack([z[b][numbers[b]] for b in range(clips)])
    logits = torch.matmul(candidates, F.normalize(predictions, dim=3)[..., None])[..., 0] / temperature
    answers = torch.where(later < length, 0, -100).expand(clips, -1, -1)
    return F.cross_entropy(logits.permute(0, 3, 1, 2), answers)


def future_by_differences(predictions, frames, negatives, temperature):
    """-log of the share is log(1 + the sum of exp of the differences)."""
    unit = torch.nn.CosineSimilarity(dim=-1)
    clip = torch.arange(len(frames)).reshape(-1, 1, 1, 1)
    losses = []
    for k in range(min(predictions.shape[2], frames.shape[1] - 1)):
        now = slice(None, frames.shape[1] - 1 - k)
        right = unit(predictions[:, now, k], frames[:, k + 1 :])
        wrong = unit(predictions[:, now, k : k + 1], frames[clip, negatives[:, now, k : k + 1]].squeeze(2))
        losses += [(1 + ((wrong - right[..., None]) / temperature).exp().sum(-1)).log().ravel()]
    return torch.hstack(losses).mean()


def future_with(
    *,
    ahead=1,
    unit_p=True,
    unit_z=True,
    scale=lambda cosines, temperature: cosines / temperature,
    beyond=None,
    clip=lambda b, frames: frames[b],
    step=lambda k: k,
    loss=lambda logits: -logits.log_softmax(0)[0],
    total=lambda losses: torch.stack(list(losses.values())).mean(),
):
    """By loops, with the parts that mistakes are made in as options; `total` gets the losses by (b, t, k)."""

    def compute(predictions, frames, negatives, temperature):
        p = F.normalize(predictions, dim=3) if unit_p else predictions
        z = F.normalize(frames, dim=2) if unit_z else frames
        (clips, length, steps), losses = predictions.shape[:3], {}
        for b in range(clips):
            for t in range(length):
                for k in range(steps):
                    later = t + ahead + k
                    if later >= length:
                        if beyond is None:
                            continue
                        later = beyond(later, length)
                    candidates = torch.cat([z[b, later][None], clip(b, z)[negatives[b, t, step(k)]]])
                    losses[b, t, k] = loss(scale(candidates @ p[b, t, k], temperature))
        return total(losses)

    return compute


def averaged_by(place):
    """The mean of means of the losses that have the same number at this place of (b, t, k)."""

    def total(losses):
        groups = {}
        for key, loss in losses.items():
            groups.setdefault(key[place], []).append(loss)
        return torch.stack([torch.stack(group).mean() for group in groups.values()]).mean()

    return total


def summed(losses):
    return torch.stack(list(losses.values())).sum()


def by_all_places(predictions, frames, negatives, temperature):
    return future_with(total=summed)(predictions, frames, negatives, temperature) / predictions[..., 0].numel()


def future_step_by_step(predictions, frames, negatives, temperature):
    """A loss for each step, added up."""
    loss = 0
    for k in range(predictions.shape[2]):
        counted = future_with(
            total=lambda losses, k=k: torch.stack([losses[key] for key in losses if key[2] == k]).mean()
        )
        loss = loss + counted(predictions, frames, negatives, temperature)
    return loss


def future_of_whole_moments(predictions, frames, negatives, temperature):
    last = frames.shape[1] - predictions.shape[2]

    def total(losses):
        return torch.stack([loss for (_, t, _), loss in losses.items() if t < last]).mean()

    return future_with(total=total)(predictions, frames, negatives, temperature)


def future_beyond_with_zeros(predictions, frames, negatives, temperature):
    padded = F.pad(frames, (0, 0, 0, predictions.shape[2]))
    length = frames.shape[1]
    more = [F.pad(part, (0,) * (2 * (part.ndim - 2)) + (0, predictions.shape[2])) for part in (predictions, negatives)]

    def total(losses):
        return torch.stack([loss for (_, t, _), loss in losses.items() if t < length]).mean()

    return future_with(total=total)(more[0], padded, more[1], temperature)


def lessons_own(predictions, frames, negatives, temperature):
    from ssl_course.methods.cpc import future_info_nce

    return future_info_nce(predictions, frames, temperature=temperature)


def slip_of_the_lesson(predictions, frames, negatives, temperature):
    """The positive, and then all frames."""
    every = torch.arange(frames.shape[1]).expand(*negatives.shape[:3], -1)
    return future_by_gather(predictions, frames, every, temperature)


# --- The entropy of use


def use_by_loops(chances):
    count, words = chances.shape
    use = chances.sum(0) / count
    slope = torch.zeros(count, words)
    for n in range(count):
        for v in range(words):
            for w in range(words):
                inner = chances[n, w] * ((1.0 if v == w else 0.0) - chances[n, v])
                slope[n, v] += -(use[w].log() + 1) * inner / count
    return slope


def use_by_autograd(chances):
    scores = chances.log().requires_grad_()
    torch.special.entr(scores.softmax(1).mean(0)).sum().backward()
    return scores.grad


def use_by_jacobian(chances):
    matrix = torch.diag_embed(chances) - chances[:, :, None] * chances[:, None, :]
    return torch.einsum("nvw,w->nv", matrix, -chances.mean(0).log() - 1) / chances.shape[0]


def use_in_double(chances):
    p = chances.double()
    log_u = p.mean(0).log()
    return p * (p @ log_u[:, None] - log_u) / len(p)


def use_in_numpy(chances):
    p = chances.numpy()
    g = -np.log(p.mean(axis=0)) - 1
    return torch.from_numpy(p * (g - (p * g).sum(axis=1, keepdims=True)) / p.shape[0])


def use_by_rows(chances):
    g = torch.log(1 / chances.mean(dim=0))
    return torch.stack([row * (g - torch.dot(row, g)) for row in chances]).div(chances.size(0))


def use_in_place(chances):
    slope = chances.clone()
    usual = (slope @ slope.mean(0).log()).neg()
    slope *= -chances.mean(0).log() - usual.unsqueeze(1)
    slope /= slope.shape[0]
    return slope


def rarity(chances):
    return -chances.mean(0).log()


def entropy(chances):
    return torch.distributions.Categorical(chances.mean(0)).entropy()


# --- A choice with a slope


def choose_by_scatter(scores, temperature):
    soft = F.softmax(scores / temperature, dim=-1)
    hard = torch.zeros_like(soft).scatter_(1, soft.argmax(1, keepdim=True), 1.0)
    return hard.detach() - soft.detach() + soft


def choose_by_eye(scores, temperature):
    soft = torch.exp(scores / temperature)
    soft = soft / soft.sum(1, keepdim=True)
    return soft + (torch.eye(scores.shape[1])[scores.max(dim=1).indices] - soft).detach()


def choose_by_comparing(scores, temperature, hard=True):
    soft = scores.div(temperature).softmax(1)
    return (scores == scores.amax(1, keepdim=True)).float() + (soft - soft.detach())


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, temperature):
        soft = (scores / temperature).softmax(1)
        ctx.save_for_backward(soft)
        ctx.temperature = temperature
        return F.one_hot(soft.argmax(1), soft.shape[1]).to(soft.dtype)

    @staticmethod
    def backward(ctx, slope):
        (soft,) = ctx.saved_tensors
        inner = soft * (slope - (soft * slope).sum(1, keepdim=True))
        return inner / ctx.temperature, None


def choose_in_double(scores, temperature):
    soft = (scores.double() / temperature).softmax(1)
    with torch.no_grad():
        rest = F.one_hot(soft.argmax(1), soft.shape[1]) - soft
    return soft + rest


def choose_by_rows(scores, temperature):
    rows = []
    for row in scores:
        soft = torch.softmax(row / temperature, 0)
        hard = torch.zeros(len(row))
        hard[int(row.argmax())] = 1
        rows.append(hard + soft - soft.data)
    return torch.stack(rows)


def hard(scores, dim=1):
    return (scores == scores.amax(dim, keepdim=True)).float()


def lent(values, slope):
    return (values - slope).detach() + slope


def overwritten(scores, temperature):
    soft = (scores / temperature).softmax(1)
    soft.data.copy_(hard(scores))
    return soft


# --- The mean of a recording


def pool_by_loops(frames, lengths, field, hop):
    rows = []
    for row, length in zip(frames, lengths.tolist(), strict=True):
        kept = [frame for t, frame in enumerate(row) if t * hop + field <= length]
        rows.append(torch.stack(kept).mean(0))
    return torch.stack(rows)


def pool_by_ends(frames, lengths, field, hop):
    last = torch.arange(frames.shape[1]) * hop + field - 1  # the last sample of each frame
    real = (last < lengths[:, None]).float()
    return torch.einsum("btd,bt->bd", frames, real) / real.sum(1, keepdim=True)


def pool_by_cumsum(frames, lengths, field, hop):
    counts = (lengths - field + hop) // hop
    sums = frames.cumsum(1).take_along_dim((counts - 1)[:, None, None], dim=1).squeeze(1)
    return sums / counts.unsqueeze(-1)


def pool_in_numpy(frames, lengths, field, hop):
    counts = 1 + np.floor((lengths.numpy() - field) / hop).astype(int)
    return torch.from_numpy(np.stack([row[:n].mean(axis=0) for row, n in zip(frames.numpy(), counts, strict=True)]))


def pool_by_nan(frames, lengths, field, hop):
    counts = torch.div(lengths - field, hop, rounding_mode="floor") + 1
    silent = torch.arange(frames.shape[1])[None, :] >= counts[:, None]
    return frames.masked_fill(silent[..., None], torch.nan).nanmean(dim=1)


def pool_in_place(frames, lengths, field, hop):
    weights = torch.zeros(frames.shape[:2], dtype=torch.double)
    for b, length in enumerate(lengths):
        count = int((length - field) // hop) + 1
        weights[b, :count] += 1 / count
    return (weights[:, None, :] @ frames.double()).squeeze(1).float()


def pool_by_convolution(frames, lengths, field, hop):
    """A frame is of the recording if all of its samples are."""
    samples = (torch.arange((frames.shape[1] - 1) * hop + field) < lengths[:, None]).float()
    real = samples.unfold(1, field, hop).amin(dim=2).bool()
    return (frames * real[..., None]).sum(1) / real.sum(1)[:, None]


def broken(frames, lengths, field, hop):
    """The one that is to be repaired."""
    counts = lengths // hop
    real = torch.arange(frames.shape[1]) < counts[:, None]
    return (frames * real[:, :, None]).mean(dim=1)


def pool_with(count=lambda length, field, hop: (length - field) // hop + 1, divisor=lambda kept, every: len(kept)):
    """By loops; `divisor` gets what is kept of a row, and the row."""

    def pool(frames, lengths, field, hop):
        kept = [row[: count(int(n), field, hop)] for row, n in zip(frames, lengths, strict=True)]
        return torch.stack([part.sum(0) / divisor(part, row) for part, row in zip(kept, frames, strict=True)])

    return pool


def counts_of(lengths, field, hop):
    return (lengths - field) // hop + 1


def largest(frames, lengths, field, hop):
    counts = counts_of(lengths, field, hop)
    return torch.stack([row[:n].max(dim=0).values for row, n in zip(frames, counts, strict=True)])


RIGHT = {
    "sound.shared": [
        9.0625,
        "9.06",
        9.1,
        Fraction(145, 16),
        "145/16",
        "145 / 16 = 9.0625",
        "9,06",
        torch.tensor(9.0625),
    ],
    "sound.negatives": [
        negatives_by_loops,
        negatives_by_turning,
        negatives_by_exchange,
        negatives_in_numpy,
        negatives_in_place,
        negatives_by_a_table,
        negatives_from_above,
        negatives_by_floor_divide,
        lambda dice, positive, length: (lambda n: n + n.ge(positive[:, None]))(all_but_one(dice, length)),
    ],
    "sound.future": [
        future_by_loops,
        future_by_gather,
        future_by_weights,
        future_by_last_place,
        future_by_ignoring,
        future_by_differences,
        future_with(),
    ],
    "sound.use": [
        use_by_loops,
        use_by_autograd,
        use_by_jacobian,
        use_in_double,
        use_in_numpy,
        use_by_rows,
        use_in_place,
    ],
    "sound.choose": [
        choose_by_scatter,
        choose_by_eye,
        choose_by_comparing,
        Straight.apply,
        choose_in_double,
        choose_by_rows,
        lambda scores, temperature: lent(hard(scores), (scores / temperature).softmax(1)),
    ],
    "sound.cue": ["b", "B.", "answer: b"],
    "sound.pool": [
        pool_by_loops,
        pool_by_ends,
        pool_by_cumsum,
        pool_in_numpy,
        pool_by_nan,
        pool_in_place,
        pool_by_convolution,
        pool_with(),
    ],
    "sound.confound": ["c", "(c)", "I choose c"],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "sound.shared": [
        ("in samples: there", 145),
        ("what the next frame shares", "19.06"),
        ("three hops later", -0.94),
        ("all that a frame sees", 29.0625),
        ("how much later", 20),
        ("hops in place of", 18.125),
        ("counts hops of its own", 44.1),
        ("strides are added", 27.19),
        ("a share of the frame", "31 %"),
        ("not a slip that is known", 12),
        ("a sample too small", 9.0),
        ("a sample too small", "9 ms"),
        ("a sample too large", 9.125),
        ("in seconds", 0.0090625),
        ("how much later the next", 10),
        ("and in samples", 305),
        ("in samples: milliseconds", 465),
    ],
    "sound.negatives": [
        ("a fixed number is put", elsewhere(lambda right, count: 0)),
        ("a fixed number is put", elsewhere(lambda right, count: -1)),
        (
            "others are thrown",
            lambda dice, positive, length: negatives_by_loops(torch.rand_like(dice), positive, length),
        ),
        ("numbered from 1", lambda *given: negatives_by_loops(*given) + 1),
        ("back to its beginning", lambda dice, positive, length: all_but_one(dice, length) + positive[:, None] + 1),
        (
            "down to -1",
            lambda dice, positive, length: (
                all_but_one(dice, length) - (all_but_one(dice, length) <= positive[:, None]).long()
            ),
        ),
        (
            "are rounded up",
            lambda dice, positive, length: (lambda n: n + (n >= positive[:, None]))(
                (dice * (length - 1)[:, None]).ceil().long()
            ),
        ),
        (
            "equal dice of a row",
            lambda dice, *given: negatives_by_loops(
                ((torch.arange(dice.shape[1]) + 0.4) / dice.shape[1]).expand_as(dice), *given
            ),
        ),
        (
            "equal dice of a row",
            lambda dice, *given: negatives_by_loops((dice.argsort(1) + 0.4) / dice.shape[1], *given),
        ),
        ("use its own dice", lambda dice, *given: negatives_by_loops(dice[:1].expand_as(dice), *given)),
        ("all frames are drawn", lambda dice, positive, length: every(dice, length)),
        ("and the last frame never", lambda dice, positive, length: all_but_one(dice, length)),
        (
            "and the frame after it never",
            lambda dice, positive, length: torch.where(
                all_but_one(dice, length) > positive[:, None], all_but_one(dice, length) + 1, all_but_one(dice, length)
            ),
        ),
        (
            "one beyond the end",
            lambda dice, positive, length: every(dice, length) + (every(dice, length) >= positive[:, None]),
        ),
        (
            "pressed into it",
            lambda dice, positive, length: (every(dice, length) + (every(dice, length) >= positive[:, None])).minimum(
                length[:, None] - 1
            ),
        ),
        ("pressed into it", elsewhere(lambda right, count: count - 1 if right < count - 1 else count - 2)),
        ("one of its neighbours", elsewhere(lambda right, count: (right + 1) % count)),
        ("one of its neighbours", elsewhere(lambda right, count: (right - 1) % count)),
        ("one of its neighbours", elsewhere(lambda right, count: right + 1 if right + 1 < count else right - 1)),
        ("one of its neighbours", elsewhere(lambda right, count: right - 1 if right else 1)),
        ("always the same frame", elsewhere(lambda right, count: 0 if right else 1)),
        (
            "padding is drawn",
            lambda dice, positive, length: negatives_by_loops(dice, positive, length.max().repeat(len(dice))),
        ),
        ("padding is drawn", lambda dice, positive, length: (dice * length.max()).long()),
        (
            "the first row's positive",
            lambda dice, positive, length: all_but_one(dice, length) + (all_but_one(dice, length) >= positive[0]),
        ),
        (
            "only the number that equals",
            lambda dice, positive, length: (lambda n: n + (n == positive[:, None]))(all_but_one(dice, length)),
        ),
        (
            "up to the positive move",
            lambda dice, positive, length: (lambda n: n + (n <= positive[:, None]))(all_but_one(dice, length)),
        ),
        ("frame 0 is never drawn", lambda dice, positive, length: all_but_one(dice, length) + 1),
        (
            "and the frame before it never",
            lambda dice, positive, length: (positive[:, None] + all_but_one(dice, length)) % length[:, None],
        ),
        (
            "all frames are drawn",
            lambda dice, positive, length: (positive[:, None] + 1 + every(dice, length)) % length[:, None],
        ),
        ("one of its neighbours", elsewhere(lambda right, count: right + 1)),
        (
            "rounded to the nearest",
            lambda dice, positive, length: (lambda n: n + (n >= positive[:, None]))(
                torch.round(dice * (length[:, None] - 1)).long()
            ),
        ),
        (
            "rounded to the nearest",
            lambda dice, positive, length: (lambda n: n + (n >= positive[:, None]))(
                torch.round(dice * (length[:, None] - 2)).long()
            ),
        ),
        (
            "one frame is never drawn",
            lambda dice, positive, length: (lambda n: n + (n >= positive[:, None]))(
                (dice * (length[:, None] - 2)).long()
            ),
        ),
        ("nothing else", lambda dice, positive, length: positive[:, None].repeat(1, dice.shape[1])),
        ("whole numbers were expected", lambda *given: negatives_by_loops(*given).float()),
        ("not a mistake that is known", lambda dice, positive, length: torch.randint(2, dice.shape)),
    ],
    "sound.future": [
        ("along the steps", lambda p, z, n, t: future_with(unit_p=False)(F.normalize(p, dim=2), z, n, t)),
        (
            "where the true frame is",
            lambda p, z, n, t: future_by_gather(
                p, z, torch.stack([n[:, :, k].roll(-1 - k, 1) for k in range(n.shape[2])], 2), t
            ),
        ),
        (
            "never a right answer",
            future_with(
                total=lambda losses: torch.stack(
                    [losses[key] for key in losses if (key[0], key[1] + 1, key[2]) in losses]
                ).mean()
            ),
        ),
        ("another candidate", future_with(loss=lambda logits: -logits.log_softmax(0)[1])),
        ("temperature isn't used", future_with(scale=lambda cosines, temperature: 10 * cosines)),
        ("no step is taken", future_with(ahead=0)),
        ("no step is taken", future_with(ahead=0, beyond=lambda later, length: later - length)),
        ("one frame too far", future_with(ahead=2)),
        ("with the last frame as", future_with(beyond=lambda later, length: length - 1)),
        ("from its beginning as", future_with(beyond=lambda later, length: later - length)),
        (
            "only the first step",
            lambda p, z, n, t: future_by_gather(p[:, :, :1], z, n[:, :, :1], t),
        ),
        ("with zeros as", future_beyond_with_zeros),
        ("with all K steps", future_of_whole_moments),
        ("the steps are summed", future_step_by_step),
        ("the steps are summed", lambda p, z, n, t: future_by_gather(p, z, n, t) * p.shape[2]),
        ("clips alone", lambda p, z, n, t: future_with(total=summed)(p, z, n, t) / len(p)),
        (
            "along the wrong axis",
            lambda p, z, n, t: future_with(unit_p=False, unit_z=False)(F.normalize(p), F.normalize(z), n, t),
        ),
        ("along the wrong axis", lambda p, z, n, t: future_with(unit_z=False)(p, F.normalize(z), n, t)),
        ("divides only a part", future_with(scale=lambda cosines, t: torch.cat([cosines[:1] / t, cosines[1:]]))),
        ("divides only a part", future_with(scale=lambda cosines, t: torch.cat([cosines[:1], cosines[1:] / t]))),
        ("to base 2", lambda *given: future_by_weights(*given) / np.log(2)),
        ("and then the steps", future_with(total=averaged_by(2))),
        ("and then the moments", future_with(total=averaged_by(1))),
        ("losses are summed", future_with(total=summed)),
        ("divided by all places", by_all_places),
        ("nothing is scaled", future_with(unit_p=False, unit_z=False)),
        ("only one side is scaled", future_with(unit_z=False)),
        ("only one side is scaled", future_with(unit_p=False)),
        ("temperature isn't used", future_with(scale=lambda cosines, temperature: cosines)),
        ("multiplied by the temperature", future_with(scale=torch.mul)),
        ("isn't among its candidates", future_with(loss=lambda logits: logits[1:].logsumexp(0) - logits[0])),
        ("only the positives are there", future_with(loss=lambda logits: -logits[0])),
        ("come from another clip", future_with(clip=lambda b, frames: frames[0])),
        ("come from another clip", future_with(clip=lambda b, frames: frames[b - 1])),
        ("come from another clip", future_with(clip=lambda b, frames: frames.flatten(0, 1))),
        ("as in the lesson", lessons_own),
        ("as in the lesson", slip_of_the_lesson),
        ("the first step's negatives", future_with(step=lambda k: 0)),
        ("softmax is taken twice", future_with(loss=lambda logits: -logits.softmax(0).log_softmax(0)[0])),
        ("log is missing", future_with(loss=lambda logits: -logits.softmax(0)[0])),
        ("log is missing", future_with(loss=lambda logits: logits.softmax(0)[0])),
        ("sign is turned round", lambda *given: -future_by_gather(*given)),
        ("no gradient gets to frames", lambda p, z, n, t: future_by_gather(p, z.detach(), n, t)),
        ("cut the gradient", lambda *given: future_by_gather(*given).item()),
    ],
    "sound.use": [
        ("kept in only one", lambda p: p * (rarity(p) - 1 - (p * rarity(p)).sum(1, keepdim=True)) / len(p)),
        ("over the points, or over all", lambda p: p * (rarity(p) - (p * rarity(p)).sum(0)) / len(p)),
        ("over the points, or over all", lambda p: p * (rarity(p) - (p * rarity(p)).sum()) / len(p)),
        ("a plain mean", lambda p: p * (rarity(p) - rarity(p).mean()) / len(p)),
        ("number of words: the use", lambda p: use_by_loops(p) * len(p) / p.shape[1]),
        ("one already", lambda p: use_by_loops(p.softmax(1))),
        (
            "averaged over the words",
            lambda p: (lambda g: p * (g - (p * g).sum(1, keepdim=True)) / len(p))(-p.mean(1, keepdim=True).log()),
        ),
        ("own entropy is taken", lambda p: torch.cat([use_by_autograd(row[None]) for row in p])),
        ("sign is turned round", lambda p: -use_by_loops(p)),
        ("the mean over the points", lambda p: use_by_loops(p) * p.shape[0]),
        ("number of words as well", lambda p: use_by_loops(p) / p.shape[1]),
        ("gradient at the chances", lambda p: (rarity(p) - 1).repeat(len(p), 1) / len(p)),
        ("gradient at the chances", lambda p: rarity(p).repeat(len(p), 1) / len(p)),
        ("gradient at the chances", lambda p: (rarity(p) - 1).repeat(len(p), 1)),
        ("gradient at the chances", lambda p: rarity(p).repeat(len(p), 1)),
        ("only the diagonal", lambda p: (rarity(p) - 1) * p * (1 - p) / len(p)),
        ("only the diagonal", lambda p: rarity(p) * p * (1 - p) / len(p)),
        ("isn't taken off: a row", lambda p: p * rarity(p) / len(p)),
        ("isn't taken off: a row", lambda p: p * (rarity(p) - 1) / len(p)),
        ("own entropy is taken", lambda p: torch.cat([use_by_autograd(row[None]) for row in p]) / len(p)),
        ("the entropy itself", lambda p: p * (rarity(p) - entropy(p)) / len(p)),
        ("the entropy itself", lambda p: p * (rarity(p) - 1 - entropy(p)) / len(p)),
        ("chance in front is missing", lambda p: (rarity(p) - p @ rarity(p)[:, None]) / len(p)),
        (
            "in place of the point's own",
            lambda p: (p.mean(0) * (rarity(p) - entropy(p)) / len(p)).repeat(len(p), 1),
        ),
        ("to base 2", lambda p: use_by_loops(p) / np.log(2)),
        ("gradient of the perplexity", lambda p: use_by_loops(p) * entropy(p).exp()),
        ("not a mistake that is known", lambda p: p - p.mean(0)),
    ],
    "sound.choose": [
        ("cancels backward", lambda scores, t: hard(scores) + (scores / t).softmax(1) - (scores / t).softmax(1)),
        ("it stops with", lambda scores, t: lent(F.one_hot(scores.argmax(1)), (scores / t).softmax(1))),
        ("has it twice", lambda scores, t: lent(hard(scores), t * (scores / t).softmax(1))),
        ("has it twice", lambda scores, t: lent(hard(scores), (scores / t).softmax(1) / t)),
        (
            "only the softmax's diagonal",
            lambda scores, t: lent(
                hard(scores), (lambda p: p * (1 - p) * scores / t)((scores / t).softmax(1).detach())
            ),
        ),
        ("highest score of all", lambda scores, t: lent((scores == scores.max()).float(), (scores / t).softmax(1))),
        ("noise is drawn", lambda scores, t: lent(hard(scores), F.gumbel_softmax(scores, t))),
        ("the choice is soft", lambda scores, temperature: (scores / temperature).softmax(1)),
        ("the choice is soft", lambda scores, temperature: scores.softmax(1)),
        ("noise is drawn", lambda scores, temperature: F.gumbel_softmax(scores, temperature, hard=True)),
        ("noise is drawn", lambda scores, temperature: F.gumbel_softmax(scores, hard=True)),
        ("noise is drawn", lambda scores, temperature: F.gumbel_softmax(scores, temperature)),
        (
            "softmax is rounded",
            lambda scores, temperature: lent(
                (scores / temperature).softmax(1).round(), (scores / temperature).softmax(1)
            ),
        ),
        ("the slope is 0", overwritten),
        ("the slope is 0", lambda scores, temperature: (scores * 1e5).softmax(1)),
        ("straight to the scores", lambda scores, temperature: hard(scores) + scores - scores.detach()),
        ("straight to the scores", lambda scores, temperature: lent(hard(scores), scores / temperature)),
        ("log of the softmax", lambda scores, temperature: lent(hard(scores), (scores / temperature).log_softmax(1))),
        ("without the temperature", lambda scores, temperature: lent(hard(scores), scores.softmax(1))),
        (
            "are multiplied by the temperature",
            lambda scores, temperature: lent(hard(scores), (scores * temperature).softmax(1)),
        ),
        (
            "has the wrong sign",
            lambda scores, temperature: (
                hard(scores) - (scores / temperature).softmax(1) + (scores / temperature).softmax(1).detach()
            ),
        ),
        ("not taken off again", lambda scores, temperature: hard(scores) + (scores / temperature).softmax(1)),
        ("its chance and not 1", lambda scores, temperature: hard(scores) * (scores / temperature).softmax(1)),
        (
            "only the chosen word has",
            lambda scores, temperature: lent(hard(scores), hard(scores) * (scores / temperature).softmax(1)),
        ),
        (
            "only the chosen word has",
            lambda scores, temperature: (
                hard(scores)
                * (scores / temperature).softmax(1)
                / (scores / temperature).softmax(1).amax(1, keepdim=True).detach()
            ),
        ),
        ("lowest score is chosen", lambda scores, temperature: choose_by_eye(-scores, temperature)),
        (
            "lowest score is chosen",
            lambda scores, temperature: lent(hard(-scores), (scores / temperature).softmax(1)),
        ),
        ("each word chooses", lambda scores, temperature: choose_by_eye(scores.T, temperature).T),
        ("each word chooses", lambda scores, temperature: lent(hard(scores, 0), (scores / temperature).softmax(1))),
        ("goes along the points", lambda scores, temperature: lent(hard(scores), (scores / temperature).softmax(0))),
        ("forward only", lambda scores, temperature: hard(scores)),
        ("forward only", lambda scores, temperature: choose_by_eye(scores.detach(), temperature)),
        ("shape (5, 3) was expected", lambda scores, temperature: scores.argmax(1)),
    ],
    "sound.cue": [
        ("which of the two changes", "a"),
        ("a mean of its own", "c"),
        ("the voice, or the vowel", "d"),
        ("one of a, b, c, d", "e"),
    ],
    "sound.pool": [
        ("one behind the recording", pool_with(lambda length, field, hop: (length - field + 1) // hop + 1)),
        (
            "by the old count",
            lambda frames, lengths, field, hop: (
                pool_with(divisor=lambda kept, row: 1)(frames, lengths, field, hop) / (lengths // hop)[:, None]
            ),
        ),
        ("changed places", pool_with(lambda length, field, hop: (length - hop) // field + 1)),
        ("the example's numbers", pool_with(lambda length, field, hop: (length - 4) // 2 + 1)),
        ("the example's numbers", pool_with(lambda length, field, hop: (length - 4) // hop + 1)),
        ("the example's numbers", pool_with(lambda length, field, hop: (length - field) // 2 + 1)),
        ("one less than lengths // hop", pool_with(lambda length, field, hop: length // hop - 1)),
        ("aren't 0", pool_with(divisor=lambda kept, row: (kept != 0).sum(0).clamp(min=1))),
        (
            "as the longest has",
            lambda frames, lengths, field, hop: frames[:, : counts_of(lengths.max(), field, hop)].mean(1),
        ),
        ("both slips", broken),
        ("both slips", pool_with(lambda length, field, hop: -(-length // hop), lambda kept, row: len(row))),
        ("divided by all of the table", pool_with(divisor=lambda kept, row: len(row))),
        ("reach into the silence are counted", pool_with(lambda length, field, hop: length // hop)),
        ("reach into the silence are counted", pool_with(lambda length, field, hop: -(-length // hop))),
        (
            "reach into the silence are counted",
            lambda frames, lengths, field, hop: torch.stack(
                [row[: n // hop].sum(0) / (n // hop) for row, n in zip(frames, lengths, strict=True)]
            ),
        ),
        (
            "one frame is missing",
            pool_with(lambda length, field, hop: (length - field) // hop, lambda kept, row: len(kept)),
        ),
        ("is left out: it is", pool_with(lambda length, field, hop: (length - field - 1) // hop + 1)),
        ("one frame too many", pool_with(lambda length, field, hop: (length - field) // hop + 2)),
        (
            "one frame too many",
            lambda frames, lengths, field, hop: (
                pool_with(lambda *given: counts_of(*given) + 1, lambda kept, row: 1)(frames, lengths, field, hop)
                / counts_of(lengths, field, hop)[:, None]
            ),
        ),
        ("is rounded up", pool_with(lambda length, field, hop: -(-(length - field) // hop) + 1)),
        ("only every field-th", pool_with(lambda length, field, hop: length // field)),
        ("silence is averaged as well", lambda frames, *given: frames.mean(1)),
        ("it is a sum", pool_with(divisor=lambda kept, row: 1)),
        (
            "divided by the samples",
            lambda frames, lengths, field, hop: (
                pool_with(divisor=lambda kept, row: 1)(frames, lengths, field, hop) / lengths[:, None]
            ),
        ),
        (
            "the longest one's frames",
            lambda frames, lengths, field, hop: (
                pool_with(divisor=lambda kept, row: 1)(frames, lengths, field, hop)
                / counts_of(lengths, field, hop).max()
            ),
        ),
        (
            "the whole batch",
            lambda frames, lengths, field, hop: (
                pool_with(divisor=lambda kept, row: 1)(frames, lengths, field, hop)
                / counts_of(lengths, field, hop).sum()
            ),
        ),
        (
            "as the shortest has",
            lambda frames, lengths, field, hop: frames[:, : counts_of(lengths.min(), field, hop)].mean(1),
        ),
        (
            "as the first has",
            lambda frames, lengths, field, hop: frames[:, : counts_of(lengths[0], field, hop)].mean(1),
        ),
        ("the largest value", largest),
    ],
    "sound.confound": [
        ("enough to tell", "a"),
        ("more and not less", "b"),
        ("talk equally often", "d"),
        ("one of a, b, c, d", "all"),
    ],
}
