"""The spectrum against its definition, and probes that look at the moments that they say."""

import pytest
import torch

from ssl_course import sounds
from ssl_course.listening import LATE, SPECTRUM, log_mel, mel_triangles, moments, two_probes, with_past
from ssl_course.samples import Samples
from ssl_course.waves import field_and_hop


def tone(pitch, length=2000):
    return torch.sin(2 * torch.pi * pitch * torch.arange(length) / 8000).unsqueeze(0)


@pytest.mark.parametrize("pitch", [300, 1000, 2500])
def test_a_tone_is_loudest_in_its_band(pitch):
    loudest = log_mel(tone(pitch))[0].mean(dim=0).argmax()
    bins = torch.linspace(0, 4000, 257)
    middle = bins[mel_triangles(40, 257, 8000)[loudest].argmax()]
    assert abs(middle - pitch) < 0.12 * pitch + 20


def test_the_spectrum_is_the_power_under_a_window_added_up_by_triangles():
    wave = torch.rand(1, 1000, generator=torch.Generator().manual_seed(0)) - 0.5
    part = wave[0, 160:672].double() * torch.hann_window(512).double()
    turns = torch.arange(257).double().unsqueeze(1) * torch.arange(512) / 512
    power = (torch.exp(-2j * torch.pi * turns) @ part.to(torch.complex128)).abs().square()  # the sum of its definition
    expected = (mel_triangles(40, 257, 8000).double() @ power + 1e-6).log()
    torch.testing.assert_close(log_mel(wave)[0, 1].double(), expected, atol=1e-3, rtol=1e-3)


def test_twice_the_pressure_is_four_times_the_power():
    quiet, loud = log_mel(tone(500)), log_mel(2 * tone(500))
    torch.testing.assert_close((loud - quiet).max(), torch.tensor(4.0).log(), atol=1e-3, rtol=0)


def test_triangles_cover_every_pitch_between_the_outer_ones_once():
    triangles = mel_triangles(20, 4001, 8000)
    inside = triangles.argmax(dim=1)
    torch.testing.assert_close(
        triangles[:, inside[0] + 1 : inside[-1]].sum(dim=0), torch.ones(inside[-1] - inside[0] - 1)
    )
    assert (triangles >= 0).all()


LAYERS = ((100, 50),)


def clips(count=8):
    waves, factors = sounds.draw(count, seed=0)
    factors = {name: torch.from_numpy(values) for name, values in factors.items()}
    return Samples(torch.from_numpy(waves), factors["speaker"], sounds.SPEAKERS, factors)


def test_a_frame_with_its_past_holds_itself_and_those_before_it_and_none_later():
    frames = torch.arange(10.0).view(1, 5, 2)  # frame t holds 2t and 2t + 1
    past = with_past(frames, 3)
    assert past.shape == (1, 5, 6)
    assert past[0, 4].tolist() == [4, 6, 8, 5, 7, 9]
    assert past[0, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert torch.equal(with_past(frames, 1), frames)


def test_a_moment_is_the_frame_in_the_middle_of_which_the_vowel_has_been_reached():
    known = clips()
    field, hop = field_and_hop(LAYERS)
    middles = torch.arange((sounds.SIZE - field) // hop + 1) * hop + field / 2
    found = moments(middles.view(1, -1, 1).expand(len(known), -1, 1), known, LAYERS).squeeze(2)
    start = known.factors["start"]
    end = torch.cat([start[:, 1:], torch.full((len(known), 1), sounds.SIZE)], dim=1)
    assert found.shape == (len(known), sounds.SYLLABLES - 1)
    assert ((start + LATE * (end - start))[:, 1:] - found).abs().max() <= hop / 2


def test_probes_read_what_is_in_the_frames_and_nothing_else():
    known, new = clips(120), sounds.load("test", size=60)
    field, hop = field_and_hop(LAYERS)
    places = torch.arange((sounds.SIZE - field) // hop + 1) * hop + field // 2

    def vowels(waves):
        part = known if len(waves) == 120 else new
        inside = (places[None, :, None] >= part.factors["start"][:, None]).sum(dim=2) - 1
        return torch.nn.functional.one_hot(part.factors["vowel"].gather(1, inside), 6).float()

    found = two_probes(vowels, known, new, LAYERS)
    assert found["vowel"] == 1
    assert found["speaker"] < 0.45


def test_the_raw_spectrum_says_something_of_both_and_not_all():
    found = two_probes(log_mel, sounds.load(size=240), sounds.load("test", size=120), SPECTRUM)
    assert 0.4 < found["vowel"] < 0.95
    assert 0.3 < found["speaker"] < 0.9
