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

# The picture of a lesson on the first page is the first that this function of `plots` drew; elsewhere the first of all.
PICTURES = {
    "01_pretext_tasks": "side_by_side",
    "03_triplet_loss": "zones",
    "05_byol": "byol_diagram",
    "07_compare": "maps_by_cost",
    "08_your_own_images": "neighbour_rows",
    "08b_defects": "heat",
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
    shutil.copytree(HERE / "static", source / "_static")
    shutil.copy(HERE / "conf.py", source)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    notebooks = [ROOT / "notebooks" / f"{name}.ipynb" for name, _ in pages.lessons(readme)]
    notebooks += sorted((ROOT / "exercises").glob("*.ipynb"))
    texts = [*texts_in("instructor"), *texts_in("docs")]
    said = pages.said_of_plots(ROOT / "ssl_course" / "plots")
    for path in notebooks:
        pictures = f"_static/pictures/{path.parent.name}/{path.stem}"
        page = pages.as_page(nbformat.read(path, as_version=4), said, source / pictures, f"../{pictures}")
        page.cells.insert(1, nbformat.v4.new_markdown_cell(download(path)))
        nbformat.write(page, made(source, path))
        shutil.copy(path, made(source / "_static", path))
    for path in [*(ROOT / "instructor").glob("*.png"), *(ROOT / "docs").glob("*.png")]:
        shutil.copy(path, made(source, path))
    known = [str(path.relative_to(ROOT)) for path in [*notebooks, *texts]]
    written = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in texts}
    written |= {Path("index.md"): first_page(readme, source), Path("results.md"): results(readme)}
    for name, text in written.items():
        kept = pages.without_links_that_lead_nowhere(text, name.parent.as_posix(), known)
        made(source, ROOT / name).write_text(kept, encoding="utf-8")


def download(path: Path) -> str:
    """A link to a notebook as it is, for who wants to run it."""
    address = f"../_static/{path.relative_to(ROOT).as_posix()}"
    return f'<p><a href="{address}" download>Download this notebook</a></p>'


def texts_in(folder: str) -> list[Path]:
    """The Markdown of a folder that is published, its README first; no examinations, since students read it."""
    found = [path for path in (ROOT / folder).glob("*.md") if not path.stem.startswith("examination")]
    return sorted(found, key=lambda path: (path.stem != "README", path.stem))


def made(source: Path, path: Path) -> Path:
    """Where a file of the repository lies among the sources; its folder is there afterwards."""
    place = source / path.relative_to(ROOT)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def first_page(readme: str, source: Path) -> str:
    """What the course is, a card for every lesson, and the lists of all pages."""
    lessons = pages.lessons(readme)
    notebooks = {name: nbformat.read(source / "notebooks" / f"{name}.ipynb", as_version=4) for name, _ in lessons}
    cards = [card(name, question, notebooks[name]) for name, question in lessons]
    short = {
        name: f"{name.partition('_')[0]} · {pages.title(notebook).split(':')[0]}"
        for name, notebook in notebooks.items()
    }
    parts = [
        readme.split("\n## ")[0],
        "## Lessons",
        "::::{container} lessons\n" + "\n".join(cards) + "\n::::",
        "## Exercises",
        pages.section(readme, "Exercises"),
        "## On your machine",
        pages.section(readme, "Two commands"),
        listed("Lessons", [f"{title} <notebooks/{name}>" for name, title in short.items()]),
        listed("Exercises", [f"exercises/{path.stem}" for path in sorted((ROOT / "exercises").glob("*.ipynb"))]),
        listed("For instructors", [f"instructor/{path.stem}" for path in texts_in("instructor")]),
        listed("More", ["results", *(f"docs/{path.stem}" for path in texts_in("docs"))]),
    ]
    return "\n\n".join(parts) + "\n"


def results(readme: str) -> str:
    """The README's results as a page of their own."""
    return f"# Results\n\n{pages.section(readme, 'Results')}\n"


def card(name: str, question: str, notebook: nbformat.NotebookNode) -> str:
    """A lesson on the first page: a picture, its title and what it answers."""
    picture = pages.first_picture(notebook, PICTURES.get(name)).replace('"../', '"')
    heading = f"[{name.partition('_')[0]} · {pages.title(notebook)}](notebooks/{name}.ipynb)"
    return "\n\n".join([":::{container} lesson", picture, heading, question, ":::"])


def listed(caption: str, names: list[str]) -> str:
    """A list of pages for the sidebar and for the order of previous and next; nothing if there are none."""
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```"]) if names else ""


if __name__ == "__main__":
    sys.exit(main())
