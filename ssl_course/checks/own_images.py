"""Exercises of lesson 08: similar pictures, a split without a leak, choosing by few labels, labels that are wrong."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.checks.engine import Choice, Essay, Exercise, Function, Number


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- the most similar pictures, functions of (h, k)


def cosines(h: Tensor, axis: int = 1) -> Tensor:
    unit = F.normalize(h, dim=axis)
    return unit @ unit.T


def without_itself(similarity: Tensor, value: float = float("-inf")) -> Tensor:
    return similarity.masked_fill(torch.eye(len(similarity), dtype=torch.bool), value)


def divided_once(h: Tensor, k: int) -> Tensor:
    """Brackets are missing in the cosine: divided by one length and multiplied by the other."""
    length = h.norm(dim=1)
    return without_itself(h @ h.T / length.unsqueeze(1) * length).topk(k, dim=1).indices


def most_similar(h: Tensor, k: int) -> Tensor:
    return without_itself(cosines(h)).topk(k, dim=1).indices


SIMILAR = {
    "each picture is its own nearest neighbour: it must not be among the answers, so put minus infinity on the "
    "diagonal.": lambda h, k: cosines(h).topk(k, dim=1).indices,
    "the diagonal is set to 0: where all others have a negative cosine, the picture itself comes first again. Take "
    "minus infinity.": lambda h, k: without_itself(cosines(h), 0.0).topk(k, dim=1).indices,
    "the least similar pictures are returned: the largest cosine is the most similar.": (
        lambda h, k: without_itself(cosines(h), float("inf")).topk(k, dim=1, largest=False).indices
    ),
    "the features aren't scaled to length 1: long ones then are similar to everything.": (
        lambda h, k: without_itself(h @ h.T).topk(k, dim=1).indices
    ),
    "brackets are missing in the cosine: a / b * c is (a / b) * c, so one length is multiplied: a / (b * c).": (
        divided_once
    ),
    "the neighbours are those of the smallest distance: the cosine asks for the direction alone.": (
        lambda h, k: without_itself(-torch.cdist(h, h)).topk(k, dim=1).indices
    ),
    "each column is scaled to length 1 (dim=0): a picture's features are a row, dim=1.": (
        lambda h, k: without_itself(cosines(h, axis=0)).topk(k, dim=1).indices
    ),
    "the cosines are returned: the numbers of the pictures were asked for, `.indices` of topk.": (
        lambda h, k: without_itself(cosines(h)).topk(k, dim=1).values
    ),
    "the least similar of the k comes first: begin with the most similar one.": (
        lambda h, k: most_similar(h, k).flip(1)
    ),
    "the picture itself is left out twice: it is masked, and then the first neighbour is dropped as well.": (
        lambda h, k: without_itself(cosines(h)).topk(k + 1, dim=1).indices[:, 1:]
    ),
}


def similar_cases() -> list[tuple]:
    """Features of unequal lengths that share no direction, so that many cosines are negative."""
    scale = torch.tensor([1.0, 5.0, 0.3, 2.0, 9.0, 0.7, 3.0]).unsqueeze(1)
    return [(scale * drawn(7, 3, seed=1), 3), (scale[:5] * drawn(5, 4, seed=2), 3)]


# --- a split by video, functions of (video, step)


def split(video: Tensor, step: int) -> Tensor:
    return torch.isin(video, video.unique()[::step])


def one_of_each(video, step):
    first = torch.tensor([int((video == number).nonzero()[0]) for number in video.unique()[::step]])
    return torch.zeros_like(video, dtype=torch.bool).index_fill(0, first, True)


def as_they_come(video, step):
    order = list(dict.fromkeys(video.tolist()))
    return torch.isin(video, torch.tensor(order[::step]))


SPLIT = {
    "every so many pictures go to the test: pictures of one video lie on both sides, and the nearest neighbour tells "
    "the answer. Take whole videos.": lambda video, step: torch.arange(len(video)) % step == 0,
    "a video is tested if its number can be divided by step: the numbers have gaps, so the share is left to chance. "
    "Count the videos that are there.": lambda video, step: video % step == 0,
    "test and training are swapped: true is where a picture is for the test.": lambda video, step: ~split(video, step),
    "only one picture of each test video is for the test: its other pictures are left to the training part, where they "
    "give the answer away.": one_of_each,
    "the videos are counted as they come: sort their numbers first, or another order of the files gives another "
    "split.": as_they_come,
    "the counting begins at the second video: the first one, at place 0, is for the test.": (
        lambda video, step: torch.isin(video, video.unique()[1::step])
    ),
    "the counting begins at the end of each group of videos: the first one, at place 0, is for the test.": (
        lambda video, step: torch.isin(video, video.unique()[step - 1 :: step])
    ),
    "the video of every `step`-th picture is taken: a long video is then taken more likely. Count the videos, each "
    "once.": lambda video, step: torch.isin(video, video[::step]),
    "the first pictures are for the test: the cut goes through the middle of a video.": (
        lambda video, step: torch.arange(len(video)) < len(video) / step
    ),
}


def is_true_or_false(answer) -> str | None:
    kind = answer(*split_cases()[0]).dtype
    if kind != torch.bool:
        return (
            f"the values are right, but of {kind}: `test` and `~test` choose pictures only if they are true and false. "
            "Add `.bool()`."
        )
    return None


def split_cases() -> list[tuple]:
    video = torch.tensor([7, 7, 4, 4, 4, 12, 12, 5, 5, 5, 5, 20, 20, 9])
    return [(video, 3), (torch.tensor([31, 31, 31, 8, 8, 15, 15, 15, 2, 2, 8, 44]), 2)]


# --- choosing a setting, functions of (settings, leave_one_out, test)


class Scores:
    """Says the accuracy of a setting, and counts how often it was asked."""

    def __init__(self, scores: dict[int, float]):
        self.scores, self.asked = scores, 0

    def __call__(self, setting: int) -> float:
        self.asked += 1
        return self.scores[setting]


def choose(settings: list[int], leave_one_out, test) -> tuple[int, float]:
    best = max(settings, key=leave_one_out)
    return best, test(best)


def by_test(settings, leave_one_out, test):
    best = max(settings, key=test)
    return best, test(best)


def as_promised(settings, leave_one_out, test):
    best = max(settings, key=leave_one_out)
    return best, leave_one_out(best)


def by_both(settings, leave_one_out, test):
    best = max(settings, key=lambda setting: leave_one_out(setting) + test(setting))
    return best, test(best)


def lowest(settings, leave_one_out, test):
    worst = min(settings, key=leave_one_out)
    return worst, test(worst)


def best_of_the_test(settings, leave_one_out, test):
    return max(settings, key=leave_one_out), max(map(test, settings))


CHOOSE = {
    "the setting is chosen by the test pictures: then they are no test any more. Choose by leave_one_out.": by_test,
    "the score that was used for the choice is reported: the best of several is too good. Report the test accuracy of "
    "the chosen setting.": as_promised,
    "the test has a say in the choice: choose by leave_one_out alone.": by_both,
    "the setting is the right one, but the accuracy is the best that any setting reaches on the test: report that of "
    "the chosen one.": best_of_the_test,
    "the number of the setting in the list is returned: return the setting itself.": (
        lambda settings, leave_one_out, test: (
            settings.index(choose(settings, leave_one_out, test)[0]),
            choose(settings, leave_one_out, test)[1],
        )
    ),
    "the two values are exchanged: the setting comes first, then the accuracy.": (
        lambda settings, leave_one_out, test: choose(settings, leave_one_out, test)[::-1]
    ),
    "the setting with the lowest score is chosen: take the highest.": lowest,
    "the last setting is taken, without looking at any score.": (
        lambda settings, leave_one_out, test: (settings[-1], test(settings[-1]))
    ),
}


def choose_cases() -> list[tuple]:
    def case(settings, known, tested):
        return settings, *(Scores(dict(zip(settings, part, strict=True))) for part in (known, tested))

    return [
        case([1, 3, 5, 10], (0.60, 0.78, 0.74, 0.64), (0.66, 0.69, 0.80, 0.71)),
        case([20, 10, 4], (0.55, 0.50, 0.41), (0.44, 0.52, 0.60)),
        case([2, 8, 6], (0.52, 0.58, 0.63), (0.57, 0.50, 0.61)),
    ]


def asks_once(answer) -> str | None:
    given = choose_cases()[0]
    answer(*given)
    if given[2].asked != 1:
        return (
            f"the answer is right, but the test pictures were asked {given[2].asked} times: ask them once, for the "
            "chosen setting, so that nothing can be chosen by them."
        )
    return None


# --- a few of each class, functions of (labels, count)


def few_of_each(labels: Tensor, count: int) -> Tensor:
    chosen = [(labels == label).nonzero().flatten()[:count] for label in labels.unique()]
    return torch.cat(chosen).sort().values


def members(labels: Tensor) -> list[Tensor]:
    return [(labels == label).nonzero().flatten() for label in labels.unique()]


FEW = {
    "the first pictures are taken, whatever their class: how many of each there are is then left to the folder.": (
        lambda labels, count: torch.arange(len(few_of_each(labels, count)))
    ),
    "that many pictures are taken in all, and not of each class.": lambda labels, count: few_of_each(labels, count)[
        :count
    ],
    "the places within the class are returned: return the places among all pictures.": (
        lambda labels, count: torch.cat([torch.arange(len(part))[:count] for part in members(labels)]).sort().values
    ),
    "the labels are returned: return the places of the pictures.": (
        lambda labels, count: labels[few_of_each(labels, count)]
    ),
    "the last pictures of each class are taken: the first ones were asked for.": (
        lambda labels, count: torch.cat([part[-count:] for part in members(labels)]).sort().values
    ),
    "a class with too few pictures is left out: take those that it has, or the classifier never hears of it.": (
        lambda labels, count: torch.cat([part[:count] for part in members(labels) if len(part) >= count]).sort().values
    ),
    "the pictures are the right ones, but listed class by class: sort them.": (
        lambda labels, count: torch.cat([part[:count] for part in members(labels)])
    ),
    "the classes are taken to be 0, 1, 2 and so on: use the labels that are there.": (
        lambda labels, count: (
            torch.cat([(labels == label).nonzero().flatten()[:count] for label in range(len(labels.unique()))])
            .sort()
            .values
        )
    ),
}


def few_cases() -> list[tuple]:
    labels = torch.tensor([3, 3, 0, 3, 3, 7, 0, 3, 7, 3, 1, 0, 0, 3, 7, 3])
    return [(labels, 2), (labels, 3)]


# --- how many neighbours agree, functions of (labels, friends)

AGREE = {
    "those that disagree are counted: count the ones with the same label.": (
        lambda labels, friends: (labels[friends] != labels.unsqueeze(1)).sum(dim=1)
    ),
    "the share is returned: the number was asked for.": (
        lambda labels, friends: (labels[friends] == labels.unsqueeze(1)).float().mean(dim=1)
    ),
    "the numbers of the pictures are compared with labels: look up the friends' labels first, labels[friends].": (
        lambda labels, friends: (friends == labels.unsqueeze(1)).sum(dim=1)
    ),
    "the sum goes over the pictures (dim=0): each picture has its own number, so sum over its friends (dim=1).": (
        lambda labels, friends: (labels[friends] == labels.unsqueeze(1)).sum(dim=0)
    ),
    "the friends are compared with their own most frequent label: compare them with the label of the picture.": (
        lambda labels, friends: (labels[friends] == labels[friends].mode(dim=1, keepdim=True).values).sum(dim=1)
    ),
    "the picture agrees with itself, and that is counted as well: count its friends alone.": (
        lambda labels, friends: (labels[friends] == labels.unsqueeze(1)).sum(dim=1) + 1
    ),
}


def agree_cases() -> list[tuple]:
    labels = torch.tensor([0, 0, 1, 2, 1, 2, 0])
    friends = torch.tensor([[1, 6, 3], [0, 6, 2], [4, 3, 5], [5, 4, 2], [2, 3, 5], [3, 2, 4], [2, 4, 5]])
    more = torch.tensor([[1, 6, 3, 2, 5], [0, 6, 2, 3, 5], [4, 3, 5, 1, 0]]).repeat(3, 1)[:7]
    return [(labels, friends), (labels.flip(0), friends[:, :2]), (labels, more)]


# --- how far the features have moved, functions of (known, new)


def moved(known: Tensor, new: Tensor) -> float:
    return float((new.mean(dim=0) - known.mean(dim=0)).norm() / known.std(dim=0).norm())


def difference(known: Tensor, new: Tensor) -> Tensor:
    return new.mean(dim=0) - known.mean(dim=0)


MOVED = {
    "the deviation of the new pictures is the scale: the scale belongs to the known ones, or a shift that spreads the "
    "features hides itself.": lambda known, new: difference(known, new).norm() / new.std(dim=0).norm(),
    "the scale is the deviation of known and new together: a shift then makes its own scale larger.": (
        lambda known, new: difference(known, new).norm() / torch.cat([known, new]).std(dim=0).norm()
    ),
    "each feature is divided by its own deviation first: divide the length of the difference by the length of the "
    "vector of deviations.": lambda known, new: (difference(known, new) / known.std(dim=0)).norm(),
    "the fraction is upside down: the distance is divided by the scale.": (
        lambda known, new: known.std(dim=0).norm() / difference(known, new).norm()
    ),
    "the distance isn't divided: without a scale nobody can say whether it is large.": (
        lambda known, new: difference(known, new).norm()
    ),
    "one mean over all numbers is compared: features that rise and features that fall then cancel. Each has its own "
    "mean, over the pictures (dim=0).": lambda known, new: (new.mean() - known.mean()).abs() / known.std(dim=0).norm(),
    "one deviation over all numbers is the scale: it holds the differences between the features, too. Take each "
    "feature's own (dim=0), and the length of all.": lambda known, new: difference(known, new).norm() / known.std(),
    "the squares are divided by their number, as numpy's std does: torch's divides by one less.": (
        lambda known, new: difference(known, new).norm() / known.std(dim=0, correction=0).norm()
    ),
    "the mean of the deviations is the scale: the formula has the length of their vector.": (
        lambda known, new: difference(known, new).norm() / known.std(dim=0).mean()
    ),
    "the length of the variances is the scale: the formula has that of the deviations, their roots.": (
        lambda known, new: difference(known, new).norm() / known.var(dim=0).norm()
    ),
    "the squares are summed, but their roots aren't taken.": (
        lambda known, new: difference(known, new).square().sum() / known.var(dim=0).sum()
    ),
}


def moved_cases() -> list[tuple]:
    scale, level = torch.tensor([1.0, 0.2, 3.0, 0.5]), torch.tensor([4.0, -2.0, 0.0, 1.0])
    known, new = level + scale * drawn(9, 4, seed=3), level + 1.7 * scale * drawn(6, 4, seed=4)
    return [(known, new + torch.tensor([1.0, 0.3, -0.5, 0.2])), (known[:5], new - torch.tensor([0.0, 0.8, 0.0, 0.4]))]


EXERCISES: dict[str, Exercise] = {
    "similar": Function(
        reference=most_similar,
        cases=similar_cases,
        mistakes=SIMILAR,
        praise="nobody is their own neighbour, and only directions count.",
        whole=True,
    ),
    "split": Function(
        reference=split,
        cases=split_cases,
        mistakes=SPLIT,
        praise="no video has pictures on both sides.",
        probes=[is_true_or_false],
    ),
    "choose": Function(
        reference=choose,
        cases=choose_cases,
        mistakes=CHOOSE,
        praise="chosen by the labelled pictures, and the test was asked once.",
        probes=[asks_once],
    ),
    "few": Function(
        reference=few_of_each,
        cases=few_cases,
        mistakes=FEW,
        praise="as many of each class as there are, and never more than asked.",
        whole=True,
    ),
    "agree": Function(
        reference=lambda labels, friends: (labels[friends] == labels.unsqueeze(1)).sum(dim=1),
        cases=agree_cases,
        mistakes=AGREE,
        praise="the lowest numbers are the labels to look at first.",
    ),
    "moved": Function(
        reference=moved,
        cases=moved_cases,
        mistakes=MOVED,
        praise="0 for the same pictures, about 1 when the mean lies as far off as single pictures do.",
    ),
    "rare": Number(
        right=0.6,
        because="the mean of 90 / 90 and 2 / 10. The accuracy is 0.92, and 8 of 10 sick leaves are missed.",
        slips={
            0.92: "all pictures count alike, which gives the accuracy. Take each class's own share of right ones, "
            "then the mean of the two.",
            0.2: "this is the share of the sick leaves alone: the mean over both classes was asked for.",
            (90 / 98 + 1) / 2: "the shares go down the columns: of those called sick, how many are. Of those that are "
            "sick, how many are found stands in a row.",
            60: 'the share is in per cent: write 0.6, or "60 %" with its sign.',
            1.2: "the shares are summed: take their mean, so divide by the number of classes.",
            0.46: "the right ones of both classes were added and divided by twice the number of pictures: divide each "
            "class by its own size.",
            0.08: "this is the share of wrong guesses among all pictures: take each class's share of right ones.",
        },
        tolerance=0.002,
    ),
    "confound": Choice(
        right="d",
        because="20 passes of 400 pictures are 400 steps in batches of 20, and 40 in batches of 200. Nobody knows "
        "which part of the 27 points comes from the first weights: train both in equal steps.",
        others={
            "a": "luck is in both columns, and the deviations say how much: 2 and 3 points, not 27. Look for a row in "
            "which the columns differ.",
            "b": "both columns have the same test pictures without twins. Look for a row in which the columns differ.",
            "c": "the first weights are what the report is about, so they must differ. Look for another row in which "
            "the columns differ.",
        },
    ),
    "luck": Number(
        right=0.185,
        because="about 1.9 standard errors (0.042 each) above the 0.1 of guessing, found by looking for it. A new set "
        "of pictures would give the winner 0.1 again.",
        slips={
            0.1: "this is what one of them is expected to have: the best of twenty was asked for.",
            0.142: "one standard error was added: of twenty, about three lie that high, and the best is higher.",
            0.042: "this is the standard error: how many of them does the best of twenty lie above 0.1?",
            18.2: 'the share is in per cent: write 0.18, or "18 %" with its sign.',
            1.0: "one of twenty would have to be right on all 50 pictures by guessing: 1 in 10 to the 50.",
            0.88: "this is the chance that at least one of twenty is right about a single picture, 1 - 0.9 ** 20: the "
            "score is counted on 50 pictures.",
        },
        tolerance=0.02,
    ),
    "open": Essay(
        question="Two hospitals send you 3,000 pictures of skin. One of them treats mostly the dangerous disease, the "
        "other one mostly the harmless one. You pre-train on all pictures and fit a nearest neighbour to 100 labels: "
        "99 % of the test are right. Which causes other than a good encoder can this have? For each, say which check "
        "would find it.",
    ),
}
