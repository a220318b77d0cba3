"""Answers to the exercises of lesson 08 as students write them: right ones, and each known mistake made once."""

import statistics

import numpy as np
import torch
import torch.nn.functional as F


def ranked(h, k, *, score=None, skip=True, worst=False):
    """Picture by picture with sorted lists."""
    score = score or (lambda a, b: F.cosine_similarity(a, b, dim=0))
    rows = []
    for i in range(len(h)):
        others = [j for j in range(len(h)) if j != i or not skip]
        rows.append(sorted(others, key=lambda j, i=i: score(h[i], h[j]).item(), reverse=not worst)[:k])
    return torch.tensor(rows)


def first_dropped(h, k):
    unit = h / h.norm(dim=1, keepdim=True)
    return (unit @ unit.T).argsort(dim=1, descending=True)[:, 1 : k + 1]


def by_angle(h, k):
    similarity = F.cosine_similarity(h[:, None], h[None], dim=2) - 9 * torch.eye(len(h))
    return similarity.topk(k).indices


def emptied_diagonal(h, k):
    unit = F.normalize(h, dim=1)
    return (unit @ unit.T * (1 - torch.eye(len(h)))).argsort(dim=1, descending=True)[:, :k]


def one_too_far(h, k):
    unit = F.normalize(h, dim=1)
    return (unit @ unit.T).fill_diagonal_(-2).argsort(dim=1, descending=True)[:, 1 : k + 1]


def by_columns(h, k):
    unit = h / h.norm(dim=0)
    return (unit @ unit.T).fill_diagonal_(-9e9).argsort(dim=1, descending=True)[:, :k]


def by_insertion(h, k):
    """The best one is found k times, and then struck out."""
    lengths = h.pow(2).sum(1).sqrt()
    cosines = (h @ h.T / torch.outer(lengths, lengths)).double()
    cosines[range(len(h)), range(len(h))] = -torch.inf
    found = []
    for _ in range(k):
        best = cosines.argmax(dim=1)
        cosines.scatter_(1, best[:, None], -torch.inf)
        found.append(best)
    return torch.stack(found, dim=1)


def in_numpy(h, k):
    unit = h.numpy() / np.linalg.norm(h.numpy(), axis=1, keepdims=True)
    angle = np.arccos(np.clip(unit @ unit.T, -1, 1))
    np.fill_diagonal(angle, np.inf)
    return torch.from_numpy(angle.argsort(axis=1)[:, :k].copy())


def one_side(h, k):
    """The length of the picture itself is the same for all candidates, so it needn't be divided by."""
    products = h @ F.normalize(h, dim=1).T
    return torch.stack([row.index_fill(0, torch.tensor([i]), -1e9).topk(k).indices for i, row in enumerate(products)])


def distances_of_unit_vectors(h, k):
    """Of vectors of length 1, the nearest are the most similar."""
    unit = F.normalize(h, dim=1)
    return torch.cdist(unit, unit).fill_diagonal_(torch.inf).topk(k, largest=False).indices.int()


def video_list(video, step, *, start=0, arrange=sorted):
    chosen = arrange(set(video.tolist()))[start::step]
    return torch.tensor([number in chosen for number in video.tolist()])


def numbered(video, step):
    place = torch.unique(video, return_inverse=True)[1]
    return place % step == 0


def marked(video, step):
    test = torch.zeros(len(video), dtype=torch.bool)
    for count, number in enumerate(video.unique()):
        if count % step == 0:
            test[video == number] = True
    return test


def by_searching(video, step):
    known = torch.unique(video)
    return torch.searchsorted(known, video) % step == 0


def by_comparing(video, step):
    chosen = video.unique()[::step]
    return (video[:, None] == chosen[None, :]).any(dim=1)


def sets_in_numpy(video, step):
    return torch.from_numpy(np.isin(video.numpy(), np.unique(video.numpy())[::step]))


def first_pictures_only(video, step):
    seen, test = set(), []
    for number, wanted in zip(video.tolist(), video_list(video, step).tolist(), strict=True):
        test.append(wanted and number not in seen)
        seen.add(number)
    return torch.tensor(test)


def in_order_of_appearance(video, step):
    places = {}
    for number in video.tolist():
        places.setdefault(number, len(places))
    return torch.tensor([places[number] % step == 0 for number in video.tolist()])


