"""The cells of a notebook, whatever its encoding and format, and hand-ins that are no notebooks."""

import codecs
import json
from pathlib import Path

LARGEST = 200_000_000  # bytes of a notebook
HAND_INS = {".7z", ".doc", ".docx", ".gz", ".html", ".odt", ".pdf", ".py", ".rar", ".rtf", ".tar", ".zip"}
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def submissions(folder: Path) -> tuple[list[Path], list[Path]]:
    """The notebooks under a folder, and the other files that look handed in, each sorted."""
    found = [path for path in sorted(folder.rglob("*")) if ".ipynb_checkpoints" not in path.parts]
    notebooks = [path for path in found if path.suffix.lower() == ".ipynb"]
    others = [path for path in found if path.suffix.lower() in HAND_INS and not path.is_dir()]
    return notebooks, others


def text_of(raw: bytes) -> str:
    """The text of a file in UTF-8 (with or without a mark), UTF-16 with its mark, or else Latin-1."""
    if raw.startswith(UTF16):
        return raw.decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def sources(notebook: Path) -> list[str]:
    """The code of a notebook of format 3 or later, a text for each code cell.

    Raises:
        ValueError: if it can't be read or isn't a notebook.
    """
    try:
        if notebook.stat().st_size > LARGEST:
            raise ValueError(f"larger than {LARGEST // 10**6} MB")
        content = json.loads(text_of(notebook.read_bytes()))
        pages = content.get("worksheets", [content])
        cells = [cell for page in pages for cell in page["cells"] if cell.get("cell_type") == "code"]
        return [_joined(cell.get("source", cell.get("input"))) for cell in cells]
    except OSError as error:
        reason = "it is a folder" if notebook.is_dir() else error.strerror
        raise ValueError(f"{notebook.name} can't be read: {reason}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"[:100]
        raise ValueError(f"{notebook.name} is not a notebook ({reason})") from error


def _joined(source: str | list[str] | None) -> str:
    return source if isinstance(source, str) else "".join(source or [])


def python(source: str) -> str:
    """A cell as plain Python: `%`, `!` and `?` as IPython reads them, so not inside brackets or texts."""
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return source
    try:
        return TransformerManager().transform_cell(source)
    except SyntaxError:
        return source  # Python names the place when it runs
