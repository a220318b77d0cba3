"""What a training survives: `python benchmarks/faults.py [--short] [--results FILE]`, or `make faults`.

Each fault is tried many times on a small training on the CPU. *Survived* means that nothing was lost: after the same
call was made again, the run ended with the weights of one that nothing happened to, bit for bit, or that what can't be
used was refused by a sentence and what was there before is still there. The table says how often that was so.

- kill -9: at a random moment of the training, writing of the checkpoint included.
- SIGTERM: the same with the signal by which schedulers end a job, and with `ssl-course train`.
- a lost kernel: killed in the middle, with the folder SSL_COURSE_CHECKPOINTS alone and no checkpoint named.
- full disk: from the middle on no file may grow beyond a random size.
- damage: a byte of the checkpoint is changed (every 64th in turn), or the file is cut off there.
- two at once: a second training is started into a folder while one goes on there.
- clock: the system's time jumps a day back in the middle.
- folder: images are deleted and cut off while `load` reads them.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import resource
import signal
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import torch
from PIL import Image

from ssl_course import cli, load, pretrain
from ssl_course.checkpoint import TrainingError, read_checkpoint
from ssl_course.methods import SimCLR
from ssl_course.networks import small_cnn
from ssl_course.runs import Machine, hardware, today

EPOCHS = 10
DAY = 86_400  # seconds
WORDS = "train simclr --data shapes --size 64 --epochs 4 --batch-size 16 --encoder small_cnn --device cpu --threads 1"
COUNTS = {
    "kill -9": 50,
    "SIGTERM": 20,
    "a lost kernel": 20,
    "full disk": 20,
    "two at once": 10,
    "folder": 20,
    "clock": 3,
}
SHORT = dict.fromkeys(COUNTS, 2)
STEP, SHORT_STEP = 64, 2048  # bytes between two places of damage

FORKS = multiprocessing.get_context("forkserver")  # a process with everything imported, in no time
FORKS.set_forkserver_preload(["ssl_course.cli"])


def main() -> None:
    """Try all faults, print the table, and keep it with --results."""
    options = _options()
    random.seed(options.seed)
    counts, step = (SHORT, SHORT_STEP) if options.short else (COUNTS, STEP)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows = all_faults(Path(folder), counts, step)
    print(table(rows))
    if options.results is not None:
        about = {"command": f"python benchmarks/faults.py --seed {options.seed}", "date": today()}
        about |= {"hardware": hardware(Machine("cpu", "fp32", 1)), "rows": rows}
        options.results.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def all_faults(folder: Path, counts: dict[str, int], step: int) -> dict[str, dict]:
    """Each fault by name, with how often it was tried and survived, and in `more` what else was counted."""
    whole = undisturbed(train, folder / "whole")[0]
    return {
        "kill -9": interrupted(train, signal.SIGKILL, folder / "killed", counts["kill -9"]),
        "SIGTERM": interrupted(train_by_command, signal.SIGTERM, folder / "ended", counts["SIGTERM"]),
        "a lost kernel": interrupted(train_in_notebook, signal.SIGKILL, folder / "lost", counts["a lost kernel"]),
        "full disk": full_disk(folder / "full", counts["full disk"], whole),
        "a changed byte": damage(folder / "changed", step, _with_changed_byte),
        "a file cut off": damage(folder / "cut", step, lambda whole, place: whole[:place]),
        "two at once": two_at_once(folder / "two", counts["two at once"]),
        "clock": clock(folder / "clock", counts["clock"], whole),
        "folder": changing_folder(folder / "images", counts["folder"]),
    }


def table(rows: dict[str, dict]) -> str:
    """The rows in Markdown."""
    lines = ["| fault | tried | survived | lost | |", "|---|---|---|---|---|"]
    for name, row in rows.items():
        lost = row["tried"] - row["survived"]
        lines.append(f"| {name} | {row['tried']:,} | {row['survived']:,} | {lost:,} | {row['more']} |")
    return "\n".join(lines)


# --- three ways to train; each leaves one file *.pt in the folder


def train(place: Path, on_epoch: Callable[[dict], None] | None = None, *, named: bool = True) -> None:
    """A short training, of which writing the checkpoint takes a good part."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rest = {"device": "cpu", "precision": "fp32", "threads": 1, "progress": False, "on_epoch": on_epoch}
    rest["checkpoint"] = place / "run.pt" if named else None
    pretrain(SimCLR(small_cnn(2)), load("shapes", size=32), epochs=EPOCHS, batch_size=16, **rest)


def train_in_notebook(place: Path) -> None:
    """The same as in a notebook, which names no checkpoint but has a folder for all of them."""
    os.environ["SSL_COURSE_CHECKPOINTS"] = str(place)
    train(place, named=False)


def train_by_command(place: Path) -> None:
    """`ssl-course train`, silently."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        raise SystemExit(cli.main([*WORDS.split(), "--out", str(place)]))


def started(way: Callable[..., None], *arguments: object) -> multiprocessing.Process:
    """A way to train in a process of its own."""
    process = FORKS.Process(target=way, args=arguments)
    process.start()
    return process


def undisturbed(way: Callable[[Path], None], place: Path) -> tuple[dict, float]:
    """The weights of a run that nothing happens to, and how many seconds it takes."""
    seconds = []
    for turn in ("first", "second"):  # the first one waits until the server of processes has imported everything
        (place / turn).mkdir(parents=True)
        start = time.perf_counter()
        started(way, place / turn).join()
        seconds.append(time.perf_counter() - start)
    return weights(place / "second"), seconds[1]


def weights(place: Path) -> dict:
    """What the one checkpoint in a folder holds."""
    (file,) = place.glob("*.pt")
    return read_checkpoint(file)["method"]


def is_same(one: dict, other: dict) -> bool:
    """Whether all weights are equal, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(part, other[name]) for name, part in one.items())


