"""Answers to the exercises of lesson 09 as students write them: right ones, and each known mistake made once."""

import math
import random
from collections import Counter
from functools import reduce

import numpy as np
import torch
import torch.nn.functional as F

# --- Who sees whom


def seen_by_loops(texts):
    count, length = texts.shape
    mask = torch.zeros(count, 1, length, length, dtype=torch.bool)
    for row in range(count):
        for i in range(length):
            for j in range(i + 1):
                mask[row, 0, i, j] = bool(texts[row, i] == texts[row, j])
    return mask


def seen_by_places(texts):
    places = torch.arange(texts.shape[1])
    past = places[None, :] <= places[:, None]
    return (past[None] & (texts.unsqueeze(2) == texts.unsqueeze(1))).unsqueeze(1)


def seen_by_blocks(texts):
    """A block of ones for each text, cut along the diagonal."""
    rows = []
    for row in texts:
        _, lengths = row.unique_consecutive(return_counts=True)
        rows.append(torch.block_diag(*(torch.ones(n, n).tril() for n in lengths.tolist())))
    return torch.stack(rows).bool()[:, None]


def seen_by_difference(texts):
    gap = texts[:, None, :, None] - texts[:, None, None, :]
    return torch.tril(gap.eq(0))


def seen_by_one_hot(texts):
    kinds = F.one_hot(texts).float()  # (B, L, texts)
    return torch.einsum("bik,bjk->bij", kinds, kinds).tril().gt(0.5).unsqueeze(1)


def seen_in_numpy(texts):
    texts = texts.numpy()
    return torch.from_numpy(np.tril(texts[:, None, :, None] == texts[:, None, None, :]))


def hidden_first(texts):
    hidden = torch.ones(texts.shape[1], texts.shape[1]).triu(diagonal=1).bool()
    hidden = hidden | (texts[:, :, None] != texts[:, None, :])
    return torch.logical_not(hidden)[:, None, :, :]


def padding_sees_itself(texts):
    return seen_with_words_alone(texts) | torch.eye(texts.shape[1], dtype=torch.bool)


def padding_sees_all(texts):
    return seen_by_places(texts) | (texts == 0)[:, None, :, None]


def seen_with_words_alone(texts):
    word = texts > 0
    return seen_by_places(texts) & word[:, None, :, None] & word[:, None, None, :]


def three_texts(texts):
    """Half right: as many texts as the example has, and one more."""
    found = [(texts == k)[:, None, :, None] & (texts == k)[:, None, None, :] for k in range(4)]
    return torch.stack(found).any(0).tril()


# --- The loss of an answer


def answer_by_loops(logits, tokens, begin, end):
    losses = []
    for row in range(len(tokens)):
        for place in range(begin[row], end[row]):
            losses.append(-logits[row, place - 1].log_softmax(0)[tokens[row, place]])
    return sum(losses) / len(losses)


def answer_by_marks(logits, tokens, begin, end):
    places = torch.arange(1, tokens.shape[1]).expand(len(tokens), -1)
    marks = (begin[:, None] <= places) & (places < end[:, None])
    return F.cross_entropy(logits[:, :-1][marks], tokens[:, 1:][marks])


def answer_by_ignoring(logits, tokens, begin, end):
    true = tokens.clone()
    for row, (first, last) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
        true[row, :first] = true[row, last:] = -100
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), true[:, 1:].flatten())


def answer_by_rolling(logits, tokens, begin, end):
    said = logits.roll(1, dims=1).log_softmax(dim=-1)
    chances = said.gather(-1, tokens[..., None])[..., 0]
    places = torch.arange(tokens.shape[1])
    marks = (places >= begin[:, None]).logical_and(places < end[:, None])
    return -torch.where(marks, chances, 0.0).sum() / marks.sum()


def answer_by_rows(logits, tokens, begin, end):
    total = torch.zeros((), dtype=torch.double)
    for said, true, first, last in zip(logits.double(), tokens, begin, end, strict=True):
        total = total + F.nll_loss(said[first - 1 : last - 1].log_softmax(1), true[first:last], reduction="sum")
    return total / (end - begin).sum()


def answer_by_weights(logits, tokens, begin, end):
    places = torch.arange(tokens.shape[1])[None]
    weights = ((places >= begin[:, None]) * (places < end[:, None])).float()[:, 1:]
    losses = torch.nn.CrossEntropyLoss(reduction="none")(logits[:, :-1].permute(0, 2, 1), tokens[:, 1:])
    return torch.sum(losses * weights / weights.sum())


def answer_by_one_hot(logits, tokens, begin, end):
    log_p = logits - logits.logsumexp(dim=2, keepdim=True)
    every = torch.einsum("blv,blv->bl", log_p[:, :-1], F.one_hot(tokens, logits.shape[2])[:, 1:].float())
    steps = torch.arange(tokens.shape[1] - 1)
    marks = (steps >= begin[:, None] - 1) & (steps < end[:, None] - 1)
    return -every.masked_select(marks).mean()


