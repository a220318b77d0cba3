"""All methods at one training cost, judged by one protocol: many runs gathered into one result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ssl_course import plots, tables
from ssl_course.data import ImageSet
from ssl_course.evaluate import linear_cka
from ssl_course.features import collapsed
from ssl_course.recipes import Recipe
from ssl_course.runs import (
    Images,
    Judge,
    Machine,
    Task,
    hardware,
    is_current,
    is_kept,
    judge_briefly,
    judge_row,
    load_images,
    run_side_by_side,
    today,
)
from ssl_course.tables import NAMES

SHARED = ("data", "size", "resolution", "probe", "tuning_steps", "tuning_lr")  # fields that all rows have alike
Prepare = Callable[[Recipe], Images]


def collect(
    recipes: Sequence[Recipe],
    folder: Path,
    *,
    caption: str,
    machine: Machine | None = None,
    jobs: int = 1,
    earlier: dict | None = None,
    say: Callable[[str], None] = lambda text: None,
    progress: bool = True,
    prepare: Prepare | None = None,
) -> dict:
    """All rows, as a result that `ssl_course.results.read` understands.

    Args:
        recipes: one for each row and seed; those of one seed share their images.
        folder: where runs are kept; what is there already isn't trained again.
        caption: what to call the images.
        jobs: runs at a time, each in a process of its own.
        earlier: a result whose seeds are kept too, as far as today's code and data would give the same rows.
        say: is called with a sentence after each run.
        progress: whether to show a bar for each, if there is one run at a time.
        prepare: loads the images of a recipe; default `load_images`.

    Returns:
        caption, recipe (what all rows share), recipes (each row's own), hardware, date; `seeds`, a dict of rows for
        each; `failed`, what could not be made and why (the other rows are there all the same); `similarity` and `maps`
        of the first seed's features.
    """
    machine = (machine or Machine()).resolved()
    result = _empty(recipes, caption, machine)
    result["seeds"] = _still_true(earlier, recipes, say, prepare=prepare) if earlier else {}
    places = {}
    for made in recipes:
        places[_task(made, judge_row, prepare)] = result, f"{NAMES[made.method]}, seed {made.seed}"
    _fill(places, folder, machine, jobs, say, progress=progress)
    _put_in_order(result)
    return result | _pictures(result, recipes[0], folder, prepare)


def collect_budgets(
    recipes: Mapping[float, Sequence[Recipe]],
    folder: Path,
    *,
    caption: str,
    machine: Machine | None = None,
    jobs: int = 1,
    kept: bool = False,
    brief: bool = False,
    earlier: dict | None = None,
    say: Callable[[str], None] = lambda text: None,
    keep: Callable[[dict], None] = lambda result: None,
    prepare: Prepare | None = None,
) -> dict:
    """All rows at several training costs: the whole row at the largest, linear probe and k-NN alone at the others.

    Args:
        recipes: for each cost, in times of the usual one, a recipe for each row and seed.
        folder: where runs are kept; what is there already isn't trained again.
        caption: what to call the images.
        jobs: runs at a time, each in a process of its own, the longest first.
        kept: whether to gather what is in the folder alone, and train nothing.
        brief: whether linear probe and k-NN are enough at the largest cost, too.
        earlier: such a result, of which the seeds that aren't asked for are kept as far as they are true today.
        say: is called with a sentence after each run.
        keep: is called with the result as it is after each run.
        prepare: loads the images of a recipe; a function of a module, default `load_images`.

    Returns:
        caption, hardware, date and `budgets`: for each cost, as text, what `collect` returns.
    """
    machine = (machine or Machine()).resolved()
    scales = sorted(recipes)
    result = {"caption": caption, "hardware": hardware(machine), "date": today(), "budgets": {}}
    places: dict[Task, tuple[dict, str]] = {}
    for scale in scales:
        judge = judge_row if scale == scales[-1] and not brief else judge_briefly
        part = _empty(recipes[scale], caption, machine)
        before = (earlier or {}).get("budgets", {}).get(f"{scale:g}")
        part["seeds"] = _still_true(before, recipes[scale], say, judge, prepare=prepare) if before else {}
        result["budgets"][f"{scale:g}"] = part
        for made in recipes[scale]:
            places[_task(made, judge, prepare)] = part, f"{NAMES[made.method]}, seed {made.seed}, cost {scale:g}"
    if kept:
        places = {task: place for task, place in places.items() if is_kept(task, folder, machine)}
    longest_first = sorted(places, key=lambda task: -task.recipe.passes / task.recipe.batch_size)
    _fill({task: places[task] for task in longest_first}, folder, machine, jobs, say, keep=lambda: keep(result))
    for scale in scales:
        part = result["budgets"][f"{scale:g}"]
        _put_in_order(part)
        part |= _pictures(part, recipes[scale][0], folder, prepare)
    return result


def _task(made: Recipe, judge: Judge, prepare: Prepare | None) -> Task:
    return Task(made, judge, prepare or load_images)


def _fill(
    places: Mapping[Task, tuple[dict, str]],
    folder: Path,
    machine: Machine,
    jobs: int,
    say: Callable[[str], None],
    *,
    progress: bool = False,
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Make each task's row and put it, or why there is none, into the result that stands beside it with a title."""
    for task, row in run_side_by_side(list(places), folder, machine, jobs, progress=progress):
        result, title = places[task]
        if "failed" in row:
            result["failed"].append(f"{title}: {row['failed']}")
            say(result["failed"][-1])
        else:
            result["seeds"].setdefault(str(task.recipe.seed), {})[task.recipe.method] = row
            say(f"{title}: linear probe {100 * row['linear_probe']:.1f} %")
        keep()


def _empty(recipes: Sequence[Recipe], caption: str, machine: Machine) -> dict:
    """A result without rows."""
    result = {"caption": caption, "recipe": _shared(recipes[0])}
    result |= {"recipes": {made.method: _own(made) for made in recipes}}
    return result | {"hardware": hardware(machine), "date": today(), "seeds": {}, "failed": []}


def _put_in_order(result: dict) -> None:
    """Seeds and rows in their own order, whatever finished first."""
    for seed in sorted(result["seeds"], key=int):
        rows = result["seeds"].pop(seed)
        result["seeds"][seed] = {name: rows[name] for name in NAMES if name in rows}


def _pictures(result: dict, made: Recipe, folder: Path, prepare: Prepare | None) -> dict:
    """Similarity and maps of the features that the rows of the first recipe's seed have left in the folder."""
    rows = result["seeds"].get(str(made.seed), {})
    places = {name: folder / row["hash"] / "features.pt" for name, row in rows.items()}
    features = {name: torch.load(place) for name, place in places.items() if place.is_file()}
    spread = {name: part for name, part in features.items() if not collapsed(part)}
    return {"similarity": similarity(spread), "maps": maps(spread, (prepare or load_images)(made).test)}


def _still_true(
    earlier: dict,
    recipes: Sequence[Recipe],
    say: Callable[[str], None],
    judge: Judge = judge_row,
    *,
    prepare: Prepare | None = None,
) -> dict[str, dict]:
    """The rows of an earlier result, for seeds that aren't asked for, that today's code and data would make again."""
    asked = {str(made.seed) for made in recipes}
    kept = {}
    for seed, rows in earlier["seeds"].items():
        if seed in asked:
            continue
        known = {made.method: replace(made, seed=int(seed)) for made in recipes}
        images = (prepare or load_images)(next(iter(known.values())))
        current = {
            name: row
            for name, row in rows.items()
            if name in known and is_current(row, known[name], images, judge=judge)
        }
        if lost := [NAMES[name] for name in rows if name not in current]:
            say(f"seed {seed}: left out {', '.join(lost)}, made by other code, data or settings: ask for it again")
        if current:
            kept[seed] = current
    return kept


def _shared(made: Recipe) -> dict:
    values = made.as_dict() | {"data": Path(made.data).name}
    return {name: values[name] for name in SHARED}


def _own(made: Recipe) -> dict:
    return {name: value for name, value in made.as_dict().items() if name not in (*SHARED, "method", "seed")}


def similarity(features: dict[str, Tensor]) -> dict[str, dict[str, float]]:
    """Linear CKA of every pair of rows on the same test images, rounded to three places."""
    table = {}
    for one, mine in features.items():
        table[one] = {other: round(linear_cka(mine, theirs), 3) for other, theirs in features.items()}
    return table


def maps(features: dict[str, Tensor], test: ImageSet, count: int = 300) -> dict:
    """t-SNE places of some test images by each row's features, and their labels."""
    count = min(count, len(test))
    placed = {name: plots.tsne_places(part[:count]).round(1).tolist() for name, part in features.items()}
    return {"labels": test.labels[:count].tolist(), "classes": list(test.classes), "places": placed}


def save(result: dict, folder: Path) -> None:
    """Write table.md, table.csv, result.json and the figures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"table.md": tables.markdown(result) + "\n", "table.csv": tables.csv(result)}
    for name, text in (texts | {"result.json": tables.as_json(result)}).items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, axes in figures(result).items():
        axes.figure.savefig(folder / f"{name}.png", dpi=150)
        plots.plt.close(axes.figure)


def save_budgets(result: dict, folder: Path) -> None:
    """Write what `save` writes for each cost that has maps, in a folder of its own, and the curves over all of them."""
    for times, part in result["budgets"].items():
        save(part, folder / f"times_{times}")
    axes = plots.learning_curves(result)
    axes.figure.savefig(folder / "curves.png", dpi=150, bbox_inches="tight")
    plots.plt.close(axes.figure)


def figures(result: dict) -> dict[str, plots.Axes]:
    """The table as bars, what can be read of the factors, the similarity of the rows, and their maps, by file name."""
    if not result["maps"]["places"]:
        return {}
    drawn = {"accuracy": plots.accuracy_bars(result), "similarity": plots.similarity_grid(result)}
    drawn["maps"] = plots.gallery(result)
    if table := tables.factor_table(result):
        spread = tables.factor_spread(result)
        drawn["factors"] = plots.heatmap(table, spread=spread, unit="read linearly: R² on test images")
    return drawn
