"""A run that `ssl-course train` left, opened again: its encoder, where its images are, and a classifier on top."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn.pipeline import Pipeline
from torch import Tensor, nn

from ssl_course.checkpoint import load_encoder
from ssl_course.data import ImageSet, load
from ssl_course.evaluate import fit_probe, probe_scores
from ssl_course.features import extract_features
from ssl_course.recipes import new_encoder
from ssl_course.runs import BY_NAME
from ssl_course.store import is_store, open_store

PROBED = 10_000  # training images that a probe is fitted on, unless told otherwise
NEEDED = {"method", "data", "encoder", "seed", "resolution"}  # of a recipe


@dataclass(frozen=True, eq=False)
class OpenRun:
    """A trained run.

    Attributes:
        folder: that it lies in.
        made_of: what decided its weights, plain values.
        data: where its images are, a name or folder that `load` knows.
        encoder: with the trained weights, in evaluation mode, on the processor.
        resolution: height and width of its images; None if they weren't square.
    """

    folder: Path
    made_of: dict
    data: str
    encoder: nn.Module
    resolution: int | None

    @property
    def recipe(self) -> dict:
        """What it was trained by."""
        return self.made_of["recipe"]

    @property
    def labels_from(self) -> str | None:
        """What --labels said when it was trained; None if it was left out."""
        return self.made_of.get("labels_from")

    def images(self, split: str, data: str | None = None, *, unreadable: str = "refuse") -> ImageSet:
        """Its own images or others, at its resolution; raises as `load`."""
        place = self.data if data is None else data
        if place not in BY_NAME and is_store(place):
            return open_store(place, split)
        labels = "auto" if data else self.labels_from or "auto"
        shared = {"unreadable": unreadable, "labels": None if labels == "none" else labels}
        return load(place, split, resolution=None if place in BY_NAME else self.resolution, **shared)


@dataclass(frozen=True, eq=False)
class Classifier:
    """A linear probe on a run's features.

    Attributes:
        probe: standardisation and logistic regression.
        classes: the names of what it tells apart, in the order of its scores.
        labels: int64 (K,), the numbers of these classes in the images that it was fitted on.
        fitted_on: how many images.
    """

    probe: Pipeline
    classes: tuple[str, ...]
    labels: Tensor
    fitted_on: int

    def probabilities(self, features: Tensor) -> Tensor:
        """Of each class (N, K), float64, for features (N, D)."""
        return torch.from_numpy(probe_scores(self.probe, features)).double()


def open_run(folder: Path) -> OpenRun:
    """Read a run's folder.

    Raises:
        FileNotFoundError: it is no run, or its training has left no checkpoint yet.
        ValueError: a file is damaged, or of another version.
    """
    made_of = read_description(folder)
    made = made_of["recipe"]
    if not (folder / "checkpoint.pt").is_file():
        raise FileNotFoundError(
            f"{folder} is half a run: there is no checkpoint.pt; give the command that began it again"
        )
    encoder = load_encoder(folder / "checkpoint.pt", new_encoder(made["encoder"], made["seed"], weights=False))
    height, width = made["resolution"]
    return OpenRun(folder, made_of, made_of.get("folder", made["data"]), encoder, height if height == width else None)


def read_description(folder: Path) -> dict:
    """The made_of.json of a run; raises as `open_run`."""
    description = folder / "made_of.json"
    if not description.is_file():
        raise FileNotFoundError(f"{folder} is not a run: there is no made_of.json (ssl-course train … --out makes one)")
    try:
        made_of = json.loads(description.read_text(encoding="utf-8"))
    except ValueError as failure:
        raise ValueError(
            f"{description} is broken or was only half written ({failure}): train it again with another --out"
        ) from failure
    if lacking := NEEDED - made_of.get("recipe", {}).keys():
        raise ValueError(f"{description} says nothing of {', '.join(sorted(lacking))}: no run of this version left it")
    return made_of


def fit_classifier(encoder: nn.Module, train: ImageSet, *, size: int = PROBED) -> Classifier:
    """A linear probe of an encoder, the one that `ssl-course evaluate` judges.

    Args:
        train: labelled images.
        size: how many of them at most, as even over the classes as they allow.

    Raises:
        ValueError: the images have no labels, or are of one class only.
    """
    if train.labels is None:
        raise ValueError("the run's images have no labels to learn classes from: name a labelled folder (--labelled)")
    train = train.sample(min(size, len(train)))
    features = extract_features(encoder, train.images)
    probe = fit_probe(features, train.labels, features, train.labels)
    labels = torch.from_numpy(probe.classes_)
    names = [train.classes[label] if train.classes else str(label) for label in labels.tolist()]
    return Classifier(probe, tuple(names), labels, len(train))
