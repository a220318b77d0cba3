"""What every method must keep, whatever its loss: the contract with the training loop and the structure behind it."""

import contextlib
import inspect
import pkgutil

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from ssl_course import ImageSet, methods, pretrain, recipes
from ssl_course.methods import ALL, Supervised
from ssl_course.methods.two_views import TwoViews
from ssl_course.networks import MovingAverage, small_cnn
from ssl_course.recipes import augmentation
from ssl_course.vit import VisionTransformer

NAMES = [*ALL, "supervised"]
OPTIONS = {"jigsaw": {"tiles": 4, "count": 6}, "moco": {"length": 20}}  # quick, and a queue that comes round
MOVES = {"moco": {"target", "queue", "oldest"}, "byol": {"target"}, "ijepa": {"target"}}  # by after_step
MOVES["dino"] = {"target", "centre"}
CANCELLED = {  # biases whose effect a norm takes out right after
    "byol": {"head.0.3.bias"},
    "simsiam": {"head.0.3.bias"},
    "barlow_twins": {"head.3.bias"},
    "vicreg": {"head.3.bias"},
    "dino": {"encoder.norm.bias"},
}

every_method = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def tiny_encoders(monkeypatch):
    narrow = {"small_cnn": lambda: small_cnn(4), "small_vit": lambda: VisionTransformer(width=16, depth=1)}
    monkeypatch.setattr(recipes, "NETWORKS", narrow)


def build(name, seed=0, **options):
    if name == "supervised":
        torch.manual_seed(seed)
        return Supervised(recipes.new_encoder("small_cnn", seed), 8, augment=augmentation("shapes"))
    return recipes.build(name, "shapes", seed=seed, **{"size": 16} | OPTIONS.get(name, {}) | options)


def images(count=8, height=16, width=16):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(7))


def loss_of(method, batch, seed=1):
    torch.manual_seed(seed)
    targets = [torch.arange(len(batch)) % 8] if getattr(method, "uses_labels", False) else []
    return method(*method.views(batch), *targets)


def state(method):
    return {key: value.clone() for key, value in method.state_dict().items()}


def differing(one, other):
    assert one.keys() == other.keys()
    return {key for key in one if not torch.equal(one[key], other[key])}


# --- gradients


@every_method
def test_every_trainable_parameter_gets_a_gradient(name):
    method = build(name)
    loss_of(method, images()).backward()
    gradients = {key: p.grad for key, p in method.named_parameters() if p.requires_grad}
    assert all(gradient is not None for gradient in gradients.values())
    smallest = 1e-6 * torch.nn.utils.get_total_norm(gradients.values())
    assert {key for key, gradient in gradients.items() if gradient.norm() < smallest} <= CANCELLED.get(name, set())


@every_method
def test_a_target_network_needs_and_gets_no_gradient_and_everything_else_does(name):
    method = build(name)
    loss_of(method, images()).backward()
    targets = [module for module in method.modules() if isinstance(module, MovingAverage)]
    frozen = {parameter for target in targets for parameter in target.parameters()}
    assert bool(frozen) == (name in MOVES)
    assert frozen == {parameter for parameter in method.parameters() if not parameter.requires_grad}
    assert all(parameter.grad is None for parameter in frozen)


@every_method
def test_the_loss_depends_on_the_encoder(name):
    method = build(name)
    before = loss_of(method, images())
    with torch.no_grad():
        for parameter in method.encoder.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    assert abs(loss_of(method, images()) - before) > 1e-5


@every_method
def test_the_gradient_reaches_the_encoder_from_every_image(name):
    """A gradient in the views themselves, where they are pictures that the encoder sees."""
    method = build(name)
    views = list(method.views(images()))
    views[0] = views[0].detach().requires_grad_()
    targets = [torch.arange(8)] if name == "supervised" else []
    loss = method(*views, *targets)
    (gradient,) = torch.autograd.grad(loss, views[0])
    reached = gradient.abs().amax(dim=(1, 2, 3)) > 0
    assert reached.float().mean() >= (0.3 if name == "triplet" else 1)  # a triplet can be satisfied


