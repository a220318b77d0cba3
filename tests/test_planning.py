"""Travellers in the true room: who knows it arrives, and so does a perfect model; who doesn't look rarely does."""

import numpy as np
import pytest
import torch

from ssl_course import planning
from ssl_course.frames import PointCNN
from ssl_course.methods.world_model import WorldModel
from ssl_course.planning import NEAR, at_random, by_model, by_truth, travel
from ssl_course.pushed import KEPT, PUSH, WAYS, elsewhere, follow, load, scenes


@pytest.fixture(scope="module")
def rooms():
    start = scenes(20, seed=1)
    return start, elsewhere(start, seed=2)


class Perfect(torch.nn.Module):
    """A world model whose features are the places, read off the pixels, and which knows what a push does."""

    def features(self, films):
        grey = films.mean(dim=2)  # (B, T, 32, 32)
        weight = (grey - grey[..., :1, :1]).abs()
        weight = weight / weight.sum(dim=(2, 3), keepdim=True)
        pixels = torch.arange(32.0)
        return torch.stack([weight.sum(dim=2) @ pixels, weight.sum(dim=3) @ pixels], dim=2)

    def imagine(self, before, now, actions):
        seen = []
        for action in actions.unbind(dim=1):
            before, now = now, now + KEPT * (now - before) + PUSH * torch.from_numpy(WAYS).float()[action]
            seen.append(now)
        return torch.stack(seen, dim=1)


def test_whoever_knows_the_room_arrives_and_whoever_does_not_look_rarely_does(rooms):
    start, goal = rooms
    assert travel(start, goal, by_truth(goal)).arrived() >= 0.9
    assert travel(start, goal, at_random()).arrived() <= 0.3


def test_a_model_that_is_the_room_arrives(rooms):
    start, goal = rooms
    assert travel(start, goal, by_model(Perfect(), goal, tries=128)).arrived() >= 0.9


def test_a_model_to_which_all_is_equal_does_not_arrive(rooms):
    class Collapsed(Perfect):
        def features(self, films):
            return torch.zeros(*films.shape[:2], 2)

        def imagine(self, before, now, actions):
            return torch.zeros(*actions.shape, 2)

    start, goal = rooms
    assert travel(start, goal, by_model(Collapsed(), goal, tries=16)).arrived() <= 0.3


def test_the_true_room_does_what_the_traveller_chooses(rooms):
    start, goal = rooms
    trips = travel(start, goal, at_random(3), steps=6)
    assert trips.actions.shape == (20, 7)
    assert not trips.actions[:, 0].any()  # everybody waits for two frames to see
    path = follow(start, trips.actions)
    np.testing.assert_allclose(trips.x, path["x"])
    np.testing.assert_allclose(trips.y, path["y"])


def test_arrived_counts_the_last_frame_alone(rooms):
    _, goal = rooms
    away = np.full(20, NEAR + 0.1)
    away[:5] = NEAR - 0.1
    x = np.stack([goal.x, goal.x + away], axis=1)
    trips = planning.Trips(x, np.stack([goal.y, goal.y], axis=1), np.zeros((20, 1), dtype=np.int64), goal)
    assert trips.arrived() == 0.25
    np.testing.assert_allclose(trips.distance()[:, 1], away)


def test_the_best_first_action_is_that_of_a_loop_over_plans(rooms):
    start, goal = (part[:3] for part in rooms)
    chosen = by_truth(goal, tries=50, horizon=4, seed=7)(start, start)
    plans = planning.random_actions(50, 4, np.random.default_rng(7))
    for n in range(3):
        costs = []
        for plan in plans:
            path = follow(start[n : n + 1], plan[None])
            costs.append(np.mean((path["x"][0, 1:] - goal.x[n]) ** 2 + (path["y"][0, 1:] - goal.y[n]) ** 2))
        assert chosen[n] == plans[int(np.argmin(costs)), 0]


def test_surprise_is_the_error_of_a_step_in_a_loop():
    torch.manual_seed(0)
    model = WorldModel(PointCNN(4, 3), width=6, hidden=16).eval()
    films = load("test", size=3, frames=5)
    found = planning.surprise(model, films.data, films.actions)
    assert found.shape == (3, 5)
    assert not found[:, :2].any()
    with torch.no_grad():
        h = model.features(films.data.float() / 255)
        for n in range(3):
            for t in range(2, 5):
                foretold = model.step(h[n : n + 1, t - 2], h[n : n + 1, t - 1], films.actions[n : n + 1, t - 1])
                error = (foretold[0] - h[n, t]).square().mean().sqrt()
                torch.testing.assert_close(found[n, t], error)


def test_a_reader_reads_what_is_a_line_in_the_features():
    torch.manual_seed(0)
    features, lines = torch.randn(5, 4, 3), torch.randn(3, 2)
    places = features @ lines + 7
    new = torch.randn(2, 6, 3)
    torch.testing.assert_close(planning.reader(features, places)(new).float(), new @ lines + 7)
