"""A folder of images with a table of captions: what is used, what is left out, and what is said of it."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from ssl_course.captioned import load
from ssl_course.vocabulary import OTHER

NAMES = [f"{letter}.png" for letter in "abcdefghij"]  # e and j are the test split
TEXTS = [f"a thing called {name[0]}" for name in NAMES]


def write(folder, lines, *, header="file,caption", encoding="utf-8", newline="\n"):
    (folder / "captions.csv").write_bytes(newline.join([header, *lines, ""]).encode(encoding))


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(NAMES):
        Image.fromarray(np.full((16, 16, 3), 20 * number, dtype=np.uint8)).save(tmp_path / name)
    write(tmp_path, map(",".join, zip(NAMES, TEXTS, strict=True)))
    return tmp_path


def loaded(folder, split="all", **settings):
    """The pairs, and the notes, each of which must be a warning, too."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        pairs = load(folder, split, **settings)
    assert [str(one.message) for one in seen] == [f"{folder}: {note}" for note in pairs.pictures.notes]
    return pairs, pairs.pictures.notes


def shown(pairs):
    """Which image (by its grey level) goes with which words."""
    return [(int(image[0, 0, 0]) // 20, pairs.text(index)) for index, image in enumerate(pairs.data)]


def test_every_image_has_its_caption_and_nothing_is_to_be_said(folder):
    pairs, notes = loaded(folder)
    assert notes == ()
    assert shown(pairs) == list(enumerate(TEXTS))
    assert pairs.pictures.labels is None


def test_every_fifth_image_is_a_test_image_with_the_words_of_training(folder):
    train, test = load(folder), loaded(folder, "test")[0]
    assert [number for number, _ in shown(train)] == [0, 1, 2, 3, 5, 6, 7, 8]
    assert [int(image[0, 0, 0]) // 20 for image in test.data] == [4, 9]
    assert test.vocabulary.words == train.vocabulary.words
    assert "e" not in train.vocabulary.words
    assert (test.labels == OTHER).sum(dim=1).tolist() == [1, 1]
    assert loaded(folder, "test")[1] == ("words that no training caption has: 2 (e, j); all are one token",)


def test_an_image_with_several_captions_is_in_one_split_and_all_are_kept(folder):
    write(folder, [*map(",".join, zip(NAMES, TEXTS, strict=True)), "a.png,the first", "e.png,the fifth", "a.png,one"])
    train, test = loaded(folder, "train")[0], loaded(folder, "test")[0]
    assert sum(number == 0 for number, _ in shown(train)) == 3
    assert sum(number == 4 for number, _ in shown(test)) == 2
    assert train.captions.factors["image"].tolist().count(0) == 3
    assert torch.equal(train.pictures.factors["image"], train.captions.factors["image"])
    _, notes = loaded(folder)
    assert notes == ("images with several captions: 2 (with up to 3); each is a pair",)


@pytest.mark.parametrize(
    ("lines", "note", "count"),
    [
        (["a.png,a", "b.png,", "c.png,  "], "left out 2 empty captions: line 3, b.png, line 4, c.png", 1),
        (["a.png,a", "a.png,a", "b.png,b"], "left out 1 repeated line (an image with a caption that it has", 2),
        (["a.png,a", "b.png,a"], "captions of several images: 1 (a); where two such images meet", 2),
        (["a.png,a", "b.png,b"], "left out 8 images without a caption in captions.csv: c.png, d.png, e.png", 2),
        (["a.png,a", "b.png," + "b " * 40], "captions longer than 31 words: 1 (up to 40); what comes later is", 2),
    ],
)
def test_what_is_odd_is_said(folder, lines, note, count):
    pairs, notes = loaded(folder)
    write(folder, lines)
    pairs, notes = loaded(folder)
    assert len(pairs) == count
    assert any(one.startswith(note) for one in notes), notes


def test_a_longer_row_keeps_a_long_caption(folder):
    write(folder, ["a.png,a", "b.png," + "b " * 40])
    pairs, notes = loaded(folder, length=41)
    assert pairs.text(1) == " ".join("b" * 40)
    assert not any("longer" in note for note in notes)


def test_captions_of_images_that_are_not_there_are_refused_or_left_out(folder):
    write(folder, ["a.png,a", "B.PNG,b", "x.png,x"])
    with pytest.raises(ValueError, match=r"2 of 3 captions .* B.PNG \(line 3\), x.png \(line 4\) \(there is b.png\)"):
        load(folder)
    pairs, notes = loaded(folder, missing="skip")
    assert len(pairs) == 1
    assert notes[0].startswith("left out captions: 2 of 3 captions in captions.csv are of images that aren't there")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("split_by", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_tables_of_other_programs_are_read(folder, encoding, split_by, newline):
    lines = [split_by.join(["7", "a.png", '"a Café, or ""two""; three"']), "", split_by.join(["8", "b.png", "日本"])]
    write(folder, lines, header=split_by.join(["id", "File", "Caption "]), encoding=encoding, newline=newline)
    pairs, notes = loaded(folder)
    assert [pairs.text(index) for index in range(2)] == ['a café , or " two " ; three', "日本"]
    assert len(notes) == 1


def test_windows_letters_are_guessed_and_said(folder):
    write(folder, ["a.png,a Café"], encoding="cp1252")
    pairs, notes = loaded(folder)
    assert pairs.text(0) == "a café"
    assert notes[0].startswith("captions.csv isn't UTF-8 and was read as Windows-1252")


def test_folders_slashes_and_letters_in_two_forms_are_found(folder):
    (folder / "sub").mkdir()
    (folder / "a.png").rename(folder / "sub" / "cafe\u0301.png")
    write(folder, ["sub\\caf\u00e9.png,a", "./b.png,b"])
    assert shown(loaded(folder)[0]) == [(0, "a"), (1, "b")]


def test_other_files_are_named(folder):
    (folder / "notes.txt").write_text("hello")
    assert loaded(folder)[1] == ("left out files that are no pictures: notes.txt",)


def test_an_unreadable_image_is_refused_or_left_out_with_its_captions(folder):
    data = (folder / "b.png").read_bytes()
    (folder / "b.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"b\.png"):
        load(folder)
    pairs, notes = loaded(folder, unreadable="skip")
    assert shown(pairs) == [(number, text) for number, text in enumerate(TEXTS) if number != 1]
    assert any("left out 1 unreadable" in note for note in notes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: it needs a first line file,caption"),
        (b"\n \n", "is empty"),
        (b"file,caption\n", "has no line after its first one"),
        (b"a.png,a cat\n", "the first line of .* is 'a.png,a cat': it needs"),
        (b"file,image,caption\na,b,c\n", "more than one column for files or captions"),
        (b"file,caption\na.png,one, two\n", "line 2 of .* has 3 columns, the first line 2: put a caption with ','"),
        (b"file,caption\na.png\n", "line 2 of .* has 1 column, the first line 2"),
        (b'file,caption\na.png,"one\nb.png,two\n', "is a quote open"),
        (b"file,caption\n,one\n", "no file is named in line 2 of"),
        (b"file,caption\na.png,\n", "no image in .* has a caption in captions.csv"),
        (b"PK\x03\x04rest", "is a spreadsheet or an archive, not a table of text: save it as CSV"),
        ("file,caption\na.png,a\n".encode("utf-16-le"), "isn't text, or UTF-16 without its mark"),
        (b"\xff\xfef", "is cut off or damaged"),
    ],
)
def test_a_table_that_cannot_be_understood_says_why(folder, content, message):
    (folder / "captions.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_what_is_not_there_is_named(folder, tmp_path):
    (folder / "captions.csv").rename(folder / "texts.csv")
    with pytest.raises(FileNotFoundError, match=r"no captions.csv in .* \(there is texts.csv: say table=\)"):
        load(folder)
    assert len(loaded(folder, table="texts.csv")[0]) == 10
    with pytest.raises(FileNotFoundError, match=r"nowhere is not there: give a folder with images and captions\.csv"):
        load(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="is a file, not a folder"):
        load(folder / "a.png")


def test_one_image_is_too_few_for_a_test_split(folder):
    write(folder, ["a.png,a"])
    with pytest.raises(ValueError, match="has 1 image with a caption: too few for a test split"):
        load(folder, "test")


@pytest.mark.parametrize("settings", [{"split": "val"}, {"missing": "ignore"}, {"length": 1}, {"unreadable": "x"}])
def test_settings_out_of_range_are_refused(folder, settings):
    with pytest.raises(ValueError, match=f"{next(iter(settings))} must be"):
        load(folder, **settings)
