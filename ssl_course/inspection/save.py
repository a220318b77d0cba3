"""An inspection as files: report.txt, report.json, report.png, and files.csv with the group of each picture."""

import csv
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ssl_course import pictures, plots
from ssl_course.folders import enumerated
from ssl_course.inspection.report import Inspection, as_text, headline
from ssl_course.splits import split_by_group

SIDE = 96  # pixels of a picture on the page
SHEET, COLUMNS = 36, 12  # pictures of the sheet, and in a row


def save(report: Inspection, out: Path) -> list[str]:
    """Write the four files of a report into a folder, and return their names.

    Raises:
        ValueError: if the folder is within the one that was inspected, which stays as it is.
    """
    refuse_inside(report.folder, out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.txt").write_text(as_text(report), encoding="utf-8")
    (out / "report.json").write_text(json.dumps(report.as_dict(), indent=1, ensure_ascii=False), encoding="utf-8")
    with open(out / "files.csv", "w", encoding="utf-8", newline="") as opened:
        table = csv.writer(opened)
        table.writerow(["file", "split", "class", *report.groups])
        for place, file in enumerate(report.files):
            name = "" if report.labels is None else report.classes[report.labels[place]]
            own = [names[place] for names in report.groups.values()]
            table.writerow([enumerated([file.relative_to(report.folder)]), report.splits[place] or "", name, *own])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the font hasn't every letter that a name may have
        page = draw(report)
        page.savefig(out / "report.png", dpi=110)
    plots.plt.close(page)
    return ["report.txt", "report.json", "report.png", "files.csv"]


def save_split(report: Inspection, way: str, out: Path, *, test: float = 0.2, seed: int = 0) -> dict[str, int]:
    """Make a folder OUT/train/<class>/* and OUT/test/<class>/* that has no group on both sides, for `load` to read.

    The pictures are linked, or copied where the system has no links; those of no class are left out if there are
    classes.

    Args:
        report: of the folder.
        way: to group by, one of `report.groups`.
        out: a new folder, not within the one that was inspected.
        test, seed: as in `split_by_group`.

    Returns:
        How many pictures are in each split.

    Raises:
        ValueError: if pictures can't be grouped so, the folder is there already, or as `split_by_group`.
    """
    refuse_inside(report.folder, out)
    if way not in report.groups:
        known = ", ".join(report.groups) or "nothing"
        raise ValueError(f"these pictures can be grouped by {known}, got {way!r}")
    if out.exists():
        raise ValueError(f"{out} is there already: delete it, or name another folder")
    kept = [i for i in range(len(report.files)) if report.labels is None or report.labels[i] >= 0]
    labels = len(kept) if report.labels is None else report.labels[kept]
    parts = split_by_group(labels, [report.groups[way][i] for i in kept], test=test, seed=seed)
    for split, part in zip(("train", "test"), parts, strict=True):
        for i in (kept[place] for place in part.tolist()):
            name = report.classes[report.labels[i]] if report.labels is not None else "unlabelled"
            _link(report.files[i], report.folder, out / split / name)
    return {"train": len(parts[0]), "test": len(parts[1])}


def _link(file: Path, folder: Path, place: Path) -> None:
    """A link to a file, called by its whole path in the folder, so that no two of them have one name."""
    place.mkdir(parents=True, exist_ok=True)
    target = place / "__".join(file.relative_to(folder).parts)
    try:
        target.symlink_to(file.resolve())
    except OSError:  # Windows asks for a right that few have
        shutil.copy(file, target)


def refuse_inside(folder: Path, out: Path) -> None:
    """ValueError if a folder to write to is the one that is inspected, or in it."""
    inspected = folder.resolve()
    if inspected in (out.resolve(), *out.resolve().parents):
        raise ValueError(f"--out {out} is in the folder that is inspected, and nothing is written there: name another")


def draw(report: Inspection) -> Figure:
    """The page of pictures, as a figure."""
    chosen = np.linspace(0, len(report.files) - 1, min(SHEET, len(report.files))).round().astype(int)
    samples = [_shown(report.files[place]) for place in chosen]
    pairs, titles = _pairs(report)
    detail, detail_title = _detail(report)
    title = f"{enumerated([report.folder.resolve().name])}\n{headline(report)}"
    shown = torch.stack(samples) if samples else None
    axes = plots.inspection_page(title, shown, pairs, titles, detail, detail_title, columns=COLUMNS)
    return axes[0].get_figure(root=True)


def _shown(file: Path) -> Tensor:
    """A picture as `load` gives it at SIDE pixels, (3, SIDE, SIDE); white if it can no longer be read."""
    picture = pictures.read(file, SIDE)
    if isinstance(picture, pictures.Unreadable):
        return torch.full((3, SIDE, SIDE), 255, dtype=torch.uint8)
    return torch.from_numpy(pictures.to_bytes([picture])[0][0].copy()).permute(2, 0, 1)


def _pairs(report: Inspection) -> tuple[Tensor | None, list[str]]:
    """The first copies, exact ones and near ones: (P, 2, 3, SIDE, SIDE), and what to write under each."""
    exact = [(places[0], places[1], None) for places in report.copies.exact]
    near = report.copies.near[:: max(1, len(report.copies.near) // COLUMNS)]  # from the nearest to the farthest
    few = min(len(exact), max(COLUMNS // 2, COLUMNS - len(near)))
    chosen = [*exact[:few], *near][:COLUMNS]
    if not chosen:
        return None, []
    titles = []
    for one, other, distance in chosen:
        splits = {report.splits[one], report.splits[other]}
        titles.append(("exact" if distance is None else f"{distance:.1f}") + ("\nleak" if len(splits) > 1 else ""))
    pairs = [torch.stack([_shown(report.files[place]) for place in pair[:2]]) for pair in chosen]
    return torch.stack(pairs), titles


def _detail(report: Inspection) -> tuple[dict[str, np.ndarray], str]:
    detail = report.detail
    if detail is None:
        return {}, ""
    shown = {f"full size, {detail.side}\nthe part has {len(detail.part)}": detail.part}
    for resolution, part in reversed(detail.at.items()):
        if resolution < detail.side:
            shown[f"at {resolution}\n{detail.side / resolution:.1f} px become one"] = part
    name = enumerated([detail.file.relative_to(report.folder)])
    what = f"the sharpest part of {name}"
    if len(shown) == 1:
        return shown, f"{what}: at {min(detail.at)} pixels nothing of it is lost"
    return shown, f"{what}, as load gives it at each resolution"
