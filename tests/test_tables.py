"""The table says what the rows hold, and its files can be read back."""

import json
import math

import pytest

from ssl_course import tables

RESULT = {
    "caption": "猫 ± –",
    "seeds": {
        "0": {
            "pixels": {"linear_probe": 0.5, "knn": 0.25, "few_labels": {"0.01": 0.1, "0.1": 0.2}},
            "simclr": {"passes": 3, "linear_probe": 0.8, "knn": 0.7, "few_labels": {"0.01": 0.3, "0.1": 0.4}},
        },
        "1": {
            "pixels": {"linear_probe": 0.7, "knn": 0.25, "few_labels": {"0.01": 0.1, "0.1": 0.2}},
        },
    },
}
RESULT["seeds"]["0"]["simclr"] |= {"fine_tuned": {"0.1": 0.6}, "factors": {"hue": 0.9, "x": 0.123456789}}


def test_the_summary_is_mean_and_deviation_over_the_seeds_that_have_the_row():
    table = tables.summary(RESULT, "linear_probe")
    assert table["pixels"] == (pytest.approx(0.6), pytest.approx(0.2 / math.sqrt(2)))
    mean, deviation = table["simclr"]
    assert mean == 0.8
    assert math.isnan(deviation)


def test_a_row_without_the_column_isnt_in_its_summary():
    assert list(tables.summary(RESULT, "fine_tuned", "0.1")) == ["simclr"]
    assert tables.summary(RESULT, "fine_tuned", "0.01") == {}


def test_the_columns_are_named_by_the_shares_that_are_there():
    titles = ["linear probe", "k-NN", "probe, 1% of the labels", "probe, 10% of the labels"]
    assert list(tables.columns(RESULT)) == [*titles, "fine-tuned, 10% of the labels"]


def test_the_markdown_has_a_line_for_each_row_and_says_how_many_passes():
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in tables.markdown(RESULT).splitlines()]
    assert lines[0][:3] == ["猫 ± –", "passes", "linear probe"]
    assert lines[2] == ["raw pixels", "–", "60.0 ± 14.1", "25.0 ± 0.0", "10.0 ± 0.0", "20.0 ± 0.0", "–"]
    assert lines[3] == ["SimCLR", "3", "80.0", "70.0", "30.0", "40.0", "60.0"]


def test_the_csv_has_means_and_deviations():
    header, pixels, simclr = (line.split(",") for line in tables.csv(RESULT).splitlines())
    assert header[:3] == ["row", ["linear probe", " mean"][0], " mean"] or header[0] == "row"
    assert (pixels[0], simclr[0]) == ("raw pixels", "SimCLR")
    assert simclr[1] == "0.8"


def test_the_json_reads_back_with_a_line_for_each_row():
    text = tables.as_json(RESULT)
    read = json.loads(text)
    assert read["caption"] == "猫 ± –"
    assert read["seeds"]["0"]["simclr"]["factors"]["x"] == 0.12346
    assert list(read["seeds"]) == ["0", "1"]
    assert sum('"linear_probe"' in line for line in text.splitlines()) == 3


def test_the_factor_table_is_empty_without_factors():
    assert tables.factor_table(RESULT) == {"SimCLR": {"hue": 0.9, "x": 0.123456789}}
    assert tables.factor_table({"seeds": {"0": {"pixels": {"linear_probe": 0.5}}}}) == {}
