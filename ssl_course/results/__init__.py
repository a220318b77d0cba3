"""Results of longer runs, kept with the package so that a lesson can show them: which command made each says `read`."""

import json
from pathlib import Path

FOLDER = Path(__file__).parent


def read(name: str) -> dict:
    """A committed result: `command`, `recipe`, `hardware`, `date` and `seeds`, a dict of rows for each seed.

    Raises:
        ValueError: if there is no such result.
    """
    file = FOLDER / f"{name}.json"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.json")))
        raise ValueError(f"there is no result {name!r}, only {known}")
    return json.loads(file.read_text())
