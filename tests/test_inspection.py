"""What `inspect_folder` finds in folders made for it, and that no file is too odd for it."""

import datetime
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ssl_course import inspect_folder, load, split_by_group
from ssl_course.inspection import cost
from ssl_course.inspection.copies import NEAR, joined_to, one_scene
from ssl_course.inspection.detail import find_detail, resolutions_for, smallest_detail
from ssl_course.inspection.groups import leak
from ssl_course.inspection.save import save, save_split

NOON = datetime.datetime(2024, 1, 31, 12)


def pixels(seed: int, size=(48, 48), fields: int = 6) -> np.ndarray:
    """A picture of blurred fields, unlike that of any other seed: uint8 (H, W, 3)."""
    noise = np.random.default_rng(seed).integers(0, 256, (fields, fields, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC))


def put(file: Path, picture: int | np.ndarray, *, taken=None, camera=None, **options) -> Path:
    """A picture file, by its seed or its pixels; with EXIF if there is a time or a camera."""
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels(picture) if isinstance(picture, int) else picture)
    exif = Image.Exif()
    if camera:
        exif[271], exif[272] = camera
    if taken:
        exif.get_ifd(0x8769)[36867] = taken.strftime("%Y:%m:%d %H:%M:%S")
    image.save(file, exif=exif, **options) if taken or camera else image.save(file, **options)
    return file


def put_classes(folder: Path, **counts: int) -> Path:
    seed = 0
    for name, count in counts.items():
        for number in range(count):
            put(folder / name / f"{number:03}.png", seed)
            seed += 1
    return folder


def look(folder: Path, **options):
    return inspect_folder(folder, measure=False, **options)


def finding(report, name: str):
    """The finding of this name, or None."""
    return next((found for found in report.findings if found.name == name), None)


# --- what is there


def test_what_is_there_is_counted(tmp_path):
    put_classes(tmp_path, cat=7, dog=3)
    put(tmp_path / "dog" / "wide.jpg", pixels(99, (80, 40)))
    put(tmp_path / "dog" / "really a PNG.jpg", 98, format="PNG")
    numbers = look(tmp_path).as_dict()
    assert (numbers["pictures"], numbers["unreadable"]) == (12, 0)
    kinds = {(row["kind"], row["ending"]): row["count"] for row in numbers["kinds"]}
    assert kinds == {("PNG", ".png"): 10, ("JPEG", ".jpg"): 1, ("PNG", ".jpg"): 1}
    assert numbers["sizes"] == {"48x48": 11, "80x40": 1}
    assert numbers["modes"] == {"RGB": 12}
    assert numbers["classes"] == {"cat": 7, "dog": 5}
    assert numbers["splits"] == {"train": 10, "test": 2}
    assert finding(look(tmp_path), "endings").numbers == {"count": 1}


def test_a_turned_photograph_has_its_upright_size(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pixels(0, (60, 30))).save(tmp_path / "a.jpg", exif=exif)
    assert look(tmp_path).as_dict()["sizes"] == {"30x60": 1}


def test_the_share_of_the_largest_class_is_said_where_it_is_large(tmp_path):
    put_classes(tmp_path / "skewed", cat=19, dog=1)
    put_classes(tmp_path / "even", cat=5, dog=5)
    report = look(tmp_path / "skewed")
    assert "Always naming the largest class (cat) is right in 95 %." in str(report).replace("\n   ", " ")
    assert finding(report, "rare_classes").numbers == {"classes": ["dog"]}
    assert finding(look(tmp_path / "even"), "majority") is None


def test_labels_and_splits_of_the_files_are_those_of_load(tmp_path):
    report = look(put_classes(tmp_path, cat=5, dog=6))
    assert [file.name for file in report.files] == [f"{n:03}.png" for n in (*range(5), *range(6))]
    assert report.labels.tolist() == [0] * 5 + [1] * 6
    assert [split == "test" for split in report.splits] == [n == 4 for n in (*range(5), *range(6))]


@pytest.mark.parametrize(("labels", "classes"), [("auto", ()), ("folders", ("2024-01", "2024-02")), (None, ())])
def test_date_folders_are_named_and_no_classes_unless_asked(tmp_path, labels, classes):
    report = look(put_classes(tmp_path, **{"2024-01": 5, "2024-02": 5}), labels=labels)
    assert report.as_dict()["date_folders"] == ["2024-01", "2024-02"]
    assert report.classes == classes
    assert (finding(report, "labels") is not None) == (labels == "auto")


