"""Both losses against their formulas as loops, the bound of the scale, and pairs through the one training loop."""

import math

import pytest
import torch

from ssl_course import captions, pretrain
from ssl_course.bag import BagOfWords
from ssl_course.language import TokenTransformer
from ssl_course.methods.clip import CLIP, LARGEST, sigmoid_loss, symmetric_info_nce
from ssl_course.networks import small_cnn

WORDS = len(captions.VOCABULARY)
LOSSES = ("softmax", "sigmoid")


def made(count=5, width=4, dtype=torch.float64):
    """Projections that resemble their partners, as in training: there a wrong pairing shows."""
    torch.manual_seed(0)
    image = torch.randn(count, width, dtype=dtype)
    return 3 * image, image + 0.5 * torch.randn_like(image)


def cosine(one, other):
    return torch.dot(one, other) / (one.norm() * other.norm())


def softmax_formula(image, text, scale):
    """Figure 3 of Radford et al. 2021, one logarithm at a time."""
    count, losses = len(image), []
    for i in range(count):
        own = scale * cosine(image[i], text[i])
        captions_of_image = sum(torch.exp(scale * cosine(image[i], text[j])) for j in range(count))
        images_of_caption = sum(torch.exp(scale * cosine(image[j], text[i])) for j in range(count))
        losses.append((torch.log(captions_of_image) + torch.log(images_of_caption)) / 2 - own)
    return sum(losses) / count


def sigmoid_formula(image, text, scale, bias):
    """Equation 1 of Zhai et al. 2023, one pairing at a time."""
    total = 0
    for i in range(len(image)):
        for j in range(len(text)):
            label = 1 if i == j else -1
            total = total - torch.log(1 / (1 + torch.exp(label * (-scale * cosine(image[i], text[j]) - bias))))
    return total / len(image)


@pytest.mark.parametrize("scale", [1.0, 10.0, 40.0])
def test_symmetric_info_nce_and_its_gradient_are_the_papers_formula(scale):
    image, text = (part.requires_grad_() for part in made())
    inputs = image, text, torch.tensor(scale, dtype=torch.float64, requires_grad=True)
    mine, theirs = symmetric_info_nce(*inputs), softmax_formula(*inputs)
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(torch.autograd.grad(mine, inputs), torch.autograd.grad(theirs, inputs))


@pytest.mark.parametrize(("scale", "bias"), [(10.0, -10.0), (1.0, 0.0), (20.0, 3.0)])
def test_the_sigmoid_loss_and_its_gradient_are_the_papers_formula(scale, bias):
    image, text = (part.requires_grad_() for part in made())
    inputs = image, text, *(torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (scale, bias))
    mine, theirs = sigmoid_loss(*inputs), sigmoid_formula(*inputs)
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(torch.autograd.grad(mine, inputs), torch.autograd.grad(theirs, inputs))


def test_where_all_projections_are_equal_the_softmax_loss_is_the_log_of_the_pairs():
    assert symmetric_info_nce(torch.ones(7, 3), torch.ones(7, 3), 50.0).item() == pytest.approx(math.log(7), abs=1e-5)


def test_where_all_cosines_are_zero_each_pairing_of_the_sigmoid_loss_costs_what_the_bias_says():
    image = torch.eye(6)
    loss = sigmoid_loss(image[[0] * 3], image[[1] * 3], 10.0, -2.0).item()
    assert loss == pytest.approx(math.log1p(math.exp(2)) + 2 * math.log1p(math.exp(-2)), abs=1e-5)


def test_both_directions_count():
    """Two images on one caption's side: captions find their image better than images their caption."""
    image, text = made()
    image = torch.cat([image[:1], image[:1], image[2:]])
    both = symmetric_info_nce(image, text, 10.0)
    torch.testing.assert_close(symmetric_info_nce(text, image, 10.0), both)
    logits = 10 * torch.nn.functional.normalize(image, dim=1) @ torch.nn.functional.normalize(text, dim=1).T
    one_way = torch.nn.functional.cross_entropy(logits, torch.arange(5))
    assert abs(both - one_way) > 0.02


LOSS = {"softmax": lambda image, text: symmetric_info_nce(image, text, 20.0)}
LOSS["sigmoid"] = lambda image, text: sigmoid_loss(image, text, 20.0, -10.0)


