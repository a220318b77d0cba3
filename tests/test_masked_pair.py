"""Masks on patches and words in one transformer: the loss as a loop, who sees what, and the one training loop."""

import pytest
import torch

from ssl_course import captions, pretrain
from ssl_course.methods import masked_pair
from ssl_course.methods.masked_pair import MASK, PAD, MaskedPair, hide_patches, told
from ssl_course.networks import small_cnn
from ssl_course.vit import VisionTransformer, patchify

WORDS, LENGTH = len(captions.VOCABULARY), captions.VOCABULARY.length


def made(seed=0, **settings):
    torch.manual_seed(seed)
    return MaskedPair(VisionTransformer(width=16, depth=2, heads=2), WORDS, LENGTH, **settings)


@pytest.fixture(scope="module")
def pairs():
    return captions.load(size=32)


def batch(pairs, count=6, dtype=torch.float32):
    return pairs.data[:count].to(dtype) / 255, pairs.labels[:count]


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_loss_is_that_of_hidden_words_and_patches_one_by_one(weight, pairs):
    method, (images, tokens) = made(weight=weight, ratio=0.4).double().eval(), batch(pairs, dtype=torch.float64)
    torch.manual_seed(3)
    loss = method(images, tokens)
    torch.manual_seed(3)
    mine = {"share": 0.3, "mask": MASK, "special": 4, "vocabulary": WORDS}
    spoilt, chosen = masked_pair.mask_words(tokens, **mine)
    patches, states, hidden = method.read(images, spoilt, 0.4)
    words = []
    for image, place in chosen.nonzero().tolist():
        scores = method.tell(states[image, place])
        words.append(torch.log(torch.exp(scores).sum()) - scores[tokens[image, place]])
    pixels = []
    for image, place in hidden.nonzero().tolist():
        target = patchify(images)[image, place]
        pixels.append(sum((method.paint(patches[image, place])[k] - target[k]) ** 2 for k in range(48)) / 48)
    assert len(pixels) == 6 * round(0.4 * 64)
    torch.testing.assert_close(loss, sum(words) / len(words) + weight * sum(pixels) / len(pixels))


def test_a_pair_reads_as_one_sequence_through_the_encoders_blocks(pairs):
    """One pair at a time, its padding cut away: no mask is needed then."""
    method, (images, tokens) = made().eval(), batch(pairs)
    patches, words, _ = method.read(images, tokens)
    for number, row in enumerate(tokens):
        real = row[row != PAD]
        x = torch.cat([method.encoder.tokens(images[number : number + 1])[0], method.embed(real)])
        x[64:] += method.places[: len(real)]
        x = method.encoder.encode(x[None])[0]
        torch.testing.assert_close(patches[number], x[:64], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(words[number, : len(real)], x[64:], rtol=1e-4, atol=1e-5)


def test_every_trainable_parameter_gets_a_gradient(pairs):
    method, (images, tokens) = made(), batch(pairs)
    method(*method.views(images), tokens).backward()
    gradients = {name: parameter.grad for name, parameter in method.named_parameters()}
    assert [name for name, value in gradients.items() if value is None or not value.abs().sum() > 0] == []


def test_hidden_patches_are_not_seen_and_equally_many_of_each_image():
    torch.manual_seed(0)
    tokens, stand_in = torch.randn(5, 10, 4), torch.zeros(10, 4)
    seen, hidden = hide_patches(tokens, 0.3, stand_in)
    assert hidden.sum(dim=1).tolist() == [3] * 5
    assert len(hidden.unique(dim=0)) > 1
    assert (seen[hidden] == 0).all()
    assert torch.equal(seen[~hidden], tokens[~hidden])


def test_where_all_patches_are_hidden_the_image_says_nothing(pairs):
    method, (images, tokens) = made().eval(), batch(pairs)
    for ratio, same in ((1.0, True), (0.5, False)):
        states = []
        for pictures in (images, images.flip(0)):
            torch.manual_seed(0)
            states.append(method.read(pictures, tokens, ratio)[1])
        assert torch.allclose(*states, atol=1e-6) == same


def test_words_see_patches_and_patches_see_words(pairs):
    method, (images, tokens) = made().eval(), batch(pairs)
    patches, words, _ = method.read(images, tokens)
    assert not torch.allclose(method.read(images.flip(0), tokens)[1], words, atol=1e-4)
    assert not torch.allclose(method.read(images, tokens.flip(0))[0], patches, atol=1e-4)


def test_what_is_told_does_not_know_the_hidden_word(pairs):
    method = made()
    hidden = torch.zeros_like(pairs.labels, dtype=torch.bool)
    hidden[:, 3] = True
    chances = told(method, pairs.data, pairs.labels, hidden)
    assert chances.shape == (32, WORDS)
    torch.testing.assert_close(chances.sum(dim=1), torch.ones(32))
    others = torch.where(hidden, 7, pairs.labels)
    torch.testing.assert_close(told(method, pairs.data, others, hidden), chances)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"share": 0}, r"share must be in \(0, 1\], got 0"),
        ({"ratio": 1}, r"ratio must be in \[0, 1\) and weight not negative, got 1 and 1.0"),
        ({"weight": -1}, "got 0.25 and -1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        made(**settings)


def test_other_encoders_and_images_without_captions_are_refused(pairs):
    with pytest.raises(ValueError, match="the encoder must be a VisionTransformer"):
        MaskedPair(small_cnn(4), WORDS, LENGTH)
    with pytest.raises(ValueError, match=r"got \(6,\): train on Pairs"):
        made()(batch(pairs)[0], pairs.pictures.labels[:6])
    with pytest.raises(ValueError, match=rf"T at most {LENGTH}, got \(2, 40\)"):
        made()(batch(pairs, 2)[0], torch.zeros(2, 40, dtype=torch.int64))


def run(method, pairs, **settings):
    settings = {"epochs": 3, "batch_size": 8, "threads": 1, "precision": "fp32", "progress": False} | settings
    return pretrain(method, pairs, **settings)


def test_a_run_that_stopped_goes_on_bit_for_bit(pairs, tmp_path):
    def weights(file, stop):
        def maybe(epoch):
            if epoch["epoch"] == stop:
                raise KeyboardInterrupt

        method = made()
        run(method, pairs, checkpoint=tmp_path / file, on_epoch=maybe)
        return torch.cat([parameter.detach().flatten() for parameter in method.parameters()])

    whole = weights("whole.pt", None)
    assert not torch.equal(weights("stopped.pt", 1), whole)
    assert torch.equal(weights("stopped.pt", None), whole)
