"""Spoken words from a synthesiser, for whoever has installed the extra `speech`: nothing here is imported by default.

The synthesiser is eSpeak NG, under the GPL, version 3; the package `espeakng-loader` brings its library and voices. Its
formants move by rules that phoneticians wrote, so there are consonants and whole words, other than in `sounds`.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ssl_course.samples import Samples
from ssl_course.wav import fit, resampled

WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")  # of Speech Commands (Warden 2018)
VOICES = ("en+m1", "en+m3", "en+m7", "en+f1", "en+f3", "en+f5", "en-us+m2", "en-us+f2")
SYNCHRONOUS, UTF8 = 2, 1  # of espeak-ng/speak_lib.h
RATE, PITCH = 1, 3  # numbers of its parameters


def speak(
    count: int,
    *,
    words: Sequence[str] = WORDS,
    voices: Sequence[str] = VOICES,
    rate: int = 8000,
    seconds: float = 0.8,
    seed: int = 0,
) -> Samples:
    """Words that are said by several voices; the labels are the words.

    Args:
        count: how many clips; words and voices come as evenly as they allow.
        words, voices: what is said, and who says it, by eSpeak NG's names.
        rate, seconds: samples a second, and length of a clip; longer words are cut to their middle.
        seed: of the order, the speeds and the pitches. The breath in a voice is eSpeak's own and never the same twice.

    Returns:
        The clips, float32 (count, rate * seconds), with factors `word`, `voice` (indices), `speed` (words a minute, 120
        to 200) and `pitch` (eSpeak's, 30 to 70).

    Raises:
        ModuleNotFoundError: the extra isn't installed.
        ValueError: an argument is out of range, or a voice is unknown.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    library, own_rate, heard = _synthesiser()
    random = np.random.default_rng(seed)
    word, voice = np.divmod(random.permutation(count) % (len(words) * len(voices)), len(voices))
    factors = {"word": word, "voice": voice}
    factors |= {"speed": random.integers(120, 201, count), "pitch": random.integers(30, 71, count)}
    clips = []
    for number in range(count):
        if library.espeak_SetVoiceByName(voices[voice[number]].encode()):
            raise ValueError(f"eSpeak NG knows no voice {voices[voice[number]]!r}")
        library.espeak_SetParameter(RATE, int(factors["speed"][number]), 0)
        library.espeak_SetParameter(PITCH, int(factors["pitch"][number]), 0)
        text = words[word[number]].encode()
        library.espeak_Synth(text, len(text) + 1, 0, 0, 0, UTF8, None, None)
        clips.append(fit(resampled(_taken(heard), own_rate, rate), round(rate * seconds)))
    tensors = {name: torch.from_numpy(values.astype(np.int64)) for name, values in factors.items()}
    return Samples(torch.from_numpy(np.stack(clips)), tensors["word"], tuple(words), tensors)


def _taken(heard: list[np.ndarray]) -> np.ndarray:
    """What the synthesiser has said since the last time, float32 in [-1, 1]; nothing is left."""
    sound = np.concatenate(heard) if heard else np.zeros(1, np.int16)
    heard.clear()
    return sound.astype(np.float32) / 32768


def _synthesiser() -> tuple[ctypes.CDLL, int, list[np.ndarray]]:
    """The library, its samples a second, and the list to which it adds what it says."""
    try:
        import espeakng_loader
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError('spoken words need the extra: pip install "ssl-course[speech]"') from missing
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = str(Path(espeakng_loader.get_data_path()).parent).encode()
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, data, 0)
    if rate < 1:
        raise ValueError(f"eSpeak NG can't begin with its data in {data.decode()}")
    heard: list[np.ndarray] = []

    def hear(samples, count: int, _events) -> int:
        if samples and count:
            heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    library.kept = kind(hear)  # C keeps a pointer to it, so Python must keep it alive
    library.espeak_SetSynthCallback(library.kept)
    return library, rate, heard
