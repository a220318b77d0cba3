import pytest

from ssl_course.results import FOLDER, read


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_a_committed_result_says_what_made_it(name):
    result = read(name)
    assert {"caption", "command", "recipe", "hardware", "date", "seeds"} == set(result)
    assert {"device", "precision", "torch", "python"} == set(result["hardware"])
    rows = list(result["seeds"].values())
    assert len(rows) >= 2
    assert all(list(row) == list(rows[0]) for row in rows)
    assert all(0 <= cell["linear_probe"] <= 1 for row in rows for cell in row.values())


def test_the_lessons_results_are_there():
    assert {"simclr_ablations", "shapes", "cifar10-jpeg"} <= {path.stem for path in FOLDER.glob("*.json")}


def test_an_unknown_result_is_refused():
    with pytest.raises(ValueError, match="no result 'nothing', only "):
        read("nothing")
