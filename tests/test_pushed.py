"""Pushed films against a loop over physics, and pairs of which one can't be."""

import hashlib

import numpy as np
import pytest
import torch

from ssl_course import pushed
from ssl_course.clips import WALL
from ssl_course.pushed import ACTIONS, KEPT, PUSH, elsewhere, film, follow, load, picture, push, scenes, surprises
from ssl_course.shapes import SIZE

# Of load("train", size=50). After a change: python -c "import hashlib; from ssl_course.pushed import load;
# print(hashlib.sha256(load('train', size=50).data.numpy().tobytes()).hexdigest())"
PIXELS_OF_SEED_0 = "5ce5c225901e189306e59b1c49f6229bbdb24283c20df01b31a35f1967edaf3b"


@pytest.fixture(scope="module")
def films():
    return load("test", size=200)


def by_hand(x, y, dx, dy, size, actions, right):
    """One shape, one frame after the other."""
    places = [(x, y)]
    for action in actions:
        dx, dy = KEPT * dx, KEPT * dy
        dx += {"left": -PUSH, "right": PUSH}.get(ACTIONS[action], 0)
        dy += {"up": -PUSH, "down": PUSH}.get(ACTIONS[action], 0)
        x, y = x + dx, y + dy
        if x < size or x > right:
            x, dx = 2 * (size if x < size else right) - x, -dx
        if y < size or y > SIZE - 1 - size:
            y, dy = 2 * (size if y < size else SIZE - 1 - size) - y, -dy
        places.append((x, y))
    return np.array(places)


def test_the_pixels_of_a_seed_are_the_same_on_every_platform():
    assert hashlib.sha256(load("train", size=50).data.numpy().tobytes()).hexdigest() == PIXELS_OF_SEED_0


@pytest.mark.parametrize("wall", [False, True])
def test_a_shape_goes_where_a_loop_over_its_pushes_says(wall):
    scene = scenes(50, seed=1, wall=wall)
    actions = pushed.random_actions(50, 12, np.random.default_rng(2))
    path = follow(scene, actions)
    for n in range(50):
        size = scene.looks["size"][n]
        right = (WALL - 0.5 if wall else SIZE - 1) - size
        places = by_hand(scene.x[n], scene.y[n], scene.dx[n], scene.dy[n], size, actions[n], right)
        np.testing.assert_allclose(np.stack([path["x"][n], path["y"][n]], axis=1), places)


def test_the_pixels_are_where_the_factors_say(films):
    (discs,) = np.nonzero(films.films.labels.numpy() == 0)
    grey = films.data[discs].float().mean(dim=2)  # (n, T, 32, 32)
    weight = (grey - grey[..., :1, :1]).abs()
    rows = (weight.sum(dim=3) @ torch.arange(32.0)) / weight.sum(dim=(2, 3))
    columns = (weight.sum(dim=2) @ torch.arange(32.0)) / weight.sum(dim=(2, 3))
    assert (rows - films.factors["y"][discs]).abs().max() < 0.1
    assert (columns - films.factors["x"][discs]).abs().max() < 0.1


def test_two_frames_and_an_action_say_the_next_and_one_frame_does_not(films):
    """Away from the edges: the place in two frames and the push make up the third exactly."""
    x, actions = films.factors["x"], films.actions
    size = films.factors["size"][:, None]
    inside = ((x > size + 4) & (x < SIZE - 5 - size)).float().unfold(1, 3, 1).amin(dim=2) > 0  # (N, T - 2)
    ways = PUSH * torch.from_numpy(pushed.WAYS[:, 0])[actions]
    expected = x[:, 1:-1] + KEPT * x.diff(dim=1)[:, :-1] + ways[:, 1:]
    assert inside.sum() > 100
    torch.testing.assert_close(x[:, 2:][inside], expected[inside])
    without = x[:, 1:-1] + ways[:, 1:]
    assert (x[:, 2:] - without)[inside].std() > 0.4


def test_shapes_stay_in_the_room_and_every_action_is_taken(films):
    size = films.factors["size"][:, None]
    for place in ("x", "y"):
        assert (films.factors[place] >= size - 1e-9).all()
        assert (films.factors[place] <= SIZE - 1 - size + 1e-9).all()
    counts = torch.bincount(films.actions.flatten(), minlength=5) / films.actions.numel()
    assert counts.min() > 0.15
    again = (films.actions[:, 1:] == films.actions[:, :-1]).float().mean()
    assert again == pytest.approx(0.5 + 0.5 / 5, abs=0.05)