def answer_with(
    *, shift=1, first=0, after=0, question=False, padding=False, reduce=lambda rows: torch.cat(rows).mean()
):
    """By loops, with the parts that mistakes are made in as options."""

    def loss(logits, tokens, begin, end):
        rows = []
        for row in range(len(tokens)):
            places = range(
                1 if question else int(begin[row]) + first, tokens.shape[1] if padding else int(end[row]) + after
            )
            places = [place for place in places if 0 <= place - shift < tokens.shape[1] and place < tokens.shape[1]]
            chances = [logits[row, place - shift].log_softmax(0)[tokens[row, place]] for place in places]
            rows.append(-torch.stack(chances) if chances else torch.zeros(0))
        return reduce(rows)

    return loss


def question_alone(logits, tokens, begin, end):
    return answer_by_marks(logits, tokens, torch.zeros_like(begin), begin)


def marks_of_the_answer(logits, tokens, begin, end):
    places = torch.arange(tokens.shape[1])
    marks = ((places >= begin[:, None]) & (places < end[:, None]))[:, :-1]
    return F.cross_entropy(logits[:, :-1][marks], tokens[:, 1:][marks])


def chances_as_logits(logits, tokens, begin, end):
    return answer_by_ignoring(logits.softmax(-1), tokens, begin, end)


def padding_by_its_token(logits, tokens, begin, end):
    places = torch.arange(tokens.shape[1])
    true = torch.where((places >= begin[:, None]) & (places < end[:, None]), tokens, 0)
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), true[:, 1:], ignore_index=0)


def without_a_log(logits, tokens, begin, end):
    chances = logits.softmax(dim=2)[:, :-1].gather(2, tokens[:, 1:, None])[..., 0]
    places = torch.arange(1, tokens.shape[1])
    return -chances[(places >= begin[:, None]) & (places < end[:, None])].mean()


def answer_not_at_the_end(logits, tokens, begin, end):
    """Whoever cuts a token off on both sides."""
    places = torch.arange(1, tokens.shape[1] - 1)
    marks = (places >= begin[:, None]) & (places < end[:, None])
    return F.cross_entropy(logits[:, :-2][marks], tokens[:, 1:-1][marks])


def at_the_first_ones_places(logits, tokens, begin, end):
    return F.cross_entropy(logits[:, begin[0] - 1 : end[0] - 1].mT, tokens[:, begin[0] : end[0]])


def back_with_marks(logits, tokens, begin, end):
    places = torch.arange(1, tokens.shape[1])
    marks = (places >= begin[:, None]) & (places < end[:, None])
    return F.cross_entropy(logits[:, 1:][marks], tokens[:, :-1][marks])


def all_to_zero(words, scores):
    def loss(logits, tokens, begin, end):
        places = torch.arange(1, tokens.shape[1])
        marks = ((places >= begin[:, None]) & (places < end[:, None])).long()
        said = logits[:, :-1] * (marks[..., None] if scores else 1)
        return F.cross_entropy(said.flatten(0, 1), (tokens[:, 1:] * (marks if words else 1)).flatten())

    return loss


def reshaped_logits(logits, tokens, begin, end):
    true = tokens[:, 1:].clone()
    places = torch.arange(1, tokens.shape[1])
    true[(places < begin[:, None]) | (places >= end[:, None])] = -100
    return F.cross_entropy(logits[:, :-1].reshape(len(true), -1, true.shape[1]), true)


# --- The gradient of the masked loss


def slope_by_loops(chances, tokens, chosen):
    slope = torch.zeros_like(chances)
    for row, place in chosen.nonzero().tolist():
        slope[row, place] = chances[row, place]
        slope[row, place, tokens[row, place]] -= 1
    return slope / int(chosen.sum())


def slope_by_scatter(chances, tokens, chosen):
    errors = chances.scatter_add(2, tokens.unsqueeze(2), -torch.ones_like(chances[..., :1]))
    return errors.masked_fill(~chosen[..., None], 0) / chosen.sum()


def slope_by_one_hot(chances, tokens, chosen):
    true = torch.eye(chances.shape[-1])[tokens]
    return torch.einsum("blv,bl->blv", chances - true, chosen.float() / chosen.float().sum())


def slope_by_index(chances, tokens, chosen):
    slope = torch.zeros(chances.shape)
    slope[chosen] = (chances[chosen] - F.one_hot(tokens[chosen], chances.shape[2])) / chosen.count_nonzero()
    return slope


def slope_by_autograd(chances, tokens, chosen):
    """Logits may be log p: their softmax is p."""
    logits = chances.log().requires_grad_()
    return torch.autograd.grad(F.cross_entropy(logits[chosen], tokens[chosen]), logits)[0]


