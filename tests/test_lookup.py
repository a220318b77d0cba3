import csv
import io
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from ssl_course import load
from ssl_course.checkpoint import load_encoder
from ssl_course.cli import main
from ssl_course.evaluate import fit_probe
from ssl_course.features import extract_features
from ssl_course.lookup import most_similar, read_beside, read_pictures, write_features, write_predictions
from ssl_course.recipes import new_encoder
from ssl_course.reopen import fit_classifier, open_run


@pytest.fixture
def odd_pictures(tmp_path):
    """A flat folder of pictures that need care: large, oblong, grey, see-through, turned by the camera, 16 bits."""
    folder, random = tmp_path / "odd", np.random.default_rng(0)
    folder.mkdir()
    colours = random.integers(0, 256, (90, 130, 4), dtype=np.uint8)
    Image.fromarray(colours[:, :, :3]).save(folder / "oblong.png")
    Image.fromarray(colours[:, :, 0]).save(folder / "grey.png")
    Image.fromarray(colours).save(folder / "see_through.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(colours[:, :, :3]).save(folder / "turned.jpg", exif=turned)
    Image.fromarray(colours[:16, :16, :3]).save(folder / "small.bmp")
    Image.fromarray(colours[:90, :90, 0].astype(np.uint16) * 200).save(folder / "deep.png")
    return folder


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


# --- reading


@pytest.mark.filterwarnings("ignore")
def test_pictures_are_brought_to_a_size_exactly_as_load_does_it(odd_pictures):
    pictures, loaded = read_pictures(odd_pictures, 32), load(odd_pictures, resolution=32)
    assert pictures.names == ("deep.png", "grey.png", "oblong.png", "see_through.png", "small.bmp", "turned.jpg")
    assert torch.equal(pictures.images, loaded.images)


def test_every_picture_is_found_whatever_its_folder_is_called(shapes_folder):
    pictures = read_pictures(shapes_folder, 32)
    assert len(pictures) == 120
    assert list(pictures.names) == sorted(f.relative_to(shapes_folder).as_posix() for f in shapes_folder.rglob("*.png"))


def test_a_skipped_file_moves_no_name_to_another_picture(shapes_folder, tmp_path):
    folder = shutil.copytree(shapes_folder / "test" / "disc", tmp_path / "discs")
    whole = dict(zip(*(read_pictures(folder, 32).names, read_pictures(folder, 32).images), strict=True))
    broken = sorted(folder.iterdir())[1]
    broken.write_bytes(b"")
    with pytest.raises(ValueError, match=rf"1 of 4 images in .* can't be read \({broken.name}\): empty"):
        read_pictures(folder, 32)
    with pytest.warns(UserWarning, match="left out 1 unreadable of 4 images"):
        kept = read_pictures(folder, 32, unreadable="skip")
    assert broken.name not in kept.names
    assert len(kept) == 3
    assert all(torch.equal(image, whole[name]) for name, image in zip(kept.names, kept.images, strict=True))


@pytest.mark.filterwarnings("ignore")
def test_a_picture_of_16_bits_shares_the_scale_of_those_it_is_compared_with(tmp_path):
    for place, level in (("dark.png", 300), ("folder/bright.png", 60_000)):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((32, 32), level, dtype=np.uint16)).save(tmp_path / place)
    pictures = read_beside(tmp_path / "dark.png", tmp_path / "folder", 32)
    dark, bright = pictures.images.float().mean(dim=(1, 2, 3)).tolist()
    assert (round(dark), round(bright)) == (1, 233)  # by itself, 300 would be read as 10 bits: 75


def test_the_picture_asked_for_comes_first_and_once(shapes_folder):
    folder = shapes_folder / "test"
    asked = sorted(folder.rglob("*.png"))[7]
    pictures = read_beside(asked, folder, 32)
    assert pictures.files[0] == asked
    assert len(pictures) == 40
    assert len(set(pictures.files)) == 40
    assert read_beside(asked.relative_to(folder), folder, 32).names == pictures.names


# --- similarity


def test_similarity_is_the_cosine_whatever_the_lengths():
    features, query = torch.randn(20, 6), torch.randn(6)
    places, values = most_similar(query, features * torch.rand(20, 1).add(0.1), 5)
    cosines = [float(row @ query / (row.norm() * query.norm())) for row in features]
    right = sorted(range(20), key=lambda place: -cosines[place])[:5]
    assert places.tolist() == right
    assert values.tolist() == pytest.approx([cosines[place] for place in right], abs=1e-6)


