"""How the course trains each method: everything that decides a run, resolved into one frozen, printable `Recipe`.

The two tables below are the only place where settings are chosen. They were chosen on images held back from the
training split, never on the test split.
"""

import functools
import inspect
import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType, UnionType
from typing import get_args

import torch
from torch import nn

from ssl_course.augment import Augment
from ssl_course.cost import training_flops
from ssl_course.methods import ALL, Supervised
from ssl_course.networks import ENCODERS
from ssl_course.pretrained import PREFIX, is_pretrained, pretrained, unweighted
from ssl_course.results import read
from ssl_course.vit import TRANSFORMERS

# What all methods share, by the kind of images. `budget` is in passes of SimCLR: every method gets as many passes as
# cost the same. The built-in shapes are turned by any angle (nothing tells which way is up), keep at least 60 % of the
# area (a smaller crop can miss the shape) and are mostly grey, since their colours say nothing; photographs get
# SimCLR's crops, flips and colours, which are `Augment`'s defaults.
USUAL = {
    "shapes": {
        "size": 6000,
        "budget": 3,
        "batch_size": 32,
        "lr": 3e-3,
        "probe": 4000,
        "views": {"crop": 0.6, "rotation": 180.0, "grayscale": 0.8},
    },
    "photographs": {
        "size": 20_000,
        "budget": 15,
        "batch_size": 256,
        "lr": 4e-3,
        "probe": 10_000,
        "views": {},
    },
}
# What a method changes of that. A pretext task must not destroy its own answer, and a method that paints pixels gets
# them with their colours. On the built-in images most tiles of a jigsaw are of one colour, and to normalise those shows
# noise; on photographs, a jigsaw that is trained on normalised tiles would be judged on plain pictures, which it has
# never seen. MoCo's queue should be short beside the number of images, or it holds each image itself, as its own
# negative.
COLOURS_AS_THEY_ARE = {"jitter": 0.0, "grayscale": 0.0}
OWN = {
    "shapes": {
        "rotation": {"views": {"rotation": 0.0}},
        "jigsaw": {"views": {"rotation": 0.0}, "options": {"normalise": False}},
        "inpainting": {"views": COLOURS_AS_THEY_ARE},
        "autoencoder": {"views": COLOURS_AS_THEY_ARE},
        "vae": {"views": COLOURS_AS_THEY_ARE},
        "moco": {"options": {"length": 1024, "temperature": 0.07}},
        "byol": {"lr": 1e-3, "options": {"decay": 0.9}},
        "simsiam": {"lr": 1e-3},
        "mae": {
            "encoder": "small_vit",
            "lr": 2e-3,
            "views": COLOURS_AS_THEY_ARE,
            "options": {"normalised": False, "width": 32},
        },
        "dino": {
            "encoder": "small_vit",
            "lr": 2e-3,
            "options": {"local": 2, "share": 0.75, "decay": 0.9, "teacher_temperature": 0.05},
        },
        "ijepa": {"encoder": "small_vit", "lr": 2e-3, "views": COLOURS_AS_THEY_ARE},
        "untrained_vit": {"encoder": "small_vit"},
    },
    "photographs": {
        "rotation": {"batch_size": 64, "views": {"rotation": 0.0}, "options": {"every": True}},
        "jigsaw": {"views": {"rotation": 0.0}, "options": {"normalise": False}},
        "inpainting": {"views": COLOURS_AS_THEY_ARE},
        "autoencoder": {"views": COLOURS_AS_THEY_ARE},
        "vae": {"views": COLOURS_AS_THEY_ARE},
        "moco": {"lr": 2e-3},
        "byol": {"batch_size": 64, "lr": 4e-3 / 3, "views": {"crop": 0.4}, "options": {"decay": 0.9}},
        "simsiam": {"batch_size": 64, "lr": 4e-3 / 3, "views": {"crop": 0.4}},
        "barlow_twins": {"options": {"weight": 0.02}},
        "mae": {"encoder": "wide_vit", "batch_size": 64, "lr": 4e-3 * 2 / 3, "views": COLOURS_AS_THEY_ARE},
        "dino": {"encoder": "wide_vit", "batch_size": 64, "lr": 4e-3 / 3},
        "ijepa": {"encoder": "wide_vit", "batch_size": 64, "lr": 4e-3 * 2 / 3, "views": COLOURS_AS_THEY_ARE},
        "untrained_vit": {"encoder": "wide_vit"},
    },
}
# What a method changes of both, in runs of LONG_RUN times the usual budget and more: the `chosen` of
# results/tuning_shapes.json, which `benchmarks/tuning.py` writes.
LONG_RUN = 3
LONG = {"shapes": read("tuning_shapes")["chosen"], "photographs": {}}
# `recipe(…, full=True)`: what published runs on CIFAR-10 take, for a GPU, all photographs and a ResNet-18. Not tuned
# here, and not measured here at this length.
FULL = {
    "encoder": "resnet18",
    "size": None,
    "passes": 200,  # as lightly's table of CIFAR-10 (2022); solo-learn's makes 1,000
    "batch_size": 512,  # Chen et al. 2020, B.9: larger ones gave little there
    "optimizer": "sgd",  # momentum 0.9 and one cosine: lightly's table
    "lr": 0.12,  # 0.06 for 256 images, in proportion to the batch (Goyal et al. 2017); lightly's table has twice that
    "weight_decay": 5e-4,  # Chen & He 2021, appendix D; lightly's table
    "warmup": 0.05,  # 10 of 200 passes: Chen et al. 2020, B.6
    "probe": 50_000,
    "views": {"grayscale": 0.1},  # no blur: Chen et al. 2020, B.9; grey half as often as there
}
FULL_OWN = {
    "simclr": {"options": {"temperature": 0.5}},  # Chen et al. 2020, B.9
    # 4096 keys, 0.1 and 0.99: lightly's table; symmetric: the authors' own example for CIFAR-10
    "moco": {"options": {"length": 4096, "temperature": 0.1, "decay": 0.99, "symmetric": True}},
    "byol": {"options": {"decay": 0.99, "hidden": 1024, "outputs": 256}},  # lightly's table
    "simsiam": {"batch_size": 128, "lr": 0.03},  # lightly's table: 128; the rate as above
    "barlow_twins": {"options": {"weight": 5e-3}},  # Zbontar et al. 2021, section 3.1
    "vicreg": {},  # 25, 25, 1, its defaults: Bardes et al. 2022, section 4.2
    "mae": {  # as reproductions for CIFAR-10 take it: 2x2 pixels, 12 + 4 layers of 192, 1.5e-4 for 256 images
        "encoder": "deep_vit",
        "passes": 2000,  # He et al. 2022, A.1, has 800 on 25 times as many images
        "optimizer": "adamw",  # betas 0.9 and 0.95, as everywhere here: He et al. 2022, A.1
        "lr": 3e-4,
        "weight_decay": 0.05,  # He et al. 2022, A.1
        "warmup": 0.1,
        "views": COLOURS_AS_THEY_ARE,  # crops and flips only: He et al. 2022, A.1
        "options": {"ratio": 0.75, "width": 192, "depth": 4},
    },
}
FLOORS = ("pixels", "untrained", "untrained_vit")  # rows of a table that aren't trained
ROWS = (*FLOORS, *ALL, "supervised")
NETWORKS = {**ENCODERS, **TRANSFORMERS}
SIZED = {"inpainting", "autoencoder", "vae"}  # their decoders must know how large the images are
GIVEN = {"encoder", "size", "augment", "classes"}  # arguments of a method that a recipe has as fields of its own


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run; `print` shows it as a table. `recipe` makes one.

    Attributes:
        method: one of ROWS: a method, "supervised", or a floor, which isn't trained.
        data: a name or folder that `load` knows.
        size: training images; None for all there are.
        resolution: their height and width.
        encoder: a name in NETWORKS, or one that `pretrained` knows.
        views: every setting of `Augment`.
        options: every keyword argument of the method, defaults too, that can be written as a plain value.
        passes: over the training images; 0 for a floor.
        batch_size, lr, weight_decay, warmup: as in `pretrain`.
        seed: of the images' choice, the first weights, order and views.
        probe: labelled training images that the judges may see.
        tuning_steps, tuning_lr, tuning_views: of fine-tuning, in batches of at most 64; a third and three times the
            rate are tried, too.
        optimizer: as in `pretrain`.
    """

    method: str
    data: str
    size: int | None
    resolution: tuple[int, int]
    encoder: str
    views: Mapping[str, object]
    options: Mapping[str, object]
    passes: int
    batch_size: int
    lr: float
    weight_decay: float
    warmup: float
    seed: int
    probe: int
    tuning_steps: int
    tuning_lr: float
    tuning_views: Mapping[str, object]
    optimizer: str = "adamw"

    def as_dict(self) -> dict:
        """Plain values only, as JSON keeps them."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.loads(json.dumps(values, default=dict))

    def __reduce__(self) -> tuple:
        """For another process: a read-only mapping can't be sent there, so a recipe is sent as a plain dict."""
        return _received, ({name: _plain(value) for name, value in vars(self).items()},)

    def __str__(self) -> str:
        lines = []
        for name, value in self.as_dict().items():
            shown = ", ".join(f"{key} {part}" for key, part in value.items()) if isinstance(value, dict) else str(value)
            lines += textwrap.wrap(f"{name:<14}{shown}", width=98, subsequent_indent=14 * " ") or [name]
        return "\n".join(lines)


