import functools
import shutil

import pytest
import torch
from torch import nn

from ssl_course import pretrain, train
from ssl_course.compiled import LONG_ENOUGH, Choice, Parts, choose
from ssl_course.methods import ALL, SimCLR, Supervised
from ssl_course.networks import small_cnn
from ssl_course.recipes import make, recipe

TORCHS_OWN = torch.compile


class Clock:
    """Time that only passes where a step says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def chosen(monkeypatch):
    """`choose` for steps of given seconds and numbers; what is compiled is a pair of words."""

    def run(way="auto", *, steps=1000, plain=1.0, new=0.5, numbers=(6.0, 2.0), expected=(6.0, 2.0), precision="fp32"):
        clock = Clock()

        def step(parts):
            is_new = parts == Parts("new views", "new forward")
            clock.now += new if is_new else plain
            if isinstance(numbers, Exception) and is_new:
                raise numbers
            plainly = expected if isinstance(expected, tuple) else next(expected)
            return numbers if is_new else plainly

        monkeypatch.setattr(torch, "compile", lambda part, **options: f"new {part}")
        return choose(Parts("views", "forward"), step, way, steps=steps, precision=precision, clock=clock)

    return run


def test_parts_that_are_as_right_and_faster_are_taken(chosen):
    assert chosen() == Choice(Parts("new views", "new forward"), True, "compiled in 0 s: 2.00 times as fast")


@pytest.mark.parametrize(("new", "taken"), [(0.94, True), (0.97, False), (1.5, False)])
def test_a_small_gain_isnt_worth_it(chosen, new, taken):
    found = chosen(new=new)
    assert found.is_compiled == taken
    assert f"{1 / new:.2f} times as fast" in found.why
    assert found.parts == (Parts("new views", "new forward") if taken else Parts("views", "forward"))


def test_a_short_training_isnt_compiled(chosen):
    steps = int(LONG_ENOUGH)
    assert chosen(steps=steps).is_compiled
    assert chosen(steps=steps - 1) == Choice(
        Parts("views", "forward"), False, "not compiled: with about 299 s of training ahead it wouldn't pay"
    )
    assert chosen("always", steps=1).is_compiled


@pytest.mark.parametrize(
    ("numbers", "precision", "told"),
    [
        ((6.0, 2.1), "fp32", "gradient (2.1, not 2)"),
        ((6.1, 2.0), "fp32", "loss (6.1, not 6)"),
        ((6.0, 2.2), "bf16", "gradient (2.2, not 2)"),
        ((float("nan"), 2.0), "fp32", "loss (nan, not 6)"),
        ((6.0, float("inf")), "fp16", "gradient (inf, not 2)"),
    ],
)
def test_other_numbers_are_refused(chosen, numbers, precision, told):
    found = chosen(numbers=numbers, precision=precision)
    assert found == Choice(Parts("views", "forward"), False, f"not compiled: compiled, it gives another {told}")
    with pytest.raises(ValueError, match=r"compiled, it gives another .*: use compile="):
        chosen("always", numbers=numbers, precision=precision)


@pytest.mark.parametrize(
    ("numbers", "expected", "precision"),
    [
        ((6.001, 2.001), (6.0, 2.0), "fp32"),
        ((6.1, 2.05), (6.0, 2.0), "bf16"),
        ((0.0, 0.0), (0.0, 0.0), "fp32"),
        ((float("nan"), float("nan")), (float("nan"), float("nan")), "fp32"),  # the loop tells of it
    ],
)
def test_what_rounding_does_is_the_same(chosen, numbers, expected, precision):
    assert chosen(numbers=numbers, expected=expected, precision=precision).is_compiled


def test_where_there_is_no_compiler_it_goes_on_without(chosen):
    found = chosen(numbers=RuntimeError("no C++ compiler found\nand a long trace"))
    assert found.parts == Parts("views", "forward")
    assert found.why == "not compiled: torch.compile failed (RuntimeError: no C++ compiler found)"
    with pytest.raises(ValueError, match=r"no C\+\+ compiler found\): use compile="):
        chosen("always", numbers=RuntimeError("no C++ compiler found"))


def test_too_little_memory_for_compiled_parts_is_a_reason_to_go_on_without(chosen):
    found = chosen(numbers=torch.OutOfMemoryError("CUDA out of memory"))
    assert found.why == "not compiled: torch.compile failed (OutOfMemoryError: CUDA out of memory)"


def test_a_method_that_keeps_numbers_of_its_own_cannot_be_compared(chosen):
    found = chosen(expected=iter([(6.0, 2.0), (5.0, 2.0)]))
    assert found.parts == Parts("views", "forward")
    assert found.why == (
        "not compiled: the same step, made twice, has another loss (5, not 6), so nothing can be compared"
    )


# --- in the loop


def pictures(count=16, side=8):
    return torch.randint(0, 256, (count, 3, side, side), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def simclr():
    torch.manual_seed(0)
    return SimCLR(small_cnn(4))


@pytest.fixture
def traced(monkeypatch):
    """`torch.compile` without its compiler, which takes a minute: what it makes of the code, run by torch."""
    made = []

    def trace(part, *, dynamic, options):
        assert options == {"fallback_random": True}
        made.append(part)
        return TORCHS_OWN(part, dynamic=dynamic, backend="eager", fullgraph=True)

    torch.compiler.reset()
    monkeypatch.setattr(torch, "compile", trace)
    return made


def test_a_compiled_training_is_the_same(traced):
    shared = {"epochs": 2, "batch_size": 4, "precision": "fp32", "threads": 1, "progress": False}
    plain, other = simclr(), simclr()
    expected = pretrain(plain, pictures(), **shared)
    found = pretrain(other, pictures(), compile="always", **shared)
    assert traced == [other.views, other]
    assert [record["loss"] for record in found] == pytest.approx([record["loss"] for record in expected], rel=1e-5)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value)
    again = pretrain(other, pictures(), compile="always", **shared)  # with the gradients of the first training about
    assert [record["loss"] for record in again] == pytest.approx(
        [record["loss"] for record in pretrain(plain, pictures(), **shared)], rel=1e-4
    )


def test_a_trial_changes_nothing(traced):
    shared = {"epochs": 1, "batch_size": 4, "precision": "fp32", "threads": 1, "progress": False}
    expected = pretrain(simclr(), pictures(), **shared)
    method = simclr()
    torch.manual_seed(7)
    before = torch.get_rng_state()
    found = pretrain(method, pictures(), compile="auto", **shared)  # too short: the trial alone
    assert torch.equal(torch.get_rng_state(), before)
    assert traced == []
    assert [record["loss"] for record in found] == [record["loss"] for record in expected]


class Hasty(SimCLR):
    """Its views change the batch that they get."""

    def views(self, images):
        images.mul_(0.5)
        return super().views(images)


def test_a_trial_changes_neither_images_nor_weights(monkeypatch):
    tried, images = [], torch.rand(8, 3, 8, 8)
    method = Hasty(small_cnn(4))
    run = train._prepare(method, torch.device("cpu"), {"weight_decay": 0.0, "optimizer": "adamw", "lr": 1e-3}, "fp32")
    run.settings = {"precision": "fp32", "epochs": 1, "batch_size": 4, "images": 8, "seed": 0}
    before, kept = images.clone(), {name: value.clone() for name, value in method.state_dict().items()}
    step = functools.partial(train._trial, run, images, None)
    assert step(run.parts) == step(run.parts)

    def fail(loss):
        tried.append(loss)
        raise RuntimeError("no backward pass was compiled")

    monkeypatch.setattr(torch.Tensor, "backward", fail)  # after batch norm has seen the images
    with pytest.raises(RuntimeError, match="no backward pass"):
        step(run.parts)
    assert len(tried) == 1
    assert torch.equal(images, before)
    assert all(torch.equal(value, kept[name]) for name, value in method.state_dict().items())


def test_the_trial_is_made_with_the_first_batch_of_the_run(monkeypatch):
    method, seen = simclr(), []
    views = method.views
    monkeypatch.setattr(method, "views", lambda images: seen.append(images.clone()) or views(images))
    pretrain(method, pictures(), epochs=1, batch_size=4, compile="auto", watch=False, progress=False, threads=1)
    assert len(seen) == 2 + 4  # two trials of the plain step, and a pass
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[1], seen[2])


def test_a_run_that_is_done_compiles_nothing(traced, tmp_path):
    shared = {"epochs": 1, "batch_size": 4, "checkpoint": tmp_path / "run.pt", "progress": False, "threads": 1}
    pretrain(simclr(), pictures(), **shared)
    pretrain(simclr(), pictures(), compile="always", **shared)
    assert traced == []


def test_the_ninth_compiled_run_is_compiled_too(traced):
    graphs = []

    def count(graph, inputs):
        graphs.append(graph)
        return graph.forward

    def trace(part, **options):
        return TORCHS_OWN(part, dynamic=False, backend=count)

    torch.compile = trace
    for run in range(10):
        method = SimCLR(small_cnn(4), temperature=0.1 + 0.01 * run)
        pretrain(method, pictures(4), epochs=1, batch_size=4, compile="always", watch=False, progress=False, threads=1)
        assert len(graphs) == 2 * (run + 1)


@pytest.mark.parametrize("name", [*ALL, "supervised"])
def test_every_method_is_one_graph_with_the_same_loss(name, traced):
    method = make(recipe(name, "shapes")).train()
    labels = [torch.arange(4)] if isinstance(method, Supervised) else []
    state, losses = {key: value.clone() for key, value in method.state_dict().items()}, []
    for wrap in (lambda part: part, functools.partial(torch.compile, dynamic=False, options={"fallback_random": True})):
        method.load_state_dict(state)
        torch.manual_seed(0)
        with torch.no_grad():
            views = wrap(method.views)(pictures(4, side=32) / 255)
        losses.append(float(wrap(method)(*views, *labels).detach()))
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


class Least(nn.Module):
    """The smallest method: a compiler is done with it in seconds."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(48, 4))

    def views(self, images):
        return (images + 0.1 * torch.randn_like(images),)

    def forward(self, view):
        return self.encoder(view).square().mean()


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler on this device")
def test_torchs_own_compiler_gives_the_same_and_it_is_said(capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    losses = []
    for way in ("no", "always"):
        torch.manual_seed(0)
        shared = {"batch_size": 4, "precision": "fp32", "threads": 1, "device": "cpu", "watch": False}
        history = pretrain(Least(), pictures(8, side=4), epochs=2, compile=way, **shared)
        losses.append([record["loss"] for record in history])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert "compiled in" in capsys.readouterr().err


def test_a_way_that_isnt_known_is_refused():
    with pytest.raises(ValueError, match="compile must be one of no, auto, always, got True"):
        pretrain(simclr(), pictures(), epochs=1, batch_size=4, compile=True)
