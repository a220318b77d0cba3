"""Lesson 06: hide patches of a picture, and see what is painted in their place."""

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ssl_course.live.core import Demo, Toggles, slider, steps
from ssl_course.methods.mae import MAE
from ssl_course.ready import ready
from ssl_course.shapes import SIZE
from ssl_course.vit import kept_places, patchify, unpatchify

PATTERNS = ("at random", "a block", "a grid", "the lower half", "nothing")
GREY = 0.5  # what isn't there
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


def hide(pattern: str, share: float, seed: int, side: int) -> Tensor:
    """Which patches of a picture of side x side patches are hidden, bool (side^2,).

    Args:
        pattern: one of PATTERNS; a grid and the lower half have a share of their own.
        share: of the patches; a block is the square that comes nearest to it.
        seed: decides which patches, or where the block lies.
    """
    random = torch.Generator().manual_seed(seed)
    grid = torch.zeros(side, side, dtype=torch.bool)
    if pattern == "at random":
        grid.view(-1)[torch.rand(side**2, generator=random).argsort()[: round(share * side**2)]] = True
    elif pattern == "a block":
        edge = min(max(1, round(share**0.5 * side)), side - 1)
        top, left = torch.randint(side - edge + 1, (2,), generator=random).tolist()
        grid[top : top + edge, left : left + edge] = True
    elif pattern == "a grid":
        places = torch.arange(side)
        grid[(places.unsqueeze(0) + places.unsqueeze(1) + seed) % 2 == 0] = True
    elif pattern == "the lower half":
        grid[side // 2 :] = True
    return grid.flatten()


@torch.no_grad()
def painted(model: MAE, image: Tensor, mask: Tensor) -> Tensor:
    """Everything that the model paints, (1, L, P), for a mask of one's own: bool (L,), true where hidden.

    Args:
        image: (1, 3, H, W) in [0, 1].
    """
    seen = model.narrow(model.encoder.encode(model.encoder.tokens(image)[:, ~mask]))  # (1, V, width)
    line = model.mask_token.expand(1, len(mask), -1).clone()  # (1, L, width)
    line[:, ~mask] = seen
    rows, columns = (side // model.encoder.patch for side in image.shape[2:])
    line = line + kept_places(rows, columns, line.shape[2], line.device, line.dtype)
    return model.paint(model.blocks(line))


def guesses(image: Tensor, mask: Tensor, size: int) -> dict[str, Tensor]:
    """Without learning: the mean colour of the visible pixels, and the mean of those around, near ones counting more.

    Args:
        image: (1, 3, H, W) in [0, 1].
        mask: bool (L,), true where hidden.
        size: side of a patch.
    """
    if mask.all():
        return dict.fromkeys(("mean colour", "interpolated"), torch.full_like(image, GREY))
    height, width = image.shape[2:]
    shown = unpatchify((~mask).double().view(1, -1, 1).expand(-1, -1, size**2), height, width, size)  # (1, 1, H, W)
    given = image.double() * shown
    mean = given.sum(dim=(2, 3), keepdim=True) / shown.sum()
    rows, columns = (_bell(length) for length in (height, width))
    near = (rows @ given @ columns) / (rows @ shown @ columns)
    return {"mean colour": mean.float().expand_as(image), "interpolated": near.float()}


def _bell(length: int) -> Tensor:
    """How much each pixel counts for each other along a line: a bell curve of 2 pixels, (length, length)."""
    steps_ = torch.arange(length, dtype=torch.float64)  # double: the weights of far pixels are tiny
    return torch.exp(-((steps_.unsqueeze(0) - steps_.unsqueeze(1)) ** 2) / 8)


class HiddenPatches(Demo):
    """What is given, what a short and a long trained model paint, and what two guesses without learning say.

    Args:
        short, long: two masked autoencoders that predict pixels.
        images: some square pictures (N, 3, H, W) in [0, 1].
    """

    title = "Hide patches yourself"
    hint = (
        "Half as a block, half as a grid: which is harder? Hide just what makes the shape: does the long run know it?"
    )
    size = (7.6, 4.3)
    typical = (
        {"pattern": "at random", "share": 0.75},
        {"pattern": "a block", "share": 0.5},
        {"pattern": "a grid"},
    )

    def __init__(self, short: MAE, long: MAE, images: Tensor):
        self.models, self.images = {"short run": short, "long run": long}, images
        self.patch = long.encoder.patch
        self.side = images.shape[2] // self.patch
        controls = {
            "picture": slider("picture", 0, len(images) - 1, 0),
            "pattern": steps("hidden", PATTERNS, "at random"),
            "share": steps("share", [(f"{100 * share:.0f} %", share) for share in SHARES], 0.75),
            "seed": slider("seed", 0, 19, 0),
            "turned": Toggles("hide or show by hand (dark: hidden)", self.side),
        }
        for name in ("pattern", "share", "seed"):
            controls[name].observe(self._afresh, names="value")  # before the figure is drawn for it
        super().__init__(**controls)

    @classmethod
    def example(cls) -> "HiddenPatches":
        images = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
        return cls(ready("mae", whole=True), ready("mae", whole=True), images)

    def _afresh(self, change: object) -> None:
        """Another pattern: what was turned by hand is gone, and that alone draws nothing."""
        held, self._held = self._held, True
        self.controls["turned"].value = ()
        self._held = held

    def rows(self) -> list[widgets.Widget]:
        toggles, others = self.controls["turned"], [self.controls[name] for name in self.controls if name != "turned"]
        beside = widgets.VBox(others, layout=widgets.Layout(max_width="98%"))
        return [widgets.Box([toggles, beside], layout=widgets.Layout(display="flex", flex_flow="row wrap"))]

    def mask(self, pattern: str, share: float, seed: int, turned: tuple[int, ...]) -> Tensor:
        """What is hidden, bool (L,): the pattern, but for the patches that were turned by hand."""
        hidden = hide(pattern, share, seed, self.side)
        hidden[list(turned)] ^= True
        return hidden

    def update(self) -> None:
        super().update()
        values = {name: value for name, value in self.values.items() if name != "picture"}
        self.controls["turned"].show(self.mask(**values).tolist())

    def start(self, figure: Figure) -> None:
        axes = figure.subplots(2, 4).flatten()
        self.shown = [axis.imshow(self.images[0].permute(1, 2, 0).numpy()) for axis in axes]
        for axis, title in zip(axes, self.titles(), strict=True):
            axis.set(xticks=[], yticks=[], xlabel=" \n ")
            axis.set_title(title, fontsize=10)
            axis.xaxis.label.set_fontsize(9.5)

    def titles(self) -> list[str]:
        short, long = ([f"{name}: full output", f"{name}: pasted"] for name in self.models)
        return ["given", *short, "mean colour", "true", *long, "interpolated"]

    def draw(self, *, picture: int, **values: object) -> str:
        image, hidden = self.images[picture : picture + 1], self.mask(**values)
        parts = patchify(image, self.patch)  # (1, L, P)
        answers = {"given": torch.where(hidden.unsqueeze(1), GREY, parts), "true": parts}
        for name, model in self.models.items():
            made = painted(model, image, hidden)
            answers |= {f"{name}: full output": made, f"{name}: pasted": torch.where(hidden.unsqueeze(1), made, parts)}
        answers |= {name: patchify(guess, self.patch) for name, guess in guesses(image, hidden, self.patch).items()}
        errors = {}
        for shown, title in zip(self.shown, self.titles(), strict=True):
            whole = unpatchify(answers[title], *image.shape[2:], self.patch)[0]
            shown.set_data(whole.permute(1, 2, 0).clamp(0, 1).numpy())
            every = (answers[title] - parts).square().mean(dim=2)[0]  # (L,), the mean squared error of each patch
            errors[title] = {"hidden": every[hidden], "given": every[~hidden]}
            shown.axes.set_xlabel(self.told(title, errors[title]))
        return self.sentence_of(int(hidden.sum()), errors)

    def told(self, title: str, errors: dict[str, Tensor]) -> str:
        """What stands below a picture: its errors, where there is something to tell."""
        if title in ("given", "true"):
            return " \n "
        told = f"hidden: {_mean(errors['hidden'])}"
        return f"{told}\ngiven: {_mean(errors['given'])}" if title.endswith("output") else f"{told}\n "

    def sentence_of(self, count: int, errors: dict[str, dict[str, Tensor]]) -> str:
        """How many patches are hidden, and who is how far off there."""
        if not count:
            return "Nothing is hidden: the full output is what it says of patches that it was never asked about."
        told = [f"{name} {_mean(errors[f'{name}: pasted']['hidden'])}" for name in self.models]
        told += [f"{name} {_mean(errors[name]['hidden'])}" for name in ("mean colour", "interpolated")]
        start = f"{count} of {self.side**2} patches are hidden ({100 * count / self.side**2:.0f} %). "
        return f"{start}Mean squared error on them: {', '.join(told)}."


def _mean(errors: Tensor) -> str:
    return f"{float(errors.mean()):.4f}" if len(errors) else "–"
