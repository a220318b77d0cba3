"""A recipe is complete, frozen and printable, and says how a method is trained on which images."""

import json
import math
import pickle
from dataclasses import FrozenInstanceError

import pytest
import torch

from ssl_course import cli, pretrain, recipes
from ssl_course.cost import training_flops
from ssl_course.methods import ALL, METHODS
from ssl_course.profiles import PROFILES
from ssl_course.recipes import ROWS, USUAL, build, make, read_option, recipe, training
from ssl_course.results import read


@pytest.mark.parametrize("data", ["shapes", "cifar10"])
@pytest.mark.parametrize("name", ROWS)
def test_a_recipe_is_plain_data_and_prints_every_field(name, data):
    made = recipe(name, data)
    assert json.loads(json.dumps(made.as_dict())) == made.as_dict()
    assert all(field in str(made) for field in made.as_dict())
    assert max(map(len, str(made).splitlines())) <= 98


def test_a_recipe_cannot_be_changed():
    made = recipe("simclr")
    with pytest.raises(FrozenInstanceError):
        made.lr = 1
    with pytest.raises(TypeError):
        made.options["temperature"] = 1


@pytest.mark.parametrize("data", ["shapes", "cifar10"])
@pytest.mark.parametrize("name", ALL)
def test_what_is_made_has_the_settings_that_the_recipe_names(name, data):
    made = recipe(name, data)
    method = make(made)
    assert {key: getattr(method.augment, key) for key in made.views} == dict(made.views)
    for option, value in made.options.items():
        if hasattr(method, option):
            assert getattr(method, option) == value, option


def test_the_own_settings_of_methods_reach_their_recipes():
    byol = recipe("byol", "cifar10")
    assert (byol.batch_size, byol.lr, byol.views["crop"], byol.options["decay"]) == (
        64,
        pytest.approx(4e-3 / 3),
        0.4,
        0.9,
    )
    moco = recipe("moco", "shapes")
    assert (moco.options["length"], moco.options["temperature"], moco.lr) == (1024, 0.07, 3e-3)
    assert recipe("mae", "shapes").encoder == "small_vit"
    assert recipe("mae", "shapes", encoder="resnet18").encoder == "small_vit"
    assert recipe("jigsaw", "shapes").views["rotation"] == 0.0
    assert recipe("rotation", "cifar10").options["every"] is True


def test_changes_are_taken_over_and_none_changes_nothing():
    made = recipe("moco", "shapes", size=100, lr=None, options={"length": 64}, views={"crop": 0.9}, passes=7)
    assert (made.size, made.lr, made.passes) == (100, 3e-3, 7)
    assert (made.options["length"], made.options["temperature"]) == (64, 0.07)
    assert (made.views["crop"], made.views["grayscale"]) == (0.9, 0.8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "nothing"}, "method must be one of pixels, untrained"),
        ({"method": "simclr", "epochs": 3}, "a recipe has no epochs"),
        ({"method": "simclr", "options": {"ratio": 1}}, "simclr has no option ratio; it has: temperature"),
        ({"method": "simclr", "options": {"augment": 1}}, "simclr has no option augment"),
        ({"method": "simclr", "views": {"zoom": 1}}, "views have no zoom"),
    ],
)
def test_what_a_recipe_doesnt_have_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        recipe(**arguments)


@pytest.mark.parametrize("name", ALL)
def test_every_method_gets_the_operations_of_simclrs_passes(name):
    made = recipe(name, "shapes", budget=30)
    budget = 30 * training_flops(make(recipe("simclr", "shapes")))
    assert abs(made.passes * recipes.cost(made) / budget - 1) < 0.5 / made.passes + 1e-9


def test_making_a_method_leaves_the_callers_random_numbers_alone_and_goes_by_the_seed():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, same, other = (make(recipe("simclr", seed=seed)).head[0].weight for seed in (0, 0, 1))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    recipes.new_encoder("small_cnn", 3)
    assert not torch.equal(torch.rand(3), expected)


