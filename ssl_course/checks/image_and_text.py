"""Exercises of lesson 12: equal captions, the scale and its slope, yes or no, prompts, retrieval, order."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.checks.engine import Choice, Exercise, Function, Number, by_hand


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def vectors(count: int, width: int, seed: int, noise: float = 0.7) -> tuple[Tensor, Tensor]:
    """Vectors of pictures and of captions, (count, width), of other lengths than 1: partners are near."""
    image = drawn(count, width, seed=seed)
    return 2 * image, 0.6 * (image + noise * drawn(count, width, seed=seed + 1))


def cosines(image: Tensor, text: Tensor) -> Tensor:
    return F.normalize(image, dim=1) @ F.normalize(text, dim=1).T  # (B, B)


# --- Equal captions

GROUPS = (3, 2, 1)  # how many of the six captions say the same
LOWEST = sum(n * math.log(n) for n in GROUPS) / sum(GROUPS)

# --- The slope at the log of the scale, each a function of (cosines, scale)


def means(table: Tensor, logits: Tensor, dim: int) -> Tensor:
    """The mean over a row (or column) of its values, weighted by the shares of its softmax; and of these the mean."""
    return (logits.softmax(dim=dim) * table).sum(dim=dim).mean()


def slope(table, scale):
    s = scale * table
    return (means(s, s, 1) + means(s, s, 0)) / 2 - s.diagonal().mean()


def one_side(dim: int):
    return lambda table, scale: means(scale * table, scale * table, dim) - scale * table.diagonal().mean()


def own_kept(table, scale):
    return slope(table, scale) + scale * table.diagonal().mean()


def own_alone(table, scale):
    s = scale * table
    shares = (s.softmax(dim=1) + s.softmax(dim=0)).diagonal() / 2
    return -((1 - shares) * s.diagonal()).mean()


def scale_forgotten(table, scale):
    s = scale * table
    return (means(s, table, 1) + means(s, table, 0)) / 2 - s.diagonal().mean()


def own_by(share: Callable):
    """The slope with the own pair's term times a share, a function of the scaled cosines."""

    def slope_with(table, scale):
        s = scale * table
        return (means(s, s, 1) + means(s, s, 0)) / 2 - (share(s) * s.diagonal()).mean()

    return slope_with


def turned_once(table, scale):
    s = scale * table
    return (means(s, s, 1) + (s * s.T.softmax(dim=1)).sum(dim=1).mean()) / 2 - s.diagonal().mean()


def mean_of_all(table, scale):
    s = scale * table
    return (means(s, s, 1) + means(s, s, 0)) / 2 / len(s) - s.diagonal().mean()


def loss_of(table, scale):
    own = torch.arange(len(table))
    return (F.cross_entropy(scale * table, own) + F.cross_entropy(scale * table.T, own)) / 2


SLOPE = {
    "the slope is that at the scale itself: asked for is the slope at its log, so there is one more factor.": (
        lambda table, scale: slope(table, scale) / scale
    ),
    "the sign is turned round: this is the slope at the log of the temperature, one over the scale.": (
        lambda table, scale: -slope(table, scale)
    ),
    "it is the slope at the temperature: asked for is that at the log of the scale.": (
        lambda table, scale: -slope(table, scale) * scale
    ),
    "only the rows count: each caption among all pictures is the other half.": (
        one_side(1),
        lambda table, scale: one_side(1)(table, scale) / 2,
    ),
    "only the columns count: each picture among all captions is the other half.": (
        one_side(0),
        lambda table, scale: one_side(0)(table, scale) / 2,
    ),
    "the columns' softmax weighs the rows: turn the cosines as well, or take the softmax over dim=0.": turned_once,
    "the two sides are added: the loss is the mean of both.": lambda table, scale: 2 * slope(table, scale),
    "it is summed over the pairs: the loss is a mean over them.": lambda table, scale: len(table) * slope(table, scale),
    "it is divided by B twice: once is a mean over the pairs.": lambda table, scale: slope(table, scale) / len(table),
    "a mean over all B * B is taken: add the weighted ones of a row, and take the mean over rows.": mean_of_all,
    "the own pair counts once: it stands in the rows' loss and in the columns'.": own_by(lambda s: 0.5),
    "the own pair is added: it stands in the loss with a minus.": own_by(lambda s: -1.0),
    "the own pair has a weight: outside of the log there is no softmax.": own_by(
        lambda s: (s.softmax(dim=1) + s.softmax(dim=0)).diagonal() / 2
    ),
    "the own pair isn't scaled: it moves with t as the others do.": lambda table, scale: own_by(lambda s: 1 / scale)(
        table, scale
    ),
    "the scale is taken as t: it is exp(t) already.": lambda table, scale: slope(table, math.exp(scale)),
    "the cosines are multiplied by t: the scale is exp(t).": lambda table, scale: slope(table, math.log(scale)),
    "the cosines are divided by the scale: they are multiplied with it.": lambda table, scale: slope(table, 1 / scale),
    "the own pair is missing: how does the loss's term outside of the log move with the scale?": own_kept,
    "only the own pair moves: a larger scale moves the others in the row and column, too.": own_alone,
    "the shares are of the plain cosines: the softmax is over the scaled ones.": scale_forgotten,
    "it is the loss: asked for is how it moves with the log of the scale.": loss_of,
}


