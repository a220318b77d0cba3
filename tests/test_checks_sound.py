"""The exercises of lesson 10: references are the package's or autograd's, and no mistake is taken for another."""

import pytest
import torch

from ssl_course import checks, sounds
from ssl_course.checks import sound
from ssl_course.checks.engine import Function
from ssl_course.evaluate import linear_probe
from ssl_course.listening import SPECTRUM, log_mel, two_probes
from ssl_course.methods.cpc import future_info_nce
from ssl_course.waves import WaveEncoder, field_and_hop

FUNCTIONS = [name for name, exercise in sound.EXERCISES.items() if isinstance(exercise, Function)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_mistake_is_told_by_its_own_sentence(name):
    for sentence, wrong in sound.EXERCISES[name].mistakes.items():
        for function in wrong if isinstance(wrong, tuple) else (wrong,):
            assert sentence in checks.judge(f"sound.{name}", function).sentence


def test_field_and_hop_of_wav2vec_are_the_packages():
    assert field_and_hop(sound.LAYERS) == (sound.FIELD, sound.HOP)


def test_the_dice_of_the_cases_would_give_each_other_frame_equally_often():
    for case in sound.negatives_cases():
        for row, positive, length in zip(sound.draw_negatives(*case), case[1], case[2], strict=True):
            often = torch.bincount(row, minlength=int(length)).tolist()
            assert often.pop(int(positive)) == 0
            assert set(often) == {case[0].shape[1] // (int(length) - 1)}


def test_the_loss_of_the_future_among_all_other_frames_is_the_packages():
    for predictions, frames, _, temperature in sound.future_cases():
        length, steps = predictions.shape[1:3]
        later = (torch.arange(length).unsqueeze(1) + 1 + torch.arange(steps)).clamp(max=length - 1)  # (T, K)
        others = torch.arange(length - 1).expand(len(frames), length, steps, -1)
        others = others + (others >= later.unsqueeze(2))
        ours = sound.future_loss(predictions, frames, others, temperature)
        torch.testing.assert_close(ours, future_info_nce(predictions, frames, temperature=temperature))


def test_no_drawn_negative_of_the_cases_is_the_positive():
    for predictions, _, negatives, _ in sound.future_cases():
        later = torch.arange(predictions.shape[1]).unsqueeze(1) + 1 + torch.arange(predictions.shape[2])
        assert not (negatives == later.unsqueeze(2)).any()


def test_the_slope_of_the_entropy_of_use_is_autograds():
    for (chances,) in sound.use_cases():
        scores = chances.double().log().requires_grad_()
        torch.special.entr(scores.softmax(dim=1).mean(dim=0)).sum().backward()
        torch.testing.assert_close(sound.use_slope(chances.double()), scores.grad)


def test_a_choice_is_hard_forward_and_the_softmax_backward():
    for scores, temperature in sound.choose_cases():
        chosen = sound.choose(scores, temperature)
        assert torch.equal(chosen.round(), chosen)
        assert torch.equal(chosen.argmax(dim=1), scores.argmax(dim=1))
        weights = torch.arange(float(scores.numel())).view(scores.shape)
        soft = torch.autograd.grad(((scores / temperature).softmax(dim=1) * weights).sum(), scores)
        torch.testing.assert_close(torch.autograd.grad((chosen * weights).sum(), scores), soft)


def test_the_mean_of_a_recording_is_what_the_encoder_gives_of_it_without_the_silence():
    torch.manual_seed(0)
    encoder, lengths = WaveEncoder(width=8), torch.tensor([2000, 1208, 607 + 200])
    waves = torch.randn(3, 2000) * (torch.arange(2000) < lengths.unsqueeze(1))
    field, hop = field_and_hop(encoder.layers)
    pooled = sound.pooled(encoder.frames(waves), lengths, field, hop)
    alone = [encoder(wave[:length].unsqueeze(0)) for wave, length in zip(waves, lengths, strict=True)]
    torch.testing.assert_close(pooled, torch.cat(alone))


def test_without_its_mean_a_spectrum_has_lost_the_speaker_and_kept_most_of_the_vowel():
    train, test = sounds.load("train", size=150), sounds.load("test", size=100)
    whole = two_probes(log_mel, train, test, SPECTRUM)
    less = two_probes(lambda waves: log_mel(waves) - log_mel(waves).mean(dim=1, keepdim=True), train, test, SPECTRUM)
    assert whole["vowel"] - less["vowel"] < 0.1
    assert whole["speaker"] > 0.6
    assert less["speaker"] < 0.3


def test_a_probe_that_has_met_the_clips_seems_to_know_names_that_were_dealt_out_by_lot():
    clips, random = sounds.load("train", size=60), torch.Generator().manual_seed(0)
    spectra = log_mel(clips.data)
    names = clips.labels[torch.randperm(60, generator=random)].unsqueeze(1).expand(spectra.shape[:2])
    mixed = torch.rand(names.shape, generator=random) < 0.8
    whole = (torch.arange(60) < 48).unsqueeze(1).expand(names.shape)
    found = [linear_probe(spectra[train], names[train], spectra[~train], names[~train]) for train in (mixed, whole)]
    assert found[0] > 1.5 / 6 > found[1]


# --- right answers written oddly, and wrong ones that look right, that were thought of after the checks


def shifted_softmax(scores, temperature):
    shares = scores.softmax(dim=1).pow(1 / temperature)
    soft = shares / shares.sum(dim=1, keepdim=True)
    return torch.where(soft == soft.amax(dim=1, keepdim=True), soft + (1 - soft).detach(), soft - soft.detach())


def by_distances(predictions, frames, negatives, temperature):
    p, z = sound.unit(predictions), sound.unit(frames)
    cosines = 1 - torch.cdist(p.flatten(1, 2), z).square().view(*p.shape[:3], -1) / 2  # (B, T, K, T)
    losses = []
    for t in range(p.shape[1]):
        for k in range(min(p.shape[2], p.shape[1] - 1 - t)):
            chosen = torch.cat([cosines[:, t, k, t + 1 + k, None], cosines[:, t, k].gather(1, negatives[:, t, k])], 1)
            losses.append((chosen / temperature).logsumexp(dim=1) - chosen[:, 0] / temperature)
    return torch.cat(losses).mean()


ODD = {
    "negatives": [
        lambda d, p, n: (d * (n[:, None] - 1) + p[:, None] + 1).long() % n[:, None],
        lambda d, p, n: sound.draw_negatives(1 - d, p, n).to(torch.int16),
    ],
    "future": [by_distances, lambda *given: by_distances(*given).double()],
    "use": [
        lambda p: torch.func.grad(lambda s: torch.special.entr(s.softmax(1).mean(0)).sum())(p.log()),
        lambda p: p * (p @ p.mean(0).log()[:, None] - p.mean(0).log()) / len(p),
    ],
    "choose": [shifted_softmax],
    "pool": [
        lambda f, n, field, hop: torch.stack(
            [row[torch.arange(len(row)) * hop + field <= length].mean(dim=0) for row, length in zip(f, n, strict=True)]
        ),
    ],
}
WRONG = {
    "negatives": [
        lambda d, p, n: torch.where((d * n[:, None]).long() == p[:, None], -1, (d * n[:, None]).long()),
        lambda d, p, n: sound.draw_negatives(torch.rand(d.shape), p, n),
        lambda d, p, n: torch.randint(2, d.shape),
    ],
    "future": [
        lambda p, z, n, t: by_distances(p, z, n, t) + 0.01,
        lambda p, z, n, t: by_distances(p, z, (n + 1) % z.shape[1], t),
    ],
    "use": [lambda p: sound.use_slope(p.roll(1, dims=0)), lambda p: -p.mean(0)],
    "choose": [lambda s, t: sound.sloped(sound.hard(s), (s / t).sigmoid())],
    "pool": [lambda f, n, field, hop: f[:, 0], lambda f, n, field, hop: sound.pooled(f, n, hop, field)],
}


@pytest.mark.parametrize("name", ODD)
def test_a_right_answer_may_be_written_oddly(name):
    for answer in ODD[name]:
        verdict = checks.judge(f"sound.{name}", answer)
        assert verdict.right, verdict.sentence


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_that_looks_right_is_refused(name):
    for answer in WRONG[name]:
        assert not checks.judge(f"sound.{name}", answer).right
