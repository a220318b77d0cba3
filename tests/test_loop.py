"""What the training loop does at every step, seen from outside: order, mode, precision, optimizer, rate, `after_step`.

The methods here are as small as can be; they note what is done with them. Image number i is of one colour, i / 255, so
that a batch tells which images it holds.
"""

import inspect
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from ssl_course import ImageSet, pretrain
from ssl_course.evaluate import fine_tune, linear_probe
from ssl_course.recipes import make, new_encoder, recipe
from ssl_course.runs import Images, Machine, Trained, judge_row, train
from ssl_course.train import _brought, _fastest_convolutions

QUIET = {"progress": False, "device": "cpu"}
FP32 = QUIET | {"precision": "fp32"}


class Encoder(nn.Module):
    """The mean colour of an image, a linear map, a batch norm: (B, 3, H, W) -> (B, 4)."""

    def __init__(self):
        super().__init__()
        self.dim = 4
        self.linear, self.norm = nn.Linear(3, 4), nn.BatchNorm1d(4)

    def forward(self, images):
        return self.norm(self.linear(images.mean(dim=(2, 3))))


class Noted(nn.Module):
    """A method that notes what the loop does with it."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.encoder, self.head = Encoder(), nn.Linear(4, 1)
        self.numbers, self.drawn, self.training_modes, self.types, self.gradients, self.weights = ([] for _ in range(6))
        self.losses, self.norms = [], []

    def views(self, images):
        self.numbers.append((255 * images.mean(dim=(1, 2, 3))).round().long().tolist())
        self.drawn.append(float(torch.rand(())))
        self.gradients.append(torch.is_grad_enabled())
        self.types.append(images.dtype)
        return (images,)

    def forward(self, view):
        self.training_modes.append([part.training for part in self.modules()])
        out = self.head(self.encoder(view))
        self.types.append(out.dtype)
        self.weights.append(self.head.weight.detach().clone())
        loss = 0.01 * (out.float() - 1).square().mean()  # faint: fp16's first scale fits
        self.losses.append(float(loss.detach()))
        parameters = [part for part in self.parameters() if part.requires_grad]
        parts = torch.autograd.grad(loss, parameters, retain_graph=True)
        self.norms.append(float(torch.cat([part.flatten() for part in parts]).norm()))
        return loss


def numbered(count=12):
    """Image i has the value i everywhere, uint8 (count, 3, 8, 8)."""
    return torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).contiguous()


def trained(count=12, epochs=3, batch_size=4, **settings):
    method = Noted()
    history = pretrain(method, numbered(count), epochs=epochs, batch_size=batch_size, **FP32 | settings)
    return method, history


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


@pytest.fixture
def optimizers():
    """The optimizer's groups at every step, as they are when it steps."""
    seen = []

    def note(optimizer, *_):
        seen.append(
            [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
        )

    handle = register_optimizer_step_pre_hook(note)
    yield seen
    handle.remove()


def rates(steps, peak, warmup):
    """Linear rise that reaches the peak one step after `warmup` of all steps, then a cosine; written out."""
    rising = warmup * steps
    up = [peak * number / (math.ceil(rising) + 1) for number in range(1, math.ceil(rising) + 1)]
    shares = [(step - rising) / (steps - rising) for step in range(len(up), steps)]
    return up + [peak * (1 + math.cos(math.pi * share)) / 2 for share in shares]


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.25, 0.5])
def test_every_step_is_taken_with_the_rate_of_the_warm_up_and_the_cosine(optimizers, warmup):
    _, history = trained(epochs=4, lr=0.02, warmup=warmup)
    expected = rates(12, 0.02, warmup)
    assert len(optimizers) == 12
    for groups, rate in zip(optimizers, expected, strict=True):
        assert [group["lr"] for group in groups] == pytest.approx([rate] * len(groups), rel=1e-9)
    assert [record["learning_rate"] for record in history] == pytest.approx(expected[2::3], rel=1e-9)