def slope_cases() -> list[tuple]:
    return [(cosines(*vectors(5, 6, seed=1)), 6.0), (cosines(*vectors(3, 4, seed=3)), 2.5)]


# --- Yes for every caption that is true, each a function of (image, text, scale, bias, said)


def asked(
    *,
    positive: Callable = lambda said: said[:, None] == said,
    logits: Callable = lambda table, scale, bias: scale * table + bias,
    finish: Callable = lambda losses, yes: losses.sum() / len(losses),
    unlike: float = -1.0,
):
    """The loss with something else for: what is a pair, the logits, how all are brought together, the sign of a no."""

    def loss(image, text, scale, bias, said):
        yes = positive(said)
        sign = torch.where(yes, 1.0, unlike)
        return finish(-F.logsigmoid(sign * logits(cosines(image, text), scale, bias)), yes)

    return loss


yes_or_no = asked()


def as_it_is(x: Tensor) -> Tensor:
    return x


def with_vectors(
    image_as: Callable = F.normalize, text_as: Callable = F.normalize, choose: Callable = lambda u, v: (u, v)
):
    """The loss with other lengths, or of other vectors than those of pictures and captions."""

    def loss(image, text, scale, bias, said):
        one, other = choose(image, text)
        sign = 2.0 * (said[:, None] == said) - 1
        return -F.logsigmoid(sign * (scale * image_as(one) @ text_as(other).T + bias)).sum() / len(image)

    return loss


def own_and_strangers(image, text, scale, bias, said):
    """As if others that say the same were left out."""
    logits, yes = scale * cosines(image, text) + bias, said[:, None] == said
    return (F.softplus(-logits.diagonal()).sum() + F.softplus(logits[~yes]).sum()) / len(image)


def sign_outside(image, text, scale, bias, said):
    sign = 2.0 * (said[:, None] == said) - 1
    return -(sign * F.logsigmoid(scale * cosines(image, text) + bias)).sum() / len(image)


def softmax_both_ways(image, text, scale, bias, said):
    return (by_softmax(image, text, scale, bias, said) + by_softmax(text, image, scale, bias, said)) / 2


def clip_loss(image, text, scale, bias, said):
    return loss_of(cosines(image, text), scale)


def bias_outside(image, text, scale, bias, said):
    sign = 2.0 * (said[:, None] == said) - 1
    return -F.logsigmoid(sign * scale * cosines(image, text) + bias).sum() / len(image)


def by_softmax(image, text, scale, bias, said):
    yes = (said[:, None] == said).float()
    logits = scale * cosines(image, text) + bias
    return -(yes * logits.log_softmax(dim=1)).sum() / len(image)