def slope_by_jacobian(chances, tokens, chosen):
    """-1 / p at the true word, through the softmax's matrix."""
    down = -F.one_hot(tokens, chances.shape[2]) / chances * chosen[:, :, None] / chosen.sum()
    matrix = torch.diag_embed(chances) - chances[..., :, None] * chances[..., None, :]
    return (matrix @ down[..., None])[..., 0]


def slope_in_double(chances, tokens, chosen):
    words = torch.arange(chances.shape[2])
    true = tokens[..., None] == words
    return torch.where(chosen[..., None], chances.double() - true.double(), 0.0) / chosen.double().sum()


def slope_by_row(chances, tokens, chosen):
    rows = []
    for p, true, asked in zip(chances, tokens, chosen, strict=True):
        count = max(int(asked.sum()), 1)
        rows.append((p - F.one_hot(true, p.shape[1])) * asked[:, None] / count)
    return torch.stack(rows)


def at_the_true_word(chances, tokens, chosen):
    slope = torch.zeros_like(chances)
    for row, place in chosen.nonzero().tolist():
        word = tokens[row, place]
        slope[row, place, word] = (chances[row, place, word] - 1) / chosen.sum()
    return slope


def of_minus_p(chances, tokens, chosen):
    """The gradient of the mean of -p."""
    logits = chances.log().requires_grad_()
    true = logits.softmax(2).gather(2, tokens[..., None])[..., 0]
    return torch.autograd.grad(-true[chosen].mean(), logits)[0]


# --- Entropy of a grammar


def all_sentences(grammar, parts=("sentence",)):
    """Lists of words with their chances: the first symbol is expanded, until none is left."""
    for place, part in enumerate(parts):
        if part in grammar:
            found = []
            for chance, into in grammar[part]:
                more = all_sentences(grammar, (*parts[:place], *into, *parts[place + 1 :]))
                found += [(chance * share, words) for share, words in more]
            return found
    return [(1.0, parts)]


def entropy_by_sentences(grammar):
    found = all_sentences(grammar)
    return sum(p * math.log(1 / p) for p, _ in found) / sum(p * len(words) for p, words in found)


def entropy_by_unpacking(grammar, symbol="sentence", whole=True):
    """Stops where a rule has no parts, which the exercise doesn't speak of."""
    if symbol not in grammar:
        return 0.0, 1.0
    nats = words = 0.0
    for chance, parts in grammar[symbol]:
        below, counts = zip(*(entropy_by_unpacking(grammar, part, False) for part in parts), strict=True)
        nats, words = nats + chance * (sum(below) - math.log(chance)), words + chance * sum(counts)
    return nats / words if whole else (nats, words)


def entropy_in_place(grammar):
    value = entropy_by_sentences(grammar)
    grammar.pop("noun")
    return value


def down_to(depth):
    def nats(grammar, symbol, left):
        if symbol not in grammar or not left:
            return 0.0
        return own_nats(grammar, symbol) + sum(
            p * nats(grammar, part, left - 1) for p, parts in grammar[symbol] for part in parts
        )

    return lambda grammar: nats(grammar, "sentence", depth) / mean_words(grammar)


def from_the_first_key(grammar):
    found = all_sentences(grammar, (next(iter(grammar)),))
    return -sum(p * math.log(p) for p, _ in found) / sum(p * len(words) for p, words in found)


def different_parts_in_both(grammar):
    def both(symbol):
        if symbol not in grammar:
            return np.array([0.0, 1.0])
        return sum(
            p * (np.array([-math.log(p), 0.0]) + sum({part: both(part) for part in parts}.values()))
            for p, parts in grammar[symbol]
        )

    return np.divide(*both("sentence"))


def logs_unweighted(grammar, symbol="sentence"):
    if symbol not in grammar:
        return 0.0
    return sum(-math.log(p) + p * sum(logs_unweighted(grammar, part) for part in parts) for p, parts in grammar[symbol])


def entropy_by_counting(grammar):
    """How often each symbol is met in a sentence on average, times the entropy of its rules."""
    met, waiting = Counter(), [("sentence", 1.0)]
    while waiting:
        symbol, often = waiting.pop()
        met[symbol] += often
        for chance, parts in grammar.get(symbol, []):
            waiting += [(part, often * chance) for part in parts]
    nats = sum(often * -sum(p * math.log(p) for p, _ in grammar.get(symbol, [])) for symbol, often in met.items())
    return nats / sum(often for symbol, often in met.items() if symbol not in grammar)


def entropy_in_torch(grammar):
    found = all_sentences(grammar)
    p = torch.tensor([chance for chance, _ in found], dtype=torch.double)
    lengths = torch.tensor([len(words) for _, words in found], dtype=torch.double)
    return torch.distributions.Categorical(p).entropy() / (p @ lengths)


