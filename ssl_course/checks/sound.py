"""Exercises of lesson 10: fields and hops, negatives, the loss of the future, codebooks, pooling, and two probes."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.checks.engine import Choice, Exercise, Function, Number, Unfit


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def drawn_frames(*shape: int, below: int, seed: int) -> Tensor:
    return torch.randint(below, shape, generator=torch.Generator().manual_seed(seed))


# --- Negatives of the same clip, each a function of (dice, positive, length)


def scaled(dice: Tensor, count: Tensor) -> Tensor:
    """Dice in [0, 1) as whole numbers below a count of each row, (M, N)."""
    return (dice * count.unsqueeze(1)).long()


def stepped_over(numbers: Tensor, positive: Tensor) -> Tensor:
    return numbers + (numbers >= positive.unsqueeze(1))


def draw_negatives(dice: Tensor, positive: Tensor, length: Tensor) -> Tensor:
    return stepped_over(scaled(dice, length - 1), positive)


def put_elsewhere(place: Callable[[Tensor, Tensor], Tensor]):
    """Numbers of all frames; where the positive comes, another frame does: place(positive, length), each (M, 1)."""

    def draw(dice, positive, length):
        numbers, positive, length = scaled(dice, length), positive.unsqueeze(1), length.unsqueeze(1)
        return torch.where(numbers == positive, place(positive, length), numbers)

    return draw


def beyond_the_end(dice, positive, length):
    return stepped_over(scaled(dice, length), positive)


NEGATIVES = {
    "all frames are drawn, the positive among them: from how many is there to choose, "
    "and which number must be left out?": (
        lambda dice, positive, length: scaled(dice, length),
        lambda dice, positive, length: (scaled(dice, length) + positive.unsqueeze(1)) % length.unsqueeze(1),
        lambda dice, positive, length: (scaled(dice, length) + positive.unsqueeze(1) + 1) % length.unsqueeze(1),
    ),
    "the positive is still drawn, and the last frame never: what must happen to the numbers from the positive on?": (
        lambda dice, positive, length: scaled(dice, length - 1)
    ),
    "the positive is drawn, and the frame after it never: the number that equals the positive has to move, too.": (
        lambda dice, positive, length: (
            scaled(dice, length - 1) + (scaled(dice, length - 1) > positive.unsqueeze(1)).long()
        )
    ),
    "the numbers can go one beyond the end of the clip: there are length - 1 frames to choose from, not length.": (
        beyond_the_end
    ),
    "the last frame is drawn twice as often as others: what went beyond the end is pressed into it. Scale the dice to "
    "length - 1 in place of that.": (
        lambda *given: torch.minimum(beyond_the_end(*given), given[2].unsqueeze(1) - 1),
        put_elsewhere(lambda positive, length: torch.where(positive < length - 1, length - 1, length - 2)),
    ),
    "where the positive comes up, one of its neighbours is taken, which so comes twice as often as others: scale the "
    "dice to length - 1 and step over the positive.": (
        put_elsewhere(lambda positive, length: positive + 1),
        put_elsewhere(lambda positive, length: positive - 1),
        put_elsewhere(lambda positive, length: (positive + 1) % length),
        put_elsewhere(lambda positive, length: (positive - 1) % length),
        put_elsewhere(lambda positive, length: torch.where(positive < length - 1, positive + 1, positive - 1)),
        put_elsewhere(lambda positive, length: torch.where(positive > 0, positive - 1, positive + 1)),
    ),
    "where the positive comes up, always the same frame is taken, which so comes twice as often as others.": (
        put_elsewhere(lambda positive, length: torch.where(positive > 0, 0, 1))
    ),
    "where the positive comes up, a fixed number is put in its place, which may be the positive or no frame at all.": (
        put_elsewhere(lambda positive, length: 0 * positive),
        put_elsewhere(lambda positive, length: 0 * positive - 1),
    ),
    "the dice aren't used, and others are thrown: then the same dice don't always give the same frames.": (
        lambda dice, positive, length: draw_negatives(
            torch.rand(dice.shape, generator=torch.Generator().manual_seed(0)), positive, length
        )
    ),
    "the frames are numbered from 1: the first is 0.": lambda dice, positive, length: (
        draw_negatives(dice, positive, length) + 1
    ),
    "it goes round the clip, but not back to its beginning: take the rest of the division by the length (%).": (
        lambda dice, positive, length: scaled(dice, length - 1) + positive.unsqueeze(1) + 1
    ),
    "the numbers below the positive become smaller, down to -1, in place of those from it on becoming larger.": (
        lambda dice, positive, length: (
            scaled(dice, length - 1) - (scaled(dice, length - 1) <= positive.unsqueeze(1)).long()
        )
    ),
    "the dice are rounded up, so a die near 1 ends beyond the clip: cut the decimals off (.long()).": (
        lambda dice, positive, length: stepped_over((dice * (length - 1).unsqueeze(1)).ceil().long(), positive)
    ),
    "only the number that equals the positive moves, so the frame after it comes twice as often, and the last never: "
    "all numbers from the positive on have to move.": (
        lambda dice, positive, length: (
            scaled(dice, length - 1) + (scaled(dice, length - 1) == positive.unsqueeze(1)).long()
        )
    ),
    "the numbers up to the positive move in place of those from it on.": (
        lambda dice, positive, length: (
            scaled(dice, length - 1) + (scaled(dice, length - 1) <= positive.unsqueeze(1)).long()
        )
    ),
    "frame 0 is never drawn, and the positive is: all numbers are moved by one.": (
        lambda dice, positive, length: scaled(dice, length - 1) + 1
    ),
    "the positive is drawn, and the frame before it never: round the clip from the positive, begin one behind it.": (
        lambda dice, positive, length: (scaled(dice, length - 1) + positive.unsqueeze(1)) % length.unsqueeze(1)
    ),
    "the padding is drawn, too: each row has a length of its own.": (
        lambda dice, positive, length: draw_negatives(dice, positive, length.max().expand_as(length)),
        lambda dice, positive, length: scaled(dice, length.max().expand_as(length)),
    ),
    "all rows step over the first row's positive: compare each row with its own, positive[:, None].": (
        lambda dice, positive, length: draw_negatives(dice, positive[:1].expand_as(positive), length)
    ),
    "the dice are rounded to the nearest number, so the first and the last come half as often: cut the decimals off "
    "(.long()).": (
        lambda dice, positive, length: stepped_over((dice * (length - 1).unsqueeze(1)).round().long(), positive),
        lambda dice, positive, length: stepped_over((dice * (length - 2).unsqueeze(1)).round().long(), positive),
    ),
    "one frame is never drawn: there are length - 1 to choose from, and dice * n, cut off, ends at n - 1.": (
        lambda dice, positive, length: stepped_over(scaled(dice, length - 2), positive)
    ),
    "the positive itself is drawn, and nothing else.": lambda dice, positive, length: (
        positive.unsqueeze(1).expand(dice.shape).clone()
    ),
}


def however_numbered(numbers: Tensor, dice: Tensor, positive: Tensor, length: Tensor) -> tuple[Tensor]:
    """The frames of each row in their order: which dice stand for which frame makes no difference."""
    return (numbers.sort(dim=1).values,)


def by_the_dice(answer: Callable) -> str | None:
    """Whether each frame follows from its own die: equal dice of a row give equal frames."""
    dice = torch.tensor([[0.02], [0.98]]).repeat(1, 3)
    numbers = answer(dice, torch.tensor([2, 2]), torch.tensor([7, 7]))
    if (numbers != numbers[:, :1]).any():
        return (
            "equal dice of a row give different frames: a frame has to follow from its own die's value, not from the "
            "die's place or rank, and not from other dice."
        )
    if numbers[0, 0] == numbers[1, 0]:
        return "dice of 0.02 and 0.98 in two rows give the same frame: does each row use its own dice?"
    return None


def even_dice(rows: int, count: int, seed: int) -> Tensor:
    """Dice that are spread evenly over [0, 1), in another order in each row."""
    order = torch.rand(rows, count, generator=torch.Generator().manual_seed(seed)).argsort(dim=1)
    return (order + 0.4) / count


def negatives_cases() -> list[tuple]:
    """In each row the number of dice is a multiple of the frames to choose from, so that all come equally often."""
    one = even_dice(4, 8, 1), torch.tensor([3, 0, 2, 8]), torch.tensor([9, 5, 3, 9])
    other = even_dice(3, 12, 2), torch.tensor([2, 4, 1]), torch.tensor([7, 5, 4])
    return [one, other]


# --- The loss of the future with drawn negatives, each a function of (predictions, frames, negatives, temperature)


def candidates_of(frames: Tensor, numbers: Tensor) -> Tensor:
    """The frames with these numbers, each of its own clip: (B, T, D), (B, T, K, C) -> (B, T, K, C, D)."""
    return frames[torch.arange(len(frames)).view(-1, 1, 1, 1), numbers]


def unit(vectors: Tensor) -> Tensor:
    return F.normalize(vectors, dim=-1)


def of_mean(losses: Tensor, inside: Tensor) -> Tensor:
    """Losses (B, T, K), and which (T, K) lie within the clip."""
    return losses[:, inside].mean()


def by_step(losses: Tensor, inside: Tensor) -> Tensor:
    return torch.stack([losses[:, inside[:, k], k].mean() for k in range(inside.shape[1]) if inside[:, k].any()]).mean()


def with_all_steps(losses: Tensor, inside: Tensor) -> Tensor:
    return losses[:, inside.all(dim=1)].mean()


def by_moment(losses: Tensor, inside: Tensor) -> Tensor:
    return torch.stack([losses[:, t, inside[t]].mean() for t in range(len(inside)) if inside[t].any()]).mean()


def cross_entropy(logits: Tensor) -> Tensor:
    return logits.logsumexp(dim=3) - logits[..., 0]


def future(
    *,
    ahead: int = 1,
    shown: Callable = unit,
    predicted: Callable = unit,
    tempered: Callable = lambda cosines, temperature: cosines / temperature,
    outside: Callable | None = None,
    drawn_from: Callable = candidates_of,
    true_from: Callable = candidates_of,
    loss: Callable = cross_entropy,
    total: Callable = of_mean,
):
    """The loss, with the parts that mistakes are made in as options.

    `outside`: what stands for a number beyond the clip, where such predictions are counted: a function of (number, T).
    """

    def compute(predictions, frames, negatives, temperature):
        length, steps = frames.shape[1], predictions.shape[2]
        later = torch.arange(length).unsqueeze(1) + ahead + torch.arange(steps)  # (T, K)
        inside = later < length
        z, p = shown(frames), predicted(predictions)
        place = later.clamp(max=length - 1) if outside is None else outside(later, length)
        true = true_from(z, place.expand(len(z), -1, -1).unsqueeze(3))  # (B, T, K, 1, D)
        others = drawn_from(z, negatives)  # (B, T, K, N, D)
        cosines = torch.einsum("btkd,btkcd->btkc", p, torch.cat([true, others], dim=3))
        counted = inside if outside is None else torch.ones_like(inside)
        return total(loss(tempered(cosines, temperature)), counted)

    return compute


future_loss = future()


def flat_numbers(frames: Tensor, numbers: Tensor) -> Tensor:
    return frames.flatten(0, 1)[numbers]


def with_zeros_behind(frames: Tensor, numbers: Tensor) -> Tensor:
    return candidates_of(F.pad(frames, (0, 0, 0, frames.shape[1])), numbers)


def tempered_in_part(*, positive: bool) -> Callable:
    """Cosines (B, T, K, 1 + N) of which the first, or all others, aren't divided."""

    def divided(cosines, temperature):
        first = torch.arange(cosines.shape[3]) == 0
        return torch.where(first == positive, cosines / temperature, cosines)

    return divided


