"""Orders against slow loops, the three tasks' answers read off their frames, and the encoders of clips."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from ssl_course import clips, pretrain
from ssl_course.features import extract_features
from ssl_course.frames import ClipEncoder, EvenLight, MiddleFrame, PointCNN, SideBySide, centres, of_frames
from ssl_course.methods.order import (
    ArrowOfTime,
    OrderSorting,
    OrderVerification,
    accuracy,
    arrange,
    backwards,
    in_order,
    orders_to_sort,
    spare,
    take,
)
from ssl_course.networks import small_cnn

TASKS = [OrderVerification, OrderSorting, ArrowOfTime]


def numbered(count=64, frames=8):
    """Clips (B, T, 3, 8, 8) whose frames are all of one grey, which says which frame it is: 0, 0.1, 0.2, …"""
    return (torch.arange(frames) / 10).view(1, -1, 1, 1, 1).expand(count, -1, 3, 8, 8)


def shown(method, frames=8):
    """Which frames a method shows, as a list for each clip, and the answers."""
    arranged, answers = method.views(numbered(frames=frames))
    return (10 * arranged[:, :, 0, 0, 0]).round().long().tolist(), answers.tolist()


def tiny():
    return ClipEncoder(PointCNN(4, 3), 8)


def a_batch(count=8, frames=8):
    return torch.rand(count, frames, 3, 32, 32)


# --- frames and orders


@pytest.mark.parametrize(
    ("frames", "count", "start", "chosen"),
    [
        (8, 3, 0, [0, 3, 6]),
        (8, 3, 1, [1, 4, 7]),
        (8, 4, 1, [1, 3, 5, 7]),
        (8, 8, 0, [0, 1, 2, 3, 4, 5, 6, 7]),
        (16, 4, 0, [0, 5, 10, 15]),
        (5, 2, 0, [0, 4]),
    ],
)
def test_take_chooses_frames_that_are_equally_far_apart(frames, count, start, chosen):
    taken = take(numbered(2, frames), count, start)
    assert (10 * taken[0, :, 0, 0, 0]).round().tolist() == chosen
    assert frames - 1 - chosen[-1] + start == spare(frames, count)


@pytest.mark.parametrize(
    ("count", "start", "message"),
    [(1, 0, "from 2 to the clip's 8, got 1"), (9, 0, "got 9"), (3, 2, "start must be from 0 to 1, got 2")],
)
def test_take_refuses(count, start, message):
    with pytest.raises(ValueError, match=message):
        take(numbered(), count, start)


def test_arrange_puts_frame_by_frame_as_a_loop_does():
    films = a_batch(5, 4)
    orders = torch.stack([torch.randperm(4) for _ in range(5)])
    slow = torch.empty_like(films)
    for clip, place in itertools.product(range(5), range(4)):
        slow[clip, place] = films[clip, orders[clip, place]]
    assert torch.equal(arrange(films, orders), slow)


@pytest.mark.parametrize("count", [3, 4, 5])
def test_only_two_orders_run_steadily(count):
    orders = torch.tensor(list(itertools.permutations(range(count))))
    steady = [list(range(count)), list(range(count))[::-1]]
    assert in_order(orders).tolist() == [order in steady for order in orders.tolist()]


@pytest.mark.parametrize(("count", "classes"), [(2, 1), (3, 3), (4, 12), (5, 60)])
def test_every_order_or_its_reverse_is_among_those_to_sort_and_never_both(count, classes):
    orders = [tuple(order) for order in orders_to_sort(count).tolist()]
    assert len(set(orders)) == classes
    for order in itertools.permutations(range(count)):
        assert (order in orders) != (order[::-1] in orders)
    assert orders[0] == tuple(range(count))


def test_backwards_turns_the_chosen_orders_round():
    turned = backwards(torch.tensor([[0, 2, 1], [0, 2, 1]]), torch.tensor([True, False]))
    assert turned.tolist() == [[1, 2, 0], [0, 2, 1]]


# --- what each task shows, and what it says of it


def test_verification_says_whether_the_frames_it_shows_are_in_order_either_way_round():
    rows, answers = shown(OrderVerification(tiny()))
    for row, answer in zip(rows, answers, strict=True):
        assert answer == (row in (sorted(row), sorted(row)[::-1]))
        assert sorted(row) in ([0, 3, 6], [1, 4, 7])
    right = [tuple(row) for row, answer in zip(rows, answers, strict=True) if answer]
    wrong = {
        tuple(sorted(row).index(frame) for frame in row)
        for row, answer in zip(rows, answers, strict=True)
        if not answer
    }
    assert len(set(right)) == 2
    assert wrong == {(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1)}


def test_sorting_gives_an_order_and_its_reverse_one_answer():
    method = OrderSorting(tiny())
    rows, answers = shown(method)
    for row, answer in zip(rows, answers, strict=True):
        places = [sorted(row).index(frame) for frame in row]
        assert method.orders[answer].tolist() in (places, places[::-1])
    assert len({tuple(row) for row in rows}) > 12  # of 24


def test_arrow_of_time_says_whether_the_frames_it_shows_run_forwards():
    rows, answers = shown(ArrowOfTime(tiny()))
    for row, answer in zip(rows, answers, strict=True):
        assert row == (sorted(row) if answer else sorted(row)[::-1])


@pytest.mark.parametrize("task", TASKS)
def test_every_answer_is_equally_likely(task):
    method = task(tiny())
    _, answers = method.draw(12_000, torch.device("cpu"))
    counts = torch.bincount(answers).tolist()
    classes = method.head(torch.zeros(2, 8)).shape[1]
    assert len(counts) == classes
    assert min(counts) > 0.9 * 12_000 / classes - 20
    assert max(counts) < 1.1 * 12_000 / classes + 20


@pytest.mark.parametrize("task", TASKS)
def test_the_answer_cannot_be_read_off_which_frames_are_shown(task):
    """Every answer shows the same frames: a bag of frames, without their order, says nothing."""
    rows, answers = shown(task(tiny()))
    sets = {(tuple(sorted(row)), answer) for row, answer in zip(rows, answers, strict=True)}
    starts = {frames for frames, _ in sets}
    assert {frames for frames, answer in sets if answer == answers[0]} == starts


@pytest.mark.parametrize("task", TASKS)
def test_the_loss_is_the_cross_entropy_of_the_answers_as_a_loop(task):
    method = task(tiny()).double().eval()
    arranged, answers = method.views(a_batch().double())
    total = 0.0
    for film, answer in zip(arranged, answers, strict=True):
        logits = method.head(method.encoder(film[None]))[0]
        total = total - torch.log(logits[answer].exp() / logits.exp().sum())
    torch.testing.assert_close(method(arranged, answers), total / len(answers))


@pytest.mark.parametrize("task", TASKS)
def test_every_trainable_parameter_gets_a_gradient(task):
    method = task(tiny())
    method(*method.views(a_batch())).backward()
    missing = [name for name, p in method.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert missing == []


@pytest.mark.parametrize("task", TASKS)
def test_a_run_that_was_stopped_goes_on_bit_for_bit(task, tmp_path):
    films = clips.load("train", size=16, gravity=False)

    def method():
        torch.manual_seed(0)
        return task(tiny())

    def stop(record):
        raise KeyboardInterrupt

    settings = {"epochs": 3, "batch_size": 8, "threads": 1, "device": "cpu", "precision": "fp32", "progress": False}
    whole, halted, resumed = method(), method(), method()
    pretrain(whole, films, **settings)
    pretrain(halted, films, checkpoint=tmp_path / "run.pt", on_epoch=stop, **settings)
    pretrain(resumed, films, checkpoint=tmp_path / "run.pt", **settings)
    for name, values in whole.state_dict().items():
        assert torch.equal(values, resumed.state_dict()[name]), name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OrderVerification(tiny(), frames=2), "two frames are always in order"),
        (lambda: OrderSorting(tiny(), frames=7), "frames to sort must be from 2 to 6, got 7"),
        (lambda: ArrowOfTime(tiny(), frames=1), "frames must be at least 2, or there is no order, got 1"),
        (lambda: ArrowOfTime(tiny(), frames=4).views(a_batch(4, 3)), "from 2 to the clip's 3, got 4"),
        (lambda: ArrowOfTime(tiny())(a_batch(1, 4), torch.tensor([1])), "at least two images in a batch"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_head_of_ones_own_is_used_and_bf16_works():
    method = ArrowOfTime(tiny(), head=torch.nn.Linear(8, 2))
    arranged, answers = method.views(a_batch())
    with torch.autocast("cpu", torch.bfloat16):
        loss = method(arranged, answers)
    loss.backward()
    assert loss.isfinite()
    assert isinstance(method.head, torch.nn.Linear)


class Knows(torch.nn.Module):
    """An encoder that reads the frames' numbers off `numbered` clips: 1 where they rise or fall steadily."""

    dim = 2

    def forward(self, films):
        steady = in_order(films[:, :, 0, 0, 0]).float()
        return torch.stack([1 - steady, steady], dim=1)