YES = {
    "only a picture's own caption is a yes: another one that says the same is true of it as well.": asked(
        positive=lambda said: torch.eye(len(said), dtype=torch.bool)
    ),
    "the mean over all B * B pairings is taken: asked for is their sum over B.": asked(
        finish=lambda losses, yes: losses.mean()
    ),
    "the sum isn't divided: asked for is the sum over B.": asked(finish=lambda losses, yes: losses.sum()),
    "it is divided by the number of true pairings: asked for is the sum over B.": asked(
        finish=lambda losses, yes: losses.sum() / yes.sum()
    ),
    "the bias is subtracted: it is added to the scaled cosines.": asked(logits=lambda t, scale, bias: scale * t - bias),
    "the bias is left out: it is added to the scaled cosines.": asked(logits=lambda t, scale, bias: scale * t),
    "the bias is scaled, too: it is added after the scale.": asked(logits=lambda t, scale, bias: scale * (t + bias)),
    "the cosines are divided by the scale: they are multiplied with it.": asked(
        logits=lambda t, scale, bias: t / scale + bias
    ),
    "the sign doesn't reach the bias: it turns the whole of scaled cosine and bias.": bias_outside,
    "every pairing counts as a yes: those that aren't true have a sign of -1.": asked(unlike=1.0),
    "the sign of a no is 0: then it costs log 2 wherever its vectors are, and teaches nothing.": asked(unlike=0.0),
    "yes and no are exchanged: the sign is 1 where the caption is true.": asked(
        positive=lambda said: said[:, None] != said
    ),
    "only the true pairings count: without the others all vectors may become equal.": asked(
        finish=lambda losses, yes: (losses * yes).sum() / len(losses)
    ),
    "only the wrong pairings count: the true ones must be drawn together.": asked(
        finish=lambda losses, yes: (losses * ~yes).sum() / len(losses)
    ),
    "the sign of the loss is wrong: it must fall where the answers get better.": asked(
        finish=lambda losses, yes: -losses.sum() / len(losses)
    ),
    "the sum is halved: all B * B pairings are there once, so it is divided by B alone.": asked(
        finish=lambda losses, yes: losses.sum() / len(losses) / 2
    ),
    "the mean of the yes and the mean of the no are added: asked for is the sum of all over B.": asked(
        finish=lambda losses, yes: losses[yes].mean() + losses[~yes].mean()
    ),
    "only a picture and its own caption are asked about: all B * B pairings are.": asked(
        finish=lambda losses, yes: losses.diagonal().mean()
    ),
    "other captions that say the same are left out: they count, and are a yes.": own_and_strangers,
    "the log is missing: it is taken of the sigmoid.": asked(
        finish=lambda losses, yes: -(-losses).exp().sum() / len(losses)
    ),
    "the sigmoid is taken twice: logsigmoid, and a cross-entropy with logits, take it by themselves.": asked(
        logits=lambda t, scale, bias: (scale * t + bias).sigmoid()
    ),
    "the sign stands outside of the log: it turns what goes into the sigmoid.": sign_outside,
    "the scale is taken as t: it is exp(t) already.": asked(logits=lambda t, scale, bias: math.exp(scale) * t + bias),
    "the vectors aren't brought to length 1: cosines are scaled.": with_vectors(as_it_is, as_it_is),
    "the captions' vectors aren't brought to length 1: a cosine needs both.": with_vectors(text_as=as_it_is),
    "the pictures' vectors aren't brought to length 1: a cosine needs both.": with_vectors(image_as=as_it_is),
    "the lengths are taken down the batch: each vector is a row, dim=1.": with_vectors(
        *[lambda x: F.normalize(x, dim=0)] * 2
    ),
    "pictures are compared with pictures, or captions with captions: a pairing has one of each.": (
        with_vectors(choose=lambda u, v: (u, u)),
        with_vectors(choose=lambda u, v: (v, v)),
    ),
    "a softmax is taken over each row: here every pairing is asked by itself.": (
        by_softmax,
        softmax_both_ways,
        clip_loss,
    ),
}


def yes_cases() -> list[tuple]:
    return [
        (*vectors(6, 5, seed=1), 4.0, -2.0, torch.tensor([0, 1, 0, 2, 1, 0])),
        (*vectors(4, 3, seed=3), 2.5, -1.5, torch.tensor([3, 0, 2, 3])),
    ]


# --- Several prompts a class, each a function of (images, prompts)


def prompted(
    *, image: Callable = lambda x: F.normalize(x, dim=1), prompt: Callable = lambda x: F.normalize(x, dim=2), after=True
):
    """Cosines with something else for: the images' lengths, the prompts' lengths, the length of their mean."""

    def scores(images, prompts):
        mean = prompt(prompts).mean(dim=1)
        return image(images) @ (F.normalize(mean, dim=1) if after else mean).T

    return scores