def every_frame(frames: Tensor, numbers: Tensor) -> Tensor:
    every = torch.arange(frames.shape[1]).expand(*numbers.shape[:3], -1)
    return candidates_of(frames, every)


def negatives_of_later(predictions, frames, negatives, temperature):
    length = frames.shape[1]
    places = (torch.arange(length).unsqueeze(1) + 1 + torch.arange(predictions.shape[2])) % length  # (T, K)
    moved = negatives[:, places, torch.arange(predictions.shape[2])]
    return future_loss(predictions, frames, moved, temperature)


def without_the_last(losses: Tensor, inside: Tensor) -> Tensor:
    """Without the last moment of each step."""
    return losses[:, torch.cat([inside[1:], torch.zeros_like(inside[:1])])].mean()


def among_all_frames(predictions, frames, negatives, temperature):
    """The lesson's: all other frames of the clip are negatives."""
    length, losses = frames.shape[1], []
    for k in range(predictions.shape[2]):
        cosines = unit(predictions[:, : length - 1 - k, k]) @ unit(frames).transpose(1, 2)  # (B, T - 1 - k, T)
        answers = torch.arange(1 + k, length).repeat(len(frames))
        losses.append(F.cross_entropy(cosines.flatten(0, 1) / temperature, answers, reduction="none"))
    return torch.cat(losses).mean()


