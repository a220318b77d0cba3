"""What every demo has: labelled controls, one figure that is updated, a sentence that says what it shows, and errors in
sight. Where nothing runs (a saved page, a site) the same output holds a picture of three typical settings.
"""

import base64
import html
import io
import textwrap
import traceback
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

VIEW = "application/vnd.jupyter.widget-view+json"
DPI = 90
WHOLE_READOUTS = "<style>.ssl-course-demo .widget-readout {min-width: max-content}</style>"  # words, not half of them


class Demo:
    """A figure and what moves it. A demo of your own gives `title`, `typical`, `start` and `draw`.

    Attributes:
        title: a heading.
        hint: what to try, in a sentence or two.
        size: of the figure, in inches.
        typical: three settings, each a dict of some controls' values, for the picture where nothing runs.
        controls: the widgets by name; their values are all the state there is.
        picture, sentence, errors: the widgets that show the figure, what it shows in words, and what went wrong.
        widget: all of it.

    Args:
        controls: the widgets by name, in the order in which they are shown.
    """

    title = ""
    hint = ""
    size = (7.0, 2.8)
    typical: Sequence[Mapping[str, object]] = ({},)

    def __init__(self, **controls: widgets.Widget):
        self.controls = controls
        self.figure = Figure(figsize=self.size, dpi=DPI, layout="constrained")
        FigureCanvasAgg(self.figure)
        self.picture, self.sentence, self.errors = widgets.HTML(), widgets.HTML(), widgets.Output()
        self._held = False
        self.start(self.figure)
        self.update()
        self.figure.set_layout_engine("none")  # found once: to find it again at every change is slow
        for control in controls.values():
            control.observe(self._changed, names="value")
        parts = [_heading(self.title, self.hint), *self.rows(), self.picture, self.sentence, self.errors]
        self.widget = widgets.VBox(parts)
        self.widget.add_class("ssl-course-demo")

    # --- what a demo gives

    def start(self, figure: Figure) -> None:
        """Draw once, and keep the artists that `draw` will move."""
        raise NotImplementedError

    def draw(self, **values: object) -> str:
        """Move the artists to these values of the controls; what the figure now shows, in a sentence of plain text."""
        raise NotImplementedError

    def rows(self) -> Sequence[widgets.Widget]:
        """The controls as they are laid out: by default in rows that break where they must."""
        flow = widgets.Layout(display="flex", flex_flow="row wrap", width="100%")
        return [widgets.Box(list(self.controls.values()), layout=flow)]

    def framed(self, image: str) -> str:
        """The figure's HTML as it is shown: what has to lie over the image can be added here."""
        return image

    @classmethod
    def example(cls) -> "Demo":
        """One with arguments that are quick to make: for tests, and to see the evening before that all demos work."""
        return cls()

    # --- what it gets

    @property
    def values(self) -> dict[str, object]:
        """The value of every control by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: object) -> None:
        """Set some controls together, with one update at the end."""
        self._held = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._held = False
        self.update()

    def update(self) -> None:
        """Draw anew for the controls as they are; whatever goes wrong is shown below the figure."""
        try:
            told = self.draw(**self.values)
            picture = picture_of(self.figure)
        except Exception as failure:
            self.errors.outputs = (as_output(failure),)
            return
        self.errors.outputs = ()
        self.sentence.value = f'<p role="status" style="line-height:1.4;margin:0.3em 0">{html.escape(told)}</p>'
        self.picture.value = self.framed(image_tag(png(picture), told))

    def _changed(self, change: object) -> None:
        if not self._held:
            self.update()

    def still(self) -> tuple[bytes, str]:
        """A PNG of the figure at each typical setting, one below the other, and their sentences. The controls stay."""
        now, self._held = self.values, True
        pictures, told = [], []
        try:
            for setting in self.typical:
                told.append(f"{_as_text(setting)}: {self.draw(**now | setting)}")
                shown = picture_of(self.figure)
                pictures += [shown, caption(told[-1], shown.width)]
            self.draw(**now)
        finally:
            self._held = False
        return png(stacked(pictures).quantize(256)), "\n".join(told)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        picture, told = self.still()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        text = f"{self.title}, at {len(self.typical)} settings (run the cell to move it)\n{told}"
        return {VIEW: view, "image/png": base64.b64encode(picture).decode(), "text/plain": text}


# --- controls, with their names in sight


def _labelled(kind: type[widgets.Widget], label: str, width: str, arguments: dict) -> widgets.Widget:
    style = {"description_width": "initial"}
    layout = widgets.Layout(width=width, max_width="98%", margin="2px 12px 2px 0")
    return kind(description=label, style=style, layout=layout, **arguments)


def slider(label: str, low: float, high: float, value: float, step: float = 1, **arguments: object) -> widgets.Widget:
    """A slider that moves the figure while it is dragged; for whole numbers if all of them are."""
    whole = all(isinstance(number, int) for number in (low, high, value, step))
    kind = widgets.IntSlider if whole else widgets.FloatSlider
    return _labelled(kind, label, "340px", {"min": low, "max": high, "value": value, "step": step} | arguments)


def steps(label: str, options: Sequence, value: object, **arguments: object) -> widgets.Widget:
    """A slider over a list, of numbers that aren't evenly spaced or of words: values, or pairs of a text and a value.

    Not a list that opens: JupyterLab takes the arrow keys that move up and down in it for itself.
    """
    return _labelled(widgets.SelectionSlider, label, "340px", {"options": options, "value": value} | arguments)


def switch(label: str, value: bool) -> widgets.Widget:
    """On or off."""
    return _labelled(widgets.Checkbox, label, "auto", {"value": value, "indent": False})


class Toggles(widgets.VBox):
    """A square of buttons that are pressed by hand, such as the patches of a picture.

    Attributes:
        value: the places that were turned by hand, row by row from 0, in order; whether a place that was turned is
            pressed or not is for `show` to say.
    """

    value = traitlets.Tuple()
    description = traitlets.Unicode()

    def __init__(self, label: str, side: int):
        small = {"width": "22px", "height": "22px", "padding": "0", "margin": "0"}
        names = [f"row {row}, column {column}" for row in range(1, side + 1) for column in range(1, side + 1)]
        self.buttons = [widgets.ToggleButton(tooltip=name, layout=widgets.Layout(**small)) for name in names]
        columns = widgets.Layout(grid_template_columns=f"repeat({side}, 22px)", grid_gap="2px")
        grid = widgets.GridBox(self.buttons, layout=columns)
        self._held = False
        super().__init__([widgets.Label(label), grid], description=label, layout=widgets.Layout(margin="0 16px 4px 0"))
        for place, button in enumerate(self.buttons):
            button.observe(lambda change, place=place: self._turn(place), names="value")

    def show(self, pressed: Sequence[bool]) -> None:
        """Let these buttons be pressed; nothing counts as turned by hand."""
        self._held = True
        try:
            for button, now in zip(self.buttons, pressed, strict=True):
                with button.hold_sync():
                    button.value, button.button_style = bool(now), "primary" if now else ""
        finally:
            self._held = False

    def _turn(self, place: int) -> None:
        if not self._held:
            self.value = tuple(sorted({place} ^ set(self.value)))


# --- pictures


def picture_of(figure: Figure) -> Image.Image:
    """The figure as it is drawn now."""
    figure.canvas.draw()
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")


def png(picture: Image.Image) -> bytes:
    """Packed in little time rather than in few bytes."""
    packed = io.BytesIO()
    picture.save(packed, "png", compress_level=1)
    return packed.getvalue()


def caption(text: str, width: int, size: int = 13) -> Image.Image:
    """Text as a picture of this width, in lines that fit it."""
    font = ImageFont.truetype(findfont("DejaVu Sans"), size)
    lines = textwrap.wrap(text, width=int(width / font.getlength("n")))
    picture = Image.new("RGB", (width, int(1.35 * size * len(lines)) + 8), "white")
    ImageDraw.Draw(picture).multiline_text((4, 0), "\n".join(lines), fill="#333333", font=font)
    return picture


def stacked(pictures: Sequence[Image.Image], gap: int = 6) -> Image.Image:
    """One below the other on white."""
    height = sum(picture.height for picture in pictures) + gap * (len(pictures) - 1)
    whole = Image.new("RGB", (max(picture.width for picture in pictures), height), "white")
    top = 0
    for picture in pictures:
        whole.paste(picture, (0, top))
        top += picture.height + gap
    return whole


def image_tag(packed: bytes, told: str) -> str:
    """HTML for a PNG, as wide as there is room, that says to who can't see it what it shows."""
    source = f"data:image/png;base64,{base64.b64encode(packed).decode()}"
    return f'<img alt="{html.escape(told)}" src="{source}" style="max-width:100%;height:auto">'


def _as_text(setting: Mapping[str, object]) -> str:
    """The controls' values that make a setting, in words."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in setting.items())


def _heading(title: str, hint: str) -> widgets.HTML:
    return widgets.HTML(f"{WHOLE_READOUTS}<b>{html.escape(title)}</b><br>{html.escape(hint)}")


def as_output(failure: Exception) -> dict[str, object]:
    """What a cell's output says of an error, for an `Output` widget."""
    lines = traceback.format_exception(failure)
    return {"output_type": "error", "ename": type(failure).__name__, "evalue": str(failure), "traceback": lines}