def test_build_is_the_method_of_the_recipe_with_modules_allowed():
    method = build("byol", "shapes", predictor=torch.nn.Identity(), decay=0.5)
    assert isinstance(method.predictor, torch.nn.Identity)
    assert method.augment.grayscale == 0.8


def test_training_keeps_a_methods_proportion_to_the_usual_rate():
    assert training("byol", "shapes", batch_size=32, lr=3e-3) == {"batch_size": 32, "lr": pytest.approx(1e-3)}
    assert training("rotation", "cifar10", batch_size=512, lr=1e-3) == {"batch_size": 128, "lr": pytest.approx(1e-3)}


@pytest.mark.parametrize("name", recipes.FULL_OWN)
def test_a_full_recipe_is_what_published_runs_take(name):
    made = recipe(name, "cifar10", full=True)
    assert made.size is None
    if name == "mae":
        assert (made.encoder, made.passes, made.optimizer, made.lr) == ("deep_vit", 2000, "adamw", 3e-4)
        assert (made.options["width"], made.options["depth"], made.views["jitter"]) == (192, 4, 0)
    else:
        assert (made.encoder, made.passes, made.optimizer, made.weight_decay) == ("resnet18", 200, "sgd", 5e-4)
        assert made.lr == pytest.approx(0.06 * made.batch_size / 256)
        assert (made.views["grayscale"], made.views["blur"]) == (0.1, 0)
    method = make(made)
    assert {option: getattr(method, option, value) for option, value in made.options.items()} == dict(made.options)


def test_a_full_recipe_can_be_changed_and_the_usual_ones_stay_as_they_are():
    made = recipe("simclr", "cifar10", full=True, passes=3, batch_size=64, options={"temperature": 0.2})
    assert (made.passes, made.batch_size, made.options["temperature"]) == (3, 64, 0.2)
    assert recipe("simclr", "cifar10", full=True, budget=3).passes == 3
    usual = recipe("simclr", "cifar10")
    assert (usual.encoder, usual.optimizer, usual.passes) == ("small_cnn", "adamw", 15)


def test_another_optimizer_needs_a_rate_of_its_own_unless_it_takes_that_of_adamw():
    assert recipe("simclr", "cifar10", optimizer="muon").lr == recipe("simclr", "cifar10").lr
    assert recipe("mae", "cifar10", full=True, optimizer="muon").optimizer == "muon"
    for made, after in (({"full": True}, "muon"), ({"full": True}, "adamw"), ({}, "sgd")):
        with pytest.raises(ValueError, match=f"are for .*: give those for {after}, too .*--lr and --weight-decay"):
            recipe("simclr", "cifar10", optimizer=after, **made)
        with pytest.raises(ValueError, match=f"give those for {after}, too"):
            recipe("simclr", "cifar10", optimizer=after, lr=0.1, **made)
        assert recipe("simclr", "cifar10", optimizer=after, lr=0.1, weight_decay=0.01, **made).lr == 0.1


@pytest.mark.parametrize(
    ("method", "data", "message"),
    [
        ("jigsaw", "cifar10", "there is no full recipe of jigsaw; there is one of simclr, moco"),
        ("simclr", "shapes", "full recipes are for photographs of 32x32 pixels, such as cifar10, not for shapes"),
    ],
)
def test_where_there_is_no_full_recipe_it_is_said(method, data, message):
    with pytest.raises(ValueError, match=message):
        recipe(method, data, full=True)


@pytest.mark.parametrize(
    ("name", "precision"),
    [*((name, "fp32") for name in recipes.FULL_OWN), ("simclr", "bf16"), ("simclr", "fp16"), ("mae", "bf16")],
)
def test_a_full_recipe_trains(name, precision):
    made = recipe(name, "cifar10", full=True)
    torch.manual_seed(0)
    images = torch.randint(256, (8, 3, 8, 8), dtype=torch.uint8)
    settings = {"lr": made.lr, "weight_decay": made.weight_decay, "optimizer": made.optimizer, "watch": False}
    history = pretrain(
        make(made), images, epochs=1, batch_size=4, precision=precision, threads=1, progress=False, **settings
    )
    assert math.isfinite(history[0]["loss"])