FUTURE = {
    "no step is taken: prediction [b, t, k] is about frame t + 1 + k, and with t + k the first step would be to find "
    "the frame itself.": (future(ahead=0), future(ahead=0, outside=lambda later, length: later % length)),
    "it looks one frame too far: the first prediction, k = 0, is about frame t + 1.": future(ahead=2),
    "predictions beyond the end of the clip are counted, with the last frame as the right one: leave them out.": (
        future(outside=lambda later, length: later.clamp(max=length - 1))
    ),
    "predictions beyond the end of the clip are counted, with frames from its beginning as the right ones (roll and % "
    "begin anew): leave them out.": future(outside=lambda later, length: later % length),
    "predictions beyond the end of the clip are counted, with zeros as the right frames: leave them out.": future(
        outside=lambda later, length: later, true_from=with_zeros_behind
    ),
    "only moments with all K steps ahead of them are counted: near the end, the early steps still have a frame.": (
        future(total=with_all_steps)
    ),
    "the steps are summed: take one mean over all predictions.": (
        future(total=lambda losses, inside: by_step(losses, inside) * losses.shape[2]),
        future(total=lambda losses, inside: of_mean(losses, inside) * losses.shape[2]),
    ),
    "only the first step is counted: there are K.": future(
        total=lambda losses, inside: losses[:, inside[:, 0], 0].mean()
    ),
    "each step is averaged by itself, and then the steps: that weighs the single predictions of late steps more. Take "
    "one mean over all.": future(total=by_step),
    "each moment is averaged by itself, and then the moments: that weighs the last ones more. Take one over all.": (
        future(total=by_moment)
    ),
    "the losses are summed: divide by the number of predictions.": future(
        total=lambda losses, inside: losses[:, inside].sum()
    ),
    "it is divided by the clips alone: divide by the number of predictions.": future(
        total=lambda losses, inside: losses[:, inside].sum() / len(losses)
    ),
    "it is divided by all places, those beyond the end included: divide by the number of predictions that have a "
    "frame.": future(total=lambda losses, inside: (losses * inside).mean()),
    "nothing is scaled to length 1: it is the cosine that is compared.": future(
        shown=lambda z: z, predicted=lambda p: p
    ),
    "only one side is scaled to length 1: predictions and frames both have to be.": (
        future(shown=lambda z: z),
        future(predicted=lambda p: p),
    ),
    "it is scaled along the wrong axis: without dim, F.normalize takes dim=1, which is the time. The width is last.": (
        future(shown=F.normalize, predicted=F.normalize),
        future(shown=F.normalize),
        future(predicted=F.normalize),
    ),
    "predictions are scaled along the steps: dim=2 is the width of frames alone, dim=-1 that of both.": (
        future(predicted=lambda p: F.normalize(p, dim=2))
    ),
    "the negatives are read where the true frame is, negatives[b, t + 1 + k, k]: they belong to the prediction, made "
    "at t.": negatives_of_later,
    "the last frame is never a right answer: t + 1 + k may be T - 1.": future(total=without_the_last),
    "the loss takes another candidate for the right one: cross_entropy wants the place where you have put it.": (
        future(loss=lambda logits: logits.logsumexp(dim=3) - logits[..., 1]),
        future(loss=lambda logits: logits.logsumexp(dim=3) - logits[..., -1]),
    ),
    "the temperature divides only a part: the positive's cosine and the negatives' are both divided by it.": (
        future(tempered=tempered_in_part(positive=True)),
        future(tempered=tempered_in_part(positive=False)),
    ),
    "the temperature isn't used.": (
        future(tempered=lambda cosines, temperature: cosines),
        future(tempered=lambda cosines, temperature: cosines / 0.1),
    ),
    "the cosines are multiplied by the temperature instead of divided.": future(
        tempered=lambda cosines, temperature: cosines * temperature
    ),
    "the positive isn't among its candidates: below the fraction stand the negatives and the right one.": future(
        loss=lambda logits: logits[..., 1:].logsumexp(dim=3) - logits[..., 0]
    ),
    "only the positives are there: without negatives, all frames could be the same.": future(
        loss=lambda logits: -logits[..., 0]
    ),
    "the negatives come from another clip: row b's numbers are frames of clip b.": (
        future(drawn_from=flat_numbers),
        future(drawn_from=lambda z, numbers: z[0][numbers]),
        future(drawn_from=lambda z, numbers: candidates_of(z.roll(1, dims=0), numbers)),
    ),
    "all frames of the clip are the negatives, as in the lesson: here only those that were drawn.": (
        among_all_frames,
        future(drawn_from=every_frame),
    ),
    "each step gets the first step's negatives: negatives[b, t, k] belong to step k.": future(
        drawn_from=lambda z, numbers: candidates_of(z, numbers[:, :, :1].expand_as(numbers))
    ),
    "the softmax is taken twice: cross_entropy takes it of the logits by itself.": future(
        loss=lambda logits: cross_entropy(logits.softmax(dim=3))
    ),
    "the log is missing: a mean of chances isn't in nats.": (
        future(loss=lambda logits: -logits.softmax(dim=3)[..., 0]),
        future(loss=lambda logits: logits.softmax(dim=3)[..., 0]),
    ),
    "the logarithm is to base 2: nats take the natural one.": future(
        loss=lambda logits: cross_entropy(logits) / math.log(2)
    ),
    "the sign is turned round: minimising it would make the right frames unlikely.": future(
        loss=lambda logits: -cross_entropy(logits)
    ),
}