def test_the_rate_of_three_warm_up_steps_is_a_quarter_a_half_and_three_quarters(optimizers):
    trained(epochs=4, lr=0.04, warmup=0.25)
    first = [groups[0]["lr"] for groups in optimizers[:4]]
    assert first == pytest.approx([0.01, 0.02, 0.03, 0.04], rel=1e-9)


def test_the_betas_are_those_of_the_docstring(optimizers):
    trained(epochs=1)
    assert {group["betas"] for groups in optimizers for group in groups} == {(0.9, 0.95)}
    assert "betas 0.9 and 0.95" in pretrain.__doc__


def adamw_by_hand(parameters, gradients_of, steps, *, lr, warmup, weight_decay):
    """Loshchilov & Hutter 2019, algorithm 2, with betas 0.9 and 0.95; only matrices have weight decay."""
    first, second = ([torch.zeros_like(part) for part in parameters] for _ in range(2))
    for step, rate in enumerate(rates(steps, lr, warmup), start=1):
        for k, gradient in enumerate(gradients_of(parameters)):
            first[k] = 0.9 * first[k] + 0.1 * gradient
            second[k] = 0.95 * second[k] + 0.05 * gradient**2
            move = (first[k] / (1 - 0.9**step)) / ((second[k] / (1 - 0.95**step)).sqrt() + 1e-8)
            decay = weight_decay if parameters[k].ndim > 1 else 0.0
            parameters[k] = parameters[k] - rate * decay * parameters[k] - rate * move
    return parameters