# --- the faults


def interrupted(way: Callable[[Path], None], number: int, folder: Path, count: int) -> dict:
    """Stop a training at a random moment by a signal, and make the same call again."""
    whole, seconds = undisturbed(way, folder / "whole")
    survived = writing = 0
    for trial in range(count):
        place = folder / str(trial)
        place.mkdir()
        running = started(way, place)
        running.join(random.uniform(0, seconds))
        if running.is_alive():
            os.kill(running.pid, number)
        running.join()
        writing += any(place.glob("*.part"))
        started(way, place).join()
        survived += is_same(weights(place), whole)
    return {"tried": count, "survived": survived, "more": f"{writing} of them while a file was written" * (writing > 0)}


def full_disk(folder: Path, count: int, whole: dict) -> dict:
    """The training says that it can't write, keeps its earlier checkpoint, and goes on when there is room."""
    survived = 0
    for trial in range(count):
        place = folder / str(trial)
        place.mkdir(parents=True)
        started(_train_without_room, place, random.randrange(1, 100_000)).join()
        told = (place / "said.txt").read_text(encoding="utf-8")
        kept = len(read_checkpoint(place / "run.pt")["history"])
        started(train, place).join()
        survived += "make room" in told and kept == EPOCHS // 2 and is_same(weights(place), whole)
    return {"tried": count, "survived": survived, "more": ""}


def _train_without_room(place: Path, room: int) -> None:
    def full(record: dict) -> None:
        if record["epoch"] == EPOCHS // 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

    try:
        train(place, full)
    except TrainingError as failure:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        (place / "said.txt").write_text(str(failure), encoding="utf-8")


def damage(folder: Path, step: int, change: Callable[[bytes, int], bytes]) -> dict:
    """A checkpoint that was changed is refused, or what was changed fills a gap and it is read as it was."""
    folder.mkdir()
    train(folder)
    file = folder / "run.pt"
    whole, known = file.read_bytes(), read_checkpoint(file)["method"]
    places, refused, survived = range(0, len(whole), step), 0, 0
    for place in places:
        file.write_bytes(change(whole, place))
        try:
            survived += is_same(read_checkpoint(file)["method"], known)
        except ValueError as failure:
            refused += "delete it to start afresh" in str(failure)
    more = f"{refused:,} refused by a sentence, {survived:,} read as they were"
    return {"tried": len(places), "survived": refused + survived, "more": more}


def _with_changed_byte(whole: bytes, place: int) -> bytes:
    return whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :]


def two_at_once(folder: Path, count: int) -> dict:
    """A second training in a folder is refused while the first goes on, which ends as if it had been alone."""
    whole, survived = undisturbed(train_by_command, folder / "whole")[0], 0
    for trial in range(count):
        place, begun, refused = folder / str(trial), FORKS.Event(), FORKS.Event()
        first = started(_train_and_wait, place, begun, refused)
        begun.wait(600)  # seconds: a training that fails at once never begins
        second = started(train_by_command, place)
        second.join()
        refused.set()
        first.join()
        survived += (first.exitcode, second.exitcode) == (0, 1) and is_same(weights(place), whole)
    return {"tried": count, "survived": survived, "more": "one was refused, the other ended as alone"}


def _train_and_wait(place: Path, begun: Event, over: Event) -> None:
    """A training that says when its first pass is done, and goes on when something else is over."""
    say = cli._say_epoch

    def wait(record: dict) -> None:
        begun.set()
        over.wait()
        say(record)

    cli._say_epoch = wait
    train_by_command(place)


def clock(folder: Path, count: int, whole: dict) -> dict:
    """The system's clock is set back a day after a random epoch."""
    survived = 0
    for trial in range(count):
        place = folder / str(trial)
        place.mkdir(parents=True)
        started(_train_with_another_clock, place, random.randrange(1, EPOCHS)).join()
        survived += is_same(weights(place), whole)
    return {"tried": count, "survived": survived, "more": ""}


def _train_with_another_clock(place: Path, epoch: int) -> None:
    ours = time.time

    def back(record: dict) -> None:
        if record["epoch"] == epoch:
            time.time = lambda: ours() - DAY

    train(place, back)


def changing_folder(folder: Path, count: int) -> dict:
    """Images vanish or are cut off while a folder is read: the others are read, or a sentence says what is wrong."""
    drawn, read, refused = load("shapes", size=200).images, 0, 0
    for trial in range(count):
        place = folder / str(trial)
        place.mkdir(parents=True)
        for number, image in enumerate(drawn):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(place / f"{number:03}.png")
        begun = FORKS.Event()
        reading = started(_read, place, begun)
        begun.wait()
        for number in random.sample(range(200), 50):
            file = place / f"{number:03}.png"
            time.sleep(0.001)
            file.unlink() if number % 2 else file.write_bytes(file.read_bytes()[:100])
        reading.join()
        told = json.loads((folder / f"{trial}.json").read_text(encoding="utf-8"))
        read += told["images"] >= 150
        refused += told["failed"] in ("ValueError", "FileNotFoundError")
    more = f"{read} read without the lost ones, {refused} refused by a sentence"
    return {"tried": count, "survived": read + refused, "more": more}


def _read(place: Path, begun: Event) -> None:
    told = {"failed": "", "images": 0}
    begun.set()
    try:
        told["images"] = len(load(str(place)))
    except Exception as failure:
        told["failed"] = type(failure).__name__
    place.with_suffix(".json").write_text(json.dumps(told), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="each fault twice, to see that this works")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--folder", type=Path, help="where to train (default: the system's folder for such things)")
    parser.add_argument("--results", type=Path, help="a JSON file for the table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