def future_cases() -> list[tuple]:
    """Predictions that are partly right, of vectors of all lengths, at low temperatures."""
    cases = []
    for seed, (clips, length, steps, width, count, temperature) in enumerate(
        [(3, 7, 4, 5, 6, 0.2), (2, 6, 3, 4, 5, 0.4)]
    ):
        frames = drawn(clips, length, width, seed=3 * seed) * (1 + torch.arange(length).view(-1, 1) % 3)
        later = (torch.arange(length).unsqueeze(1) + 1 + torch.arange(steps)) % length
        predictions = frames[:, later] + drawn(clips, length, steps, width, seed=3 * seed + 1)
        negatives = drawn_frames(clips, length, steps, count, below=length, seed=3 * seed + 2)
        negatives = torch.where(negatives == later.unsqueeze(2), (negatives + 1) % length, negatives)
        cases.append((predictions, frames, negatives, temperature))
    return cases


# --- The gradient of the entropy of use, each a function of (chances)


def pushed(inner: Callable[[Tensor], Tensor]):
    """p (g - the mean of g by p) / N, for slopes g at the chances, (V,) or (N, V)."""

    def slope(chances: Tensor) -> Tensor:
        g = inner(chances)
        return chances * (g - (chances * g).sum(dim=1, keepdim=True)) / len(chances)

    return slope


def surprise_of_use(chances: Tensor) -> Tensor:
    return -chances.mean(dim=0).log()  # (V,)


def entropy_of_use(chances: Tensor) -> Tensor:
    return (chances.mean(dim=0) * surprise_of_use(chances)).sum()


use_slope = pushed(surprise_of_use)


def each_a_mean(shift: float = 0.0):
    """Without the softmax's own slope."""
    return lambda chances: ((surprise_of_use(chances) - shift) / len(chances)).expand_as(chances)


