"""Execute the notebooks in order and write their outputs: what `make notebooks` does.

One at a time, each in a fresh kernel, with the quick profile, without progress bars and cell
times, so that doing it twice on one machine gives the same bytes. Each notebook keeps a
fingerprint of the code that made its outputs; a test compares it with the code as it is.
"""

import argparse
import ast
import base64
import hashlib
import importlib
import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import nbformat
from nbclient import NotebookClient
from PIL import Image, ImageChops, ImageStat

from ssl_course import results
from ssl_course.fingerprint import as_text, code_behind, is_code, is_plain
from ssl_course.ready import cards

HERE = Path(__file__).parent
LIMIT = 900  # seconds for one cell
NOT_SEEN = 0.5  # of 255, on average: what a picture may lose with all but 256 of its colours
NOT_SEEN_IN_GRAIN = 1.2  # the same for photographs, which are those of more bytes than this:
GRAINY = 130_000


def fingerprint(notebook: nbformat.NotebookNode) -> str:
    """A hash of the notebook's code, of the package's code that it uses, and of results it reads.

    Comments and docstrings of the package don't count.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and not installs(cell)]
    source = "\n".join(cell.source for cell in code)
    used = list(used_of_the_package(ast.parse(source)))
    parts = [source, code_behind(*filter(is_code, used), registries=True)]
    parts += sorted(as_text(value) for value in used if not is_code(value))
    parts += [file.read_text(encoding="utf-8") for file in results_read(ast.parse(source))]
    parts += [json.dumps(card, sort_keys=True) for card in encoders_read(ast.parse(source))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def installs(cell: nbformat.NotebookNode) -> bool:
    """Whether it is the cell that `ssl-course publish` writes: another one in every fork."""
    return "install" in cell.metadata.get("tags", [])


def used_of_the_package(tree: ast.Module) -> Iterator[object]:
    """The functions, classes and constants of ssl_course that a notebook's code names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("ssl_course"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
                value = getattr(module, alias.name)
                yield from (
                    attributes(tree, alias.name, value)
                    if isinstance(value, ModuleType)
                    else entries(value)
                )


def attributes(tree: ast.Module, name: str, module: ModuleType) -> Iterator[object]:
    """What a notebook uses of a module as `name.attribute`."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == name
        ):
            yield from entries(getattr(module, node.attr))


def entries(value: object) -> Iterator[object]:
    """A function, class or plain constant itself; of a table of functions or classes each one."""
    if is_code(value) or is_plain(value):
        yield value
    elif isinstance(value, dict):
        yield from filter(is_code, value.values())


def results_read(tree: ast.Module) -> list[Path]:
    """The committed results that a notebook's code names, or that the baselines come from."""
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    words |= set(results.BASELINES.values()) if "baselines" in names else set()
    return sorted(file for file in results.FOLDER.glob("*.json") if file.stem in words)


def encoders_read(tree: ast.Module) -> list[dict]:
    """The cards of the ready encoders that a notebook's code names, if it takes any."""
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return [card for name, card in cards().items() if name in words] if "ready" in names else []


def execute(path: Path) -> None:
    """Run one notebook from the top and write it back, if it ran to its end."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=LIMIT, record_timing=False, resources={"metadata": {"path": str(HERE)}}
    )
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [smaller(still(output)) for output in joined(cell.outputs)]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "ssl_course": {"made_from": fingerprint(notebook)},
    }
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Text that came in pieces as one output: how it is cut depends on how busy the machine is."""
    whole = []
    for output in outputs:
        last = whole[-1] if whole else None
        stream = last is not None and output.output_type == last.output_type == "stream"
        if stream and output.name == last.name:
            last.text += output.text
        else:
            whole.append(output)
    return whole


def still(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A demo's output without its widget, which nobody can move in a file: its picture stays.

    Raises:
        ValueError: if it has no picture.
    """
    data = output.get("data", {})
    if data.pop("application/vnd.jupyter.widget-view+json", None) and "image/png" not in data:
        raise ValueError(f"a widget without a picture for where nothing runs: {data}")
    return output


def smaller(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The same picture in fewer bytes: packed harder, no opaque alpha, 256 colours if these do."""
    if "image/png" in output.get("data", {}):
        picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
        if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
            picture = picture.convert("RGB")
        packed = as_png(picture)
        if picture.mode == "RGB":
            few = picture.quantize(256, kmeans=3)
            error = ImageStat.Stat(ImageChops.difference(picture, few.convert("RGB"))).mean
            limit = NOT_SEEN_IN_GRAIN if len(packed) > GRAINY else NOT_SEEN
            packed = as_png(few) if max(error) <= limit else packed
        output.data["image/png"] = base64.b64encode(packed).decode()
    return output


def as_png(picture: Image.Image) -> bytes:
    packed = io.BytesIO()
    picture.save(packed, "png", optimize=True)
    return packed.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all, in reading order")
    # numbers depend on how many threads compute them
    os.environ.update(
        SSL_COURSE_PROFILE="quick", SSL_COURSE_THREADS="1", OMP_NUM_THREADS="1", TQDM_DISABLE="1"
    )
    for path in parser.parse_args().notebooks or sorted(HERE.glob("*.ipynb")):
        start, before = time.perf_counter(), os.times()
        execute(path)
        after = os.times()
        kernel = after.children_user + after.children_system
        busy = kernel - before.children_user - before.children_system
        seconds = time.perf_counter() - start
        print(f"{path.name}: {seconds:.0f} s, processors busy for {busy:.0f} s", flush=True)


if __name__ == "__main__":
    main()
