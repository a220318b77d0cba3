"""What rows of a comparison say: means over seeds, and the table as Markdown, CSV and JSON.

A result is a dict: caption, command, recipe, recipes, hardware, date, `seeds` (for each seed a dict of rows by name),
failed, similarity and maps; `compare.collect` makes one, and `results.read` reads one that is kept with the package.
"""

import json
import math
import statistics

import pandas as pd
from scipy.stats import t as student

from ssl_course.methods import ALL

NAMES = {"pixels": "raw pixels", "untrained": "untrained encoder", "untrained_vit": "untrained transformer"}
NAMES |= {name: method.__name__ for name, method in ALL.items()}
NAMES |= {"vae": "VAE", "barlow_twins": "Barlow Twins", "ijepa": "I-JEPA", "supervised": "trained with labels"}


def rows_of(result: dict) -> list[str]:
    """The names of the rows that any seed has, in order."""
    return list(dict.fromkeys(name for rows in result["seeds"].values() for name in rows))


def summary(result: dict, column: str, key: str | None = None) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation over the seeds of one column, for every row that has it.

    Args:
        column: of the rows, such as "linear_probe", "knn", "few_labels".
        key: within the column, such as "0.01" or a factor's name.

    Returns:
        By the row's name on the command line; the deviation of one seed is nan.
    """
    table = {}
    for name in rows_of(result):
        cells = [rows[name].get(column) for rows in result["seeds"].values() if name in rows]
        values = [cell if key is None or cell is None else cell.get(key) for cell in cells]
        if None not in values:
            table[name] = (statistics.mean(values), statistics.stdev(values) if len(values) > 1 else math.nan)
    return table


def columns(result: dict) -> dict[str, dict[str, tuple[float, float]]]:
    """The accuracies of the table by column title, each as `summary` gives it; those that no row has are left out."""
    table = {"linear probe": summary(result, "linear_probe"), "k-NN": summary(result, "knn")}
    for share in _shares(result):
        table[f"probe, {float(share):.0%} of the labels"] = summary(result, "few_labels", share)
    for share in _shares(result):
        table[f"fine-tuned, {float(share):.0%} of the labels"] = summary(result, "fine_tuned", share)
    return {title: cells for title, cells in table.items() if cells}


def factor_table(result: dict) -> dict[str, dict[str, float]]:
    """Mean R^2 of each known factor for each row, by the row's title; empty for photographs."""
    return {title: {name: mean for name, (mean, _) in row.items()} for title, row in _factors(result).items()}


def factor_spread(result: dict) -> dict[str, dict[str, float]]:
    """The standard deviation over the seeds of what `factor_table` has; nan for one seed."""
    return {title: {name: spread for name, (_, spread) in row.items()} for title, row in _factors(result).items()}


def _factors(result: dict) -> dict[str, dict[str, tuple[float, float]]]:
    table = {}
    for factor in _keys(result, "factors"):
        for name, cell in summary(result, "factors", factor).items():
            table.setdefault(NAMES[name], {})[factor] = cell
    return table


def paired(
    result: dict, column: str, key: str | None = None, *, against: str = "simclr"
) -> dict[str, tuple[float, float, bool]]:
    """How much better each row is than another, seed by seed: the same images and first weights in both.

    Args:
        column, key: as in `summary`.
        against: the row that all others are compared with.

    Returns:
        By the row's name: the mean difference (positive: better than `against`), its standard deviation over the seeds,
        and whether it is a tie, which it is if a paired t-test at 5 % can't tell it from 0; one seed can't tell.
    """
    table = {}
    for name in rows_of(result):
        differences = []
        for rows in result["seeds"].values():
            cells = [rows.get(row, {}).get(column) for row in (name, against)]
            mine, theirs = (cell if key is None or cell is None else cell.get(key) for cell in cells)
            if mine is not None and theirs is not None:
                differences.append(mine - theirs)
        if name != against and differences:
            table[name] = (statistics.mean(differences), _deviation(differences), _is_tie(differences))
    return table