class Plain(nn.Module):
    """A method whose loss depends on no image, so that its training can be written out."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.encoder = Encoder()
        self.matrix, self.vector = nn.Parameter(torch.randn(3, 2)), nn.Parameter(torch.randn(2))
        self.frozen = nn.Parameter(torch.randn(2, 2), requires_grad=False)

    def views(self, images):
        return (images,)

    def forward(self, view):
        return self.loss([self.matrix, self.vector])

    @staticmethod
    def loss(parameters):
        matrix, vector = parameters
        return (matrix @ vector - 1).square().mean() + vector.pow(4).sum()


def sgd_by_hand(parameters, gradients_of, steps, *, lr, warmup, weight_decay):
    """Momentum 0.9 (Sutskever et al. 2013, equations 1 and 2, the rate outside); decay is a part of the gradient."""
    speeds = [torch.zeros_like(part) for part in parameters]
    for rate in rates(steps, lr, warmup):
        for k, gradient in enumerate(gradients_of(parameters)):
            decay = weight_decay if parameters[k].ndim > 1 else 0.0
            speeds[k] = 0.9 * speeds[k] + gradient + decay * parameters[k]
            parameters[k] = parameters[k] - rate * speeds[k]
    return parameters


def muon_by_hand(parameters, gradients_of, steps, *, lr, warmup, weight_decay):
    """Jordan et al. 2024 on the matrix, by its singular values, and AdamW on the vector."""
    matrices, vectors = [0], [1]
    moved, first, second = (torch.zeros_like(parameters[k]) for k in (0, 1, 1))
    for step, rate in enumerate(rates(steps, lr, warmup), start=1):
        gradients = gradients_of(parameters)
        for k in matrices:
            moved = 0.95 * moved + 0.05 * gradients[k]
            left, values, right = torch.linalg.svd(0.95 * moved + 0.05 * gradients[k], full_matrices=False)
            values = values / values.norm()
            for _ in range(5):
                values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
            move = 0.2 * max(parameters[k].shape) ** 0.5 * (left * values) @ right
            parameters[k] = parameters[k] - rate * weight_decay * parameters[k] - rate * move
        for k in vectors:
            first = 0.9 * first + 0.1 * gradients[k]
            second = 0.95 * second + 0.05 * gradients[k] ** 2
            move = (first / (1 - 0.9**step)) / ((second / (1 - 0.95**step)).sqrt() + 1e-8)
            parameters[k] = parameters[k] - rate * move
    return parameters


@pytest.mark.parametrize("weight_decay", [0.0, 0.05, 0.5])
@pytest.mark.parametrize(
    ("optimizer", "by_hand"), [("adamw", adamw_by_hand), ("sgd", sgd_by_hand), ("muon", muon_by_hand)]
)
def test_the_steps_are_those_of_the_optimizer_written_out(optimizer, by_hand, weight_decay):
    def gradients(parameters):
        parts = [part.detach().requires_grad_() for part in parameters]
        return torch.autograd.grad(Plain.loss(parts), parts)

    method, arguments = Plain(), {"lr": 0.05, "warmup": 0.25, "weight_decay": weight_decay}
    begun = [method.matrix.detach().clone(), method.vector.detach().clone()]
    pretrain(method, numbered(), epochs=4, batch_size=4, optimizer=optimizer, **arguments, **FP32)
    matrix, vector = by_hand(begun, gradients, 12, **arguments)
    torch.testing.assert_close(method.matrix.detach(), matrix, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(method.vector.detach(), vector, rtol=1e-4, atol=1e-6)


def test_frozen_parameters_stay_whatever_the_weight_decay():
    method = Plain()
    before = method.frozen.clone()
    pretrain(method, numbered(), epochs=2, batch_size=4, lr=0.1, weight_decay=0.5, **FP32)
    assert torch.equal(method.frozen, before)


def test_weights_have_the_stated_decay_and_biases_and_norms_none(optimizers):
    trained(epochs=1, weight_decay=0.3)
    assert {tuple(sorted(group["weight_decay"] for group in groups)) for groups in optimizers} == {(0.0, 0.3)}


def test_every_epoch_shows_every_image_once_and_in_another_order():
    method, _ = trained(count=12, epochs=3, batch_size=4)
    epochs = [joined(method.numbers[3 * k : 3 * k + 3]) for k in range(3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(12))] * 3
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert list(range(12)) not in epochs


def test_the_last_incomplete_batch_is_dropped_and_its_images_change_from_epoch_to_epoch():
    method, _ = trained(count=11, epochs=6, batch_size=4)
    assert {len(batch) for batch in method.numbers} == {4}
    assert len(method.numbers) == 6 * 2
    epochs = [set(joined(method.numbers[2 * k : 2 * k + 2])) for k in range(6)]
    assert all(len(epoch) == 8 for epoch in epochs)
    assert set.union(*epochs) == set(range(11))


def test_another_seed_gives_another_order_and_other_draws_and_the_same_seed_the_same():
    first, again, other = (trained(seed=seed)[0] for seed in (0, 0, 1))
    assert (first.numbers, first.drawn) == (again.numbers, again.drawn)
    assert first.numbers != other.numbers
    assert not set(first.drawn) & set(other.drawn)


def test_views_are_drawn_anew_at_every_step_of_every_epoch():
    method, _ = trained(epochs=3)
    assert len(set(method.drawn)) == 9


def test_training_is_in_training_mode_in_every_epoch_and_ends_in_evaluation_mode():
    method, _ = trained(epochs=3)
    assert len(method.training_modes) == 9
    assert all(all(modes) for modes in method.training_modes)
    assert not any(part.training for part in method.modules())


def test_training_moves_the_statistics_of_batch_norm():
    method, _ = trained(epochs=2)
    assert int(method.encoder.norm.num_batches_tracked) == 6
    assert float(method.encoder.norm.running_mean.abs().max()) > 0


def test_a_method_with_labels_gets_those_of_its_images():
    class Labelled(Noted):
        uses_labels = True

        def forward(self, view, labels):
            self.given = [*getattr(self, "given", []), labels.tolist()]
            return super().forward(view)

    method = Labelled()
    labels = 100 + torch.arange(12)
    pretrain(method, ImageSet(numbered(), labels), epochs=2, batch_size=4, **FP32)
    assert method.given == [[100 + number for number in batch] for batch in method.numbers]


def test_views_are_made_without_gradients_and_of_float_pixels():
    method, _ = trained(epochs=1)
    assert not any(method.gradients)
    assert set(method.types) == {torch.float32}


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_half_precision_is_what_the_network_computes_in_and_weights_stay_float32(precision, dtype):
    method, _ = trained(epochs=1, precision=precision)
    made, computed = method.types[::2], method.types[1::2]
    assert set(made) == {torch.float32}
    assert set(computed) == {dtype}
    assert {part.dtype for part in method.parameters()} == {torch.float32}


def test_gradients_are_those_of_one_step_and_the_recorded_norm_is_their_mean():
    method, history = trained(epochs=2)
    for epoch, record in enumerate(history):
        assert record["gradient_norm"] == pytest.approx(sum(method.norms[3 * epoch :][:3]) / 3, rel=1e-4)


def test_the_recorded_loss_is_the_mean_over_the_epoch():
    method, history = trained(epochs=2, lr=0.1)
    for epoch, record in enumerate(history):
        assert record["loss"] == pytest.approx(sum(method.losses[3 * epoch :][:3]) / 3, rel=1e-5)


def test_fp16_scales_the_loss_and_the_recorded_norm_is_that_of_the_unscaled_gradient():
    half, history = trained(epochs=1, precision="fp16")
    assert history[0]["gradient_norm"] == pytest.approx(sum(half.norms) / 3, rel=0.02)


def test_fp16_moves_the_weights_as_fp32_does():
    whole, half = (trained(epochs=2, lr=0.02, precision=precision)[0] for precision in ("fp32", "fp16"))
    begun = Noted()
    moved = whole.head.weight - begun.head.weight
    assert float(moved.detach().norm()) > 0.01
    torch.testing.assert_close(half.head.weight - begun.head.weight, moved, rtol=0.1, atol=2e-3)


def test_fp16s_gradients_too_small_for_half_precision_still_teach():
    """A gradient of 1e-8 is rounded to 0 in fp16: the scaled loss keeps it."""

    class Faint(Noted):
        def forward(self, view):
            return super().forward(view) * 1e-6

    whole, half = Faint(), Faint()
    for method, precision in ((whole, "fp32"), (half, "fp16")):
        pretrain(method, numbered(), epochs=2, batch_size=4, precision=precision, **QUIET)
    moved, expected = (method.head.weight - Noted().head.weight for method in (half, whole))
    torch.testing.assert_close(moved, expected, rtol=0.2, atol=5e-4)


def test_a_step_is_views_forward_optimizer_after_step():
    events = []

    class Ordered(Noted):
        def views(self, images):
            events.append("views")
            return super().views(images)

        def forward(self, view):
            events.append("forward")
            return super().forward(view)

        def after_step(self, progress):
            events.append(f"after {progress:.3f}")

    handle = register_optimizer_step_post_hook(lambda *_: events.append("optimizer"))
    try:
        pretrain(Ordered(), numbered(), epochs=1, batch_size=4, **FP32)
    finally:
        handle.remove()
    steps = [["views", "forward", "optimizer", f"after {share:.3f}"] for share in (1 / 3, 2 / 3, 1)]
    assert events == joined(steps)


def test_after_step_sees_the_weights_that_the_step_has_made():
    class Follows(Noted):
        def after_step(self, progress):
            self.followed = [*getattr(self, "followed", []), self.head.weight.detach().clone()]

    method = Follows()
    pretrain(method, numbered(), epochs=2, batch_size=4, **FP32)
    for after, before_next in zip(method.followed, method.weights[1:], strict=False):
        assert torch.equal(after, before_next)
    assert torch.equal(method.followed[-1], method.head.weight)


class Stopped(Noted):
    """A method that can be stopped by hand before a given step, and whose loss can be made loud."""

    def __init__(self, stop=None, factor=1.0):
        super().__init__()
        self._stop, self._factor = stop, factor

    def views(self, images):
        if len(self.numbers) == self._stop:
            raise KeyboardInterrupt
        return super().views(images)

    def forward(self, view):
        return super().forward(view) * self._factor


def in_two_parts(folder, precision, optimizer="adamw", **arguments):
    """A run, the same one stopped in its third epoch and gone on with, and both histories."""
    methods, histories = [Stopped(stop, **arguments) for stop in (None, 7, None)], []
    for method, file in zip(methods, ("whole", "parts", "parts"), strict=True):
        settings = QUIET | {"precision": precision, "optimizer": optimizer, "checkpoint": folder / file}
        histories.append(pretrain(method, numbered(), epochs=4, batch_size=4, lr=0.02, **settings))
    assert histories[1].interrupted
    return methods[0], methods[2], histories[0], histories[2]


@pytest.mark.parametrize(
    ("precision", "optimizer"),
    [("fp32", "adamw"), ("bf16", "adamw"), ("fp16", "adamw"), ("fp32", "sgd"), ("fp16", "muon")],
)
def test_a_run_in_two_parts_is_the_whole_run_bit_for_bit_in_every_precision(tmp_path, precision, optimizer):
    whole, rest, history, resumed = in_two_parts(tmp_path, precision, optimizer=optimizer)
    assert rest.numbers == whole.numbers[6:]
    assert all(torch.equal(a, b) for a, b in zip(rest.state_dict().values(), whole.state_dict().values(), strict=True))
    assert [record["loss"] for record in resumed] == [record["loss"] for record in history]


def test_a_run_in_two_parts_keeps_the_scale_that_fp16_has_found(tmp_path):
    """A loud loss overflows at the first scale: those steps are skipped, once and not again after the stop."""
    whole, rest, _, _ = in_two_parts(tmp_path, "fp16", factor=3e3)
    assert torch.equal(whole.weights[0], whole.weights[1])
    assert not torch.equal(whole.weights[4], whole.weights[5])
    assert all(torch.equal(a, b) for a, b in zip(rest.weights, whole.weights[6:], strict=True))
    assert torch.equal(rest.head.weight, whole.head.weight)


def test_on_epoch_gets_every_record_once():
    records = []
    _, history = trained(epochs=3, on_epoch=records.append)
    assert records == list(history)


def test_on_step_is_told_of_every_step():
    told = []
    _, history = trained(epochs=2, on_step=told.append)
    assert [one["step"] for one in told] == list(range(1, told[0]["steps"] + 1))
    assert [one["epoch"] for one in told] == sorted([1, 2] * (len(told) // 2))
    assert all(len(one["views"][0]) == one["images"] for one in told)
    for record in history:
        losses = [one["loss"].item() for one in told if one["epoch"] == record["epoch"]]
        assert sum(losses) / len(losses) == pytest.approx(record["loss"], rel=1e-5)
    assert told[-1]["learning_rate"] == history[-1]["learning_rate"]


def test_on_step_can_stop_a_run_and_changes_nothing_in_it():
    def stop(told):
        if told["step"] == told["steps"] // 2 + 1:
            raise KeyboardInterrupt

    _, stopped = trained(epochs=2, on_step=stop)
    _, watched = trained(epochs=2, on_step=lambda told: None)
    _, plain = trained(epochs=2)
    assert stopped.interrupted
    assert len(stopped) == 1
    losses = [[record["loss"] for record in history] for history in (stopped, watched, plain)]
    assert losses[1] == losses[2]
    assert losses[0] == losses[2][:1]


# --- fine-tuning and probes


class Light(nn.Module):
    """An encoder that a test can watch: (B, 3, H, W) -> (B, 2); `seen` holds its weights at every training step."""

    seen: list = []  # noqa: RUF012 - shared with copies, which fine_tune makes

    def __init__(self):
        super().__init__()
        self.dim = 2
        self.linear = nn.Linear(3, 2)

    def forward(self, images):
        if self.training:
            self.seen.append(self.linear.weight.detach().clone())
        return self.linear(images.mean(dim=(2, 3)))


def dark_and_light(count=32, *, swapped=False):
    """Half of the images are dark (class 0), half are light (class 1), or the other way round."""
    labels = torch.arange(count) % 2
    images = (40 + 170 * labels).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).contiguous()
    return ImageSet(images, 1 - labels if swapped else labels, ("dark", "light"))


@pytest.fixture
def tuning():
    Light.seen.clear()
    torch.manual_seed(3)
    settings = {"epochs": 8, "batch_size": 8, "lr": 0.1, "warmup": 0.0, "augment": nn.Identity()}
    return Light(), settings | FP32


def test_fine_tuning_begins_with_the_weights_of_the_given_encoder(tuning):
    encoder, settings = tuning
    before = encoder.linear.weight.detach().clone()
    fine_tune(encoder, dark_and_light(), dark_and_light(), **settings)
    assert torch.equal(Light.seen[0], before)
    assert not torch.equal(Light.seen[-1], before)
    assert torch.equal(encoder.linear.weight, before)


def test_fine_tuning_is_judged_on_the_test_images_with_their_labels(tuning):
    encoder, settings = tuning
    assert fine_tune(encoder, dark_and_light(), dark_and_light(20), **settings) == 1.0
    by_class = dark_and_light(20).labels.argsort()
    assert fine_tune(encoder, dark_and_light(), dark_and_light(20)[by_class], **settings) == 1.0
    assert fine_tune(encoder, dark_and_light(), dark_and_light(20, swapped=True), **settings) == 0.0


def test_fine_tuning_judges_the_encoder_that_it_trained():
    """One epoch of a hundredth of the rate leaves the classifier's guess; a real one doesn't."""
    torch.manual_seed(3)
    settings = {"batch_size": 8, "warmup": 0.0, "augment": nn.Identity()} | FP32
    faint = fine_tune(Light(), dark_and_light(), dark_and_light(), epochs=1, lr=1e-6, **settings)
    torch.manual_seed(3)
    strong = fine_tune(Light(), dark_and_light(), dark_and_light(), epochs=8, lr=0.1, **settings)
    assert strong == 1.0
    assert faint == 0.5


def hidden_direction(count, seed):
    """Features whose only telling direction is a small one beside large common ones: slow for an optimizer."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    common = torch.randn(count, 1, generator=random)
    telling = (labels.double() * 2 - 1).unsqueeze(1)
    signs = torch.tensor([1.0, -1.0]).repeat(10)
    noise = 0.1 * torch.randn(count, 20, generator=random)
    return (5 * common + 0.15 * telling * signs + noise).float(), labels