@pytest.mark.parametrize("name", LOSSES)
def test_the_order_of_the_pairs_does_not_matter_and_that_within_them_does(name):
    image, text = made()
    order = torch.tensor([2, 0, 1, 4, 3])
    torch.testing.assert_close(LOSS[name](image[order], text[order]), LOSS[name](image, text))
    assert LOSS[name](image[order], text) > LOSS[name](image, text) + 1


@pytest.mark.parametrize("name", LOSSES)
def test_how_long_projections_are_does_not_matter(name):
    image, text = made()
    torch.testing.assert_close(LOSS[name](100 * image, text / 100), LOSS[name](image, text))


@pytest.mark.parametrize("copies", [2, 3])
def test_equal_captions_count_as_wrong_for_each_other_and_set_a_floor(copies):
    """The best that images of one caption can do is to guess among its copies."""
    image = torch.eye(8)[[0] * copies + [3, 4, 5]]
    loss = symmetric_info_nce(image, image, LARGEST)
    assert loss.item() == pytest.approx(copies * math.log(copies) / (copies + 3), abs=1e-5)
    assert symmetric_info_nce(torch.eye(8)[:5], torch.eye(8)[:5], LARGEST) < 1e-5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_is_computed_in_float32(name, dtype):
    image, text = (100 * part.to(dtype) for part in made())
    with torch.autocast("cpu", torch.bfloat16):
        loss = LOSS[name](image, text)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, LOSS[name](image.float(), text.float()))


@pytest.mark.parametrize("name", LOSSES)
def test_losses_refuse_other_shapes_and_a_single_pair(name):
    with pytest.raises(ValueError, match=r"must both be \(B, D\), got \(3, 4\) and \(2, 4\)"):
        LOSS[name](torch.ones(3, 4), torch.ones(2, 4))
    with pytest.raises(ValueError, match="at least two pairs"):
        LOSS[name](torch.ones(1, 4), torch.ones(1, 4))


# --- the method


def words(kind="transformer"):
    if kind == "bag":
        return BagOfWords(WORDS, 8)
    return TokenTransformer(WORDS, captions.VOCABULARY.length, width=8, depth=1, heads=2)


def clip(loss="softmax", kind="transformer", seed=0, **settings):
    torch.manual_seed(seed)
    return CLIP(small_cnn(4), words(kind), width=6, loss=loss, **settings)


@pytest.fixture(scope="module")
def pairs():
    return captions.load(size=32)


def batch(pairs):
    return pairs.data.float() / 255, pairs.labels


@pytest.mark.parametrize("kind", ["transformer", "bag"])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_trainable_parameter_gets_a_gradient(loss, kind, pairs):
    method, (images, tokens) = clip(loss, kind), batch(pairs)
    method(*method.views(images), tokens).backward()
    gradients = {name: parameter.grad for name, parameter in method.named_parameters()}
    assert [name for name, value in gradients.items() if value is None or not value.abs().sum() > 0] == []
    assert ("bias" in gradients) == (loss == "sigmoid")


def test_the_forward_pass_is_the_loss_of_the_projections(pairs):
    images, tokens = batch(pairs)
    for loss in LOSSES:
        method = clip(loss).eval()
        image = method.image_head(method.encoder(images))
        text = method.text_head(method.text_encoder(tokens))
        scale = method.log_scale.exp()
        expected = symmetric_info_nce(image, text, scale)
        if loss == "sigmoid":
            expected = sigmoid_loss(image, text, scale, method.bias)
        torch.testing.assert_close(method(images, tokens), expected)


def test_scale_and_bias_begin_as_in_the_papers():
    assert clip().log_scale.exp().item() == pytest.approx(1 / 0.07)
    assert clip().bias is None
    assert (clip("sigmoid").log_scale.exp().item(), clip("sigmoid").bias.item()) == pytest.approx((10, -10))


def test_the_scale_is_kept_at_100_and_below_it_left_alone():
    method = clip()
    for value, kept in ((250.0, 100.0), (99.0, 99.0), (0.5, 0.5)):
        with torch.no_grad():
            method.log_scale.fill_(math.log(value))
        method.after_step(0.5)
        assert method.log_scale.exp().item() == pytest.approx(kept, rel=1e-5)


def test_at_the_bound_the_scale_still_gets_a_gradient(pairs):
    method, (images, tokens) = clip(), batch(pairs)
    with torch.no_grad():
        method.log_scale.fill_(9.0)
    method.after_step(0.5)
    method(images, tokens).backward()
    assert method.log_scale.grad.abs() > 1e-3


