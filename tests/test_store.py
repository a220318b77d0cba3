"""A store: decoded once, whole whatever happens, and training from it is training from memory."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from ssl_course import decoding, load, mapped, pretrain, store, store_file
from ssl_course.checkpoint import checksum
from ssl_course.cli import main
from ssl_course.mapped import batches, is_on_disk
from ssl_course.methods import SimCLR, Supervised
from ssl_course.networks import small_cnn
from ssl_course.store import build, open_store, stale
from ssl_course.store_file import START, Source, Unfinished, locked, read_contents

QUIET = {"progress": False, "device": "cpu", "precision": "fp32", "threads": 1}
COUNT = 40  # images of a folder, four of each class


def write_pictures(folder, *, ending="png", side=32, first=0, count=COUNT):
    drawn = load("shapes", size=count, seed=first)
    for number, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True), start=first):
        file = folder / drawn.classes[label] / f"{number:03}.{ending}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.permute(1, 2, 0).numpy()).resize((side, side)).save(file)


@pytest.fixture
def folder(tmp_path):
    write_pictures(tmp_path / "pictures")
    return tmp_path / "pictures"


def quietly(folder, out, **arguments):
    """Build without the notes, which are tested by themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return build(folder, out=out, **{"progress": False, "jobs": 1} | arguments)


