"""Grades as a table and as a report."""

import csv
import os
from dataclasses import dataclass, field
from pathlib import Path

from ssl_course.checks import SETS
from ssl_course.grading.sandbox import NAMES


@dataclass
class Grade:
    """What one submission has reached.

    Attributes:
        name: its path under the graded folder.
        verdicts: the last state (as in `ssl_course.checks.engine.Verdict`) and sentence of every exercise whose check
            it ran.
        notes: what happened to it: cells that failed, a limit that it met.
        sandbox: what held it, "bubblewrap" or "guard"; empty if nothing was run.
    """

    name: str
    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    sandbox: str = ""

    @property
    def sets(self) -> list[str]:
        return list(dict.fromkeys(name.partition(".")[0] for name in self.verdicts))

    @property
    def right(self) -> int:
        return self.count("right")

    @property
    def total(self) -> int:
        return sum(len(SETS[part]) for part in self.sets)

    def count(self, state: str) -> int:
        return sum(found == state for found, _ in self.verdicts.values())


def write(grades: list[Grade], out: Path) -> tuple[Path, Path]:
    """Write grades.csv, a line for each submission and exercise, and report.md; each is replaced when complete."""
    out.mkdir(parents=True, exist_ok=True)
    table, report = out / "grades.csv", out / "report.md"
    with (out / "grades.csv.part").open("w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.writer(file)
        writer.writerow(["submission", "exercise", "state", "sentence"])
        writer.writerows([_cell(value) for value in row] for done in grades for row in _rows(done))
    os.replace(out / "grades.csv.part", table)
    (out / "report.md.part").write_text(as_report(grades), encoding="utf-8", errors="replace")
    os.replace(out / "report.md.part", report)
    return table, report


def _rows(done: Grade) -> list[list[str]]:
    rows = []
    for part in done.sets:
        for key in SETS[part]:
            name = f"{part}.{key}"
            rows.append([done.name, name, *done.verdicts.get(name, ("missing", ""))])
    return rows or [[done.name, "", "missing", "; ".join(done.notes)]]


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def as_report(grades: list[Grade]) -> str:
    """The grades in Markdown: one table, then what isn't right, for each submission."""
    lines = ["# Grades", "", *_held(grades)]
    lines += ["| submission | right | of | to read | notes |", "|---|---|---|---|---|"]
    for done in grades:
        notes = escaped("; ".join(done.notes))
        lines.append(f"| {escaped(done.name)} | {done.right} | {done.total} | {done.count('read')} | {notes} |")
    for done in grades:
        lines += ["", f"## {escaped(done.name)}", ""]
        for part in done.sets:
            for key in SETS[part]:
                state, sentence = done.verdicts.get(f"{part}.{key}", ("missing", "its check was not run."))
                lines.append(f"- {part}.{key}: **{state}**" + ("" if state == "right" else f". {escaped(sentence)}"))
        lines += [f"- {escaped(note)}" for note in done.notes]
        lines += [f"- {done.seconds:.0f} seconds"]
    return "\n".join(lines) + "\n"


def _held(grades: list[Grade]) -> list[str]:
    kinds = sorted({done.sandbox for done in grades} - {""})
    return [line for kind in kinds for line in (f"Sandbox: {NAMES[kind]}.", "")]


def escaped(text: str) -> str:
    """A text on one line that neither breaks a table of Markdown's nor makes anything of its own in it."""
    text = " ".join(text.split())
    for sign in "\\|`<[*":
        text = text.replace(sign, "\\" + sign)
    return text
