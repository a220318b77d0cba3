"""How much memory is free, and that a folder that needs more is refused before it is read."""

import warnings
from types import SimpleNamespace

import psutil
import pytest
from PIL import Image

from ssl_course import data, load
from ssl_course.memory import free_memory, in_words

PLENTY = 10**15


@pytest.fixture
def plenty(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=PLENTY))


def group(folder, limit, used, cached=0, version=2):
    """The files of a control group that limits memory."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.max", "memory.current") if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    for name, value in zip(names, (limit, used), strict=True):
        (folder / name).write_text(f"{value}\n")
    (folder / "memory.stat").write_text(f"anon 5\nactive_file {cached}\ninactive_file 0\n")


def belongs_to(root, line):
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(line)


def test_without_a_limit_it_is_what_the_machine_has(tmp_path, plenty):
    assert free_memory(tmp_path) == PLENTY
    group(tmp_path / "sys/fs/cgroup", "max", 100)
    assert free_memory(tmp_path) == PLENTY


def test_a_container_has_what_its_limit_leaves_and_its_cache_of_files_is_free(tmp_path, plenty):
    group(tmp_path / "sys/fs/cgroup", 1000, 600, cached=50)
    assert free_memory(tmp_path) == 450


@pytest.mark.parametrize(("line", "place", "version"), [("0::/a/b\n", "a", 2), ("9:memory:/job\n", "memory/job", 1)])
def test_a_group_of_this_process_or_above_it_limits(tmp_path, plenty, line, place, version):
    belongs_to(tmp_path, line)
    group(tmp_path / "sys/fs/cgroup" / place, 700, 300, version=version)
    assert free_memory(tmp_path) == 400


def test_a_group_that_others_belong_to_does_not_limit(tmp_path, plenty):
    belongs_to(tmp_path, "0::/mine\n")
    group(tmp_path / "sys/fs/cgroup/others", 700, 300)
    assert free_memory(tmp_path) == PLENTY


def test_bytes_in_words():
    assert [in_words(size) for size in (3_100_000_000, 250_000_000, 1)] == ["3.1 GB", "250 MB", "1 MB"]


@pytest.fixture
def folder(tmp_path):
    for number in range(10):
        Image.new("RGB", (48, 48), "red").save(tmp_path / f"{number}.png")
    return tmp_path


NEEDED = data.COPIES * 10 * 3 * 48 * 48


@pytest.mark.parametrize("resolution", [None, 48])
def test_a_folder_that_needs_more_memory_than_is_free_is_refused_before_it_is_read(folder, monkeypatch, resolution):
    monkeypatch.setattr(data, "free_memory", lambda: NEEDED - 1)
    monkeypatch.setattr(data.pictures_of, "read", None)
    said = (
        r"the 10 images of .* at 48x48 need 1 MB of memory while they are loaded \(1 MB afterwards\), and 1 MB are "
        r"free: give resolution=47 or less, size=9 or less, or decode .*ssl-course store .* --data FILE\.store"
    )
    with pytest.raises(ValueError, match=said):
        load(folder, resolution=resolution)


@pytest.mark.parametrize("remedy", [{"resolution": 47}, {"size": 9}])
def test_what_the_refusal_names_is_what_fits(folder, monkeypatch, remedy):
    monkeypatch.setattr(data, "free_memory", lambda: NEEDED - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a note on the smaller resolution
        images = load(folder, **remedy)
    assert len(images) == remedy.get("size", 10)


def test_a_folder_that_just_fits_is_loaded(folder, monkeypatch):
    monkeypatch.setattr(data, "free_memory", lambda: NEEDED)
    assert load(folder).images.shape == (10, 3, 48, 48)


def test_a_megabyte_is_no_advice_where_nothing_fits(folder, monkeypatch):
    monkeypatch.setattr(data, "free_memory", lambda: 100)
    with pytest.raises(ValueError, match="are free: decode them once into a file"):
        load(folder)
