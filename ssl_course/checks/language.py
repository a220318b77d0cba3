"""Exercises of lesson 09: who may look at whom, the loss of an answer, its gradient, entropies, and a nucleus."""

import itertools
import math
import operator
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.checks.engine import Choice, Exercise, Function, Number


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def drawn_tokens(*shape: int, below: int, seed: int) -> Tensor:
    return torch.randint(below, shape, generator=torch.Generator().manual_seed(seed))


# --- Several texts in a row, each a function of (texts)


def same(texts: Tensor) -> Tensor:
    return texts[:, None, :, None] == texts[:, None, None, :]  # (B, 1, L, L)


def causal(texts: Tensor) -> Tensor:
    length = texts.shape[1]
    return torch.ones(length, length, dtype=torch.bool).tril()


def who_sees_whom(texts: Tensor) -> Tensor:
    return same(texts) & causal(texts)


def padding_sees_nobody(texts: Tensor) -> Tensor:
    return who_sees_whom(texts) & (texts != 0)[:, None, :, None]


def earlier_texts_too(texts: Tensor) -> Tensor:
    return (texts[:, None, :, None] >= texts[:, None, None, :]) & causal(texts)


def words_alone(texts: Tensor) -> Tensor:
    """Where neither of the two is padding: (B, 1, L, L)."""
    return (texts != 0)[:, None, :, None] & (texts != 0)[:, None, None, :]


SEEN = {
    "it is turned round: true stands where a token may look, and here where it mayn't.": (
        lambda texts: ~who_sees_whom(texts)
    ),
    "true and false are swapped, and past and future as well: true is where token i (row) may look at j (column).": (
        lambda texts: ~(same(texts) & causal(texts).T)
    ),
    "tokens see the future in place of the past: row i asks, column j is looked at, so j <= i (tril).": (
        lambda texts: same(texts) & causal(texts).T
    ),
    "each text is kept to itself, but nothing hides the future: it needs the causal mask, too.": same,
    "the past is all that is seen, across the borders of texts: the second text would be told from the first.": (
        lambda texts: causal(texts).expand(len(texts), 1, -1, -1),
        earlier_texts_too,
        lambda texts: causal(texts) & words_alone(texts),
    ),
    "the two conditions are joined by or: both have to hold.": lambda texts: same(texts) | causal(texts),
    "all may look at the padding, too: only padding may.": (
        lambda texts: who_sees_whom(texts) | (texts == 0)[:, None, None, :]
    ),
    "a token doesn't see itself: the first one of a text would see nobody, and a softmax over nothing is nan.": (
        lambda texts: same(texts) & causal(texts).tril(-1)
    ),
    "padding sees nobody: a row of the mask without any true turns to nan in the softmax. Let it see padding.": (
        padding_sees_nobody
    ),
    "the axis for the heads is missing: (B, 1, L, L), so that one mask serves all heads.": (
        lambda texts: who_sees_whom(texts).squeeze(1)
    ),
    "all rows get the first one's mask: the borders of texts lie elsewhere in each row.": (
        lambda texts: who_sees_whom(texts)[:1].expand(len(texts), -1, -1, -1)
    ),
    "it is what can be added to scores, 0 and -inf: asked for is true and false.": (
        lambda texts: torch.zeros(()).masked_fill(~who_sees_whom(texts), float("-inf"))
    ),
}


def with_free_padding(mask: Tensor, texts: Tensor) -> Tensor:
    """The mask as it is compared: whom padding sees makes no difference, as long as it sees somebody."""
    free = (texts == 0)[:, None, :, None] & mask.bool().any(dim=3, keepdim=True)
    return torch.where(free, who_sees_whom(texts), mask)


def is_bool(answer: Callable) -> str | None:
    given = answer(seen_cases()[0][0]).dtype
    if given == torch.bool:
        return None
    kind = str(given).removeprefix("torch.")
    return (
        f"the values are right, but they are {kind}: a mask is bool (.bool()), since the network turns it round with ~."
    )


def seen_cases() -> list[tuple]:
    """In the second, there are more texts than in the example, so that their number can't be fixed."""
    rows = [[1, 1, 1, 2, 2, 3, 0, 0], [1, 2, 2, 2, 2, 2, 2, 2], [1, 1, 1, 1, 1, 0, 0, 0]]
    return [(torch.tensor(rows),), (torch.tensor([[1, 1, 2, 3, 4, 4, 5, 6, 6]]),)]


# --- The loss of an answer, each a function of (logits, tokens, begin, end)


def inside(tokens: Tensor, begin: Tensor, end: Tensor) -> Tensor:
    """Which tokens belong to the answers, bool (B, L)."""
    places = torch.arange(tokens.shape[1])
    return (places >= begin.unsqueeze(1)) & (places < end.unsqueeze(1))