def test_accuracy_is_the_share_of_right_answers_and_leaves_the_generator_alone():
    films = (250 * numbered(100)).byte()
    method, state = OrderVerification(Knows(), head=torch.nn.Linear(2, 2)), torch.get_rng_state()
    for weight, expected in ((torch.eye(2), 1.0), (1 - torch.eye(2), 0.0)):
        method.head.weight.data, method.head.bias.data = weight, torch.zeros(2)
        assert accuracy(method, films, batch_size=30) == expected
    assert torch.equal(torch.get_rng_state(), state)


# --- encoders of clips


def test_every_frame_passes_the_network_by_itself():
    encoder, films = small_cnn(4).eval(), a_batch(3, 5)
    slow = torch.stack([torch.stack([encoder(frame[None])[0] for frame in film]) for film in films])
    torch.testing.assert_close(of_frames(encoder, films), slow)
    with pytest.raises(ValueError, match=r"clips must be \(B, T, C, H, W\), got \(3, 3, 8, 8\)"):
        of_frames(encoder, torch.rand(3, 3, 8, 8))


@pytest.mark.parametrize("frames", [1, 2, 3, 8, 17])
@pytest.mark.parametrize("frame_encoder", [PointCNN(4, 3), small_cnn(2)])
def test_the_clip_encoder_takes_any_number_of_frames(frames, frame_encoder):
    encoder = ClipEncoder(frame_encoder, 8).eval()
    assert encoder(a_batch(2, frames)).shape == (2, encoder.dim)


