"""Grade a folder of submitted exercises: each in its own process, with limits; one CSV file and one readable report.

A submission's code runs in a process of its own, under bubblewrap where that works: it can write to its own folder
only, has no network and sees no other processes. What is right is decided in another process, this one, which holds the
references and hands the submission inputs; so a submission that changes the checks or torch changes its own answers
only. One that never ends, fills the memory, exits or fails costs its own marks and nobody else's. The originals are
never touched.

What was tried, what holds and what doesn't, with and without bubblewrap: docs/grading.md.
"""

import os
import time
from pathlib import Path

from ssl_course.grading import reading, sandbox
from ssl_course.grading.report import Grade, as_report, write
from ssl_course.grading.session import Session

__all__ = ["Grade", "as_report", "grade", "grade_one", "write"]


def grade(
    folder: Path,
    *,
    seconds: float = 120,
    megabytes: int = 4000,
    say=lambda text: None,
    out: Path | None = None,
) -> list[Grade]:
    """Run every notebook under a folder, one after the other.

    Args:
        folder: with the submissions, such as FOLDER/<student>/04_simclr.ipynb.
        seconds: how long one may take, from its first cell on; one cell may take a quarter of it.
        megabytes: how much memory one may use, beyond what PyTorch itself takes.
        say: is called with a line for each.
        out: where to write the grades after each submission, so that nothing is lost if the grading is cut off.

    Raises:
        ValueError: if there is no notebook under the folder, or the system is Windows, which lacks what this needs.
    """
    if os.name == "nt":
        raise ValueError("grading needs Linux or macOS; on Windows, use the Windows Subsystem for Linux")
    notebooks, others = reading.submissions(folder)
    if not notebooks and not others:
        raise ValueError(f"no notebook (*.ipynb) under {folder}: hand over the folder that holds the submissions")
    grades = []
    for path in [*notebooks, *others]:
        name = path.relative_to(folder).as_posix()
        if path in notebooks:
            done = grade_one(path, name, seconds=seconds, megabytes=megabytes, hidden=folder.resolve())
        else:
            done = Grade(name, notes=[f"not graded: a notebook (*.ipynb) was expected, not {path.suffix}"])
        grades.append(done)
        if out is not None:
            write(grades, out)
        say(f"{done.name}: {done.right} of {done.total} right" + (f" ({done.notes[-1]})" if done.notes else ""))
    return grades


def grade_one(
    notebook: Path,
    name: str,
    *,
    seconds: float,
    megabytes: int,
    hidden: Path | None = None,
    held: str | None = None,
) -> Grade:
    """One submission, run in an empty folder that is deleted afterwards.

    Args:
        notebook: the file.
        name: what it is called in the report.
        seconds, megabytes: its limits, as in `grade`.
        hidden: a folder that it can't look into, under bubblewrap.
        held: "bubblewrap" or "guard"; by default what works here.
    """
    start, result = time.monotonic(), Grade(name)
    try:
        cells = reading.sources(notebook)
        result.sandbox = held or sandbox.kind()
        limits = {"seconds": seconds, "megabytes": megabytes}
        Session(cells, result, **limits, kind=result.sandbox, hidden=hidden).run()
    except Exception as error:  # nobody else's grades may be lost by it
        said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        result.notes.append(f"could not be graded: {said}"[:300])
    if not result.verdicts:
        result.notes.append("no check was run")
    result.seconds = time.monotonic() - start
    return result
