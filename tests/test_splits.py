import warnings

import pytest
import torch

from ssl_course import split_by_group

CLASSES, SIZE = 3, 4
GROUPS = torch.arange(60).repeat_interleave(SIZE)  # 60 patients with four pictures each
LABELS = torch.arange(len(GROUPS)) % CLASSES  # a patient has pictures of every class


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("kind", ["tensor", "names", "pairs"])
def test_no_group_is_on_both_sides_and_no_image_is_lost(kind, seed):
    groups = {
        "tensor": GROUPS,
        "names": [f"patient {group}" for group in GROUPS],
        "pairs": [(group, "left") for group in GROUPS.tolist()],
    }[kind]
    train, test = split_by_group(LABELS, groups, seed=seed)
    assert sorted(train.tolist() + test.tolist()) == list(range(len(GROUPS)))
    assert set(GROUPS[train].tolist()).isdisjoint(GROUPS[test].tolist())


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_every_class_is_held_back_by_its_share(share):
    _, test = split_by_group(LABELS, GROUPS, test=share)
    counts = torch.bincount(LABELS[test], minlength=CLASSES)
    torch.testing.assert_close(counts, torch.full((CLASSES,), round(share * 80)), atol=SIZE, rtol=0)


def test_a_rare_class_counts_as_much_as_a_frequent_one():
    groups = torch.arange(100)
    labels = (groups >= 95).long()  # five of a hundred
    for seed in range(5):
        _, test = split_by_group(labels, groups, seed=seed)
        assert torch.bincount(labels[test]).tolist() == [19, 1]


def test_without_labels_the_number_of_images_is_enough():
    train, test = split_by_group(240, GROUPS)
    assert (len(train), len(test)) == (192, 48)
    assert set(GROUPS[train].tolist()).isdisjoint(GROUPS[test].tolist())


def test_the_seed_decides_which_groups():
    (_, one), (_, again), (_, other) = (split_by_group(240, GROUPS, seed=seed) for seed in (0, 0, 1))
    assert one.equal(again)
    assert not one.equal(other)


@pytest.mark.parametrize("sizes", [(50, 50), (90, 10), (10, 90), (1, 1)])
def test_two_groups_give_one_to_each_side(sizes):
    groups = torch.tensor([0] * sizes[0] + [1] * sizes[1])
    train, test = split_by_group(sum(sizes), groups)
    assert {len(train), len(test)} == set(sizes)
    assert len(test) == min(sizes)


def test_a_class_in_one_group_only_is_said():
    labels = torch.tensor([0, 0, 1, 1, 2, 2, 0, 1])
    groups = ["a", "a", "b", "b", "c", "c", "d", "d"]
    with pytest.warns(UserWarning, match=r"1 class in one group only \(2\): on one side"):
        split_by_group(labels, groups)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        split_by_group(LABELS, GROUPS)


@pytest.mark.parametrize(
    ("labels", "groups", "share", "rule"),
    [
        (4, ["one"] * 4, 0.2, r"at least two groups, got 1 \(one\): group by something finer"),
        (0, [], 0.2, "at least two groups, got 0"),
        (4, [1, 2, 3], 0.2, "got 4 images and 3 groups"),
        ([0, 1], [1, 2], 0, r"share in \(0, 1\), got 0"),
        ([0, 1], [1, 2], 1.0, "got 1.0"),
    ],
)
def test_what_cannot_be_split_is_refused(labels, groups, share, rule):
    with pytest.raises(ValueError, match=rule):
        split_by_group(labels, groups, test=share)
