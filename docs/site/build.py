"""Make the site of the course in build/site/html: what `make site` does.

The lessons aren't run: the pages show the outputs that they are committed with.
"""

import shutil
import sys
from pathlib import Path

import nbformat
import pages
from sphinx.cmd.build import build_main

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
BUILD = ROOT / "build" / "site"

# The picture of each lesson on the first page: the first one that this function of `plots` drew.
PICTURES = {
    "00_start_here": "show_images",
    "01_pretext_tasks": "side_by_side",
    "02_autoencoder": "picture_rows",
    "03_triplet_loss": "zones",
    "04_simclr": "show_views",
    "05_byol": "byol_diagram",
    "06_mae": "masking_steps",
    "07_compare": "learning_curves",
    "08_your_own_images": "neighbour_rows",
}


def main() -> int:
    """Gather the sources, build the pages; 0 if all went well."""
    shutil.rmtree(BUILD, ignore_errors=True)
    source, html = BUILD / "source", BUILD / "html"
    gather(source)
    failed = build_main(["-W", "--keep-going", "-q", "-b", "html", str(source), str(html)])
    for path in html.rglob("*.html"):
        path.write_text(pages.reachable(path.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"the site: {html / 'index.html'}")
    return failed


def gather(source: Path) -> None:
    """Write what the site is made of into a folder: notebooks, Markdown, a first page, settings and style."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    notebooks = [ROOT / "notebooks" / f"{name}.ipynb" for name, _ in pages.lessons(readme)]
    exercises = sorted((ROOT / "exercises").glob("*.ipynb"))
    texts = [*sorted((ROOT / "instructor").glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
    known = [str(path.relative_to(ROOT)) for path in [*notebooks, *exercises, *texts]]
    said = pages.said_of_plots(ROOT / "ssl_course" / "plots")
    for path in [*notebooks, *exercises]:
        place = source / path.relative_to(ROOT)
        notebook = nbformat.read(path, as_version=4)
        notebook = pages.with_texts(notebook, said, source / "pictures" / path.stem, f"../pictures/{path.stem}")
        place.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, place)
    for path in texts:
        place = source / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        folder = str(path.parent.relative_to(ROOT))
        place.write_text(pages.without_links_that_lead_nowhere(text, folder, known), encoding="utf-8")
    shutil.copytree(HERE / "static", source / "_static")
    shutil.copy(HERE / "conf.py", source)
    for name in ("index", "results"):
        text = first_page(readme, source) if name == "index" else results_page(readme)
        text = pages.without_links_that_lead_nowhere(text, "", [*known, "results.md"])
        (source / f"{name}.md").write_text(text, encoding="utf-8")
    (source / "docs").mkdir(exist_ok=True)
    for picture in (ROOT / "docs").glob("*.png"):
        shutil.copy(picture, source / "docs")


def first_page(readme: str, source: Path) -> str:
    """What the course is, a card for every lesson, and the lists of pages."""
    opening = readme.split("\n## ")[0]
    cards = [card(number, name, question, source) for number, (name, question) in enumerate(pages.lessons(readme))]
    parts = [
        opening,
        "## Lessons",
        "::::{container} lessons\n" + "\n".join(cards) + "\n::::",
        "## Exercises",
        pages.section(readme, "Exercises"),
        "## On your machine",
        pages.section(readme, "Two commands"),
        toctree("Lessons", [f"notebooks/{name}" for name, _ in pages.lessons(readme)]),
        toctree("Exercises", [f"exercises/{path.stem}" for path in sorted((source / "exercises").glob("*.ipynb"))]),
        toctree("For instructors", pages_in(source, "instructor")),
        toctree("More", ["results", *pages_in(source, "docs")]),
    ]
    return "\n\n".join(parts) + "\n"


def results_page(readme: str) -> str:
    """The README's results as a page of their own."""
    return f"# Results\n\n{pages.section(readme, 'Results')}\n"


def card(number: int, name: str, question: str, source: Path) -> str:
    """A lesson on the first page: a picture, its title and what it answers."""
    notebook = nbformat.read(source / "notebooks" / f"{name}.ipynb", as_version=4)
    picture = lesson_picture(notebook, PICTURES[name])
    return "\n".join(
        [
            ":::{container} lesson",
            picture.replace("](../", "]("),
            "",
            f"[{number:02} · {pages.title(notebook)}](notebooks/{name}.ipynb)",
            "",
            question,
            ":::",
        ]
    )


def lesson_picture(notebook: nbformat.NotebookNode, function: str) -> str:
    """The first picture that a function of `plots` drew, as Markdown."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and f"plots.{function}(" in cell.source:
            for output in cell.outputs:
                if "text/markdown" in output.get("data", {}):
                    return output.data["text/markdown"]
    raise ValueError(f"no picture in this lesson was drawn by plots.{function}")


def toctree(caption: str, names: list[str]) -> str:
    """A list of pages for the sidebar, and the order of previous and next; nothing if there are none."""
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```"]) if names else ""


def pages_in(source: Path, folder: str) -> list[str]:
    """The Markdown pages of a folder, by name."""
    return [f"{folder}/{path.stem}" for path in sorted((source / folder).glob("*.md"))]


if __name__ == "__main__":
    sys.exit(main())
