"""Lesson 07: which method wins is decided by who chooses budget, column and seeds."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from ssl_course.live.core import Demo, steps
from ssl_course.methods import METHODS
from ssl_course.plots.results import style_of
from ssl_course.results import read
from ssl_course.tables import NAMES, paired

GROUPS = {
    "all": tuple(METHODS),
    "comparing views": ("triplet", "simclr", "moco", "byol", "simsiam", "barlow_twins", "vicreg"),
    "reconstructing": ("inpainting", "autoencoder", "vae", "mae"),
    "guessing what was done": ("rotation", "jigsaw"),
}
COLUMNS = {"linear_probe": "linear probe", "knn": "k-NN"}


def chosen(part: Mapping, seeds: Sequence[str]) -> dict:
    """A budget's result with these seeds alone; those that it hasn't are left out."""
    return {"seeds": {seed: part["seeds"][seed] for seed in seeds if seed in part["seeds"]}}


def scores(part: Mapping, methods: Sequence[str], column: str) -> dict[str, list[float]]:
    """Every seed's accuracy in per cent, for those of the methods that have one."""
    found = {name: [rows[name] for rows in part["seeds"].values() if name in rows] for name in methods}
    return {name: [100 * row[column] for row in rows if column in row] for name, rows in found.items() if rows}


def ranking(every: Mapping[str, Sequence[float]], favourite: str = "") -> dict[str, float]:
    """What is reported of each method, the best first: the mean over its seeds, of the favourite its best seed."""
    told = {name: max(values) if name == favourite else statistics.mean(values) for name, values in every.items()}
    return dict(sorted(told.items(), key=lambda item: -item[1]))


def tied_with_first(part: Mapping, methods: Sequence[str], column: str) -> set[str]:
    """Methods that the seeds can't tell from the one with the best mean (`tables.paired`); one seed tells nothing."""
    first = next(iter(ranking(scores(part, methods, column))), None)
    beside = paired(part, column, against=first) if first else {}
    return {name for name in methods if name in beside and beside[name][2]}


def in_words(times: str) -> str:
    """A budget's name."""
    return "the usual cost" if times == "1" else f"{times} times the usual cost"


def typical_cost(part: Mapping) -> float:
    """What a method's training at a budget costs, in passes of SimCLR: the median over methods and seeds."""
    rows = [row for every in part["seeds"].values() for name, row in every.items() if name in METHODS]
    return statistics.median(row["cost"] for row in rows)


def sentence(order: Mapping[str, float], every: Mapping, ties: set[str], favourite: str = "") -> str:
    """Who is first, who ties with it, and what the best seed does for the favourite."""
    first = next(iter(order))
    told = f"{NAMES[first]} is first with {order[first]:.1f} %; "
    if max(map(len, every.values())) < 2:
        told += "one seed can tell it from nobody."
    else:
        told += f"{len(ties)} of {len(order) - 1} others can't be told from the best mean."
    if favourite not in order:
        return told
    honest, bent = (list(found).index(favourite) + 1 for found in (ranking(every), order))
    told += f" By the best of {len(every[favourite])} seeds {NAMES[favourite]} has place {bent}"
    return f"{told}, by its mean place {honest}."