# --- after_step


@pytest.mark.parametrize("name", [name for name in NAMES if name not in MOVES])
def test_a_method_without_a_target_has_nothing_to_do_after_a_step(name):
    assert not hasattr(build(name), "after_step")


@pytest.mark.parametrize("name", MOVES)
def test_after_step_moves_the_target_and_its_like_and_nothing_else(name):
    method = build(name)
    loss_of(method, images())
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    before, random = state(method), torch.get_rng_state()
    method.after_step(0.5)
    moved = differing(before, method.state_dict())
    assert {key.split(".")[0] for key in moved} == MOVES[name]
    assert {f"target.{key}" for key, _ in method.target.named_parameters()} <= moved
    assert torch.equal(torch.get_rng_state(), random)


# --- the training loop


class Stop(Exception):
    pass


def stop(record):
    raise Stop


@every_method
def test_a_run_that_was_stopped_and_resumed_gives_the_same_weights_and_buffers(name, tmp_path):
    batch = ImageSet((images(16) * 255).to(torch.uint8), torch.arange(16) % 8)
    run = {"epochs": 2, "batch_size": 8, "device": "cpu", "precision": "fp32", "progress": False}
    whole = build(name)
    pretrain(whole, batch, **run)
    stopped, resumed = build(name), build(name, seed=5)
    with pytest.raises(Stop):
        pretrain(stopped, batch, checkpoint=tmp_path / "run.pt", on_epoch=stop, **run)
    assert differing(state(stopped), state(whole))
    history = pretrain(resumed, batch, checkpoint=tmp_path / "run.pt", **run)
    assert len(history) == 2
    assert differing(state(resumed), state(whole)) == set()


@every_method
def test_bf16_autocast_and_a_batch_of_two_give_a_finite_float32_loss_and_gradients(name):
    method = build(name)
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_of(method, images(2))
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.shape == ()
    assert loss.isfinite()
    gradients = [parameter.grad for parameter in method.parameters() if parameter.requires_grad]
    assert all(gradient.dtype == torch.float32 and gradient.isfinite().all() for gradient in gradients)


@every_method
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("mode", ["training", "evaluation"])
def test_half_precision_gives_a_finite_float32_loss_and_a_gradient_of_the_same_direction(name, dtype, mode):
    method = build(name).train(mode == "training")
    before, gradients = state(method), []
    for enabled in (False, True):
        method.load_state_dict(before)
        with torch.autocast("cpu", dtype, enabled=enabled):
            loss = loss_of(method, images())
        assert loss.dtype == torch.float32
        assert loss.isfinite()
        trained = [parameter for parameter in method.parameters() if parameter.requires_grad]
        gradients.append(torch.cat([part.flatten() for part in torch.autograd.grad(loss, trained)]))
    assert gradients[1].isfinite().all()
    assert torch.cosine_similarity(*gradients, dim=0) > 0.8  # a triplet may choose another negative


@every_method
def test_bf16_autocast_changes_the_loss_by_a_few_percent_at_most(name):
    method = build(name).eval()
    exact = loss_of(method, images())
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(loss_of(method, images()), exact, rtol=0.05, atol=0.02)


@every_method
def test_the_same_seed_gives_the_same_loss_and_another_seed_another(name):
    first = loss_of(build(name, seed=3), images())
    assert torch.equal(loss_of(build(name, seed=3), images()), first)
    assert not torch.equal(loss_of(build(name, seed=3), images(), seed=2), first)
    assert not torch.equal(loss_of(build(name, seed=4), images()), first)


# --- the host