ensemble = prompted()


def one_length(x: Tensor) -> Tensor:
    return x / x.norm()


def best_prompt(images, prompts):
    table = torch.einsum("nd,ktd->nkt", F.normalize(images, dim=1), F.normalize(prompts, dim=2))
    return table.amax(dim=2)


def over_classes(images, prompts):
    return ensemble(images, prompts.transpose(0, 1))


ENSEMBLE = {
    "prompts are averaged as long as they come, so a long one counts for more: bring each to length 1 before.": (
        prompted(prompt=as_it_is)
    ),
    "the mean isn't brought to length 1 again: a class whose prompts disagree would score low with every image.": (
        prompted(after=False)
    ),
    "no prompt has length 1, neither before nor after the mean.": prompted(prompt=as_it_is, after=False),
    "the images aren't brought to length 1: cosines are asked for.": prompted(image=as_it_is),
    "nothing has length 1: cosines are asked for.": prompted(image=as_it_is, prompt=as_it_is, after=False),
    "the best prompt of a class stands for it: asked for is one vector a class, the mean of all its prompts.": (
        best_prompt
    ),
    "only one prompt of each class is used: take the mean of all.": (
        lambda images, prompts: ensemble(images, prompts[:, :1]),
        lambda images, prompts: ensemble(images, prompts[:, -1:]),
    ),
    "the mean is over the classes: average the prompts of one class.": over_classes,
    "the lengths are taken along the prompts: the vectors lie along the last axis.": prompted(
        prompt=lambda x: F.normalize(x, dim=1)
    ),
    "more than one of the three lengths is missing: images, prompts and their mean are each brought to 1.": (
        prompted(image=as_it_is, after=False),
        prompted(image=as_it_is, prompt=as_it_is),
    ),
    "the prompts of a class are added: their mean is brought to length 1.": lambda images, prompts: (
        prompts.shape[1] * prompted(after=False)(images, prompts)
    ),
    "the images' lengths are taken down the rows: each image is a row.": prompted(
        image=lambda x: F.normalize(x, dim=0)
    ),
    "the lengths of the means are taken down the classes: each class is a row.": lambda images, prompts: (
        F.normalize(images, dim=1) @ F.normalize(F.normalize(prompts, dim=2).mean(dim=1), dim=0).T
    ),
    "one length is taken for the whole table: each vector has its own.": (
        prompted(image=lambda x: x / x.norm()),
        lambda images, prompts: F.normalize(images, dim=1) @ one_length(F.normalize(prompts, dim=2).mean(dim=1)).T,
    ),
    "a softmax is taken: asked for are the cosines.": lambda images, prompts: ensemble(images, prompts).softmax(dim=1),
    "images and classes are exchanged: a row is an image.": lambda images, prompts: ensemble(images, prompts).T,
    "the classes are returned: asked for are the cosines, from which they can be read.": lambda images, prompts: (
        ensemble(images, prompts).argmax(dim=1)
    ),
}


def ensemble_cases() -> list[tuple]:
    return [
        (3 * drawn(6, 5, seed=1), drawn(4, 3, 5, seed=2) * (1 + 2 * drawn(4, 3, 1, seed=3).abs())),
        (drawn(2, 4, seed=4), drawn(3, 5, 4, seed=5) * (0.3 + drawn(3, 5, 1, seed=6).abs())),
    ]


# --- Found among the first k, each a function of (queries, candidates, wanted, given, k)


def best(queries: Tensor, candidates: Tensor, k: int) -> Tensor:
    return cosines(queries, candidates).topk(k, dim=1).indices  # (M, k)


def counted(count: Callable, table: Callable = cosines):
    """A share from right (M, k), bool: which of the k best candidates of each query are right."""

    def share(queries, candidates, wanted, given, k):
        order = table(queries, candidates).topk(k, dim=1).indices
        return float(count(given[order] == wanted[:, None]).double().mean())

    return share


found = counted(lambda right: right.any(dim=1))


def partner_alone(queries, candidates, wanted, given, k):
    places = torch.arange(len(queries))
    return float((best(queries, candidates, k) == places[:, None]).any(dim=1).double().mean())


def of_all_right_ones(queries, candidates, wanted, given, k):
    hits = (given[best(queries, candidates, k)] == wanted[:, None]).sum(dim=1)
    return float((hits / (given == wanted[:, None]).sum(dim=1)).double().mean())


