"""What the site and the slides are made by: words for figures, links, and what fits on a slide."""

import base64
import io
from pathlib import Path

import nbformat
import pages
import pytest
import slides
from PIL import Image

ROOT = Path(__file__).parent.parent
SAID = {"candidates": "Cosines of views.", "history": "The loss over the steps."}
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))


def markdown(text):
    return nbformat.v4.new_markdown_cell(text)


def picture(text="<Figure size 400x300 with 1 Axes>"):
    packed = io.BytesIO()
    Image.new("RGB", (40, 30)).save(packed, "png")
    data = {"image/png": base64.b64encode(packed.getvalue()).decode(), "text/plain": text}
    return nbformat.v4.new_output("display_data", data)


def code(source, *outputs):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs))


def printed(text):
    return nbformat.v4.new_output("stream", text=text)


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=list(cells))


def test_a_figure_is_described_by_who_drew_it_and_by_the_sentence_before_it():
    made = notebook(markdown("## Views\n\nTwo of each. Now the *loss*:"), code("plots.candidates(z @ z.T)", picture()))
    assert pages.figure_texts(made, SAID) == {(1, 0): "Cosines of views. Now the loss"}


def test_each_of_two_figures_of_a_cell_has_the_words_of_its_own_function():
    made = notebook(markdown("Both."), code("plots.history(a)\nplots.candidates(b)", picture(), picture()))
    assert list(pages.figure_texts(made, SAID).values()) == [
        "The loss over the steps. Both.",
        "Cosines of views. Both.",
    ]


def test_a_demo_says_itself_what_it_shows():
    made = notebook(
        markdown("Move it."), code("live.Candidates()", picture("Candidates, at 3 settings\nloss 0.97 < 1.95 > 0"))
    )
    assert pages.figure_texts(made, SAID) == {(1, 0): "Candidates, at 3 settings loss 0.97 < 1.95 > 0"}


def test_a_figure_without_prose_is_described_by_its_heading_or_at_least_called_a_figure():
    made = notebook(code("draw()", picture()), markdown("### Eight maps"), code("draw()", picture()))
    assert list(pages.figure_texts(made, {}).values()) == ["Figure", "Eight maps"]


def test_folded_answers_tables_and_formulas_are_no_description():
    text = "Look at it.\n\n| a | b |\n\n$$\nx = 1\n$$\n<details><summary>Answer</summary>No.</details>"
    assert pages.last_sentence(text) == "Look at it."


def test_a_sentence_of_the_section_before_is_no_description():
    made = notebook(markdown("The curve fell.\n\n**Think.** Why?\n\n## 2 · The loss"), code("draw()", picture()))
    assert pages.figure_texts(made, {}) == {(1, 0): "2 · The loss"}


