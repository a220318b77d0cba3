"""Encoders with other people's weights: the same features, from a file if there is no network, or a clear sentence."""

import json
import urllib.error

import pytest
import torch
import torchvision

from ssl_course import cli, load, pretrained
from ssl_course.recipes import make, new_encoder, recipe, simclr_cost

SMALL = {"size": 64, "passes": 1, "batch_size": 32, "probe": 60}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(123)
    return torchvision.models.resnet18().eval()


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(network.state_dict(), path)
    return path


def test_features_are_those_of_the_network_before_its_last_layer(network, file):
    encoder = pretrained.pretrained(f"torchvision:resnet18@{file}")
    images = torch.rand(2, 3, 96, 96)
    mean, deviation = (torch.tensor(part).view(1, 3, 1, 1) for part in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.no_grad():
        h = encoder(images)
        torch.testing.assert_close(network.fc(h), network((images - mean) / deviation))
    assert h.shape == (2, encoder.dim) == (2, 512)


def test_small_images_are_enlarged_and_keep_their_shape(file):
    seen = []
    encoder = pretrained.pretrained(f"torchvision:resnet18@{file}")
    encoder.body.register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0].shape[2:])))
    for size in ((32, 48), (96, 96), (128, 100)):
        encoder(torch.rand(1, 3, *size))
    assert seen == [(96, 144), (96, 96), (128, 100)]


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "convnext_tiny"])
def test_other_networks_lose_their_last_layer_alone(name):
    encoder = pretrained.unweighted(f"torchvision:{name}").eval()
    assert encoder(torch.rand(1, 3, 96, 96)).shape == (1, encoder.dim)


@pytest.mark.parametrize(
    ("name", "message"),
    [("resnet19", "no network 'resnet19': try torchvision:resnet18"), ("vit_b_16", "no single linear layer")],
)
def test_a_network_that_cannot_be_had_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        pretrained.unweighted(f"torchvision:{name}")


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, FileNotFoundError, "there is no file of weights"),
        (b"<html>", ValueError, "can't be read as weights"),
        ([1, 2], ValueError, "holds no state_dict"),
        ({"conv1.weight": torch.zeros(64, 3, 7, 7)}, ValueError, "doesn't hold the weights of resnet18"),
        (torchvision.models.resnet34, ValueError, "doesn't hold the weights of resnet18"),
    ],
)
def test_a_file_without_these_weights_is_refused(content, error, message, tmp_path):
    path = tmp_path / "w.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content().state_dict() if callable(content) else content, path)
    with pytest.raises(error, match=message):
        pretrained.pretrained(f"torchvision:resnet18@{path}")


@pytest.mark.parametrize(
    "failure", [urllib.error.URLError("no route"), TimeoutError("timed out"), RuntimeError("hash")]
)
def test_without_a_network_it_says_which_file_to_fetch_and_where_to_put_it(failure, monkeypatch):
    def fails(*_, **__):
        raise failure

    monkeypatch.setattr(torchvision.models.ResNet18_Weights, "get_state_dict", fails)
    with pytest.raises(ConnectionError, match=r"fetch https://.*resnet18-.*\.pth .* torchvision:resnet18@FILE"):
        pretrained.pretrained("torchvision:resnet18")


def test_the_wait_for_a_download_ends_and_is_put_back(monkeypatch, network):
    waits = []

    def answer(*_, **__):
        waits.append(pretrained.socket.getdefaulttimeout())
        return network.state_dict()

    monkeypatch.setattr(torchvision.models.ResNet18_Weights, "get_state_dict", answer)
    pretrained.pretrained("torchvision:resnet18")
    assert waits == [pretrained.PATIENCE]
    assert pretrained.socket.getdefaulttimeout() is None


def test_a_recipe_begins_with_the_weights_and_costs_what_the_network_costs(file, network):
    name = f"torchvision:resnet18@{file}"
    method = make(recipe("simclr", encoder=name, passes=1))
    assert torch.equal(method.encoder.body.conv1.weight, network.conv1.weight)
    assert simclr_cost(recipe("simclr", encoder=name, passes=1)) > 10 * simclr_cost(recipe("simclr", passes=1))
    assert not torch.equal(new_encoder(name, 0, weights=False).body.conv1.weight, network.conv1.weight)
    with pytest.raises(ValueError, match=r"encoder must be one of small_cnn, .* or torchvision:NAME"):
        recipe("simclr", encoder="resnet99")


def test_the_command_line_trains_further_and_judges_what_was_there_before(file, shapes_folder, tmp_path, capsys):
    name, run = f"torchvision:resnet18@{file}", str(tmp_path / "run")
    few = ["--size", "40", "--batch-size", "20", "--epochs", "1", "--threads", "1", "--precision", "fp32"]
    data = ["--data", str(shapes_folder)]
    assert cli.main(["train", "simclr", "--encoder", name, "--out", run, *data, *few]) == 0
    assert cli.main(["evaluate", run, "--json"]) == 0
    after = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert cli.main(["evaluate", name, *data, "--json"]) == 0
    alone = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(alone) == ["pixels", "torchvision:resnet18"]
    assert list(after) == ["pixels", "torchvision:resnet18", "simclr"]
    assert alone["torchvision:resnet18"] == after["torchvision:resnet18"]
    assert cli.main(["evaluate", name]) == 1
    assert "name a labelled folder with --data" in capsys.readouterr().err


def test_its_pictures_are_judged_as_they_are_loaded(file):
    encoder = pretrained.pretrained(f"torchvision:resnet18@{file}")
    assert encoder(load("shapes", size=2).images.float() / 255).isfinite().all()
