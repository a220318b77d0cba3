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


SOURCES = {
    name: cell.source
    for cell in nbformat.read(SOURCE, as_version=4).cells
    for name in re.findall(r"^def (\w+)", cell.source, re.MULTILINE)
}
SOURCES = {name: "\n".join(line for line in text.split("\n") if line[:4] != "_ = ") for name, text in SOURCES.items()}


def again(program):
    """The same program by another name, with another form of result where there is one thing to return."""

    def wrapped():
        result = program()
        return result if isinstance(result, tuple) else (result,)

    return wrapped


def changed(name, *replacements):
    """A program of the notebook with pieces of its source replaced."""
    namespace = dict(NOTEBOOK)
    source = SOURCES[name]
    for old, new in replacements:
        assert old in source
        source = source.replace(old, new)
    exec(source, namespace)
    return namespace[name]


def with_rates(rates):
    return lambda: rates(NOTEBOOK["schedule"]())


def backwards(anchor, positive, negative):
    near, far = ((anchor - other).square().sum(dim=1) for other in (positive, negative))
    return torch.relu(far - near + 0.5).mean()


def noise(*, of=torch.rand):
    return lambda: (of(64, 3, 32, 32), of(64, 3, 32, 32))


def a_little_noise():
    view1 = torch.rand(64, 3, 32, 32)
    return view1, view1 + 0.05 * torch.randn_like(view1)


def two_batches():
    pixels = NOTEBOOK["images"]()[0].images.float() / 255
    return NOTEBOOK["crop"](pixels[:64], 24), NOTEBOOK["crop"](pixels[64:128], 24)


def by_epochs():
    """The other way to mend it: T_max in epochs, and one step in each."""
    return changed(
        "schedule",
        ("            scheduler.step()\n", ""),
        ("losses.append(loss.item())\n", "losses.append(loss.item())\n        scheduler.step()\n"),
    )


def normalised_with(mean, deviation):
    return changed(
        "seen_mended",
        ("(pixels - mean) / deviation", f"(pixels - torch.tensor({mean}).view(3, 1, 1)) / {deviation}"),
    )


def normalised_in_the_model():
    """The network normalises by itself, as the course's encoders do."""

    class Normalise(torch.nn.Module):
        def __init__(self, mean, deviation):
            super().__init__()
            self.mean, self.deviation = mean, deviation

        def forward(self, pixels):
            return (pixels - self.mean) / self.deviation

    NOTEBOOK["Normalise"] = Normalise
    return changed(
        "seen_mended",
        (
            "    pixels = (pixels - mean) / deviation\n",
            "    encoder = nn.Sequential(Normalise(mean, deviation), encoder)\n",
        ),
    )


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
        ("compare with what is asked", (program, lambda *result: float("nan"))),
        ("has it been changed", (mended, symptom)),
        ("must return a number", (program, lambda *result: None)),
        ("hand over the program", program),
    ]
    WRONG[f"clinic.{name}_mended"] = [
        ("the symptom is still there", program),
        ("returns nothing", lambda: None),
        ("must return the same things", lambda: ({}, "loss", 1, 2)),
        ("it stops with KeyError", lambda: {}["loss"]),
    ]
for name, words in {"columns": "special about this matrix", "byol_too": "target's .grad"}.items():
    RIGHT[f"clinic.{name}"] = ["right", "Right", " right "]
    WRONG[f"clinic.{name}"] = [(words, "wrong")]
RIGHT["clinic.seen_mended"] += [
    changed("seen_mended", ("    pixels = (pixels - mean) / deviation\n", "")),  # in neither place
    normalised_with([0.5, 0.5, 0.5], 0.5),
    normalised_in_the_model(),
]
WRONG["clinic.seen_mended"] += [
    ("still there", changed("seen_mended", ("accuracy(model, pixels,", "accuracy(model, 2 * pixels + 3,"))),
    (
        "hardly more than guessing",
        changed("seen_mended", ("fit(features", "(lambda h, labels: fit(h, 0 * labels))(features")),
    ),
]
RIGHT["clinic.cropping_mended"] += [
    lambda: NOTEBOOK["cropping"](size=16),
    lambda: NOTEBOOK["cropping"](size=28),
    changed("cropping", ("size=32", "size=20")),
]
WRONG["clinic.cropping_mended"] += [
    ("is noise", noise()),
    ("is noise", noise(of=lambda *shape: torch.rand(shape).clamp(0.3, 0.7))),
    ("is noise", a_little_noise),
    ("isn't the same image", two_batches),
]
RIGHT["clinic.schedule_mended"] += [by_epochs(), changed("schedule", ("T_max=epochs", "T_max=200"))]
WRONG["clinic.schedule_mended"] += [
    ("never falls", with_rates(lambda rates: [1e-2] * len(rates))),
    ("never falls", changed("schedule", ("            scheduler.step()\n", ""))),
    ("longer than the run", changed("schedule", ("T_max=epochs", "T_max=400"))),
    ("no schedule", with_rates(lambda rates: [1e-2, 0.0])),
    ("no schedule", with_rates(lambda rates: [0.0] * len(rates))),
]
WRONG["clinic.triplet_mended"] += [("wrong way round", lambda: (backwards, NOTEBOOK["head"]()))]
for name in ("contrastive", "triplet", "cropping"):
    WRONG[f"clinic.{name}_symptom"] += [("of a healthy one", (PROGRAMS[name][0], lambda *result: 0.0))]
WRONG["clinic.byol_symptom"] += [("of a healthy one", (PROGRAMS["byol"][0], lambda *result: 0.04))]