# --- copies


def test_exact_copies_are_found_by_their_bytes_and_near_ones_by_their_look(tmp_path):
    put_classes(tmp_path, cat=6)
    shutil.copy(tmp_path / "cat" / "000.png", tmp_path / "cat" / "again.png")
    put(tmp_path / "cat" / "saved.jpg", pixels(3), quality=70)
    put(tmp_path / "cat" / "darker.png", (0.97 * pixels(5)).astype(np.uint8))
    report = look(tmp_path)
    names = [file.name for file in report.files]
    assert [[names[place] for place in places] for places in report.copies.exact] == [["000.png", "again.png"]]
    near = {(names[one], names[other]): distance for one, other, distance in report.copies.near}
    assert set(near) == {("003.png", "saved.jpg"), ("005.png", "darker.png")}
    assert all(0 < distance < NEAR for distance in near.values())


def test_files_of_one_length_are_no_copies(tmp_path):
    for seed in range(3):
        put(tmp_path / f"{seed}.bmp", seed)  # all of one length
    assert look(tmp_path).copies.exact == []


def test_a_dark_picture_is_no_copy_of_another_dark_one(tmp_path):
    for seed in range(4):
        put(tmp_path / f"{seed}.png", pixels(seed) // 16)
    report = look(tmp_path)
    assert report.copies.blank == []
    assert report.copies.near == []


def test_fine_noise_is_not_blank(tmp_path):
    noise = np.random.default_rng(0).integers(100, 140, (64, 64, 3)).astype(np.uint8)
    put(tmp_path / "noise.png", noise)
    put(tmp_path / "blank.png", np.full((64, 64, 3), 120, np.uint8))
    assert finding(look(tmp_path), "blank").numbers == {"count": 1}


def test_copies_across_splits_are_a_leak_and_named(tmp_path):
    put_classes(tmp_path / "train", cat=5, dog=5)
    put(tmp_path / "test" / "cat" / "own.png", 50)
    shutil.copy(tmp_path / "train" / "cat" / "001.png", tmp_path / "test" / "cat" / "exact.png")
    put(tmp_path / "test" / "dog" / "near.jpg", pixels(7), quality=80)
    leak = finding(look(tmp_path), "copies_across_splits")
    assert leak.urgent
    assert leak.numbers == {"count": 2, "test": 3}
    assert "twins(test, train)" in leak.do
    assert "test/cat/exact.png = train/cat/001.png" in leak.says


def test_copies_within_one_split_are_no_leak(tmp_path):
    put_classes(tmp_path / "train", cat=5)
    put_classes(tmp_path / "test", cat=5)
    for file in (tmp_path / "test" / "cat").iterdir():
        put(file, 100 + int(file.stem))
    shutil.copy(tmp_path / "test" / "cat" / "001.png", tmp_path / "test" / "cat" / "x.png")
    report = look(tmp_path)
    assert finding(report, "copies_across_splits") is None
    assert finding(report, "exact_copies").numbers == {"count": 1}


def test_one_picture_in_two_classes_is_a_wrong_label(tmp_path):
    put_classes(tmp_path, cat=5, dog=5)
    shutil.copy(tmp_path / "cat" / "000.png", tmp_path / "dog" / "x.png")
    assert finding(look(tmp_path), "copies_in_two_classes").numbers == {"count": 1}


def test_pairs_are_found_whatever_lies_between_them_and_however_they_are_compared(tmp_path, monkeypatch):
    for seed in range(30):
        put(tmp_path / f"{seed:02}.png", seed)
        put(tmp_path / f"{seed:02} again.jpg", pixels(seed), quality=75)
    whole = look(tmp_path).copies.near
    assert len(whole) == 30
    monkeypatch.setattr("ssl_course.inspection.copies.ROWS", 7)
    assert look(tmp_path).copies.near == whole


def test_joined_places_have_one_number_over_any_number_of_steps():
    assert joined_to(7, [(5, 6), (0, 2), (2, 6), (1, 3)]) == [0, 1, 0, 1, 4, 0, 0]


# --- a fixed camera


def scene(number: int, seed: int, light: float = 1.0) -> np.ndarray:
    """A scene with a patch somewhere, in its light."""
    generator = np.random.default_rng(seed)
    image = pixels(1000 + number, (64, 64)) * light + generator.normal(0, 3, (64, 64, 3))
    top, left = generator.integers(0, 59, 2)
    image[top : top + 5, left : left + 5] = generator.integers(0, 256, 3)
    return image.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("light", [0.0, 0.6])
def test_a_fixed_camera_is_one_sentence_and_not_a_leak_for_each_picture(tmp_path, light):
    for number in range(40):
        put(tmp_path / f"{number:03}.png", scene(0, number, 1 - light * number / 40))
    shutil.copy(tmp_path / "003.png", tmp_path / "copy.png")
    report = look(tmp_path)
    assert "as from a fixed camera" in finding(report, "fixed_camera").says
    assert {found.name for found in report.findings} == {"fixed_camera", "exact_copies"}
    assert report.copies.near == []


def test_fixed_cameras_at_several_places_are_known_and_to_be_split_by(tmp_path):
    for place in range(3):
        for number in range(10):
            put(tmp_path / f"cam{place}" / f"{number:03}.png", scene(place, number))
    report = look(tmp_path)
    assert "several places" in finding(report, "fixed_camera").says
    assert 'report.groups["camera"]' in finding(report, "groups").do


def test_pictures_of_different_things_are_no_fixed_camera():
    different = torch.stack([torch.from_numpy(pixels(seed, (8, 8)).astype(np.float32)).flatten() for seed in range(50)])
    assert one_scene(different) is None
    assert one_scene(different[:1].repeat(4, 1)) is None  # too few to say
    assert one_scene(different[:1].repeat(5, 1) * torch.linspace(0.2, 1, 5)[:, None]) == pytest.approx(1)


# --- groups


def test_cameras_and_bursts_are_read_from_exif(tmp_path):
    for number in range(12):
        taken = NOON + datetime.timedelta(minutes=number // 3, seconds=number % 3)
        camera = ("Canon", "EOS 90D") if number < 6 else ("NIKON", "NIKON D750")
        put(tmp_path / f"IMG_{number:04}.jpg", number, taken=taken, camera=camera)
    report = look(tmp_path)
    assert report.groups["camera"] == ["Canon EOS 90D"] * 6 + ["NIKON D750"] * 6
    bursts = report.groups["burst"]
    assert [bursts.index(burst) // 3 for burst in bursts] == [number // 3 for number in range(12)]
    assert "date" not in report.groups  # all of one day
    assert "name" not in report.groups  # IMG is every card's
    assert finding(report, "groups").urgent


@pytest.mark.parametrize(("step", "together"), [(2, True), (3, False)])
def test_a_burst_ends_after_two_seconds(tmp_path, step, together):
    for number in range(6):
        moment = NOON + datetime.timedelta(hours=number // 2, seconds=step * (number % 2))
        put(tmp_path / f"IMG_{moment:%Y%m%d_%H%M%S}.png", number)
    assert ("burst" in look(tmp_path).groups) == together


def test_successive_numbers_are_a_burst_if_they_look_alike(tmp_path):
    for number in range(12):
        noise = np.random.default_rng(number).normal(0, 6, (48, 48, 3))
        put(tmp_path / f"frame{number:03}.png", (pixels(number // 4) + noise).clip(0, 255).astype(np.uint8))
    bursts = look(tmp_path).groups["burst"]
    assert [bursts.index(burst) for burst in bursts] == [0] * 4 + [4] * 4 + [8] * 4


def test_days_are_read_from_exif_names_and_folders(tmp_path):
    put(tmp_path / "a" / "IMG_1.jpg", 1, taken=NOON)
    put(tmp_path / "a" / "IMG_20240131_180000.jpg", 2)
    put(tmp_path / "2024-01-31" / "b.png", 3)
    put(tmp_path / "20240201" / "c.png", 4)
    put(tmp_path / "20240201" / "d.png", 5)
    report = look(tmp_path, labels=None)
    days = dict(zip([file.name for file in report.files], report.groups["date"], strict=True))
    assert sorted(days.values()) == ["2024-01-31"] * 3 + ["2024-02-01"] * 2


def test_names_group_by_what_stands_before_the_number(tmp_path):
    for number in range(12):
        put(tmp_path / "cat" / f"patient{number % 3:02}_{number:03}.png", number)
    report = look(tmp_path)
    assert set(report.groups["name"]) == {"patient00", "patient01", "patient02"}
    assert "--split name" in finding(report, "groups").do
    assert 'split_by_group(report.labels, report.groups["name"])' in finding(report, "groups").do
    train, test = split_by_group(report.labels, report.groups["name"])
    assert {report.groups["name"][i] for i in train}.isdisjoint(report.groups["name"][i] for i in test)


def test_a_beginning_that_is_the_class_is_no_group(tmp_path):
    for number in range(20):
        name = ("cat", "dog")[number % 2]
        put(tmp_path / name / f"{name}.{number}.png", number)
    report = look(tmp_path)
    assert report.groups == {}
    assert finding(report, "groups") is None


def test_a_split_by_hand_is_judged_as_it_is(tmp_path):
    for number in range(16):
        split = "test" if number % 4 == 0 else "train"
        put(tmp_path / "fair" / split / "cat" / f"p{number % 4}x_{number}.png", number)
        put(tmp_path / "leaky" / split / "cat" / f"p{number % 3}x_{number}.png", number)
    assert finding(look(tmp_path / "fair"), "groups") is None
    assert finding(look(tmp_path / "leaky"), "groups").numbers == {"leaks": {"name": 1.0}}


def test_the_leak_of_a_random_split_is_what_drawing_gives():
    groups = ["a"] * 2 + ["b"] * 3 + ["c", "d", "e"]
    generator, shares = np.random.default_rng(0), []
    for _ in range(4000):
        test = generator.random(8) < 0.2
        train = {name for name, held in zip(groups, test, strict=True) if not held}
        shares.append([name in train for name, held in zip(groups, test, strict=True) if held])
    drawn = sum(map(sum, shares)) / sum(map(len, shares))
    assert leak(groups) == pytest.approx(drawn, abs=0.02)


# --- detail and cost


@pytest.mark.parametrize(("side", "resolution", "pixels"), [(3000, 64, 47), (64, 64, 1), (32, 64, 1), (65, 64, 2)])
def test_the_smallest_detail_is_what_becomes_one_pixel(side, resolution, pixels):
    assert smallest_detail(side, resolution) == pixels


def test_resolutions_end_with_the_first_that_keeps_all():
    assert resolutions_for(100) == [32, 64, 96, 128]
    assert resolutions_for(32) == [32]
    assert resolutions_for(5000)[-1] == 512


def test_the_sharpest_part_is_found_and_coarser_at_each_resolution(tmp_path):
    picture = pixels(0, (600, 480)).copy()
    picture[300:340, 400:440] = np.indices((40, 40)).sum(axis=0)[..., None] % 2 * 255  # a chessboard of single pixels
    put(tmp_path / "flat.png", np.full((480, 480, 3), 90, np.uint8))
    put(tmp_path / "sharp.png", picture)
    detail = find_detail([tmp_path / "flat.png", tmp_path / "sharp.png"])
    left, top, size = detail.box
    assert detail.file.name == "sharp.png"
    assert left <= 340 <= 380 <= left + size  # of the middle: 60 pixels are cut on the left
    assert top <= 300 <= 340 <= top + size
    assert [len(part) for part in detail.at.values()] == [round(size * at / 480) for at in detail.at]
    left_of_it = {resolution: part.std() / detail.part.std() for resolution, part in detail.at.items()}
    assert max(left_of_it[resolution] for resolution in (32, 64, 96, 128, 224)) < 0.6
    assert left_of_it[512] == max(left_of_it.values())


def test_a_photograph_says_which_detail_load_would_lose(tmp_path):
    put(tmp_path / "a.jpg", pixels(0, (800, 600)))
    report = look(tmp_path)
    assert finding(report, "detail").numbers == {"smallest_detail": 10}
    rows = {row["resolution"]: row for row in report.numbers["resolutions"]}
    assert rows[224]["bytes"] == 3 * 224 * 224
    assert rows[224]["peak_bytes"] >= 3 * rows[224]["bytes"]


def test_too_little_memory_is_said_with_what_would_fit(tmp_path, monkeypatch):
    for seed in range(3):
        put(tmp_path / f"{seed}.png", pixels(seed, (300, 300)))
    monkeypatch.setattr(cost, "free_memory", lambda: 5 * 2**20)
    found = finding(look(tmp_path), "memory")
    assert found.numbers == {"too_large": [384]}
    assert "resolution=224 at most" in found.do


def test_times_are_measured(tmp_path):
    put_classes(tmp_path, cat=5)
    (row,) = [row for row in inspect_folder(tmp_path).numbers["resolutions"] if row["resolution"] == 32]
    assert row["seconds_to_load"] >= 0
    assert row["seconds_to_train"] > 0
    assert cost.seconds_to_train(200, 64, 10.0) == 8 * cost.seconds_to_train(100, 32, 10.0)


# --- anything


def odd_folder(folder: Path) -> Path:
    """One file of every kind that a folder may hold; 13 of its pictures can be read."""
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 4)).astype(np.uint8)
    image = Image.fromarray(noise[..., :3])
    place = folder / "cat"
    place.mkdir(parents=True)
    for name, kept in {"grey.png": image.convert("L"), "rgba.png": Image.fromarray(noise)}.items():
        kept.save(place / name)
    image.convert("CMYK").save(place / "cmyk.jpg")
    image.convert("P").save(place / "palette.png")
    image.convert("1").save(place / "bits.png")
    Image.fromarray(noise[..., 0].astype(np.uint16) * 257).save(place / "sixteen.png")
    Image.fromarray(noise[..., 0].astype(np.float32)).save(place / "fractions.tif")
    for name in ("moving.gif", "moving.webp"):
        image.save(place / name, save_all=True, append_images=[image.rotate(90)])
    image.crop((0, 0, 1, 1)).save(place / "one.png")
    image.crop((0, 0, 1, 30)).save(place / "thin.png")
    image.save(place / "no ending", format="PNG")
    put(place / "exif.jpg", 0, camera=("X" * 5000, "\0"))
    (place / "empty.jpg").write_bytes(b"")
    (place / "text.jpg").write_text("hello")
    (place / "cut.png").write_bytes((place / "grey.png").read_bytes()[:200])
    Image.fromarray(np.full((9, 9), np.nan, np.float32)).save(place / "nan.tif")
    (place / "notes.txt").write_text("notes")
    (place / "up").symlink_to("..")
    (place / "gone.png").symlink_to("nowhere")
    (place / "itself").symlink_to("itself")
    return folder


def test_no_file_is_too_odd_and_nothing_is_written_beside_them(tmp_path):
    folder = odd_folder(tmp_path / "odd")
    before = sorted((file, file.lstat().st_mtime_ns) for file in folder.rglob("*"))
    report = look(folder)
    save(report, tmp_path / "out")
    assert sorted((file, file.lstat().st_mtime_ns) for file in folder.rglob("*")) == before
    assert len(report.files) == 13
    assert set(finding(report, "unreadable").numbers["files"]) == {
        f"cat/{name}" for name in ("empty.jpg", "text.jpg", "cut.png", "nan.tif")
    }
    assert report.numbers["other_files"] == 1
    assert max(map(len, str(report).splitlines())) <= 98


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text_are_shown_and_written(tmp_path):
    folder = os.fsencode(tmp_path) + b"/d\xffg"
    os.mkdir(folder)
    for seed in range(2):
        put(Path(os.fsdecode(folder + b"/\xfe%d.png" % seed)), seed)
    report = look(tmp_path)
    assert str(report).encode("utf-8")
    files = save(report, tmp_path.with_name("out of " + tmp_path.name))
    assert len(files) == 4


@pytest.mark.parametrize("name", ["$a_{b$", "写真", "%d {x}", "a,b;'c'", "100 €"])
@pytest.mark.filterwarnings("error")
def test_names_of_any_letters_are_drawn(tmp_path, name):
    put(tmp_path / name / name / f"{name}.jpg", pixels(0, (200, 200)))
    report = look(tmp_path / name)
    save(report, tmp_path / "out")
    assert name in str(report)


@pytest.mark.parametrize("contents", [[], ["notes.txt"], ["broken.jpg"], ["one.png"]])
def test_a_folder_of_nothing_or_of_one_is_reported(tmp_path, contents):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in contents:
        put(folder / name, 0) if name == "one.png" else (folder / name).write_text("no picture")
    report = inspect_folder(folder)
    save(report, tmp_path / "out")
    json.dumps(report.as_dict(), allow_nan=False)
    assert (finding(report, "nothing") is None) == (contents == ["one.png"])
    assert len(report.files) == (contents == ["one.png"])


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (PermissionError(13, "Permission denied"), "no permission to open, change it"),
        (RuntimeError("odd"), "cut off or damaged, copy or download again (odd)"),
    ],
)
def test_whatever_opening_a_file_raises_is_a_reason(tmp_path, monkeypatch, failure, reason):
    put_classes(tmp_path, cat=3)
    opened = Image.open

    def refuse(file, *arguments, **options):
        if str(file).endswith("001.png"):
            raise failure
        return opened(file, *arguments, **options)

    monkeypatch.setattr(Image, "open", refuse)
    assert finding(look(tmp_path), "unreadable").numbers["files"] == {"cat/001.png": reason}


def test_a_missing_folder_and_other_labels_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        inspect_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match='labels must be "auto", "folders" or None'):
        inspect_folder(tmp_path, labels="none")


# --- the files of a report


def test_a_report_is_text_json_pictures_and_a_table_of_groups(tmp_path):
    put_classes(tmp_path / "in", cat=6, dog=6)
    shutil.copy(tmp_path / "in" / "cat" / "000.png", tmp_path / "in" / "cat" / "again.png")
    report = look(tmp_path / "in")
    save(report, tmp_path / "out")
    assert (tmp_path / "out" / "report.txt").read_text() == str(report)
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == json.loads(json.dumps(report.as_dict()))
    lines = (tmp_path / "out" / "files.csv").read_text().splitlines()
    assert lines[0] == "file,split,class,look"
    assert [line.split(",")[3] for line in lines[1:9]] == ["0", "1", "2", "3", "4", "5", "0", "7"]
    with Image.open(tmp_path / "out" / "report.png") as page:
        assert page.width > 900


@pytest.mark.parametrize("place", ["", "out", "cat/out", "cat/../out"])
def test_nothing_is_written_into_the_folder(tmp_path, place):
    put_classes(tmp_path, cat=2)
    with pytest.raises(ValueError, match="is in the folder that is inspected"):
        save(look(tmp_path), tmp_path / place)
    assert [part.name for part in tmp_path.iterdir()] == ["cat"]


def test_a_split_by_group_is_a_folder_that_load_reads(tmp_path):
    for number in range(40):
        put(tmp_path / "in" / ("cat", "dog")[number % 2] / f"p{number % 8}x_{number:02}.png", number)
    put(tmp_path / "in" / "beside.png", 99)  # of no class
    report = look(tmp_path / "in")
    assert save_split(report, "name", tmp_path / "out") == {"train": 30, "test": 10}
    parts = {split: load(tmp_path / "out", split) for split in ("train", "test")}
    assert {split: (len(part), part.classes) for split, part in parts.items()} == {
        "train": (30, ("cat", "dog")),
        "test": (10, ("cat", "dog")),
    }
    people = {
        split: {file.name.split("__")[1][:2] for file in (tmp_path / "out" / split).rglob("*.png")} for split in parts
    }
    assert people["train"].isdisjoint(people["test"])
    assert look(tmp_path / "out").numbers["groups"]["name"]["test_with_sibling_in_train"] == 0


def test_a_split_that_cannot_be_made_is_refused(tmp_path):
    put_classes(tmp_path / "in", cat=5)
    shutil.copy(tmp_path / "in" / "cat" / "000.png", tmp_path / "in" / "cat" / "again.png")
    report = look(tmp_path / "in")
    with pytest.raises(ValueError, match="can be grouped by look, got 'camera'"):
        save_split(report, "camera", tmp_path / "out")
    with pytest.raises(ValueError, match="is in the folder that is inspected"):
        save_split(report, "look", tmp_path / "in" / "out")
    with pytest.raises(ValueError, match="is there already"):
        save_split(report, "look", tmp_path)