def test_a_search_for_more_than_there_are_finds_all():
    places, _ = most_similar(torch.ones(3), torch.eye(3), 10)
    assert sorted(places.tolist()) == [0, 1, 2]


def test_a_search_for_nothing_is_refused():
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        most_similar(torch.ones(3), torch.eye(3), 0)
    with pytest.raises(ValueError, match=r"must be \(D,\) and \(N, D\), got \(2,\) and \(3, 3\)"):
        most_similar(torch.ones(2), torch.eye(3))


def test_search_finds_the_twin_first_and_never_the_picture_itself(trained_run, shapes_folder, tmp_path, capsys):
    folder = shutil.copytree(shapes_folder / "test", tmp_path / "pictures")
    asked = sorted(folder.rglob("*.png"))[5]
    shutil.copy(asked, folder / "twin.png")
    drawn = tmp_path / "found.png"
    command = ["search", str(trained_run), str(asked), str(folder), "--count", "3", "--picture", str(drawn)]
    assert main(command) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[:2] == [["rank", "similarity", "path"], ["1", "1.000", "twin.png"]]
    assert len(lines) == 4
    assert asked.relative_to(folder).as_posix() not in [line[2] for line in lines]
    with Image.open(drawn) as picture:
        assert picture.width > 3 * picture.height  # four in a row


# --- tables


def test_both_tables_of_features_hold_what_the_encoder_says(trained_run, shapes_folder, tmp_path):
    encoder = load_encoder(trained_run / "checkpoint.pt", new_encoder("small_cnn", 1))
    right = extract_features(encoder, load(shapes_folder, "test").images)
    for name in ("f.npz", "f.csv"):
        command = ["features", str(trained_run), str(shapes_folder / "test"), "--out", str(tmp_path / name)]
        assert main(command) == 0
    stored = np.load(tmp_path / "f.npz")
    assert stored["paths"][0].startswith("arrow/")
    assert stored["features"].shape == (40, 128)
    np.testing.assert_array_equal(stored["features"], right)
    rows = rows_of((tmp_path / "f.csv").read_text())
    assert [row.pop("path") for row in rows] == stored["paths"].tolist()
    np.testing.assert_array_equal(np.float32([list(row.values()) for row in rows]), right)


def test_features_go_to_no_file_of_another_kind(tmp_path):
    with pytest.raises(ValueError, match=r"ending in \.csv or \.npz, got .*f\.txt"):
        write_features(tmp_path / "f.txt", ["a"], torch.ones(1, 2))


def test_a_prediction_names_the_most_probable_class():
    stream = io.StringIO()
    write_predictions(stream, ["a, b.png", "c.png"], ["cat", "dog"], torch.tensor([[0.25, 0.75], [0.9, 0.1]]).double())
    assert rows_of(stream.getvalue()) == [
        {"path": "a, b.png", "class": "dog", "probability": "0.750000", "p_cat": "0.250000", "p_dog": "0.750000"},
        {"path": "c.png", "class": "cat", "probability": "0.900000", "p_cat": "0.900000", "p_dog": "0.100000"},
    ]


# --- classes


def test_predictions_are_those_of_the_probe_that_evaluate_fits(trained_run, shapes_folder, tmp_path, capsys):
    command = ["predict", str(trained_run), str(shapes_folder / "test"), "--out", str(tmp_path / "p.csv")]
    assert main(command) == 0
    assert "40 pictures" in capsys.readouterr().out
    rows = rows_of((tmp_path / "p.csv").read_text())
    train, test = load(shapes_folder), load(shapes_folder, "test")
    known, new = (extract_features(open_run(trained_run).encoder, part.images) for part in (train, test))
    right = fit_probe(known, train.labels, new, test.labels).predict_proba(new.numpy())
    assert [row["class"] for row in rows] == [train.classes[place] for place in right.argmax(axis=1)]
    written = [[float(row[f"p_{name}"]) for name in train.classes] for row in rows]
    np.testing.assert_allclose(written, right, atol=1e-6)
    assert [float(row["probability"]) for row in rows] == [max(row) for row in written]


