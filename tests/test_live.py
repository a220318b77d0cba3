"""What holds for every demo: its controls move its figure, it says what it shows, and it says what went wrong.

What a demo computes is tested beside it in test_live_functions.py.
"""

import base64
import io
import re

import ipywidgets as widgets
import pytest
from PIL import Image

from ssl_course.live import DEMOS, core

PICTURE = re.compile(r'<img alt="([^"]+)" src="data:image/png;base64,([^"]+)"')


@pytest.fixture(params=DEMOS, ids=lambda demo: demo.__name__)
def demo(request):
    return request.param.example()


def shown(demo):
    """The words and the pixels that it shows, and that nothing went wrong."""
    assert demo.errors.outputs == ()
    words, packed = PICTURE.search(demo.picture.value).groups()
    return words, Image.open(io.BytesIO(base64.b64decode(packed))).tobytes()


def values_of(control):
    """Two values that a control can have, other than the one it has, where it has as many."""
    if isinstance(control, widgets.Checkbox | widgets.ToggleButton):
        return [not control.value]
    if isinstance(control, core.Toggles):
        return [(0,), tuple(range(len(control.buttons)))]
    if hasattr(control, "options"):
        options = [option[1] if isinstance(option, tuple) else option for option in control.options]
        return [option for option in (options[0], options[-1]) if option != control.value]
    return [value for value in (control.min, control.max) if value != control.value]


def test_every_control_moves_the_figure(demo):
    for name, control in demo.controls.items():
        before, old = shown(demo), control.value
        seen = []
        for value in values_of(control):
            control.value = value
            seen.append(shown(demo))
        assert seen, f"{name} has one value only"
        assert any(now != before for now in seen), f"{name} changes nothing"
        control.value = old
        assert shown(demo) == before, f"{name} put back, but the figure isn't"


def test_every_control_has_a_name_in_sight(demo):
    assert all(control.description for control in demo.controls.values())
    names = [control.description for control in demo.controls.values()]
    assert len(set(names)) == len(names)


def test_what_it_shows_is_said_in_words(demo):
    words, _ = shown(demo)
    assert len(words.split()) >= 5
    assert words in demo.sentence.value


def test_a_saved_page_has_three_settings_and_the_controls_stay(demo):
    before, values = shown(demo), demo.values
    bundle = demo._repr_mimebundle_()
    assert bundle[core.VIEW]["model_id"] == demo.widget.model_id
    assert len(demo.typical) == 3
    told = bundle["text/plain"].splitlines()
    assert len(told) == 4
    assert len(set(told)) == 4
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.height > 3 * 0.9 * demo.size[1] * core.DPI
    assert demo.values == values
    demo.update()
    assert shown(demo) == before


def test_a_saved_page_is_the_same_every_time(demo):
    assert type(demo).example()._repr_mimebundle_()["image/png"] == demo._repr_mimebundle_()["image/png"]


def test_an_error_is_shown_and_goes_when_it_is_mended(demo, monkeypatch):
    def fails(**values):
        raise ValueError("cannot be drawn")

    name, control = next(iter(demo.controls.items()))
    before, old = demo.picture.value, control.value
    monkeypatch.setattr(demo, "draw", fails)
    control.value = values_of(control)[-1]
    (error,) = demo.errors.outputs
    assert (error["ename"], error["evalue"]) == ("ValueError", "cannot be drawn")
    assert demo.picture.value == before
    monkeypatch.undo()
    demo.set(**{name: old})
    assert demo.errors.outputs == ()


class Counter(core.Demo):
    """A demo that counts how often it is drawn."""

    title, typical = "Counts", ({"a": 1}, {"a": 2}, {"a": 3})

    def __init__(self):
        self.drawn = 0
        super().__init__(a=core.slider("a", 0, 9, 5), b=core.slider("b", 0.0, 1.0, 0.5, 0.1))

    def start(self, figure):
        self.line = figure.subplots().plot([0, 1], [0, 1])[0]

    def draw(self, *, a, b):
        self.drawn += 1
        self.line.set_ydata([a, b])
        return f'from <{a}> to {b:.1f} & "back"'


def test_two_controls_set_together_are_drawn_once():
    demo = Counter()
    drawn = demo.drawn
    demo.set(a=3, b=0.2)
    assert demo.drawn == drawn + 1
    assert demo.values == {"a": 3, "b": 0.2}


def test_the_same_figure_and_artists_are_used_again():
    demo = Counter()
    figure, line = demo.figure, demo.line
    demo.controls["a"].value = 8
    assert (demo.figure, demo.line) == (figure, line)
    assert list(line.get_ydata()) == [8, 0.5]


def test_a_sentence_with_signs_of_html_is_shown_as_it_is():
    demo = Counter()
    assert "from &lt;5&gt; to 0.5 &amp; &quot;back&quot;" in demo.sentence.value
    assert 'alt="from &lt;5&gt; to 0.5 &amp; &quot;back&quot;"' in demo.picture.value


def test_a_slider_is_whole_where_all_its_numbers_are():
    assert isinstance(core.slider("a", 0, 9, 5), widgets.IntSlider)
    assert isinstance(core.slider("a", 0, 9, 5, 0.5), widgets.FloatSlider)


def test_a_button_that_is_pressed_counts_as_turned_and_is_turned_back():
    toggles = core.Toggles("patches", 3)
    toggles.show([place == 4 for place in range(9)])
    assert toggles.value == ()
    for place, turned in ((8, (8,)), (4, (4, 8)), (8, (4,))):
        toggles.buttons[place].value = not toggles.buttons[place].value
        assert toggles.value == turned
    assert [button.tooltip for button in toggles.buttons][5] == "row 2, column 3"
