"""What a fork needs so that its lessons open on Colab: badges, and a first cell that installs the fork.

The cell carries the tag "install"; what it says is no part of a lesson's fingerprint.
"""

import json
import re
from pathlib import Path

BADGES = re.compile(r"<!-- badges -->.*?<!-- /badges -->", re.DOTALL)
NAME = re.compile(r"[\w.-]+/[\w.-]+")
COLAB = "https://colab.research.google.com"
BINDER = "https://mybinder.org"
EXPLAINED = """# On your own computer nothing is needed here: `make lab` has installed the course.
# On Colab: fork the repository, run `ssl-course publish OWNER/REPO` in it, and push;
# this cell then installs it."""
INSTALL = """# installs the course where it isn't there yet, as on Colab
import importlib.util
import subprocess
import sys

SOURCE = "git+https://github.com/{repository}"
if importlib.util.find_spec("ssl_course") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", SOURCE], check=True)"""


def publish(root: Path, repository: str | None) -> list[Path]:
    """Write badges and install cells for a repository, or, without one, the explanation; the files that changed.

    Args:
        root: the folder of the course.
        repository: OWNER/REPO on GitHub.

    Raises:
        ValueError: if that is no such name, or root isn't the course.
    """
    if repository is not None and not NAME.fullmatch(repository):
        raise ValueError(f"the repository must be OWNER/REPO, got {repository!r}")
    lessons, readme = sorted(root.glob("notebooks/*.ipynb")), root / "README.md"
    if not lessons or not readme.is_file():
        raise ValueError(f"{root.resolve()} isn't the course: run this in its folder, or give --folder")
    changed = [lesson for lesson in lessons if _write(lesson, with_install(lesson, repository))]
    text = readme.read_text(encoding="utf-8")
    badges = "" if repository is None else f"{colab(repository, 'notebooks/00_start_here.ipynb')} {binder(repository)}"
    return changed + [readme] * _write(readme, BADGES.sub(f"<!-- badges -->{badges}<!-- /badges -->", text))


def with_install(lesson: Path, repository: str | None) -> str:
    """The text of a lesson's file with its badge and its install cell."""
    notebook = json.loads(lesson.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if not _installs(cell)]
    count = next((cell["execution_count"] for cell in notebook["cells"] if _installs(cell)), None)
    told = cells[0]["source"]
    told = told.splitlines(keepends=True) if isinstance(told, str) else told  # the format allows both
    title = [line for line in told if COLAB not in line]
    source = EXPLAINED
    if repository is not None:
        title.insert(1, f"\n{colab(repository, f'notebooks/{lesson.name}')}\n")
        source = INSTALL.format(repository=repository)
    cells[0]["source"] = title
    cell = {"cell_type": "code", "execution_count": count, "id": "install", "metadata": {"tags": ["install"]}}
    cells.insert(1, cell | {"outputs": [], "source": source.splitlines(keepends=True)})
    return json.dumps(notebook | {"cells": cells}, indent=1, ensure_ascii=False) + "\n"


def colab(repository: str, path: str) -> str:
    """A badge that opens a notebook of a repository on Colab."""
    return f"[![open on Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{repository}/blob/main/{path})"


def binder(repository: str) -> str:
    """A badge that opens a repository on Binder, which reads its environment.yml."""
    return f"[![open on Binder]({BINDER}/badge_logo.svg)]({BINDER}/v2/gh/{repository}/main?urlpath=lab/tree/notebooks)"


def _installs(cell: dict) -> bool:
    return "install" in cell["metadata"].get("tags", [])


def _write(path: Path, text: str) -> bool:
    """Whether the file had to be changed to hold this text."""
    if path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True