def surprises(logits: Tensor, tokens: Tensor) -> Tensor:
    """-log p of each token but the first, told at the place before it: (B, L - 1)."""
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")


def averaged(values: Tensor, counted: Tensor) -> Tensor:
    return (values * counted).sum() / counted.sum()


def answer_loss(logits: Tensor, tokens: Tensor, begin: Tensor, end: Tensor) -> Tensor:
    return averaged(surprises(logits, tokens), inside(tokens, begin, end)[:, 1:])


def over(places: Callable):
    """The loss over other tokens: places(begin, end, L) gives the first, and the one after the last."""

    def loss(logits, tokens, begin, end):
        counted = inside(tokens, *places(begin, end, torch.full_like(end, tokens.shape[1])))
        return averaged(surprises(logits, tokens), counted[:, 1:])

    return loss


def not_shifted(logits, tokens, begin, end):
    return averaged(F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none"), inside(tokens, begin, end))


def both_moved(logits, tokens, begin, end):
    """Logits and tokens are both taken one place earlier, so that they are still not shifted against each other."""
    return not_shifted(logits, tokens, begin - 1, end - 1)


def shifted_back(logits, tokens, begin, end):
    values = F.cross_entropy(logits[:, 1:].transpose(1, 2), tokens[:, :-1], reduction="none")
    return averaged(values, inside(tokens, begin, end)[:, :-1])


def shifted_back_with_marks(logits, tokens, begin, end):
    values = F.cross_entropy(logits[:, 1:].transpose(1, 2), tokens[:, :-1], reduction="none")
    return averaged(values, inside(tokens, begin, end)[:, 1:])


def marks_not_shifted(logits, tokens, begin, end):
    return averaged(surprises(logits, tokens), inside(tokens, begin, end)[:, :-1])


def by_row(logits, tokens, begin, end):
    """The summed surprise of each answer, and how many tokens it has: (B,) each."""
    counted = inside(tokens, begin, end)[:, 1:]
    return (surprises(logits, tokens) * counted).sum(dim=1), counted.sum(dim=1)


def mean_of_means(*given):
    sums, counts = by_row(*given)
    return (sums / counts).mean()


def softmax_twice(logits, tokens, begin, end):
    return answer_loss(logits.softmax(dim=2), tokens, begin, end)


def of_chances(logits, tokens, begin, end):
    chances = surprises(logits, tokens).neg().exp()
    return -averaged(chances, inside(tokens, begin, end)[:, 1:])


def zeroed(logits, tokens, begin, end, *, words=False, scores=False):
    """The mean over all places, of tokens or logits that are 0 outside the answers."""
    counted = inside(tokens, begin, end)[:, 1:]
    scored = logits[:, :-1] * counted.unsqueeze(2) if scores else logits[:, :-1]
    return F.cross_entropy(scored.transpose(1, 2), tokens[:, 1:] * counted if words else tokens[:, 1:])


def reshaped(logits, tokens, begin, end):
    count, length, known = logits[:, :-1].shape
    values = F.cross_entropy(logits[:, :-1].reshape(count, known, length), tokens[:, 1:], reduction="none")
    return averaged(values, inside(tokens, begin, end)[:, 1:])


ANSWER = {
    "the logits aren't shifted: those at place t are about the token at t + 1.": (not_shifted, both_moved),
    "it is shifted the wrong way: the logits at place t are about the token at t + 1, not the one at t - 1.": (
        shifted_back,
        shifted_back_with_marks,
    ),
    "the token before the answer is counted, too: the shift is made twice, by cutting and by begin - 1.": (
        over(lambda begin, end, length: (begin - 1, end)),
        over(lambda begin, end, length: (begin - 1, end - 1)),
    ),
    "the answer's places mark the logits, and they have to mark the tokens that are told: the logits for the token at "
    "begin stand one place before. So its first token is left out, and the one behind it counted.": marks_not_shifted,
    "the first token of the answer is left out: it is told at the question's last place.": (
        over(lambda begin, end, length: (begin + 1, end))
    ),
    "the last token of the answer is left out: end is the place after it.": (
        over(lambda begin, end, length: (begin, end - 1))
    ),
    "the token at end is counted, too: it is padding already.": (over(lambda begin, end, length: (begin, end + 1))),
    "the question is counted, too: the model is to learn answers and not to ask.": (
        over(lambda begin, end, length: (0 * begin, end))
    ),
    "the padding is counted, too: what stands from end on is told from nothing.": (
        over(lambda begin, end, length: (begin, length))
    ),
    "everything is counted, question, answer and padding.": (over(lambda begin, end, length: (0 * begin, length))),
    "the question is counted in place of the answer.": over(lambda begin, end, length: (0 * begin, begin)),
    "each answer's mean is taken first, and then the mean of these: a word in a short answer would weigh more.": (
        mean_of_means
    ),
    "the losses are summed: divide by the number of tokens in all answers.": lambda *given: by_row(*given)[0].sum(),
    "the sum is divided by the number of rows: divide by the number of tokens in all answers.": (
        lambda *given: by_row(*given)[0].mean()
    ),
    "the sum is divided by all places, those that aren't counted as well: each answer looks better the longer its "
    "question is.": (
        lambda *given: by_row(*given)[0].sum() / given[1].numel(),
        lambda *given: by_row(*given)[0].sum() / given[1][:, 1:].numel(),
    ),
    "the softmax is taken twice: F.cross_entropy takes logits and does it itself.": softmax_twice,
    "token 0 is left out wherever it stands: here no token can be told to be padding but by its place.": (
        lambda logits, tokens, begin, end: averaged(
            surprises(logits, tokens), (inside(tokens, begin, end) & (tokens != 0))[:, 1:]
        ),
        lambda logits, tokens, begin, end: averaged(
            surprises(logits, tokens), (inside(tokens, begin, end + tokens.shape[1]) & (tokens != 0))[:, 1:]
        ),
    ),
    "what isn't counted is set to 0 and still asked for: token 0 is a word, and logits of 0 are a guess.": (
        lambda *given: zeroed(*given, words=True),
        lambda *given: zeroed(*given, scores=True),
        lambda *given: zeroed(*given, words=True, scores=True),
    ),
    "all rows get the first one's begin and end: each has its own.": (
        lambda logits, tokens, begin, end: answer_loss(
            logits, tokens, begin[:1].expand_as(begin), end[:1].expand_as(end)
        )
    ),
    "end is taken for the answer's length: it is the place after its last token.": (
        over(lambda begin, end, length: (begin, begin + end))
    ),
    "the last place of the row is never counted: an answer may end there.": (
        over(lambda begin, end, length: (begin, end.minimum(length - 1)))
    ),
    "the axes of the logits are reshaped, where they have to be swapped (transpose): chances get to other words.": (
        reshaped
    ),
    "it is in bits: take the natural logarithm.": lambda *given: answer_loss(*given) / math.log(2),
    "it is the perplexity: the loss is its logarithm.": lambda *given: answer_loss(*given).exp(),
    "the mean is taken before the log: it is the mean of -log p.": lambda *given: -(-of_chances(*given)).log(),
    "the log is missing: the loss is the mean of -log p, not of -p.": of_chances,
    "the sign is turned round: -log p is positive.": lambda *given: -answer_loss(*given),
}


def answer_cases() -> list[tuple]:
    """Questions and answers of all lengths: one begins at 1, one ends with the row, and any token may be padding."""
    first = torch.tensor([1, 4, 2]), torch.tensor([3, 7, 3])
    second = torch.tensor([3, 1]), torch.tensor([5, 6])
    return [
        (2 * drawn(3, 8, 5, seed=1), drawn_tokens(3, 8, below=5, seed=2), *first),
        (2 * drawn(2, 6, 4, seed=3), drawn_tokens(2, 6, below=4, seed=4), *second),
    ]


# --- The gradient of the masked loss at the logits, each a function of (chances, tokens, chosen)


def errors(chances: Tensor, tokens: Tensor) -> Tensor:
    return chances - true_word(chances, tokens)


def true_word(chances: Tensor, tokens: Tensor) -> Tensor:
    return F.one_hot(tokens, chances.shape[2]).to(chances.dtype)  # (B, L, V)


def only(values: Tensor, chosen: Tensor) -> Tensor:
    """A mean's share for the chosen words, 0 elsewhere."""
    return values * chosen.unsqueeze(2) / chosen.sum()


def masked_slope(chances: Tensor, tokens: Tensor, chosen: Tensor) -> Tensor:
    return only(errors(chances, tokens), chosen)


def row_by_row(chances, tokens, chosen):
    counts = chosen.sum(dim=1).clamp(min=1).view(-1, 1, 1)
    return errors(chances, tokens) * chosen.unsqueeze(2) / counts


SLOPE = {
    "the sign is turned round: a step against this gradient would make the true word less likely.": (
        lambda *given: -masked_slope(*given)
    ),
    "it isn't divided by the number of chosen words: the loss is their mean.": (
        lambda chances, tokens, chosen: errors(chances, tokens) * chosen.unsqueeze(2)
    ),
    "it is divided by the number of all words: the mean goes over the chosen ones.": (
        lambda chances, tokens, chosen: errors(chances, tokens) * chosen.unsqueeze(2) / chosen.numel()
    ),
    "it is divided by the number of rows, or of places in a row: the mean goes over the chosen words.": (
        lambda chances, tokens, chosen: errors(chances, tokens) * chosen.unsqueeze(2) / chosen.shape[0],
        lambda chances, tokens, chosen: errors(chances, tokens) * chosen.unsqueeze(2) / chosen.shape[1],
    ),
    "each row is divided by the number of its own chosen words: the mean goes over those of the whole batch.": (
        row_by_row,
        lambda chances, tokens, chosen: (
            errors(chances, tokens) * chosen.unsqueeze(2) / chosen.sum(dim=1).view(-1, 1, 1)
        ),
        lambda *given: row_by_row(*given) / given[2].any(dim=1).sum(),
        lambda *given: row_by_row(*given) / len(given[0]),
    ),
    "words that weren't chosen have a gradient, too: they aren't in the loss, so it is 0 there.": (
        lambda chances, tokens, chosen: errors(chances, tokens) / chosen.sum(),
        lambda chances, tokens, chosen: errors(chances, tokens) / chosen.numel(),
        lambda chances, tokens, chosen: errors(chances, tokens),
        lambda chances, tokens, chosen: (chances - true_word(chances, tokens) * chosen.unsqueeze(2)) / chosen.sum(),
        lambda chances, tokens, chosen: errors(chances, tokens * chosen) / chosen.sum(),
    ),
    "it is twice as large: that would be the slope of a square, and the loss is a log.": (
        lambda *given: 2 * masked_slope(*given)
    ),
    "the true word is added: look at the signs of the two parts of -log p.": (
        lambda chances, tokens, chosen: only(chances + true_word(chances, tokens), chosen)
    ),
    "it is p (1 - p), the slope of each chance at its own logit: the slope of -log p is asked for.": (
        lambda chances, tokens, chosen: only(chances * (1 - chances), chosen)
    ),
    "it is 0 at the chosen words and not at the others: it is the other way round.": (
        lambda chances, tokens, chosen: masked_slope(chances, tokens, ~chosen),
        lambda chances, tokens, chosen: errors(chances, tokens) * ~chosen.unsqueeze(2) / chosen.sum(),
    ),
    "only the true word's logit has a gradient: raising another lowers the true word's chance, so it has one, too.": (
        lambda chances, tokens, chosen: only(errors(chances, tokens) * true_word(chances, tokens), chosen)
    ),
    "the true word isn't taken off: 1 is missing at its logit.": (
        lambda chances, tokens, chosen: only(chances, chosen)
    ),
    "the softmax is taken for a constant: log p is the logit minus the log of a sum, which has a slope, too.": (
        lambda chances, tokens, chosen: only(-true_word(chances, tokens), chosen)
    ),
    "it is the gradient at p, which is -1 / p: go on to the logits, through the softmax.": (
        lambda chances, tokens, chosen: only(-true_word(chances, tokens) / chances, chosen)
    ),
    "the log is left out: it is the gradient of -p, which is p times smaller.": (
        lambda chances, tokens, chosen: only(errors(chances, tokens) * chances.gather(2, tokens.unsqueeze(2)), chosen)
    ),
    "what is given are chances already: no other softmax.": (
        lambda chances, tokens, chosen: masked_slope(chances.softmax(dim=2), tokens, chosen)
    ),
}


def slope_cases() -> list[tuple]:
    """In the first, one row has no chosen word. In the second, nobody says the last word of the vocabulary."""
    few = torch.tensor([[0, 1, 0, 1, 1], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]]).bool()
    many = torch.tensor([[1, 1, 1], [1, 0, 1]]).bool()
    one = (2 * drawn(3, 5, 6, seed=5)).softmax(dim=2), drawn_tokens(3, 5, below=6, seed=6), few
    other = drawn(2, 3, 4, seed=7).softmax(dim=2), drawn_tokens(2, 3, below=3, seed=8), many
    return [one, other]


