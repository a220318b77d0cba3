"""Grade a folder of submitted exercises: each in its own process, with limits; one CSV file and one readable report.

What this protects against: a submission that never ends (killed after a time), fills the memory (killed), exits, prints
without end, deletes or overwrites files, opens the network, starts programs, replaces the checks or hands over the
package's own functions. Each costs its own marks and nobody else's. The originals are never touched: a copy is run.

What it doesn't protect against: somebody who is determined to break out. The submission is Python code that runs with
your rights, and the guards that keep it off files and verdicts stand in the same process (an audit hook, a comparison
of code). Whoever reads them can get round them, and a lambda round the package's own function passes for an answer. For
people you don't trust, grade in a virtual machine or container that has nothing in it. Reading isn't restricted: keep
secrets off the machine. On Linux the network is taken away by the kernel where that is allowed, else, and on other
systems, by the audit hook alone.
"""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from ssl_course.checks import SETS

STARTING = 300  # seconds until the first cell must run


@dataclass
class Grade:
    """What one submission has reached.

    Attributes:
        name: its path under the graded folder.
        verdicts: the last state ("right", "wrong", "open") and sentence of every exercise whose check it ran.
        notes: what happened to it: cells that failed, a limit that it met.
    """

    name: str
    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def sets(self) -> list[str]:
        return list(dict.fromkeys(name.partition(".")[0] for name in self.verdicts))

    @property
    def right(self) -> int:
        return sum(state == "right" for state, _ in self.verdicts.values())

    @property
    def total(self) -> int:
        return sum(len(SETS[part]) for part in self.sets)


def grade(folder: Path, *, seconds: float = 120, megabytes: int = 4000, say=lambda text: None) -> list[Grade]:
    """Run every notebook under a folder, one after the other.

    Args:
        folder: with the submissions, such as FOLDER/<student>/04_simclr.ipynb.
        seconds: how long one may take, from its first cell on.
        megabytes: how much memory one may use, beyond what PyTorch itself takes.
        say: is called with a line for each.

    Raises:
        ValueError: if there is no notebook under the folder, or the system is Windows, which lacks what this needs.
    """
    if os.name == "nt":
        raise ValueError("grading needs Linux or macOS; on Windows, use the Windows Subsystem for Linux")
    notebooks = sorted(path for path in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
    if not notebooks:
        raise ValueError(f"no notebook (*.ipynb) under {folder}: hand over the folder that holds the submissions")
    grades = []
    for path in notebooks:
        done = grade_one(path, path.relative_to(folder).as_posix(), seconds=seconds, megabytes=megabytes)
        say(f"{done.name}: {done.right} of {done.total} right" + (f" ({done.notes[-1]})" if done.notes else ""))
        grades.append(done)
    return grades


def grade_one(notebook: Path, name: str, *, seconds: float, megabytes: int) -> Grade:
    """One submission, run as a copy in an empty folder that is deleted afterwards."""
    start, result = time.monotonic(), Grade(name)
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryFile("w+") as verdicts:
        copy, work = Path(place) / "submission.ipynb", Path(place) / "work"
        work.mkdir()
        shutil.copyfile(notebook, copy)
        command = [sys.executable, "-m", "ssl_course.grade_worker", str(copy), str(work), str(verdicts.fileno())]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "SSL_COURSE_PROFILE": "quick"}
        environment.pop("SSL_COURSE_STRICT", None)
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[verdicts.fileno()],
            start_new_session=True,
        )
        try:
            stopped = wait(process, verdicts.fileno(), seconds, megabytes)
        finally:  # after Ctrl-C, too
            stop(process)
        verdicts.seek(0)
        ended = read_messages(verdicts.read(), result)
    if stopped:
        result.notes.append(stopped)
    elif not ended:
        result.notes.append(f"ended before its last cell (exit code {process.returncode})")
    if not result.verdicts:
        result.notes.append("no check was run")
    result.seconds = time.monotonic() - start
    return result


def wait(process: subprocess.Popen, verdicts: int, seconds: float, megabytes: int) -> str | None:
    """Wait until the process ends, or takes too long or too much: then say which.

    Both count from the first message on: PyTorch takes a while to load, and a gigabyte by itself.
    """
    end, started, before, reason = time.monotonic() + STARTING, False, 0.0, None
    while process.poll() is None and reason is None:
        if not started and os.fstat(verdicts).st_size:
            end, started, before = time.monotonic() + seconds, True, memory_of(process.pid)
        if time.monotonic() > end:
            reason = f"stopped after {seconds:g} seconds" if started else f"did not start in {STARTING} seconds"
        elif started and memory_of(process.pid) - before > megabytes * 1e6:
            reason = f"stopped at {megabytes} MB of memory"
        else:
            time.sleep(0.05)
    return reason


def stop(process: subprocess.Popen) -> None:
    """End a process and all that it has started."""
    with contextlib.suppress(ProcessLookupError):  # it is gone, and has left nothing behind
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def memory_of(pid: int) -> float:
    """Bytes of memory in use by a process and its children; 0 if it is gone."""
    try:
        process = psutil.Process(pid)
        return sum(part.memory_info().rss for part in [process, *process.children(recursive=True)])
    except psutil.Error:
        return 0.0


def read_messages(text: str, result: Grade) -> bool:
    """Put what the worker sent into the result; whether it came to its end."""
    ended = False
    for line in text.splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            continue  # the last line of a worker that was stopped while writing
        if "exercise" in message:
            result.verdicts[message["exercise"]] = (message["state"], message["sentence"])
        elif "error" in message:
            result.notes.append(f"cell {message['cell']}: {message['error']}")
        ended = ended or "end" in message
    return ended


def write(grades: list[Grade], out: Path) -> tuple[Path, Path]:
    """Write grades.csv, a line for each submission and exercise, and report.md; each is replaced when complete."""
    out.mkdir(parents=True, exist_ok=True)
    table, report = out / "grades.csv", out / "report.md"
    with (out / "grades.csv.part").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["submission", "exercise", "state", "sentence"])
        for done in grades:
            for part in done.sets:
                for key in SETS[part]:
                    name = f"{part}.{key}"
                    writer.writerow([done.name, name, *done.verdicts.get(name, ("missing", ""))])
            if not done.sets:
                writer.writerow([done.name, "", "missing", "; ".join(done.notes)])
    os.replace(out / "grades.csv.part", table)
    (out / "report.md.part").write_text(as_report(grades), encoding="utf-8")
    os.replace(out / "report.md.part", report)
    return table, report


def as_report(grades: list[Grade]) -> str:
    """The grades in Markdown: one table, then what isn't right, for each submission."""
    lines = ["# Grades", "", "| submission | right | of | seconds | notes |", "|---|---|---|---|---|"]
    for done in grades:
        notes = "; ".join(done.notes).replace("|", "/").replace("\n", " ")
        lines.append(f"| {done.name} | {done.right} | {done.total} | {done.seconds:.0f} | {notes} |")
    for done in grades:
        lines += ["", f"## {done.name}", ""]
        for part in done.sets:
            for key in SETS[part]:
                state, sentence = done.verdicts.get(f"{part}.{key}", ("missing", "its check was not run."))
                lines.append(f"- {part}.{key}: **{state}**" + ("" if state == "right" else f". {sentence}"))
        lines += [f"- {note}" for note in done.notes]
    return "\n".join(lines) + "\n"
