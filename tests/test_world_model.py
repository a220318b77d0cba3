"""The loss against loops, what a prediction may depend on, collapse, and films with actions through the one loop."""

import pytest
import torch

from ssl_course import pretrain, pushed
from ssl_course.features import effective_rank
from ssl_course.frames import PointCNN
from ssl_course.methods.world_model import WorldModel, prediction_error, spread


def model(seed=0, **settings):
    torch.manual_seed(seed)
    return WorldModel(PointCNN(4, 3), **{"width": 6, "hidden": 16} | settings)


@pytest.fixture(scope="module")
def films():
    return pushed.load("train", size=32, frames=5)


def batch(films):
    return films.data.float() / 255, films.actions


def spread_formula(features):
    """VICReg's equations 1 to 4 for all frames, one number at a time."""
    rows = [frame for film in features for frame in film]
    count, width = len(rows), len(rows[0])
    means = [sum(row[d] for row in rows) / count for d in range(width)]

    def covariance(one, other):
        return sum((row[one] - means[one]) * (row[other] - means[other]) for row in rows) / (count - 1)

    variance = sum(torch.clamp(1 - (covariance(d, d) + 1e-4).sqrt(), min=0) for d in range(width)) / width
    pairs = [(one, other) for one in range(width) for other in range(width) if one != other]
    return variance + sum(covariance(*pair) ** 2 for pair in pairs) / width


def test_spread_and_its_gradient_are_vicregs_formula():
    torch.manual_seed(0)
    features = (torch.randn(3, 4, 5, dtype=torch.float64) @ torch.randn(5, 5, dtype=torch.float64)).requires_grad_()
    mine, theirs = spread(features), spread_formula(features)
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(torch.autograd.grad(mine, features), torch.autograd.grad(theirs, features))


def test_the_prediction_error_is_the_mean_over_a_loop():
    torch.manual_seed(0)
    foretold, features = torch.randn(3, 4, 5), torch.randn(3, 6, 5)
    errors = [(foretold[b, k, d] - features[b, k + 2, d]) ** 2 for b in range(3) for k in range(4) for d in range(5)]
    torch.testing.assert_close(prediction_error(foretold, features), sum(errors) / len(errors))


def test_equal_features_cost_about_one_and_spread_ones_nothing():
    assert spread(torch.full((4, 3, 5), 2.0)).item() == pytest.approx(0.99, abs=1e-5)  # 1 - sqrt(1e-4)
    corners = 2 * torch.tensor([[[1.0, 1.0], [1.0, -1.0]], [[-1.0, 1.0], [-1.0, -1.0]]])
    assert spread(corners).item() == 0


def test_the_loss_is_the_error_of_an_unrolled_prediction_and_the_weighed_spread(films):
    """Frame by frame with plain calls: what was foretold feeds the next step."""
    method = model(regulariser=0.7).double().eval()
    pictures, actions = films.data[:6].double() / 255, films.actions[:6]
    h = [method.head(method.encoder.frame_encoder(pictures[:, t])) for t in range(5)]
    before, now, errors = h[0], h[1], []
    for t in range(2, 5):
        said = torch.cat([before, now, method.action.weight[actions[:, t - 1]]], dim=1)
        before, now = now, now + method.predictor(said)
        errors.append((now - h[t]).square().mean())
    expected = sum(errors) / 3 + 0.7 * spread_formula(torch.stack(h, dim=1))
    torch.testing.assert_close(method(*method.views(pictures), actions), expected)


