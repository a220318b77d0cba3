"""Answers to the exercises of lesson 11 as students write them: right ones, and each known mistake made once."""

import collections
import itertools
import math
import random

import numpy as np
import torch
import torch.nn.functional as F

# --- Questions


def questions_by_loops(count, length):
    rows, answers = [], []
    for _ in range(count):
        frames = sorted(random.sample(range(length), 3))
        answer = random.randint(0, 1)
        if answer:
            rows.append(frames if random.random() < 0.5 else frames[::-1])
        else:
            a, b, c = frames
            rows.append(random.choice([[a, c, b], [b, a, c], [b, c, a], [c, a, b]]))
        answers.append(answer)
    return torch.tensor(rows), torch.tensor(answers)


def questions_in_numpy(count, length):
    draw = np.random.default_rng(3)
    frames = np.sort(draw.random((count, length)).argsort(1)[:, :3], axis=1)
    orders = np.array(list(itertools.permutations(range(3))))
    answers = draw.integers(0, 2, count)
    which = np.where(answers == 1, draw.choice([0, 5], count), draw.integers(1, 5, count))
    return torch.from_numpy(np.take_along_axis(frames, orders[which], axis=1)), torch.from_numpy(answers)


def questions_by_weights(count, length):
    """Frames by multinomial, orders by their chances."""
    frames = torch.multinomial(torch.ones(count, length), 3).sort(1)[0]
    answers = torch.bernoulli(torch.full((count,), 0.5)).long()
    chances = torch.tensor([[0, 1, 1, 1, 1, 0], [2, 0, 0, 0, 0, 2]]).float()
    orders = torch.tensor(list(itertools.permutations(range(3))))[torch.multinomial(chances[answers], 1)[:, 0]]
    return torch.take_along_dim(frames, orders, 1), answers


def questions_by_refusing(count, length):
    """For answer 0 an order is drawn again and again, until it isn't in order."""
    rows, answers = [], (torch.rand(count) > 0.5).int()
    for answer in answers.tolist():
        frames = torch.randperm(length)[:3]
        if answer:
            frames = frames.sort(descending=bool(torch.rand(1) < 0.5)).values
        else:
            while len(set(frames.diff().sign().tolist())) == 1:
                frames = frames[torch.randperm(3)]
        rows.append(frames)
    return torch.stack(rows), answers


def questions_half_and_half(count, length):
    """Exactly half of the films are right ones, and of these exactly half run backwards."""
    answers = torch.arange(count) % 2
    all_sets = torch.tensor(list(itertools.combinations(range(length), 3)))
    frames = all_sets[torch.randint(len(all_sets), (count,))]
    middle = frames[:, [1]]
    rows = torch.where(torch.rand(count, 1) < 0.5, frames, frames.flip(1))
    ends = frames[:, [0, 2]]
    ends = torch.where(torch.rand(count, 1) < 0.5, ends, ends.flip(1))
    wrong = torch.where(torch.rand(count, 1) < 0.5, torch.cat([middle, ends], 1), torch.cat([ends, middle], 1))
    return torch.where(answers[:, None].bool(), rows, wrong), answers


def questions_with_an_option(count, length, shown=3):
    frames = torch.stack([torch.randperm(length)[:shown] for _ in range(count)])
    answers = torch.randint(0, 2, (count,))
    ordered = frames.sort(dim=1).values
    ordered = torch.where(torch.randint(2, (count, 1)) == 0, ordered, ordered.flip(1))
    for row in range(count):
        steady = torch.equal(frames[row], frames[row].sort().values)
        steady = steady or torch.equal(frames[row], frames[row].sort(descending=True).values)
        if answers[row] == 1:
            frames[row] = ordered[row]
        elif steady:  # the middle one goes to either end, in either direction
            low, middle, high = frames[row].sort().values.tolist()
            frames[row] = torch.tensor(
                random.choice([[middle, low, high], [middle, high, low], [low, high, middle], [high, low, middle]])
            )
    return frames, answers


def one_by_one(question):
    """Questions made by a function of one film's length."""

    def questions(count, length):
        made = [question(length) for _ in range(count)]
        return torch.tensor([frames for frames, _ in made]), torch.tensor([answer for _, answer in made])

    return questions


def shuffled(frames):
    return random.sample(list(frames), 3)


