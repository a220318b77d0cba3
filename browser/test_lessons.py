"""Every lesson as a user opens it: all cells run, every control of every demo answers to keyboard and to pointer."""

import functools
import statistics
import time

import nbformat
import pytest
from conftest import ERROR, ROOT, Opened
from controls import DEMO, by_keyboard, by_pointer, controls_of, move, name_of, shown

from ssl_course import live

TIMES = 4  # as long as the function alone and an empty demo need together
TRIES = 3  # the machine may have been busy with something else at one of the two moments

EMPTY = """
from ssl_course.live import core

class Empty(core.Demo):
    title, size = "Empty", (1.0, 1.0)
    def __init__(self):
        super().__init__(a=core.slider("a", 0, 1000, 500))
    def start(self, figure):
        pass
    def draw(self, *, a):
        return f"It is at {a} and that is all."
"""


def write(path, *sources):
    """A notebook of these cells."""
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


@pytest.fixture(scope="session")
def without_anything(browser, lab):
    """Seconds that a demo which draws nothing needs to answer a key."""
    write(lab[1] / "empty.ipynb", EMPTY, "Empty()")
    opened = Opened(browser, lab[0], "empty.ipynb")
    assert opened.run_all() == []
    demo = opened.page.locator(DEMO)
    demo.wait_for()
    ((kind, slider),) = controls_of(demo)
    taken = [move(demo, by_keyboard(kind, slider)) for _ in range(7)]
    opened.close()
    return statistics.median(taken)


@functools.cache
def example_of(title):
    (demo,) = [demo for demo in live.DEMOS if demo.title == title]
    return demo.example()


def alone(title):
    """Seconds that a demo's figure needs here and now without a widget."""
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        example_of(title).update()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def answers_of(demo, title):
    """Seconds in which a demo answers to each of its controls, by keyboard and by pointer."""
    answers = []
    for kind, control in controls_of(demo):
        for name, ways in (("keyboard", by_keyboard), ("pointer", by_pointer)):
            answers.append(move(demo, ways(kind, control)))
            assert answers[-1] is not None, f"{title}: {name_of(control)!r} doesn't answer to the {name}"
    assert answers, f"{title} has no control"
    return statistics.median(answers)


def test_a_lesson_runs_and_all_its_demos_answer(lesson, open_notebook, without_anything):
    opened = open_notebook(f"notebooks/{lesson}.ipynb")
    assert opened.run_all() == []
    demos = opened.page.locator(DEMO)
    cells = nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", 4).cells
    assert demos.count() == len([cell for cell in cells if cell.cell_type == "code" and "live." in cell.source])
    slow = []
    for number, demo in enumerate(demos.all()):
        demo.scroll_into_view_if_needed()
        if demo.locator(".widget-button", has_text="stop").count():  # a dashboard, whose run is over
            assert demo.locator("img").first.get_attribute("alt").startswith("Step ")
            continue
        title = demo.locator("b").first.inner_text()
        for _ in range(TRIES):
            seconds, bound = answers_of(demo, title), TIMES * (without_anything + alone(title))
            if seconds <= bound:
                break
        else:
            slow.append(f"{title}: {seconds:.2f} s, bound {bound:.2f} s")
        assert demo.locator(ERROR).count() == 0
        opened.photograph(f"{lesson}_{number}")
    assert slow == []
    if demos.count():  # axe fails where there is nothing to look at
        assert opened.held_against(DEMO) == []
    opened.as_on_a_phone()
    for number, demo in enumerate(demos.all()):
        demo.scroll_into_view_if_needed()
        opened.photograph(f"{lesson}_{number}_phone")
    assert opened.wrong == []
    assert opened.foreign == []


def test_a_cell_that_fails_is_seen(open_notebook, lab):
    write(lab[1] / "broken.ipynb", "print('fine')", "1 / 0")
    (error,) = open_notebook("broken.ipynb").run_all()
    assert "ZeroDivisionError" in error


def test_an_error_in_a_demo_is_shown_below_it_and_goes_again(open_notebook, lab):
    fails = EMPTY.replace("return f", "assert a <= 500, 'too far'\n        return f")
    write(lab[1] / "fails.ipynb", fails, "Empty()")
    opened = open_notebook("fails.ipynb")
    assert opened.run_all() == []
    slider = opened.page.locator(f"{DEMO} .noUi-handle")
    slider.press("ArrowRight")
    error = opened.page.locator(DEMO).locator(ERROR)
    error.wait_for()
    assert "too far" in error.inner_text()
    slider.press("ArrowLeft")
    error.wait_for(state="detached")


def test_keys_that_come_faster_than_pictures_are_dropped_and_the_last_one_counts(open_notebook, lab):
    write(lab[1] / "candidates.ipynb", "from ssl_course import live\nlive.Candidates()")
    opened = open_notebook("candidates.ipynb")
    assert opened.run_all() == []
    demo = opened.page.locator(DEMO)
    demo.wait_for()
    noise = demo.locator(".noUi-handle").nth(1)
    opened.page.evaluate(
        """() => { window.pictures = 0;
        const image = document.querySelector('.ssl-course-demo img').parentElement;
        new MutationObserver(() => { window.pictures += 1; }).observe(image, {childList: true, subtree: true}); }"""
    )
    for _ in range(25):
        noise.press("ArrowRight", no_wait_after=True)
    demo.locator(".widget-readout", has_text="3.00").wait_for()
    before = None
    while before != shown(demo):
        before = shown(demo)
        time.sleep(0.5)
    assert opened.page.evaluate("() => window.pictures") < 25
    at_its_end = live.Candidates()
    at_its_end.set(noise=3.0)
    assert at_its_end.sentence.value.split(">")[1].split("<")[0] == before[0]


def test_readouts_show_whole_words_on_a_phone_too(open_notebook, lab):
    write(
        lab[1] / "ranking.ipynb",
        "from ssl_course import live\nfrom ssl_course.results import read\nlive.Ranking(read('budgets_shapes'))",
    )
    opened = open_notebook("ranking.ipynb")
    assert opened.run_all() == []
    opened.page.locator(DEMO).wait_for()
    opened.as_on_a_phone()
    opened.photograph("readouts_phone")
    cut = "parts => parts.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.innerText)"
    readouts = opened.page.locator(f"{DEMO} .widget-readout")
    assert readouts.count() > 0
    assert readouts.evaluate_all(cut) == []