def _deviation(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else math.nan


def _is_tie(differences: list[float]) -> bool:
    if len(differences) < 2:
        return True
    limit = student.ppf(0.975, len(differences) - 1) * statistics.stdev(differences) / math.sqrt(len(differences))
    return abs(statistics.mean(differences)) <= limit + 1e-9


def markdown(result: dict) -> str:
    """The table: accuracies in per cent, mean ± standard deviation over the seeds; notes below it."""
    accuracies, spent = columns(result), _spent(result)
    lines = [f"| {result['caption']} | {' | '.join([*spent, *accuracies])} |"]
    lines += ["|---" * (len(accuracies) + len(spent) + 1) + "|"]
    for name in rows_of(result):
        cells = [column.get(name, "–") for column in spent.values()]
        cells += [_percent(*column[name]) if name in column else "–" for column in accuracies.values()]
        lines.append(f"| {NAMES[name]} | {' | '.join(cells)} |")
    return "\n".join([*lines, *[f"\n{note}" for note in notes(result)]])


def budgets_markdown(result: dict) -> str:
    """The result of `compare --budgets` as a table: linear probe and k-NN (per cent) at each cost, best rows first, and
    what a run at the largest cost took.
    """
    parts, largest = result["budgets"], list(result["budgets"].values())[-1]
    columns = {"probe": "linear_probe", "k-NN": "knn"}
    cells: dict[str, dict[str, str]] = {}
    for title, column in columns.items():
        for times, part in parts.items():
            for name, (mean, deviation) in summary(part, column).items():
                cells.setdefault(name, {})[f"{title}, {times}×"] = _percent(mean, deviation)
    spent = _spent(largest)
    for title, column in spent.items():
        for name, text in column.items():
            cells[name][f"{title}, {list(parts)[-1]}×"] = text
    last = summary(largest, "linear_probe")
    trained = spent.get("passes", {})
    titles = [f"{title}, {times}×" for title in columns for times in parts]
    titles += [f"{title}, {list(parts)[-1]}×" for title in spent]
    order = sorted(cells, key=lambda name: (name in trained, name == "supervised", -last.get(name, (0.0, 0.0))[0]))
    lines = [f"| {result['caption']} | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    lines += [f"| {NAMES[name]} | {' | '.join(cells[name].get(title, '–') for title in titles)} |" for name in order]
    return "\n".join(lines)


def _spent(result: dict) -> dict[str, dict[str, str]]:
    """What training took: passes, optimiser steps, cost in passes of SimCLR, seconds; those that any row has."""
    table = {}
    for title, column, shown in (
        ("passes", "passes", "{:.0f}"),
        ("steps", "steps", "{:,.0f}"),
        ("cost", "cost", "{:.2f}"),
        ("seconds", "seconds", "{:.0f}"),
    ):
        cells = {name: mean for name, (mean, _) in summary(result, column).items()}
        if cells:
            table[title] = {name: shown.format(mean) for name, mean in cells.items()}
    return table


def notes(result: dict) -> list[str]:
    """What a reader of the table must know to read it right."""
    told = []
    if "supervised" in rows_of(result):
        told.append(
            f"*{NAMES['supervised']}* saw the labels of all training images before any column: with a share of the "
            "labels, only its classifier is fitted anew."
        )
    if "cost" in _spent(result):
        told.append("*Cost* is counted in passes of SimCLR; every method has as many whole passes as come nearest.")
    return told


def csv(result: dict) -> str:
    """The table as comma-separated values: what training took, and mean and deviation of each accuracy, in [0, 1]."""
    frame = pd.DataFrame(index=[NAMES[name] for name in rows_of(result)])
    for title in _spent(result):
        frame[title] = pd.Series({NAMES[name]: mean for name, (mean, _) in summary(result, title).items()})
    for title, cells in columns(result).items():
        means = {NAMES[name]: mean for name, (mean, _) in cells.items()}
        deviations = {NAMES[name]: deviation for name, (_, deviation) in cells.items()}
        frame[f"{title}, mean"], frame[f"{title}, deviation"] = pd.Series(means), pd.Series(deviations)
    return frame.to_csv(index_label="row")


def as_json(result: dict) -> str:
    """The result as text, one line for each row of the table and each recipe, numbers to five digits."""
    entries = []
    for key, value in _rounded(result).items():
        depth = {"seeds": 2, "runs": 2, "budgets": 4}.get(key, 1)
        entries.append(f' "{key}": {_text(value, depth, indent=" ")}')
    return "{\n" + ",\n".join(entries) + "\n}\n"


def _percent(mean: float, deviation: float) -> str:
    return f"{100 * mean:.1f}" + ("" if math.isnan(deviation) else f" ± {100 * deviation:.1f}")


def _shares(result: dict) -> list[str]:
    """The shares of labels that some row was judged with, the smallest first."""
    return sorted(set(_keys(result, "few_labels")) | set(_keys(result, "fine_tuned")), key=float)


def _keys(result: dict, column: str) -> list[str]:
    """The keys within a column, in the order of the first row that has them."""
    cells = [row.get(column, {}) for rows in result["seeds"].values() for row in rows.values()]
    return list(dict.fromkeys(key for cell in cells for key in cell))


def _text(value: object, depth: int, indent: str) -> str:
    """A dict with one line for each entry, down to some depth; below that, and everything else, on one line."""
    if depth == 0 or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    entries = [f"{inner}{json.dumps(key)}: {_text(part, depth - 1, inner)}" for key, part in value.items()]
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}"


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value
