import os

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from PIL import Image

matplotlib.use("agg")
os.environ["SSL_COURSE_THREADS"] = "1"  # small tensors: a second thread costs more than it brings
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_figures_left():
    """Close what a test has drawn: more than twenty open figures are a warning, in whichever test comes next."""
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def shapes_folder(tmp_path_factory):
    """Built-in images as PNG files, FOLDER/<split>/<class>/NNN.png: 80 to train on, 40 to test with."""
    from ssl_course import load

    folder = tmp_path_factory.mktemp("shapes")
    for split, count in (("train", 80), ("test", 40)):
        drawn = load("shapes", split, size=count)
        for number, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True)):
            file = folder / split / drawn.classes[label] / f"{number:03}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(file)
    return folder


@pytest.fixture(scope="session")
def trained_run(shapes_folder, tmp_path_factory):
    """The folder of a run that SimCLR left after one pass over 64 of these images; it is there to be read only."""
    from ssl_course.cli import main

    out = tmp_path_factory.mktemp("runs") / "run"
    options = f"--data {shapes_folder} --epochs 1 --size 64 --batch-size 32 --device cpu --threads 1 --out {out}"
    assert main(["train", "simclr", *options.split()]) == 0
    return out