def first_left_out(queries, candidates, wanted, given, k):
    return float((given[best(queries, candidates, k + 1)[:, 1:]] == wanted[:, None]).any(dim=1).double().mean())


RECALL = {
    "only candidate number i is right for query i: whoever says the same is right, too.": partner_alone,
    "the number of a candidate is compared with what is wanted: what is asked is what stands there in `given`.": (
        lambda queries, candidates, wanted, given, k: found(
            queries, candidates, wanted, torch.arange(len(candidates)), k
        )
    ),
    "candidate number i is left out for query i: it is a candidate like the others.": counted(
        lambda right: right.any(dim=1), lambda queries, candidates: cosines(queries, candidates).fill_diagonal_(-2)
    ),
    "every right one among the k counts: a query counts once, however many it finds.": lambda *given: (
        given[-1] * counted(lambda right: right)(*given)
    ),
    "all of the k must be right: one is enough.": counted(lambda right: right.all(dim=1)),
    "it is the share of right ones among the k: count the queries that find at least one.": counted(
        lambda right: right
    ),
    "it is the share of all right candidates that is found: count the queries that find at least one.": (
        of_all_right_ones
    ),
    "only the k-th is looked at: any of the first k may be right.": counted(lambda right: right[:, -1]),
    "only the first is looked at: any of the first k may be right.": counted(lambda right: right[:, 0]),
    "the lengths count: most similar is the largest cosine, not the largest product.": counted(
        lambda right: right.any(dim=1), lambda queries, candidates: queries @ candidates.T
    ),
    "the lengths count: most similar is the largest cosine, not the smallest distance.": counted(
        lambda right: right.any(dim=1), lambda queries, candidates: -torch.cdist(queries, candidates)
    ),
    "the lengths are taken down the columns: each vector is a row, dim=1.": counted(
        lambda right: right.any(dim=1),
        lambda queries, candidates: F.normalize(queries, dim=0) @ F.normalize(candidates, dim=0).T,
    ),
    "the least similar are looked at: topk or a descending sort gives the most similar.": counted(
        lambda right: right.any(dim=1), lambda queries, candidates: -cosines(queries, candidates)
    ),
    "the candidates look for queries: it is the other direction.": lambda queries, candidates, wanted, given, k: found(
        candidates, queries, given, wanted, k
    ),
    "one too few is looked at.": lambda queries, candidates, wanted, given, k: found(
        queries, candidates, wanted, given, k - 1
    ),
    "the first is left out: nobody finds himself here, since queries and candidates are different things.": (
        first_left_out
    ),
    "the right ones must be the most frequent among the k: one is enough.": lambda *given: float(
        (given[3][best(*given[:2], given[4])].mode(dim=1).values == given[2]).double().mean()
    ),
    "one too many is looked at.": lambda queries, candidates, wanted, given, k: found(
        queries, candidates, wanted, given, k + 1
    ),
    "it is in per cent: give a share from 0 to 1.": lambda *given: 100 * found(*given),
    "it is a number of queries: divide by how many there are.": lambda *given: len(given[0]) * found(*given),
    "it is the share of those that find nothing.": lambda *given: 1 - found(*given),
}


def recall_cases() -> list[tuple]:
    """Each query has right candidates; lengths differ, and there are other numbers of both."""
    wanted, given = torch.arange(37) % 9, (torch.arange(50) * 4) % 9
    lengths = (1 + 3 * drawn(50, 1, seed=1).abs()) * (1 + (torch.arange(50) % 3 == 0).float()[:, None])
    places = drawn(9, 6, seed=2)
    queries = places[wanted] + 0.9 * drawn(37, 6, seed=3)
    candidates = lengths * (places[given] + 0.9 * drawn(50, 6, seed=4))
    partners = (queries[:9], (places[:9] + 0.5 * drawn(9, 6, seed=5)) * lengths[:9], wanted[:9], torch.arange(9), 3)
    return [*((queries, candidates, wanted, given, k) for k in (3, 2)), partners]


# --- A bag of words

SAME_COLOUR = 1 / 6
BAG = (1 - SAME_COLOUR) / 4 + SAME_COLOUR / 2

