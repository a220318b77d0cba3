"""Processors and threads: what a file or a variable says, what a trial finds, and what it must leave alone."""

import itertools
import math
import os

import pytest
import torch

from ssl_course import precision
from ssl_course.precision import Threads, available_cores, choose_threads, cpu_quota, step_seconds


@pytest.fixture(autouse=True)
def no_wish(monkeypatch):
    monkeypatch.delenv("SSL_COURSE_THREADS", raising=False)


def processors(monkeypatch, count):
    monkeypatch.setattr(os, "process_cpu_count", lambda: count, raising=False)


def system(root, **files):
    """A folder that looks like / to `available_cores`; of a file's name, two underscores are a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("cpu_max", "cpu.max").replace("cpu_cfs", "cpu.cfs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def version1(quota, folder="sys__fs__cgroup__cpu"):
    return {f"{folder}__cpu_cfs_quota_us": f"{quota}\n", f"{folder}__cpu_cfs_period_us": "100000\n"}


# --- processors


@pytest.mark.parametrize(
    ("text", "quota"),
    [("max 100000", math.inf), ("150000 100000", 1.5), ("400000 100000\n", 4), ("25000 50000", 0.5), ("", math.inf)],
)
def test_a_quota_of_version_2_is_time_by_period(tmp_path, text, quota):
    assert cpu_quota(system(tmp_path, sys__fs__cgroup__cpu_max=text)) == quota


@pytest.mark.parametrize(("text", "quota"), [("-1", math.inf), ("250000", 2.5), ("nonsense", math.inf)])
def test_a_quota_of_version_1_is_time_by_period(tmp_path, text, quota):
    assert cpu_quota(system(tmp_path, **version1(text))) == quota


@pytest.mark.parametrize(
    ("line", "folder"),
    [("0::/work.slice/job", "sys__fs__cgroup__work.slice"), ("0::/job\n", "sys__fs__cgroup__job")],
)
def test_the_quota_of_a_group_above_or_of_the_groups_own_counts(tmp_path, line, folder):
    files = {"proc__self__cgroup": line, "sys__fs__cgroup__cpu_max": "900000 100000"}
    assert cpu_quota(system(tmp_path, **files, **{f"{folder}__cpu_max": "300000 100000"})) == 3


def test_the_quota_of_a_group_of_version_1_is_found_by_its_path(tmp_path):
    files = version1(200_000, "sys__fs__cgroup__cpu__docker__1f")
    lines = "7:memory:/other\n4:cpu,cpuacct:/docker/1f\n1:name=systemd:/docker/1f\n"
    assert cpu_quota(system(tmp_path, proc__self__cgroup=lines, **files)) == 2


def test_the_quota_of_another_group_does_not_count(tmp_path):
    files = {"proc__self__cgroup": "0::/mine\n", "sys__fs__cgroup__others__cpu_max": "100000 100000"}
    assert cpu_quota(system(tmp_path, **files)) == math.inf


@pytest.mark.parametrize(
    ("bound", "text", "cores"),
    [
        (8, "max 100000", 8),
        (8, "150000 100000", 2),
        (8, "10000 100000", 1),
        (2, "400000 100000", 2),
        (None, "max 1", 1),
    ],
)
def test_cores_are_those_bound_to_or_the_quota_rounded_up_and_one_at_least(monkeypatch, tmp_path, bound, text, cores):
    processors(monkeypatch, bound)
    assert available_cores(system(tmp_path, sys__fs__cgroup__cpu_max=text)) == cores


def test_without_files_of_a_quota_all_processors_are_there(monkeypatch, tmp_path):
    processors(monkeypatch, 6)
    assert available_cores(tmp_path) == 6


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes can't be bound to processors here")
def test_a_process_bound_to_one_processor_has_one():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


# --- choice


def chosen(monkeypatch, seconds, cores):
    """The choice on so many processors where a step takes so long; also which counts were tried."""
    tried = []
    monkeypatch.setattr(precision, "available_cores", lambda: cores)
    choice = choose_threads(lambda counts: tried.extend(counts) or {count: seconds[count] for count in counts})
    return choice, tried


@pytest.mark.parametrize(
    ("seconds", "cores", "count", "why"),
    [
        ({1: 0.3, 2: 0.2}, 2, 2, "2 threads: 1.5 times as fast as one"),
        ({1: 0.3, 2: 0.6}, 2, 1, "1 thread: 2.0 times as fast as 2"),
        ({1: 0.3, 2: 0.28}, 2, 1, "1 thread: 0.9 times as fast as 2"),
        ({1: 0.8, 4: 0.2, 8: 0.19}, 8, 4, "4 threads: 4.0 times as fast as one"),
        ({1: 0.8, 4: 0.2, 8: 0.1}, 8, 8, "8 threads: 8.0 times as fast as one"),
        ({1: 0.2, 4: 0.4, 8: 2.0}, 8, 1, "1 thread: 2.0 times as fast as 4"),
        ({1: 0.2, 4: 0.4, 8: 0.1}, 8, 8, "8 threads: 2.0 times as fast as one"),
    ],
)
def test_more_threads_are_taken_where_they_are_clearly_faster(monkeypatch, seconds, cores, count, why):
    choice, tried = chosen(monkeypatch, seconds, cores)
    assert choice == Threads(count, why)
    assert tried == list(seconds)


@pytest.mark.parametrize(("cores", "tried"), [(2, [1, 2]), (3, [1, 3]), (16, [1, 8, 16])])
def test_one_half_and_all_processors_are_tried(monkeypatch, cores, tried):
    assert chosen(monkeypatch, dict.fromkeys(range(1, 17), 1.0), cores)[1] == tried


def test_on_one_processor_nothing_is_tried(monkeypatch):
    choice, tried = chosen(monkeypatch, {}, 1)
    assert choice == Threads(1, "1 thread: there is one processor to use")
    assert tried == []


def test_every_call_measures_anew(monkeypatch):
    assert chosen(monkeypatch, {1: 0.3, 2: 0.2}, 2)[0].count == 2
    assert chosen(monkeypatch, {1: 0.3, 2: 0.9}, 2)[0].count == 1


@pytest.mark.parametrize("count", [1, 3, 64])
def test_the_environment_variable_decides_without_a_trial(monkeypatch, count):
    monkeypatch.setenv("SSL_COURSE_THREADS", f" {count} ")
    choice, tried = chosen(monkeypatch, {}, 8)
    assert choice.count == count
    assert choice.why == f"{count} thread{'s' * (count > 1)}: SSL_COURSE_THREADS says so"
    assert tried == []


@pytest.mark.parametrize("value", ["0", "-2", "two", "1.5", "auto"])
def test_an_environment_variable_that_is_no_number_of_threads_is_refused_by_name(monkeypatch, value):
    monkeypatch.setenv("SSL_COURSE_THREADS", value)
    with pytest.raises(ValueError, match=rf"SSL_COURSE_THREADS must be a whole number of at least 1, got '{value}'"):
        choose_threads()


def test_an_empty_environment_variable_decides_nothing(monkeypatch):
    monkeypatch.setenv("SSL_COURSE_THREADS", "")
    assert chosen(monkeypatch, {1: 0.3, 2: 0.2}, 2)[0].count == 2


# --- trial


def clock_of(seconds):
    """A clock that is so many seconds on at every look."""
    return itertools.count(step=seconds).__next__


def test_a_trial_uses_each_number_of_threads_in_turn_and_leaves_what_was_set(monkeypatch):
    used, before = [], torch.get_num_threads()
    real = torch.set_num_threads
    monkeypatch.setattr(torch, "set_num_threads", lambda count: used.append(count) or real(count))
    assert set(step_seconds([1, 2], clock=clock_of(1.0))) == {1, 2}
    assert used[:-1] == [1, 2] * ((len(used) - 1) // 2)
    assert used[-1] == torch.get_num_threads() == before


def test_a_trial_ends_when_its_time_is_over_but_not_before_three_steps_of_each(monkeypatch):
    used = []
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    step_seconds([1, 2], clock=clock_of(1.0))
    assert used.count(2) == 3
    used.clear()
    step_seconds([1, 2], clock=clock_of(0.0))
    assert used.count(2) > 9


def test_an_error_in_a_trial_leaves_what_was_set(monkeypatch):
    def broken():
        raise KeyboardInterrupt

    before = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        step_seconds([before + 1], clock=broken)
    assert torch.get_num_threads() == before


def test_neither_trial_draws_random_numbers():
    before = torch.get_rng_state()
    step_seconds([1], clock=clock_of(1.0))
    precision.cpu_bf16_speedup.__wrapped__()
    assert torch.equal(torch.get_rng_state(), before)


def test_the_median_of_steps_decides_and_the_first_does_not_count():
    looks = [0, *(0, 0.09), *(0.1, 0.11), *(0.2, 0.25), 0.3, *(0.3, 0.31), 9]  # begin, steps, 3 and more: time over?
    assert step_seconds([1], clock=iter(looks).__next__)[1] == pytest.approx(0.01)
