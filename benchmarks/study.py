"""A table of a benchmark: rows that are recipes with something changed, each kept as `ssl_course.runs` keeps a run."""

import json
import shlex
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ssl_course.recipes import Recipe, make
from ssl_course.results import FOLDER
from ssl_course.runs import Build, Images, Judge, Machine, hardware, is_current, judge_briefly, load_images, run, today
from ssl_course.tables import as_json

RUNS = Path(__file__).parent.parent / "runs"
ABOUT = ("features", "hash", "machine", "date", "hardware")  # what a run's row has beside numbers


@dataclass(frozen=True)
class Row:
    """What one row of a table is.

    Attributes:
        recipe: of any seed.
        build: makes the method.
        judge: makes the numbers.
        kind: of the images, for `load`, such as {"upright": True}.
        change: what to do to the images before anything else.
        about: further entries of the row.
    """

    recipe: Recipe
    build: Build = make
    judge: Judge = judge_briefly
    kind: dict[str, bool] = field(default_factory=dict)
    change: Callable[[Images], Images] | None = None
    about: dict[str, object] = field(default_factory=dict)

    def images(self, seed: int) -> Images:
        loaded = load_images(replace(self.recipe, seed=seed), **self.kind)
        return loaded if self.change is None else self.change(loaded)


def table(name: str, caption: str, rows: dict[str, Row], seeds: list[int]) -> dict:
    """Make or read every row for every seed and keep the table where lessons find it, after each seed.

    In `seeds` a row has numbers alone; which run made it, where and when, stands in `runs`; `recipe` is that of the
    first row. Other seeds that are in the file stay, if today's code and data would give the same rows.
    """
    machine, file = Machine(), FOLDER / f"{name}.json"
    command = f"python benchmarks/{Path(sys.argv[0]).name} {shlex.join(sys.argv[1:])}"
    shared = next(iter(rows.values())).recipe
    result = {"caption": caption, "command": command, "recipe": shared.as_dict() | {"data": Path(shared.data).name}}
    result |= {"hardware": hardware(machine), "date": today(), **_still_true(file, rows, seeds)}
    for seed in seeds:
        made, about = {}, {}
        result["seeds"][str(seed)], result["runs"][str(seed)] = made, about
        for title, row in rows.items():
            recipe, images = replace(row.recipe, seed=seed), row.images(seed)
            found = run(recipe, RUNS, images=images, machine=machine, build=row.build, judge=row.judge)
            made[title] = row.about | {key: value for key, value in found.items() if key not in ABOUT}
            about[title] = {key: found[key] for key in ("hash", "machine", "date")}
            print(f"{seed}  {title:<36} linear probe {100 * made[title]['linear_probe']:.1f} %", flush=True)
        file.write_text(as_json(result), encoding="utf-8")
    return result


def add_rows(
    name: str, caption: str, recipe: dict, asked: Iterable[tuple[int, str]], made: Callable[[str, int], dict]
) -> None:
    """Make the rows that a table doesn't have yet, and keep each when it is made; those that are there stay.

    Args:
        name: of the file in the folder of results, without its ending.
        recipe: what all rows share, to be read.
        asked: seeds and names of rows, in the order in which to make them.
        made: gives a row's numbers by its name and seed.
    """
    file = FOLDER / f"{name}.json"
    for seed, row in asked:
        if row in _kept(file).get(str(seed), {}):
            continue
        numbers = made(row, seed)
        print(seed, row, numbers, flush=True)
        kept = _kept(file)  # again: another process may have written meanwhile
        kept.setdefault(str(seed), {})[row] = numbers
        command = f"python benchmarks/{Path(sys.argv[0]).name} --seeds {' '.join(sorted(kept, key=int))}"
        result = {"caption": caption, "command": command, "seeds": kept}
        result |= {"hardware": hardware(Machine("cpu", "fp32", 1)), "date": today(), "recipe": recipe}
        file.write_text(as_json(result), encoding="utf-8")


def show(result: dict) -> None:
    """Mean ± standard deviation over the seeds, in per cent, as a Markdown table."""
    seeds = list(result["seeds"].values())
    print(f"| {result['caption']} | linear probe | k-NN |\n|---|---|---|")
    for name in seeds[0]:
        cells = []
        for column in ("linear_probe", "knn"):
            values = [100 * seed[name][column] for seed in seeds]
            spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.1f}{spread}")
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"\n{len(seeds)} seeds; {result['hardware']}; {result['date']}")


def _kept(file: Path) -> dict:
    return json.loads(file.read_text(encoding="utf-8"))["seeds"] if file.exists() else {}


def _still_true(file: Path, rows: dict[str, Row], asked: list[int]) -> dict[str, dict]:
    """The seeds of an earlier result that aren't asked for and that today's code and data would give again."""
    earlier = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept = {"seeds": {}, "runs": {}}
    for seed, about in earlier.get("runs", {}).items():
        if int(seed) in asked:
            continue
        if set(about) == set(rows) and all(_is_current(row, about[title], int(seed)) for title, row in rows.items()):
            kept["seeds"][seed], kept["runs"][seed] = earlier["seeds"][seed], about
        else:
            print(f"seed {seed} was made by other code, data or settings: left out", file=sys.stderr)
    return kept


def _is_current(row: Row, about: dict, seed: int) -> bool:
    recipe = replace(row.recipe, seed=seed)
    return is_current(about, recipe, row.images(seed), build=row.build, judge=row.judge)
