"""Instant feedback for the exercises: `check(name, answer)` says whether an answer is right, or which mistake it shows.

Every set of exercises is a module here with the exercises by name. Nothing leaves the machine: verdicts are printed and
kept in a small file beside the notebook, so that `progress` can show what is done.
"""

import json
import os
from pathlib import Path

from ssl_course.checks import autoencoder, byol, clinic, compare, mae, own_images, pretext, simclr, triplet
from ssl_course.checks.engine import Answer, Exercise, Verdict

SETS: dict[str, dict[str, Exercise]] = {
    "pretext": pretext.EXERCISES,
    "autoencoder": autoencoder.EXERCISES,
    "triplet": triplet.EXERCISES,
    "simclr": simclr.EXERCISES,
    "byol": byol.EXERCISES,
    "mae": mae.EXERCISES,
    "compare": compare.EXERCISES,
    "own_images": own_images.EXERCISES,
    "clinic": clinic.EXERCISES,
}
RECORD = "exercise_progress.json"
MARKS = {"right": "✓ right:", "wrong": "✗ not right:", "open": "○"}


def judge(name: str, answer: Answer) -> Verdict:
    """The verdict on an answer, without printing or keeping it.

    Args:
        name: "set.exercise", such as "simclr.nt_xent".

    Raises:
        ValueError: if there is no such exercise.
    """
    part, _, exercise = name.partition(".")
    if exercise not in SETS.get(part, {}):
        known = ", ".join(f"{part}.{key}" for key in SETS[part]) if part in SETS else ", ".join(SETS)
        raise ValueError(f"there is no exercise {name!r}, only {known}")
    return SETS[part][exercise].judge(answer)


def check(name: str, answer: Answer) -> None:
    """Print whether an answer is right, or which mistake it looks like, and keep that for `progress`.

    Args:
        name: "set.exercise", such as "simclr.nt_xent".
        answer: a function, a letter, a number or a text, as the exercise asks.

    Raises:
        ValueError: if there is no such exercise.
        AssertionError: if the answer isn't right and SSL_COURSE_STRICT is set, as it is where solutions are tested.
    """
    verdict = judge(name, answer)
    print(MARKS[verdict.state], verdict.sentence)
    _keep(name, verdict.state)
    if os.environ.get("SSL_COURSE_STRICT"):
        assert verdict.right, f"{name}: {verdict.sentence}"


def recorded(folder: str | os.PathLike = ".") -> dict[str, str]:
    """The last verdict ("right", "wrong", "open") on every exercise tried in this folder, by name."""
    file = Path(folder) / RECORD
    try:
        kept = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    kept = kept if isinstance(kept, dict) else {}
    return {name: state for name, state in kept.items() if isinstance(state, str) and state in MARKS}


def _keep(name: str, state: str) -> None:
    part = Path(f"{RECORD}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(recorded() | {name: state}, indent=1))
        os.replace(part, RECORD)
    except OSError as error:
        print(f"(The verdict could not be kept for `progress`: {error}.)")


def progress(*sets: str, folder: str | os.PathLike = ".") -> None:
    """Print what is done, a line for each exercise of these sets; without names, a line for each set.

    Raises:
        ValueError: if there is no such set.
    """
    kept = recorded(folder)
    for name in sets:
        if name not in SETS:
            raise ValueError(f"there is no set {name!r}, only {', '.join(SETS)}")
        for key in SETS[name]:
            print({"right": "✓", "wrong": "✗"}.get(kept.get(f"{name}.{key}"), "○"), key)
    for name in sets or SETS:
        done = sum(kept.get(f"{name}.{key}") == "right" for key in SETS[name])
        print(f"{name}: {done} of {len(SETS[name])} done")