# --- The entropy of a grammar, each a function of (grammar)

Grammar = dict[str, list[tuple[float, tuple[str, ...]]]]
START = "sentence"


def expected(grammar: Grammar, symbol: str, *, shared: bool = True, once: bool = False) -> tuple[float, float]:
    """Entropy in nats and words on average of what a symbol becomes; the options make mistakes.

    `shared`: what the parts add counts by the rule's chance; `once`: a symbol twice in a rule counts once.
    """
    if symbol not in grammar:
        return 0.0, 1.0
    nats = words = 0.0
    for chance, parts in grammar[symbol]:
        below = [expected(grammar, part, shared=shared, once=once) for part in parts]
        different = [expected(grammar, part, shared=shared, once=once) for part in set(parts)]
        inner = sum(more for more, _ in (different if once else below))
        nats += (chance if shared else 1) * inner - chance * math.log(chance)
        words += chance * sum(count for _, count in below)
    return nats, words


def sentences_of(grammar: Grammar, symbol: str = START) -> Iterator[tuple[float, tuple[str, ...]]]:
    """Every sentence with its probability."""
    if symbol not in grammar:
        yield 1.0, (symbol,)
        return
    for chance, parts in grammar[symbol]:
        for made in itertools.product(*(list(sentences_of(grammar, part)) for part in parts)):
            words = tuple(itertools.chain.from_iterable(said for _, said in made))
            yield chance * math.prod(share for share, _ in made), words