class Ranking(Demo):
    """Accuracy over the training cost, and the ranking at one cost by the seeds that one chooses to count.

    Args:
        result: with budgets, as `results.read("budgets_shapes")` gives it.
    """

    title = "Choose methods, budget and seeds: who wins?"
    hint = "Predict the ranking at the highest cost. Then move a method of your choice up without one wrong number."
    size = (9.2, 4.3)
    typical = (
        {"budget": "1"},
        {"budget": "10"},
        {"budget": "1", "favourite": "simsiam"},
    )

    def __init__(self, result: Mapping):
        self.result, self.budgets = result, result["budgets"]
        seeds = list(dict.fromkeys(seed for part in self.budgets.values() for seed in part["seeds"]))
        counted = [("all that there are", tuple(seeds)), *((f"{seed} alone", (seed,)) for seed in seeds)]
        named = [(NAMES[name], name) for name in METHODS]
        super().__init__(
            group=steps("methods", list(GROUPS), "all"),
            column=steps("judged by", [(title, column) for column, title in COLUMNS.items()], "linear_probe"),
            budget=steps("cost", [(in_words(times), times) for times in self.budgets], next(iter(self.budgets))),
            seeds=steps("seeds", counted, counted[0][1]),
            favourite=steps("told by its best seed", [("no method", ""), *named], ""),
        )

    @classmethod
    def example(cls) -> "Ranking":
        return cls(read("budgets_shapes"))

    def start(self, figure: Figure) -> None:
        curves, bars = figure.subplots(1, 2, width_ratios=(1, 1.15))
        self.lines = {name: curves.plot([], [], ms=6, lw=1.5, **style_of(name))[0] for name in METHODS}
        self.here = curves.axvline(1, color="#cccccc", lw=9, zorder=0)
        self.costs = {times: typical_cost(part) for times, part in self.budgets.items()}
        few, most = min(self.costs.values()), max(self.costs.values())
        curves.set(xscale="log", xlim=(0.7 * few, 1.4 * most), ylim=(0, 103), ylabel="test accuracy (%)")
        curves.set_xticks(list(self.costs.values()), [f"{cost:.0f}" for cost in self.costs.values()])
        curves.minorticks_off()
        curves.set_xlabel("cost, in passes of SimCLR (grey: shown right)", fontsize=9.5)
        self.bars = bars.barh(range(len(METHODS)), [0.0] * len(METHODS), height=0.66, lw=1.2)
        self.keys = {name: bars.plot([], [], ms=7, **style_of(name))[0] for name in METHODS}
        self.dots = bars.plot([], [], "o", ms=3.5, mfc="white", mec="black", mew=0.8)[0]
        self.floors = bars.plot([], [], "|", ms=13, mew=2, color="black")[0]
        self.told = [bars.text(0, row, "", va="center", fontsize=9) for row in range(len(METHODS))]
        bars.set(xlim=(-9, 122), ylim=(len(METHODS) - 0.4, -0.6), xticks=range(0, 101, 20))
        bars.set_yticks(range(len(METHODS)), [max(NAMES.values(), key=len)] * len(METHODS), fontsize=9.5)
        bars.set_xlabel("% (dots: seeds, |: floor, pale: tied with the first)", fontsize=9.5)
        bars.tick_params(axis="y", length=0)
        self.axis = bars
        for axis in (curves, bars):
            axis.spines[["top", "right"]].set_visible(False)

    def draw(self, *, group: str, column: str, budget: str, seeds: tuple[str, ...], favourite: str) -> str:
        methods, parts = GROUPS[group], {times: chosen(part, seeds) for times, part in self.budgets.items()}
        for name, line in self.lines.items():
            points = [(self.costs[times], scores(part, [name], column).get(name)) for times, part in parts.items()]
            points = [(cost, statistics.mean(values)) for cost, values in points if name in methods and values]
            line.set_data([cost for cost, _ in points], [mean for _, mean in points])
        self.here.set_xdata([self.costs[budget]] * 2)
        every = scores(parts[budget], methods, column)
        order, ties = ranking(every, favourite), tied_with_first(parts[budget], methods, column)
        self.lay_bars(order, every, ties, favourite)
        floors = self.floors_of(order, column)
        self.floors.set_data(list(floors.values()), [list(order).index(name) for name in floors])
        if not order:
            return f"None of these methods has such a run at {in_words(budget)}."
        counted = parts[budget]["seeds"]
        start = f"{COLUMNS[column]} at {in_words(budget)}, seed{'s' * (len(counted) > 1)} {', '.join(counted)}: "
        return start[0].upper() + start[1:] + sentence(order, every, ties, favourite)

    def lay_bars(self, order: Mapping, every: Mapping, ties: set[str], favourite: str) -> None:
        """A bar for each method, the best on top; those that tie with the first are pale."""
        names, dots = list(order), [(value, row) for row, name in enumerate(order) for value in every[name]]
        for row, (bar, text) in enumerate(zip(self.bars, self.told, strict=True)):
            name = names[row] if row < len(names) else None
            colour = style_of(name)["color"] if name else "black"
            bar.set(
                width=order.get(name, 0), facecolor=to_rgba(colour, 0.2 if name in ties else 0.85), edgecolor=colour
            )
            bar.set_visible(name is not None)
            best = f" best of {len(every[name])}" if name and name == favourite else ""
            text.set(x=max([20, *every.get(name, [])]) + 3.5, text=f"{order[name]:.1f}{best}" if name else "")
        for name, key in self.keys.items():
            key.set_data(([-5], [names.index(name)]) if name in order else ([], []))
        self.dots.set_data([value for value, _ in dots], [row for _, row in dots])
        self.axis.set_yticklabels([NAMES[name] for name in names] + [""] * (len(self.bars) - len(names)))

    def floors_of(self, methods: Iterable[str], column: str) -> dict[str, float]:
        """The accuracy of each method's own network before training, where any budget has it."""
        found = {}
        for name in methods:
            own = "untrained_vit" if name == "mae" else "untrained"
            values = [value for part in self.budgets.values() for value in scores(part, [own], column).get(own, [])]
            found |= {name: statistics.mean(values)} if values else {}
        return found
