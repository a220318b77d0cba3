"""What holds for the repository as a whole: imports point one way, and the two lists of dependencies agree."""

import ast
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ssl_course"

# Which modules of the package each may import: those on a lower line, and those named beside it.
NAMES = "rotation jigsaw inpainting cutpaste autoencoder triplet simclr moco byol simsiam mae supervised order cpc clip"
NAMES += " ijepa lejepa"
METHODS = {f"methods.{name}" for name in NAMES.split()}
SIMCLRS_RELATIVES = {"methods.barlow_twins", "methods.vicreg"}  # SimCLR with another loss
BYOLS_RELATIVES = {"methods.dino"}  # with its schedule
FIGURES = "defects results start pretext painting margins contrast collapse masks folder inspection words sound video"
FIGURES += " pairs prediction world"
LANGUAGE = {"methods.masked_words", "methods.next_word", "methods.masked_pair"}
SETS = "start pretext autoencoder triplet byol mae compare own_images defects language sound video clinic"
SETS += " image_and_text self_distillation prediction"
LIVE = {path.stem for path in (PACKAGE / "live").glob("*.py")} - {"core", "__init__"}  # no demo knows another
LAYERS = [
    {"pictures", "naming", "mapped", "store_file"},
    {"folders"},
    {"samples"},
    {"wav", "waves"},
    {"speech"},
    {"features", "clip_folder"},
    {
        "shapes",
        "sentences",
        "ngrams",
        "planted",
        "manuals",
        "characters",
        "sounds",
        "surfaces",
        "tiles",
        "augment",
        "networks",
        "precision",
        "results",
        "cost",
        "compiled",
        "logistic",
        "muon",
        "fingerprint",
        "checkpoint",
        "pretrained",
        "surprise",
        "vocabulary",
        "bag",
    },
    {"splits", "memory", "parallel", "clips"},
    {"data", "decoding", "vit", "frames", "methods.two_views", "pushed"},
    {"language", "pairs", "planning", "attention"},
    {"captions", "glyphs", "captioned"},
    {"scenes"},
    METHODS | {"methods.masked_words"},
    SIMCLRS_RELATIVES | BYOLS_RELATIVES | {"methods.next_word", "methods.masked_pair"},
    {"methods.koleo"},  # DINO with a term more
    {"methods.world_model"},  # which takes its regulariser from VICReg
    {"methods"},
    {"nearest"},
    {"train", "store", "tables", "recipes", "practice"},
    {"plots.general"},
    {f"plots.{name}" for name in FIGURES.split()} | {"plots.attention"},
    {"evaluate", "plots", "profiles", "ready", "normality"},
    {"report", "listening"},
    {"inspection.files"},
    {"inspection.copies", "inspection.detail", "inspection.cost"},
    {"inspection.groups"},
    {"inspection.findings"},
    {"inspection.report"},
    {"inspection.save", "inspection"},
    {"runs"},
    {"compare", "reopen"},
    {"lookup", "card"},
    {"deploy"},
    {"live.core"},
    {f"live.{name}" for name in LIVE},
    {"live"},
    {"warmup", "publish", "feedback", "logbook"},
    {"checks.reading"},
    {"checks.engine"},
    {"checks.simclr"},  # with vectors for views, which others take from it
    {f"checks.{name}" for name in SETS.split()},
    {"checks"},
    {"grading", "grading.reading", "grading.landlock", "grading.wire"},
    {"grading.sandbox", "grading.judge", "grading.cells"},
    {"grading.report"},
    {"grading.session", "grading.worker"},
    {"grade_worker", "grade"},
    {"cli"},
    {"__main__"},
]
METHOD_MODULES = METHODS | SIMCLRS_RELATIVES | BYOLS_RELATIVES | LANGUAGE | {"methods", "methods.world_model"}


def imports(path):
    """The modules of this package that a file imports, as dotted names without the package's own."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ssl_course"):
            base = node.module.removeprefix("ssl_course").strip(".")
            modules = [f"{base}.{alias.name}".strip(".") for alias in node.names]
            yield from (module if file_of(module).exists() else base for module in modules)


def file_of(module):
    place = PACKAGE / module.replace(".", "/")
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def test_imports_point_one_way():
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    files = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]
    assert {name_of(path) for path in files} == set(layer)
    wrong = [
        (name_of(path), module) for path in files for module in imports(path) if layer[module] >= layer[name_of(path)]
    ]
    assert wrong == []


def test_the_loop_knows_no_method():
    assert METHOD_MODULES.isdisjoint(imports(PACKAGE / "train.py"))


def bounds(requirement):
    name, bound = re.fullmatch(r"([\w.-]+?)(?:\[.*\])?\s*((?:[<>=!~]=?.*)?)", requirement).groups()
    conda_names = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
    return conda_names.get(name, name), bound.replace(" ", "")


def test_conda_and_pip_ask_for_the_same_versions():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = dict(map(bounds, [*project["dependencies"], *project["optional-dependencies"]["lab"]]))
    wanted["python"] = project["requires-python"]
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert dict(bounds(entry) for entry in listed if isinstance(entry, str) and entry != "pip") == wanted
    assert listed[-1] == {"pip": ["-e ."]}