def entropy_in_numpy(grammar):
    p, lengths = np.array([(chance, len(words)) for chance, words in all_sentences(grammar)]).T
    return -(p * np.log(p)).sum() / np.average(lengths, weights=p)


def entropy_by_recursion(grammar):
    def both(symbol):
        if symbol not in grammar:
            return np.array([0.0, 1.0])
        total = np.zeros(2)
        for p, parts in grammar[symbol]:
            total += p * (np.array([-math.log(p), 0.0]) + sum((both(part) for part in parts), np.zeros(2)))
        return total

    return np.divide(*both("sentence"))


def entropy_by_a_linear_system(grammar):
    """Entropies h = own + M h, with M[i, j] how often rule i's symbol makes symbol j; likewise the words."""
    symbols = list(grammar)
    uses, own = np.zeros((len(symbols),) * 2), np.zeros((len(symbols), 2))
    for i, symbol in enumerate(symbols):
        for p, parts in grammar[symbol]:
            own[i] += -p * math.log(p), p * sum(part not in grammar for part in parts)
            for part in parts:
                if part in grammar:
                    uses[i, symbols.index(part)] += p
    nats, words = np.linalg.solve(np.eye(len(symbols)) - uses, own)[symbols.index("sentence")]
    return float(nats / words)


def mean_words(grammar):
    return sum(p * len(words) for p, words in all_sentences(grammar))


def nats_of_a_sentence(grammar):
    return -sum(p * math.log(p) for p, _ in all_sentences(grammar))


def own_nats(grammar, symbol):
    return sum(-p * math.log(p) for p, _ in grammar[symbol])


def without_chances(grammar, symbol="sentence"):
    if symbol not in grammar:
        return 0.0
    return own_nats(grammar, symbol) + sum(
        without_chances(grammar, part) for _, parts in grammar[symbol] for part in parts
    )


def without_doubles(grammar, symbol="sentence"):
    if symbol not in grammar:
        return 0.0
    return own_nats(grammar, symbol) + sum(
        p * sum(without_doubles(grammar, part) for part in dict.fromkeys(parts)) for p, parts in grammar[symbol]
    )


def ratio_by_ratio(grammar):
    return sum(p * -math.log(p) / len(words) for p, words in all_sentences(grammar))


def by_drawing(grammar):
    """Half right: what is drawn comes near, and isn't exact."""
    draw, surprise, words = random.Random(0), 0.0, 0
    for _ in range(200):
        waiting = ["sentence"]
        while waiting:
            part = waiting.pop()
            if part not in grammar:
                words += 1
                continue
            chances = [chance for chance, _ in grammar[part]]
            (chosen,) = draw.choices(range(len(chances)), chances)
            surprise -= math.log(chances[chosen])
            waiting += grammar[part][chosen][1]
    return surprise / words


# --- The nucleus


def nucleus_by_loops(logits, share, temperature):
    result = torch.zeros_like(logits)
    for row, scores in enumerate(logits):
        chances, total = F.softmax(scores / temperature, dim=0), 0.0
        for word in sorted(range(len(scores)), key=lambda word: -chances[word]):
            if total >= share:
                break
            result[row, word] = chances[word]
            total += float(chances[word])
        result[row] /= total
    return result


def nucleus_by_shifting(logits, share, temperature):
    ordered, order = (logits / temperature).sort(descending=True, dim=-1)
    beyond = ordered.softmax(-1).cumsum(-1) > share
    beyond[:, 1:] = beyond[:, :-1].clone()
    beyond[:, 0] = False
    hidden = beyond.scatter(1, order, beyond)
    return (logits / temperature).masked_fill(hidden, -torch.inf).softmax(-1)


def nucleus_by_the_smallest(logits, share, temperature):
    """The chance of the last kept word is a threshold."""
    p = torch.softmax(logits / temperature, 1)
    ordered = p.sort(1, descending=True)[0]
    count = (ordered.cumsum(1) < share).sum(1, keepdim=True)  # before the crossing word
    kept = torch.where(p >= ordered.gather(1, count), p, torch.zeros(()))
    return kept / kept.sum(1, keepdim=True)


def nucleus_by_pairs(logits, share, temperature):
    """A word is kept if all likelier ones together haven't the share."""
    p = (logits / temperature).softmax(dim=1)
    likelier = p[:, None, :] > p[:, :, None]  # (B, V, V)
    before = (likelier * p[:, None, :]).sum(2)
    return F.normalize(p * (before < share), p=1, dim=1)


def nucleus_by_ranks(logits, share, temperature):
    p = logits.div(temperature).softmax(1)
    order = p.argsort(1, descending=True)
    ranks = order.argsort(1)
    need = (p.gather(1, order).cumsum(1) < share).sum(1) + 1
    p = p * (ranks < need[:, None])
    return p / p.sum(1)[:, None]