USE = {
    "the sign is turned round: a rare word's score has to go up if the entropy is to grow.": (
        lambda chances: -use_slope(chances)
    ),
    "the mean over the points isn't in it: each of N points has 1/N of the use.": (
        lambda chances: use_slope(chances) * len(chances)
    ),
    "it is divided by the number of words as well: the use is a mean over the N points alone.": (
        lambda chances: use_slope(chances) / chances.shape[1]
    ),
    "this is the gradient at the chances: go on through the softmax to the scores.": (
        each_a_mean(),
        each_a_mean(1.0),
        lambda chances: (surprise_of_use(chances) - 1).expand_as(chances),
        lambda chances: surprise_of_use(chances).expand_as(chances),
    ),
    "of the softmax's slope only the diagonal is there, p (1 - p): a score changes the chances of all words.": (
        lambda chances: chances * (1 - chances) * (surprise_of_use(chances) - 1) / len(chances),
        lambda chances: chances * (1 - chances) * surprise_of_use(chances) / len(chances),
    ),
    "what all words of a row have in common isn't taken off: a row must sum to 0, since a softmax doesn't change when "
    "all scores grow by the same.": (
        lambda chances: chances * surprise_of_use(chances) / len(chances),
        lambda chances: chances * (surprise_of_use(chances) - 1) / len(chances),
    ),
    "each point's own entropy is taken, and then the mean: that would make every point undecided. Asked for is the "
    "entropy of the use.": (
        pushed(lambda chances: -chances.log()),
        lambda chances: len(chances) * pushed(lambda chances: -chances.log())(chances),
    ),
    "the entropy itself is taken off in every row: it is the row's own mean of -log of the use, weighted by its "
    "chances.": (
        lambda chances: chances * (surprise_of_use(chances) - entropy_of_use(chances)) / len(chances),
        lambda chances: chances * (surprise_of_use(chances) - 1 - entropy_of_use(chances)) / len(chances),
    ),
    "the chance in front is missing: a score moves a chance by p times …, so hardly where p is small.": (
        lambda chances: use_slope(chances) / chances
    ),
    "the use stands in front in place of the point's own chances: all points would be pushed the same way.": (
        lambda chances: (
            chances.mean(dim=0) * (surprise_of_use(chances) - entropy_of_use(chances)) / len(chances)
        ).expand_as(chances)
    ),
    "the -1 of -log u - 1 is kept in only one of two places: it is in the slope and in the row's mean of slopes, so it "
    "cancels.": (
        lambda chances: use_slope(chances) - chances / len(chances),
        lambda chances: use_slope(chances) + chances / len(chances),
    ),
    "the sum over p g goes over the points, or over all: in a softmax, the words of one row (dim=1) compete.": (
        lambda chances: (
            chances * (surprise_of_use(chances) - (chances * surprise_of_use(chances)).sum(dim=0)) / len(chances)
        ),
        lambda chances: (
            chances * (surprise_of_use(chances) - (chances * surprise_of_use(chances)).sum()) / len(chances)
        ),
    ),
    "a plain mean over the words is taken off: it is weighted by the row's chances.": lambda chances: (
        chances * (surprise_of_use(chances) - surprise_of_use(chances).mean()) / len(chances)
    ),
    "it is divided by the number of words: the use is a mean over the N points.": lambda chances: (
        use_slope(chances) * len(chances) / chances.shape[1]
    ),
    "a softmax is taken of the chances: they are one already.": lambda chances: use_slope(chances.softmax(dim=1)),
    "the use is averaged over the words (dim=1): it is the mean over the points, one number for each word.": pushed(
        lambda chances: -chances.mean(dim=1, keepdim=True).log()
    ),
    "the logarithm is to base 2: nats take the natural one.": lambda chances: (
        use_slope(chances) / torch.tensor(2).log()
    ),
    "this is the gradient of the perplexity, exp of the entropy.": (
        lambda chances: use_slope(chances) * entropy_of_use(chances).exp()
    ),
}


def use_cases() -> list[tuple]:
    return [((2 * drawn(5, 3, seed=4)).softmax(dim=1),), ((1.5 * drawn(4, 6, seed=5)).softmax(dim=1),)]


# --- A hard choice with a soft slope, each a function of (scores, temperature)


def hard(scores: Tensor, dim: int = 1) -> Tensor:
    return torch.zeros_like(scores).scatter(dim, scores.argmax(dim=dim, keepdim=True), 1.0)


def sloped(values: Tensor, slope: Tensor) -> Tensor:
    """The first one's values with the second one's slope."""
    return values.detach() + (slope - slope.detach())


def choose(scores: Tensor, temperature: float) -> Tensor:
    return sloped(hard(scores), (scores / temperature).softmax(dim=1))


def noisy(*, hard: bool, tempered: bool = True):
    def draw(scores: Tensor, temperature: float) -> Tensor:
        torch.manual_seed(0)  # as the engine does before each answer
        return F.gumbel_softmax(scores, tau=temperature if tempered else 1, hard=hard)

    return draw


