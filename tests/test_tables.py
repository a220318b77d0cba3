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
    assert header[1] == "passes"
    assert simclr[1:3] == ["3.0", "0.8"]


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


def seeds(**rows):
    """A result with one row for each name: its linear probes, seed by seed."""
    count = max(map(len, rows.values()))
    return {
        "seeds": {
            str(seed): {name: {"linear_probe": values[seed]} for name, values in rows.items()} for seed in range(count)
        }
    }


def test_differences_are_taken_within_a_seed():
    table = tables.paired(seeds(simclr=[0.5, 0.7, 0.9], byol=[0.6, 0.8, 1.0]), "linear_probe")
    assert list(table) == ["byol"]
    mean, deviation, tie = table["byol"]
    assert (mean, deviation) == (pytest.approx(0.1), pytest.approx(0, abs=1e-9))
    assert not tie  # although both spread by 0.2


def test_a_difference_that_seeds_do_not_repeat_is_a_tie():
    assert tables.paired(seeds(simclr=[0.5, 0.7], byol=[0.6, 0.69]), "linear_probe")["byol"][2]
    assert tables.paired(seeds(simclr=[0.5], byol=[0.9]), "linear_probe")["byol"][2]  # one seed can't tell
    assert tables.paired(seeds(simclr=[0.5, 0.5], byol=[0.5, 0.5]), "linear_probe")["byol"][2]


def test_a_seed_that_only_one_of_both_has_is_left_out():
    result = seeds(simclr=[0.5, 0.7], byol=[0.6, 0.8])
    del result["seeds"]["1"]["byol"]
    assert tables.paired(result, "linear_probe")["byol"][0] == pytest.approx(0.1)
    assert tables.paired(result, "linear_probe", against="moco") == {}


def test_what_training_took_stands_before_the_accuracies():
    rows = {"simclr": {"passes": 3, "steps": 1122, "cost": 1.0, "seconds": 20.6, "linear_probe": 0.5}}
    lines = tables.markdown({"caption": "c", "seeds": {"0": rows}}).splitlines()
    assert lines[0] == "| c | passes | steps | cost | seconds | linear probe |"
    assert lines[2] == "| SimCLR | 3 | 1,122 | 1.00 | 21 | 50.0 |"


def test_a_note_says_that_the_ceiling_saw_all_labels():
    assert "saw the labels of all" in tables.markdown(seeds(supervised=[1.0]) | {"caption": "c"})
    assert tables.notes(seeds(simclr=[1.0])) == []


def test_the_factors_have_a_spread():
    both = {"seeds": {str(seed): {"simclr": {"factors": {"hue": 0.1 * seed}}} for seed in (1, 3)}}
    assert tables.factor_spread(both) == {"SimCLR": {"hue": pytest.approx(math.sqrt(0.02))}}


def test_the_table_of_budgets_has_each_cost_and_its_best_rows_first():
    def part(scores, **more):
        return {
            "seeds": {
                str(seed): {
                    name: {"linear_probe": value, "knn": value / 2} | more.get(name, {}) for name, value in row.items()
                }
                for seed, row in enumerate(scores)
            }
        }

    spent = {"passes": 30, "steps": 1380, "cost": 30.0, "seconds": 400}
    long = part(
        [{"pixels": 0.2, "byol": 0.9, "simclr": 1.0, "supervised": 1.0}], byol=spent, simclr=spent, supervised=spent
    )
    result = {"caption": "pictures", "budgets": {"1": part([{"byol": 0.4}, {"byol": 0.5}]), "10": long}}
    head, _, *rows = tables.budgets_markdown(result).splitlines()
    assert head.startswith("| pictures | probe, 1× | probe, 10× | k-NN, 1× | k-NN, 10× | passes, 10× |")
    assert [row.split(" | ")[0] for row in rows] == ["| raw pixels", "| SimCLR", "| BYOL", "| trained with labels"]
    assert rows[2].startswith("| BYOL | 45.0 ± 7.1 | 90.0 | 22.5 ± 3.5 | 45.0 | 30 | 1,380 | 30.00 | 400 |")
    assert rows[0] == "| raw pixels | – | 20.0 | – | 10.0 | – | – | – | – |"