def entropy_per_word(grammar: Grammar) -> float:
    nats, words = expected(grammar, START)
    return nats / words


def over_words(nats: Callable[[Grammar], float]):
    """Another entropy of a sentence, divided by the words as it should be."""
    return lambda grammar: nats(grammar) / expected(grammar, START)[1]


def of_rules(grammar: Grammar, symbol: str) -> float:
    return -sum(chance * math.log(chance) for chance, _ in grammar[symbol])


def sentence_by_sentence(grammar: Grammar) -> float:
    return sum(-chance * math.log(chance) / len(words) for chance, words in sentences_of(grammar))


def lengths(grammar: Grammar) -> list[int]:
    return [len(words) for _, words in sentences_of(grammar)]


def unweighted(grammar: Grammar) -> float:
    found = [-math.log(chance) for chance, _ in sentences_of(grammar)]
    return sum(found) / len(found)


def unweighted_logs(grammar: Grammar, symbol: str = START) -> float:
    return sum(
        -math.log(chance) + chance * sum(unweighted_logs(grammar, part) for part in parts)
        for chance, parts in grammar.get(symbol, [])
    )


def once_in_both(grammar: Grammar, symbol: str = START) -> tuple[float, float]:
    """A symbol that stands twice in a rule counts once, for the nats and for the words."""
    if symbol not in grammar:
        return 0.0, 1.0
    nats = words = 0.0
    for chance, parts in grammar[symbol]:
        below = [once_in_both(grammar, part) for part in set(parts)]
        nats += chance * (sum(more for more, _ in below) - math.log(chance))
        words += chance * sum(count for _, count in below)
    return nats, words


