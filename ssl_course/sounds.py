"""The built-in sounds: vowel-like syllables, made as a voice makes them, from factors that we know as we chose them.

A source, the pulses of the vocal folds, runs through a filter, the resonances (formants) of the vocal tract (Gunnar
Fant: Acoustic Theory of Speech Production. 1960). The vowel decides where the formants lie; the length of the
speaker's vocal tract shifts all of them by one factor, so that no single number says which vowel it is. The filter is
the cascade of Dennis Klatt: Software for a cascade/parallel formant synthesizer. JASA 67, 1980; the pulses are those of
A. E. Rosenberg: Effect of glottal pulse shape on the quality of natural vowels. JASA 49, 1971.
"""

import numpy as np
import torch

from ssl_course.samples import Samples
from ssl_course.wav import load_folder

__all__ = ["draw", "followers", "load", "load_folder", "syllable_at"]

RATE = 8000  # samples a second
SIZE = 6400  # samples of a clip, 0.8 s
SYLLABLES = 5  # of a clip
SPLITS = ("train", "test")
STEPS = 32768  # sounds are rounded to the steps of 16 bits, so that a seed gives the same ones on every platform

# Formants in Hz of a vocal tract of 17 cm (Peterson & Barney 1952, Control methods used in a study of the vowels,
# table II, men).
FORMANTS = {
    "i": (270, 2290, 3010),
    "e": (530, 1840, 2480),
    "a": (730, 1090, 2440),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
    "er": (490, 1350, 1690),
}
VOWELS = tuple(FORMANTS)
BANDWIDTHS = (70, 90, 130)  # Hz
CLEAR = 3000  # Hz; a resonance above it fades, since at this rate it would whistle with its mirror image above 4,000

# Six speakers: length of the vocal tract in cm, and the usual pitch in Hz, which doesn't follow from it.
TRACTS = (13.5, 14.5, 15.5, 16.6, 17.8, 19.0)
PITCHES = (240, 140, 200, 110, 170, 90)
SPEAKERS = tuple(f"{tract:.1f} cm, {pitch} Hz" for tract, pitch in zip(TRACTS, PITCHES, strict=True))

# What may follow what: two likely vowels after each, and seldom one of the other three; never the same twice.
FOLLOWERS = {"i": "ae", "e": "ou", "a": ("u", "er"), "o": ("i", "a"), "u": ("er", "e"), "er": "io"}
LIKELY = 0.45  # each of the two
MELODY = 1.2  # a factor by which the pitch of a syllable may differ from the usual, either way
BLOCK = 80  # samples for which the formants stand still
AT_ONCE = 500  # clips