def test_the_clip_encoder_hears_of_the_order_and_the_middle_frame_does_not():
    films = a_batch(4, 4)
    swapped = films[:, [3, 1, 2, 0]]
    clip, one = ClipEncoder(PointCNN(4, 3), 8).eval(), MiddleFrame(PointCNN(4, 3)).eval()
    assert (clip(films) - clip(swapped)).abs().max() > 1e-4
    assert torch.equal(one(films), one(swapped))
    assert torch.equal(one(films), one.frame_encoder(films[:, 2]))
    assert one.dim == one(films).shape[1]


def test_frames_side_by_side_are_what_the_network_says_of_each():
    films = clips.load("test", size=6, frames=3).data.float() / 255
    beside = SideBySide(PointCNN(4, 3), 3).eval()
    alone = [beside.frame_encoder(films[:, t]) for t in range(3)]
    torch.testing.assert_close(beside(films), torch.cat(alone, dim=1))
    assert beside.dim == beside(films).shape[1]
    with pytest.raises(ValueError, match="clips must have 3 frames, got 2"):
        beside(films[:, :2])


def test_clips_pass_through_extract_features():
    films = clips.load("test", size=6, frames=3)
    assert extract_features(tiny(), films.data, batch_size=4).shape == (6, 8)


def test_even_light_takes_off_mean_and_deviation_of_each_channel_and_any_light():
    images = torch.rand(4, 3, 16, 16)
    even = EvenLight()(images)
    torch.testing.assert_close(even.mean(dim=(2, 3)), torch.zeros(4, 3), atol=1e-5, rtol=0)
    assert (even.std(dim=(2, 3)) - images.std(dim=(2, 3)) / (images.std(dim=(2, 3)) + 1e-3)).abs().max() < 1e-5
    assert (EvenLight()(0.7 * images) - even).abs().max() < 0.01
    assert (EvenLight()(images + 0.2) - even).abs().max() < 1e-5
    assert EvenLight()(torch.ones(1, 3, 4, 4)).abs().max() < 1e-5


def test_centres_are_the_mean_places_as_a_loop_over_the_pixels_finds_them():
    maps = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    slow = torch.zeros(2, 6, dtype=torch.float64)
    for image, number in itertools.product(range(2), range(3)):
        weights = F.softmax(maps[image, number].flatten(), dim=0).view(4, 6)
        for row, column in itertools.product(range(4), range(6)):
            slow[image, number] += weights[row, column] * (-1 + 2 * column / 5)
            slow[image, 3 + number] += weights[row, column] * (-1 + 2 * row / 3)
    torch.testing.assert_close(centres(maps), slow, atol=1e-6, rtol=0)


def test_a_peak_is_where_it_is():
    maps = torch.zeros(1, 1, 5, 5)
    maps[0, 0, 1, 4] = 50
    torch.testing.assert_close(centres(maps), torch.tensor([[1.0, -0.5]]))