def unsteady(frames):
    low, middle, high = sorted(frames)
    return random.choice([[low, high, middle], [middle, low, high], [middle, high, low], [high, low, middle]])


def in_order(frames):
    return sorted(frames, reverse=random.random() < 0.5)


def is_steady(frames):
    return list(frames) in (sorted(frames), sorted(frames, reverse=True))


@one_by_one
def read_off(length):
    frames = random.sample(range(length), 3)
    return frames, int(is_steady(frames))


def asked(*, right=in_order, wrong=unsteady, frames=lambda length: random.sample(range(length), 3), others=None):
    @one_by_one
    def questions(length):
        if random.random() < 0.5:
            return right(frames(length)), 1
        return wrong((others or frames)(length)), 0

    return questions


def backwards_is_wrong(frames):
    frames = shuffled(frames)
    while frames == sorted(frames):
        frames = shuffled(frames)
    return frames


def swapped_neighbours(frames):
    low, middle, high = sorted(frames)
    return random.choice([[middle, low, high], [low, high, middle]])


def two_swapped(frames):
    frames = sorted(frames)
    i, j = random.sample(range(3), 2)
    frames[i], frames[j] = frames[j], frames[i]
    return frames


def rolled(frames):
    low, middle, high = sorted(frames)
    return random.choice([[middle, high, low], [high, low, middle]])


def with_repeats(length):
    return [random.randrange(length) for _ in range(3)]


def one_answer(count, length):
    """A single coin for all films."""
    frames, _ = asked(wrong=in_order)(count, length)
    return frames, torch.ones(count).long()


def a_run(length):
    start = random.randint(0, length - 3)
    return range(start, start + 3)


def seeded_by_hand(count, length):
    torch.manual_seed(11)
    return questions_by_weights(count, length)


# --- Even light


def light_by_loops(films):
    result = torch.zeros_like(films)
    for b, film in enumerate(films):
        for t, frame in enumerate(film):
            if frame.mean() > 0:
                result[b, t] = frame * (film.mean() / frame.mean())
    return result


def light_by_view(films):
    flat = films.flatten(2)  # (B, T, pixels)
    means = flat.mean(2)
    ratio = torch.nan_to_num(means.mean(1, keepdim=True) / means)
    return (flat * ratio.unsqueeze(2)).view_as(films)


def light_in_double(films):
    films = films.double()
    sums = films.sum((-1, -2, -3))
    return films * torch.where(sums > 0, sums.mean(1, keepdim=True) / sums, 1.0)[..., None, None, None]


def light_by_einsum(films):
    frame = torch.einsum("btchw->bt", films)
    return torch.einsum("btchw,bt->btchw", films, frame.mean(dim=1, keepdim=True) / (frame + 1e-9))


def light_in_numpy(films, epsilon=1e-8):
    films = films.numpy()
    means = films.mean(axis=(2, 3, 4), keepdims=True)
    return torch.tensor(films / np.maximum(means, epsilon) * means.mean(axis=1, keepdims=True))


def light_in_place(films):
    films = films.clone()
    goal = films.mean((1, 2, 3, 4))
    for t in range(films.shape[1]):
        now = films[:, t].mean((1, 2, 3))
        films[:, t] *= (goal / now.where(now > 0, torch.ones(()))).view(-1, 1, 1, 1)
    return films


def ratios(films):
    """Mean of the film by mean of the frame, (B, T, 1, 1, 1); 0 for a black frame."""
    frame = films.mean((2, 3, 4), keepdim=True)
    return torch.where(frame > 0, frame.mean(1, keepdim=True) / frame, 0.0)


def to_one(films):
    frame = films.mean((2, 3, 4), keepdim=True)
    return torch.where(frame > 0, films / frame, films)


def to_the_batch(films):
    return to_one(films) * films.mean()


def of_one_channel(films):
    frame = films.mean((3, 4), keepdim=True)
    return films * torch.nan_to_num(frame.mean(1, keepdim=True) / frame)


def over_time(films):
    now = films.mean(1, keepdim=True)
    return films * torch.nan_to_num(films.mean((1, 2, 3, 4), keepdim=True) / now)


def pixel_by_pixel(films):
    return torch.where(films > 0, films.mean(1, keepdim=True).expand_as(films), 0.0)