def test_training_that_pushes_the_scale_up_ends_at_the_bound(pairs):
    method = clip()
    with torch.no_grad():
        method.log_scale.fill_(math.log(99.9))
    step = torch.optim.SGD([method.log_scale], lr=1.0)
    for _ in range(3):  # pairs that are told apart: a larger scale always lowers the loss
        step.zero_grad()
        symmetric_info_nce(torch.eye(4), torch.eye(4) + 20, method.log_scale.exp()).backward()
        assert method.log_scale.grad < 0
        step.step()
        method.after_step(0.5)
    assert method.log_scale.exp().item() == pytest.approx(LARGEST, rel=1e-5)


def test_scale_and_bias_do_not_decay():
    from ssl_course.train import parameter_groups

    method = clip("sigmoid")
    _, without = parameter_groups(method, 0.05)
    assert {id(method.log_scale), id(method.bias)} <= {id(parameter) for parameter in without["params"]}


def test_the_order_of_words_matters_to_a_transformer_and_not_to_a_bag():
    tokens = captions.VOCABULARY.rows(["a small red star", "a red small star"])
    for kind, differs in (("transformer", True), ("bag", False)):
        torch.manual_seed(0)
        one, other = words(kind)(tokens)
        assert (not torch.allclose(one, other, atol=1e-5)) == differs


def test_a_bag_does_not_count_padding():
    torch.manual_seed(0)
    bag, tokens = words("bag"), captions.VOCABULARY.tokens("a small star")[None]
    torch.testing.assert_close(bag(tokens), bag(tokens[:, :4]))
    assert bag(torch.zeros(2, 5, dtype=torch.int64)).isfinite().all()
    with pytest.raises(ValueError, match="tokens must be whole numbers"):
        bag(torch.zeros(2, 5))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"loss": "hinge"}, 'must be "softmax" or "sigmoid", got \'hinge\''), ({"width": 0}, "got 0")],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CLIP(small_cnn(4), words(), **settings)


# --- through the one loop


def run(method, pairs, **settings):
    settings = {"epochs": 3, "batch_size": 8, "threads": 1, "precision": "fp32", "progress": False} | settings
    return pretrain(method, pairs, **settings)


def test_images_without_captions_are_refused(pairs):
    with pytest.raises(ValueError, match=r"captions must be tokens \(B, L\), got \(8,\): train on Pairs"):
        run(clip(), pairs.pictures)
    with pytest.raises(ValueError, match=r"needs captions \(train on pairs.Pairs\), and these images have none"):
        run(clip(), pairs.data)


def test_the_loop_hands_each_image_with_its_caption(pairs):
    class Seen(CLIP):
        def forward(self, images, captions):
            met.extend(zip((255 * images).round().to(torch.uint8), captions, strict=True))
            return super().forward(images, captions)

    met = []
    torch.manual_seed(0)
    run(Seen(small_cnn(4), words("bag")), pairs, epochs=1, watch=False)
    assert len(met) == 32
    own = {image.numpy().tobytes(): caption for image, caption in zip(pairs.data, pairs.labels, strict=True)}
    assert all(torch.equal(own[image.contiguous().numpy().tobytes()], caption) for image, caption in met)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_run_that_stopped_goes_on_bit_for_bit(loss, pairs, tmp_path):
    def weights(file, stop):
        def maybe(epoch):
            if epoch["epoch"] == stop:
                raise KeyboardInterrupt

        method = clip(loss)
        history = run(method, pairs, checkpoint=tmp_path / file, on_epoch=maybe)
        assert history[-1]["effective_rank"] > 1
        return torch.cat([parameter.detach().flatten() for parameter in method.parameters()])

    whole = weights("whole.pt", None)
    assert not torch.equal(weights("stopped.pt", 1), whole)
    assert torch.equal(weights("stopped.pt", None), whole)


def test_a_run_with_other_captions_is_another_run(pairs, tmp_path):
    run(clip(), pairs, checkpoint=tmp_path / "run.pt")
    others = captions.load(size=32, mention=("class",))
    assert torch.equal(others.data, pairs.data)
    with pytest.raises(ValueError, match="was made with labels="):
        run(clip(), others, checkpoint=tmp_path / "run.pt")
