import pytest

from ssl_course.methods import METHODS
from ssl_course.results import BASELINES, FOLDER, TITLES, baselines, read

ABOUT = {"caption", "command", "recipe", "hardware", "date", "seeds"}


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_a_committed_result_says_what_made_it(name):
    result = read(name)
    compared = {"failed", "similarity", "maps"} if name.startswith("compare_") else set()
    assert set(result) - {"recipes", "runs"} == ABOUT | compared
    assert {"device", "precision", "torch", "python"} == set(result["hardware"]) - {"threads"}
    rows = list(result["seeds"].values())
    assert len(rows) >= 2
    assert all(set(row) == set(rows[0]) for row in rows)
    assert all(0 <= cell["linear_probe"] <= 1 for row in rows for cell in row.values())


def test_the_lessons_results_are_there():
    kept = {path.stem for path in FOLDER.glob("*.json")}
    assert kept >= {"shapes", "cifar10-jpeg", "compare_shapes", "compare_cifar10"}
    assert kept >= {"simclr_ablations", "small_batches", "fences", "bottlenecks", "byol_parts", "mask_ratios"}


def test_an_unknown_result_is_refused():
    with pytest.raises(ValueError, match="no result 'nothing', only "):
        read("nothing")


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("compare_*.json")))
def test_a_committed_comparison_is_whole_and_every_row_names_its_run(name):
    result = read(name)
    assert result["failed"] == []
    first, *_ = result["seeds"].values()
    assert set(result.get("recipes", first)) == set(first)
    assert {*TITLES, *METHODS} <= set(first)
    for rows in result["seeds"].values():
        assert all(len(row["hash"]) == 16 and row["hardware"] and row["date"] for row in rows.values())


@pytest.mark.parametrize("data", BASELINES)
def test_baselines_are_the_floor_and_the_ceiling(data):
    rows = baselines(data)
    assert list(rows) == ["raw pixels", "untrained encoder", "trained with labels"]
    floor, ceiling = rows["untrained encoder"]["linear_probe"], rows["trained with labels"]["linear_probe"]
    assert 0.1 < floor < ceiling - 0.2


def test_there_are_no_baselines_for_images_nobody_trained_on():
    with pytest.raises(ValueError, match="baselines for shapes and cifar10, not for 'stl10'"):
        baselines("stl10")
