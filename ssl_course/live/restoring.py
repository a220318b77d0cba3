"""Lesson 06: eight tokens on their way through masking, encoder and decoder."""

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from torch import Tensor

from ssl_course.live.core import Demo, slider, steps, switch
from ssl_course.methods.mae import random_masking
from ssl_course.plots import COLOURS

LENGTH = 8  # tokens
PALE = {1, 2, 3}  # of the first eight colours, those on which black is easier to read
STAGES = ("tokens", "noise", "argsort", "keep", "encode", "append", "restore")
MASK = -1  # what stands for a mask token


def journey(ratio: float, seed: int, *, wrong: bool = False) -> dict[str, Tensor]:
    """What `random_masking` and a decoder do with the tokens 0 … 7: token l is the number l, a mask token is -1.

    Args:
        ratio: share that is hidden.
        seed: of the noise.
        wrong: put them back by `order` in place of `restore`.

    Returns:
        noise, order, visible, line (visible ones and then mask tokens), restore, and placed, each (8,) but `visible`.
    """
    tokens = torch.arange(float(LENGTH)).view(1, LENGTH, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        noise = torch.rand(1, LENGTH)
        torch.manual_seed(seed)  # the same noise again, drawn by the package
        visible, _, restore = random_masking(tokens, ratio)
    order = restore.argsort(dim=1)
    hidden = torch.full((1, LENGTH - visible.shape[1], 1), float(MASK))
    line = torch.cat([visible, hidden], dim=1)
    placed = line.gather(1, (order if wrong else restore).unsqueeze(2))
    found = {"noise": noise, "order": order, "visible": visible, "line": line, "restore": restore, "placed": placed}
    return {name: values.flatten() for name, values in found.items()}


class Restoring(Demo):
    """The same eight tokens in a row for each step: which is where, and what stands in the place of the others."""

    title = "Shuffle, keep, encode, restore: eight tokens"
    hint = "Go back to 'keep' and say where each of them will stand in the end. Then try the usual mistake."
    size = (7.6, 4.4)
    typical = ({"step": 2}, {"step": 5}, {"step": 6, "wrong": True})

    def __init__(self):
        super().__init__(
            step=steps("step", [(f"{number}: {stage}", number) for number, stage in enumerate(STAGES)], 6),
            hidden=slider("tokens that are hidden", 1, LENGTH - 1, 6),
            seed=slider("seed of the noise", 0, 19, 2),
            wrong=switch("put back by order (a usual mistake)", False),
        )

    def start(self, figure: Figure) -> None:
        axis = figure.subplots()
        axis.set(xlim=(-0.6, LENGTH + 3.2), ylim=(len(STAGES) - 0.5, -0.5))
        axis.set_xticks(range(LENGTH), range(LENGTH))
        axis.set_yticks(range(len(STAGES)), STAGES, fontsize=11)
        axis.xaxis.tick_top()
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        axis.set_title("place", fontsize=10, loc="left")
        self.paths = [axis.plot([], [], lw=1.5, zorder=0)[0] for _ in range(LENGTH * (len(STAGES) - 1))]
        self.cells = {}
        for place in ((row, column) for row in range(len(STAGES)) for column in range(LENGTH)):
            cell = axis.add_patch(Rectangle((place[1] - 0.38, place[0] - 0.3), 0.76, 0.6))
            text = axis.text(*place[::-1], "", ha="center", va="center", fontsize=10)
            self.cells[place] = cell, text
        code = ("", "rand(8)", "order", "", "f(visible)", "", "")
        self.code = [axis.text(LENGTH - 0.3, row, text, va="center", fontsize=10) for row, text in enumerate(code)]

    def draw(self, *, step: int, hidden: int, seed: int, wrong: bool) -> str:
        found = journey(hidden / LENGTH, seed, wrong=wrong)
        order, line, placed = (found[name].int().tolist() for name in ("order", "line", "placed"))
        kept = order[: len(found["visible"])]
        every = list(range(LENGTH))
        rows = [every, every, order, kept, kept, line, placed]
        for (row, column), (cell, text) in self.cells.items():
            there = column < len(rows[row]) and row <= step
            cell.set_visible(there)
            text.set_visible(there)
            if there:
                self.fill(cell, text, rows[row][column], self.label(row, rows[row][column], found))
        last = "gather(order): wrong" if wrong else "gather(restore)"
        codes = {3: f"order[:{len(kept)}]", 5: f"{hidden} mask tokens added", 6: last}
        for row, text in enumerate(self.code):
            text.set(visible=row <= step, text=codes.get(row, text.get_text()))
        back = order if wrong else found["restore"].tolist()
        self.join(rows, [every, order, every, every, every, back], step)
        return self.told(step, found, wrong=wrong)

    def fill(self, cell: Rectangle, text: Text, token: int, label: str) -> None:
        """One token as a coloured square with its name; a mask token is a grey one."""
        masked = token == MASK
        cell.set(facecolor="#e8e8e8" if masked else COLOURS[token], edgecolor="#888888")
        text.set(text=label, color="black" if masked or token in PALE else "white", fontweight="bold")

    def label(self, row: int, token: int, found: dict[str, Tensor]) -> str:
        """What stands in a square of a row."""
        if token == MASK:
            return "M"
        if STAGES[row] == "noise":
            return f"{found['noise'][token]:.2f}"
        return f"f({token})" if row >= STAGES.index("encode") else str(token)

    def join(self, rows: list[list[int]], came: list[list[int]], step: int) -> None:
        """Lines from each place of a row to the place in the row above where it came from."""
        for row, (below, above) in enumerate(zip(rows[1:], came, strict=True), start=1):
            paths = self.paths[(row - 1) * LENGTH : row * LENGTH]
            for path in paths:
                path.set_visible(False)
            for column, token in enumerate(below):
                new = token == MASK and STAGES[row] == "append"  # a mask token comes from nowhere
                paths[column].set_visible(row <= step and not new)
                paths[column].set_data([above[column], column], [row - 0.7, row - 0.3])
                paths[column].set_color("#bbbbbb" if token == MASK else COLOURS[token])

    def told(self, step: int, found: dict[str, Tensor], *, wrong: bool) -> str:
        """What happens at a step, with the numbers of these eight tokens."""
        order, restore = found["order"].tolist(), found["restore"].tolist()
        kept = order[: len(found["visible"])]
        names = ", ".join(map(str, kept))
        told = (
            "Eight tokens, one for each patch, each in its place.",
            f"A random number for each token; the smallest belongs to token {order[0]}.",
            f"Sorted by their numbers: order = argsort(noise) = {order}.",
            f"The first {len(kept)} stay visible: {names}. All others are hidden, and nobody encodes them.",
            f"The encoder gets {len(kept)} tokens in place of 8, in the order {names}.",
            f"{LENGTH - len(kept)} mask tokens behind them make 8 again, but in the wrong order.",
            f"restore = argsort(order) = {restore} says where each token stands in the line: all go home.",
        )
        if not wrong or step < STAGES.index("restore"):
            return told[step]
        placed = found["placed"].int().tolist()
        right = sum(token == place for place, token in enumerate(placed))
        return f"Put back by order in place of restore: {right} of {len(kept)} visible tokens are in their own place."