CHOOSE = {
    "the choice is soft: forward, the chosen word has 1 and all others 0.": (
        lambda scores, temperature: (scores / temperature).softmax(dim=1),
        lambda scores, temperature: scores.softmax(dim=1),
    ),
    "noise is drawn, which changes the choice or its slope: leave it out here.": (
        noisy(hard=True),
        noisy(hard=False),
        noisy(hard=True, tempered=False),
        lambda scores, temperature: sloped(hard(scores), noisy(hard=False)(scores, temperature)),
    ),
    "the softmax is rounded: where no word has more than half, none is chosen. Take the highest.": (
        lambda scores, temperature: sloped(
            (scores / temperature).softmax(dim=1).round(), (scores / temperature).softmax(dim=1)
        )
    ),
    "the choice is right, but the slope goes straight to the scores: backward it should be the softmax's.": (
        lambda scores, temperature: sloped(hard(scores), scores),
        lambda scores, temperature: sloped(hard(scores), scores / temperature),
    ),
    "the choice is right, but the slope is that of the log of the softmax.": (
        lambda scores, temperature: sloped(hard(scores), (scores / temperature).log_softmax(dim=1))
    ),
    "the choice is right, but the slope is that of a softmax without the temperature.": (
        lambda scores, temperature: sloped(hard(scores), scores.softmax(dim=1))
    ),
    "the choice is right, but in the slope the scores are multiplied by the temperature: they are divided by it.": (
        lambda scores, temperature: sloped(hard(scores), (scores * temperature).softmax(dim=1))
    ),
    "the choice is right, but the slope is 0: what is added cancels backward as well (is the same softmax taken off "
    "with its slope?), or the softmax's own numbers were overwritten (.data), or made hard by a tiny temperature.": (
        lambda scores, temperature: sloped(hard(scores), 0 * scores)
    ),
    "the choice is right, but the slope has the wrong sign: of the two that cancel, the other keeps its slope.": (
        lambda scores, temperature: sloped(hard(scores), -(scores / temperature).softmax(dim=1))
    ),
    "the softmax is added and not taken off again: take off the same numbers, detached, so that the hard choice is "
    "left.": lambda scores, temperature: hard(scores) + (scores / temperature).softmax(dim=1),
    "the chosen word has its chance and not 1: multiplied is neither the hard choice nor the soft slope.": (
        lambda scores, temperature: hard(scores) * (scores / temperature).softmax(dim=1)
    ),
    "the choice is right, but only the chosen word has a slope: all words have the softmax's.": (
        lambda scores, temperature: sloped(hard(scores), hard(scores) * (scores / temperature).softmax(dim=1)),
        lambda scores, temperature: (
            hard(scores)
            * (scores / temperature).softmax(dim=1)
            / (scores / temperature).softmax(dim=1).detach().clamp(min=1e-9)
        ),
    ),
    "the choice is right, but the slope lacks the division by the temperature, or has it twice: it is in the softmax, "
    "and its slope has it once.": (
        lambda scores, temperature: sloped(hard(scores), temperature * (scores / temperature).softmax(dim=1)),
        lambda scores, temperature: sloped(hard(scores), (scores / temperature).softmax(dim=1) / temperature),
    ),
    "the choice is right, but the slope has only the softmax's diagonal, p (1 - p): a score changes all chances.": (
        lambda scores, temperature: sloped(
            hard(scores),
            ((scores / temperature).softmax(dim=1) * (1 - (scores / temperature).softmax(dim=1))).detach()
            * scores
            / temperature,
        )
    ),
    "only the highest score of all is chosen: each row has a highest of its own.": lambda scores, temperature: sloped(
        (scores == scores.max()).to(scores.dtype), (scores / temperature).softmax(dim=1)
    ),
    "the lowest score is chosen: take the highest.": (
        lambda scores, temperature: sloped(hard(-scores), (scores / temperature).softmax(dim=1)),
        lambda scores, temperature: choose(-scores, temperature),
    ),
    "each word chooses a point: each point chooses a word, so choice and softmax go along dim=1.": (
        lambda scores, temperature: sloped(hard(scores, dim=0), (scores / temperature).softmax(dim=0)),
        lambda scores, temperature: sloped(hard(scores, dim=0), (scores / temperature).softmax(dim=1)),
    ),
    "the choice is right, but the softmax of the slope goes along the points: it is dim=1.": (
        lambda scores, temperature: sloped(hard(scores), (scores / temperature).softmax(dim=0))
    ),
}