def test_elsewhere_is_at_least_eight_pixels_away_and_looks_the_same():
    start = scenes(300, seed=3)
    goal = elsewhere(start, seed=4)
    assert np.hypot(goal.x - start.x, goal.y - start.y).min() >= 8
    assert all(np.array_equal(goal.looks[name], values) for name, values in start.looks.items())
    assert not goal.dx.any()
    assert (np.abs(goal.x - 15.5) <= 15.5 - start.looks["size"]).all()


def test_a_picture_is_the_first_frame_of_the_film_and_a_part_of_a_scene_is_its_part():
    scene = scenes(6, seed=0)
    frames = film(scene, scene.x[:, None].repeat(2, axis=1), scene.y[:, None].repeat(2, axis=1))
    np.testing.assert_array_equal(picture(scene), frames[:, 1])
    np.testing.assert_array_equal(picture(scene[2:4]), picture(scene)[2:4])


@pytest.mark.parametrize("kind", pushed.SURPRISES)
def test_pairs_are_equal_up_to_a_frame_and_differ_from_it_on(kind):
    possible, impossible, actions, when = surprises(kind, 40, seed=1)
    assert possible.shape == impossible.shape == (40, 10, 3, SIZE, SIZE)
    assert (actions.dtype, actions.shape, len(when)) == (torch.int64, (40, 9), 40)
    assert 3 <= when.min() <= when.max() <= 7
    for one, other, frame in zip(possible, impossible, when.tolist(), strict=True):
        assert torch.equal(one[:frame], other[:frame])
        if kind != "through":  # that begins with less than a pixel
            assert not torch.equal(one[frame], other[frame])
    assert (possible != impossible).flatten(1).any(dim=1).all()


def test_a_disobeyed_film_is_possible_with_other_actions():
    """Each step of it is one of the five: without the actions nothing is odd about it."""
    scene = scenes(40, seed=5)
    actions = pushed.random_actions(40, 9, np.random.default_rng(6))
    when = np.full(40, 4)
    odd = pushed._broken("disobeyed", scene, actions, when, np.random.default_rng(0))
    done = np.where(np.arange(1, 10) >= 4, pushed.OPPOSITE[actions], actions)
    np.testing.assert_allclose(odd["x"], follow(scene, done)["x"])


def test_a_teleport_is_eight_pixels_or_more_and_the_pushes_go_on():
    scene = scenes(40, seed=5)
    actions = pushed.random_actions(40, 9, np.random.default_rng(6))
    odd = pushed._broken("teleport", scene, actions, np.full(40, 4), np.random.default_rng(0))
    usual = follow(scene, actions)
    assert np.abs(odd["y"] - usual["y"])[:, 4].min() >= 8 - 1e-9
    np.testing.assert_array_equal(odd["x"], usual["x"])


def test_a_part_of_the_set_has_its_own_actions(films):
    part = films[10:13]
    assert torch.equal(part.labels, films.actions[10:13])
    assert torch.equal(part.data, films.data[10:13])
    assert len(films.sample(20)) == 20
    assert "5 actions" in repr(films)
    assert films.notes == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: load("validation"), "split must be train or test, got 'validation'"),
        (lambda: load("test", size=3, frames=2), "frames must be at least 3"),
        (lambda: load("test", size=0), "count must be at least 1, got 0"),
        (lambda: push(scenes(3), np.zeros(2, dtype=np.int64)), r"actions must be whole numbers \(3,\)"),
        (lambda: push(scenes(3), np.full(3, 5)), "actions must be from 0 to 4, got 5 to 5"),
        (lambda: surprises("flying", 3), "kind must be one of teleport, through, disobeyed, got 'flying'"),
        (lambda: surprises("teleport", 3, frames=5), "frames must be at least 6"),
        (lambda: load("test", size=3).films and load("test", size=3)[0], r"one film is .data\[0\]"),
        (lambda: pushed.Pushed(load("test", size=3).films, torch.zeros(3, 8).long()), r"int64 \(3, 7\)"),
    ],
)
def test_refusals(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