def _merged(first: dict, second: dict) -> dict:
    """Both, the second over the first, views and options entry by entry."""
    inner = {name: first.get(name, {}) | second[name] for name in ("views", "options") if name in second}
    return first | second | inner


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _received(values: dict) -> Recipe:
    return Recipe(
        **{name: MappingProxyType(value) if isinstance(value, dict) else value for name, value in values.items()}
    )


def recipe(
    method: str,
    data: str = "shapes",
    *,
    views: Mapping[str, object] | None = None,
    options: Mapping[str, object] | None = None,
    budget: float | None = None,
    passes: int | None = None,
    scale: float = 1,
    tuned: bool = True,
    full: bool = False,
    **changes: object,
) -> Recipe:
    """The recipe of a method on a data set, with whatever is changed of it.

    Args:
        method: one of ROWS.
        data: the data set's name in `load`, or a folder.
        views: settings of `Augment` to change.
        options: keyword arguments of the method to change.
        budget: passes of SimCLR; the method gets as many as cost the same, at least one.
        passes: of the method itself, in place of a budget.
        scale: times the budget; from LONG_RUN on, the settings are those of longer runs.
        tuned: whether they are; without, they stay those of the usual run.
        full: whether to take what published runs on CIFAR-10 take (a ResNet-18, 200 passes), for a GPU.
        changes: other fields of `Recipe`; None leaves one as it is.

    Raises:
        ValueError: if the method, a field or an option isn't known, or there is no full recipe of it.
    """
    if method not in ROWS:
        raise ValueError(f"method must be one of {', '.join(ROWS)}, got {method!r}")
    usual, own = _published(method, data) if full else (USUAL[image_kind(data)], OWN[image_kind(data)].get(method, {}))
    if not full and tuned and scale >= LONG_RUN:
        own = _merged(own, LONG[image_kind(data)].get(method, {}))
    changes = {name: value for name, value in changes.items() if value is not None}
    known = {field.name for field in fields(Recipe)} - {"method", "data", "views", "options", "passes", "tuning_views"}
    if unknown := set(changes) - known:
        raise ValueError(f"a recipe has no {', '.join(sorted(unknown))}; it has: {', '.join(sorted(known))}")
    _check_rate(usual | own, changes)
    values = {"resolution": (32, 32), "encoder": "small_cnn", "weight_decay": 0.05, "warmup": 0.1, "seed": 0}
    values |= {"tuning_steps": 200, "tuning_lr": 1e-3, "tuning_views": _views(usual["views"])}
    values |= {name: value for name, value in (usual | own | changes).items() if name not in ("budget", "views")}
    passes = values.pop("passes", None) if passes is None and budget is None else passes
    values.pop("passes", None)
    if own.get("encoder") in TRANSFORMERS:
        values["encoder"] = own["encoder"]  # such as a method that leaves out patches: it takes no other
    check_encoder(values["encoder"])
    values["options"] = _options(method, own.get("options", {}) | dict(options or {}))
    values["views"] = _views(usual["views"] | own.get("views", {}) | dict(views or {}))
    made = Recipe(method=method, data=str(data), passes=passes or 0, **values)
    if passes is None and method not in FLOORS:
        budget = usual["budget"] if budget is None else budget
        made = replace(made, passes=passes_at_equal_cost(made, scale * budget))
    return made