def test_the_probe_is_fitted_until_it_has_found_a_direction_that_is_hidden_among_others():
    known, new = hidden_direction(400, 0), hidden_direction(400, 1)
    assert linear_probe(*known, *new) > 0.95


@pytest.mark.parametrize("strength", [1e-4, 0.1, 100.0])
def test_the_probes_penalty_is_the_stated_one(strength):
    """Few images and many noisy directions: with each penalty a classifier of its own."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(600) % 3
    features = F.one_hot(labels, 3).float().repeat(1, 10) + 2 * torch.randn(600, 30, generator=random)
    known, new = slice(0, 100), slice(100, 600)
    got = linear_probe(features[known], labels[known], features[new], labels[new], strength=strength)

    scale = StandardScaler().fit(features[known].numpy())
    scores = {}
    for penalty in (1e-4, 0.1, 100.0):
        probe = LogisticRegression(C=penalty, max_iter=5000, tol=1e-3)
        probe.fit(scale.transform(features[known].numpy()), labels[known].numpy())
        scores[penalty] = probe.score(scale.transform(features[new].numpy()), labels[new].numpy())
    assert min(scores, key=lambda penalty: abs(scores[penalty] - got)) == strength
    assert got == pytest.approx(scores[strength], abs=0.01)


def test_the_probes_usual_penalty_is_a_tenth():
    assert inspect.signature(linear_probe).parameters["strength"].default == 0.1


# --- what a run does with them


def test_a_row_is_fitted_to_the_labelled_images_and_judged_on_the_test_images(tuning):
    """The test labels are the wrong ones, so whatever has learnt from the labelled images is never right."""
    encoder, _ = tuning
    images = Images(dark_and_light(100), dark_and_light(100), dark_and_light(40, swapped=True))
    made = recipe("simclr", passes=1, tuning_steps=40, tuning_lr=0.1)
    row = judge_row(Trained(encoder), images, made, Machine("cpu", "fp32", 1))
    assert row["linear_probe"] == row["knn"] == 0.0
    assert row["few_labels"] == row["fine_tuned"] == {"0.1": 0.0}


def test_fine_tuning_of_a_row_gets_its_encoder_and_a_part_of_the_labelled_images(tuning, monkeypatch):
    encoder, _ = tuning
    labelled = dark_and_light(100)
    parts = []
    monkeypatch.setattr("ssl_course.runs.fine_tune", lambda *given, **_: parts.append(given) or 0.5)
    test = ImageSet(labelled.images[:40].clone().fill_(128), labelled.labels[:40], labelled.classes)
    judge_row(Trained(encoder), Images(labelled, labelled, test), recipe("simclr", passes=1), Machine("cpu", "fp32", 1))
    assert len(parts) == 8  # three rates, three draws, a quarter and half of the steps
    for tuned, few, judged_on in parts:
        assert tuned is encoder
        assert len(few) == 10
        assert not (few.images == 128).any()
        assert judged_on is test or not (judged_on.images == 128).any()


@pytest.mark.parametrize("seed", [0, 3])
def test_the_untrained_row_has_the_first_weights_of_its_seed(tmp_path, seed):
    images, machine = Images(*[dark_and_light(8)] * 3), Machine("cpu", "fp32", 1)
    trained, _ = train(recipe("untrained", seed=seed), images, tmp_path, {}, machine)
    first = new_encoder("small_cnn", seed).state_dict()
    assert all(torch.equal(value, first[name]) for name, value in trained.encoder.state_dict().items())


class OnTheHost:
    """Pixels in the computer's memory that note how they leave it."""

    device = torch.device("cpu")

    def __init__(self):
        self.calls = []

    def pin_memory(self):
        self.calls.append("pinned")
        return self

    def to(self, device, **options):
        self.calls.append((device.type, options))
        return self