# --- A scale that comes back, each a function of (tables, rate, largest)


def mean_of_both(rows: Tensor, columns: Tensor) -> Tensor:
    return (rows + columns) / 2


def rows_alone(rows: Tensor, columns: Tensor) -> Tensor:
    return rows


def columns_alone(rows: Tensor, columns: Tensor) -> Tensor:
    return columns


def trained(*, inside=False, outside=True, sides: Callable = mean_of_both, log=True, uphill=False, late=False):
    """Learning the scale: bounded in the loss or after the step, of which sides, as its log or as it is."""

    def scales(tables, rate, largest):
        weight = torch.tensor(math.log(10.0) if log else 10.0, requires_grad=True)
        used = []
        for table in tables:
            scale = weight.exp() if log else weight.clone()
            scale = scale.clamp(max=largest) if inside else scale
            own = torch.arange(len(table))
            rows, others = (F.cross_entropy(scale * part, own) for part in (table, table.T))
            move = rate * torch.autograd.grad(sides(rows, others), weight)[0]
            with torch.no_grad():
                weight += move if uphill else -move
                if outside:
                    weight.clamp_(max=math.log(largest) if log else largest)
                after = (weight.exp() if log else weight).clone()
            used.append(after if late else scale.detach().clone())
        return torch.stack(used)

    return scales


learnt_scale = trained()

SCALE = {
    "both slips are still there: the bound stands in the loss, and the columns are missing.": trained(
        inside=True, outside=False, sides=rows_alone
    ),
    "the bound still stands in the loss: beyond it no slope arrives, so the scale can't come back.": trained(
        inside=True, outside=False
    ),
    "the columns are still missing: the table is never turned.": trained(sides=rows_alone),
    "the rows are lost: of the two lines that are alike, only one is to be turned.": (
        trained(sides=columns_alone),
        trained(sides=columns_alone, inside=True, outside=False),
    ),
    "the two sides are added: the loss is the mean of both.": (
        trained(sides=torch.add),
        trained(sides=torch.add, inside=True, outside=False),
    ),
    "what is returned is bounded, and not the weight: it runs on beyond the bound, and comes back late.": (
        lambda tables, rate, largest: trained(outside=False)(tables, rate, largest).clamp(max=largest)
    ),
    "the logs are returned: asked for are the scales.": lambda *given: learnt_scale(*given).log(),
    "nothing bounds the scale: is it the weight's own unit in which it is bounded?": trained(outside=False),
    "the bound is gone, and the columns are still missing.": trained(outside=False, sides=rows_alone),
    "the scale itself is learnt: learn its log, which can take no step to a negative scale.": (
        trained(log=False),
        trained(log=False, outside=False),
    ),
    "the steps go uphill: subtract the slope.": (trained(uphill=True), trained(uphill=True, outside=False)),
    "the scales after the steps are returned: asked for are those that each step used.": trained(late=True),
}


def scale_cases() -> list[tuple]:
    """Tables that are told apart easily, and then some with an exchanged pair; rows and columns differ."""
    cases = []
    for count, seed in ((4, 1), (5, 9)):
        easy = 0.4 * torch.eye(count) + 0.15 * drawn(12, count, count, seed=seed).clamp(-1, 1)
        order = torch.tensor([1, 0, *range(2, count)])
        cases.append((torch.cat([easy, easy[:5, order]]), 0.6, 13.0))
    return cases


