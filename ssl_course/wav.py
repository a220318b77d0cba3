"""WAV files of any kind as clips of one length and one rate: `load_folder`.

PCM of 8, 16, 24 and 32 bits and floats, one channel or several, any sample rate; read by SciPy.
"""

import os
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from scipy.io import wavfile
from scipy.signal import resample_poly
from torch import Tensor

from ssl_course.folders import counted, enumerated
from ssl_course.samples import Samples

ENDINGS = (".wav", ".wave")
OTHER_SOUND = (".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".wma", ".webm")
CONVERT = "convert them first, for instance with `ffmpeg -i FILE OUT.wav`"


@dataclass(frozen=True)
class Recording:
    """What a file holds, and what its header says.

    Attributes:
        sound: float32 (samples,), the mean of all channels.
        rate: samples a second.
        channels: how many there were.
    """

    sound: np.ndarray
    rate: int
    channels: int


def load_folder(
    folder: str | os.PathLike, *, rate: int = 8000, seconds: float = 1.0, unreadable: str = "refuse"
) -> Samples:
    """A folder of WAV files as clips of one length: FOLDER/*.wav, or FOLDER/<class>/*.wav with the folders as labels.

    Args:
        folder: ~ is the home folder; hidden files are left out.
        rate: samples a second to bring every recording to.
        seconds: length of a clip. Of longer recordings the middle is kept, shorter ones are filled up with silence.
        unreadable: what to do with files that can't be read: "refuse" or "skip".

    Returns:
        The clips, float32 (N, rate * seconds) in [-1, 1]. What was left out or changed stands in `notes`, and each note
        is a warning too.

    Raises:
        FileNotFoundError: there is no such folder, or no WAV file in it.
        ValueError: an argument is out of range, or a file can't be read.
    """
    length = _check(rate, seconds, unreadable)
    folder = _existing(folder)
    files, labels, classes, notes = _listed(folder)
    read = [_read(file) for file in files]
    good = [isinstance(recording, Recording) for recording in read]
    bad = {file: reason for file, reason in zip(files, read, strict=True) if isinstance(reason, str)}
    if bad:
        notes.append(_refuse_or_leave_out(folder, bad, len(files), unreadable))
    recordings = [recording for recording in read if isinstance(recording, Recording)]
    clips = [fit(resampled(recording.sound, recording.rate, rate), length) for recording in recordings]
    notes += _what_was_done(recordings, clips, rate, length)
    for note in notes:
        warnings.warn(f"{folder}: {note}", stacklevel=2)
    labels = None if labels is None else labels[torch.tensor(good)]
    sounds = np.stack([_in_range(clip) for clip in clips])
    return Samples(torch.from_numpy(sounds), labels, classes, notes=tuple(notes))


def resampled(sound: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """A sound (S,) at another rate, float32, without the frequencies that the new rate can't hold."""
    if rate == wanted:
        return sound
    ratio = Fraction(wanted, rate)
    return resample_poly(sound, ratio.numerator, ratio.denominator).astype(np.float32)


def _check(rate: int, seconds: float, unreadable: str) -> int:
    """The samples of a clip; ValueError if an argument is out of range."""
    if rate < 1:
        raise ValueError(f"rate must be at least 1 sample a second, got {rate}")
    if not seconds > 0 or round(rate * seconds) < 1:
        raise ValueError(f"seconds must be positive and hold at least one sample, got {seconds}")
    if unreadable not in ("refuse", "skip"):
        raise ValueError(f'unreadable must be "refuse" or "skip", got {unreadable!r}')
    return round(rate * seconds)


def _existing(name: str | os.PathLike) -> Path:
    folder = Path(name).expanduser()
    if folder.is_file():
        raise FileNotFoundError(f"{str(name)!r} is a file: name the folder that it lies in")
    if not folder.is_dir():
        where = "" if folder.is_absolute() else f" (the working directory is {Path.cwd()})"
        raise FileNotFoundError(f"there is no folder {str(name)!r}{where}")
    return folder


def _listed(folder: Path) -> tuple[list[Path], Tensor | None, tuple[str, ...], list[str]]:
    """The WAV files of a folder, their labels, the classes, and notes on what is left out."""
    everything = sorted(path for path in folder.rglob("*") if path.is_file() and not _hidden(path, folder))
    files = [path for path in everything if path.suffix.lower() in ENDINGS]
    others = [path.relative_to(folder) for path in everything if path not in set(files)]
    if not files:
        found = f"; in it: {counted(len(others), 'other file')} ({enumerated(others)})" if others else ""
        convert = f": {CONVERT}" if any(path.suffix.lower() in OTHER_SOUND for path in others) else ""
        raise FileNotFoundError(f"no WAV files in {folder}{found}{convert}")
    notes = [f"left out {counted(len(others), 'file')} without the ending .wav: {enumerated(others)}"] if others else []
    nested = [path for path in files if path.parent != folder]
    if not nested:
        return files, None, (), notes
    if len(nested) < len(files):
        beside = counted(len(files) - len(nested), "recording")
        notes.append(f"left out what lies beside the class folders and not in one ({beside})")
    names = [path.relative_to(folder).parts[0] for path in nested]
    classes = tuple(sorted(set(names)))
    return nested, torch.tensor([classes.index(name) for name in names]), classes, notes


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _read(file: Path) -> Recording | str:
    """What a WAV file holds, or why it can't be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", wavfile.WavFileWarning)
            warnings.filterwarnings("ignore", ".*not understood.*", wavfile.WavFileWarning)  # titles and the like
            rate, samples = wavfile.read(file)
    except wavfile.WavFileWarning:
        return "it ends too early: copy it again"
    except PermissionError:
        return "there is no permission to open it"
    except (ValueError, EOFError, OSError, struct.error, ZeroDivisionError) as failure:
        return _why(file, failure)
    if not samples.size or rate < 1:
        return "it holds no sound (length 0)" if rate else "its header gives no sample rate"
    sound = _as_floats(samples)
    if not np.isfinite(sound).all():
        return "some of its numbers are not finite"
    return Recording(sound, int(rate), 1 if samples.ndim == 1 else samples.shape[1])


def _why(file: Path, failure: Exception) -> str:
    with file.open("rb") as start:
        beginning = start.read(12)
    if not beginning:
        return "the file is empty (0 bytes)"
    if beginning[:4] not in (b"RIFF", b"RIFX", b"RF64") or beginning[8:12] != b"WAVE":
        return f"it is no WAV file, whatever its name says: {CONVERT}"
    if "Unknown wave file format" in str(failure):
        kind = str(failure).split(":")[1].split(".")[0].strip()
        return f"it is packed as {kind}, only PCM and floats are read: {CONVERT}"
    return "it is damaged or ends too early: copy it again"


def _as_floats(samples: np.ndarray) -> np.ndarray:
    """Whole numbers of any size as floats in [-1, 1], and the mean of the channels: (S,) or (S, channels) -> (S,)."""
    if samples.dtype == np.uint8:
        floats = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        floats = samples / np.float64(2 ** (8 * samples.dtype.itemsize - 1))
    else:
        floats = samples
    return (floats if floats.ndim == 1 else floats.mean(axis=1)).astype(np.float32)


def fit(sound: np.ndarray, length: int) -> np.ndarray:
    """The middle of a sound, or the sound and silence after it: (S,) -> (length,)."""
    start = max(0, (len(sound) - length) // 2)
    middle = sound[start : start + length]
    return np.pad(middle, (0, length - len(middle)))


def _in_range(clip: np.ndarray) -> np.ndarray:
    return clip / max(1.0, float(np.abs(clip).max()))


def _what_was_done(recordings: Sequence[Recording], clips: Sequence[np.ndarray], rate: int, length: int) -> list[str]:
    """Notes on rates, channels, lengths and loudness that were changed, one sentence each."""
    notes, count = [], len(recordings)
    rates = sorted({recording.rate for recording in recordings} - {rate})
    if rates:
        changed = sum(recording.rate != rate for recording in recordings)
        above = f"; frequencies above {rate // 2} Hz are gone" if max(rates) > rate else ""
        notes.append(f"{changed} of {count} recordings ({enumerated(rates)} Hz) were resampled to {rate} Hz{above}")
    mixed = sum(recording.channels > 1 for recording in recordings)
    if mixed:
        notes.append(f"the channels of {mixed} of {count} recordings were mixed to one")
    spans = [len(recording.sound) / recording.rate * rate for recording in recordings]
    longer, shorter = sum(span >= length + 1 for span in spans), sum(span <= length - 1 for span in spans)
    if longer:
        notes.append(f"of {longer} of {count} recordings, up to {max(spans) / rate:.1f} s long, the middle was kept")
    if shorter:
        notes.append(f"{shorter} of {count} recordings, from {min(spans) / rate:.2f} s on, were filled up with silence")
    loud, silent = (sum(test(np.abs(clip).max()) for clip in clips) for test in (lambda x: x > 1, lambda x: x == 0))
    if loud:
        notes.append(f"{loud} of {count} clips went beyond the largest value and were made quieter")
    if silent:
        notes.append(f"{silent} of {count} clips are silent")
    return notes


def _refuse_or_leave_out(folder: Path, bad: dict[Path, str], of: int, unreadable: str) -> str:
    """A note on the files that can't be read; ValueError if none of `of` can, or they aren't to be skipped."""
    named = [path.relative_to(folder) for path in bad]
    why = "; ".join(f"{path.relative_to(folder)}: {reason}" for path, reason in list(bad.items())[:5])
    if len(bad) == of:
        raise ValueError(f"none of the {of} recordings in {folder} can be read; {why}")
    if unreadable == "refuse":
        raise ValueError(
            f'{len(bad)} of {of} recordings in {folder} can\'t be read; {why}; or leave them out with unreadable="skip"'
        )
    return f"left out {len(bad)} unreadable of {of} recordings: {enumerated(named)}"
