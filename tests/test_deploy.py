import csv
import io
import re
import shutil
import subprocess
import sys

import pytest
import torch
from PIL import Image
from torch import nn

from ssl_course import deploy, load
from ssl_course.card import example, example_pt2
from ssl_course.cli import main
from ssl_course.data import ImageSet
from ssl_course.deploy import Expected, Portable, check, expect, export, trace, write_models
from ssl_course.evaluate import linear_probe
from ssl_course.features import extract_features
from ssl_course.recipes import new_encoder
from ssl_course.reopen import fit_classifier, open_run
from ssl_course.vit import kept_places

onnxruntime = pytest.importorskip("onnxruntime", reason="pip install ssl-course[export]")

ALONE = """
import runpy, sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, *place):
        return None if name.split(".")[0] in HIDDEN else self.finder.find_spec(name, *place)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def exported(trained_run, tmp_path_factory):
    """The folder that `ssl-course export` wrote for a run."""
    out = tmp_path_factory.mktemp("exports") / "model"
    assert main(["export", str(trained_run), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def classified(trained_run, shapes_folder):
    """A run and its classifier."""
    run = open_run(trained_run)
    return run, fit_classifier(run.encoder, load(shapes_folder))


def alone(program, *arguments, hidden, cwd):
    """A program run in another interpreter as if some packages weren't installed.

    -I leaves out this folder and $PYTHONPATH; what is hidden can't be imported from the site-packages either. The
    other packages are those of the tests' environment.
    """
    code = ALONE.replace("HIDDEN", repr(set(hidden.split())))
    command = [sys.executable, "-I", "-c", code, str(program), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def onnx_outputs(file, images):
    session = onnxruntime.InferenceSession(file)
    return [torch.from_numpy(part) for part in session.run(None, {"images": images.numpy()})]


# --- what is exported says what the run says


@pytest.mark.parametrize("count", [1, 5, 40])
def test_both_files_say_what_the_run_says_of_any_number_of_images(exported, classified, shapes_folder, count):
    run, classifier = classified
    images = load(shapes_folder, "test").images[:count]
    features = extract_features(run.encoder, images)
    pt2 = torch.export.load(exported / "model.pt2").module()(images)
    for said, logits in (pt2, onnx_outputs(exported / "model.onnx", images)):
        torch.testing.assert_close(said, features, rtol=0, atol=1e-5)
        probabilities = logits.double().softmax(dim=1)
        torch.testing.assert_close(probabilities, classifier.probabilities(features), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["small_cnn", "resnet18", "small_vit", "wide_vit"])
def test_every_encoder_exports(name, shapes_folder, tmp_path):
    images, encoder = load(shapes_folder)[:40], new_encoder(name, 0).eval()
    classifier = fit_classifier(encoder, images)
    differences = write_models(Portable(encoder, classifier), expect(encoder, classifier, images), tmp_path, classifier)
    assert list(differences) == ["model.pt2", "model.onnx"]
    assert max(differences.values()) < 1e-5


def test_a_transformer_that_was_traced_first_works_afterwards(shapes_folder):
    kept_places.cache_clear()
    images, encoder = load(shapes_folder).images[:4], new_encoder("small_vit", 0).eval()
    (traced,) = trace(Portable(encoder), images).module()(images)
    torch.testing.assert_close(extract_features(encoder, images), traced, rtol=0, atol=1e-5)


def test_of_two_classes_both_have_a_score(classified, shapes_folder):
    run, images = classified[0], load(shapes_folder)
    two = ImageSet(images.images, (images.labels < 4).long(), ("round", "pointed"))
    classifier = fit_classifier(run.encoder, two)
    features, logits = Portable(run.encoder, classifier)(two.images)
    assert logits.shape == (80, 2)
    right = classifier.probabilities(features)
    torch.testing.assert_close(logits.double().softmax(dim=1), right, rtol=0, atol=1e-5)


class Offset(nn.Module):
    """Features (B, 2) that hardly vary, far from 0."""

    dim = 2

    def forward(self, images):
        return 1000 + images.mean(dim=(2, 3))[:, :2]


def test_features_that_hardly_vary_keep_their_digits(shapes_folder):
    images = load(shapes_folder)
    classifier = fit_classifier(Offset(), images)
    features, logits = Portable(Offset(), classifier)(images.images)
    right = classifier.probe.decision_function(features.double().numpy())
    torch.testing.assert_close(logits.double(), torch.from_numpy(right), rtol=0, atol=2e-5)


def test_without_labels_there_are_features_alone(trained_run, shapes_folder, tmp_path):
    flat = str(shapes_folder / "train" / "disc")
    assert main(["export", str(trained_run), "--labelled", flat, "--out", str(tmp_path / "m")]) == 0
    images = load(flat, resolution=32).images
    (features,) = onnx_outputs(tmp_path / "m" / "model.onnx", images)
    torch.testing.assert_close(features, extract_features(open_run(trained_run).encoder, images), rtol=0, atol=1e-5)
    assert "Not measured: there were no labels" in (tmp_path / "m" / "model_card.md").read_text()
    picture = next(shapes_folder.glob("test/disc/*.png"))
    done = alone(tmp_path / "m" / "example.py", picture, hidden="ssl_course torch", cwd=tmp_path)
    assert len(done.stdout.split()) == 128, done.stderr


# --- a file that says something else is not kept


def frozen(model, images):
    return torch.export.export(model, (images[:3],))


def unscaled(model, images):
    model.encoder = nn.Sequential(Times(255), model.encoder)
    return trace(model, images)


def shuffled(model, images):
    model.weight, model.bias = model.weight.roll(1, dims=0), model.bias.roll(1, dims=0)
    return trace(model, images)


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, images):
        return self.factor * images


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (frozen, r"model\.pt2 was not kept, since it fails on 1 images at a time"),
        (unscaled, r"model\.pt2 was not kept, since its features differ from the run's by .* of the largest"),
        (shuffled, r"model\.pt2 was not kept, since \d+ of 1 images get another class"),
    ],
)
def test_a_wrong_export_leaves_nothing_behind(mistake, message, trained_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(deploy, "trace", mistake)
    assert main(["export", str(trained_run), "--out", str(tmp_path / "model")]) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "model").exists()


def test_a_wrong_model_onnx_leaves_nothing_behind_either(classified, tmp_path, monkeypatch):
    def other(program, file, classes):
        write(trace(Portable(new_encoder("small_cnn", 9), classified[1]), torch.zeros(3, 3, 32, 32).byte()), file, "[]")

    write = deploy._write_onnx
    monkeypatch.setattr(deploy, "_write_onnx", other)
    with pytest.raises(ValueError, match=r"model\.onnx was not kept, since its features differ"):
        export(classified[0], tmp_path / "model")
    assert not (tmp_path / "model").exists()


def answers(wrong_at=()):
    """Four images' answers, and a model that gives another class to some of them."""
    features, right = torch.randn(4, 3), torch.eye(4).mul(0.6).add(0.1).double()
    numbers = torch.arange(4, dtype=torch.uint8).view(4, 1, 1, 1).expand(-1, 3, 8, 8)
    logits = right.log().float()
    for place in wrong_at:
        logits[place] = logits[place].roll(1)

    def model(images):
        places = images[:, 0, 0, 0].long()
        return features[places], logits[places]

    return Expected(numbers, features, right), model


