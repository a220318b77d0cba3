"""The loss against its formula as a loop, what counts as a negative, and that no frame sees its future."""

import math

import pytest
import torch

from ssl_course import pretrain
from ssl_course.methods.cpc import CPC, NEGATIVES, Context, future_info_nce
from ssl_course.waves import WaveEncoder, field_and_hop

LAYERS = ((16, 8), (4, 2))  # of a small encoder: a frame sees 40 samples, the next one begins 16 later


def made(clips=3, length=7, steps=2, width=5, dtype=torch.float64):
    """Predictions that resemble what comes, as in training: there a wrong candidate shows."""
    torch.manual_seed(0)
    frames = torch.randn(clips, length, width, dtype=dtype)
    later = torch.stack([frames.roll(-step, dims=1) for step in range(1, steps + 1)], dim=2)  # (B, T, K, D)
    return later + 0.5 * torch.randn_like(later), frames


def formula(predictions, frames, negatives, first, temperature):
    """Equation 4 of van den Oord et al. 2018, one prediction and one candidate at a time."""
    clips, length, steps, _ = predictions.shape
    losses = []
    for b in range(clips):
        for t in range(length):
            for k in range(steps):
                there = t + first + k
                if there >= length:
                    continue
                places = {"same": [(b, s) for s in range(length)], "other": [(c, there) for c in range(clips)]}
                p = predictions[b, t, k]
                cosines = {
                    place: torch.dot(p, frames[place]) / (p.norm() * frames[place].norm())
                    for place in places[negatives]
                }
                total = sum(torch.exp(cosine / temperature) for cosine in cosines.values())
                losses.append(-torch.log(torch.exp(cosines[b, there] / temperature) / total))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize(("first", "steps", "temperature"), [(1, 1, 0.1), (1, 3, 0.5), (3, 2, 0.1)])
def test_the_loss_and_its_gradient_are_the_papers_formula(negatives, first, steps, temperature):
    predictions, frames = made(steps=steps)
    inputs = predictions.requires_grad_(), frames.requires_grad_()
    mine = future_info_nce(*inputs, negatives=negatives, first=first, temperature=temperature)
    theirs = formula(*inputs, negatives, first, temperature)
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(torch.autograd.grad(mine, inputs), torch.autograd.grad(theirs, inputs))


@pytest.mark.parametrize(("negatives", "candidates"), [("same", 7), ("other", 3)])
def test_where_all_frames_are_equal_the_loss_is_the_log_of_the_candidates(negatives, candidates):
    predictions, frames = torch.ones(3, 7, 2, 4), torch.ones(3, 7, 4)
    loss = future_info_nce(predictions, frames, negatives=negatives)
    assert loss.item() == pytest.approx(math.log(candidates), abs=1e-5)


def gradient_of_frames(negatives, clip, place):
    """How much each frame (B, T) matters for the prediction of one frame of one clip."""
    predictions, frames = made(steps=1)
    predictions, frames = predictions.detach(), frames.requires_grad_()
    only = torch.zeros_like(predictions)
    only[clip, place - 1] = predictions[clip, place - 1]
    loss = future_info_nce(only, frames, negatives=negatives, temperature=1.0)
    return torch.autograd.grad(loss, frames)[0].norm(dim=2)


def test_negatives_of_the_same_clip_are_all_its_other_frames_and_no_other_clips():
    weights = gradient_of_frames("same", clip=1, place=4)
    assert (weights[1] > 1e-6).all()
    assert weights[[0, 2]].max() < 1e-12


def test_negatives_of_other_clips_are_their_frames_at_the_same_place():
    weights = gradient_of_frames("other", clip=1, place=4)
    assert (weights[:, 4] > 1e-6).all()
    assert weights[:, [0, 1, 2, 3, 5, 6]].max() < 1e-12


