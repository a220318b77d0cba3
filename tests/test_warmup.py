"""`ssl-course warmup` tries everything, goes on after a failure, and says what failed."""

import pytest

from ssl_course import warmup
from ssl_course.live import DEMOS
from ssl_course.ready import cards


def run(monkeypatch, checks):
    said = []
    monkeypatch.setattr(warmup, "checks", lambda: iter(checks))
    return warmup.warm_up(said.append), said


def test_a_failure_is_counted_and_the_others_are_still_tried(monkeypatch):
    def fails():
        raise ValueError("not there: install it")

    failed, said = run(monkeypatch, [("one", lambda: "fine"), ("two", fails), ("three", lambda: "fine, too")])
    assert failed == 1
    assert [line.split(" (")[0] for line in said] == [
        "[x] one: fine",
        "[ ] two: ValueError: not there: install it",
        "[x] three: fine, too",
    ]


def test_every_demo_and_every_ready_encoder_is_on_the_list():
    titles = [title for title, _ in warmup.checks()]
    assert {f"demo {demo.title}" for demo in DEMOS} <= set(titles)
    assert {f"ready encoder {name}" for name in cards()} <= set(titles)
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("title", ["notebooks", "processors", "memory", "disk", "training", "dashboard", "photographs"])
def test_a_check_works_here(title):
    assert dict(warmup.checks())[title]()


def test_a_demo_that_fails_is_noticed(monkeypatch):
    demo = DEMOS[0]
    monkeypatch.setattr(demo, "draw", lambda self, **values: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dict(warmup.checks())[f"demo {demo.title}"]()


def test_too_little_memory_is_said(monkeypatch):
    monkeypatch.setattr(warmup.psutil, "virtual_memory", lambda: type("Memory", (), {"available": 2**28}))
    with pytest.raises(MemoryError, match="close other programs"):
        dict(warmup.checks())["memory"]()