ENTROPY = {
    "it is in bits: take the natural logarithm.": lambda grammar: entropy_per_word(grammar) / math.log(2),
    "it is the entropy of a sentence: divide it by the number of words that a sentence has on average.": (
        lambda grammar: expected(grammar, START)[0],
        lambda grammar: expected(grammar, START)[0] / math.log(2),
    ),
    "each sentence's surprise is divided by its own words, and then averaged: that is a mean of ratios. A loss is the "
    "sum over all words, divided by how many there are, so divide the two means.": sentence_by_sentence,
    "the mean number of words isn't weighted: frequent sentences count more often.": (
        lambda grammar: expected(grammar, START)[0] * len(lengths(grammar)) / sum(lengths(grammar))
    ),
    "all sentences are taken for equally likely: -log p is averaged with the weights p.": (
        over_words(lambda grammar: math.log(len(lengths(grammar)))),
        over_words(unweighted),
    ),
    "what the parts of a rule add isn't weighted by the rule's chance: a choice that is met seldom counts little.": (
        over_words(lambda grammar: expected(grammar, START, shared=False)[0])
    ),
    "every symbol's choice is counted once: count it as often as the symbol is met in a sentence on average.": (
        over_words(lambda grammar: sum(of_rules(grammar, symbol) for symbol in grammar))
    ),
    "only the first choice is counted: the parts of a rule choose as well.": (
        over_words(lambda grammar: of_rules(grammar, START))
    ),
    "a symbol that stands twice in a rule is counted once there: each place makes its own choice.": (
        over_words(lambda grammar: expected(grammar, START, once=True)[0]),
        lambda grammar: operator.truediv(*once_in_both(grammar)),
    ),
    "-log of a chance isn't weighted by that chance: a rule that is met seldom surprises seldom.": (
        over_words(unweighted_logs)
    ),
    "it is divided by the parts of a sentence's rule: these may be symbols, of several words each.": (
        lambda grammar: expected(grammar, START)[0] / sum(chance * len(parts) for chance, parts in grammar[START])
    ),
    "it is the value of the example, whatever grammar comes in.": lambda grammar: entropy_per_word(PETS),
    'it begins with the first symbol of the dict: all begins with "sentence", wherever that stands.': (
        lambda grammar: operator.truediv(*expected(grammar, next(iter(grammar))))
    ),
    "it is divided by the number of different words: divide by the words of a sentence, on average.": (
        lambda grammar: (
            expected(grammar, START)[0] / len({word for _, words in sentences_of(grammar) for word in words})
        )
    ),
    "the sign is turned round: the logarithm of a chance is negative, and the entropy isn't.": (
        lambda grammar: -entropy_per_word(grammar)
    ),
}
SMALL: Grammar = {
    "sentence": [(0.8, ("noun", "verb")), (0.2, ("noun", "verb", "slowly"))],
    "noun": [(0.6, ("cats",)), (0.1, ("dogs",)), (0.3, ("old", "animals"))],
    "verb": [(1.0, ("sleep",))],
}
LARGER: Grammar = {  # "sentence" isn't its first symbol, and four choices lie one below the other
    "thing": [(0.7, ("the", "noun")), (0.3, ("the", "size", "noun"))],
    "size": [(0.8, ("big",)), (0.2, ("very", "big"))],
    "sentence": [(0.4, ("place", "thing", "moves")), (0.6, ("thing", "meets", "thing"))],
    "place": [(0.5, ("here",)), (0.3, ("over", "there")), (0.2, ("outside",))],
    "noun": [(0.5, ("ball",)), (0.3, ("cube",)), (0.2, ("ring", "of", "metal"))],
    "metal": [(0.6, ("gold",)), (0.4, ("tin",))],
}
PETS: Grammar = {  # the example
    "sentence": [(1.0, ("the", "noun", "verb"))],
    "noun": [(0.5, ("cat",)), (0.5, ("dog",))],
    "verb": [(0.75, ("sleeps",)), (0.25, ("sees", "the", "noun"))],
}

