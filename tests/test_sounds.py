"""The built-in sounds are made of the factors that they come with, and of nothing else."""

import hashlib

import numpy as np
import pytest
import torch

from ssl_course import sounds
from ssl_course.sounds import FORMANTS, PITCHES, RATE, SIZE, SPEAKERS, SYLLABLES, TRACTS, VOWELS, draw, followers, load

# Of draw(60, seed=0). After a change of the sounds: python -c "import hashlib; from ssl_course.sounds import draw;
# print(hashlib.sha256(draw(60, seed=0)[0].tobytes()).hexdigest())"
SOUNDS_OF_SEED_0 = "825cd34f92ddf255d6a630675b839bf2b29d2d735de90bb8ec8f826f727bdf56"

RANGES = {  # as the docstring of draw says: lowest, highest, and shape beyond the clip
    "speaker": (0, len(TRACTS) - 1, ()),
    "loudness": (-30, -6, ()),
    "vowel": (0, len(VOWELS) - 1, (SYLLABLES,)),
    "pitch": (75, 288, (SYLLABLES,)),
    "noise": (0, 9, (SYLLABLES,)),
    "start": (0, SIZE, (SYLLABLES,)),
}


@pytest.fixture(scope="module")
def drawn():
    return draw(300, seed=1)


def spoken(vowel, speaker, pitch=100.0):
    """One clip of a single vowel without hiss, (S,), as `draw` would make it of these factors."""
    factors = {
        "speaker": np.array([speaker]),
        "vowel": np.full((1, SYLLABLES), VOWELS.index(vowel)),
        "pitch": np.full((1, SYLLABLES), pitch),
        "noise": np.full((1, SYLLABLES), 100.0),
        "loudness": np.array([-6.0]),
        "start": np.arange(SYLLABLES)[None] * SIZE // SYLLABLES,
    }
    return sounds._speak(factors, np.random.default_rng(0))[0]


