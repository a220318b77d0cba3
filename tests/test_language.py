"""The transformer for tokens, masked words, the next word: against slow loops, and by spoiling what mustn't count."""

import math

import pytest
import torch
import torch.nn.functional as F

from ssl_course import pretrain, sentences
from ssl_course.evaluate import fine_tune
from ssl_course.language import TokenTransformer, causal_mask
from ssl_course.methods.masked_words import MaskedWords, mask_words, masked_cross_entropy
from ssl_course.methods.next_word import NextWord, next_word_loss
from ssl_course.sentences import LENGTH, MASK, PAD, SPECIAL, START, WORDS

RULE = {"mask": MASK, "special": len(SPECIAL), "vocabulary": len(WORDS)}


def small(**options):
    return TokenTransformer(len(WORDS), LENGTH, **{"width": 16, "depth": 2, "heads": 2} | options)


@pytest.fixture(scope="module")
def some():
    return sentences.load("train", size=64)


# --- the network


def test_a_causal_mask_lets_a_token_see_itself_and_the_past():
    assert causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]


@pytest.mark.parametrize("place", [1, 4, 9])
def test_a_causal_network_does_not_see_the_future_and_sees_all_of_the_past(some, place):
    network = small(causal=True).eval()
    row = some.data[:1]
    before = network.states(row)
    changed = row.clone()
    changed[0, place] = (changed[0, place] - 3 + 1) % (len(WORDS) - 3) + 3
    moved = (network.states(changed) - before).abs().amax(dim=2)[0] > 1e-6
    assert moved.tolist() == [False] * place + [True] * (LENGTH - place)


def test_a_network_that_is_not_causal_sees_both_sides_but_no_padding():
    network = small().eval()
    row = sentences.tokens_of("the cat sleeps .")[None]
    before = network.states(row)
    changed = row.clone()
    changed[0, 2] = sentences.TOKENS["dog"]
    moved = (network.states(changed) - before).abs().amax(dim=2)[0] > 1e-6
    assert moved.all()
    shorter = network.states(row[:, :5])
    torch.testing.assert_close(before[:, :5], shorter)


@pytest.mark.parametrize("causal", [False, True])
def test_padding_changes_nothing(causal):
    network = small(causal=causal).eval()
    row = sentences.tokens_of("the cats near the dog sleep .")[None]
    torch.testing.assert_close(network(row), network(row[:, :8]))


def test_the_vector_of_a_sequence_is_the_mean_or_the_last(some):
    rows, words = some.data[:5], some.factors["words"][:5]
    network = small().eval()
    expected = torch.stack([state[: n + 1].mean(dim=0) for state, n in zip(network.states(rows), words, strict=True)])
    torch.testing.assert_close(network(rows), expected)
    network = small(causal=True).eval()
    expected = torch.stack([state[n] for state, n in zip(network.states(rows), words, strict=True)])
    torch.testing.assert_close(network(rows), expected)


def test_without_places_and_mask_the_order_of_words_does_not_count():
    network = small(places=False).eval()
    row = sentences.tokens_of("the cat sees the red dog .")[None]
    mixed = row.clone()
    mixed[0, 1:8] = row[0, [7, 3, 1, 2, 6, 5, 4]]
    torch.testing.assert_close(network(row), network(mixed))
    with_places = small().eval()
    assert not torch.allclose(with_places(row), with_places(mixed), atol=1e-4)


def test_there_is_a_layer_before_the_first_block_and_one_after_each(some):
    network = small(depth=3).eval()
    layers = network.layers(some.data)
    assert [tuple(layer.shape) for layer in layers] == [(64, LENGTH, 16)] * 4
    torch.testing.assert_close(network.norm(layers[-1]), network.states(some.data))
    torch.testing.assert_close(layers[0][:, 2], network.embed(some.data[:, 2]) + network.places[2])


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.zeros(2, 5), "whole numbers"),
        (torch.zeros(5, dtype=torch.int64), "whole numbers"),
        (torch.zeros(2, LENGTH + 1, dtype=torch.int64), f"at most {LENGTH} tokens, got {LENGTH + 1}"),
    ],
)
def test_what_are_no_tokens_is_refused(tokens, message):
    with pytest.raises(ValueError, match=message):
        small()(tokens)


# --- masks


@pytest.fixture(scope="module")
def masked():
    torch.manual_seed(0)
    tokens = torch.randint(len(SPECIAL), len(WORDS), (400, 50))
    return (tokens, *mask_words(tokens, **RULE))


