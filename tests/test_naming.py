"""Which names of folders are no classes, and what else names say."""

import datetime

import pytest

from ssl_course.naming import numbered, unlike_classes, written_date, written_time


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["2024-01", "2024-02"], "dates"),
        (["20240131", "20240201"], "dates"),
        (["2023", "2024"], "dates"),
        (["2024_01_31", "2024.02.01", "31.01.2024", "Jan 2024"], "dates"),
        (["2024-01-31 at the lake", "20240131_120301"], "dates"),
        (["DCIM"], "cameras"),
        (["100CANON", "101_PANA", "102APPLE"], "cameras"),
        (["IMG_0001", "IMG_0002"], "cameras"),
        (["cam1", "Cam 2", "camera_b"], "cameras"),
        (["batch_3", "batch_4"], "batches"),
        (["patient07", "patient12"], "batches"),
        (["DCIM", "2024-01"], "cameras and dates"),
        (["10542", "10778"], "numbers"),
    ],
)
def test_folders_called_after_dates_cameras_batches_and_long_numbers_are_no_classes(names, kind):
    assert unlike_classes(names) == kind


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["cat", "dog"],
        list("0123456789"),
        ["3", "7"],
        [f"{number:05}" for number in range(43)],
        [str(number) for number in range(1, 1501)],
        ["5", "10", "500", "1000", "2000"],  # banknotes: 2000 is no year here
        ["2024-01", "cat"],
        ["DCIM", "cat", "2024-01"],
        ["n01440764", "n02102040"],
        ["001.Black_footed_Albatross", "002.Laysan_Albatross"],
        ["camel", "camera", "images"],
        ["class_1", "class_2"],
        ["grade 1", "type 2"],
        ["may", "march"],
        ["good", "scratch_1"],
        ["p10", "p11"],
    ],
)
def test_folders_called_anything_else_are_classes(names):
    assert unlike_classes(names) is None


def test_two_digits_in_a_year_are_months_and_single_digits_are_classes_everywhere():
    assert unlike_classes(["01", "02", "12"], parent="2024") == "dates"
    assert unlike_classes(["01", "02", "12"], parent="signs") is None
    assert unlike_classes(list("0123456789"), parent="2024-05-01") is None


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("IMG_20240131_120301.jpg", datetime.datetime(2024, 1, 31, 12, 3, 1)),
        ("2024-01-31 12.03.01.png", datetime.datetime(2024, 1, 31, 12, 3, 1)),
        ("Screenshot 2024-01-31 at 12.03.01", datetime.datetime(2024, 1, 31, 12, 3, 1)),
        ("20240231_120301", None),  # there is no 31 February, nor this one
        ("IMG_1234", None),
    ],
)
def test_a_time_is_read_from_a_name(name, time):
    assert written_time(name) == time


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("2024-01-31", datetime.date(2024, 1, 31)),
        ("x_20240131.png", datetime.date(2024, 1, 31)),
        ("20240131_120301", datetime.date(2024, 1, 31)),
        ("120240131", None),
        ("2024-13-01", None),
    ],
)
def test_a_date_is_read_from_a_name(name, date):
    assert written_date(name) == date


@pytest.mark.parametrize(
    ("stem", "parts"),
    [
        ("cam2_0012", ("cam2", 12)),
        ("IMG_7", ("IMG", 7)),
        ("cat.001", ("cat", 1)),
        ("00003", ("", 3)),
        ("x", ("x", None)),
    ],
)
def test_the_number_of_a_name_and_what_stands_before_it(stem, parts):
    assert numbered(stem) == parts