def of_lit_frames(films):
    result = torch.zeros_like(films)
    for b, film in enumerate(films):
        lit = [t for t, frame in enumerate(film) if frame.any()]
        for t in lit:
            result[b, t] = film[t] * film[lit].mean() / film[t].mean()
    return result


def standardised(films):
    mean, deviation = films.mean((3, 4), keepdim=True), films.std((3, 4), keepdim=True)
    return (films - mean) / (deviation + 0.02)


# --- The slope of a place


def slope_by_loops(shares):
    height, width = shares.shape
    x = [2 * j / (width - 1) - 1 for j in range(width)]
    y = [2 * i / (height - 1) - 1 for i in range(height)]
    mean_x = sum(float(shares[i, j]) * x[j] for i in range(height) for j in range(width))
    mean_y = sum(float(shares[i, j]) * y[i] for i in range(height) for j in range(width))
    result = torch.empty(2, height, width)
    for i, j in itertools.product(range(height), range(width)):
        result[0, i, j] = shares[i, j] * (x[j] - mean_x)
        result[1, i, j] = shares[i, j] * (y[i] - mean_y)
    return result


def slope_by_sums(shares):
    """The centre from the sums over rows and columns."""
    x, y = torch.linspace(-1, 1, shares.shape[1]), torch.linspace(-1, 1, shares.shape[0])
    along, down = x - shares.sum(0) @ x, y - shares.sum(1) @ y
    return torch.stack((shares * along, shares * down[:, None]))


def slope_by_jacobian(shares):
    flat = shares.flatten()
    matrix = flat.diag() - torch.outer(flat, flat)
    rows, columns = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in shares.shape), indexing="ij")
    return (torch.stack([columns.flatten(), rows.flatten()]) @ matrix).view(2, *shares.shape)


def slope_by_autograd(shares):
    """Logs of the shares are a map that gives them."""
    values = shares.log().requires_grad_()
    again = values.flatten().softmax(0).view_as(values)
    x = (again.sum(0) * torch.linspace(-1, 1, shares.shape[1])).sum()
    y = (again.sum(1) * torch.linspace(-1, 1, shares.shape[0])).sum()
    return torch.stack([torch.autograd.grad(each, values, retain_graph=True)[0] for each in (x, y)])


def slope_in_numpy(shares):
    p = shares.numpy().astype(np.float64)
    places = np.stack(np.meshgrid(np.linspace(-1, 1, p.shape[1]), np.linspace(-1, 1, p.shape[0])))
    return torch.from_numpy(p * (places - (p * places).sum((1, 2))[:, None, None]))


def slope_in_two_terms(shares):
    """s_j x_j (1 - s_j), less what the others lose."""
    slopes = []
    for places in grid(shares):
        others = (shares * places).sum() - shares * places
        slopes.append(shares * (1 - shares) * places - shares * others)
    return torch.stack(slopes)


def grid(shares, low=-1.0):
    x, y = (torch.linspace(low, 1, n) for n in (shares.shape[1], shares.shape[0]))
    return torch.stack([x.repeat(len(y), 1), y.repeat(len(x), 1).T])


def mean_place(shares):
    return (grid(shares) * shares).flatten(1).sum(1)[:, None, None]


def in_pixels(shares):
    rows, columns = torch.meshgrid(*(torch.arange(n).float() for n in shares.shape), indexing="ij")
    places = torch.stack([columns, rows])
    return shares * (places - (shares * places).sum((1, 2), keepdim=True))


# --- Surprise


def errors_by_loops(places):
    return [
        [math.dist(2 * film[t - 1] - film[t - 2], film[t]) for t in range(2, len(film))]
        for film in places.double().numpy()
    ]


def surprise_by_loops(places, usual):
    known = [error for film in errors_by_loops(usual) for error in film]
    scale = math.sqrt(sum(error**2 for error in known) / len(known))
    return torch.tensor([[0, 0] + [error / scale for error in film] for film in errors_by_loops(places)])


def misses(places):
    a, b, came = places[:, :-2], places[:, 1:-1], places[:, 2:]
    return ((b + (b - a) - came) ** 2).sum(-1).sqrt()


def scale_of(usual):
    return (misses(usual) ** 2).mean() ** 0.5


def padded(values, before=2, after=0):
    return torch.cat([torch.zeros(len(values), before), values, torch.zeros(len(values), after)], dim=1)