def loudness_at(sound, pitches):
    """The power of a sound near each of some pitches (Hz), in decibels."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    scale = np.fft.rfftfreq(len(sound), 1 / RATE)
    return np.array([10 * np.log10(power[np.abs(scale - pitch) < 60].max()) for pitch in pitches])


def test_the_sounds_of_a_seed_are_the_same_on_every_platform():
    assert hashlib.sha256(draw(60, seed=0)[0].tobytes()).hexdigest() == SOUNDS_OF_SEED_0


def test_sounds_are_steps_of_16_bits_between_minus_one_and_one(drawn):
    waves, _ = drawn
    assert (waves.dtype, waves.shape) == (np.float32, (300, SIZE))
    assert np.abs(waves).max() <= 1
    assert (waves * 32768 == np.rint(waves * 32768)).all()


def test_another_seed_draws_other_sounds_and_how_many_are_drawn_at_once_changes_nothing(monkeypatch):
    waves, factors = draw(20, seed=(0, 0))
    assert (waves != draw(20, seed=(0, 1))[0]).any(axis=1).all()
    monkeypatch.setattr(sounds, "AT_ONCE", 20)
    assert (draw(20, seed=(0, 0))[0] == waves).all()
    assert (draw(20, seed=(0, 0))[1]["pitch"] == factors["pitch"]).all()


@pytest.mark.parametrize("name", RANGES)
def test_a_factor_has_its_documented_shape_and_range(drawn, name):
    low, high, shape = RANGES[name]
    values = drawn[1][name]
    assert set(drawn[1]) == set(RANGES)
    assert values.shape == (300, *shape)
    assert low <= values.min()
    assert values.max() <= high


def test_speakers_come_equally_often_and_in_no_order(drawn):
    speaker = drawn[1]["speaker"]
    assert np.bincount(speaker).tolist() == [50] * len(TRACTS)
    assert len(set(speaker[:40])) == len(TRACTS)


def test_nothing_but_pitch_tells_of_the_speaker_beside_the_sound():
    _, factors = draw(1200, seed=2)
    for name in ("loudness", "noise", "vowel", "start"):
        values = factors[name].reshape(1200, -1)
        means = np.stack([values[factors["speaker"] == place].mean(axis=0) for place in range(len(TRACTS))])
        assert (np.ptp(means, axis=0) < 0.5 * values.std(axis=0) + 1e-9).all(), name
    usual = [np.median(factors["pitch"][factors["speaker"] == place]) for place in range(len(TRACTS))]
    assert np.abs(np.array(usual) / PITCHES - 1).max() < 0.1


def test_vowels_follow_the_grammar():
    _, factors = draw(1200, seed=3)
    pairs = np.stack([factors["vowel"][:, :-1].ravel(), factors["vowel"][:, 1:].ravel()])
    counted = np.zeros((len(VOWELS), len(VOWELS)))
    np.add.at(counted, tuple(pairs), 1)
    assert np.abs(counted / counted.sum(axis=1, keepdims=True) - followers()).max() < 0.06
    np.testing.assert_allclose(followers().sum(axis=1), 1)
    assert (followers().diagonal() == 0).all()


def test_a_syllable_lasts_between_100_and_220_milliseconds(drawn):
    edges = np.concatenate([drawn[1]["start"], np.full((300, 1), SIZE)], axis=1)
    lengths = np.diff(edges, axis=1) / RATE
    assert (edges[:, 0] == 0).all()
    assert lengths.min() > 0.1
    assert lengths.max() < 0.22


def test_which_syllable_sounds_is_told_from_the_starts():
    start = np.array([[0, 10, 30], [0, 20, 25]])
    assert sounds.syllable_at(start, np.array([0, 9, 10, 29, 30])).tolist() == [[0, 0, 1, 1, 2], [0, 0, 0, 2, 2]]


@pytest.mark.parametrize("vowel", VOWELS)
@pytest.mark.parametrize("speaker", [0, len(TRACTS) - 1])
def test_a_vowel_is_loud_at_its_formants_scaled_by_the_tract(vowel, speaker):
    sound = spoken(vowel, speaker)
    first, second = np.array(FORMANTS[vowel][:2]) * 17 / TRACTS[speaker]
    inside = loudness_at(sound, [first, second])
    beside = (
        loudness_at(sound, [1.6 * first, 0.8 * second]) if vowel in "ie" else loudness_at(sound, [1.5 * second] * 2)
    )
    assert (inside > beside).all()


@pytest.mark.parametrize("pitch", [100.0, 200.0])
def test_the_pulses_come_at_the_pitch(pitch):
    sound = spoken("a", 3, pitch)[1000:5000]
    echo = np.correlate(sound, sound, "full")[len(sound) - 1 :]
    lag = 20 + echo[20:120].argmax()
    assert RATE / lag == pytest.approx(pitch, rel=0.03)


def test_the_highest_peak_is_the_loudness(drawn):
    waves, factors = drawn
    np.testing.assert_allclose(20 * np.log10(np.abs(waves).max(axis=1)), factors["loudness"], atol=0.05)


def test_more_noise_makes_the_quiet_pitches_louder(drawn):
    waves, factors = drawn
    hiss, noise = [], factors["noise"][:, 2]
    for sound, start in zip(waves, factors["start"], strict=True):
        part = sound[start[2] + 200 : start[3] - 200]
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        hiss.append(10 * np.log10(np.quantile(power, 0.2) / power.mean()))
    assert np.corrcoef(hiss, noise)[0, 1] < -0.4


def test_some_speakers_alone_can_be_drawn():
    _, factors = draw(30, speakers=(1, 4))
    assert np.bincount(factors["speaker"]).tolist() == [0, 15, 0, 0, 15]


def test_load_gives_the_sounds_with_the_speakers_as_labels():
    train, test = load("train", size=12, seed=5), load("test", size=12, seed=5)
    waves, factors = draw(12, seed=(5, 0))
    assert torch.equal(train.data, torch.from_numpy(waves))
    assert train.labels.tolist() == factors["speaker"].tolist()
    assert train.classes == SPEAKERS
    assert set(train.factors) == set(RANGES)
    assert not torch.equal(train.data, test.data)
    assert load("test", size=4, speakers=(2,)).labels.tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw(0), "count must be at least 1, got 0"),
        (lambda: load(size=-3), "count must be at least 1, got -3"),
        (lambda: load("val"), "split must be train or test, got 'val'"),
        (lambda: draw(3, speakers=()), r"numbers from 0 to 5, got \(\)"),
        (lambda: draw(3, speakers=(6,)), r"numbers from 0 to 5, got \(6,\)"),
    ],
)
def test_arguments_out_of_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