def _check_rate(own: dict, changes: dict) -> None:
    """ValueError if a recipe's rate is for sgd and another optimizer is asked for without one, or the other way."""
    before = own.get("optimizer", "adamw")
    after = changes.get("optimizer", before)
    if (before == "sgd") != (after == "sgd") and not {"lr", "weight_decay"} <= set(changes):
        usual = "0.06 for 256 images, 5e-4" if after == "sgd" else "4e-3 for 256 photographs, 0.05"
        raise ValueError(
            f"the rate and weight decay of this recipe are for {before}: give those for {after}, too "
            f"(lr and weight_decay, on the command line --lr and --weight-decay; usual ones are {usual})"
        )


def _published(method: str, data: str) -> tuple[dict, dict]:
    """The shared and the own settings of a full recipe; ValueError if there is none."""
    if method not in FULL_OWN:
        raise ValueError(f"there is no full recipe of {method}; there is one of {', '.join(FULL_OWN)}")
    if image_kind(data) != "photographs":
        raise ValueError(f"full recipes are for photographs of 32x32 pixels, such as cifar10, not for {data}")
    return FULL, FULL_OWN[method]


def image_kind(data: str) -> str:
    """What a data set's images are, by its name in `load`: "shapes" or "photographs"."""
    return "shapes" if str(data) == "shapes" else "photographs"