def test_batches_are_copied_to_a_gpu_without_waiting():
    pixels = OnTheHost()
    _brought(pixels, torch.device("cuda"))
    assert pixels.calls == ["pinned", ("cuda", {"non_blocking": True})]
    near = OnTheHost()
    near.device = torch.device("cuda")
    _brought(near, torch.device("cuda"))
    _brought(near, torch.device("cpu"))
    assert near.calls == [("cuda", {}), ("cpu", {})]


def test_cudnn_tries_its_ways_on_a_gpu_alone_and_not_if_it_has_to_be_deterministic(monkeypatch):
    others = ("enabled", "allow_tf32", "deterministic")
    before = [getattr(torch.backends.cudnn, name) for name in others]
    with _fastest_convolutions(torch.device("cuda")):
        assert torch.backends.cudnn.benchmark
        assert [getattr(torch.backends.cudnn, name) for name in others] == before
    assert not torch.backends.cudnn.benchmark
    with _fastest_convolutions(torch.device("cpu")):
        assert not torch.backends.cudnn.benchmark
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    with _fastest_convolutions(torch.device("cuda")):
        assert not torch.backends.cudnn.benchmark
        assert torch.backends.cudnn.deterministic


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("near", [True, False])
@pytest.mark.parametrize("method", ["simclr", "moco", "byol", "mae"])
def test_on_a_gpu_the_processor_waits_for_no_step_between_two_looks_at_the_loss(method, near, monkeypatch):
    """Every twentieth step has such a look. Waiting, pageable copies among it, is an error to PyTorch meanwhile."""
    if not near:
        monkeypatch.setattr("ssl_course.train._keep_near", lambda images, device: images)
    images = torch.randint(256, (20 * 8, 3, 32, 32), dtype=torch.uint8)

    def watch(told):
        if told["step"] in (3, 18):
            torch.cuda.set_sync_debug_mode("error" if told["step"] == 3 else "default")

    try:
        history = pretrain(
            make(recipe(method, "cifar10", passes=1)),
            images,
            epochs=1,
            batch_size=8,
            device="cuda",
            on_step=watch,
            watch=False,
            progress=False,
        )
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert math.isfinite(history[0]["loss"])
