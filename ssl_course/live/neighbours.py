"""Lesson 00: the nearest neighbours of a picture, and how they vote."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from ssl_course.data import ImageSet, load
from ssl_course.features import extract_features
from ssl_course.live.core import Demo, slider, steps
from ssl_course.networks import small_cnn
from ssl_course.plots import COLOURS

SHOWN = 10  # neighbours with their picture
KNOWN, ASKED = 1000, 60  # pictures that may be neighbours, and that may be asked about: enough, and at once there


def vote(query: Tensor, bank: Tensor, labels: Tensor, *, k: int, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """What weighted k-NN does for one picture (Wu et al. 2018).

    Args:
        query, bank: features (D,) and (N, D).
        labels: of the bank, (N,).

    Returns:
        The indices (k,) of the nearest, their cosines (k,), and the share of the votes of each class (classes,).
    """
    cosine = F.normalize(bank, dim=1) @ F.normalize(query, dim=0)  # (N,)
    nearest, index = cosine.topk(k)
    weight = (nearest / temperature).softmax(dim=0)  # exp(cosine / temperature), as shares
    shares = torch.zeros(int(labels.max()) + 1).index_add_(0, labels[index], weight)
    return index, nearest, shares


class Neighbours(Demo):
    """A picture, its most similar training pictures, and the votes of the classes.

    Args:
        train: pictures among which neighbours are searched; at most 1000 of them are.
        test: pictures to ask about; at most 60 of them.
        encoders: at least two, by their names.
    """

    title = "Nearest neighbours, and their votes"
    hint = "What does the untrained encoder take for similar? What do few neighbours, what does a low temperature do?"
    size = (9.6, 3.3)

    def __init__(self, train: ImageSet, test: ImageSet, encoders: Mapping[str, nn.Module]):
        self.train = train.sample(min(KNOWN, len(train)))
        self.test, self.encoders, self.found = test[:ASKED], encoders, {}
        first, *_, last = encoders
        self.typical = (
            {"encoder": first, "k": 20},
            {"encoder": last, "k": 20},
            {"encoder": first, "k": 20, "temperature": 0.001},
        )
        most = min(200, len(self.train))
        super().__init__(
            picture=slider("test picture", 0, len(self.test) - 1, min(16, len(self.test) - 1)),
            encoder=steps("encoder", list(encoders), first),
            k=steps("neighbours k", [k for k in (1, 2, 3, 5, 10, 20, 50, 100, 200) if k <= most], min(20, most)),
            temperature=steps("temperature", (0.001, 0.003, 0.01, 0.03, 0.07, 0.2, 0.5, 1.0), 0.07),
        )

    @classmethod
    def example(cls) -> "Neighbours":
        torch.manual_seed(0)
        encoders = {"one": small_cnn(4), "another": small_cnn(4)}
        return cls(load("shapes", size=100), load("shapes", "test", size=10), encoders)

    def features(self, encoder: str) -> tuple[Tensor, Tensor]:
        """Of the training and of the test pictures, found when they are asked for the first time."""
        if encoder not in self.found:
            parts = self.train.images, self.test.images
            self.found[encoder] = tuple(extract_features(self.encoders[encoder], part) for part in parts)
        return self.found[encoder]

    def start(self, figure: Figure) -> None:
        grid = figure.add_gridspec(2, 9, width_ratios=(2.0, *[1] * 5, 0.25, 0.6, 2.6))
        self.query = picture_in(figure.add_subplot(grid[:, 0]))
        places = [grid[row, column] for row in range(2) for column in range(1, 6)]
        self.near = [picture_in(figure.add_subplot(place)) for place in places]
        bars = figure.add_subplot(grid[:, 8])
        names = self.train.classes
        self.bars = bars.barh(names, [0.0] * len(names), color=COLOURS[1])
        bars.set(xlim=(0, 100), xlabel="share of the votes (%)", title="votes (dark: the true class)")
        bars.title.set_fontsize(10)
        bars.invert_yaxis()
        bars.spines[["top", "right"]].set_visible(False)

    def draw(self, *, picture: int, encoder: str, k: int, temperature: float) -> str:
        (bank, asked), names = self.features(encoder), self.train.classes
        index, cosine, shares = vote(asked[picture], bank, self.train.labels, k=k, temperature=temperature)
        label = int(self.test.labels[picture])
        show(self.query, self.test.images[picture], f"asked: {names[label]}")
        for place, shown in enumerate(self.near):
            shown.axes.set_visible(place < k)
            if place < k:
                one = index[place]
                show(shown, self.train.images[one], f"{names[int(self.train.labels[one])]}\n{cosine[place]:.3f}")
        for number, (bar, share) in enumerate(zip(self.bars, shares, strict=True)):
            bar.set_width(100 * float(share))
            bar.set_color(COLOURS[0 if number == label else 1])
        same = int((self.train.labels[index] == label).sum())
        first = int(shares.argmax())
        verdict = "right" if first == label else "wrong"
        told = f"Of {k} neighbours of a {names[label]} {same} are of its class; "
        told += f"cosines {cosine[-1]:.3f} to {cosine[0]:.3f}. "
        return told + f"Most votes: {names[first]}, {100 * float(shares[first]):.0f} %, {verdict}."


def picture_in(axes):
    """An empty picture without ticks, to be filled by `show`."""
    axes.set(xticks=[], yticks=[])
    axes.set_title(" \n ", fontsize=9)
    return axes.imshow([[0.0]], interpolation="nearest", extent=(0, 1, 1, 0))


def show(place, image: Tensor, title: str) -> None:
    """Put an image (3, H, W) of bytes and its title into a place that `picture_in` made."""
    place.set_data(image.permute(1, 2, 0).numpy())
    place.axes.set_title(title, fontsize=9)