# --- The nucleus, each a function of (logits, share, temperature)


def within(chances: Tensor, share: float, *, crossing: bool = True, least: bool = False) -> Tensor:
    """Which words are kept, bool (B, V): the likeliest, until they have the share together.

    `crossing`: whether the word that crosses the share is kept; `least`: whether to begin with the unlikeliest.
    """
    order = chances.argsort(dim=1, descending=not least)
    ordered = chances.gather(1, order)
    total = ordered.cumsum(dim=1)
    kept = (total - ordered if crossing else total) < share
    return torch.zeros_like(kept).scatter(1, order, kept)


def scaled_up(chances: Tensor) -> Tensor:
    return chances / chances.sum(dim=1, keepdim=True)


def nucleus(logits: Tensor, share: float, temperature: float) -> Tensor:
    chances = (logits / temperature).softmax(dim=1)
    return scaled_up(chances * within(chances, share))


def cut(kept: Callable[[Tensor, float], Tensor]):
    """A nucleus with another rule for what is kept, of the chances (B, V) and the share."""

    def sample(logits, share, temperature):
        chances = (logits / temperature).softmax(dim=1)
        return scaled_up(chances * kept(chances, share))

    return sample


def cut_first(kept_of: Callable[[Tensor, float], Tensor]):
    """The words are chosen at temperature 1."""

    def sample(logits, share, temperature):
        kept = kept_of(logits.softmax(dim=1), share)
        return (logits / temperature).masked_fill(~kept, float("-inf")).softmax(dim=1)

    return sample


def left_out(chances: Tensor, share: float) -> Tensor:
    return within(chances, share, crossing=False)


def left_out_but_one(chances: Tensor, share: float) -> Tensor:
    return left_out(chances, share) | (chances == chances.amax(dim=1, keepdim=True))


def one_more(chances: Tensor, share: float) -> Tensor:
    order = chances.argsort(dim=1, descending=True)
    kept = within(chances, share).gather(1, order)
    later = torch.cat([torch.ones_like(kept[:, :1]), kept[:, :-1]], dim=1)
    return torch.zeros_like(kept).scatter(1, order, later)


