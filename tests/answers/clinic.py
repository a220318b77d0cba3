"""The clinic's programs are those of the notebook's source, which holds them broken and mended."""

import re
from pathlib import Path

import nbformat
import torch

SOURCE = Path(__file__).parent.parent.parent / "exercises" / "source" / "09_find_the_bug.ipynb"
PROGRAM_NAMES = "contrastive classification triplet margin unseen seen cropping probe schedule byol"


def definitions():
    """All functions and classes of the notebook, without the cells that run or check them."""
    namespace = {"__name__": "clinic"}
    for cell in nbformat.read(SOURCE, as_version=4).cells:
        if cell.cell_type == "code" and re.search(r"^(def|class|import|from) ", cell.source, re.MULTILINE):
            source = "\n".join(line for line in cell.source.split("\n") if not line.startswith("_ = "))
            exec(source, namespace)
    namespace["show"] = lambda losses: None
    return namespace


NOTEBOOK = definitions()
PROGRAMS = {
    name: (NOTEBOOK[name], NOTEBOOK[f"symptom_{number}"], NOTEBOOK[f"{name}_mended"])
    for number, name in enumerate(PROGRAM_NAMES.split(), start=1)
}


def again(program):
    """The same program by another name, with another form of result where there is one thing to return."""

    def wrapped():
        result = program()
        return result if isinstance(result, tuple) else (result,)

    return wrapped


RIGHT, WRONG = {}, {}
for name, (program, symptom, mended) in PROGRAMS.items():
    off = lambda *result, symptom=symptom: 2 * float(symptom(*result)) + 1  # noqa: E731
    RIGHT[f"clinic.{name}_symptom"] = [
        (program, symptom),
        (again(program), symptom),
        (program, lambda *result, symptom=symptom: float(symptom(*result))),
    ]
    RIGHT[f"clinic.{name}_mended"] = [mended, again(mended), lambda mended=mended: mended()]
    WRONG[f"clinic.{name}_symptom"] = [
        ("compare with what is asked", (program, off)),
        ("has it been changed", (mended, symptom)),
        ("must return a number", (program, lambda *result: None)),
        ("hand over the program", program),
    ]
    WRONG[f"clinic.{name}_mended"] = [
        ("the symptom is still there", program),
        ("returns nothing", lambda: None),
        ("it stops with KeyError", lambda: {}["loss"]),
    ]
for name, words in {"columns": "special about this matrix", "byol_too": "target's .grad"}.items():
    RIGHT[f"clinic.{name}"] = ["right", "Right", " right "]
    WRONG[f"clinic.{name}"] = [(words, "wrong")]


def constant_rate():
    return [0.01] * 200


def two_noises():
    return torch.rand(64, 3, 32, 32), torch.rand(64, 3, 32, 32)


def seen_as_it_is():
    """Normalisation left out in training and in evaluation alike."""
    train, _ = NOTEBOOK["images"]()
    torch.manual_seed(0)
    encoder = NOTEBOOK["small_cnn"](8)
    pixels = train.images.float() / 255
    classifier = NOTEBOOK["fit"](NOTEBOOK["features"](encoder, pixels), train.labels)
    model = torch.nn.Sequential(encoder, classifier)
    return NOTEBOOK["accuracy"](model, pixels, train.labels), model, train


RIGHT["clinic.seen_mended"].append(seen_as_it_is)
WRONG["clinic.schedule_mended"] += [("hardly changes", constant_rate), ("can't be measured", lambda: "rates")]
WRONG["clinic.cropping_mended"] += [("the same pictures", two_noises), ("can't be measured", lambda: (1, 2))]