def augmentation(data: str, **changes) -> Augment:
    """The usual views for a data set by its name in `load`; keyword arguments change single parts of them."""
    return Augment(**USUAL[image_kind(data)]["views"] | changes)


def training(method: str, data: str, *, batch_size: int, lr: float) -> dict:
    """`batch_size` and `lr` for `pretrain`: those given, in the proportion of a method's own to the usual ones."""
    usual, own = USUAL[image_kind(data)], OWN[image_kind(data)].get(method, {})
    share = {name: own.get(name, usual[name]) / usual[name] for name in ("batch_size", "lr")}
    return {"batch_size": round(share["batch_size"] * batch_size), "lr": share["lr"] * lr}


def takes_transformer(method: str) -> bool:
    """Whether a method always has a transformer for its encoder, and so another floor than the rest of a table."""
    return OWN["shapes"].get(method, {}).get("encoder") in TRANSFORMERS


def check_encoder(name: str) -> None:
    """ValueError if there is no such encoder."""
    if name not in NETWORKS and not is_pretrained(name):
        raise ValueError(f"encoder must be one of {', '.join(NETWORKS)}, or {PREFIX}NAME, got {name!r}")


def new_encoder(name: str, seed: int, *, weights: bool = True) -> nn.Module:
    """An encoder with the first weights of this seed; torch's own generator is left as it was.

    Args:
        name: one of NETWORKS, or a name that `pretrained` knows, whose first weights are those that others trained.
        weights: whether a pretrained one gets these; without, it can be read into.

    Raises:
        ValueError: if there is no such encoder; and as `pretrained`.
    """
    check_encoder(name)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return _network(name, weights=weights)


def _network(name: str, *, weights: bool = True) -> nn.Module:
    if is_pretrained(name):
        return pretrained(name) if weights else unweighted(name)
    return NETWORKS[name]()


def make(recipe: Recipe, classes: int = 10) -> nn.Module:
    """The method of a recipe with its first weights; torch's own generator is left as it was.

    Args:
        classes: how many, for "supervised" alone.

    Raises:
        ValueError: if the recipe is of a floor, which has no method, or an option is out of range.
    """
    if recipe.method in FLOORS:
        raise ValueError(f"{recipe.method} isn't trained: there is no method to make")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        encoder, augment = _network(recipe.encoder), Augment(**recipe.views)
        if recipe.method == "supervised":
            return Supervised(encoder, classes, augment=augment, **recipe.options)
        sized = {"size": tuple(recipe.resolution)} if recipe.method in SIZED else {}
        return ALL[recipe.method](encoder, augment=augment, **sized, **recipe.options)


def build(
    method: str, data: str, *, size: int | tuple[int, int] = 32, seed: int = 0, encoder: str | None = None, **options
) -> nn.Module:
    """The method of `recipe(method, data, …)`, for a lesson that trains it by hand.

    Args:
        size: height and width of the images, or both as a pair.
        seed: of the first weights.
        encoder: a name in `ENCODERS`; MAE always takes a transformer.
        options: keyword arguments of the method.

    Raises:
        ValueError: if a name isn't known, or an option is out of range.
    """
    if method not in ALL:
        raise ValueError(f"method must be one of {', '.join(ALL)}, got {method!r}")
    pair = (size, size) if isinstance(size, int) else tuple(size)
    changed = {name: value for name, value in options.items() if not isinstance(value, nn.Module)}
    made = recipe(method, data, passes=1, resolution=pair, seed=seed, encoder=encoder, options=changed)
    modules = {name: value for name, value in options.items() if isinstance(value, nn.Module)}
    return make(replace(made, options=MappingProxyType({**made.options, **modules})))