def surprise_by_slices(places, usual):
    return padded(misses(places) / scale_of(usual))


def surprise_by_convolution(places, usual):
    kernel = torch.tensor([[[1.0, -2.0, 1.0]]]).repeat(2, 1, 1)

    def error(paths):
        return F.conv1d(paths.mT, kernel, groups=2).norm(dim=1)

    result = places.new_zeros(places.shape[:2])
    result[:, 2:] = error(places) / error(usual).pow(2).mean().sqrt()
    return result


def surprise_by_norms(places, usual):
    """The norm of all errors, by the root of their number."""
    known = usual.diff(n=2, dim=1).flatten(0, 1)  # (pairs, 2)
    scale = known.norm() / len(known) ** 0.5
    return F.pad(torch.linalg.vector_norm(places.diff(n=2, dim=1), dim=-1) / scale, (2, 0))


def surprise_in_numpy(places, usual):
    moved = [np.diff(each.numpy(), n=2, axis=1) for each in (places, usual)]
    new, known = (np.hypot(each[..., 0], each[..., 1]) for each in moved)
    return torch.from_numpy(np.pad(new / np.sqrt(np.mean(known**2)), ((0, 0), (2, 0))))


def surprise_over_time(places, usual):
    result, now = [torch.zeros(len(places))] * 2, places.unbind(dim=1)
    for before, last, came in zip(now, now[1:], now[2:], strict=False):
        result.append(torch.cdist((2 * last - before)[:, None], came[:, None]).flatten() / scale_of(usual))
    return torch.stack(result, dim=1)


def surprise_of_complex(places, usual):
    """Places as complex numbers."""
    new, known = (torch.view_as_complex(each.contiguous()).diff(n=2).abs() for each in (places, usual))
    return F.pad(new, (2, 0)) * known.square().mean().rsqrt()


def stays(places):
    return (places[:, 1:] - places[:, :-1]).pow(2).sum(2).sqrt()


def rms(values):
    return values.pow(2).mean().sqrt()


# --- What came before


def windows_by_loops(features, past):
    seen, following = [], []
    for film in features:
        for t in range(past, len(film)):
            seen.append(film[t - past : t])
            following.append(film[t])
    return torch.stack(seen), torch.stack(following)


def windows_frame_by_frame(features, past):
    """The pairs of all films at one time, then those of the next."""
    times = range(past, features.shape[1])
    return torch.cat([features[:, t - past : t] for t in times]), torch.cat([features[:, t] for t in times])


def windows_by_index(features, past):
    starts = torch.arange(features.shape[1] - past)
    places = starts[:, None] + torch.arange(past)
    width = features.shape[2]
    return features[:, places].reshape(-1, past, width), features[:, starts + past].reshape(-1, width)


def windows_by_unfolding_more(features, past):
    """Windows of past + 1 frames, whose last is what follows."""
    both = features.unfold(1, past + 1, 1).permute(0, 1, 3, 2).reshape(-1, past + 1, features.size(-1))
    return both[:, :past], both[:, past]


def windows_in_numpy(features, past):
    both = np.lib.stride_tricks.sliding_window_view(features.numpy(), past + 1, axis=1)  # (N, T - past, D, past + 1)
    both = both.reshape(-1, *both.shape[2:])
    return torch.tensor(both[..., :-1]).transpose(1, 2), torch.tensor(both[..., -1])


def windows_as_a_list(features, past):
    parts = [(film.unfold(0, past, 1)[:-1].mT, film[past:]) for film in features]
    return [torch.cat(part) for part in zip(*parts, strict=True)]


def windows_shuffled(features, past):
    seen, following = windows_by_loops(features, past)
    order = torch.randperm(len(seen))
    return seen[order], following[order].double()


def broken(features, past):
    row = features.flatten(0, 1)
    return row.unfold(0, past, 1).transpose(1, 2), row[past - 1 :]


def across_films(features, past):
    row = features.reshape(-1, features.shape[2])
    times = range(past, len(row))
    return torch.stack([row[t - past : t] for t in times]), torch.stack([row[t] for t in times])


def told_already(features, past):
    """Each film by itself, but what follows is seen."""
    seen = torch.cat([film.unfold(0, past, 1).mT for film in features])
    return seen, seen[:, -1]