def nucleus_from_below(logits, share, temperature):
    """The unlikeliest are dropped, as long as the others still have the share."""
    p = (logits.double() / temperature).softmax(1)
    order = p.argsort(1)
    dropped = p.gather(1, order).cumsum(1) <= 1 - share
    p = p.masked_fill(torch.zeros_like(dropped).scatter(1, order, dropped), 0)
    return (p / p.sum(1, keepdim=True)).float()


def nucleus_in_numpy(logits, share, temperature):
    rows = []
    for row in logits.numpy() / temperature:
        p = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        order = np.argsort(p)[::-1]
        kept = order[: np.searchsorted(np.cumsum(p[order]), share) + 1]
        new = np.zeros_like(p)
        new[kept] = p[kept] / p[kept].sum()
        rows.append(new)
    return torch.from_numpy(np.stack(rows))


def broken(logits, share, temperature):
    """The one that is to be repaired."""
    chances = logits.softmax(dim=1)
    ordered, order = chances.sort(dim=1, descending=True)
    kept = ordered.cumsum(dim=1) < share
    kept = torch.zeros_like(kept).scatter(1, order, kept)
    return (logits / temperature).masked_fill(~kept, float("-inf")).softmax(dim=1)


def after_the_cut(logits, kept, more=False):
    """What is kept, and the likeliest of the others if `more`, scaled up."""
    kept = kept > 0
    if more:
        first = logits.masked_fill(kept, -torch.inf).argmax(1, keepdim=True)
        kept = kept.scatter(1, first, True)
    return logits.where(kept, torch.tensor(-torch.inf)).softmax(1)


def late_temperature(logits, share, temperature):
    kept = nucleus_by_ranks(logits, share, 1.0) > 0
    return torch.where(kept, logits / temperature, -torch.inf).softmax(1)


def one_is_left(logits, share, temperature):
    p, order = (logits / temperature).softmax(1).sort(1, descending=True)
    p = p * (p.cumsum(1) < share)
    p[:, 0] = (logits / temperature).softmax(1).amax(1)
    return torch.zeros_like(p).scatter(1, order, p / p.sum(1, keepdim=True))


def late_with_one_left(logits, share, temperature):
    kept = one_is_left(logits, share, 1.0) > 0
    return (logits / temperature).where(kept, torch.tensor(-torch.inf)).softmax(1)


def gathered(logits, share, temperature):
    p = (logits / temperature).softmax(1)
    ordered, order = p.sort(1, descending=True)
    p = p * (ordered.cumsum(1) - ordered < share).gather(1, order)
    return p / p.sum(1, keepdim=True)


def none_is_left(logits, share, temperature):
    p, order = (logits / temperature).softmax(1).sort(1, descending=True)
    p = p * (p.cumsum(1) <= share)
    return torch.zeros_like(p).scatter(1, order, p / p.sum(1, keepdim=True))


def unscaled(logits, share, temperature):
    p = (logits / temperature).softmax(1)
    return p * (nucleus_by_ranks(logits, share, temperature) > 0)


def over_the_table(logits, share, temperature):
    p = unscaled(logits, share, temperature)
    return p / p.sum()


def tempered_chances(logits, share, temperature):
    p = nucleus_by_ranks(logits, share, 1.0) / temperature
    return p / p.sum(1, keepdim=True)


def sorted_chances(logits, share, temperature):
    p = (logits / temperature).softmax(1).sort(1, descending=True)[0]
    p = p * (p.cumsum(1) - p < share)
    return p / p.sum(1, keepdim=True)


def marks_in_sorted_order(logits, share, temperature):
    p = (logits / temperature).softmax(1)
    ordered = p.sort(1, descending=True)[0]
    p = p * (ordered.cumsum(1) - ordered < share)
    return p / p.sum(1, keepdim=True)


def from_the_unlikeliest(logits, share, temperature):
    p = (logits / temperature).softmax(1)
    ordered, order = p.sort(1)
    kept = (ordered.cumsum(1) - ordered) < share
    p = p * kept.gather(1, order.argsort(1))
    return p / p.sum(1, keepdim=True)


def own_chance(bound):
    def sample(logits, share, temperature):
        p = (logits / temperature).softmax(1)
        p = p * (p >= bound(share))
        return p / p.sum(1, keepdim=True)

    return sample