def tempered(kept: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """The chances of what is kept (not 0), at a temperature."""
    return (logits / temperature).masked_fill(kept == 0, float("-inf")).softmax(dim=1)


def in_their_order(chances: Tensor, share: float) -> Tensor:
    """The marks stay where the sorted words stood."""
    return within(chances.sort(dim=1, descending=True).values, share)


def brought_back_wrongly(chances: Tensor, share: float) -> Tensor:
    """With gather, where scatter brings back."""
    return in_their_order(chances, share).gather(1, chances.argsort(dim=1, descending=True))


def not_scaled(logits, share, temperature):
    chances = (logits / temperature).softmax(dim=1)
    return chances * within(chances, share)


NUCLEUS = {
    "both slips are still there: the words are chosen before the temperature, and the crossing word is left out.": (
        cut_first(left_out),
        cut_first(left_out_but_one),
    ),
    "the words are chosen before the temperature: divide the logits first, and take the share of what comes out.": (
        cut_first(within)
    ),
    "the word with which the share is reached is left out, so the kept ones have less than the share, and where one "
    "word alone has more, none is left: how much have the words before it?": (cut(left_out)),
    "the word with which the share is reached is left out, so the kept ones have less than the share (unless the first "
    "word alone has it): how much have the words before it?": cut(left_out_but_one),
    "one word more is kept than is needed: the share is reached before it.": cut(one_more),
    "the tail is kept, and the likeliest words are cut.": (
        cut(lambda chances, share: ~within(chances, share)),
        cut(lambda chances, share: ~left_out(chances, share)),
    ),
    "the temperature divides twice: once is enough, for the choice and for what comes out.": (
        lambda logits, share, temperature: nucleus(logits, share, temperature**2),
        lambda logits, share, temperature: tempered(nucleus(logits, share, temperature), logits, temperature**2),
    ),
    "the temperature chooses the words, and is missing in the chances that come out.": (
        lambda logits, share, temperature: tempered(nucleus(logits, share, temperature), logits, 1.0)
    ),
    "what is kept is divided by the share: together the words have more, so divide by their sum.": (
        lambda logits, share, temperature: not_scaled(logits, share, temperature) / share
    ),
    "the softmax or the sorting goes over the rows (dim=0): each row is a distribution (dim=1).": (
        lambda logits, share, temperature: nucleus(logits.T, share, temperature).T,
        lambda logits, share, temperature: scaled_up(
            (logits / temperature).softmax(dim=1) * within((logits / temperature).softmax(dim=0), share)
        ),
    ),
    "what is kept doesn't sum to 1: divide by its sum, row by row.": not_scaled,
    "one sum is taken over the whole table: each row is a distribution of its own.": (
        lambda *given: not_scaled(*given) / not_scaled(*given).sum()
    ),
    "the temperature changes nothing: it is ignored, or divides chances, whose sum is then divided out.": (
        lambda logits, share, temperature: nucleus(logits, share, 1.0),
        lambda logits, share, temperature: nucleus(logits, share * temperature, 1.0),
    ),
    "the logits are multiplied by the temperature: a low one has to make likely words likelier.": (
        lambda logits, share, temperature: nucleus(logits, share, 1 / temperature)
    ),
    "the chances come back in sorted order: column v belongs to word v, so undo the sorting.": (
        lambda *given: nucleus(*given).sort(dim=1, descending=True).values
    ),
    "the marks of the sorted words are laid on the unsorted ones: bring them back into the words' order (scatter).": (
        cut(in_their_order),
        cut(brought_back_wrongly),
    ),
    "it begins with the unlikeliest words: sort in descending order.": (
        cut(lambda chances, share: within(chances, share, least=True))
    ),
    "each word is kept or not by its own chance: it is the likeliest ones' sum that has to reach the share.": (
        cut(lambda chances, share: chances >= share),
        cut(lambda chances, share: chances >= 1 - share),
    ),
    "the cut words get logit 0, and exp(0) is 1: minus infinity gives chance 0.": (
        lambda *given: (given[0] / given[2] * (nucleus(*given) > 0)).softmax(dim=1)
    ),
    "a softmax is taken of chances, which makes them nearly equal: it belongs to logits.": (
        lambda *given: nucleus(*given).softmax(dim=1),
        lambda *given: nucleus(*given).masked_fill(nucleus(*given) == 0, float("-inf")).softmax(dim=1),
        lambda *given: not_scaled(*given).softmax(dim=1),
        lambda *given: not_scaled(*given).masked_fill(nucleus(*given) == 0, float("-inf")).softmax(dim=1),
    ),
    "nothing is cut: words beyond the share must get 0.": (
        lambda logits, share, temperature: (logits / temperature).softmax(dim=1)
    ),
}


def nucleus_cases() -> list[tuple]:
    """No sum lies at the share; in the last case, one word alone has more than it.

    In the first, one row has a word with more than the share, or with nothing but nan the mistake couldn't be told.
    """
    sure = torch.tensor([[0.0, 4.0, 1.0, -1.0], [0.5, 0.1, 0.0, 3.0]])
    return [(drawn(3, 7, seed=3), 0.65, 0.7), (drawn(4, 6, seed=36), 0.6, 1.6), (sure, 0.5, 1.2)]


PERPLEXITY, CHARACTERS = 24.0, 4.1
NATS, WORDS, PLACES = 1.437, 10.14, 20

EXERCISES: dict[str, Exercise] = {
    "bits": Number(
        right=math.log2(PERPLEXITY) / CHARACTERS,
        because="log2(24) is 4.58 bits a token, and a token is 4.1 characters. So A is a little better than B, "
        "although its loss is four times as high.",
        slips={
            math.log(PERPLEXITY) / CHARACTERS: "it is in nats: a bit is log(2) nats.",
            math.log2(PERPLEXITY): "it is in bits a token: a token has 4.1 characters.",
            math.log(PERPLEXITY): "it is the loss in nats a token: two steps are left, to bits and to a character.",
            math.log10(PERPLEXITY) / CHARACTERS: "the logarithm is to base 10: bits are to base 2.",
            math.log(
                PERPLEXITY / CHARACTERS
            ): "the logarithm is of a quotient, and natural: divide a logarithm to base 2.",
            math.log2(PERPLEXITY / CHARACTERS): "the perplexity is divided by the characters: divide its logarithm.",
            math.log(PERPLEXITY) * math.log(2) / CHARACTERS: "it is multiplied by log(2): a bit is less than a nat, "
            "so there are more bits than nats.",
            PERPLEXITY
            ** (1 / CHARACTERS): "it is the perplexity of a character: its logarithm to base 2 is asked for.",
            math.log2(PERPLEXITY)
            * CHARACTERS: "it is multiplied by the characters: a token's bits are shared by them.",
            PERPLEXITY / CHARACTERS: "the perplexity isn't a loss: take its logarithm, to base 2.",
            PERPLEXITY / CHARACTERS / math.log(2): "the perplexity isn't a loss: take its logarithm first.",
        },
    ),
    "seen": Function(
        reference=who_sees_whom,
        cases=seen_cases,
        mistakes=SEEN,
        praise="each token sees its own text up to itself, so a row holds many texts and none knows of another.",
        probes=[is_bool],
        measure=with_free_padding,
    ),
    "answer": Function(
        reference=answer_loss,
        cases=answer_cases,
        mistakes=ANSWER,
        praise="all tokens of the answers count alike, each told from what stands before it.",
        gradients={"logits": 0},
    ),
    "slope": Function(
        reference=masked_slope,
        cases=slope_cases,
        mistakes=SLOPE,
        praise="the chances minus the truth, shared among the chosen words; nothing elsewhere.",
    ),
    "entropy": Function(
        reference=entropy_per_word,
        cases=lambda: [(SMALL,), (LARGER,)],
        mistakes=ENTROPY,
        praise="the mean surprise of somebody who knows the grammar, and no model's loss is lower.",
    ),
    "padding": Number(
        right=NATS * WORDS / PLACES,
        because="a sentence has 14.57 nats in all. The padding adds none, since after a full stop it is certain, but "
        "it is counted: 14.57 / 20.",
        slips={
            NATS * (PLACES - WORDS) / PLACES: "it is the share of the padding that is taken: the words have the nats.",
            NATS * WORDS / (PLACES + 1): "the start is counted as a place: nobody is asked for it, so there are 20.",
            NATS * (WORDS - 1) / PLACES: "the full stop isn't counted as a word: it is one, in both numbers.",
            NATS * WORDS / (PLACES - 1): "a place is missing: there are 20 behind the start.",
            NATS * WORDS / PLACES / math.log(2): "it is in bits: the program prints nats, as 1.437 is.",
            WORDS / PLACES: "it is the words' share of the places: how many nats have they?",
            NATS * WORDS: "it is the loss of a whole sentence: the mean over its 20 places is asked for.",
            NATS * PLACES / WORDS: "it is divided by the words' share: the mean gets lower, since zeros are added.",
            NATS: "it is the loss of a word: the padding adds nothing to the sum, but to what the sum is divided by.",
        },
        tolerance=0.005,
    ),
    "nucleus": Function(
        reference=nucleus,
        cases=nucleus_cases,
        mistakes=NUCLEUS,
        praise="the fewest words that have the share together, each with its chance scaled up, and never none.",
    ),
    "confound": Choice(
        right="c",
        because="the fewer words are hidden, the more help is visible, and the lower is the floor itself: test all "
        "three on the same hidden words, or measure the way to each one's floor.",
        others={
            "a": "true, but that is an advantage of the rows below, and yet their losses are higher. Something else "
            "must have raised them.",
            "b": "the differences are several times the deviations, so chance isn't what is wrong here.",
            "d": "the loss is a mean over the hidden words, however many there are.",
        },
    ),
}