def test_the_profiles_are_the_usual_settings():
    for name, kind in (("quick", "shapes"), ("standard", "photographs")):
        usual, profile = USUAL[kind], PROFILES[name]
        assert (profile.size, profile.epochs) == (usual["size"], usual["budget"])
        assert (profile.batch_size, profile.lr) == (usual["batch_size"], usual["lr"])


@pytest.mark.parametrize(
    ("method", "text", "value"),
    [
        ("jigsaw", "normalise=false", False),
        ("jigsaw", "normalise=Yes", True),
        ("simsiam", "stop_gradient=false", False),
        ("rotation", "every=no", False),
        ("rotation", "every=1", True),
        ("jigsaw", "tiles=4", 4),
        ("simclr", "temperature=1", 1.0),
        ("triplet", "mining=hard", "hard"),
        ("rotation", "angles=0,90", (0.0, 90.0)),
        ("autoencoder", "bottleneck=none", None),
    ],
)
def test_an_option_is_read_as_the_method_declares_it(method, text, value):
    name, _, typed = text.partition("=")
    found = read_option(method, name, typed)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("method", "text", "message"),
    [
        ("simclr", "temperature=abc", "temperature must be a number, got 'abc'"),
        ("jigsaw", "tiles=4.0", "tiles must be a whole number, got '4.0'"),
        ("byol", "predictor=3", "byol has no option predictor"),
        ("moco", "length=2.5", "length must be a whole number, got '2.5'"),
        ("simclr", "head=3x", "simclr has no option head"),
        ("simsiam", "stop_gradient=perhaps", "stop_gradient must be true or false, got 'perhaps'"),
        ("simclr", "temperature=", "temperature must be a number, got ''"),
    ],
)
def test_an_option_that_isnt_of_its_kind_is_refused_in_a_sentence(method, text, message):
    name, _, typed = text.partition("=")
    with pytest.raises(ValueError, match=message):
        read_option(method, name, typed)


def test_a_recipe_can_be_sent_to_another_process():
    made = recipe("rotation", options={"angles": (0, 180)})
    sent = pickle.loads(pickle.dumps(made))
    assert sent == made
    with pytest.raises(TypeError):
        sent.views["crop"] = 1


def test_a_larger_scale_gives_more_passes_and_the_settings_of_longer_runs(monkeypatch):
    chosen = {"batch_size": 64, "views": {"crop": 0.4}, "options": {"decay": 0.97}}
    monkeypatch.setitem(recipes.LONG["shapes"], "byol", chosen)
    short, double, long = (recipe("byol", scale=scale) for scale in (1, 2, 3))
    assert (double.passes, double.batch_size) == (2 * short.passes, 32)
    assert (long.batch_size, long.views["crop"], long.options["decay"]) == (64, 0.4, 0.97)
    assert long.views["grayscale"] == short.views["grayscale"]
    assert recipe("byol", scale=3, tuned=False).batch_size == 32
    assert recipe("byol", scale=3, batch_size=16).batch_size == 16


def test_the_settings_of_longer_runs_are_the_tunings_choice():
    tuning = read("tuning_shapes")
    assert recipes.LONG["shapes"] == tuning["chosen"]
    assert set(tuning["chosen"]) == {*METHODS, "supervised"}
    counts = {(len(trials["first"]), len(trials["second"])) for trials in tuning["trials"].values()}
    assert len(counts) == 1  # as many trials for each


def test_methods_that_are_about_patches_have_a_transformer_and_its_floor():
    transformers = {
        name for name in ALL if recipe(name, "shapes", encoder="small_cnn", passes=1).encoder == "small_vit"
    }
    assert transformers == {name for name in ALL if recipes.takes_transformer(name)} == {"mae", "dino", "ijepa"}
    options = cli._parser().parse_args(["compare", "--methods", "simclr", "ijepa", "--passes", "1"])
    assert "untrained_vit" in {made.method for made in cli._recipes(options, [0])}