def step(method, batch):
    """What the training loop does with one batch, but for the optimizer."""
    with torch.no_grad():
        views = method.views(batch)
    uses_labels = getattr(method, "uses_labels", False)
    targets = [torch.zeros(len(batch), dtype=torch.long, device=batch.device)] if uses_labels else []
    method(*views, *targets).backward()
    if hasattr(method, "after_step"):
        method.after_step(0.5)


class FromHost(TorchFunctionMode):
    """Notes each call that makes a tensor of Python's numbers, or touches one in the computer's own memory."""

    def __init__(self):
        super().__init__()
        self.count, self.found = 0, set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **kwargs or {})
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
        on_host = any(tensor.device.type == "cpu" for tensor in tensors)
        if on_host or function in (torch.tensor, torch.as_tensor, torch.scalar_tensor):
            self.found.add(function.__name__)
        self.count += 1
        return result


@every_method
def test_a_step_neither_waits_for_a_number_nor_brings_one_from_the_host(name, monkeypatch):
    """On the device "meta" no number can be read: what a GPU would have to wait for is an error there."""
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: contextlib.nullcontext())  # not on this device
    everything = {"rotation": 20.0, "blur": 0.5, "solarize": 0.2} if name != "rotation" else {"blur": 0.5}
    method, batch = build(name).to("meta"), images(16).to("meta")
    for part, value in everything.items():
        setattr(method.augment, part, value)
    step(method, batch)  # makes what is kept
    with FromHost() as operations:
        step(method, batch)
    assert operations.count > 50
    assert operations.found == set()


@every_method
@pytest.mark.parametrize("unchanged", [True, False])
def test_neither_views_nor_loss_change_the_given_images(name, unchanged):
    method, batch = build(name), images()
    if unchanged:
        method.augment = nn.Identity()  # then a view can be the batch itself
    before = batch.clone()
    loss_of(method, batch).backward()
    assert torch.equal(batch, before)


@every_method
def test_pictures_among_the_views_stay_in_0_to_1_and_are_new_every_time(name):
    method, batch = build(name), images()
    pictures, again = ([view for view in method.views(batch) if view.ndim == 4] for _ in range(2))
    pictures = [view for view in pictures if view.is_floating_point()]
    assert all(view.min() >= -1e-6 and view.max() <= 1 + 1e-6 for view in pictures)
    assert not torch.equal(pictures[0], again[0])


@every_method
@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 64)])
def test_methods_work_on_images_of_another_size(name, height, width):
    method = build(name, **({"size": (height, width)} if name != "supervised" else {}))
    if name == "rotation" and height != width:
        with pytest.raises(ValueError, match=r"quarter turns need square images, got \(4, 3, 32, 64\)"):
            method.views(images(4, height, width))
        return
    loss = loss_of(method, images(4, height, width))
    loss.backward()
    assert loss.isfinite()


@pytest.mark.parametrize("name", ["triplet", "simclr", "byol", "simsiam", "barlow_twins", "vicreg", "lejepa"])
def test_both_views_pass_the_encoder_in_one_batch(name):
    """So that batch norm has one set of statistics, as the docstrings say."""
    method, seen = build(name), []
    views = method.views(images())
    method.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    method(*views)
    assert len(seen) == 1
    assert torch.equal(seen[0], torch.cat(views))


# --- one image


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("simclr", "at least two images"),
        ("triplet", "at least two images"),
        ("barlow_twins", "at least two images"),
        ("vicreg", "at least two images"),
        ("lejepa", "at least two images"),
        *((name, "at least two images in a batch") for name in ("rotation", "jigsaw", "moco", "byol", "simsiam")),
    ],
)
def test_one_image_alone_is_refused_where_it_cannot_teach(name, message):
    with pytest.raises(ValueError, match=message):
        loss_of(build(name), images(1))


@pytest.mark.parametrize("name", ["inpainting", "autoencoder", "vae", "mae", "dino", "ijepa", "supervised"])
def test_one_image_alone_is_enough_for_the_others(name):
    assert loss_of(build(name), images(1)).isfinite()


