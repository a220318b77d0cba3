"""A run for TensorBoard: `ssl-course train … --log tensorboard` writes it, `tensorboard --logdir RUN` shows it.

    book = Logbook("logs/first", method, labelled=part[:400], about={"rate": 3e-3})
    with book:
        pretrain(method, images, epochs=5, on_step=book.on_step, on_epoch=book.on_epoch)

The weights are those of a run without it, bit for bit.
"""

import importlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from ssl_course.data import ImageSet
from ssl_course.evaluate import knn_accuracy
from ssl_course.features import extract_features
from ssl_course.live.dashboard import contact_sheet

EVERY = 10  # steps between two entries of the loss: on a GPU each has to wait for it
VOTERS = 400  # labelled images at most, for k-NN
OF_AN_EPOCH = ("gradient_norm", "effective_rank", "feature_deviation", "images_per_second")


class Logbook:
    """Writes what `pretrain` tells: loss and rate by step, the rest by epoch, all over the number of steps.

    Args:
        folder: of the event files. A run that goes on writes into the same one; steps that were lost are dropped there.
        method: whose encoder is drawn as a graph and asked for its k-NN accuracy.
        labelled: images with labels, of which VOTERS at most are drawn; one half votes for the other after every
            epoch. Without them there is no k-NN.
        about: settings of the run by name, for TensorBoard's table of hyper-parameters.

    Raises:
        ValueError: if TensorBoard isn't installed.
    """

    def __init__(
        self,
        folder: str | Path,
        method: nn.Module,
        *,
        labelled: ImageSet | None = None,
        about: Mapping[str, object] | None = None,
    ):
        self.tensorboard = _tensorboard()
        self.folder, self.method, self.labelled = Path(folder), method, labelled
        if labelled is not None:
            self.labelled = labelled[torch.randperm(len(labelled), generator=_seeded())[:VOTERS]]
        self.about = {name: _plain(value) for name, value in (about or {}).items()}
        self.step, self.last = 0, {}  # of the last entry; the newest numbers of an epoch
        self._writer = None

    def __enter__(self) -> "Logbook":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def on_step(self, told: dict) -> None:
        """For `pretrain`'s `on_step`."""
        first = self._writer is None
        self.step, self._views = told["step"], told["views"]
        if first:
            self._begin()
        if first or self.step % EVERY == 0:
            self._writer.add_scalar("loss/step", float(told["loss"]), self.step)
            self._writer.add_scalar("learning_rate", told["learning_rate"], self.step)

    def on_epoch(self, record: dict) -> None:
        """For `pretrain`'s `on_epoch`."""
        self.last = {"loss/epoch": record["loss"]} | {name: record[name] for name in OF_AN_EPOCH if name in record}
        if self.labelled is not None:
            self.last["knn"] = self.neighbours()
        for name, value in self.last.items():
            self._writer.add_scalar(name, value, self.step)
        self._show_views()
        self._writer.flush()

    def close(self) -> None:
        """Write the table of hyper-parameters with what the last epoch reached, and end the file."""
        if self._writer is None:
            return
        if self.last:
            reached = {f"last/{name}": value for name, value in self.last.items()}
            for part in self.tensorboard.summary.hparams(self.about, reached):
                self._writer.file_writer.add_summary(part)  # add_hparams would begin another file
            for name, value in reached.items():
                self._writer.add_scalar(name, value, self.step)
        self._writer.close()
        self._writer = None

    def _begin(self) -> None:
        self._writer = self.tensorboard.SummaryWriter(str(self.folder), purge_step=self.step)
        table = "\n".join(f"| {name} | {value} |" for name, value in self.about.items())
        self._writer.add_text("recipe", f"| setting | value |\n|---|---|\n{table}", self.step)
        self._show_views()
        self._draw_encoder()

    def _show_views(self) -> None:
        shown = contact_sheet(self._views)
        if shown is not None:
            self._writer.add_image("views", shown, self.step, dataformats="HWC")

    def _draw_encoder(self) -> None:
        """The encoder as a graph, traced in evaluation mode, so that nothing of the run changes."""
        parameter = next(self.method.encoder.parameters())
        example = torch.rand(1, 3, *self._size(), generator=_seeded()).to(parameter.device)
        training = self.method.encoder.training
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tracing, which TensorBoard's graphs are made by
            self._writer.add_graph(self.method.encoder.eval(), example)
        self.method.encoder.train(training)

    def _size(self) -> tuple[int, int]:
        pictures = [view for view in self._views if view.ndim >= 4]
        return tuple(pictures[0].shape[-2:]) if pictures else (32, 32)

    def neighbours(self) -> float:
        """k-NN accuracy of the encoder as it is, in [0, 1]."""
        half = len(self.labelled) // 2
        features, labels = extract_features(self.method.encoder, self.labelled.images), self.labelled.labels
        return knn_accuracy(features[:half], labels[:half], features[half:], labels[half:])


def _tensorboard() -> ModuleType:
    try:
        return importlib.import_module("torch.utils.tensorboard")
    except ImportError as failure:
        raise ValueError('TensorBoard isn\'t installed: pip install "ssl-course[log]"') from failure


def _seeded() -> torch.Generator:
    """Its own, so that the run's random numbers stay as they are."""
    return torch.Generator().manual_seed(0)


def _plain(value: object) -> int | float | str | bool:
    return value if isinstance(value, int | float | str | bool) else str(value)
