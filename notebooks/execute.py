"""Execute the notebooks in order and write their outputs: what `make notebooks` does.

One at a time, each in a fresh kernel, with the quick profile, without progress bars and cell
times, so that doing it twice on one machine gives the same bytes. Each notebook keeps a
fingerprint of the code that made its outputs; a test compares it with the code as it is.
"""

import argparse
import ast
import hashlib
import os
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "ssl_course"
LIMIT = 900  # seconds for one cell
# By the lessons; nor do they use the checks of the exercises.
UNUSED = ("cli.py", "grade.py", "grade_worker.py")


def fingerprint(notebook: nbformat.NotebookNode) -> str:
    """A hash of the notebook's code and the package's; comments and docstrings don't count."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    files = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in UNUSED)
    files = [path for path in files if path.parent.name != "checks"]
    parts = cells + [_without_docstrings(path.read_text()) for path in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _without_docstrings(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree)


def execute(path: Path) -> None:
    """Run one notebook from the top and write it back, if it ran to its end."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=LIMIT, record_timing=False, resources={"metadata": {"path": str(HERE)}}
    )
    client.execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "ssl_course": {"made_from": fingerprint(notebook)},
    }
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all, in reading order")
    os.environ.update(SSL_COURSE_PROFILE="quick", TQDM_DISABLE="1")
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