EXERCISES: dict[str, Exercise] = {
    "equal": Number(
        right=LOWEST,
        because="three captions that are equal get one vector, so the best is a third for each, log 3; two of them "
        "log 2, and one 0: (3 log 3 + 2 log 2) / 6, in rows and in columns.",
        slips={
            math.log(6): "nothing is learnt: pictures can be told apart as far as their captions differ.",
            0.0: "every pair is told apart: equal captions have equal vectors.",
            (math.log(3) + math.log(2)) / 3: "each text counts once: three pictures have the first, two the second.",
            math.log(14 / 6): "the log is of the mean: take the mean of the logs.",
            6 * LOWEST: "it is summed over the pairs: the loss is their mean.",
            2 * LOWEST: "rows and columns are added: the loss is the mean of both.",
            LOWEST / 2: "one of the two sides is told apart: columns have the same trouble as rows.",
            LOWEST / math.log(2): "it is in bits: give nats, natural logarithms.",
            math.log(3): "all captions are there three times: two are there twice, and one once.",
            math.log(6) - LOWEST: "it is what the captions tell: asked for is what is left of log 6.",
            -LOWEST: "the sign is turned round: the loss is the mean of minus the log of a share.",
            math.log(3) / 2: "only the discs count: the two stars aren't told apart, either.",
            (math.log(3) + math.log(2)) / 2: "the two groups count alike, and the ring not at all: six pairs count.",
            0.8: "it is rounded too much: give two decimals or more.",
            math.log(2): "the groups are as large as their mean: take the log of each one's size.",
        },
        tolerance=0.004,
    ),
    "slope": Function(
        reference=slope,
        cases=slope_cases,
        mistakes=SLOPE,
        praise="what a softmax expects, less what the pair has: where all are right it is negative, and the scale "
        "grows.",
        probes=[by_hand(lambda: slope_cases()[0])],
        tolerance=1e-5,
    ),
    "yes": Function(
        reference=yes_or_no,
        cases=yes_cases,
        mistakes=YES,
        praise="every pairing is asked by itself, so more than one answer in a row may be a yes.",
        gradients={"the images": 0, "the captions": 1},
    ),
    "ensemble": Function(
        reference=ensemble,
        cases=ensemble_cases,
        mistakes=ENSEMBLE,
        praise="each prompt has one vote, and each class one vector of length 1.",
    ),
    "recall": Function(
        reference=found,
        cases=recall_cases,
        mistakes=RECALL,
        praise="whoever finds a caption that is true has found one.",
    ),
    "bag": Number(
        right=BAG,
        because="the fifth is ruled out and four have the same words: 1/4. Where the colours are equal, two of these "
        "four are the true text: 1/2. 5/6 / 4 + 1/6 / 2.",
        slips={
            1 / 4: "no picture has two things of one colour: in a sixth of them two of the texts are the true one.",
            1 / 5: "five captions are guessed among: the fifth has another word, so a bag rules it out.",
            1 / 2: "in every picture two of four texts are true: only where the colours are equal.",
            (5 / 6) / 5 + (1 / 6) * 2 / 5: "the fifth caption is still among the guesses: a bag rules it out.",
            (5 / 6) / 4
            + 1 / 6: "equal colours make it right for certain, or both kinds count alike: with equal colours two "
            "of four texts are right, and that is so in a sixth of the pictures.",
            (5 / 6) / 4: "pictures with equal colours count as wrong: there two of four are right.",
            (5 / 6) / 2 + (1 / 6) / 4: "the two kinds are exchanged: a sixth has equal colours.",
            1 / 3: "three captions are left: mirrored, exchanged and both are three, and the true one is the fourth.",
            1.0: "the order of words is known: a bag has lost it.",
            0.0: "the true one is ruled out: a bag gives it the vector of three others.",
            1 / 12: "only pictures with equal colours count: where they differ, one of four is right.",
            (35 / 36) / 4 + (1 / 36) / 2: "two colours agree in one of 36 cases: there are six such pairs.",
            0.3: "it is rounded too much, or a fifth of the pictures have equal colours: each is drawn from all six. "
            "Give two decimals or more.",
            0.306: "it is what the run below gives, where chance moves it by two hundredths: compute it.",
            100 * BAG: "it is in per cent: give a number from 0 to 1.",
            29.0: "it is in per cent: give a number from 0 to 1.",
        },
        tolerance=0.003,
    ),
    "scale": Function(
        reference=learnt_scale,
        cases=scale_cases,
        mistakes=SCALE,
        praise="it stays at the bound while all is easy, and comes back as soon as a pair is wrong.",
    ),
    "confound": Choice(
        right="c",
        because="on white, and on another's ground, only what the bird itself gives is left. The captions name the "
        "ground, and in training it tells the bird nearly always, so that is what was learnt first.",
        others={
            "a": "that would hurt rarely named birds; but in the first row all are named well, with the same prompts.",
            "b": "copies would explain the first row. But nearly the same picture on another ground would then still "
            "be near its copy, and the answers follow the ground.",
            "d": "cutting out does leave edges, but in the third row the new ground's bird is named in most pictures: "
            "that is no answer of one who sees nothing.",
        },
    ),
}