def with_a_loop(settings, leave_one_out, test):
    best, top = None, -1
    for setting in settings:
        score = leave_one_out(setting)
        if score > top:
            best, top = setting, score
    return best, test(best)


def with_a_tensor(settings, leave_one_out, test):
    scores = torch.tensor([leave_one_out(setting) for setting in settings])
    setting = settings[scores.argmax()]
    return [setting, test(setting)]


def with_a_dict(settings, leave_one_out, test):
    scores = {leave_one_out(setting): setting for setting in settings}
    return scores[max(scores)], test(scores[max(scores)])


def sorted_by_score(settings, leave_one_out, test):
    ranked = sorted(settings, key=leave_one_out, reverse=True)
    best, *_ = ranked
    return best, test(best)


def in_numpy_scores(settings, leave_one_out, test):
    scores = np.fromiter(map(leave_one_out, settings), dtype=float)
    return (best := settings[int(scores.argmax())]), test(best)


def choosing(score, report, pick=np.argmax):
    """Choose the setting by `score` (of both accuracies), report `report` of them; both get arrays."""

    def answer(settings, leave_one_out, test):
        known, tested = (np.array([ask(setting) for setting in settings]) for ask in (leave_one_out, test))
        index = int(pick(score(known, tested)))
        return settings[index], float(report(known, tested, index))

    return answer


def place_in_the_list(settings, leave_one_out, test):
    scores = [leave_one_out(setting) for setting in settings]
    return scores.index(max(scores)), test(settings[scores.index(max(scores))])


def taken(labels, count):
    """One picture after the other, as long as its class has room."""
    seen, chosen = {}, []
    for place, label in enumerate(labels.tolist()):
        seen[label] = seen.get(label, 0) + 1
        if seen[label] <= count:
            chosen.append(place)
    return torch.tensor(chosen)


def by_rank(labels, count):
    same = labels[:, None] == labels[None, :]
    rank = same.tril(-1).sum(dim=1)  # how many of the class come earlier
    return (rank < count).nonzero().flatten()


def with_numpy(labels, count):
    labels = labels.numpy()
    chosen = [np.flatnonzero(labels == label)[:count] for label in np.unique(labels)]
    return torch.from_numpy(np.sort(np.concatenate(chosen)))


def by_sorting(labels, count):
    """Sorted stably by label, the place within the class is the place less the class's first."""
    values, order = labels.sort(stable=True)
    _, index, counts = values.unique_consecutive(return_inverse=True, return_counts=True)
    first = counts.cumsum(0) - counts
    return order[torch.arange(len(labels)) - first[index] < count].sort().values


def by_one_hot(labels, count):
    onehot = F.one_hot(labels, int(labels.max()) + 1)
    seen = (onehot.cumsum(0) * onehot).sum(1)  # the how-many-th of its class each picture is
    return torch.where(seen <= count)[0]


def lists(labels, count, *, classes=None, cut=lambda part, count: part[:count], order=sorted):
    labels = labels.tolist()
    parts = [[i for i, label in enumerate(labels) if label == c] for c in (classes or sorted(set(labels)))]
    return torch.tensor(order([place for part in parts for place in cut(part, count)]))


def within_the_class(labels, count):
    return lists(labels, count, cut=lambda part, count: list(range(min(count, len(part)))))


def friends_loop(labels, friends, *, start=0):
    result = []
    for own, row in zip(labels, friends, strict=True):
        result.append(start + sum(int(labels[friend] == own) for friend in row))
    return torch.tensor(result)


def most_common(labels, friends):
    return torch.tensor([labels[row].bincount().max() for row in friends])


def distance(known, new, *, scale=None, ratio=None):
    change = new.mean(0) - known.mean(0)
    if ratio:
        return ratio(change, known).item()
    spread = (known if scale is None else scale).var(0).sum().sqrt()
    return (change.pow(2).sum().sqrt() / spread).item()


def by_columns_of_numbers(known, new):
    change, spread = 0.0, 0.0
    for column in range(known.shape[1]):
        a, b = known[:, column].tolist(), new[:, column].tolist()
        change += (statistics.fmean(b) - statistics.fmean(a)) ** 2
        spread += statistics.variance(a)
    return (change / spread) ** 0.5