def with_seen(change):
    def windows(features, past):
        seen, following = windows_by_loops(features, past)
        return change(seen), following

    return windows


def shorter(features, past):
    return windows_by_loops(features[:, : features.shape[1] - 1], past)


def far_ahead(features, past):
    times = range(past + 1, features.shape[1])
    return (
        torch.cat([features[:, t - past - 1 : t - 1] for t in times]),
        torch.cat([features[:, t] for t in times]),
    )


def apart(features, past):
    times = range(past, features.shape[1], past)
    return torch.cat([features[:, t - past : t] for t in times]), torch.cat([features[:, t] for t in times])


def mixed(features, past):
    return windows_by_loops(features, past)[0], windows_frame_by_frame(features, past)[1]


def with_films(features, past):
    seen, following = windows_by_loops(features, past)
    return seen.view(len(features), -1, *seen.shape[1:]), following.view(len(features), -1, following.shape[1])


def questions_for_even_counts(count, length):
    frames, answers = questions_half_and_half(2 * (count // 2), length)
    return frames, answers


def questions_squeezed(count, length):
    return tuple(part.squeeze() for part in questions_by_loops(count, length))


def questions_of_eight(count, length):
    return questions_by_loops(count, min(length, 8))


def one_after_the_other(length):
    first = random.randrange(length - 2)
    second = random.randrange(first + 1, length - 1)
    return first, second, random.randrange(second + 1, length)


def drifting(films):
    films = films.clone()
    for film in films:
        for t in range(len(film)):
            if film[t].any():
                film[t] *= film.mean() / film[t].mean()
    return films


def by_number(films):
    return films * films.mean((1, 2, 3, 4), True) / films.mean((0, 2, 3, 4), True)


def black_to_grey(films):
    frame = films.mean((2, 3, 4), keepdim=True).expand_as(films)
    return torch.where(frame > 0, light_by_loops(films), films.mean((1, 2, 3, 4), keepdim=True).expand_as(films))


def guessed_once(places):
    """From the first two frames, for the whole film."""
    step = places[:, 1] - places[:, 0]
    ways = [(places[:, t] - places[:, 0] - t * step).norm(dim=1) for t in range(2, places.shape[1])]
    return torch.stack(ways, dim=1)


def no_last_cut(features, past):
    return features.unfold(1, past, 1).mT.flatten(0, 1), features[:, past:].flatten(0, 1)


def windows_named(features, past):
    return collections.namedtuple("Pairs", "seen follows")(*windows_by_loops(features, past))


def windows_squeezed(features, past):
    return tuple(part.squeeze() for part in windows_by_loops(features, past))


RIGHT = {
    "video.sorting": [0.05, 3 / 60, "1/20", "5 %", "0,05", 4 / 5 / 24 + 1 / 5 / 12, torch.tensor(0.05)],
    "video.questions": [
        questions_by_loops,
        questions_in_numpy,
        questions_by_weights,
        questions_by_refusing,
        questions_half_and_half,
        questions_with_an_option,
        asked(),
        seeded_by_hand,
    ],
    "video.light": [
        light_by_loops,
        light_by_view,
        light_in_double,
        light_by_einsum,
        light_in_numpy,
        light_in_place,
        lambda films: films * ratios(films),
    ],
    "video.slope": [
        slope_by_loops,
        slope_by_sums,
        slope_by_jacobian,
        slope_by_autograd,
        slope_in_numpy,
        slope_in_two_terms,
    ],
    "video.surprise": [
        surprise_by_loops,
        surprise_by_slices,
        surprise_by_convolution,
        surprise_by_norms,
        surprise_in_numpy,
        surprise_over_time,
        surprise_of_complex,
    ],
    "video.mixture": [0.648, "64.8 %", 0.65, 0.4 * 0.87 + 0.3, "0.648", torch.tensor(0.648)],
    "video.windows": [
        windows_by_loops,
        windows_frame_by_frame,
        windows_by_index,
        windows_by_unfolding_more,
        windows_in_numpy,
        windows_as_a_list,
        windows_shuffled,
        windows_named,
    ],
    "video.confound": ["b", "B)", "answer: b"],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "video.sorting": [
        ("24 answers are left wherever", 1 / 24),
        ("24 answers are left wherever", "0.042"),
        ("12 answers are left wherever", "1/12"),
        ("nothing is known, or", 1 / 60),
        ("all 120 orders", 1 / 120),
        ("place of one frame", "20 %"),
        ("in per cent", 5),
        ("are averaged", 1 / (4 / 5 * 24 + 1 / 5 * 12)),
        ("both cases are alike likely", (1 / 24 + 1 / 12) / 2),
        ("next to one and middle", (1 / 24 + 1 / 24 + 1 / 12) / 3),
        ("two cases are exchanged", 0.075),
        ("case of the middle is left out", 4 / 5 / 24),
        ("at most 1", 20),
        ("not a slip that is known", 0.3),
    ],
    "video.questions": [
        ("read off an order", read_off),
        ("in any order at all", asked(wrong=shuffled)),
        ("backwards counts as not", asked(right=sorted, wrong=backwards_is_wrong)),
        ("two frames swapped", asked(wrong=two_swapped)),
        ("all run in one direction", asked(right=sorted)),
        ("all run in one direction", asked(right=lambda frames: sorted(frames, reverse=True))),
        ("not all four wrong orders", asked(wrong=swapped_neighbours)),
        ("not all four wrong orders", asked(wrong=rolled)),
        ("not all four wrong orders", asked(wrong=lambda frames: [sorted(frames)[place] for place in (1, 0, 2)])),
        ("answers are exchanged", asked(right=unsteady, wrong=in_order)),
        ("answers say nothing", asked(right=shuffled, wrong=shuffled)),
        ("gives the answer away", asked(others=lambda length: range(length - 3, length))),
        ("gives the answer away", asked(frames=lambda length: range(3), others=a_run)),
        ("gives the answer away", asked(frames=a_run, others=lambda length: random.sample(range(length), 3))),
        ("not any three frames", asked(frames=a_run)),
        ("not any three frames", asked(frames=lambda length: range(3))),
        ("not any three frames", asked(frames=lambda length: [0, *random.sample(range(1, length), 2)])),
        ("same frame twice", asked(frames=with_repeats)),
        ("not any three frames", asked(frames=one_after_the_other)),
        ("are in order, too", asked(wrong=in_order)),
        ("are in order, too", asked(right=sorted, wrong=sorted)),
        ("shape (3001, 3) was expected", questions_for_even_counts),
        ("for a single film", questions_squeezed),
        ("none after frame 7", questions_of_eight),
        ("neither 0 nor 1", lambda *given: (questions_by_loops(*given)[0], 2 * questions_by_loops(*given)[1])),
        ("all films get the same answer", one_answer),
        ("has the frames 0 to 4", lambda *given: (questions_by_loops(*given)[0] + 1, questions_by_loops(*given)[1])),
        ("whole numbers were expected", lambda *given: tuple(part.float() for part in questions_by_loops(*given))),
        ("whole numbers were expected", lambda *given: (asked()(*given)[0], asked()(*given)[1].bool())),
        ("2 values were expected", lambda *given: questions_by_loops(*given)[0]),
    ],
    "video.light": [
        ("nothing is evened", lambda films: films * 1.0),
        ("nothing is evened", lambda films: films / films.mean((1, 2, 3, 4), keepdim=True).clamp(min=1e-9)),
        ("shifted, not multiplied", lambda films: films - films.mean((2, 3, 4), keepdim=True)),
        (
            "shifted, not multiplied",
            lambda films: films + films.mean((1, 2, 3, 4), keepdim=True) - films.mean((2, 3, 4), keepdim=True),
        ),
        ("number of its own", of_one_channel),
        ("all get mean 1", to_one),
        ("all get mean 1", lambda films: to_one(films) * 0.5),
        ("whole batch", to_the_batch),
        ("turned round", lambda films: films * torch.where(ratios(films) > 0, 1 / ratios(films), 0.0)),
        ("every pixel gets", pixel_by_pixel),
        ("every pixel gets", over_time),
        ("light of a single frame", lambda films: to_one(films) * films[:, :1].mean((2, 3, 4), keepdim=True)),
        ("light of a single frame", lambda films: to_one(films) * films[:, -1:].mean((2, 3, 4), keepdim=True)),
        ("above 1 is cut off", lambda films: light_by_loops(films).clamp(0, 1)),
        (
            "added to the divisor",
            lambda films: films * films.mean((1, 2, 3, 4), True) / (films.mean((2, 3, 4), True) + 1e-3),
        ),
        ("lesson's EvenLight", standardised),
        (
            "lesson's EvenLight",
            lambda films: torch.stack([F.layer_norm(film, film.shape[1:], eps=1e-10) for film in films]),
        ),
        ("black frames are left out", of_lit_frames),
        ("brightest value", lambda films: films / films.amax((2, 3, 4), keepdim=True).clamp(min=1e-6)),
        ("division by 0", lambda films: films / films.mean((2, 3, 4), True) * films.mean((1, 2, 3, 4), True)),
        ("dim frames", lambda f: f * f.mean((1, 2, 3, 4), True) / f.mean((2, 3, 4), True).clamp(min=0.01)),
        ("dim frames", lambda f: light_by_loops(f) * (f.mean((2, 3, 4), True) >= 0.02)),
        ("doesn't stay black", black_to_grey),
        ("frames of the same number", by_number),
        ("after some of its frames were changed", drifting),
        ("in place", lambda films: films.copy_(light_by_loops(films))),
    ],
    "video.slope": [
        ("centre isn't taken off", lambda shares: shares * grid(shares)),
        ("centre isn't taken off", lambda shares: shares * (grid(shares) - grid(shares).mean((1, 2), True))),
        ("taken off twice", lambda shares: shares * ((1 - shares) * grid(shares) - mean_place(shares))),
        ("only the others' shares", lambda shares: shares * (shares * grid(shares) - mean_place(shares))),
        ("share in front of the sum", lambda shares: shares * grid(shares) - mean_place(shares)),
        ("isn't summed over all pixels", lambda shares: shares * (grid(shares) - (shares * grid(shares)).sum())),
        (
            "isn't summed over all pixels",
            lambda shares: shares * (grid(shares) - (shares * grid(shares)).sum(-1, True)),
        ),
        ("counted upwards", lambda shares: slope_by_loops(shares) * torch.tensor([1, -1]).view(2, 1, 1)),
        (
            "first and last pixel",
            lambda s: slope_by_loops(s) * torch.tensor([1 - 1 / s.shape[1], 1 - 1 / s.shape[0]]).view(2, 1, 1),
        ),
        ("respect to the shares", grid),
        ("share of the pixel is missing", lambda shares: grid(shares) - mean_place(shares)),
        ("only the pixel's own share", lambda shares: shares * (1 - shares) * grid(shares)),
        ("only the others' shares", lambda shares: -shares * mean_place(shares)),
        ("sign is turned round", lambda shares: shares * (mean_place(shares) - grid(shares))),
        ("counted in pixels", in_pixels),
        ("counted in pixels", lambda shares: slope_by_loops(shares) / 2),
        ("x and y are exchanged", lambda shares: slope_by_loops(shares)[[1, 0]]),
        ("softmax is taken once more", lambda shares: slope_by_sums(shares.flatten().softmax(0).view(shares.shape))),
        ("number of pixels", lambda shares: slope_by_loops(shares) / shares.numel()),
        ("stands there twice", lambda shares: shares * slope_by_loops(shares)),
        ("as in the slope of one share", lambda shares: (1 - shares) * slope_by_loops(shares)),
        ("shape (2, 4, 5) was expected", lambda shares: slope_by_loops(shares)[0]),
    ],
    "video.surprise": [
        ("stay where it was", lambda new, known: padded(stays(new)[:, 1:] / rms(stays(known)[:, 1:]))),
        ("stay where it was", lambda new, known: padded(stays(new) / rms(stays(known)), before=1)),
        ("comes too early", lambda new, known: padded(misses(new) / scale_of(known), 1, 1)),
        ("comes too early", lambda new, known: padded(misses(new) / scale_of(known), 0, 2)),
        (
            "comes too early",
            lambda new, known: (
                padded((new[:, 1:-1] - (new[:, 2:] + new[:, :-2]) / 2).norm(dim=2) * 2, 1, 1) / scale_of(known)
            ),
        ),
        ("from the first two frames", lambda new, known: padded(guessed_once(new) / rms(guessed_once(known)))),
        (
            "step is turned round",
            lambda new, known: padded(
                (new[:, 2:] - new[:, :-2]).norm(dim=2) / rms((known[:, 2:] - known[:, :-2]).norm(dim=2))
            ),
        ),
        ("a root is missing", lambda new, known: padded(misses(new) ** 2 / rms(misses(known) ** 2))),
        ("a root is missing", lambda new, known: padded(misses(new) ** 2 / rms(misses(known)))),
        ("root of a sum", lambda new, known: padded(misses(new) / misses(known).norm())),
        ("mean of these is taken", lambda new, known: padded(misses(new) / misses(known).pow(2).mean(1).sqrt().mean())),
        ("as the others have", lambda new, known: surprise_by_loops(new, known[:, : new.shape[1]])),
        ("so it is in pixels", lambda new, known: padded(misses(new))),
        ("usual error is the mean:", lambda new, known: padded(misses(new) / misses(known).mean())),
        ("is the median", lambda new, known: padded(misses(new) / misses(known).median())),
        ("is the median", lambda new, known: padded(misses(new) / misses(known).max())),
        ("in one of the errors", lambda new, known: padded(misses(new) / rms(known.diff(n=2, dim=1)))),
        ("usual step", lambda new, known: padded(misses(new) / rms(stays(known)))),
        ("the deviation of the errors", lambda new, known: padded(misses(new) / misses(known).std())),
        ("the root is missing", lambda new, known: padded(misses(new) / misses(known).square().mean())),
        ("it is squared", lambda new, known: surprise_by_loops(new, known).square()),
        ("is subtracted", lambda new, known: padded(misses(new) - scale_of(known))),
        ("against themselves", lambda new, known: surprise_by_loops(new, new)),
        ("against themselves", lambda new, known: torch.cat([surprise_by_slices(one[None], one[None]) for one in new])),
        (
            "error of its own",
            lambda new, known: padded(misses(new) / misses(known[:, : new.shape[1]]).pow(2).mean(0).sqrt()),
        ),
        ("usual errors of 0", lambda new, known: padded(misses(new) / rms(padded(misses(known))))),
        (
            "in x and y are added",
            lambda new, known: padded(new.diff(n=2, dim=1).abs().sum(2) / rms(known.diff(n=2, dim=1).abs().sum(2))),
        ),
        (
            "only the length of the steps",
            lambda new, known: padded(stays(new).diff(dim=1).abs() / rms(stays(known).diff(dim=1))),
        ),
        ("first two frames are left out", lambda new, known: misses(new) / scale_of(known)),
    ],
    "video.mixture": [
        ("how often the rule is wrong", 0.352),
        ("the half is of all films", 0.848),
        ("there it is a guess", 0.426),
        ("cell below counts", 0.66),
        ("counted as wrong", 0.348),
        ("all films fall", 0.87),
        ("both kinds count alike", "68.5 %"),
        ("shares are exchanged", 0.722),
        ("counted as right", 0.948),
        ("are guessed", 0.5),
        ("in per cent", 65),
        ("not a slip that is known", 0.2),
    ],
    "video.windows": [
        ("both slips", broken),
        ("from one film into the next", across_films),
        ("one of the frames that are seen", told_already),
        (
            "one of the frames that are seen",
            lambda f, past: (windows_by_loops(f, past)[0], windows_by_loops(f, past)[0][:, -1]),
        ),
        ("are exchanged: each window", with_seen(lambda seen: seen.mT)),
        ("are exchanged: each window", with_seen(lambda seen: seen.mT.reshape(seen.shape))),
        ("more windows than frames", no_last_cut),
        (
            "one of the frames that are seen",
            lambda f, past: (no_last_cut(f[:, 1:], past)[0], f[:, past:].flatten(0, 1)),
        ),
        (
            "frame before each window",
            lambda f, past: tuple(p.flip(1) if p.ndim == 3 else p for p in windows_by_loops(f.flip(1), past)),
        ),
        ("shape (3, 1, 1) was expected", windows_squeezed),
        ("never told", shorter),
        ("left out between", far_ahead),
        ("run backwards", with_seen(lambda seen: seen.flip(1))),
        ("side by side", apart),
        ("don't belong together", mixed),
        ("two axes", with_films),
        ("2 values were expected", lambda features, past: windows_by_loops(features, past)[0]),
    ],
    "video.confound": [
        ("a suspect, always", "a"),
        ("drawn by lot", "c"),
        ("have an arrow", "d"),
        ("one of a, b, c, d", "e"),
    ],
}
