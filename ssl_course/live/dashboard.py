"""Every lesson: a training run that shows itself as it goes, and can be stopped and gone on with.

The run stays in the cell that started it, so that the next cell finds the encoder trained, also when all cells are run.
Its stop button works while the cell runs where the notebook takes messages beside it (JupyterLab from 4.4 with
ipykernel from 7); elsewhere the notebook's own stop button does the same. What goes on after a stop runs in a thread,
since a button's answer must not block the next button; `background=True` starts there. Torch has one random generator
for all threads: cells that draw from it meanwhile change the run's numbers, and it changes theirs.
"""

import base64
import html
import math
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import torch
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor, nn

from ssl_course.data import ImageSet
from ssl_course.evaluate import knn_accuracy
from ssl_course.features import extract_features
from ssl_course.live.core import DPI, VIEW, as_output, image_tag, picture_of, png
from ssl_course.plots import COLOURS
from ssl_course.train import History, pretrain

SHARE = 0.02  # of the time, that may go into drawing it; k-NN and checkpoints take some more
SHOWN = 6  # images of the current batch
VOTERS = 400  # labelled images at most, for k-NN: some tenths of a second
PER_VOTER = 8  # training images for each of them between two measurements, so that these take 2 % of the time


class Dashboard:
    """The loss of every step, collapse measures and k-NN of every pass, the current views, and two buttons.

    Args:
        method, images: as for `pretrain`.
        labelled: images with labels, of which half vote for the other half (k-NN): the first VOTERS, after every pass,
            or after so many that it takes little of the time, and after the last.
        clock: gives seconds; a test has one of its own.
        arguments: those of `pretrain`. Without a `checkpoint` one is kept until the notebook ends.

    Attributes:
        history: of the run so far.
        state: "ready", "running", "stopped", "finished" or "failed".
        spent: seconds that went into showing it.
    """

    def __init__(
        self,
        method: nn.Module,
        images: ImageSet | Tensor,
        *,
        labelled: ImageSet | None = None,
        clock: Callable[[], float] = time.perf_counter,
        **arguments: object,
    ):
        self.method, self.images, self.clock = method, images, clock
        self.labelled = None if labelled is None else labelled[:VOTERS]
        self._room = tempfile.TemporaryDirectory()
        self.arguments = {"checkpoint": Path(self._room.name) / "run.pt", "progress": False} | arguments
        self.history, self.state, self.spent = History(), "ready", 0.0
        self.losses: list[tuple[int, float]] = []
        self.knn: list[tuple[int, float]] = []
        self.told: dict | None = None  # of the last step
        self._new: list[tuple[int, Tensor]] = []  # losses that may still be on a GPU, which has to be waited for
        self._wanted_stop, self._thread = threading.Event(), None
        self._make_figure()
        self._make_widget()

    # --- the run

    def run(self) -> History:
        """Train here and now; returns when the run is finished, stopped or failed."""
        self._begin()
        return self._train()

    def run_beside(self) -> None:
        """Train in a thread, and return at once; `wait` waits for its end."""
        self._begin()
        self._thread = threading.Thread(target=self._train, daemon=True)
        self._thread.start()

    def wait(self) -> History:
        """The history, once the run in the thread has ended."""
        if self._thread is not None:
            self._thread.join()
        return self.history

    def stop(self) -> None:
        """End the run after the step that it is at; whole passes are kept."""
        self._wanted_stop.set()

    def _begin(self) -> None:
        if self.state == "running":
            raise RuntimeError("this run is going on already")
        self._wanted_stop.clear()
        self.state, self.spent, self._since, self.errors.outputs = "running", 0.0, self.clock(), ()
        self._price = 0.0  # of showing it once, in seconds
        self._before: int | None = None  # steps that were made before this start
        self._buttons()

    def _train(self) -> History:
        try:
            self.history = pretrain(
                self.method, self.images, on_step=self._on_step, on_epoch=self._on_epoch, **self.arguments
            )
        except Exception as failure:
            self.state, self.errors.outputs = "failed", (as_output(failure),)
            self._buttons()
            if self._thread is not threading.current_thread():  # there the cell shows it, too
                raise
            return self.history
        self.state = "stopped" if self.history.interrupted else "finished"
        self._show()
        self._buttons()
        return self.history

    def _on_step(self, told: dict) -> None:
        self.told = told
        if self._before is None:  # gone on with from the last whole pass
            self._before = told["step"] - 1
            self.losses = [entry for entry in self.losses if entry[0] < told["step"]]
        self._new.append((told["step"], told["loss"]))
        if self._can_afford():
            self._show()
        if self._wanted_stop.is_set():
            raise KeyboardInterrupt

    def _on_epoch(self, record: dict) -> None:
        self.history.append(record)
        if self.labelled is None:
            return
        every = math.ceil(PER_VOTER * len(self.labelled) / len(self.images))
        if record["epoch"] % every == 0 or record["epoch"] == self.arguments["epochs"]:
            start = self.clock()
            self.knn.append((record["epoch"], self._neighbours()))
            self.spent += self.clock() - start

    def _neighbours(self) -> float:
        half = len(self.labelled) // 2
        features = extract_features(self.method.encoder, self.labelled.images)
        labels = self.labelled.labels
        return knn_accuracy(features[:half], labels[:half], features[half:], labels[half:])

    def _can_afford(self) -> bool:
        """Whether showing it once more keeps within its share of the time."""
        return self.spent + self._price <= SHARE * (self.clock() - self._since)

    # --- what is seen

    def _make_figure(self) -> None:
        self.figure = Figure(figsize=(9.0, 3.6), dpi=DPI, layout="constrained")
        FigureCanvasAgg(self.figure)
        grid = self.figure.add_gridspec(2, 3, height_ratios=(2.2, 1))
        self._loss, self._spread, self._vote = (self.figure.add_subplot(grid[0, place]) for place in range(3))
        self._loss.set(title="loss of each step", xlabel="step")
        self._spread.set(title="rank (full), deviation (dashed)", xlabel="pass")
        self._vote.set(title="k-NN accuracy (%)", xlabel="pass", ylim=(0, 100))
        self._deviation = self._spread.twinx()
        self._deviation.set_ylim(0, 1)
        (self._loss_line,) = self._loss.plot([], [], color=COLOURS[0], lw=1)
        (self._rank_line,) = self._spread.plot([], [], "o-", ms=4, color=COLOURS[0])
        (self._deviation_line,) = self._deviation.plot([], [], "s--", ms=4, color=COLOURS[4])
        (self._vote_line,) = self._vote.plot([], [], "^-", ms=4, color=COLOURS[7])
        self._views = self.figure.add_subplot(grid[1, :])
        self._views.axis("off")
        for axes in (self._loss, self._spread, self._vote):
            axes.title.set_fontsize(10)
            axes.spines[["top"]].set_visible(False)

    def _make_widget(self) -> None:
        self.picture, self.sentence, self.errors = widgets.HTML(), widgets.HTML(), widgets.Output()
        self.stop_button = widgets.Button(description="stop", tooltip="end after this step")
        self.on_button = widgets.Button(description="go on", tooltip="from the last whole pass")
        self.stop_button.on_click(lambda button: self.stop())
        self.on_button.on_click(lambda button: self.run_beside())
        row = widgets.HBox([self.stop_button, self.on_button])
        self.widget = widgets.VBox([row, self.picture, self.sentence, self.errors])
        self.widget.add_class("ssl-course-demo")
        self._buttons()

    def _buttons(self) -> None:
        self.stop_button.disabled = self.state != "running"
        self.on_button.disabled = self.state not in ("stopped", "failed")

    def _show(self) -> None:
        start = self.clock()
        self._move()
        self.picture.value = image_tag(png(picture_of(self.figure)), self.summary())
        self.sentence.value = f'<p role="status">{html.escape(f"{self.summary()} {self._speed()}")}</p>'
        self._price = self.clock() - start
        self.spent += self._price

    def _move(self) -> None:
        """The artists to where the run is."""
        self.losses += [(step, float(loss)) for step, loss in self._new]
        self._new.clear()
        if self.losses:
            self._loss_line.set_data(*zip(*self.losses, strict=True))
            self._loss.relim()
            self._loss.autoscale_view()
            self._loss.set_xlim(0, self.told["steps"])
        passes = [record["epoch"] for record in self.history]
        if passes and "effective_rank" in self.history[0]:
            self._rank_line.set_data(passes, [record["effective_rank"] for record in self.history])
            self._deviation_line.set_data(passes, [record["feature_deviation"] for record in self.history])
            self._spread.set_ylim(0, 1.15 * max(record["effective_rank"] for record in self.history))
        if self.knn:
            self._vote_line.set_data([epoch for epoch, _ in self.knn], [100 * score for _, score in self.knn])
        for axes in (self._spread, self._vote):
            axes.set_xlim(0.5, self.arguments["epochs"] + 0.5)
            axes.set_xticks(range(1, self.arguments["epochs"] + 1, -(-self.arguments["epochs"] // 8)))
        self._show_views()

    def _show_views(self) -> None:
        shown = contact_sheet(self.told["views"]) if self.told else None
        if shown is not None:
            self._views.clear()
            self._views.imshow(shown)
            self._views.set_title(f"what the method was given at step {self.told['step']}", fontsize=9)
            self._views.axis("off")

    def summary(self) -> str:
        """Where the run is, in words that are the same whenever it is run again."""
        if not self.losses:
            return "The run hasn't begun."
        words = f"Step {self.told['step']} of {self.told['steps']}, {self.state}: loss {self.losses[-1][1]:.2f}"
        if self.history and "effective_rank" in self.history[-1]:
            last = self.history[-1]
            words += f"; rank {last['effective_rank']:.1f}, deviation {last['feature_deviation']:.2f}"
        return words + (f"; k-NN {100 * self.knn[-1][1]:.0f} %." if self.knn else ".")

    def _speed(self) -> str:
        """How fast it is, which is another number every time."""
        seconds = max(self.clock() - self._since, 1e-6)
        if self._before is None:
            return ""
        done = self.told["step"] - self._before
        left = seconds / done * (self.told["steps"] - self.told["step"])
        speed = done * self.told["images"] / seconds
        return f"{speed:.0f} images per second, {left:.0f} s left; learning rate {self.told['learning_rate']:.1e}."

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        picture = base64.b64encode(png(picture_of(self.figure).quantize(256))).decode()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {VIEW: view, "image/png": picture, "text/plain": self.summary()}


def contact_sheet(views: tuple[Tensor, ...]) -> np.ndarray | None:
    """The first images of each view side by side, (H, W, 3) in [0, 1]; None if no view is a picture.

    Args:
        views: what a method made of a batch; those of shape (B, 3, H, W), or tiles (B, N, 3, H, W), are shown.
    """
    pictures = []
    for view in views:
        if view.ndim == 5 and view.shape[2] == 3:
            view = view.flatten(0, 1)
        if view.ndim == 4 and view.shape[1] == 3:
            few = torch.nn.functional.pad(view[:SHOWN].detach().float().cpu().clamp(0, 1), (1, 1, 1, 1), value=1.0)
            pictures.append(torch.cat(list(few.permute(0, 2, 3, 1)), dim=1))
    if not pictures:
        return None
    height = max(len(picture) for picture in pictures)
    padded = [torch.nn.functional.pad(part, (0, 0, 0, 6, 0, height - len(part)), value=1.0) for part in pictures]
    return torch.cat(padded, dim=1).numpy()


def dashboard(
    method: nn.Module, images: ImageSet | Tensor, *, background: bool = False, **arguments: object
) -> History:
    """`pretrain` that shows itself as it goes; the same arguments, the same weights, the same history.

    Args:
        background: whether to return at once, with the history as it is then, and train in a thread.
        arguments: those of `pretrain`, and `labelled`, as in `Dashboard`.
    """
    board = Dashboard(method, images, **arguments)
    shown = display(board, display_id=True)
    if background:
        board.run_beside()
        return board.history
    try:
        return board.run()
    finally:
        if shown is not None:
            shown.update(board)