RIGHT = {
    "own_images.similar": [
        ranked,
        first_dropped,
        by_angle,
        by_insertion,
        in_numpy,
        distances_of_unit_vectors,
        one_side,
    ],
    "own_images.split": [
        lambda video, step: F.one_hot(video.unique(return_inverse=True)[1])[:, ::step].sum(1) > 0,
        lambda video, step: video.unique(return_inverse=True)[1] % step == 0,
        video_list,
        numbered,
        marked,
        by_searching,
        by_comparing,
        sets_in_numpy,
    ],
    "own_images.choose": [with_a_loop, with_a_tensor, with_a_dict, sorted_by_score, in_numpy_scores],
    "own_images.few": [taken, by_rank, with_numpy, by_sorting, by_one_hot],
    "own_images.agree": [
        friends_loop,
        lambda labels, friends: labels[friends].eq(labels[:, None]).int().sum(-1),
        lambda labels, friends: (labels == labels[friends].T).sum(0).float(),
        lambda labels, friends: torch.tensor(
            [(labels[row] == own).sum() for row, own in zip(friends, labels, strict=True)]
        ),
        lambda labels, friends: torch.einsum("nkc,nc->n", F.one_hot(labels)[friends], F.one_hot(labels)),
        lambda labels, friends: torch.from_numpy(
            np.count_nonzero(labels.numpy()[friends.numpy()] == labels.numpy()[:, None], axis=1)
        ),
    ],
    "own_images.moved": [
        distance,
        lambda known, new: torch.dist(known.mean(0), new.mean(0)) / torch.linalg.norm(known.std(0)),
        lambda known, new: (
            np.linalg.norm(new.numpy().mean(0) - known.numpy().mean(0)) / np.sqrt(known.numpy().var(0, ddof=1).sum())
        ),
        lambda known, new: torch.linalg.vector_norm(new.mean(0) - known.mean(0)) / known.T.cov().trace().sqrt(),
        by_columns_of_numbers,
    ],
    "own_images.rare": [
        "60 per cent",
        "60 percent",
        0.6,
        (1 + 2 / 10) / 2,
        torch.tensor(0.6),
        "0.6",
        "60 %",
        "3/5",
        "0,60",
        np.float64(0.6),
    ],
    "own_images.confound": ["d", "D", " d ", "d)", "**d**", "(d)"],
    "own_images.luck": [0.18, 0.184, "18 %", 0.2, 1 / 6, torch.tensor(0.19), "0,18", np.float64(0.1793), "9/50"],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "own_images.similar": [
        ("least similar of the k", lambda h, k: ranked(h, k).flip(1)),
        ("its own nearest neighbour", lambda h, k: ranked(h, k, skip=False)),
        ("set to 0", emptied_diagonal),
        ("least similar", lambda h, k: ranked(h, k, worst=True)),
        ("aren't scaled", lambda h, k: ranked(h, k, score=torch.dot)),
        ("brackets are missing", lambda h, k: ranked(h, k, score=lambda a, b: a @ b / a.norm() * b.norm())),
        ("whole numbers", lambda h, k: ranked(h, k).float()),
        ("smallest distance", lambda h, k: ranked(h, k, score=torch.dist, worst=True)),
        ("each column", by_columns),
        (
            "cosines are returned",
            lambda h, k: (F.cosine_similarity(h[:, None], h[None], dim=2) - 9 * torch.eye(len(h))).topk(k)[0],
        ),
        ("left out twice", one_too_far),
    ],
    "own_images.split": [
        ("second video", lambda video, step: video_list(video, step, start=1)),
        (".bool()", lambda video, step: video_list(video, step).float()),
        ("`step`-th picture is taken", lambda video, step: torch.isin(video, video[::step])),
        ("lie on both sides", lambda video, step: torch.tensor([place % step == 0 for place in range(len(video))])),
        ("can be divided", lambda video, step: video.remainder(step).eq(0)),
        ("swapped", lambda video, step: numbered(video, step).logical_not()),
        ("only one picture", first_pictures_only),
        ("as they come", in_order_of_appearance),
        ("begins at the end", lambda video, step: video_list(video, step, start=step - 1)),
        ("middle of a video", lambda video, step: torch.linspace(0, 1, len(video) + 1)[:-1] < 1 / step - 1e-6),
    ],
    "own_images.choose": [
        ("exchanged", lambda settings, known, tested: with_a_loop(settings, known, tested)[::-1]),
        ("not a mistake that is known", lambda settings, known, tested: with_a_loop(settings[:-1], known, tested)),
        ("chosen by the test pictures", choosing(lambda known, tested: tested, lambda known, tested, i: tested[i])),
        ("used for the choice", choosing(lambda known, tested: known, lambda known, tested, i: known[i])),
        ("has a say", choosing(lambda known, tested: known + tested, lambda known, tested, i: tested[i])),
        ("any setting reaches", choosing(lambda known, tested: known, lambda known, tested, i: tested.max())),
        ("number of the setting", place_in_the_list),
        ("lowest", choosing(lambda known, tested: known, lambda known, tested, i: tested[i], np.argmin)),
        ("last setting", choosing(lambda known, tested: range(len(known)), lambda known, tested, i: tested[i])),
        ("asked 4 times", choosing(lambda known, tested: known, lambda known, tested, i: tested[i])),
    ],
    "own_images.few": [
        ("whatever their class", lambda labels, count: torch.tensor(range(len(taken(labels, count))))),
        ("in all", lambda labels, count: taken(labels, count)[:count]),
        ("within the class", within_the_class),
        ("labels are returned", lambda labels, count: labels[taken(labels, count)]),
        ("last pictures", lambda labels, count: lists(labels, count, cut=lambda part, count: part[-count:])),
        (
            "left out",
            lambda labels, count: lists(labels, count, cut=lambda part, n: part[:n] if len(part) >= n else []),
        ),
        ("whole numbers", lambda labels, count: taken(labels, count).double()),
        ("class by class", lambda labels, count: lists(labels, count, order=list)),
        ("0, 1, 2", lambda labels, count: lists(labels, count, classes=range(len(labels.unique())))),
    ],
    "own_images.agree": [
        ("not a mistake that is known", lambda labels, friends: (labels[friends] == labels[:, None])[:, :3].sum(1)),
        ("disagree", lambda labels, friends: friends.shape[1] - friends_loop(labels, friends)),
        ("share", lambda labels, friends: friends_loop(labels, friends) / friends.shape[1]),
        ("numbers of the pictures", lambda labels, friends: friends.eq(labels[:, None]).sum(1)),
        ("dim=0", lambda labels, friends: sum(labels[row] == own for row, own in zip(friends, labels, strict=True))),
        ("most frequent", most_common),
        ("with itself", lambda labels, friends: friends_loop(labels, friends, start=1)),
    ],
    "own_images.moved": [
        ("upside down", lambda known, new: 1 / distance(known, new)),
        ("deviation of the new", lambda known, new: distance(known, new, scale=new)),
        ("together", lambda known, new: distance(known, new, scale=torch.vstack([known, new]))),
        ("own deviation first", lambda known, new: distance(known, new, ratio=lambda d, h: (d / h.std(0)).norm())),
        ("isn't divided", lambda known, new: distance(known, new, ratio=lambda d, h: d.norm())),
        (
            "one mean over all",
            lambda known, new: distance(known, new, ratio=lambda d, h: d.mean().abs() / h.std(0).norm()),
        ),
        (
            "one deviation over all",
            lambda known, new: distance(known, new, ratio=lambda d, h: d.norm() / h.flatten().std()),
        ),
        ("numpy's std", lambda known, new: distance(known, new, ratio=lambda d, h: d.norm() / h.std(0, False).norm())),
        (
            "length of the variances",
            lambda known, new: distance(known, new, ratio=lambda d, h: d.norm() / h.var(0).norm()),
        ),
        (
            "mean of the deviations",
            lambda known, new: distance(known, new, ratio=lambda d, h: d.norm() / h.std(0).mean()),
        ),
        ("roots", lambda known, new: distance(known, new) ** 2),
    ],
    "own_images.rare": [
        ("in per cent", 60),
        ("are summed", 1.2),
        ("gives the accuracy", 92 / 100),
        ("sick leaves alone", 0.2),
        ("down the columns", (90 / 98 + 2 / 2) / 2),
        ("own size", 92 / 200),
        ("wrong guesses", 0.08),
    ],
    "own_images.confound": [
        ("luck is in both", "a"),
        ("same test pictures", "b"),
        ("is about", "c"),
        ("one of", "batch"),
    ],
    "own_images.luck": [
        ("one of them is expected", 0.1),
        ("one standard error", 0.1 + (0.1 * 0.9 / 50) ** 0.5),
        ("this is the standard error", (0.1 * 0.9 / 50) ** 0.5),
        ("in per cent", 18.4),
        ("in per cent", 18),
        ("all 50 pictures", 1),
        ("a single picture", 1 - 0.9**20),
        ("not a slip that is known", 0.3),
    ],
}
