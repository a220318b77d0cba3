"""From the course's notebooks to pages and slides: pure functions, which need nothing but nbformat.

A notebook's figures have no words. Here each gets some: what the function that drew it says of itself, and the sentence
before it. A demo's picture says itself what it shows.
"""

import ast
import base64
import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode

ROW = re.compile(r"^\| \[(?P<name>\w+)\]\(notebooks/\w+\.ipynb\) \| (?P<question>.+?) \|", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")
SHAPE = re.compile(r",?( all| each)? \([A-Z0-9k][^)]*\)|,? (numbers )?(in|from) (\[0, 1\]|-1 to 1)|,? uint8 or floats")
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
    """The last sentence of the prose: headings, tables and folded answers are passed over."""
    kept = [line for line in markdown.splitlines() if not line.startswith(("#", "|", "---"))]
    return SENTENCE_END.split(plain("\n".join(kept)))[-1].removesuffix(":")


def figure_texts(notebook: NotebookNode, said: Mapping[str, str]) -> dict[tuple[int, int], str]:
    """What each picture of a notebook shows, by the number of its cell and of its output.

    Args:
        said: what each plot function says of itself, by name.

    Returns:
        Never empty texts: what the functions say that the cell calls, and the last sentence before it; a demo's own words.
    """
    texts, heading, before = {}, "Figure", ""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
            heading = plain(headings[-1]) if headings else heading
            before = last_sentence(cell.source) or before
            continue
        places = [place for place, output in enumerate(cell.get("outputs", [])) if "image/png" in output.get("data", {})]
        calls = [said[name] for name in re.findall(r"plots\.(\w+)\(", cell.source) if name in said]
        for turn, place in enumerate(places):
            shown = cell.outputs[place].data.get("text/plain", "")
            kinds = [calls[turn]] if len(calls) == len(places) else list(dict.fromkeys(calls))
            words = " ".join([*kinds, before]) or heading
            texts[number, place] = words if shown.startswith("<Figure") or not shown else plain(shown)
    return texts


def with_texts(notebook: NotebookNode, said: Mapping[str, str], pictures: Path, prefix: str) -> NotebookNode:
    """A copy of the notebook whose pictures are files with words: `![what it shows](prefix/cell-output.png)`.

    Args:
        said: what each plot function says of itself, by name.
        pictures: the folder into which the pictures are written.
        prefix: how the page reaches that folder.
    """
    made = copy.deepcopy(notebook)
    pictures.mkdir(parents=True, exist_ok=True)
    for (number, place), text in figure_texts(notebook, said).items():
        data = made.cells[number].outputs[place].data
        name = f"{number:02}-{place}.png"
        (pictures / name).write_bytes(base64.b64decode(data["image/png"]))
        alt = re.sub(r"([\[\]<>_&])", r"\\\1", text)
        made.cells[number].outputs[place] = nbformat.v4.new_output(
            "display_data", {"text/markdown": f"![{alt}]({prefix}/{name})", "text/plain": text}
        )
    return made


# --- pages


def lessons(readme: str) -> list[tuple[str, str]]:
    """Name and question of every lesson, in the order of the README's table."""
    return [(row["name"], row["question"]) for row in ROW.finditer(readme)]


def title(notebook: NotebookNode) -> str:
    """The heading that a notebook begins with."""
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ")


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
    """HTML in which what scrolls sideways can be reached by keyboard."""
    page = page.replace("<pre>", '<pre tabindex="0">')
    return re.sub(r'<div class="(table-wrapper[^"]*)">', r'<div class="\1" tabindex="0">', page)
