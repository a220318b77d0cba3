"""Instant feedback for the exercises: `check(name, answer)` says whether an answer is right, or which mistake it shows.

Every set of exercises is a module here with the exercises by name. Nothing leaves the machine: verdicts are printed and
kept in a small file beside the notebook, so that `progress` can show what is done.
"""

import json
import os
import sys
import textwrap
import unicodedata
from pathlib import Path

from ssl_course.checks import (
    autoencoder,
    byol,
    clinic,
    compare,
    defects,
    image_and_text,
    language,
    mae,
    own_images,
    prediction,
    pretext,
    self_distillation,
    simclr,
    sound,
    start,
    triplet,
    video,
)
from ssl_course.checks.engine import Answer, Exercise, Verdict, fixed_state, unjudged

SETS: dict[str, dict[str, Exercise]] = {
    "start": start.EXERCISES,
    "pretext": pretext.EXERCISES,
    "autoencoder": autoencoder.EXERCISES,
    "triplet": triplet.EXERCISES,
    "simclr": simclr.EXERCISES,
    "byol": byol.EXERCISES,
    "mae": mae.EXERCISES,
    "compare": compare.EXERCISES,
    "own_images": own_images.EXERCISES,
    "defects": defects.EXERCISES,
    "language": language.EXERCISES,
    "sound": sound.EXERCISES,
    "video": video.EXERCISES,
    "image_and_text": image_and_text.EXERCISES,
    "self_distillation": self_distillation.EXERCISES,
    "prediction": prediction.EXERCISES,
    "clinic": clinic.EXERCISES,
}
RECORD = "exercise_progress.json"
MARKS = {"right": "✓ right:", "wrong": "✗ not right:", "open": "○", "read": "✎ to read:", "unjudged": "! not judged:"}
SIGNS = {state: mark[0] for state, mark in MARKS.items()}
PLAIN = str.maketrans({"✓": "", "✗": "", "✎": "", "○": "-", "…": "...", "−": "-"})  # for consoles that lack them
PLAIN_SIGNS = {"right": "right", "wrong": "not right", "open": "-", "read": "to read", "unjudged": "not judged"}


def judge(name: str, answer: Answer) -> Verdict:
    """The verdict on an answer, without printing or keeping it.

    It is judged under a fixed state (gradients on, float32, a fixed seed), whatever the notebook has left on. Where the
    check itself fails, the verdict says so: that is never the answer's fault.

    Args:
        name: "set.exercise", such as "simclr.nt_xent".

    Raises:
        ValueError: if there is no such exercise.
    """
    part, _, exercise = name.partition(".")
    if exercise not in SETS.get(part, {}):
        known = ", ".join(f"{part}.{key}" for key in SETS[part]) if part in SETS else ", ".join(SETS)
        raise ValueError(f"there is no exercise {name!r}, only {known}")
    try:
        with fixed_state():
            return SETS[part][exercise].judge(answer)
    except Exception as error:  # student code is run by the engine's attempt, so this is the check's own
        return unjudged(error)


def check(name: str, answer: Answer) -> None:
    """Print whether an answer is right, or which mistake it looks like, and keep that for `progress`.

    Args:
        name: "set.exercise", such as "simclr.nt_xent".
        answer: a function, a letter, a number or a text, as the exercise asks.

    Raises:
        ValueError: if there is no such exercise.
        AssertionError: if SSL_COURSE_STRICT is "solved", as it is where solutions are tested, and the answer isn't
            right, or is a text that isn't worth reading yet; or if it is "unsolved" and there seems to be an answer.
    """
    verdict = judge(name, answer)
    _say(f"{MARKS[verdict.state]} {verdict.sentence}")
    _keep(name, verdict.state)
    if wanted := os.environ.get("SSL_COURSE_STRICT"):
        assert verdict.state == "open" if wanted == "unsolved" else verdict.done, f"{name}: {verdict.sentence}"


def recorded(folder: str | os.PathLike = ".") -> dict[str, str]:
    """The last verdict (a state as in `Verdict`) on every exercise tried in this folder, by name."""
    file = Path(folder) / RECORD
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    kept = kept if isinstance(kept, dict) else {}
    return {name: state for name, state in kept.items() if isinstance(state, str) and state in MARKS}


def _say(text: str) -> None:
    """Print within the width of a page, with plain characters where the console knows no others."""
    if not _printable(text):
        plain = " ".join(unicodedata.normalize("NFKC", text.translate(PLAIN)).split())
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        text = plain.encode(encoding, "replace").decode(encoding)
    print(textwrap.fill(text, 98, subsequent_indent="  "))


def _printable(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _keep(name: str, state: str) -> None:
    part = Path(f"{RECORD}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(recorded() | {name: state}, indent=1), encoding="utf-8")
        os.replace(part, RECORD)
    except OSError as error:
        _say(f"(The verdict could not be kept for `progress`: {error}.)")


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
            state = kept.get(f"{name}.{key}", "open")
            sign = SIGNS[state] if _printable("".join(SIGNS.values())) else PLAIN_SIGNS[state]
            print(sign, key)
    for name in sets or SETS:
        states = [kept.get(f"{name}.{key}") for key in SETS[name]]
        done = states.count("right") + states.count("read")
        to_read = ", of these to be read: " + str(states.count("read")) if "read" in states else ""
        print(f"{name}: {done} of {len(states)} done{to_read}")
