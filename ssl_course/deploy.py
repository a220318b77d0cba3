"""A trained run as files that need nothing of this package: model.pt2, model.onnx, a card and an example.

Each file is read again and compared with the run before anything is handed out: an exported model can work for the
number of images that it was traced with and for no other, or answer without an error and be wrong every time.
"""

import copy
import importlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.card import example, model_card
from ssl_course.data import ImageSet
from ssl_course.features import extract_features
from ssl_course.reopen import PROBED, Classifier, OpenRun, fit_classifier

SIZES = (1, 7)  # images at a time that a file is checked with; it is traced with another number
TRACED = 3
CHECKED = 32  # images of the run's data
TOLERANCE = 1e-4  # of a feature, in shares of the largest
CHANCE = 1e-3  # tolerance of a probability
EXTRA = ("onnx", "onnxscript", "onnxruntime")
Outputs = Callable[[Tensor], tuple[Tensor, ...]]  # uint8 (N, 3, H, W) -> features (N, D) and perhaps logits (N, K)


class Portable(nn.Module):
    """Pixels in, features and class scores out: uint8 (N, 3, H, W) -> (N, D), and (N, K) with a classifier.

    The division by 255, the encoder's own normalisation and the classifier's standardisation are inside.
    """

    def __init__(self, encoder: nn.Module, classifier: Classifier | None = None):
        super().__init__()
        self.encoder = copy.deepcopy(encoder).requires_grad_(False)
        self.classifies = classifier is not None
        if self.classifies:
            for name, value in zip(("mean", "weight", "bias"), _folded(classifier), strict=True):
                self.register_buffer(name, value)
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        features = self.encoder(images.float() / 255)
        if not self.classifies:
            return (features,)
        return features, F.linear(features - self.mean, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class Expected:
    """What the run itself says of some images, which its files must say too.

    Attributes:
        images: uint8 (N, 3, H, W).
        features: (N, D).
        probabilities: (N, K), or None without a classifier.
    """

    images: Tensor
    features: Tensor
    probabilities: Tensor | None


def export(
    run: OpenRun, out: Path, *, labelled: str | None = None, size: int = PROBED, unreadable: str = "refuse"
) -> list[str]:
    """Write a run to a folder, all of it or nothing.

    Args:
        out: a folder that is empty or not there yet.
        labelled: images to fit the classifier on, a name or folder that `load` knows; default the run's own. Without
            labels the files give features alone.
        size: how many labelled images at most.
        unreadable: as in `load`.

    Returns:
        The names of the files; no model.onnx, with a warning, where the packages for it aren't installed.

    Raises:
        ValueError: the folder isn't empty, or a file doesn't say what the run says.
        FileNotFoundError: the run's images are gone.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} isn't an empty folder: delete it, or name another one")
    train = run.images("train", labelled, unreadable=unreadable)
    classifier = None if train.labels is None else fit_classifier(run.encoder, train, size=size)
    test = _held_back(run, labelled, unreadable)
    expected = expect(run.encoder, classifier, train if test is None else test)
    with tempfile.TemporaryDirectory() as part:
        checks = write_models(Portable(run.encoder, classifier), expected, Path(part), classifier)
        accuracy = {"data": Path(labelled or run.data).name} | _accuracy(run, classifier, test)
        _describe(Path(part), run, classifier, accuracy, checks)
        out.mkdir(parents=True, exist_ok=True)
        names = sorted(file.name for file in Path(part).iterdir())
        for name in names:
            shutil.move(Path(part, name), out / name)
    return names


def expect(encoder: nn.Module, classifier: Classifier | None, images: ImageSet) -> Expected:
    """What an encoder and its classifier say of CHECKED of some images."""
    pixels = images.sample(min(CHECKED, len(images))).images
    features = extract_features(encoder, pixels)
    return Expected(pixels, features, None if classifier is None else classifier.probabilities(features))


def write_models(model: Portable, expected: Expected, folder: Path, classifier: Classifier | None) -> dict[str, float]:
    """Write model.pt2 and, where its packages are installed, model.onnx, and check both.

    Returns:
        By the name of each file the largest difference of a feature, in shares of the largest feature.

    Raises:
        ValueError: a file doesn't say what is expected.
    """
    classes = json.dumps([] if classifier is None else classifier.classes, ensure_ascii=False)
    with warnings.catch_warnings():  # of exporters about themselves
        warnings.simplefilter("ignore")
        program = trace(model, expected.images)
        torch.export.save(program, folder / "model.pt2", extra_files={"classes.json": classes})
        checks = {"model.pt2": check("model.pt2", _from_pt2(folder / "model.pt2"), expected)}
        if missing := [name for name in EXTRA if not _installed(name)]:
            checks["missing"] = missing
        else:
            _write_onnx(program, folder / "model.onnx", classes)
            checks["model.onnx"] = check("model.onnx", _from_onnx(folder / "model.onnx"), expected)
    if missing := checks.pop("missing", None):
        warnings.warn(
            f"model.onnx was not written, since {', '.join(missing)} can't be imported: "
            'pip install "ssl-course[export]", then export again to another folder',
            stacklevel=3,
        )
    return checks


def trace(model: Portable, images: Tensor) -> torch.export.ExportedProgram:
    """The model as a program for any number of images of this size (N, 3, H, W)."""
    sample = images[torch.arange(TRACED) % len(images)]
    with torch.no_grad():
        model(sample)  # a transformer makes its table of places in this call, and keeps it: as numbers, not as a trace
        return torch.export.export(model, (sample,), dynamic_shapes={"images": {0: torch.export.Dim("N", min=1)}})


def check(name: str, outputs: Outputs, expected: Expected) -> float:
    """Compare a file's answers with what is expected, at each of SIZES images at a time.

    Features may differ by TOLERANCE times the largest one, probabilities by CHANCE. The class must be the same, unless
    two are as probable as each other up to CHANCE.

    Args:
        name: of the file.

    Returns:
        The largest difference of a feature, in shares of the largest feature.

    Raises:
        ValueError: if it fails at a size, or says something else.
    """
    worst = 0.0
    for size in SIZES:
        count = len(expected.images)
        rounds = torch.arange(-(-count // size) * size) % count  # the last ones begin again
        for index in rounds.split(size):
            try:
                features, *logits = outputs(expected.images[index])
            except Exception as failure:  # runtimes raise errors of many kinds; every one of them means this
                raise ValueError(
                    f"{name} was not kept, since it fails on {size} images at a time: {failure}"
                ) from failure
            worst = max(worst, _difference(name, features, expected.features[index], size))
            if expected.probabilities is not None:
                _check_classes(name, *logits, expected.probabilities[index], size)
    return worst


def _difference(name: str, features: Tensor, right: Tensor, size: int) -> float:
    if features.shape != right.shape:
        raise ValueError(
            f"{name} was not kept, since {size} images have features {tuple(features.shape)}, not {tuple(right.shape)}"
        )
    difference = float((features - right).abs().max() / right.abs().max().clamp(min=1e-12))
    if not difference <= TOLERANCE:
        raise ValueError(
            f"{name} was not kept, since its features differ from the run's by {difference:.1g} of the largest, "
            f"{size} at a time; {TOLERANCE:g} is allowed"
        )
    return difference


def _check_classes(name: str, logits: Tensor, right: Tensor, size: int) -> None:
    said = right.gather(1, logits.argmax(dim=1, keepdim=True)).flatten()  # what the run gives to the file's class
    wrong = int((right.max(dim=1).values - said > CHANCE).sum())
    if wrong:
        raise ValueError(
            f"{name} was not kept, since {wrong} of {size} images get another class than the run gives them"
        )
    difference = float((logits.double().softmax(dim=1) - right).abs().max())
    if not difference <= CHANCE:
        raise ValueError(
            f"{name} was not kept, since its probabilities differ by {difference:.1g}; {CHANCE:g} is allowed"
        )


def _folded(classifier: Classifier) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (D,), weight (K, D) and bias (K,) of a probe: its deviations are in the weight.

    The mean is taken off first, since in the bias it would cost digits where features hardly vary; what is left of it
    after rounding is in the bias.
    """
    scaler, regression = (part for _, part in classifier.probe.steps)
    mean, weight = torch.from_numpy(scaler.mean_), torch.from_numpy(regression.coef_ / scaler.scale_)
    bias = torch.from_numpy(regression.intercept_) - weight @ (mean - mean.float())
    if len(weight) == 1:  # of two classes only the second has a score; the first one's is 0
        weight, bias = torch.cat([torch.zeros_like(weight), weight]), torch.cat([torch.zeros_like(bias), bias])
    return mean.float(), weight.float(), bias.float()


def _held_back(run: OpenRun, labelled: str | None, unreadable: str) -> ImageSet | None:
    try:
        test = run.images("test", labelled, unreadable=unreadable)
    except FileNotFoundError:  # a flat folder, or classes of one image
        return None
    return test if len(test) else None


def _installed(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def _write_onnx(program: torch.export.ExportedProgram, file: Path, classes: str) -> None:
    names = ["features", "logits"][: len(program.graph_signature.user_outputs)]
    written = torch.onnx.export(program, dynamo=True, input_names=["images"], output_names=names, verbose=False)
    written.model.metadata_props["classes"] = classes
    written.save(file, external_data=False)


def _from_pt2(file: Path) -> Outputs:
    return torch.export.load(file).module()


def _from_onnx(file: Path) -> Outputs:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda images: tuple(map(torch.from_numpy, session.run(None, {"images": images.numpy()})))


def _describe(
    folder: Path, run: OpenRun, classifier: Classifier | None, accuracy: dict, checks: dict[str, float]
) -> None:
    """Write the card and, beside a model.onnx, the example."""
    card = model_card(run, classifier, accuracy, checks, SIZES)
    (folder / "model_card.md").write_text(card, encoding="utf-8")
    if "model.onnx" in checks:
        text = example(tuple(run.recipe["resolution"]), classifies=classifier is not None)
        (folder / "example.py").write_text(text, encoding="utf-8")


def _accuracy(run: OpenRun, classifier: Classifier | None, test: ImageSet | None) -> dict:
    """Of how many test images, the share whose class is found, and what always naming the largest class gets."""
    if classifier is None or test is None:
        return {"images": 0}
    probabilities = classifier.probabilities(extract_features(run.encoder, test.images))
    right = classifier.labels[probabilities.argmax(dim=1)] == test.labels
    largest = int(test.labels.bincount().max())
    return {"images": len(test), "accuracy": float(right.double().mean()), "majority": largest / len(test)}
