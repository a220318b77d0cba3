"""Characters of installed fonts with their names: the same every time, and no test character in training."""

import unicodedata
import zlib

import numpy as np
import pytest
import torch
from PIL import ImageFont

from ssl_course import glyphs
from ssl_course.vocabulary import OTHER

FEW = ("DejaVuSansMono", "STIXGeneralBol")  # to be quick


@pytest.fixture(scope="module")
def train():
    return glyphs.load("train", fonts=FEW)


@pytest.fixture(scope="module")
def test():
    return glyphs.load("test", fonts=FEW)


def test_no_test_character_is_in_training(train, test):
    trained, tested = (set(part.pictures.factors["code"].tolist()) for part in (train, test))
    assert trained & tested == set()
    everything = {ord(one) for font in FEW for one in glyphs.characters(font)}
    drawn = trained | tested
    assert drawn <= everything
    assert len(everything - drawn) < 20  # without a mark on the paper
    assert 0.08 < len(tested) / len(drawn) < 0.12


def test_no_font_moves_a_character_to_another_split(test):
    one = glyphs.load("test", fonts=FEW[1:])
    assert set(one.pictures.classes) <= set(test.pictures.classes)
    everything = {letter for font in FEW for letter in glyphs.characters(font)}
    expected = {one for one in everything if zlib.crc32(f"0 {unicodedata.name(one)}".encode()) % 10 == 0}
    assert set(test.pictures.classes) <= expected


def test_another_seed_tests_others_and_the_same_one_the_same(test):
    again, other = (glyphs.load("test", fonts=FEW, seed=seed) for seed in (0, 1))
    assert torch.equal(again.data, test.data)
    assert torch.equal(again.labels, test.labels)
    assert len(set(other.pictures.classes) & set(test.pictures.classes)) < 0.2 * len(test.pictures.classes)


def test_the_order_is_by_code_point_and_font(train):
    codes, fonts = train.pictures.factors["code"], train.pictures.factors["font"]
    places = codes * len(FEW) + fonts
    assert (places.diff() > 0).all()
    assert fonts.unique().tolist() == [0, 1]


def test_captions_are_the_names_of_the_characters(train, test):
    for part in (train, test):
        for index in range(0, len(part), 97):
            letter = part.pictures.classes[part.pictures.labels[index]]
            assert ord(letter) == part.pictures.factors["code"][index]
            name = unicodedata.name(letter).lower().replace("-", " - ")
            assert part.text(index) == " ".join(name.split())


def test_no_name_has_an_unknown_token_and_every_one_fits(train, test):
    for part in (train, test):
        assert (part.labels != OTHER).all()
        assert (part.labels[:, -1] == 0).any()
    assert torch.cat([train.labels, test.labels])[:, -1].any()  # the longest name fills its row
    names = torch.unique(test.labels, dim=0)
    assert len(names) == len(test.pictures.classes)


def test_the_words_are_those_of_training_characters_alone(train, test):
    letters = {letter for font in FEW for letter in glyphs.characters(font)}
    names = [unicodedata.name(one).lower() for one in letters if glyphs.split_of(one) == "train"]
    said = {word for name in names for word in name.replace("-", " ").split()} | {"-"}
    words = set(train.vocabulary.words[4:])
    assert {word for word in words if len(word.lstrip("+")) > 1} <= said
    assert test.vocabulary.words == train.vocabulary.words


def test_characters_are_drawn_in_black_on_white_and_each_where_it_belongs(train):
    images = train.data
    assert images.dtype == torch.uint8
    assert images.shape[1:] == (3, 32, 32)
    assert torch.equal(images[:, 0], images[:, 2])
    dark = (images[:, 0] < 128).flatten(1).sum(dim=1)
    assert (images[:, 0] < 255).flatten(1).any(dim=1).all()
    assert 30 < dark.float().mean() < 300

    def rows(letter):
        index = (train.pictures.factors["code"] == ord(letter)).nonzero()[0, 0]
        dark = (images[index, 0] < 128).any(dim=1).nonzero().flatten()
        return int(dark[0]), int(dark[-1])

    trained = [one for one in "AbcdmpqxyzBCDEFGH" if glyphs.split_of(one) == "train"]
    assert len(trained) > 10
    capitals, small = (
        [rows(one) for one in trained if one in "ABCDEFGH"],
        [rows(one) for one in trained if one in "cmxz"],
    )
    assert max(bottom for _, bottom in capitals + small) <= 24
    assert min(bottom for _, bottom in capitals + small) >= 22  # on one line
    assert min(top for top, _ in small) > max(top for top, _ in capitals) + 2
    assert all(rows(one)[1] > 25 for one in trained if one in "pqy")


def ink(font, letter):
    """Rows and columns, from the first to the last, that the picture of a character has something in."""
    (image,) = glyphs.draw(font, [letter])
    assert image.shape == (32, 32)
    rows, columns = np.nonzero(image < 250)
    return int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())


def test_what_is_too_large_is_made_smaller_and_not_cut():
    top, bottom, left, right = ink("STIXGeneral", "\N{LONG RIGHTWARDS ARROW}")
    assert right - left >= 29
    assert bottom - top < 12
    assert left > 0 or right < 31


def test_what_lies_beyond_the_square_is_moved_into_it_in_its_size():
    """A tail below the line: the picture is as high as that of the font's usual size, and touches the edge."""
    drawn = ImageFont.truetype(str(glyphs._file("DejaVuSans")), 3 * glyphs.LETTERS)
    _, top, _, bottom = drawn.getbbox("\N{ARABIC LETTER E}", anchor="ls")
    assert bottom > 3 * (32 - glyphs.BASELINE)  # it would be cut
    first, last, _, _ = ink("DejaVuSans", "\N{ARABIC LETTER E}")
    assert last == 31
    assert abs((last - first + 1) - (bottom - top) / 3) <= 2


def test_all_fonts_give_as_many_pairs_as_the_text_says():
    counts = {font: len(glyphs.characters(font)) for font in glyphs.FONTS}
    assert sum(counts.values()) > 24_000
    assert len(counts) == 8


def test_spaces_controls_and_what_has_no_name_are_left_out():
    letters = glyphs.characters("DejaVuSans")
    assert not {" ", "\u00a0", "\u200b", "\ue000"} & set(letters)
    assert {"A", "é", "Ж", "☀"} <= set(letters)
    assert letters == sorted(letters)


def test_a_part_of_the_pairs_is_drawn_by_the_seed():
    some, again = (glyphs.load("test", fonts=FEW, size=300) for _ in range(2))
    assert len(some) == 300
    assert torch.equal(some.labels, again.labels)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"split": "val"}, ValueError, "split must be train or test, got 'val'"),
        ({"fonts": ()}, ValueError, "at least one font"),
        ({"fonts": ("Papyrus",)}, FileNotFoundError, "has no font 'Papyrus': it has DejaVuSans"),
        ({"size": 0}, ValueError, "size must be at least 1"),
        ({"size": 10**6}, ValueError, "only .* pairs"),
    ],
)
def test_settings_out_of_range_are_refused(settings, kind, message):
    with pytest.raises(kind, match=message):
        glyphs.load(**{"fonts": FEW[1:]} | settings)