def draw(
    count: int, *, seed=0, speakers: tuple[int, ...] = tuple(range(len(TRACTS)))
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draw `count` clips of five syllables and return them with the factors that made them.

    Args:
        count: how many clips, at least 1.
        seed: an integer or a sequence of integers; the same seed gives the same samples on every platform.
        speakers: who may speak, as places in TRACTS; each of them as often as the others.

    Returns:
        sounds, float32 (count, 6400) in [-1, 1], 8,000 samples a second, and factors: `speaker` (count,) (index into
        TRACTS), `loudness` (count,) (of the highest peak, in decibels below the largest value, -30 to -6), and for each
        syllable, (count, 5): `vowel` (index into VOWELS), `pitch` (pulses a second, 75 to 288), `noise` (what the voice
        is louder than the hiss by, 0 to 9 decibels) and `start` (first sample).

    Raises:
        ValueError: if count is below 1, or there are no such speakers.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    if not speakers or not set(speakers) <= set(range(len(TRACTS))):
        raise ValueError(f"speakers must be numbers from 0 to {len(TRACTS) - 1}, got {speakers}")
    random = np.random.default_rng(seed)
    factors = _draw_factors(count, random, speakers)
    sounds = np.empty((count, SIZE), np.float32)
    for first in range(0, count, AT_ONCE):
        part = {name: values[first : first + AT_ONCE] for name, values in factors.items()}
        sounds[first : first + AT_ONCE] = _speak(part, random)
    return sounds, factors


def load(
    split: str = "train", *, size: int | None = None, seed: int = 0, speakers: tuple[int, ...] | None = None
) -> Samples:
    """The built-in sounds of a split, as `load("shapes", …)` for images; the labels are the speakers.

    Args:
        split: "train" or "test".
        size: how many clips; default 4,000 (train) or 1,000 (test).
        seed: of the drawing.
        speakers: who may speak, as in `draw`; default all.

    Raises:
        ValueError: if an argument is out of range.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be train or test, got {split!r}")
    count = {"train": 4000, "test": 1000}[split] if size is None else size
    chosen = {} if speakers is None else {"speakers": speakers}
    sounds, factors = draw(count, seed=(seed, SPLITS.index(split)), **chosen)
    tensors = {name: torch.from_numpy(values) for name, values in factors.items()}
    return Samples(torch.from_numpy(sounds), tensors["speaker"], SPEAKERS, tensors)


def followers() -> np.ndarray:
    """How likely each vowel (column) is after each (row): the grammar, (6, 6)."""
    table = np.full((len(VOWELS), len(VOWELS)), (1 - 2 * LIKELY) / (len(VOWELS) - 3))
    for row, (vowel, likely) in enumerate(FOLLOWERS.items()):
        table[row, [VOWELS.index(name) for name in likely]] = LIKELY
        table[row, VOWELS.index(vowel)] = 0
    return table


def _draw_factors(count: int, random: np.random.Generator, speakers: tuple[int, ...]) -> dict[str, np.ndarray]:
    speaker = random.permutation(np.array(speakers)[np.arange(count) % len(speakers)])
    melody = random.uniform(-1, 1, (count, SYLLABLES))
    share = random.uniform(0.8, 1.2, (count, SYLLABLES))
    ends = np.rint(SIZE * share.cumsum(axis=1) / share.sum(axis=1, keepdims=True)).astype(np.int64)
    return {
        "speaker": speaker,
        "vowel": _draw_vowels(count, random),
        "pitch": np.array(PITCHES)[speaker, None] * MELODY**melody,
        "start": np.concatenate([np.zeros((count, 1), np.int64), ends[:, :-1]], axis=1),
        "loudness": random.uniform(-30, -6, count),
        "noise": random.uniform(0, 9, (count, SYLLABLES)),
    }


def _draw_vowels(count: int, random: np.random.Generator) -> np.ndarray:
    """Sequences that follow the grammar, (N, 5)."""
    reach = followers().cumsum(axis=1)  # (6, 6)
    vowels = random.integers(0, len(VOWELS), (count, SYLLABLES))
    for place in range(1, SYLLABLES):
        dice = random.uniform(0, 1 - 1e-9, (count, 1))
        vowels[:, place] = (dice > reach[vowels[:, place - 1]]).sum(axis=1)
    return vowels


def _speak(factors: dict[str, np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Sounds (N, S) from their factors, each in [-1, 1]."""
    count = len(factors["speaker"])
    middles = np.arange(BLOCK // 2, SIZE, BLOCK)
    inside = syllable_at(factors["start"], middles)  # (N, blocks)
    pitch = _glide(np.take_along_axis(factors["pitch"], inside, axis=1)).repeat(BLOCK, axis=1)  # (N, S)
    phase = (random.uniform(0, 1, (count, 1)) + pitch.cumsum(axis=1) / RATE) % 1  # of the period of the voice
    source = _pulses(phase) * _loudness_of_syllables(inside)
    voice = np.diff(_filter(source, _formants(factors, inside)), axis=1, prepend=0)  # as it leaves the lips
    voice /= np.sqrt((voice**2).mean(axis=1, keepdims=True))
    hiss = 10 ** (-np.take_along_axis(factors["noise"], inside, axis=1) / 20)
    sound = voice + random.standard_normal((count, SIZE)) * hiss.repeat(BLOCK, axis=1)
    sound *= 10 ** (factors["loudness"][:, None] / 20) / np.abs(sound).max(axis=1, keepdims=True)
    return (np.rint(sound * STEPS).clip(-STEPS, STEPS - 1) / STEPS).astype(np.float32)


def syllable_at(start: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Which syllable of a clip sounds: the number (N, P) for its starts (N, K) and places (P,), both in samples."""
    return (places[None, :, None] >= start[:, None]).sum(axis=2) - 1


def _glide(values: np.ndarray) -> np.ndarray:
    """The mean of each value (N, blocks) and three neighbours: steps become slopes of 40 ms."""
    padded = np.concatenate([values[:, :1], values, values[:, -1:], values[:, -1:]], axis=1)
    return sum(padded[:, shift : shift + values.shape[1]] for shift in range(4)) / 4


def _pulses(phase: np.ndarray) -> np.ndarray:
    """Air that the vocal folds let through: opening for 0.4 of a period, closing in 0.16 of it (Rosenberg 1971, B)."""
    opening, closing = (phase / 0.4).clip(0, 1), ((phase - 0.4) / 0.16).clip(0, 1)
    return (3 - 2 * opening) * opening * opening - closing * closing


def _loudness_of_syllables(inside: np.ndarray) -> np.ndarray:
    """From 0.15 or so where a syllable begins and ends to 1 in its middle, (N, S)."""
    whole = np.ones_like(inside, float)
    whole[:, 1:][np.diff(inside) != 0] = 0.0
    whole[:, [0, -1]] = 0.0
    return _glide(_glide(whole)).repeat(BLOCK, axis=1)


def _formants(factors: dict[str, np.ndarray], inside: np.ndarray) -> np.ndarray:
    """Formants in Hz for each block of each clip, (3, blocks, N): they glide from vowel to vowel."""
    table = np.array(list(FORMANTS.values()), float)  # (6, 3)
    scale = 17 / np.array(TRACTS)[factors["speaker"]]  # (N,)
    vowel = np.take_along_axis(factors["vowel"], inside, axis=1)  # (N, blocks)
    tracks = [_glide(column[vowel]) * scale[:, None] for column in table.T]
    return np.stack(tracks).transpose(0, 2, 1)


def _filter(source: np.ndarray, formants: np.ndarray) -> np.ndarray:
    """The source (N, S) through one resonance after the other (Klatt 1980, equations 1 and 2)."""
    sound = np.ascontiguousarray(source.T)  # (S, N)
    for track, bandwidth in zip(formants, BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * (bandwidth + 4 * (track - CLEAR).clip(0)) / RATE)  # (blocks, N)
        first, second = 2 * radius * np.cos(2 * np.pi * track / RATE), -(radius**2)  # (blocks, N) each
        gain = 1 - first - second
        before = earlier = np.zeros(sound.shape[1])
        for step in range(SIZE):
            block = step // BLOCK
            now = gain[block] * sound[step] + first[block] * before + second[block] * earlier
            sound[step], before, earlier = now, now, before
    return sound.T