def test_a_picture_is_judged_alike_alone_and_among_others(trained_run, shapes_folder, tmp_path, capsys):
    (tmp_path / "one").mkdir()
    file = sorted((shapes_folder / "test" / "star").iterdir())[0]
    shutil.copy(file, tmp_path / "one")
    assert main(["predict", str(trained_run), str(tmp_path / "one")]) == 0
    (alone,) = rows_of(capsys.readouterr().out)
    assert main(["predict", str(trained_run), str(file.parent)]) == 0
    among = rows_of(capsys.readouterr().out)[0]
    assert alone["path"] == among["path"] == file.name
    assert alone["class"] == among["class"]
    assert float(alone["probability"]) == pytest.approx(float(among["probability"]), abs=1e-4)


def test_classes_come_from_other_images_where_they_are_named(trained_run, shapes_folder, tmp_path, capsys):
    for name in ("disc", "star"):
        shutil.copytree(shapes_folder / "train" / name, tmp_path / "two" / f"a_{name}")
    command = ["predict", str(trained_run), str(shapes_folder / "test"), "--labelled", str(tmp_path / "two")]
    assert main(command) == 0
    rows = rows_of(capsys.readouterr().out)
    assert list(rows[0])[3:] == ["p_a_disc", "p_a_star"]
    assert all(abs(float(row["p_a_disc"]) + float(row["p_a_star"]) - 1) < 1e-5 for row in rows)


def test_a_class_without_a_training_image_has_no_column(trained_run, shapes_folder):
    images = load(shapes_folder)
    known = fit_classifier(open_run(trained_run).encoder, images[images.labels != 1])
    assert known.classes == (images.classes[0], *images.classes[2:])
    assert known.labels.tolist() == [0, *range(2, 10)]


def test_images_without_labels_teach_no_classes(trained_run, shapes_folder, capsys):
    flat = str(shapes_folder / "train" / "disc")
    assert main(["predict", str(trained_run), flat, "--labelled", flat]) == 1
    assert "no labels to learn classes from: name a labelled folder (--labelled)" in capsys.readouterr().err


# --- what is refused


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("predict {tmp} {shapes}", "is not a run: there is no made_of.json"),
        ("predict {half} {shapes}", "is half a run: there is no checkpoint.pt; give the command that began it again"),
        ("predict {run} {tmp}/empty", "no images in {tmp}/empty"),
        ("predict {run} {tmp}/nowhere", "{tmp}/nowhere isn't there: name a folder"),
        ("predict {run} {one}", "is a file: name the folder that it lies in"),
        ("predict {run} {shapes} --out {tmp}", "{tmp} is a folder, and a file is to be written"),
        ("predict {run} {shapes} --out {tmp}/no/p.csv", "there is no folder {tmp}/no to write p.csv to"),
        ("predict {run} {shapes} --probe 0", "--probe must be at least 1, got 0"),
        ("features {run} {shapes} --out {tmp}/f.txt", "a file ending in .csv or .npz is written, got"),
        ("search {run} {one} {shapes} --count 0", "--count must be at least 1, got 0"),
        ("search {run} {tmp}/no.png {shapes}", "there is no picture {tmp}/no.png, neither here nor in {shapes}"),
        ("search {run} {one} {tmp}/empty", "no images in {tmp}/empty"),
        ("search {run} {tmp}/alone/a.png {tmp}/alone", "holds no other picture than {tmp}/alone/a.png"),
        ("search {run} {half}/made_of.json {shapes} --skip-unreadable", "can be read"),
        ("search {run} {one} {shapes} --picture {tmp}/f.txt", "a file ending in .png is written, got"),
    ],
)
def test_bad_input_gets_one_sentence(command, message, trained_run, shapes_folder, tmp_path, capsys):
    one = sorted(shapes_folder.rglob("*.png"))[0]
    for name in ("empty", "alone", "half"):
        (tmp_path / name).mkdir()
    shutil.copy(one, tmp_path / "alone" / "a.png")
    shutil.copy(trained_run / "made_of.json", tmp_path / "half")
    places = {"tmp": tmp_path, "run": trained_run, "shapes": shapes_folder, "one": one, "half": tmp_path / "half"}
    assert main(command.format(**places).split()) == 1
    out, error = capsys.readouterr()
    assert message.format(**places) in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1
    assert not out
