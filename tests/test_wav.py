"""WAV files of every kind come as the same sound, and each that can't be read says why and what to do."""

import struct
import wave

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from ssl_course.sounds import load_folder
from ssl_course.wav import resampled

TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)  # one second


def write(path, sound=TONE, rate=8000, kind="int16"):
    """A WAV file of one of the kinds that people have."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "int24":
        with wave.open(str(path), "wb") as file:
            file.setnchannels(sound.shape[1] if sound.ndim == 2 else 1)
            file.setsampwidth(3), file.setframerate(rate)
            whole = np.rint(sound * (2**23 - 1)).astype("<i4").reshape(-1, 1)
            file.writeframes(whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
        return path
    if kind == "uint8":
        data = np.rint(sound * 127 + 128).astype(np.uint8)
    elif kind.startswith("int"):
        data = np.rint(sound * (2 ** (int(kind[3:]) - 1) - 1)).astype(kind)
    else:
        data = sound.astype(kind)
    wavfile.write(path, rate, data)
    return path


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["uint8", "int16", "int24", "int32", "float32", "float64"])
def test_every_kind_of_number_gives_the_same_sound(tmp_path, kind):
    write(tmp_path / "a.wav", kind=kind)
    sounds = load_folder(tmp_path)
    assert (sounds.data.dtype, tuple(sounds.data.shape), sounds.notes) == (torch.float32, (1, 8000), ())
    assert np.abs(sounds.data[0].numpy() - TONE).max() < (0.01 if kind == "uint8" else 1e-4)


@pytest.mark.parametrize("kind", ["int16", "int24", "float32"])
def test_channels_are_mixed_and_it_is_said(tmp_path, kind):
    write(tmp_path / "a.wav", np.stack([TONE, -0.5 * TONE], axis=1), kind=kind)
    with pytest.warns(UserWarning, match="the channels of 1 of 1 recordings were mixed to one"):
        sounds = load_folder(tmp_path)
    assert np.abs(sounds.data[0].numpy() - TONE / 4).max() < 1e-3


@pytest.mark.parametrize("rate", [4000, 11025, 16000, 44100, 48000])
def test_another_rate_is_resampled_and_it_is_said(tmp_path, rate):
    write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate), rate)
    with pytest.warns(UserWarning, match=rf"1 of 1 recordings \({rate} Hz\) were resampled to 8000 Hz"):
        sounds = load_folder(tmp_path)
    inside = slice(200, 7800)  # the filter's ends need what isn't there
    assert np.abs(sounds.data[0].numpy()[inside] - TONE[inside]).max() < 0.01


def test_pitches_that_the_new_rate_cannot_hold_are_gone_and_it_is_said(tmp_path):
    write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 6000 * np.arange(48000) / 48000), 48000)
    with pytest.warns(UserWarning, match="frequencies above 4000 Hz are gone"):
        sounds = load_folder(tmp_path)
    assert sounds.data[0, 200:-200].abs().max() < 0.01


def test_the_middle_of_long_recordings_is_kept_and_short_ones_end_in_silence(tmp_path):
    write(tmp_path / "long.wav", np.repeat([0.1, 0.5, 0.1], 8000))
    write(tmp_path / "short.wav", np.full(2000, 0.5))
    with pytest.warns(UserWarning, match="of 1 of 2 recordings, up to 3.0 s long, the middle was kept"):
        sounds = load_folder(tmp_path)
    assert sounds.data[0].min() > 0.49
    assert (sounds.data[1] > 0.4).sum() == 2000
    assert any("1 of 2 recordings, from 0.25 s on, were filled up with silence" in note for note in sounds.notes)


def test_length_and_rate_of_the_clips_are_as_asked(tmp_path):
    write(tmp_path / "a.wav")
    with pytest.warns(UserWarning, match="resampled to 16000"):
        assert load_folder(tmp_path, rate=16000, seconds=0.5).data.shape == (1, 8000)


def test_folders_are_classes_and_a_flat_folder_has_none(tmp_path):
    for place in ("yes/a.wav", "yes/deep/b.WAV", "no/c.wav"):
        write(tmp_path / place)
    sounds = load_folder(tmp_path)
    assert sounds.classes == ("no", "yes")
    assert sounds.labels.tolist() == [0, 1, 1]
    assert load_folder(tmp_path / "yes" / "deep").labels is None


def test_what_is_left_out_is_said(tmp_path):
    for place in ("yes/a.wav", "beside.wav", ".hidden.wav"):
        write(tmp_path / place)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.warns(UserWarning, match="left out"):
        sounds = load_folder(tmp_path)
    assert len(sounds) == 1
    assert any("beside the class folders and not in one (1 recording)" in note for note in sounds.notes)
    assert any("left out 1 file without the ending .wav: notes.txt" in note for note in sounds.notes)


def test_too_loud_and_silent_clips_are_said(tmp_path):
    write(tmp_path / "loud.wav", 3 * TONE, kind="float32")
    write(tmp_path / "silent.wav", 0 * TONE)
    with pytest.warns(UserWarning, match="1 of 2 clips are silent"):
        sounds = load_folder(tmp_path)
    assert sounds.data.abs().max() == 1
    assert any("went beyond the largest value" in note for note in sounds.notes)


def damaged(path, kind):
    """A file of the name that can't be read, for the reason of the kind."""
    whole = write(path).read_bytes()
    mu_law = whole[:20] + struct.pack("<H", 7) + whole[22:]
    kinds = {
        "empty": b"",
        "mp3": b"ID3\x04" + bytes(500),
        "cut": whole[:5000],
        "header only": whole[:44],
        "header cut": whole[:30],
        "mu-law": mu_law,
    }
    path.write_bytes(kinds[kind])
    if kind == "header only":
        wavfile.write(path, 8000, np.zeros(0, np.int16))
    return path