def test_of_the_chosen_words_80_10_10_are_masked_random_and_kept(masked):
    tokens, spoilt, chosen = masked
    assert chosen.float().mean() == pytest.approx(0.15, abs=0.01)
    seen = spoilt[chosen]
    kept = (seen == tokens[chosen]).float().mean()
    assert (seen == MASK).float().mean() == pytest.approx(0.8, abs=0.03)
    assert kept == pytest.approx(0.1 + 0.1 / (len(WORDS) - len(SPECIAL)), abs=0.02)
    random = seen[(seen != MASK) & (seen != tokens[chosen])]
    assert len(random.unique()) > 60
    assert random.min() >= len(SPECIAL)


def test_what_is_not_chosen_stays_and_no_special_token_is_chosen(masked, some):
    tokens, spoilt, chosen = masked
    assert torch.equal(spoilt[~chosen], tokens[~chosen])
    spoilt, chosen = mask_words(some.data, share=1.0, **RULE)
    assert torch.equal(chosen, some.data >= len(SPECIAL))


def test_masks_are_drawn_anew():
    method = MaskedWords(small())
    tokens = torch.full((8, 20), 5)
    assert not torch.equal(method.views(tokens)[2], method.views(tokens)[2])


@pytest.mark.parametrize("share", [0, -0.1, 1.1, math.nan])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="share must be in"):
        mask_words(torch.zeros(2, 3, dtype=torch.int64), share=share, **RULE)
    with pytest.raises(ValueError, match="share must be in"):
        MaskedWords(small(), share=share)


# --- losses


def test_the_masked_loss_is_the_formula_over_chosen_words():
    torch.manual_seed(1)
    logits, tokens = torch.randn(3, 5, 7).double(), torch.randint(7, (3, 5))
    chosen = torch.rand(3, 5) < 0.4
    total, count = 0.0, 0
    for sentence in range(3):
        for place in range(5):
            if chosen[sentence, place]:
                scores = [math.exp(value) for value in logits[sentence, place].tolist()]
                total -= math.log(scores[tokens[sentence, place]] / sum(scores))
                count += 1
    assert float(masked_cross_entropy(logits, tokens, chosen)) == pytest.approx(total / count)


def test_the_next_word_loss_is_the_formula_without_padding():
    torch.manual_seed(1)
    logits, tokens = torch.randn(3, 6, 7).double(), torch.randint(1, 7, (3, 6))
    tokens[0, 4:], tokens[2, 3:] = PAD, PAD
    total, count = 0.0, 0
    for sentence in range(3):
        for place in range(5):
            following = int(tokens[sentence, place + 1])
            if following != PAD:
                scores = [math.exp(value) for value in logits[sentence, place].tolist()]
                total -= math.log(scores[following] / sum(scores))
                count += 1
    assert float(next_word_loss(logits, tokens)) == pytest.approx(total / count)


def test_equal_logits_have_the_loss_of_guessing(some):
    logits = torch.zeros(64, LENGTH, len(WORDS))
    assert float(next_word_loss(logits, some.data)) == pytest.approx(math.log(len(WORDS)))
    chosen = some.data >= len(SPECIAL)
    assert float(masked_cross_entropy(logits, some.data, chosen)) == pytest.approx(math.log(len(WORDS)))


def test_nothing_chosen_is_no_loss_and_no_nan():
    logits = torch.randn(2, 3, 7, requires_grad=True)
    loss = masked_cross_entropy(logits, torch.zeros(2, 3, dtype=torch.int64), torch.zeros(2, 3, dtype=torch.bool))
    loss.backward()
    assert float(loss.detach()) == 0
    assert (logits.grad == 0).all()


def test_what_was_not_chosen_does_not_count():
    torch.manual_seed(0)
    logits, tokens = torch.randn(2, 4, 7), torch.randint(7, (2, 4))
    chosen = torch.zeros(2, 4, dtype=torch.bool)
    chosen[0, 1] = chosen[1, 3] = True
    other = torch.where(chosen.unsqueeze(2), logits, torch.randn(2, 4, 7))
    assert torch.equal(masked_cross_entropy(logits, tokens, chosen), masked_cross_entropy(other, tokens, chosen))


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_losses_of_half_precision_are_computed_in_float32(half):
    logits, tokens = torch.randn(2, 4, 7).to(half), torch.randint(1, 7, (2, 4))
    chosen = torch.ones(2, 4, dtype=torch.bool)
    assert masked_cross_entropy(logits, tokens, chosen).dtype == torch.float32
    assert torch.equal(next_word_loss(logits, tokens), next_word_loss(logits.float(), tokens))