@pytest.mark.parametrize("name", ["rotation", "jigsaw", "moco", "byol", "simsiam"])
def test_one_image_alone_is_enough_where_batch_norm_looks_at_no_batch(name):
    assert loss_of(build(name).eval(), images(1)).isfinite()


# --- names and options


def test_every_class_with_views_in_the_method_files_has_a_name():
    # of Part II: lessons take them from their files
    other_data = {"masked_words", "next_word", "cpc", "order", "clip", "masked_pair", "world_model", "koleo"}
    files = [name for _, name, _ in pkgutil.iter_modules(methods.__path__) if name not in {"two_views"} | other_data]
    modules = [__import__(f"ssl_course.methods.{name}", fromlist=[name]) for name in files]
    classes = [cls for module in modules for _, cls in inspect.getmembers(module, inspect.isclass)]
    with_views = {cls for cls in classes if hasattr(cls, "views")} - {TwoViews}
    assert with_views == {*ALL.values(), Supervised, methods.CutPaste}  # which needs defects to be compared by
    assert {cls.__module__.split(".")[-1] for cls in with_views} == set(files)
    assert set(methods.__all__) == {"ALL", "METHODS", "OF_PART_II", *(cls.__name__ for cls in with_views)}


@pytest.mark.parametrize("name", ALL)
def test_build_gives_the_class_of_that_name(name):
    assert type(build(name)) is ALL[name]


@pytest.mark.parametrize("name", ["simCLR", "supervised", "", "Triplet"])
def test_build_refuses_an_unknown_method(name):
    with pytest.raises(ValueError, match=rf"method must be one of rotation, .*, lejepa, got '{name}'"):
        recipes.build(name, "shapes")


def test_build_refuses_an_unknown_encoder():
    with pytest.raises(ValueError, match="encoder must be one of small_cnn, small_vit, or torchvision:NAME, got 'vgg'"):
        recipes.build("simclr", "shapes", encoder="vgg")


@pytest.mark.parametrize("name", ["rotation", "jigsaw"])
def test_views_do_not_turn_an_image_that_the_task_is_to_turn(name):
    assert build(name).augment.rotation == 0


@pytest.mark.parametrize("name", ["byol", "simsiam"])
@pytest.mark.parametrize(("data", "crop"), [("cifar10", 0.4), ("a/folder", 0.4), ("shapes", 0.6)])
def test_methods_without_negatives_get_gentler_crops_of_photographs(name, data, crop):
    assert recipes.build(name, data).augment.crop == crop


def test_options_depend_on_the_kind_of_images():
    assert recipes.build("barlow_twins", "cifar10").weight == 4 * recipes.build("barlow_twins", "shapes").weight


@pytest.mark.parametrize("name", ["inpainting", "autoencoder", "vae", "mae", "ijepa"])
def test_methods_that_paint_get_the_colours_as_they_are(name):
    augment = build(name).augment
    assert augment.jitter == augment.grayscale == augment.solarize == 0


NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rotation", {"angles": (90,)}, r"at least two different angles, got \(90,\)"),
        ("jigsaw", {"count": 1}, "count must be from 2 to 24, got 1"),
        ("jigsaw", {"count": 25}, "count must be from 2 to 24, got 25"),
        ("jigsaw", {"tiles": 16}, "tiles must be 4 or 9 .* got 16"),
        ("jigsaw", {"tiles": 5}, "tiles must be 4 or 9 .* got 5"),
        ("jigsaw", {"gap": 15}, "gap must leave tiles of at least 2x2, got 15"),
        ("jigsaw", {"gap": -1}, "gap not negative, got 4 and -1"),
        ("inpainting", {"share": 0}, r"share must be in \(0, 1\), got 0"),
        ("inpainting", {"share": 1}, r"share must be in \(0, 1\), got 1"),
        ("inpainting", {"size": 30}, r"size must be a multiple of 8, got \(30, 30\)"),
        ("autoencoder", {"noise": -0.1}, "noise can't be negative .* got -0.1"),
        ("autoencoder", {"bottleneck": 0}, "bottleneck must be positive, got .* and 0"),
        ("autoencoder", {"size": (32, 20)}, r"size must be a multiple of 8, got \(32, 20\)"),
        ("vae", {"latent": 0}, "latent and deviation must be positive.* got 0"),
        ("vae", {"deviation": 0}, "latent and deviation must be positive.* 0, "),
        ("vae", {"deviation": NAN}, "latent and deviation must be positive.* nan, "),
        ("vae", {"beta": -1}, "beta not negative.* -1"),
        ("triplet", {"margin": 0}, "margin must be positive, got 0"),
        ("triplet", {"margin": NAN}, "margin must be positive, got nan"),
        ("triplet", {"mining": "soft"}, "mining must be one of random, easy, semi-hard, hard, got 'soft'"),
        ("simclr", {"temperature": 0}, "temperature must be positive, got 0"),
        ("simclr", {"temperature": NAN}, "temperature must be positive, got nan"),
        ("moco", {"temperature": -1}, "temperature, length and groups must be positive, got -1, 20 and"),
        ("moco", {"length": 0}, "temperature, length and groups must be positive, got .*, 0 and"),
        ("moco", {"groups": 0}, "temperature, length and groups must be positive, got .* and 0"),
        ("moco", {"decay": 1.1}, r"decay must be in \[0, 1\], got 1.1"),
        ("byol", {"decay": -0.1}, r"decay must be in \[0, 1\], got -0.1"),
        ("rotation", {"angles": (0, 360)}, "two different angles"),
        ("autoencoder", {"noise": NAN}, "noise can't be negative .* got nan"),
        ("vae", {"beta": NAN}, "beta not negative.* nan"),
        ("inpainting", {"share": 2}, r"share must be in \(0, 1\), got 2"),
        ("barlow_twins", {"weight": -1}, "weight can't be negative, got -1"),
        ("vicreg", {"variance": -1}, "weights can't be negative, got 25.0, -1 and 1.0"),
        ("byol", {"head": nn.Linear(16, 9)}, "a head of your own needs a predictor"),
        ("simsiam", {"head": nn.Linear(16, 9)}, "a head of your own needs a predictor"),
        ("mae", {"ratio": 0}, r"ratio must be in \(0, 1\), got 0"),
        ("mae", {"ratio": 1}, r"ratio must be in \(0, 1\), got 1"),
        ("mae", {"width": 30}, "width must be a multiple of heads, got 30 and 4"),
        ("dino", {"temperature": 0}, "both temperatures must be positive, got 0 and 0.0"),
        ("dino", {"teacher_temperature": NAN}, "both temperatures must be positive, got 0.1 and nan"),
        ("dino", {"local": -1}, r"local can't be negative and share must be in \(0, 1\], got -1 and 0."),
        ("dino", {"share": 1.5}, r"share must be in \(0, 1\], got . and 1.5"),
        ("dino", {"decay": 1.1}, r"decay must be in \[0, 1\], got 1.1"),
        ("dino", {"centre_decay": -1}, r"centre_decay must be in \[0, 1\], got -1"),
    ],
)
def test_an_option_out_of_range_is_refused_with_the_rule_and_the_value(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, **options).views(images())


@pytest.mark.parametrize("name", ["inpainting", "autoencoder", "vae"])
def test_images_of_another_size_than_the_decoders_are_refused(name):
    with pytest.raises(ValueError, match="built for 16x16 pixels, got images of 64x48: give size="):
        build(name).views(images(2, 64, 48))


def test_a_step_without_a_forward_pass_is_refused():
    for name in ("moco", "dino"):
        with pytest.raises(RuntimeError, match="after_step comes after a forward pass"):
            build(name).after_step(0.5)