BROKEN = {
    "empty": "the file is empty",
    "mp3": "it is no WAV file, whatever its name says: convert",
    "cut": "ends too early",
    "header only": r"it holds no sound \(length 0\)",
    "header cut": "damaged or ends too early",
    "mu-law": "only PCM and floats are read: convert|damaged",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_cannot_be_read_says_why(tmp_path, kind):
    damaged(tmp_path / "bad.wav", kind)
    with pytest.raises(ValueError, match=f"none of the 1 recordings in .* can be read; bad.wav: .*({BROKEN[kind]})"):
        load_folder(tmp_path)


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    write(tmp_path / "bad.wav", np.where(np.arange(8000) == 5, np.nan, TONE), kind="float32")
    with pytest.raises(ValueError, match=r"bad\.wav: some of its numbers are not finite"):
        load_folder(tmp_path)


def test_unreadable_files_are_refused_or_left_out_with_their_labels(tmp_path):
    for place in ("a/1.wav", "b/1.wav", "b/3.wav"):
        write(tmp_path / place)
    damaged(tmp_path / "a" / "2.wav", "cut")
    with pytest.raises(ValueError, match=r"1 of 4 recordings .*2.wav: it ends too early.*unreadable=\"skip\""):
        load_folder(tmp_path)
    with pytest.warns(UserWarning, match=r"left out 1 unreadable of 4 recordings: a/2.wav"):
        sounds = load_folder(tmp_path, unreadable="skip")
    assert sounds.labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "missing", "there is no folder .*missing"),
        (lambda folder: write(folder / "a.wav"), "is a file: name the folder"),
        (lambda folder: folder, "no WAV files in .*$"),
    ],
)
def test_where_there_are_no_recordings_it_is_said(tmp_path, make, message):
    with pytest.raises(FileNotFoundError, match=message):
        load_folder(make(tmp_path))


def test_sounds_of_other_kinds_are_to_be_converted(tmp_path):
    (tmp_path / "a.mp3").write_bytes(b"ID3")
    with pytest.raises(FileNotFoundError, match=r"in it: 1 other file \(a.mp3\): convert them first.*ffmpeg"):
        load_folder(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 0}, "rate must be at least 1 sample a second, got 0"),
        ({"seconds": 0}, "seconds must be positive .* got 0"),
        ({"seconds": float("nan")}, "seconds must be positive .* got nan"),
        ({"unreadable": "ignore"}, '"refuse" or "skip", got \'ignore\''),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        load_folder(tmp_path, **arguments)


def test_a_sound_at_its_own_rate_is_left_as_it_is():
    sound = TONE.astype(np.float32)
    assert resampled(sound, 8000, 8000) is sound
