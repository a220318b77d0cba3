"""Slides of a lesson for reveal.js, from its notebook as it is: what `make slides LESSON=04_simclr` does.

Where a slide begins and what fits on it is found here, so that no notebook needs marks for it.
"""

import argparse
import importlib.util
import math
import re
import shutil
from pathlib import Path

import nbformat
import pages
from nbformat import NotebookNode

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
BUILD = ROOT / "build" / "slides"

LINES = 16  # of prose that fit on a slide
LETTERS = 72  # in a line of prose
BESIDE = 7  # lines of code and text that leave room for a picture on the same slide
WIDE = {"wide": 76, "wider": 90}  # a cell with a line of more letters than that is set smaller


# --- which slides


def blocks(markdown: str) -> list[str]:
    """Paragraphs, headings, formulas, folded answers: what empty lines part, except within fences and formulas."""
    found, inside = [""], False
    for line in markdown.splitlines():
        if line.startswith(("```", "~~~")) or (line.startswith("$$") and line.count("$$") == 1):
            inside = not inside
        if line.strip() or inside:
            found[-1] += line + "\n"
        elif found[-1]:
            found.append("")
    return [block.rstrip() for block in found if block.strip()]


def height(block: str) -> int:
    """How many lines of a slide a block takes, with the gap below it."""
    lines = block.splitlines()
    if block.startswith("#"):
        return 3
    return 1 + sum(math.ceil(max(len(pages.plain(line)), 1) / LETTERS) for line in lines)


def packed(markdown: str) -> list[str]:
    """A Markdown cell as slides: a heading begins one, and each holds as many blocks as fit."""
    slides, left = [], 0
    for block in blocks(markdown):
        if block.startswith("#") or height(block) > left:
            slides.append([])
            left = LINES
        slides[-1].append(block)
        left -= height(block)
    return ["\n\n".join(slide) for slide in slides]


def divided(cell: NotebookNode) -> list[NotebookNode]:
    """A code cell as slides: its code with what it printed, then each picture or table, unless there is room for it."""
    texts = [output for output in cell.outputs if output.output_type == "stream"]
    shown = [output for output in cell.outputs if output.output_type != "stream"]
    lines = len(cell.source.splitlines()) + sum(len(text.text.splitlines()) for text in texts)
    together = len(shown) == 1 and lines <= BESIDE and not cell.source.startswith("live.")  # a demo's picture is tall
    first = nbformat.v4.new_code_cell(cell.source, outputs=texts + shown * together)
    longest = max(map(len, cell.source.splitlines()), default=0)
    first.metadata["tags"] = [tag for tag, letters in WIDE.items() if longest > letters]
    alone = [] if together else [nbformat.v4.new_code_cell("", outputs=[output]) for output in shown]
    for part in alone:
        part.metadata["transient"] = {"remove_source": True}
    return [first, *alone]


def as_slides(page: NotebookNode) -> NotebookNode:
    """A notebook whose cells are slides: headings of the first two levels go on to the right, all else goes down."""
    cells = []
    for cell in page.cells:
        if cell.cell_type == "markdown":
            told = pages.without_links_that_lead_nowhere(cell.source, "", ())
            cells += [nbformat.v4.new_markdown_cell(text) for text in packed(told)]
        elif cell.cell_type == "code":
            cells += divided(cell)
    for cell in cells:
        section = cell.cell_type == "markdown" and re.match(r"##? ", cell.source)
        cell.metadata["slideshow"] = {"slide_type": "slide" if section else "subslide"}
    return nbformat.v4.new_notebook(cells=cells, metadata=page.metadata)


# --- to a page


def copied(package: str, inside: str, target: Path) -> None:
    """Copy a folder that an installed package brings along."""
    found = importlib.util.find_spec(package)
    if found is None:
        raise ModuleNotFoundError(f"{package} is missing: `make slides` installs it, or pip install -e '.[site]'")
    shutil.copytree(Path(found.origin).parent / inside, target, dirs_exist_ok=True)


def main() -> None:
    """Write the slides of one lesson, and what they need, into build/slides."""
    from nbconvert import SlidesExporter

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", choices=sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")))
    name = parser.parse_args().lesson
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    said = pages.said_of_plots(ROOT / "ssl_course" / "plots")
    page = pages.as_page(notebook, said, BUILD / "pictures" / name, f"pictures/{name}")
    exporter = SlidesExporter(
        extra_template_basedirs=[str(HERE)],
        template_name="slides_template",
        reveal_url_prefix="reveal",
        reveal_theme="white",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    html, _ = exporter.from_notebook_node(as_slides(page), resources={"metadata": {"name": pages.title(notebook)}})
    (BUILD / f"{name}.html").write_text(html, encoding="utf-8")
    shutil.copy(HERE / "slides_template" / "slides.css", BUILD)
    copied("sphinx_revealjs", "_static/revealjs/dist", BUILD / "reveal" / "dist")
    copied("sphinx-mathjax-offline", "static/mathjax", BUILD / "mathjax")
    print(f"the slides: {BUILD / f'{name}.html'}")


if __name__ == "__main__":
    main()
