"""The optional synthesiser: left out where it isn't installed, and said so where it is asked for."""

import importlib.util
from pathlib import Path

import pytest
import torch

import ssl_course
from ssl_course.speech import VOICES, WORDS, speak

INSTALLED = importlib.util.find_spec("espeakng_loader") is not None


@pytest.mark.skipif(INSTALLED, reason="the extra is installed")
def test_without_the_extra_it_is_said_how_to_install_it():
    with pytest.raises(ModuleNotFoundError, match=r"ssl-course\[speech\]"):
        speak(1)


def test_nothing_of_the_package_imports_it():
    package = Path(ssl_course.__file__).parent
    importing = [path.name for path in package.rglob("*.py") if "ssl_course.speech" in path.read_text(encoding="utf-8")]
    assert importing == []


def test_no_clips_at_all_are_refused():
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        speak(0)


@pytest.mark.skipif(not INSTALLED, reason="the extra `speech` isn't installed")
def test_words_are_said_by_several_voices():
    clips = speak(160)
    assert clips.data.shape == (160, 6400)
    assert clips.data.abs().amax(dim=1).min() > 0.05
    assert clips.labels.bincount().tolist() == [16] * len(WORDS)
    assert clips.factors["voice"].bincount().tolist() == [20] * len(VOICES)
    assert all(torch.equal(values, speak(160).factors[name]) for name, values in clips.factors.items())


@pytest.mark.skipif(not INSTALLED, reason="the extra `speech` isn't installed")
def test_an_unknown_voice_is_refused():
    with pytest.raises(ValueError, match="knows no voice 'nobody'"):
        speak(1, voices=("nobody",))