def fresh(folder, tmp_path):
    """The bytes of a store that was built in one go."""
    out = tmp_path / "fresh.store"
    out.unlink(missing_ok=True)
    quietly(folder, out)
    return out.read_bytes()


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that are decoded."""
    names, real = [], decoding.decode

    def counting(wanted, resolution):
        names.append(wanted.file.name)
        return real(wanted, resolution)

    monkeypatch.setattr(decoding, "decode", counting)
    return names


def beside(out):
    return sorted(file.name for file in out.parent.glob(f"{out.name}*"))


# --- pixels


def test_a_store_holds_what_load_gives(folder, tmp_path):
    stored, loaded = quietly(folder, tmp_path / "p.store"), load(folder)
    assert torch.equal(stored.images, loaded.images)
    assert torch.equal(stored.labels, loaded.labels)
    assert stored.classes == loaded.classes
    assert torch.equal(open_store(tmp_path / "p.store", "test").images, load(folder, "test").images)
    assert beside(tmp_path / "p.store") == ["p.store"]


def test_several_processes_make_the_same_store(folder, tmp_path):
    quietly(folder, tmp_path / "p.store", jobs=2)
    assert (tmp_path / "p.store").read_bytes() == fresh(folder, tmp_path)


def test_large_jpegs_differ_slightly_from_load_and_others_not_at_all(tmp_path):
    for ending in ("jpg", "png"):
        write_pictures(tmp_path / ending, ending=ending, side=600, count=20)
    for ending in ("jpg", "png"):
        stored = quietly(tmp_path / ending, tmp_path / f"{ending}.store", resolution=32)
        with pytest.warns(UserWarning, match="were brought to 32x32"):
            loaded = load(tmp_path / ending, resolution=32)
        differences = (stored.images.int() - loaded.images.int()).abs().float()
        assert stored.notes == loaded.notes
        assert 0 < differences.mean() < 1.5 if ending == "jpg" else not differences.any()


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size(tmp_path, monkeypatch):
    write_pictures(tmp_path / "large", ending="jpg", side=600, count=20)
    asked, real = [], JpegImageFile.draft
    monkeypatch.setattr(JpegImageFile, "draft", lambda self, *given: asked.append(given[1]) or real(self, *given))
    quietly(tmp_path / "large", tmp_path / "p.store", resolution=32)
    assert set(asked) == {(48, 48)}


def test_a_turned_photograph_stands_upright_and_keeps_its_own_size_in_the_note(tmp_path):
    pixels = np.zeros((400, 300, 3), np.uint8)
    pixels[:200] = 255  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right: then white is on the right
    (tmp_path / "pictures").mkdir()
    Image.fromarray(pixels).save(tmp_path / "pictures" / "1.jpg", exif=exif)
    stored = quietly(tmp_path / "pictures", tmp_path / "p.store", resolution=16)
    assert stored.images[0, 0, :, 12:].float().mean() > 250
    assert stored.images[0, 0, :, :4].float().mean() < 5
    assert "(400x300)" in stored.notes[0]


def test_unreadable_files_are_refused_after_the_others_were_decoded_and_can_be_skipped(folder, tmp_path, decoded):
    (folder / "disc" / "000.png").write_bytes(b"")
    out = tmp_path / "p.store"
    with pytest.raises(ValueError, match=r'1 of 41 images .*disc/000\.png\): empty.*unreadable="skip"'):
        quietly(folder, out)
    assert not out.exists()
    decoded.clear()
    stored = quietly(folder, out, unreadable="skip")
    assert decoded == ["000.png"]
    assert any("left out 1 unreadable of 41 images" in note for note in stored.notes)
    with pytest.warns(UserWarning, match="left out 1 unreadable"):
        loaded = load(folder, unreadable="skip")
    assert torch.equal(stored.images, loaded.images)
    assert torch.equal(stored.labels, loaded.labels)
    contents = read_contents(out)  # no room is kept for the one that isn't there
    follows = START + contents.rows * 3 * contents.resolution**2
    assert min(split["labels_at"] for split in contents.splits.values()) < follows + 8


# --- whatever happens


def test_a_store_that_is_complete_is_not_made_again(folder, tmp_path, decoded):
    quietly(folder, tmp_path / "p.store")
    before = (tmp_path / "p.store").stat()
    decoded.clear()
    quietly(folder, tmp_path / "p.store")
    assert decoded == []
    assert (tmp_path / "p.store").stat().st_ino == before.st_ino


HALF = """
import sys, time
from ssl_course import store, store_file
real, calls = store_file.write_at, []
def half(file, place, contents):
    calls.append(place)
    if len(calls) == 25:
        real(file, place, contents[: len(contents) // 2])
        file.flush()
        print("half", flush=True)
        time.sleep(600)
    real(file, place, contents)
store_file.write_at = half
store.build(sys.argv[1], out=sys.argv[2], jobs=1, progress=False)
"""


@pytest.fixture
def halfway(folder, tmp_path):
    """A process that has written half a row."""
    command = [sys.executable, "-c", HALF, str(folder), str(tmp_path / "p.store")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "half\n"
        yield child
        child.kill()


def test_no_other_process_makes_it_meanwhile_and_after_a_kill_the_same_call_goes_on(halfway, folder, tmp_path, decoded):
    out = tmp_path / "p.store"
    with pytest.raises(ValueError, match="another process is making"):
        quietly(folder, out)
    halfway.send_signal(signal.SIGKILL)
    halfway.wait()
    with pytest.raises(FileNotFoundError, match="was begun, the same"):
        open_store(out)
    quietly(folder, out)
    assert len(decoded) == COUNT - 16  # one chunk was whole
    assert out.read_bytes() == fresh(folder, tmp_path)
    assert beside(out) == ["p.store"]


def test_a_row_that_is_not_what_the_journal_says_is_decoded_again(folder, tmp_path, decoded, monkeypatch):
    out = tmp_path / "p.store"
    stop_before_the_end(folder, out, monkeypatch)
    (part,) = tmp_path.glob("*.part")
    with open(part, "r+b") as file:  # as after a power cut
        file.seek(store_file.START + 7 * 3 * 32 * 32)
        file.write(b"\1" * 100)
    (journal,) = tmp_path.glob("*.journal")
    journal.write_text(journal.read_text()[:-10])
    decoded.clear()
    quietly(folder, out)
    assert len(decoded) == 2  # that row, and the last, whose line is cut
    assert out.read_bytes() == fresh(folder, tmp_path)


def stop_before_the_end(folder, out, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Unfinished, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            quietly(folder, out)


def test_files_that_come_while_it_is_stopped_cost_no_row_that_is_there(folder, tmp_path, decoded, monkeypatch):
    stop_before_the_end(folder, tmp_path / "p.store", monkeypatch)
    write_pictures(folder, first=100, count=10)
    decoded.clear()
    quietly(folder, tmp_path / "p.store")
    assert len(decoded) == 10
    assert (tmp_path / "p.store").read_bytes() == fresh(folder, tmp_path)
    assert beside(tmp_path / "p.store") == ["p.store"]


def test_added_files_are_decoded_and_no_others(folder, tmp_path, decoded):
    out = tmp_path / "p.store"
    quietly(folder, out)
    write_pictures(folder, first=100, count=10)
    decoded.clear()
    with pytest.warns(UserWarning, match=r"10 sources are new \(arrow/10"):
        build(folder, out=out, jobs=1, progress=False)
    assert len(decoded) == 10
    assert out.read_bytes() == fresh(folder, tmp_path)


def test_a_changed_and_a_gone_source_are_named_and_only_the_changed_one_is_decoded(folder, tmp_path, decoded):
    out = tmp_path / "p.store"
    quietly(folder, out)
    first, second = sorted(folder.rglob("*.png"))[:2]
    Image.new("RGB", (32, 32), "red").save(first)
    second.unlink()
    names = [str(file.relative_to(folder)) for file in (first, second)]
    said = stale(out)
    assert f"1 source is changed ({names[0]}) and 1 source is gone ({names[1]})" in said
    assert f"ssl-course store {folder} --out {out}" in said
    decoded.clear()
    with pytest.warns(UserWarning, match=f"1 source is changed and decoded again .{names[0]}.*gone and left out"):
        build(folder, out=out, jobs=1, progress=False)
    assert decoded == [first.name]
    assert out.read_bytes() == fresh(folder, tmp_path)
    assert stale(out) is None


def test_a_file_with_another_time_and_the_same_bytes_is_not_decoded_again(folder, tmp_path, monkeypatch):
    quietly(folder, tmp_path / "p.store")
    touched = sorted(folder.rglob("*.png"))[3]
    os.utime(touched, ns=(1, 1))
    with monkeypatch.context() as patch:
        patch.setattr(decoding.pictures_of, "read", None)
        quietly(folder, tmp_path / "p.store")
    assert (tmp_path / "p.store").read_bytes() == fresh(folder, tmp_path)


def test_who_reads_the_old_store_keeps_it_while_a_new_one_takes_its_place(folder, tmp_path):
    images = quietly(folder, tmp_path / "p.store").images
    before = images.clone()
    for file in folder.rglob("*.png"):
        Image.new("RGB", (32, 32), "red").save(file)
    quietly(folder, tmp_path / "p.store")
    assert torch.equal(images, before)


@pytest.mark.parametrize("moment", [1, 30, COUNT + 1, COUNT + 4])
def test_a_full_disk_is_told_and_leaves_nothing_that_looks_whole(folder, tmp_path, monkeypatch, moment):
    calls, real = [], store_file.write_at

    def full(*arguments):
        calls.append(arguments)
        if len(calls) == moment:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*arguments)

    monkeypatch.setattr(store_file, "write_at", full)
    with pytest.raises(OSError, match=rf"p\.store is full after {min(moment - 1, COUNT)} of 40 images.*make room"):
        quietly(folder, tmp_path / "p.store")
    assert not (tmp_path / "p.store").exists()
    assert (beside(tmp_path / "p.store") == []) == (moment == 1)
    quietly(folder, tmp_path / "p.store")  # there is room again
    assert (tmp_path / "p.store").read_bytes() == fresh(folder, tmp_path)


def test_a_disk_that_is_too_small_is_told_before_anything_is_decoded(folder, tmp_path, decoded, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 50_000))
    with pytest.raises(OSError, match=r"40 images at 32x32 take 1 MB of disk.* 1 MB are free.*smaller resolution"):
        quietly(folder, tmp_path / "p.store")
    assert decoded == []
    assert beside(tmp_path / "p.store") == []


def test_a_truncated_a_damaged_and_a_foreign_file_are_told_apart(folder, tmp_path):
    out = tmp_path / "p.store"
    quietly(folder, out)
    whole = out.read_bytes()
    damaged = bytearray(whole)
    damaged[-20] ^= 1
    for contents, said in (
        (whole[:-1000], r"is truncated or grown, it has [\d,]+ of [\d,]+ bytes: copy it again"),
        (whole[:1000], "is damaged, its first page can't be read|truncated"),
        (bytes(damaged), "is damaged, its description"),
        (b"PK\3\4 something else", "is not a store"),
    ):
        out.write_bytes(contents)
        with pytest.raises(ValueError, match=said):
            open_store(out)
        with pytest.raises(ValueError, match=said):
            quietly(folder, out)
        assert out.read_bytes() == contents  # what isn't ours isn't written over


def test_a_store_of_another_folder_or_resolution_is_not_written_over(folder, tmp_path):
    out = tmp_path / "p.store"
    quietly(folder, out)
    with pytest.raises(ValueError, match="holds 32x32, and 16x16 was asked for"):
        quietly(folder, out, resolution=16)
    write_pictures(tmp_path / "others", first=500)
    with pytest.raises(ValueError, match="nothing that it holds is in"):
        quietly(tmp_path / "others", out)


def test_a_lock_that_is_free_leaves_no_file(tmp_path):
    with locked(tmp_path / "p.store"):
        assert beside(tmp_path / "p.store") == ["p.store.lock"]
    assert beside(tmp_path / "p.store") == []


# --- training


def trained(method, images, **arguments):
    history = pretrain(method, images, batch_size=8, **QUIET | arguments)
    losses = [(record["loss"], record["gradient_norm"], record["effective_rank"]) for record in history]
    return losses, [value.clone() for value in method.state_dict().values()]


@pytest.mark.parametrize("make", [lambda: SimCLR(small_cnn(4)), lambda: Supervised(small_cnn(4), 10)])
def test_training_from_a_store_gives_the_numbers_of_training_from_memory(folder, tmp_path, make):
    stored, numbers = quietly(folder, tmp_path / "p.store"), []
    for images in (load(folder), stored):
        torch.manual_seed(0)
        numbers.append(trained(make(), images, epochs=3))
    assert numbers[0][0] == numbers[1][0]
    assert all(torch.equal(one, other) for one, other in zip(numbers[0][1], numbers[1][1], strict=True))


def test_a_run_that_was_begun_in_memory_goes_on_from_the_store(folder, tmp_path):
    stored = quietly(folder, tmp_path / "p.store")
    assert checksum(stored.images) == checksum(stored.images.clone()) == zlib.crc32(load(folder).images.numpy())
    torch.manual_seed(0)
    method, place = SimCLR(small_cnn(4)), tmp_path / "checkpoint.pt"

    def stop(record):
        raise KeyboardInterrupt

    trained(method, load(folder), epochs=3, checkpoint=place, on_epoch=stop)
    losses, _ = trained(method, stored, epochs=3, checkpoint=place)
    assert len(losses) == 3


def test_the_next_batch_is_read_while_this_one_is_trained_on(folder, tmp_path, monkeypatch):
    images, read, real = quietly(folder, tmp_path / "p.store").images, [], mapped._gather
    monkeypatch.setattr(mapped, "_gather", lambda *given: read.append(given[1].tolist()) or real(*given))
    order = torch.arange(30).view(5, 6).flip(0)
    for step, (index, pixels) in enumerate(batches(order, images)):
        assert read[: step + 1] == order[: step + 1].tolist()
        assert len(read) <= step + 2  # and no further ahead: memory stays flat
        assert torch.equal(index, order[step])
        assert torch.equal(pixels, images[index])
    assert read == order.tolist()


def test_an_error_while_reading_ends_the_training(folder, tmp_path, monkeypatch):
    images = quietly(folder, tmp_path / "p.store")

    def broken(*_):
        raise OSError("the disk was pulled out")

    monkeypatch.setattr(mapped, "_gather", broken)
    with pytest.raises(OSError, match="pulled out"):
        trained(SimCLR(small_cnn(4)), images, epochs=1)


def drawn_store(out, count):
    """A store of so many black images, which takes no time to write."""
    part = Unfinished(out, "drawn", count, 32)
    part.done = {row: Source(f"{row}.png", 1, 1, 0, 0, 32, 32, 1) for row in range(count)}
    part.finish("nowhere", {"train": {"count": count, "classes": [], "notes": []}}, {})
    return open_store(out)


def resident(file):
    """Bytes of a mapped file that this process has in memory."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    starts = [number for number, line in enumerate(lines) if line.endswith(str(file))]
    kilobytes = (line.split()[1] for start in starts for line in lines[start : start + 5] if line.startswith("Rss:"))
    return 1024 * sum(map(int, kilobytes))


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux says what is mapped")
def test_the_first_steps_of_a_large_store_touch_only_their_own_batches(tmp_path):
    images = drawn_store(tmp_path / "p.store", 100_000)  # 307 MB
    steps = []

    def stop(told):
        steps.append(told["step"])
        if len(steps) == 3:
            raise KeyboardInterrupt

    pretrain(SimCLR(small_cnn(4)), images, epochs=1, batch_size=8, on_step=stop, **QUIET)
    assert steps == [1, 2, 3]
    assert is_on_disk(images.images)
    around = 2**21  # bytes at most that the system maps where one is touched
    assert 0 < resident(tmp_path / "p.store") <= 4 * 8 * around < images.images.nbytes / 4


# --- the command line


def test_the_commands_store_train_and_evaluate_go_together(folder, tmp_path, capsys):
    out, run = tmp_path / "p.store", tmp_path / "run"
    assert main(["store", str(folder), "--out", str(out), "--jobs", "1"]) == 0
    assert "30 images 3x32x32, 10 classes" in capsys.readouterr().out
    command = f"train simclr --data {out} --epochs 1 --batch-size 16 --device cpu --threads 1 --out {run}"
    assert main(command.split()) == 0
    assert main(["evaluate", str(run)]) == 0
    assert "probe fitted on 30, tested on 10" in capsys.readouterr().out


def test_training_says_when_a_source_is_no_longer_what_was_decoded(folder, tmp_path, capsys):
    quietly(folder, tmp_path / "p.store")
    sorted(folder.rglob("*.png"))[0].unlink()
    command = f"train simclr --data {tmp_path / 'p.store'} --epochs 1 --batch-size 16 --device cpu --out {tmp_path}/run"
    assert main(command.split()) == 0
    assert "1 source is gone (arrow/" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("train simclr --data p.store --resolution 16 --out run", "p.store holds 32x32: leave --resolution out"),
        ("train simclr --data none.store --out run", "there is no store"),
        ("store pictures --out p.store --resolution 4", "--resolution must be at least 8"),
        ("store pictures --out p.store --jobs 0", "--jobs must be at least 1"),
        ("store nowhere --out q.store", "there is no folder"),
        ("compare --data p.store --out table", "it is a store"),
    ],
)
def test_what_cannot_work_is_one_sentence(folder, tmp_path, capsys, monkeypatch, command, said):
    monkeypatch.chdir(tmp_path)
    quietly(folder, tmp_path / "p.store")
    assert main(command.split()) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_load_names_the_store_where_a_folder_is_meant(folder, tmp_path):
    quietly(folder, tmp_path / "p.store")
    with pytest.raises(FileNotFoundError, match=r"it is a store; ssl_course\.store\.open_store reads it"):
        load(tmp_path / "p.store")
    assert store.is_store(tmp_path / "p.store")


def test_a_run_from_a_store_is_used_like_any_other(shapes_folder, tmp_path, capsys):
    file, out = tmp_path / "shapes.store", tmp_path / "run"
    few = ["--epochs", "1", "--batch-size", "32", "--threads", "1", "--device", "cpu"]
    assert main(["store", str(shapes_folder), "--out", str(file)]) == 0
    assert main(["train", "simclr", "--data", str(file), "--out", str(out), *few]) == 0
    capsys.readouterr()
    assert main(["predict", str(out), str(shapes_folder / "test")]) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 1 + len(list((shapes_folder / "test").rglob("*.png")))