def both_ways(chosen: Tensor, scores: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """What comes out forward, and the slope at the scores of a sum in which each number has a weight of its own."""
    if not chosen.requires_grad:
        raise Unfit(
            "forward only: no slope gets back to the scores. A choice has none of its own (argmax, one_hot), so it has "
            "to be lent the softmax's; is that detached as well, or under `no_grad`?"
        )
    weights = drawn(*chosen.shape, seed=9)
    (slope,) = torch.autograd.grad((chosen * weights).sum(), scores, allow_unused=True)
    if slope is None:
        raise Unfit("no slope gets back to the scores: they must be in what is returned.")
    return chosen.detach(), slope


def choose_cases() -> list[tuple]:
    """Scores that ask for a gradient."""
    one, other = drawn(5, 3, seed=6), drawn(4, 6, seed=7)
    other[:, 5] -= 4  # nobody chooses the last word, so one_hot has to be told that it is there
    return [(one.requires_grad_(), 0.5), (other.requires_grad_(), 2.0)]


# --- The mean over a recording's frames, each a function of (frames, lengths, field, hop)


def whole_frames(lengths: Tensor, field: int, hop: int) -> Tensor:
    return (lengths - field) // hop + 1


def pooling(
    count: Callable[[Tensor, int, int], Tensor] = whole_frames,
    over: Callable[[Tensor, Tensor], Tensor] = lambda kept, counts: kept.sum(dim=1),
):
    """A pooling with another rule for what counts: kept (B, T) is handed on to `over`, which says the divisor (B,)."""

    def pool(frames, lengths, field, hop):
        counts = count(lengths, field, hop)
        kept = (torch.arange(frames.shape[1]) < counts.unsqueeze(1)).to(frames.dtype)  # (B, T)
        return (frames * kept.unsqueeze(2)).sum(dim=1) / over(kept, counts).unsqueeze(1)

    return pool


pooled = pooling()


def begun(lengths: Tensor, field: int, hop: int) -> Tensor:
    return lengths // hop


def begun_at_all(lengths: Tensor, field: int, hop: int) -> Tensor:
    return (lengths + hop - 1) // hop


def of_all(kept: Tensor, counts: Tensor) -> Tensor:
    return torch.full_like(kept[:, 0], kept.shape[1])


POOL = {
    "both slips are still there: frames that reach into the silence are counted, and it is divided by all frames of "
    "the table.": (pooling(begun, of_all), pooling(begun_at_all, of_all)),
    "the right frames are summed, but divided by all of the table: a short recording comes out too small.": (
        pooling(over=of_all)
    ),
    "frames that reach into the silence are counted: a frame counts if its last sample, too, is of the recording.": (
        pooling(begun),
        pooling(begun_at_all),
        pooling(begun, over=lambda kept, counts: counts),
        pooling(begun_at_all, over=lambda kept, counts: counts),
    ),
    "one frame is missing at the end: a frame stands before the first hop, too.": pooling(
        lambda lengths, field, hop: (lengths - field) // hop
    ),
    "a frame that ends with the recording's last sample is left out: it is all within.": pooling(
        lambda lengths, field, hop: (lengths - field - 1) // hop + 1
    ),
    "a frame is counted whose last sample is one behind the recording: the recording's last is lengths - 1.": pooling(
        lambda lengths, field, hop: (lengths - field + 1) // hop + 1
    ),
    "the right frames are summed, but divided by the old count, lengths // hop.": (
        lambda frames, lengths, field, hop: (
            pooled(frames, lengths, field, hop) * (whole_frames(lengths, field, hop) / (lengths // hop)).unsqueeze(1)
        )
    ),
    "field and hop have changed places: the first frame takes a field, each further one a hop.": (
        pooling(lambda lengths, field, hop: (lengths - hop) // field + 1),
        pooling(lambda lengths, field, hop: (lengths - hop) // field + 1, over=lambda kept, counts: counts),
    ),
    "the example's numbers are in it, field 4 or hop 2: take those that are given.": (
        pooling(lambda lengths, field, hop: (lengths - 4) // 2 + 1),
        pooling(lambda lengths, field, hop: (lengths - 4) // 2 + 1, over=lambda kept, counts: counts),
        pooling(lambda lengths, field, hop: (lengths - 4) // hop + 1),
        pooling(lambda lengths, field, hop: (lengths - 4) // hop + 1, over=lambda kept, counts: counts),
        pooling(lambda lengths, field, hop: (lengths - field) // 2 + 1),
        pooling(lambda lengths, field, hop: (lengths - field) // 2 + 1, over=lambda kept, counts: counts),
    ),
    "one less than lengths // hop is counted, which is right for the example's field of two hops: how many hops fit "
    "behind the first frame?": (
        pooling(lambda lengths, field, hop: lengths // hop - 1),
        pooling(lambda lengths, field, hop: lengths // hop - 1, over=lambda kept, counts: counts),
    ),
    "it is divided by the numbers that aren't 0: a frame of the recording may hold a 0, and counts all the same.": (
        lambda frames, lengths, field, hop: (
            pooling(over=lambda kept, counts: torch.ones_like(kept[:, 0]))(frames, lengths, field, hop)
            / (
                (frames != 0)
                & (torch.arange(frames.shape[1]) < whole_frames(lengths, field, hop).unsqueeze(1)).unsqueeze(2)
            )
            .sum(dim=1)
            .clamp(min=1)
        )
    ),
    "one frame too many is counted: numbers begin at 0, so those below the count (<) are as many as the count says.": (
        pooling(lambda lengths, field, hop: whole_frames(lengths, field, hop) + 1),
        pooling(
            lambda lengths, field, hop: whole_frames(lengths, field, hop) + 1, over=lambda kept, counts: counts - 1
        ),
    ),
    "it is rounded up: a frame that fits in only partly reaches into the silence, so round down (//).": pooling(
        lambda lengths, field, hop: (lengths - field + hop - 1) // hop + 1
    ),
    "only every field-th sample is taken to begin a frame: the next one begins a hop later, and they overlap.": pooling(
        lambda lengths, field, hop: lengths // field
    ),
    "the silence is averaged as well: only frames within the recording count.": (
        lambda frames, lengths, field, hop: frames.mean(dim=1)
    ),
    "it is a sum: divide by the number of frames that count.": pooling(over=lambda kept, counts: 1 + 0 * kept[:, 0]),
    "it is divided by the samples: divide by the frames that count.": (
        lambda frames, lengths, field, hop: (
            pooled(frames, lengths, field, hop) * (whole_frames(lengths, field, hop) / lengths).unsqueeze(1)
        )
    ),
    "all are divided by the longest one's frames: each recording has a number of its own.": pooling(
        over=lambda kept, counts: kept.sum(dim=1).max().expand(len(kept))
    ),
    "all are divided by the frames of the whole batch: each recording has a number of its own.": pooling(
        over=lambda kept, counts: kept.sum().expand(len(kept))
    ),
    "of every recording only as many frames are taken as the shortest has.": pooling(
        lambda lengths, field, hop: whole_frames(lengths, field, hop).min().expand_as(lengths)
    ),
    "of every recording as many frames are taken as the longest has.": pooling(
        lambda lengths, field, hop: whole_frames(lengths, field, hop).max().expand_as(lengths)
    ),
    "of every recording as many frames are taken as the first has.": pooling(
        lambda lengths, field, hop: whole_frames(lengths, field, hop)[:1].expand_as(lengths)
    ),
    "it is the largest value and not the mean.": lambda frames, lengths, field, hop: frames.masked_fill(
        (torch.arange(frames.shape[1]) >= whole_frames(lengths, field, hop).unsqueeze(1)).unsqueeze(2),
        float("-inf"),
    ).amax(dim=1),
}


def pool_cases() -> list[tuple]:
    """Lengths that fill a hop exactly, that lack one sample, and others; some numbers of the recordings are 0."""
    one = drawn(4, 9, 3, seed=10) + 1, torch.tensor([43, 23, 38, 19]), 15, 4
    other = (drawn(3, 7, 5, seed=11) + 1).relu(), torch.tensor([26, 40, 19]), 10, 5
    return [one, other]


# --- Numbers

LAYERS = ((10, 5), (8, 4), (4, 2), (4, 2), (4, 2))  # of wav2vec, kernel and stride
FIELD, HOP, RATE = 465, 160, 16_000


def ms(samples: float, rate: int = RATE) -> float:
    return 1000 * samples / rate


EXERCISES: dict[str, Exercise] = {
    "shared": Number(
        right=ms(FIELD - 2 * HOP),
        tolerance=0.005,  # tells one sample more or less, 9.0 and 9.125
        because="a frame sees 465 samples and the next but one begins 320 later, so 145 are left, 9.06 ms. From the "
        "third step on nothing is shared.",
        slips={
            FIELD - 2 * HOP: "it is in samples: there are 16 in a millisecond.",
            ms(FIELD - HOP): "it is what the next frame shares: the next but one begins two hops later.",
            ms(FIELD - 3 * HOP): "it is taken three hops later: frame t + 2 begins two hops after frame t.",
            ms(FIELD): "it is all that a frame sees: take off what lies before the beginning of the later one.",
            ms(2 * HOP): "it is how much later the second one begins: how much of the first is left then?",
            ms(FIELD - 2 * HOP, 8000): "each kernel adds w hops in place of w - 1, or the lesson's rate is used: "
            "it is 16,000 samples a second here.",
            ms(1026 - 2 * HOP): "each kernel counts hops of its own layer: it looks at the layer below, whose hop is "
            "smaller.",
            ms(FIELD - 2 * 15): "the strides are added: each multiplies the hop.",
            ms(
                FIELD - 1 - 2 * HOP
            ): "the field is a sample too small (a lone sample has field 1, not 0), or the number is "
            "rounded: give two decimals.",
            ms(FIELD + 1 - 2 * HOP): "the field is a sample too large: the first kernel is 10 samples wide.",
            (FIELD - 2 * HOP) / RATE: "it is in seconds.",
            ms(HOP): "it is how much later the next frame begins: what do two frames share?",
            FIELD - HOP: "it is what the next frame shares, and in samples.",
            FIELD: "it is all that a frame sees, in samples: milliseconds that two frames share are asked for.",
            ms(FIELD - 2 * HOP) / ms(FIELD): "it is a share of the frame: milliseconds are asked for.",
        },
    ),
    "negatives": Function(
        reference=draw_negatives,
        cases=negatives_cases,
        mistakes=NEGATIVES,
        praise="all other frames of the clip, each as likely as any, and never the right one or padding.",
        measure=however_numbered,
        parts=("frames of the rows, sorted",),
        probes=(by_the_dice,),
        whole=True,
    ),
    "future": Function(
        reference=future_loss,
        cases=future_cases,
        mistakes=FUTURE,
        praise="every step has its own prediction and its own negatives, and no frame beyond the end is asked for.",
        gradients={"predictions": 0, "frames": 1},
    ),
    "use": Function(
        reference=use_slope,
        cases=use_cases,
        mistakes=USE,
        praise="a point's own chance, times how much rarer the word is than what the point means on average.",
        tolerance=1e-5,
    ),
    "choose": Function(
        reference=choose,
        cases=choose_cases,
        mistakes=CHOOSE,
        praise="forward a choice, backward the slope of a softmax: all words learn from each point.",
        measure=both_ways,
        parts=("forward", "slope"),
    ),
    "cue": Choice(
        right="b",
        because="the length of the tract and the pitch are in all frames of a clip, and so in their mean; the vowels "
        "change, and most of them is left. Speech recognisers do the same against microphones.",
        others={
            "a": "what changes within a clip isn't in the mean, so it is left: which of the two changes?",
            "c": "a probe has one constant for all clips, and here each clip loses a mean of its own.",
            "d": "look at what the frames of one clip have in common: the voice, or the vowel?",
        },
    ),
    "pool": Function(
        reference=pooled,
        cases=pool_cases,
        mistakes=POOL,
        praise="only frames that lie within the recording, and their own number below the fraction.",
    ),
    "confound": Choice(
        right="c",
        because="frames of the same clip, some even of the same samples, lie on both sides, so a probe that knows the "
        "clip by its hiss or its vowels is right without knowing the voice. Whole clips have to be kept apart.",
        others={
            "a": "so many frames of 60 clips are enough to tell 75 % from 17 %, and few would make it vary, not rise.",
            "b": "a stronger probe would find more and not less: the objection must say why 75 % is too high.",
            "d": "guessing is 17 % with six speakers who talk equally often, and 75 % is far above it.",
        },
    ),
}