def test_a_check_compares_every_image():
    expected, model = answers()
    assert check("it", model, expected) == 0
    for place in range(4):
        expected, model = answers(wrong_at=[place])
        with pytest.raises(ValueError, match="it was not kept, since 1 of 1 images get another class"):
            check("it", model, expected)


def test_a_check_compares_the_probabilities_too():
    expected, model = answers()
    with pytest.raises(ValueError, match="it was not kept, since its probabilities differ by"):
        check("it", lambda images: (model(images)[0], 2 * model(images)[1]), expected)


# --- the example needs nothing of this package


@pytest.fixture
def photographs(shapes_folder, tmp_path):
    """Pictures that are not of the model's size: oblong, see-through, grey, turned by the camera."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    small = Image.open(next(shapes_folder.glob("test/star/*.png")))
    large = small.resize((90, 60))
    large.save(folder / "oblong.png")
    large.convert("L").save(folder / "grey.png")
    large.putalpha(large.convert("L"))
    large.save(folder / "see_through.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    small.resize((60, 90)).save(folder / "turned.jpg", exif=exif)
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["onnx", "pt2"])
def test_the_example_answers_as_predict_does_without_this_package(
    exported, trained_run, photographs, tmp_path, capsys, kind
):
    assert main(["predict", str(trained_run), str(photographs)]) == 0
    right = {row["path"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    moved, hidden = shutil.copytree(exported, tmp_path / "moved"), "ssl_course torchvision sklearn scipy matplotlib"
    program, hidden = moved / "example.py", f"{hidden} torch onnx onnxscript"
    if kind == "pt2":
        (code,) = re.findall(r"```python\n(.*?)```", (moved / "model_card.md").read_text(), re.DOTALL)
        program, hidden = moved / "of_the_card.py", "ssl_course torchvision sklearn scipy onnxruntime"
        program.write_text(code)
        right = {name: right[name] for name in ("see_through.png", "turned.jpg")}  # torch is slow to start
    for name, row in right.items():
        done = alone(program, photographs / name, hidden=hidden, cwd=moved)
        said, probability = done.stdout.split() or [done.stderr, "0"]
        assert said == row["class"]
        assert float(probability) == pytest.approx(float(row["probability"]), abs=2e-4)


def test_what_is_hidden_from_the_example_is_hidden(tmp_path):
    (tmp_path / "program.py").write_text("import ssl_course")
    done = alone(tmp_path / "program.py", hidden="ssl_course", cwd=tmp_path)
    assert "ModuleNotFoundError: No module named 'ssl_course'" in done.stderr


@pytest.mark.parametrize("classifies", [True, False])
def test_the_example_has_fifteen_lines_at_most(classifies):
    assert len(example((64, 64), classifies=classifies).splitlines()) <= 15
    assert len(example_pt2((64, 64), classifies=classifies).splitlines()) <= 15


# --- the card


def test_the_card_says_what_the_model_is(exported, trained_run, shapes_folder):
    card = (exported / "model_card.md").read_text()
    train, test = load(shapes_folder), load(shapes_folder, "test")
    known, new = (extract_features(open_run(trained_run).encoder, part.images) for part in (train, test))
    accuracy = linear_probe(known, train.labels, new, test.labels)
    assert f"{100 * accuracy:.1f} % of 40 test images get their own class" in card
    assert "Always naming the largest class would get 10.0 %" in card
    assert f"fitted to 80 training images of `{shapes_folder.name}`" in card
    assert f"| Training images | 64 of `{shapes_folder.name}`, without labels |" in card
    assert "| Input | uint8 (N, 3, 32, 32); normalisation inside |" in card
    assert f"| Classes | {', '.join(train.classes)} |" in card
    assert "compared with the run on real images, 1 and 7 at a time: the same classes" in card
    assert "Licence: _fill in" in card
    assert f"torch {torch.__version__.split('+')[0]}" in card
    assert str(shapes_folder.parent) not in card


def test_the_classes_are_in_the_files(exported, shapes_folder):
    stored = {"classes.json": ""}
    torch.export.load(exported / "model.pt2", extra_files=stored)
    kept = onnxruntime.InferenceSession(exported / "model.onnx").get_modelmeta().custom_metadata_map["classes"]
    assert stored["classes.json"] == kept == str(list(load(shapes_folder).classes)).replace("'", '"')


def test_without_test_images_the_card_claims_no_accuracy(classified, shapes_folder, tmp_path):
    for name in ("disc", "star", "ring"):
        (tmp_path / "few" / name).mkdir(parents=True)
        shutil.copy(next((shapes_folder / "train" / name).iterdir()), tmp_path / "few" / name)
    export(classified[0], tmp_path / "model", labelled=str(tmp_path / "few"))
    card = (tmp_path / "model" / "model_card.md").read_text()
    assert "Not measured: there were no labelled images beside those for training" in card
    assert " % " not in card


# --- what is refused


def test_without_the_extra_there_is_a_sentence_and_model_pt2(trained_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["export", str(trained_run), "--out", str(tmp_path / "m")]) == 1
    error = capsys.readouterr().err
    assert "model.onnx was not written, since onnxruntime can't be imported" in error
    assert 'pip install "ssl-course[export]"' in error
    assert {file.name for file in (tmp_path / "m").iterdir()} == {"model.pt2", "model_card.md"}
    assert "example.py" not in (tmp_path / "m" / "model_card.md").read_text()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("export {tmp} --out {tmp}/m", "is not a run: there is no made_of.json"),
        ("export {run} --out {run}", "{run} isn't an empty folder: delete it, or name another one"),
        ("export {run} --out {run}/made_of.json", "is a file, and a folder is needed"),
        ("export {run} --out {tmp}/m --labelled {tmp}/nowhere", "neither a folder here nor one of"),
        ("export {run} --out {tmp}/m --probe 0", "--probe must be at least 1, got 0"),
    ],
)
def test_bad_input_gets_one_sentence(command, message, trained_run, tmp_path, capsys):
    assert main(command.format(tmp=tmp_path, run=trained_run).split()) == 1
    error = capsys.readouterr().err.strip()
    assert message.format(tmp=tmp_path, run=trained_run) in error
    assert "Traceback" not in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "m").exists()


def test_a_run_whose_images_are_gone_says_so(trained_run, tmp_path, capsys):
    run = shutil.copytree(trained_run, tmp_path / "run")
    about = (run / "made_of.json").read_text()
    (run / "made_of.json").write_text(re.sub(r'"folder": "[^"]*"', '"folder": "/gone"', about))
    assert main(["export", str(run), "--out", str(tmp_path / "m")]) == 1
    assert "'/gone' is neither a folder here nor one of" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [run]