def passes_at_equal_cost(made: Recipe, budget: float) -> int:
    """Passes over the images that cost what `budget` passes of SimCLR cost, at least one."""
    return max(1, round(budget * simclr_cost(made) / cost(made)))


def cost(made: Recipe) -> float:
    """Floating-point operations per image of one training step."""
    return training_flops(make(made), made.resolution)


def simclr_cost(made: Recipe) -> float:
    """What `cost` is for SimCLR on the images of a recipe, with its encoder (the usual one if that's a transformer)."""
    return _simclr_cost(made.resolution, "small_cnn" if made.encoder in TRANSFORMERS else made.encoder)


@functools.cache
def _simclr_cost(resolution: tuple[int, int], encoder: str) -> float:
    with torch.random.fork_rng(devices=[]):
        return training_flops(ALL["simclr"](_network(encoder, weights=False)), resolution)


def option_types(method: str) -> dict[str, object]:
    """The keyword arguments of a method that can be written as plain values, with their annotations."""
    kind = ALL.get(method, Supervised)
    found = inspect.signature(kind).parameters.items()
    return {name: part.annotation for name, part in found if name not in GIVEN and not _holds_module(part.annotation)}


def read_option(method: str, name: str, text: str) -> object:
    """The value of an option as it was typed on the command line, by the annotation of the method's argument.

    Raises:
        ValueError: if the method has no such option, or the text is no value of its kind.
    """
    known = option_types(method)
    if name not in known:
        raise ValueError(f"{method} has no option {name}; it has: {', '.join(sorted(known)) or 'none'}")
    for kind in get_args(known[name]) if isinstance(known[name], UnionType) else (known[name],):
        try:
            return _read(kind, text)
        except ValueError:
            continue
    raise ValueError(f"{name} must be {_called(known[name])}, got {text!r}")


def read_view(name: str, text: str) -> object:
    """The value of a setting of `Augment` as it was typed on the command line.

    Raises:
        ValueError: if views have no such setting, or the text is no value of its kind.
    """
    known = {found.name: found.annotation for found in inspect.signature(Augment).parameters.values()}
    if name not in known:
        raise ValueError(f"views have no {name}; they have: {', '.join(sorted(known))}")
    kind = Sequence[float] if known[name] == tuple[float, float] else known[name]
    try:
        return _read(kind, text)
    except ValueError:
        raise ValueError(f"{name} must be {_called(kind)}, got {text!r}") from None


def _read(kind: object, text: str) -> object:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if kind is bool and text.lower() in words:
        return words[text.lower()]
    if kind in (int, float, str):
        return kind(text)
    if kind is type(None) and text.lower() == "none":
        return None
    if kind == Sequence[float]:
        return tuple(float(part) for part in text.strip("()[] ").split(","))
    raise ValueError(text)


def _called(kind: object) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", type(None): "none"}
    parts = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return " or ".join(names.get(part, "numbers with commas") for part in parts)


def _holds_module(kind: object) -> bool:
    parts = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return any(isinstance(part, type) and issubclass(part, nn.Module) for part in parts)


def _options(method: str, changes: dict) -> Mapping[str, object]:
    """Every option of a method: its default, or what is changed."""
    if method in FLOORS:
        return MappingProxyType({})
    parameters, known = inspect.signature(ALL.get(method, Supervised)).parameters, option_types(method)
    if unknown := set(changes) - set(parameters) | set(changes) & GIVEN:
        raise ValueError(
            f"{method} has no option {', '.join(sorted(unknown))}; it has: {', '.join(sorted(known)) or 'none'}"
        )
    return MappingProxyType({name: parameters[name].default for name in known} | changes)


def _views(changes: dict) -> Mapping[str, object]:
    """Every setting of `Augment`: its default, or what is changed."""
    defaults = {name: part.default for name, part in inspect.signature(Augment).parameters.items()}
    if unknown := set(changes) - set(defaults):
        raise ValueError(f"views have no {', '.join(sorted(unknown))}; they have: {', '.join(defaults)}")
    return MappingProxyType(defaults | changes)