def test_every_trainable_parameter_gets_a_gradient(films):
    method = model()
    method(*method.views(batch(films)[0]), films.actions).backward()
    missing = [name for name, p in method.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert missing == []


def test_the_gradient_reaches_every_frame_of_every_film(films):
    method, (pictures, actions) = model().eval(), batch(films)
    pictures.requires_grad_()
    (gradient,) = torch.autograd.grad(method(pictures, actions), pictures)
    assert (gradient.abs().amax(dim=(2, 3, 4)) > 0).all()


def test_another_action_changes_what_comes_after_it_and_nothing_before():
    method = model()
    before, now = torch.randn(4, 6), torch.randn(4, 6)
    actions = torch.tensor([[1, 0, 2, 4]] * 4)
    changed = actions.clone()
    changed[:, 2] = 3
    one, other = method.imagine(before, now, actions), method.imagine(before, now, changed)
    assert torch.equal(one[:, :2], other[:, :2])
    assert (one[:, 2:] != other[:, 2:]).any(dim=2).all()


def test_both_frames_matter_to_a_step_and_films_do_not_mix():
    method = model()
    before, now, action = torch.randn(4, 6), torch.randn(4, 6), torch.tensor([0, 1, 2, 3])
    usual = method.step(before, now, action)
    assert not torch.allclose(method.step(before + 1, now, action), usual)
    alone = torch.cat([method.step(before[k : k + 1], now[k : k + 1], action[k : k + 1]) for k in range(4)])
    torch.testing.assert_close(alone, usual)


def run(method, films, **settings):
    settings = {"epochs": 3, "batch_size": 8, "threads": 1, "device": "cpu", "precision": "fp32"} | settings
    return pretrain(method, films, progress=False, **settings)


def test_without_the_regulariser_features_shrink_and_with_it_they_do_not(films):
    spreads = {}
    for weight in (0.0, 1.0):
        method = model(regulariser=weight)
        run(method, films, epochs=15, lr=1e-2)
        with torch.no_grad():
            h = method.eval().features(batch(films)[0]).flatten(0, 1)
        spreads[weight] = float(h.std(dim=0).mean())
    assert spreads[0.0] < 0.25 * spreads[1.0]
    assert effective_rank(h) > 2


def test_the_loop_hands_each_film_with_its_actions(films):
    class Seen(WorldModel):
        def forward(self, pictures, actions):
            met.extend(zip((255 * pictures).round().to(torch.uint8), actions, strict=True))
            return super().forward(pictures, actions)

    met = []
    run(Seen(PointCNN(4, 3), width=6, hidden=16), films, epochs=1, watch=False)
    assert len(met) == 32
    own = {film.numpy().tobytes(): actions for film, actions in zip(films.data, films.actions, strict=True)}
    assert all(torch.equal(own[film.contiguous().numpy().tobytes()], actions) for film, actions in met)


def test_a_run_that_was_stopped_goes_on_bit_for_bit(films, tmp_path):
    def stop(record):
        raise KeyboardInterrupt

    whole, halted, resumed = model(), model(), model()
    history = run(whole, films)
    run(halted, films, checkpoint=tmp_path / "run.pt", on_epoch=stop)
    run(resumed, films, checkpoint=tmp_path / "run.pt")
    assert history[-1]["effective_rank"] > 1
    for name, values in whole.state_dict().items():
        assert torch.equal(values, resumed.state_dict()[name]), name


def test_a_run_with_other_actions_or_another_weight_is_another_run(films, tmp_path):
    run(model(), films, checkpoint=tmp_path / "run.pt")
    others = pushed.Pushed(films.films, films.actions.flip(1))
    with pytest.raises(ValueError, match="was made with labels="):
        run(model(), others, checkpoint=tmp_path / "run.pt")
    with pytest.raises(ValueError, match="regulariser"):
        run(model(regulariser=0.5), films, checkpoint=tmp_path / "run.pt")


def test_bf16_gives_a_finite_float32_loss_near_the_exact_one(films):
    method, (pictures, actions) = model().eval(), batch(films)
    exact = method(pictures, actions)
    with torch.autocast("cpu", torch.bfloat16):
        loss = method(pictures, actions)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, exact, rtol=0.05, atol=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: model(regulariser=-1), "regulariser is a weight and can't be negative, got -1"),
        (lambda: model(regulariser=float("nan")), "got nan"),
        (lambda: model(width=0), "actions, width and hidden must be positive, got 5, 0 and 16"),
        (lambda: model()(torch.rand(2, 2, 3, 32, 32), torch.zeros(2, 1).long()), "with T at least 3"),
        (lambda: model()(torch.rand(2, 4, 3, 32, 32), torch.zeros(2, 4).long()), r"actions \(B, T - 1\), got"),
        (lambda: model()(torch.rand(2, 3, 32, 32), torch.zeros(2, 2).long()), r"films must be \(B, T, C, H, W\)"),
        (lambda: prediction_error(torch.rand(2, 2, 3), torch.rand(2, 5, 3)), r"foretold must be \(B, T - 2, D\)"),
        (lambda: spread(torch.rand(1, 1, 4)), "at least two frames"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_films_without_actions_are_refused(films):
    with pytest.raises(ValueError, match=r"needs actions \(train on pushed.Pushed\), and these clips have none"):
        run(model(), films.data)
    with pytest.raises(ValueError, match=r"actions \(B, T - 1\), got"):
        run(model(), films.films)
