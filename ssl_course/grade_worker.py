"""The cells of a notebook as plain Python; what runs them is `ssl_course.grading.worker`."""

from pathlib import Path

from ssl_course.grading import reading


def cells(notebook: Path) -> list[str]:
    """The code of a notebook, with IPython's own syntax made plain.

    Raises:
        ValueError: if it isn't a notebook.
    """
    return [reading.python(source) for source in reading.sources(notebook)]