def test_losses_refuse_shapes_that_do_not_fit():
    logits, tokens = torch.zeros(2, 4, 7), torch.zeros(2, 4, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"logits must be \(B, L, V\)"):
        masked_cross_entropy(logits, tokens[:, :3], tokens.bool())
    with pytest.raises(ValueError, match=r"logits must be \(B, L, V\)"):
        masked_cross_entropy(logits, tokens, tokens[:, :3].bool())
    with pytest.raises(ValueError, match="L at least 2"):
        next_word_loss(logits[:, :1], tokens[:, :1])


# --- the methods


def methods():
    return {"masked": MaskedWords(small()), "next": NextWord(small(causal=True))}


@pytest.mark.parametrize("name", ["masked", "next"])
def test_every_weight_gets_a_gradient(name, some):
    method = methods()[name]
    method(*method.views(some.data)).backward()
    silent = [key for key, weight in method.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert silent == []


def test_each_method_refuses_the_others_encoder():
    with pytest.raises(ValueError, match="mustn't be causal"):
        MaskedWords(small(causal=True))
    with pytest.raises(ValueError, match="must be causal"):
        NextWord(small())


def test_the_next_word_is_told_from_the_words_before_it(some):
    method = methods()["next"].eval()
    logits = method.logits(some.data)
    expected = F.cross_entropy(logits[:, :-1].transpose(1, 2), some.data[:, 1:], ignore_index=PAD)
    torch.testing.assert_close(method(some.data), expected)


@pytest.mark.parametrize("name", ["masked", "next"])
def test_a_run_that_stopped_goes_on_bit_for_bit(name, some, tmp_path):
    def weights(file, stop=None):
        def maybe(epoch):
            if epoch["epoch"] == stop:
                raise KeyboardInterrupt

        torch.manual_seed(0)
        method = methods()[name]
        settings = {"epochs": 2, "batch_size": 16, "precision": "fp32", "progress": False, "threads": 1}
        pretrain(method, some, checkpoint=tmp_path / file, on_epoch=maybe, **settings)
        return torch.cat([weight.flatten() for weight in method.parameters()])

    whole = weights("whole.pt")
    weights("stopped.pt", stop=1)
    assert torch.equal(weights("stopped.pt"), whole)


@pytest.mark.parametrize("name", ["masked", "next"])
def test_each_is_trained_by_the_loop_and_comes_below_the_frequencies_of_words(name, some):
    """Overfitting 64 sentences shows that the targets are those of the inputs; 3.4 nats is a unigram model."""
    torch.manual_seed(0)
    method = MaskedWords(small(), share=0.5) if name == "masked" else methods()[name]
    settings = {"epochs": 40, "batch_size": 32, "lr": 1e-2, "precision": "fp32", "progress": False, "threads": 1}
    history = pretrain(method, some, watch=False, **settings)
    assert history[-1]["loss"] < 2.8 < history[0]["loss"]


def test_an_encoder_is_fine_tuned_with_a_few_labels(some):
    accuracy = fine_tune(small(), some[:48], some[48:], epochs=1, batch_size=16, progress=False)
    assert 0 <= accuracy <= 1


# --- generated text


def test_generating_is_drawing_from_the_softmax_one_token_after_the_other():
    torch.manual_seed(0)
    method = methods()["next"].eval()
    start = torch.full((4000, 1), START)
    drawn = method.generate(start, 1, temperature=0.7)[:, 1]
    chances = (method.logits(start[:1])[0, -1] / 0.7).softmax(dim=0)
    shares = drawn.bincount(minlength=len(WORDS)) / len(drawn)
    torch.testing.assert_close(shares, chances, atol=0.02, rtol=0)


def test_a_low_temperature_takes_the_likeliest_token():
    torch.manual_seed(0)
    method = methods()["next"].eval()
    row = method.generate(torch.full((1, 1), START), 6, temperature=1e-4)
    for place in range(6):
        assert row[0, place + 1] == method.logits(row[:, : place + 1])[0, -1].argmax()


def test_after_the_stop_there_is_only_padding_and_what_must_not_be_drawn_is_not():
    torch.manual_seed(0)
    method = methods()["next"].eval()
    stop = sentences.TOKENS["."]
    rows = method.generate(torch.full((200, 1), START), 60, temperature=2.0, stop=stop, never=(PAD, MASK, START))
    assert rows.shape == (200, 61)  # longer than the encoder's longest: it sees the last ones
    for row in rows.tolist():
        end = row.index(stop) if stop in row else len(row) - 1
        assert all(token >= len(SPECIAL) for token in row[1 : end + 1])
        assert all(token == PAD for token in row[end + 1 :])


@pytest.mark.parametrize("temperature", [0, -1, math.nan])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be positive"):
        methods()["next"].generate(torch.full((1, 1), START), 1, temperature=temperature)
