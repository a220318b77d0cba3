"""What `settings` chooses, and that nothing is downloaded unasked."""

import pytest
import torch

from ssl_course.data import downloaded
from ssl_course.profiles import LONGER, PROFILES, settings


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No profile in the environment, no data set downloaded."""
    monkeypatch.delenv("SSL_COURSE_PROFILE", raising=False)
    monkeypatch.setenv("SSL_COURSE_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("gpu", "chosen"), [(False, PROFILES["quick"]), (True, LONGER)])
def test_auto_stays_offline_with_and_without_a_gpu(gpu, chosen, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert settings("auto") == chosen


def test_standard_takes_photographs_where_they_are_and_says_so_where_they_are_not(nowhere, capsys):
    assert settings("standard").data == "shapes"
    assert "downloads photographs" in capsys.readouterr().out
    (nowhere / "cifar10").mkdir()
    assert downloaded("cifar10")
    assert settings("standard") == PROFILES["standard"]
    assert capsys.readouterr().out == ""


def test_what_is_asked_for_is_taken():
    assert settings("standard", data="cifar10") == PROFILES["standard"]
    assert settings("standard", data="shapes") == LONGER


def test_the_environment_decides_for_auto(monkeypatch):
    monkeypatch.setenv("SSL_COURSE_PROFILE", "full")
    assert settings("auto") == PROFILES["full"]


@pytest.mark.parametrize(("arguments", "message"), [({"profile": "fast"}, "profile"), ({"data": "stl10"}, "data")])
def test_what_is_unknown_is_refused(arguments, message):
    with pytest.raises(ValueError, match=f"{message} must be"):
        settings(**arguments)
