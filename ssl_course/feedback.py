"""A form for the end of a lesson or a course: it writes a file beside the notebook, and sends nothing anywhere."""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import ipywidgets as widgets

from ssl_course.live.core import VIEW


@dataclass(frozen=True)
class Question:
    """A question whose answer is a number on a scale, or a text.

    Attributes:
        text: what is asked.
        ends: what the two ends of the scale from 1 to 5 mean; None where a text is asked for.
    """

    text: str
    ends: tuple[str, str] | None = None


QUESTIONS: Mapping[str, Question] = {
    "lesson": Question("Which lesson or day is this about?"),
    "pace": Question("The pace was", ("too slow", "too fast")),
    "difficulty": Question("The exercises were", ("too easy", "too hard")),
    "demos": Question("The demos that moved helped me", ("not at all", "a lot")),
    "understood": Question("What do you understand now that you didn't before?"),
    "unclear": Question("What is still unclear? Name the section if you can."),
    "surprise": Question("Which of your predictions was most wrong?"),
    "change": Question("What should be left out, and what is missing?"),
}


def write(answers: Mapping[str, object], folder: str | Path = ".", now: datetime | None = None) -> Path:
    """Write answers to a new file `feedback-DATE-TIME.json`.

    Args:
        answers: by the names of QUESTIONS; numbers from 1 to 5 where there is a scale. Blank ones may be left out.
        folder: where to.
        now: default the clock's.

    Returns:
        The file.

    Raises:
        ValueError: if a name isn't a question's, or a number isn't one from 1 to 5.
    """
    for name, answer in answers.items():
        if name not in QUESTIONS:
            raise ValueError(f"there is no question {name!r}, only {', '.join(QUESTIONS)}")
        if QUESTIONS[name].ends and answer not in (None, 1, 2, 3, 4, 5):
            raise ValueError(f"{name} must be a whole number from 1 to 5, got {answer!r}")
    given = {name: answer for name, answer in answers.items() if answer not in (None, "")}
    file = Path(folder) / f"feedback-{now or datetime.now():%Y-%m-%d-%H%M%S}.json"
    number = 1
    while file.exists():  # two people on one server
        number += 1
        file = file.with_name(f"{file.stem.split('_')[0]}_{number}.json")
    file.write_text(json.dumps(given, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def as_html() -> str:
    """The questions as a list, to be read where nothing runs."""
    lines = []
    for question in QUESTIONS.values():
        scale = f" <i>({question.ends[0]} = 1, {question.ends[1]} = 5)</i>" if question.ends else ""
        lines.append(f"<li>{html.escape(question.text)}{scale}</li>")
    return f"<ol>{''.join(lines)}</ol>"


class Form:
    """The questions with fields and a button that writes the file; a list of them where nothing runs.

    Attributes:
        fields: the widgets by the names of QUESTIONS.
        button, said: what writes the file, and what tells where it is.
        widget: all of it.

    Args:
        folder: where the file goes.
    """

    def __init__(self, folder: str | Path = "."):
        self.folder = Path(folder)
        self.fields = {name: _field(question) for name, question in QUESTIONS.items()}
        self.button = widgets.Button(description="Write the file", button_style="primary")
        self.said = widgets.HTML()
        self.button.on_click(self._write)
        labelled = [
            part
            for name, question in QUESTIONS.items()
            for part in (widgets.HTML(f"<b>{html.escape(question.text)}</b>"), self.fields[name])
        ]
        self.widget = widgets.VBox([*labelled, self.button, self.said])

    @property
    def answers(self) -> dict[str, object]:
        """What the fields hold now."""
        return {name: field.value for name, field in self.fields.items()}

    def _write(self, button: widgets.Button) -> None:
        try:
            told = f"Written to <code>{html.escape(str(write(self.answers, self.folder).resolve()))}</code>. Thank you."
        except OSError as error:
            told = f"The file could not be written: {html.escape(str(error))}"
        self.said.value = f'<p role="status">{told}</p>'

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        texts = "\n".join(question.text for question in QUESTIONS.values())
        return {VIEW: view, "text/html": as_html(), "text/plain": texts}


def _field(question: Question) -> widgets.Widget:
    layout = widgets.Layout(width="95%", max_width="640px")
    if question.ends is None:
        return widgets.Textarea(rows=2, layout=layout)
    low, high = question.ends
    scale = [("no answer", None), (f"1: {low}", 1), ("2", 2), ("3", 3), ("4", 4), (f"5: {high}", 5)]
    return widgets.ToggleButtons(options=scale, value=None, style={"button_width": "auto"}, layout=layout)
