"""From the course's notebooks to pages and slides: pure functions, which need nothing but nbformat.

A notebook's figures have no words. Here each gets some: what the function that drew it says of itself, and the sentence
before it. A demo's picture says itself what it shows.
"""

import ast
import base64
import copy
import html
import re
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode

ROW = re.compile(r"^\| \[(?P<name>\w+)\]\(notebooks/\w+\.ipynb\) \| (?P<question>.+?) \|", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")
SHAPE = re.compile(
    r",?( all| each)? \((?:[A-Z0-9k]|steps)[^)]*\)|,? (numbers )?(in|from) (\[0, 1\]|-1 to 1)|,? uint8 or floats"
)
MARK = "# NBVAL_CHECK_OUTPUT"
SENTENCE_END = re.compile(r"(?<=[.:?!])\s+(?=[A-Z*(`])")


# --- what a figure shows, in words


def said_of_plots(folder: Path) -> dict[str, str]:
    """The first sentence of every function's docstring in a folder of modules, by the function's name."""
    said = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            text = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
            if text:
                first = " ".join(text.split("\n\n")[0].split())
                said[node.name] = SHAPE.sub("", first).replace("`", "")
    return said


def plain(markdown: str) -> str:
    """Markdown without marks, formulas' dollars, HTML and links' targets, on one line."""
    text = re.sub(r"<details>.*?</details>|```.*?```|\$\$.*?\$\$", " ", markdown, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", "", text)
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return " ".join(re.sub(r"[*`$\\]", "", text).split())


def last_sentence(markdown: str) -> str:
    """The last sentence of the prose that tells something: no heading, no table, no box, best no question either."""
    kept = [line for line in markdown.splitlines() if not line.startswith(("#", "|", "---", "**Think"))]
    sentences = SENTENCE_END.split(plain("\n".join(kept)))
    telling = [sentence for sentence in sentences if not sentence.endswith("?") and sentence[:1] != "("]
    telling = [sentence for sentence in telling if not sentence.startswith("Predict")]
    return (telling or sentences)[-1].removesuffix(":")


def figure_texts(notebook: NotebookNode, said: Mapping[str, str]) -> dict[tuple[int, int], str]:
    """What each picture of a notebook shows, by the number of its cell and of its output.

    Args:
        said: what each plot function says of itself, by name.

    Returns:
        What the functions say that the cell calls, and the last sentence before it; a demo's own words. Never empty.
    """
    texts, heading, before = {}, "Figure", ""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
            heading = plain(headings[-1]) if headings else heading
            before = last_sentence(re.split(r"^#+ .+$", cell.source, flags=re.MULTILINE)[-1]) or heading
            continue
        places = [
            place for place, output in enumerate(cell.get("outputs", [])) if "image/png" in output.get("data", {})
        ]
        calls = [said[name] for name in re.findall(r"plots\.(\w+)\(", cell.source) if name in said]
        for turn, place in enumerate(places):
            shown = cell.outputs[place].data.get("text/plain", "")
            kinds = [calls[turn]] if len(calls) == len(places) else list(dict.fromkeys(calls))
            words = " ".join([*kinds, before]) or heading
            texts[number, place] = words if shown.startswith("<Figure") or not shown else " ".join(shown.split())
    return texts


def as_page(notebook: NotebookNode, said: Mapping[str, str], pictures: Path, prefix: str) -> NotebookNode:
    """A copy of the notebook as it is published: its pictures are files with words, marks for tests are left out.

    Args:
        said: what each plot function says of itself, by name.
        pictures: the folder into which the pictures are written.
        prefix: how the page reaches that folder.
    """
    made = copy.deepcopy(notebook)
    pictures.mkdir(parents=True, exist_ok=True)
    for (number, place), text in figure_texts(notebook, said).items():
        packed = base64.b64decode(made.cells[number].outputs[place].data["image/png"])
        name = f"{number:02}-{place}.png"
        (pictures / name).write_bytes(packed)
        data = {"text/html": figure(f"{prefix}/{name}", text, packed), "text/plain": text}
        made.cells[number].outputs[place] = nbformat.v4.new_output("display_data", data)
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.source = cell.source.replace(MARK, "").rstrip()
    return made


def figure(address: str, text: str, packed: bytes) -> str:
    """HTML of a PNG that says what it shows, and opens in full size."""
    width, height = struct.unpack(">II", packed[16:24])
    image = f'<img alt="{html.escape(text)}" src="{address}" width="{width}" height="{height}">'
    return f'<a class="figure" href="{address}">{image}</a>'


# --- pages


def lessons(readme: str) -> list[tuple[str, str]]:
    """Name and question of every lesson, in the order of the README's table."""
    return [(row["name"], row["question"]) for row in ROW.finditer(readme)]


def title(notebook: NotebookNode) -> str:
    """The heading that a notebook begins with."""
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ")


def first_picture(page: NotebookNode, function: str | None) -> str:
    """HTML of the first picture on a page that a function of `plots` drew, or of the first of all.

    Raises:
        ValueError: if there is none.
    """
    for cell in page.cells:
        if cell.cell_type == "code" and (function is None or f"plots.{function}(" in cell.source):
            for output in cell.outputs:
                if "<img" in output.get("data", {}).get("text/html", ""):
                    return output.data["text/html"]
    raise ValueError(f"no picture of this page was drawn by plots.{function}")


def section(text: str, heading: str) -> str:
    """What stands under a heading of the second level, without it; raises ValueError if there is none."""
    parts = re.split(rf"^## {re.escape(heading)}\n", text, flags=re.MULTILINE)
    if len(parts) != 2:
        raise ValueError(f"there must be one heading {heading!r}, got {len(parts) - 1}")
    return re.split(r"^## ", parts[1], flags=re.MULTILINE)[0].strip()


def without_links_that_lead_nowhere(text: str, place: str, pages: Iterable[str]) -> str:
    """Markdown whose relative links to what isn't on the site are text alone.

    Args:
        text: Markdown.
        place: the folder of the page, such as "docs", or "" at the top.
        pages: all that is on the site, as paths from the top.
    """
    known = set(pages)

    def kept(link: re.Match) -> str:
        target = normal(PurePosixPath(place) / link[2])
        return link[0] if target in known else link[1]

    return LINK.sub(kept, text)


def normal(path: PurePosixPath) -> str:
    """A path without `..` in it."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def reachable(page: str) -> str:
    """HTML in which what scrolls sideways can be reached by keyboard, and the sidebar's headings have a level."""
    page = page.replace("<pre>", '<pre tabindex="0">').replace(' role="heading">', ' role="heading" aria-level="2">')
    return re.sub(r'<div class="(table-wrapper[^"]*|output text_html)">', r'<div class="\1" tabindex="0">', page)