def test_the_positive_is_never_among_the_negatives():
    """Counted twice it would hold the loss above log 2, however well it is told apart."""
    frames = torch.eye(6).expand(2, 6, 6).clone()  # every frame its own direction
    frames[1] = -frames[0]
    predictions = frames.roll(-1, dims=1).unsqueeze(2)
    for negatives in NEGATIVES:
        assert future_info_nce(predictions, frames, negatives=negatives, temperature=0.05) < 1e-6


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_the_order_of_the_clips_does_not_matter(negatives):
    predictions, frames = made()
    order = torch.tensor([2, 0, 1])
    settings = {"negatives": negatives}
    shuffled = future_info_nce(predictions[order], frames[order], **settings)
    torch.testing.assert_close(shuffled, future_info_nce(predictions, frames, **settings))
    assert abs(future_info_nce(predictions[order], frames, **settings) - shuffled) > 0.1


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_predictions_beyond_the_end_do_not_count(negatives):
    predictions, frames = made(steps=3)
    before = future_info_nce(predictions, frames, negatives=negatives)
    predictions[:, -1], predictions[:, -2, 1:], predictions[:, -3, 2:] = 7, 7, 7
    assert torch.equal(future_info_nce(predictions, frames, negatives=negatives), before)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    predictions, frames = (100 * part.to(dtype) for part in made())
    with torch.autocast("cpu", torch.bfloat16):
        loss = future_info_nce(predictions, frames, temperature=0.05)
    torch.testing.assert_close(loss, future_info_nce(predictions.float(), frames.float(), temperature=0.05))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"frames": torch.ones(3, 6, 5)},
            r"must be \(B, T, K, D\) and \(B, T, D\), got \(3, 7, 2, 5\) and \(3, 6, 5\)",
        ),
        ({"negatives": "both"}, 'must be "same" or "other", got \'both\''),
        ({"first": 0}, "first must be at least 1, got 0"),
        ({"first": 7}, "clips of 7 frames have nothing 7 steps later"),
        ({"temperature": 0}, "temperature must be positive, got 0"),
    ],
)
def test_the_loss_refuses(change, message):
    settings = {"predictions": torch.ones(3, 7, 2, 5), "frames": torch.ones(3, 7, 5)} | change
    predictions, frames = settings.pop("predictions"), settings.pop("frames")
    with pytest.raises(ValueError, match=message):
        future_info_nce(predictions, frames, **settings)


def test_a_batch_of_one_clip_has_no_other_clips():
    with pytest.raises(ValueError, match="at least two clips"):
        future_info_nce(torch.ones(1, 7, 2, 5), torch.ones(1, 7, 5), negatives="other")


# --- the encoder, the context, the method


def waves(count=6, length=400):
    return torch.rand(count, length, generator=torch.Generator().manual_seed(1)) - 0.5


def cpc(**settings):
    torch.manual_seed(0)
    return CPC(WaveEncoder(8, LAYERS), steps=3, **settings)