def test_what_tells_goes_before_what_asks():
    assert pages.last_sentence("A curve. *Predict* its end. (After a paper.) Will it fall?") == "A curve."
    assert pages.last_sentence("Will it fall?") == "Will it fall?"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_of_the_lessons_gets_words_of_some_length(path):
    lesson = nbformat.read(path, as_version=4)
    drawn = [
        output for cell in lesson.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    texts = pages.figure_texts(lesson, pages.said_of_plots(ROOT / "ssl_course" / "plots"))
    assert len(texts) == len(drawn)
    assert all(len(text) > 40 and "(N" not in text for text in texts.values())


def test_shapes_are_no_words():
    said = pages.said_of_plots(ROOT / "ssl_course" / "plots")
    assert said["show_views"] == "The originals in the top row and one row for each set of views."


def test_a_page_has_files_with_words_for_pictures_and_no_marks_for_tests(tmp_path):
    made = notebook(markdown('Say "this" & that.'), code("draw()\n# NBVAL_CHECK_OUTPUT", picture()))
    page = pages.as_page(made, {}, tmp_path, "pictures")
    html = page.cells[1].outputs[0].data["text/html"]
    assert 'alt="Say &quot;this&quot; &amp; that." src="pictures/01-0.png" width="40" height="30"' in html
    assert Image.open(tmp_path / "01-0.png").size == (40, 30)
    assert page.cells[1].source == "draw()"
    assert "image/png" in made.cells[1].outputs[0].data  # the notebook itself stays


def test_the_readme_names_every_lesson_in_order():
    assert [name for name, _ in pages.lessons((ROOT / "README.md").read_text())] == [path.stem for path in NOTEBOOKS]


def test_links_to_what_is_not_on_the_site_become_text():
    text = "[a](../notebooks/04.ipynb#x), [b](../Makefile), [c](https://d.e), [f](#g), ![h](i.png)"
    kept = pages.without_links_that_lead_nowhere(text, "docs", ["notebooks/04.ipynb"])
    assert kept == "[a](../notebooks/04.ipynb#x), b, [c](https://d.e), [f](#g), ![h](i.png)"


def test_a_section_ends_where_the_next_one_begins():
    text = "# T\n\n## One\n\na\n\n### in it\n\n## Two\n\nb\n"
    assert pages.section(text, "One") == "a\n\n### in it"
    with pytest.raises(ValueError, match="one heading 'Three', got 0"):
        pages.section(text, "Three")


def test_the_picture_of_a_lesson_is_the_first_that_a_function_drew(tmp_path):
    made = notebook(code("plots.history(a)", picture()), code("plots.candidates(b)", picture()))
    page = pages.as_page(made, SAID, tmp_path, "p")
    assert "01-0.png" in pages.first_picture(page, "candidates")
    assert "00-0.png" in pages.first_picture(page, None)
    with pytest.raises(ValueError, match=r"plots\.zones"):
        pages.first_picture(page, "zones")


def test_what_scrolls_can_be_reached_by_keyboard():
    assert pages.reachable('<pre><div class="table-wrapper x">') == (
        '<pre tabindex="0"><div class="table-wrapper x" tabindex="0">'
    )


# --- slides


def kinds(page):
    return [cell.metadata.slideshow.slide_type for cell in slides.as_slides(page).cells]


def test_a_section_goes_on_to_the_right_and_what_is_in_it_goes_down():
    page = notebook(markdown("# T\n\na"), code("1"), markdown("b\n\n## S\n\nc\n\n### in it\n\nd"))
    assert kinds(page) == ["slide", "subslide", "subslide", "slide", "subslide"]


def test_a_picture_stands_beside_short_code_and_alone_after_long_code():
    short, long = code("draw()", picture()), code("a\n" * 12 + "draw()", printed("loss 1"), picture(), picture())
    assert [len(part.outputs) for part in slides.divided(short)] == [1]
    assert [len(part.outputs) for part in slides.divided(code("live.Candidates()", picture()))] == [0, 1]
    assert [len(part.outputs) for part in slides.divided(code("a\n" * 12, picture()))] == [0, 1]
    parts = slides.divided(long)
    assert [(bool(part.source), len(part.outputs)) for part in parts] == [(True, 1), (False, 1), (False, 1)]
    assert all(part.metadata.transient.remove_source for part in parts[1:])


def test_code_with_long_lines_is_smaller():
    assert [slides.divided(code("a" * count))[0].metadata.tags for count in (60, 80, 95)] == [
        [],
        ["wide"],
        ["wide", "wider"],
    ]


def test_no_more_prose_than_fits_and_nothing_is_lost():
    words = "\n\n".join([f"paragraph {number} " + "word " * 40 for number in range(9)])
    packed = slides.packed(words)
    assert len(packed) > 1
    assert all(sum(map(slides.height, slides.blocks(slide))) <= slides.LINES for slide in packed)
    assert "\n\n".join(packed).split() == words.split()


def test_formulas_and_fences_stay_whole():
    formula, fence = "$$\na\n\n= b\n$$", "```\nc\n\nd\n```"
    assert slides.blocks(f"x\n\n{formula}\n\n{fence}\n\ny") == ["x", formula, fence, "y"]


def test_slides_have_no_links_to_other_notebooks():
    made = slides.as_slides(notebook(markdown("[05_byol](05_byol.ipynb)")))
    assert made.cells[0].source == "05_byol"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_all_code_of_a_lesson_is_on_its_slides(path):
    lesson = nbformat.read(path, as_version=4)
    before = [cell.source for cell in lesson.cells if cell.cell_type == "code"]
    made = slides.as_slides(lesson)
    assert [cell.source for cell in made.cells if cell.cell_type == "code" and cell.source] == before