RIGHT = {
    "language.bits": [1.118, "1.12", math.log2(24) / 4.1, torch.tensor(1.1183), "log2(24) / 4.1 = 1.118"],
    "language.seen": [
        seen_by_loops,
        seen_by_places,
        seen_by_blocks,
        seen_by_difference,
        seen_by_one_hot,
        seen_in_numpy,
        hidden_first,
        padding_sees_itself,
        padding_sees_all,
    ],
    "language.answer": [
        answer_by_loops,
        answer_by_marks,
        answer_by_ignoring,
        answer_by_rolling,
        answer_by_rows,
        answer_by_weights,
        answer_by_one_hot,
        answer_with(),
    ],
    "language.slope": [
        slope_by_loops,
        slope_by_scatter,
        slope_by_one_hot,
        slope_by_index,
        slope_by_autograd,
        slope_by_jacobian,
        slope_in_double,
    ],
    "language.entropy": [
        entropy_by_sentences,
        entropy_by_counting,
        entropy_by_unpacking,
        entropy_in_torch,
        entropy_in_numpy,
        entropy_by_recursion,
        entropy_by_a_linear_system,
    ],
    "language.padding": [
        0.7286,
        "0.73",
        0.73,
        1.437 * 10.14 / 20,
        "14.57/20",
        "about 0.729 nats",
        torch.tensor(0.7286),
    ],
    "language.nucleus": [
        nucleus_by_loops,
        nucleus_by_shifting,
        nucleus_by_the_smallest,
        nucleus_by_pairs,
        nucleus_by_ranks,
        nucleus_from_below,
        nucleus_in_numpy,
    ],
    "language.confound": ["c", "C)", "answer: c"],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "language.bits": [
        ("in nats: a bit", math.log(24) / 4.1),
        ("to base 10", math.log10(24) / 4.1),
        ("and natural", 1.767),
        ("in bits a token", 4.585),
        ("two steps are left", "3.18"),
        ("divided by the characters", 2.549),
        ("multiplied by log(2)", 0.537),
        ("perplexity of a character", 2.171),
        ("multiplied by the characters", 18.8),
        ("isn't a loss: take its logarithm, to base 2", 24 / 4.1),
        ("isn't a loss: take its logarithm first", 8.445),
        ("not a slip that is known", 1.3),
    ],
    "language.seen": [
        ("turned round: true stands", lambda texts: ~seen_by_loops(texts)),
        ("past and future as well", lambda texts: ~seen_by_loops(texts).mT),
        ("see the future in place", lambda texts: seen_by_loops(texts).transpose(2, 3)),
        ("nothing hides the future", lambda texts: (texts[:, :, None] == texts[:, None, :]).unsqueeze(1)),
        ("across the borders", lambda texts: seen_by_places(torch.ones_like(texts))),
        ("across the borders", lambda texts: torch.tril(texts[:, None, :, None] >= texts[:, None, None, :])),
        ("across the borders", lambda t: seen_by_places(0 * t) & (t[:, None, :, None] * t[:, None, None, :] > 0)),
        ("joined by or", lambda t: seen_by_places(0 * t) | (t[:, None, :, None] == t[:, None, None, :])),
        ("only padding may", lambda texts: seen_by_loops(texts) | (texts == 0)[:, None, None, :]),
        ("it stops with", lambda texts: (F.one_hot(texts, 4) @ F.one_hot(texts, 4).mT > 0).tril()[:, None]),
        ("not a mistake that is known", three_texts),
        ("doesn't see itself", lambda texts: seen_by_loops(texts).tril(-1)),
        ("padding sees nobody", seen_with_words_alone),
        ("across the borders", lambda texts: (texts != 0)[:, None, None, :] & seen_by_places(torch.ones_like(texts))),
        ("axis for the heads", lambda texts: seen_by_loops(texts)[:, 0]),
        ("first one's mask", lambda texts: seen_by_loops(texts[:1]).repeat(len(texts), 1, 1, 1)),
        ("can be added to scores", lambda texts: seen_by_loops(texts).float().log()),
        ("they are int64", lambda texts: seen_by_loops(texts).long()),
        ("they are float32", lambda texts: seen_by_loops(texts).float()),
        ("they are uint8", lambda texts: seen_by_loops(texts).byte()),
        ("shape (3, 1, 8, 8) was expected", lambda texts: (texts > 0)[:, None, None, :]),
    ],
    "language.answer": [
        ("aren't shifted", answer_with(shift=0)),
        ("the wrong way", answer_with(shift=-1)),
        ("places mark the logits", answer_with(first=1, after=1)),
        ("places mark the logits", marks_of_the_answer),
        ("first token of the answer", answer_with(first=1)),
        ("last token of the answer", answer_with(after=-1)),
        ("token at end", answer_with(after=1)),
        ("question is counted, too", answer_with(question=True)),
        ("padding is counted, too", answer_with(padding=True)),
        ("everything is counted", answer_with(question=True, padding=True)),
        ("everything is counted", lambda z, t, b, e: F.cross_entropy(z[:, :-1].flatten(0, 1), t[:, 1:].flatten())),
        ("in place of the answer", question_alone),
        ("mean of these", answer_with(reduce=lambda rows: torch.stack([row.mean() for row in rows]).mean())),
        ("are summed", answer_with(reduce=lambda rows: torch.cat(rows).sum())),
        ("number of rows", answer_with(reduce=lambda rows: torch.stack([row.sum() for row in rows]).mean())),
        ("by all places", lambda z, t, b, e: answer_by_loops(z, t, b, e) * (e - b).sum() / t.numel()),
        ("by all places", lambda z, t, b, e: answer_by_loops(z, t, b, e) * (e - b).sum() / t[:, 1:].numel()),
        ("softmax is taken twice", chances_as_logits),
        ("token 0 is left out", padding_by_its_token),
        ("token 0 is left out", lambda z, t, b, e: padding_by_its_token(z, t, b, e + 99)),
        ("aren't shifted", lambda z, t, b, e: answer_with(shift=0)(z, t, b - 1, e - 1)),
        ("the wrong way", back_with_marks),
        ("shift is made twice", answer_with(first=-1)),
        ("shift is made twice", answer_with(first=-1, after=-1)),
        ("still asked for", all_to_zero(True, False)),
        ("still asked for", all_to_zero(False, True)),
        ("still asked for", all_to_zero(True, True)),
        ("first one's begin and end", at_the_first_ones_places),
        ("for the answer's length", lambda z, t, b, e: answer_by_marks(z, t, b, b + e)),
        ("never counted", answer_not_at_the_end),
        ("have to be swapped", reshaped_logits),
        ("in bits", lambda *given: answer_by_marks(*given) / math.log(2)),
        ("is the perplexity", lambda *given: answer_by_marks(*given).exp()),
        ("before the log", lambda *given: -(-without_a_log(*given)).log()),
        ("log is missing", without_a_log),
        ("sign is turned round", lambda *given: -answer_by_rows(*given)),
        ("no gradient gets to logits", lambda z, t, b, e: answer_by_marks(z.detach(), t, b, e)),
        ("cut the gradient", lambda *given: answer_by_marks(*given).item()),
    ],
    "language.slope": [
        ("sign is turned round", lambda *given: -slope_by_loops(*given)),
        ("isn't divided", lambda p, t, m: slope_by_loops(p, t, m) * m.sum()),
        ("number of all words", lambda p, t, m: slope_by_loops(p, t, m) * m.float().mean()),
        ("number of rows", lambda p, t, m: slope_by_loops(p, t, m) * m.sum() / len(p)),
        ("places in a row", lambda p, t, m: slope_by_loops(p, t, m) * m.sum() / p.shape[1]),
        ("its own chosen words", slope_by_row),
        ("its own chosen words", lambda p, t, m: slope_by_row(p, t, m) / len(p)),
        ("its own chosen words", lambda p, t, m: slope_by_row(p, t, m) / m.any(1).sum()),
        ("weren't chosen", lambda p, t, m: (p - F.one_hot(t, p.shape[2])) / m.sum()),
        ("weren't chosen", lambda p, t, m: slope_by_loops(p, t, torch.ones_like(m))),
        (
            "its own chosen words",
            lambda p, t, m: (p - F.one_hot(t, p.shape[2])) * m[..., None] / m.sum(1)[:, None, None],
        ),
        ("weren't chosen", lambda p, t, m: (p - F.one_hot(t, p.shape[2]) * m[..., None]) / m.sum()),
        ("weren't chosen", lambda p, t, m: (p - F.one_hot(t * m, p.shape[2])) / m.sum()),
        ("twice as large", lambda *given: 2 * slope_by_loops(*given)),
        ("is added", lambda p, t, m: (p + F.one_hot(t, p.shape[2])) * m[..., None] / m.sum()),
        ("at its own logit", lambda p, t, m: p * (1 - p) * m[..., None] / m.sum()),
        ("it stops with", lambda p, t, m: (p - F.one_hot(t)) * m[..., None] / m.sum()),
        ("weren't chosen", lambda p, t, m: p - F.one_hot(t, p.shape[2])),
        ("other way round", lambda p, t, m: slope_by_loops(p, t, ~m)),
        ("other way round", lambda p, t, m: slope_by_loops(p, t, ~m) * (~m).sum() / m.sum()),
        ("only the true word's logit", at_the_true_word),
        ("isn't taken off", lambda p, t, m: p * m[..., None] / m.sum()),
        ("for a constant", lambda p, t, m: -F.one_hot(t, p.shape[2]) * m[..., None] / m.sum()),
        ("gradient at p", lambda p, t, m: -F.one_hot(t, p.shape[2]) / p * m[..., None] / m.sum()),
        ("log is left out", of_minus_p),
        ("no other softmax", lambda p, t, m: slope_by_index(p.softmax(-1), t, m)),
    ],
    "language.entropy": [
        ("in bits", lambda grammar: entropy_by_sentences(grammar) / math.log(2)),
        ("entropy of a sentence", nats_of_a_sentence),
        ("entropy of a sentence", lambda grammar: nats_of_a_sentence(grammar) * math.log2(math.e)),
        ("mean of ratios", ratio_by_ratio),
        (
            "isn't weighted: frequent",
            lambda g: nats_of_a_sentence(g) / np.mean([len(words) for _, words in all_sentences(g)]),
        ),
        ("equally likely", lambda g: math.log(len(all_sentences(g))) / mean_words(g)),
        ("equally likely", lambda g: np.mean([-math.log(p) for p, _ in all_sentences(g)]) / mean_words(g)),
        ("by the rule's chance", lambda g: without_chances(g) / mean_words(g)),
        ("is counted once: count", lambda g: sum(own_nats(g, symbol) for symbol in g) / mean_words(g)),
        ("only the first choice", lambda g: own_nats(g, "sentence") / mean_words(g)),
        ("twice in a rule", lambda g: without_doubles(g) / mean_words(g)),
        (
            "different words",
            lambda g: nats_of_a_sentence(g) / len(reduce(set.union, (set(words) for _, words in all_sentences(g)))),
        ),
        ("sign is turned round", lambda grammar: -entropy_by_recursion(grammar)),
        ("twice in a rule", different_parts_in_both),
        ("surprises seldom", lambda g: logs_unweighted(g) / mean_words(g)),
        (
            "parts of a sentence's rule",
            lambda g: nats_of_a_sentence(g) / sum(p * len(parts) for p, parts in g["sentence"]),
        ),
        ("value of the example", lambda grammar: 0.408),
        ("first symbol of the dict", from_the_first_key),
        ("not a mistake that is known", down_to(3)),
        ("changes its inputs in place", entropy_in_place),
        ("not a mistake that is known", by_drawing),
    ],
    "language.padding": [
        ("a place is missing", 0.767),
        ("in bits", "1.051 bits"),
        ("how many nats", 0.507),
        ("not a slip that is known", 0.7),
        ("share of the padding", 1.437 * 9.86 / 20),
        ("start is counted", 0.694),
        ("full stop isn't", 1.437 * 9.14 / 20),
        ("a whole sentence", 14.57),
        ("by the words' share", 2.834),
        ("the loss of a word", 1.437),
        ("not a slip that is known", 0.8),
    ],
    "language.nucleus": [
        ("both slips", broken),
        ("both slips", late_with_one_left),
        ("before the temperature: divide", late_temperature),
        ("unless the first", one_is_left),
        ("none is left", none_is_left),
        ("one word more", lambda z, s, t: after_the_cut(z / t, nucleus_by_shifting(z, s, t), more=True)),
        ("the tail is kept", lambda z, s, t: after_the_cut(z / t, nucleus_by_ranks(z, s, t) == 0)),
        ("the tail is kept", lambda z, s, t: after_the_cut(z / t, none_is_left(z, s, t).nan_to_num() == 0)),
        ("divides twice", lambda z, s, t: nucleus_by_loops(z / t, s, t)),
        ("divides twice", lambda z, s, t: after_the_cut(z / t / t, nucleus_by_ranks(z, s, t))),
        ("in the chances that come out", lambda z, s, t: after_the_cut(z, nucleus_by_ranks(z, s, t))),
        ("divided by the share", lambda z, s, t: unscaled(z, s, t) / s),
        ("dim=0", lambda z, s, t: nucleus_by_ranks(z.T, s, t).T),
        ("0 times infinity", lambda z, s, t: (z / t + -torch.inf * (nucleus_by_ranks(z, s, t) == 0)).softmax(1)),
        ("changes nothing", lambda z, s, t: nucleus_by_loops(z, s * t, 1.0)),
        ("doesn't sum to 1", unscaled),
        ("whole table", over_the_table),
        ("changes nothing", lambda logits, share, temperature: nucleus_by_ranks(logits, share, 1.0)),
        ("changes nothing", tempered_chances),
        ("multiplied by the temperature", lambda z, share, t: nucleus_by_loops(z * t * t, share, t)),
        ("in sorted order", sorted_chances),
        ("on the unsorted ones", marks_in_sorted_order),
        ("on the unsorted ones", gathered),
        ("get logit 0", lambda z, share, t: (z / t * (nucleus_by_ranks(z, share, t) > 0)).softmax(1)),
        ("nearly equal", lambda *given: F.softmax(nucleus_by_loops(*given), dim=-1)),
        ("nearly equal", lambda *given: unscaled(*given).softmax(1)),
        ("nearly equal", lambda *given: unscaled(*given).where(unscaled(*given) > 0, -torch.inf).softmax(1)),
        ("the unlikeliest words", from_the_unlikeliest),
        ("by its own chance", own_chance(lambda share: share)),
        ("by its own chance", own_chance(lambda share: 1 - share)),
        ("nothing is cut", lambda logits, share, temperature: (logits / temperature).softmax(1)),
    ],
    "language.confound": [
        ("advantage of the rows below", "a"),
        ("several times the deviations", "b"),
        ("however many", "d"),
        ("one of a, b, c, d", "e"),
    ],
}