def test_a_frame_sees_as_many_samples_as_the_strides_say():
    field, hop = field_and_hop(LAYERS)
    assert (field, hop) == (40, 16)
    encoder, sounds = WaveEncoder(8, LAYERS), waves(1)
    before = encoder.frames(sounds)
    assert before.shape == (1, (400 - field) // hop + 1, 8)
    for sample in (0, 150, 399):
        changed = sounds.clone()
        changed[0, sample] += 1
        moved = ((encoder.frames(changed) - before).abs().amax(dim=2)[0] > 1e-6).nonzero().flatten().tolist()
        seen = [t for t in range(before.shape[1]) if t * hop <= sample < t * hop + field]
        assert set(moved) <= set(seen)
        assert moved or not seen


@pytest.mark.parametrize("layers", [((128, 20), (10, 5), (4, 2)), ((10, 5), (8, 4), (4, 2), (4, 2), (4, 2))])
def test_there_are_as_many_frames_as_fit(layers):
    field, hop = field_and_hop(layers)
    for length in (field, field + hop - 1, field + hop):
        frames = WaveEncoder(8, layers).frames(torch.rand(1, length))
        assert frames.shape[1] == (length - field) // hop + 1


def test_how_loud_a_sound_is_does_not_matter():
    encoder, sounds = WaveEncoder(8, LAYERS), waves()
    torch.testing.assert_close(encoder(sounds / 4), encoder(sounds), atol=1e-3, rtol=1e-3)


def test_an_encoder_of_sounds_is_the_mean_of_its_frames():
    encoder = WaveEncoder(8, LAYERS)
    assert encoder(waves()).shape == (6, encoder.dim)
    torch.testing.assert_close(encoder(waves()), encoder.frames(waves()).mean(dim=1))


def test_on_a_cpu_frames_are_float32_whatever_the_precision():
    with torch.autocast("cpu", torch.bfloat16):
        assert WaveEncoder().frames(torch.zeros(2, 800)).dtype == torch.float32


def test_what_lies_in_the_memory_beside_a_batch_does_not_reach_the_gradient():
    """With AMX a convolution's gradient in bf16 read beyond its input, and was NaN where NaN lay there."""
    encoder, waves = WaveEncoder(), torch.randn(32, 6400, generator=torch.Generator().manual_seed(0))
    for _ in range(30):
        left_behind = [torch.full((2**power,), math.nan, dtype=torch.bfloat16) for power in range(4, 23)]
        del left_behind
        with torch.autocast("cpu", torch.bfloat16):
            frames = encoder.frames(waves)
        left_behind = [torch.full((2**power,), math.nan, dtype=torch.bfloat16) for power in range(4, 23)]
        del left_behind
        frames.float().square().mean().backward()
        assert all(weight.grad.isfinite().all() for weight in encoder.parameters())


def test_a_sound_too_short_for_a_frame_is_refused():
    with pytest.raises(ValueError, match=r"S at least 40, got \(2, 39\)"):
        WaveEncoder(8, LAYERS)(torch.zeros(2, 39))


@pytest.mark.parametrize("training", [True, False])
def test_the_future_changes_nothing_in_the_past(training):
    method, sounds = cpc().train(training), waves()
    field, hop = field_and_hop(LAYERS)
    before = method.contexts(sounds)
    changed = sounds.clone()
    changed[:, 200:] = torch.rand(6, 200)
    past = (200 - field) // hop + 1  # frames that end before sample 200
    after = method.contexts(changed)
    assert torch.equal(after[:, :past], before[:, :past])
    assert (after[:, past:] - before[:, past:]).abs().amax(dim=2).min() > 1e-4


def test_the_context_looks_back_over_all_its_dilations():
    torch.manual_seed(0)
    context, frames = Context(8, (1, 2)), torch.randn(1, 12, 8)
    changed = frames.clone()
    changed[0, 4] += 1
    moved = (context(changed) - context(frames)).abs().amax(dim=2)[0] > 1e-6
    assert moved.nonzero().flatten().tolist() == [4, 5, 6, 7, 8, 9, 10]  # 2 * (1 + 2) frames later at most


def test_clips_do_not_see_each_other():
    method, sounds = cpc().train(), waves()
    torch.testing.assert_close(method.contexts(sounds)[:2], method.contexts(sounds[:2]))


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_every_trainable_parameter_gets_a_gradient(negatives):
    method = cpc(negatives=negatives)
    method(*method.views(waves())).backward()
    missing = [name for name, p in method.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert missing == []


@pytest.mark.parametrize("first", [1, 4])
def test_the_forward_pass_is_the_loss_of_the_predictions(first):
    method = cpc(first=first, negatives="other", temperature=0.2)
    frames = method.encoder.frames(waves())
    predictions = method.predict(method.context(frames)).view(6, -1, 3, 8)
    expected = future_info_nce(predictions, frames, negatives="other", first=first, temperature=0.2)
    torch.testing.assert_close(method(waves()), expected)


def test_a_run_that_stopped_goes_on_bit_for_bit(tmp_path):
    def weights(file, stop):
        def maybe(epoch):
            if epoch["epoch"] == stop:
                raise KeyboardInterrupt

        method = cpc()
        settings = {"epochs": 3, "batch_size": 4, "threads": 1, "progress": False}
        pretrain(method, waves(16), checkpoint=tmp_path / file, on_epoch=maybe, **settings)
        return torch.cat([parameter.flatten() for parameter in method.parameters()])

    whole = weights("whole.pt", None)
    weights("stopped.pt", 1)
    assert torch.equal(weights("stopped.pt", None), whole)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps and first must be at least 1, got 0 and 1"),
        ({"first": 0}, "steps and first must be at least 1, got 8 and 0"),
        ({"negatives": "all"}, 'must be "same" or "other", got \'all\''),
        ({"temperature": -1}, "temperature must be positive, got -1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CPC(WaveEncoder(8, LAYERS), **settings)
