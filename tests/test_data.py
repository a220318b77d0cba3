import os
import socket
import struct
import sys
import unicodedata
import warnings
import zlib
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from ssl_course import ImageSet, load, shapes
from ssl_course.data import TIMEOUT


def write(file: Path, *, size=(32, 32), value=None, mode="RGB", **options) -> Path:
    """An image file of noise that its path decides, or of one value."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if value is None:
        noise = np.random.default_rng(list(str(file.name).encode())).integers(0, 256, (size[1], size[0], 3))
        image = Image.fromarray(noise.astype(np.uint8)).convert(mode)
    else:
        image = Image.new(mode, size, value)
    image.save(file, **options)
    return file


def write_classes(folder: Path, **counts: int) -> Path:
    """folder/<class>/NN.png, every image of its own single grey value, in the order of the arguments."""
    value = 0
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            write(folder / name / f"{number:02}.png", value=(value, value, value))
            value += 1
    return folder


def values(images: ImageSet) -> list[int]:
    """The grey values of images of one value each, to tell them apart."""
    return images.images[:, 0, 0, 0].tolist()


def cut(file: Path, share: float = 0.5) -> Path:
    contents = file.read_bytes()
    file.write_bytes(contents[: int(share * len(contents))])
    return file


# --- ImageSet


@pytest.mark.parametrize(
    ("images", "got"),
    [
        (torch.zeros(2, 3, 4, 4), r"torch.float32 \(2, 3, 4, 4\)"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), r"torch.uint8 \(3, 4, 4\)"),
        (np.zeros((2, 3, 4, 4), np.uint8), "ndarray"),
    ],
)
def test_images_that_are_not_uint8_nchw_are_refused(images, got):
    with pytest.raises(ValueError, match=rf"uint8 tensor \(N, C, H, W\), got {got}"):
        ImageSet(images)


@pytest.mark.parametrize(
    ("labels", "got"),
    [(torch.tensor([0]), r"torch.int64 \(1,\)"), (torch.zeros(2), r"torch.float32 \(2,\)"), ([0, 1], "list")],
)
def test_labels_that_do_not_fit_are_refused(labels, got):
    with pytest.raises(ValueError, match=rf"labels must be an int64 tensor \(2,\), got {got}"):
        ImageSet(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), labels)


@pytest.mark.parametrize(
    "index", [slice(3, 7), torch.tensor([3, 4, 5, 6]), (torch.arange(20) > 2).logical_and_(torch.arange(20) < 7)]
)
def test_a_slice_a_mask_and_an_index_cut_images_labels_and_factors_alike(index):
    whole = load("shapes", size=20)
    part = whole[index]
    assert len(part) == 4
    assert torch.equal(part.images, whole.images[3:7])
    assert torch.equal(part.labels, whole.labels[3:7])
    assert part.classes == whole.classes
    assert set(part.factors) == set(whole.factors)
    assert all(torch.equal(part.factors[name], whole.factors[name][3:7]) for name in whole.factors)


def test_a_slice_of_unlabelled_images_is_unlabelled():
    part = ImageSet(torch.zeros(5, 3, 4, 4, dtype=torch.uint8), notes=("brought to 4x4",))[:2]
    assert (len(part), part.labels, part.factors, part.notes) == (2, None, None, ("brought to 4x4",))


def test_a_single_index_says_where_the_pixels_are():
    with pytest.raises(TypeError, match=r"takes a slice, mask or index tensor, got 3: one image is .images\[3\]"):
        load("shapes", size=20)[3]


@pytest.mark.parametrize("seed", [0, 1, 17])
def test_a_sample_is_even_over_the_classes(seed):
    labels = torch.tensor([0] * 50 + [1] * 10 + [2] * 3)
    sample = ImageSet(torch.zeros(63, 3, 4, 4, dtype=torch.uint8), labels).sample(23, seed=seed)
    assert sample.labels.bincount().tolist() == [10, 10, 3]


def test_a_sample_depends_on_the_seed_and_draws_nobody_twice():
    whole = load("shapes", size=100)
    one, same, other = (whole.sample(30, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.images, same.images)
    assert not torch.equal(one.images, other.images)
    assert len(one.factors["x"].unique()) == 30


def test_a_sample_of_unlabelled_images_is_drawn_from_all_of_them():
    whole = ImageSet(torch.arange(100, dtype=torch.uint8).view(100, 1, 1, 1))
    sample = whole.sample(20)
    assert sample.labels is None
    assert len(set(values(sample))) == 20
    assert max(values(sample)) > 50


@pytest.mark.parametrize(("size", "rule"), [(0, "at least 1, got 0"), (-1, "got -1"), (21, "only 20 images")])
def test_a_sample_of_an_impossible_size_is_refused(size, rule):
    with pytest.raises(ValueError, match=rule):
        load("shapes", size=20).sample(size)


# --- the built-in images


def test_shapes_come_with_labels_classes_and_factors():
    drawn = load("shapes", size=100)
    assert (drawn.images.dtype, tuple(drawn.images.shape)) == (torch.uint8, (100, 3, 32, 32))
    assert drawn.labels.dtype == torch.int64
    assert drawn.labels.bincount().tolist() == [10] * 10
    assert drawn.classes == shapes.CLASSES
    assert torch.equal(drawn.factors["class"], drawn.labels)


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others():
    one, same, other = (load("shapes", size=50, seed=seed).images for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("seed", [0, 1])
def test_train_and_test_shapes_share_no_image(seed):
    train, test = (load("shapes", split, size=200, seed=seed).images.flatten(1).numpy() for split in ("train", "test"))
    assert not {image.tobytes() for image in train} & {image.tobytes() for image in test}


def test_there_are_8000_shapes_to_train_on_and_2000_to_test(monkeypatch):
    few = shapes.draw(10)
    asked = []
    monkeypatch.setattr(shapes, "draw", lambda count, **_: asked.append(count) or few)  # drawing them takes seconds
    load("shapes"), load("shapes", "test")
    assert asked == [8000, 2000]


def test_distractors_are_for_shapes_only(tmp_path):
    assert not torch.equal(load("shapes", size=10).images, load("shapes", size=10, distractors=True).images)
    with pytest.raises(ValueError, match="distractors belongs to the built-in images"):
        load(write_classes(tmp_path, a=5), distractors=True)


# --- folders: which file is what


def test_a_folder_of_splits_is_read_by_split(tmp_path):
    write_classes(tmp_path / "train", cat=3, dog=2)
    write_classes(tmp_path / "test", cat=1, dog=1)
    train, test = load(tmp_path), load(str(tmp_path), "test")
    assert train.classes == test.classes == ("cat", "dog")
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 0, 0, 1, 1], [0, 1])
    assert (values(train), values(test)) == ([0, 1, 2, 3, 4], [0, 1])
    assert train.notes == ()


@pytest.mark.parametrize("seed", [0, 5])
def test_every_fifth_image_of_a_class_is_the_test_split_whatever_the_seed(tmp_path, seed):
    write_classes(tmp_path, cat=11, dog=5)
    train, test = load(tmp_path, seed=seed), load(tmp_path, "test", seed=seed)
    assert (values(test), test.labels.tolist()) == ([4, 9, 15], [0, 0, 1])
    assert sorted(values(train) + values(test)) == list(range(16))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_train_and_test_never_overlap_with_a_size_either(tmp_path, seed):
    write_classes(tmp_path, cat=10, dog=10)
    train, test = load(tmp_path, size=7, seed=seed), load(tmp_path, "test", size=3, seed=seed + 1)
    assert not set(values(train)) & set(values(test))


def test_a_class_that_is_missing_in_one_split_does_not_shift_the_labels(tmp_path):
    write_classes(tmp_path / "train", ant=1, cat=1)
    write_classes(tmp_path / "test", bee=1, cat=2)
    assert load(tmp_path).classes == load(tmp_path, "test").classes == ("ant", "bee", "cat")
    assert load(tmp_path).labels.tolist() == [0, 2]
    assert load(tmp_path, "test").labels.tolist() == [1, 2, 2]


def test_a_class_too_small_for_a_test_image_does_not_shift_the_labels(tmp_path):
    write_classes(tmp_path, ant=1, cat=5)
    with pytest.warns(UserWarning, match="no image of ant in split 'test': a class needs two images"):
        test = load(tmp_path, "test")
    assert test.classes == load(tmp_path).classes == ("ant", "cat")
    assert test.labels.tolist() == [1]
    assert "no image of ant" in test.notes[0]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_class_of_two_to_four_images_has_its_last_one_in_the_test(tmp_path, count):
    write_classes(tmp_path, ant=count, cat=5)
    train, test = load(tmp_path), load(tmp_path, "test")
    assert values(test) == [count - 1, count + 4]
    assert (train.labels == 0).sum() == count - 1
    assert train.notes == test.notes == ()


def test_a_flat_folder_has_no_labels_and_no_test_split(tmp_path):
    for number in range(6):
        write(tmp_path / f"{number}.JPG")
    images = load(tmp_path)
    assert (len(images), images.labels, images.classes, images.factors) == (6, None, (), None)
    assert len(load(tmp_path, size=2)) == 2
    with pytest.raises(FileNotFoundError, match="flat folder of unlabelled images, all of them split 'train'"):
        load(tmp_path, "test")


def test_one_class_only_is_fine(tmp_path):
    images = load(write_classes(tmp_path, only=1))
    assert (images.classes, images.labels.tolist()) == (("only",), [0])
    with pytest.raises(FileNotFoundError, match="too few images for a test split"):
        load(tmp_path, "test")


def test_a_size_is_drawn_even_over_the_classes(tmp_path):
    write_classes(tmp_path / "train", ant=20, bee=4, cat=2)
    images = load(tmp_path, size=10)
    assert images.labels.bincount().tolist() == [4, 4, 2]
    assert values(images) == values(load(tmp_path, size=10))
    assert values(images) != values(load(tmp_path, size=10, seed=1))


@pytest.mark.parametrize(
    ("size", "rule"), [(5, "size=5 was asked for, but there are only 4"), (0, "at least 1, got 0")]
)
def test_a_size_that_is_not_there_is_refused(tmp_path, size, rule):
    with pytest.raises(ValueError, match=rule):
        load(write_classes(tmp_path / "data", a=5), size=size)


def test_hidden_files_are_no_images(tmp_path):
    write_classes(tmp_path / "train", a=4)
    (tmp_path / "train" / "a" / "._00.png").write_bytes(b"what macOS leaves on a USB stick")
    write(tmp_path / "train" / "a" / ".ipynb_checkpoints" / "00-checkpoint.png")
    write(tmp_path / ".thumbnails" / "00.png")
    assert values(load(tmp_path)) == [0, 1, 2, 3]


def test_images_beside_the_class_folders_are_left_out_and_counted(tmp_path):
    write(write_classes(tmp_path, a=5) / "loose.png")
    with pytest.warns(UserWarning, match=r"beside the class folders .*\(1 image\)"):
        images = load(tmp_path)
    assert len(images) == 4
    assert "beside the class folders" in images.notes[0]


@pytest.mark.parametrize("kind", ["shapes", "cifar10", "classes", "flat"])
def test_a_split_of_another_name_is_refused(tmp_path, kind):
    write_classes(tmp_path / "classes", a=5)
    write(tmp_path / "flat" / "1.png")
    name = kind if kind in ("shapes", "cifar10") else tmp_path / kind
    with pytest.raises(ValueError, match=r"split must be .*train.*test, got 'val'"):
        load(name, "val", root=tmp_path / "root")


def test_a_missing_split_names_the_ones_there_are(tmp_path):
    write_classes(tmp_path / "train", a=1)
    with pytest.raises(FileNotFoundError, match="has no split 'test', only train"):
        load(tmp_path, "test")


def test_a_missing_folder_names_what_is_known(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing' is neither a folder here nor one of shapes, cifar10, stl10"):
        load(tmp_path / "nothing")


@pytest.mark.parametrize("inside", ["", "train/cat", "notes.txt"])
def test_a_folder_without_images_says_which_endings_count(tmp_path, inside):
    path = tmp_path / inside
    path.write_text("") if path.suffix else path.mkdir(parents=True, exist_ok=True)
    with pytest.raises(FileNotFoundError, match=r"no images in .*: files ending in .bmp, .gif, .jpeg, .jpg, .png"):
        load(tmp_path)


# --- folders that aren't classes


def note_of(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call().notes


@pytest.mark.filterwarnings("ignore:.*aren't taken for classes:UserWarning")
@pytest.mark.parametrize(
    "names",
    [
        ("2024-01", "2024-02", "2024-03", "2024-04"),
        ("20240131",),
        ("DCIM", "100CANON"),
        ("batch_1", "batch_2"),
        ("cam1",),
    ],
)
def test_folders_called_after_dates_or_cameras_are_unlabelled_and_all_of_them_are_trained_on(tmp_path, names):
    write_classes(tmp_path, **dict.fromkeys(names, 10))
    images = load(tmp_path)
    assert images.labels is None
    assert images.classes == ()
    assert sorted(values(images)) == list(range(10 * len(names)))
    with pytest.raises(FileNotFoundError, match=r'split .train.; if .* classes, ask with labels="folders"'):
        load(tmp_path, "test")


@pytest.mark.filterwarnings("ignore:.*aren't taken for classes:UserWarning")
@pytest.mark.parametrize("place", ["unlabelled", "Unlabeled", "labelled/unlabelled"])
def test_what_lies_in_a_folder_called_unlabelled_is(tmp_path, place):
    write_classes(tmp_path / place, meadow=5, forest=5)
    assert load(tmp_path / place).labels is None
    assert load(tmp_path / place / "..").labels is None  # it is the only folder there


def test_a_path_may_lead_up(tmp_path):
    write_classes(tmp_path, cat=5, dog=5)
    assert load(tmp_path / "cat" / "..").classes == ("cat", "dog")


def test_labelled_in_the_path_comes_after_unlabelled(tmp_path):
    write_classes(tmp_path / "unlabelled" / "labelled", meadow=5, forest=5)
    assert load(tmp_path / "unlabelled" / "labelled").classes == ("forest", "meadow")


def test_what_was_assumed_and_how_to_ask_otherwise_is_said(tmp_path):
    write_classes(tmp_path, **{"2024-01": 5, "2024-02": 5})
    (note,) = note_of(lambda: load(tmp_path))
    assert "2024-01, 2024-02 are called after dates: no labels, and nothing is held back for a test" in note
    assert 'ask with labels="folders" (on the command line --labels folders)' in note
    assert load(tmp_path, labels="folders").classes == ("2024-01", "2024-02")
    assert note_of(lambda: load(tmp_path, labels="folders")) == ()


@pytest.mark.parametrize("names", ["0123456789", ("cat", "2024-01"), ("3", "7")])
def test_digits_and_a_date_beside_a_word_are_classes(tmp_path, names):
    write_classes(tmp_path, **dict.fromkeys(names, 5))
    assert load(tmp_path).classes == tuple(sorted(names))
    assert len(load(tmp_path, "test")) == len(names)


def test_without_labels_every_image_is_there_wherever_it_lies(tmp_path):
    write_classes(tmp_path, cat=5, dog=5)
    write(tmp_path / "beside.png", value=(99, 99, 99))
    write(tmp_path / "dog" / "deep" / "er.png", value=(98, 98, 98))
    images = load(tmp_path, labels=None)
    assert images.labels is None
    assert sorted(values(images)) == [*range(10), 98, 99]
    assert images.notes == ()


@pytest.mark.filterwarnings("ignore:.*aren't taken for classes:UserWarning")
@pytest.mark.parametrize("asked", [{}, {"labels": None}])
def test_splits_stay_splits_without_labels(tmp_path, asked):
    write_classes(tmp_path / "train", **{"2024-01": 5, "2024-02": 2})
    write_classes(tmp_path / "test", **{"2024-03": 3})
    assert [len(load(tmp_path, split, **asked)) for split in ("train", "test")] == [7, 3]
    assert load(tmp_path, **asked).labels is None


@pytest.mark.parametrize("asked", ["yes", "none", True, 3])
def test_labels_is_auto_folders_or_none(tmp_path, asked):
    with pytest.raises(ValueError, match='labels must be "auto", "folders" or None, got'):
        load(write_classes(tmp_path, cat=5), labels=asked)


# --- folders: files that can't be read


@pytest.fixture
def broken(tmp_path):
    """Eight training images, of which three are broken in different ways."""
    write_classes(tmp_path, cat=5, dog=5)
    write(tmp_path / "cat" / "01.png")
    cut(tmp_path / "cat" / "01.png")
    (tmp_path / "dog" / "00.png").write_bytes(b"")
    (tmp_path / "dog" / "02.png").write_text("<html>404</html>")
    return tmp_path


def test_unreadable_files_are_named_counted_and_refused(broken):
    named = r"3 of 8 images in .* can't be read \(cat/01.png, dog/00.png, dog/02.png\): .*; or leave them out.*skip"
    with pytest.raises(ValueError, match=named):
        load(broken)


def test_unreadable_files_are_skipped_on_demand_with_their_labels_and_said_so(broken):
    with pytest.warns(UserWarning, match="left out 3 unreadable of 8 images: cat/01.png, dog/00.png, dog/02.png"):
        images = load(broken, unreadable="skip")
    assert (values(images), images.labels.tolist()) == ([0, 2, 3, 6, 8], [0, 0, 0, 1, 1])
    assert "left out 3 unreadable of 8" in images.notes[0]


@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "bmp", "webp", "tif", "ppm"])
def test_a_truncated_file_is_named_and_counted(tmp_path, ending):
    write(tmp_path / f"whole.{ending}", size=(64, 64))
    cut(write(tmp_path / f"half.{ending}", size=(64, 64)))
    with pytest.raises(ValueError, match=rf"1 of 2 images in .* can't be read \(half.{ending}\): cut off"):
        load(tmp_path)


@pytest.mark.parametrize("unreadable", ["refuse", "skip"])
def test_a_folder_of_nothing_but_unreadable_files_is_refused(tmp_path, unreadable):
    for number in range(7):
        (tmp_path / f"{number}.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of the 7 images in .* can be read \(0.png, .*4.png, …\)"):
        load(tmp_path, unreadable=unreadable)


def test_unreadable_is_refuse_or_skip(tmp_path):
    with pytest.raises(ValueError, match="""must be "refuse" or "skip", got 'ignore'"""):
        load(write_classes(tmp_path, a=1), unreadable="ignore")


# --- folders: from files to pixels


@pytest.mark.parametrize(
    ("mode", "value", "rgb"),
    [
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", (77, 0), (255, 255, 255)),
        ("I;16", 40000, (156, 156, 156)),
    ],
)
def test_every_kind_of_pixel_becomes_rgb_and_transparency_white(tmp_path, mode, value, rgb):
    write(tmp_path / "1.png", mode=mode, value=value)
    images = load(tmp_path).images
    assert tuple(images.shape) == (1, 3, 32, 32)
    assert (images == torch.tensor(rgb).view(1, 3, 1, 1)).all()


def test_a_palette_gives_its_colours_and_its_transparent_one_white(tmp_path):
    image = Image.new("P", (32, 32), 0)
    image.putpalette([200, 0, 0, 0, 100, 0])
    image.paste(1, (16, 0, 32, 32))
    image.save(tmp_path / "1.png")
    image.save(tmp_path / "2.png", transparency=0)
    left, right = load(tmp_path).images[:, :, 0, 0], load(tmp_path).images[:, :, 0, 31]
    assert left.tolist() == [[200, 0, 0], [255, 255, 255]]
    assert right.tolist() == [[0, 100, 0], [0, 100, 0]]


def test_a_photograph_is_turned_as_its_camera_said(tmp_path):
    image, exif = Image.new("RGB", (32, 32), "black"), Image.Exif()
    image.paste("white", (0, 0, 32, 16))  # the upper half
    exif[0x0112] = 6  # turn by 90 degrees clockwise to show
    image.save(tmp_path / "1.png", exif=exif)
    pixels = load(tmp_path).images[0, 0]
    assert (pixels[:, 16:] == 255).all()
    assert (pixels[:, :16] == 0).all()


@pytest.mark.parametrize("side", [16, 32, 96])
def test_square_images_of_one_small_size_stay_as_they_are(tmp_path, side):
    write(tmp_path / "1.png", size=(side, side))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = load(tmp_path)
    assert np.array_equal(images.images[0].permute(1, 2, 0), Image.open(tmp_path / "1.png"))


@pytest.mark.parametrize("sizes", [((32, 32), (48, 48)), ((40, 20), (40, 20)), ((300, 200), (32, 32))])
def test_mixed_sizes_are_brought_to_64_and_said_so(tmp_path, sizes):
    for number, size in enumerate(sizes):
        write(tmp_path / f"{number}.png", size=size)
    said = f"2 of 2 images .*{sizes[0][0]}x{sizes[0][1]}.* were brought to 64x64, keeping the middle"
    with pytest.warns(UserWarning, match=said) as caught:
        images = load(tmp_path)
    assert tuple(images.images.shape) == (2, 3, 64, 64)
    assert images.notes[0] in str(caught[0].message)
    assert caught[0].filename == __file__  # the caller's line, not one in the package


@pytest.mark.parametrize(("side", "said"), [(255, None), (900, "up to 14 times smaller, so that detail under 15")])
def test_much_smaller_images_say_what_is_lost(tmp_path, side, said):
    Image.new("RGB", (side + 20, side)).save(tmp_path / "1.png")
    with pytest.warns(UserWarning, match="brought to 64x64"):
        (note,) = load(tmp_path).notes
    assert (said in note) if said else ("smaller" not in note)


@pytest.mark.filterwarnings("ignore:.*brought to:UserWarning")
def test_large_images_keep_their_middle(tmp_path):
    image = Image.new("RGB", (1200, 600), "black")
    image.paste("white", (300, 0, 900, 600))
    image.save(tmp_path / "1.png")
    images = load(tmp_path)
    assert tuple(images.images.shape) == (1, 3, 64, 64)
    assert images.images.min() > 200  # the outermost pixels mix with what is beyond them
    assert "1200x600" in images.notes[0]


@pytest.mark.filterwarnings("ignore:.*brought to:UserWarning")
@pytest.mark.parametrize("resolution", [16, 100])
def test_a_resolution_is_what_every_image_is_brought_to(tmp_path, resolution):
    for number, size in enumerate([(32, 32), (50, 20), (200, 300)]):
        write(tmp_path / f"{number}.png", size=size)
    images = load(tmp_path, resolution=resolution)
    assert tuple(images.images.shape) == (3, 3, resolution, resolution)
    assert f"3 of 3 images (200x300, 32x32, 50x20) were brought to {resolution}x{resolution}" in images.notes[0]


@pytest.mark.parametrize("resolution", [0, -5])
def test_a_resolution_below_one_is_refused(tmp_path, resolution):
    with pytest.raises(ValueError, match=f"resolution must be at least 1, got {resolution}"):
        load(write_classes(tmp_path, a=1), resolution=resolution)


# --- downloads


def fake_cifar(failure=None):
    """torchvision's CIFAR10 as far as load knows it; a download stops with `failure` after half a file."""

    class Fake:
        classes = ("cat", "dog")

        def __init__(self, root, *, train, download):
            file = Path(root) / "batches"
            if download:
                assert socket.getdefaulttimeout() == TIMEOUT
                file.write_bytes(b"half of it")
                if failure is not None:
                    raise failure
                file.write_bytes(b"all of it, really")
            elif not file.exists() or file.read_bytes() != b"all of it, really":
                raise RuntimeError("Dataset not found or corrupted.")
            self.data = np.full((4, 32, 32, 3), 1 if train else 2, np.uint8)
            self.targets = [0, 1, 0, 1]

    return Fake


FAILURES = [URLError("no network"), TimeoutError("timed out"), RuntimeError("corrupted"), IncompleteRead(b"half")]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_a_failed_download_says_what_to_do_and_leaves_nothing(tmp_path, monkeypatch, failure):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar(failure))
    with pytest.raises(ConnectionError, match=r'cifar10 could not be downloaded .*Without a network.*load\("shapes"\)'):
        load("cifar10", root=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", [None, URLError("no network")])
@pytest.mark.parametrize("before", [None, 7.0])
def test_a_download_puts_the_timeout_back(tmp_path, monkeypatch, failure, before):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar(failure))
    socket.setdefaulttimeout(before)
    try:
        with pytest.raises(ConnectionError) if failure else warnings.catch_warnings():
            load("cifar10", root=tmp_path)
        assert socket.getdefaulttimeout() == before
    finally:
        socket.setdefaulttimeout(None)


def test_a_download_that_is_interrupted_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        load("cifar10", root=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert socket.getdefaulttimeout() is None


def test_a_download_is_found_again_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar())
    first = load("cifar10", root=tmp_path / "new" / "root")
    assert [file.name for file in (tmp_path / "new" / "root").iterdir()] == ["cifar10"]
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar(URLError("no network")))
    again = load("cifar10", "test", root=tmp_path / "new" / "root", download=False)
    assert (first.images.unique().tolist(), again.images.unique().tolist()) == ([1], [2])
    assert (first.labels.tolist(), first.classes) == ([0, 1, 0, 1], ("cat", "dog"))


def test_an_incomplete_download_is_completed_and_its_neighbours_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar())
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "batches").write_bytes(b"half of it")
    (tmp_path / "cifar10" / "mine.txt").write_text("keep")
    assert len(load("cifar10", root=tmp_path)) == 4
    assert (tmp_path / "cifar10" / "mine.txt").read_text() == "keep"
    assert [file.name for file in tmp_path.iterdir()] == ["cifar10"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are another matter there")
def test_a_downloaded_folder_can_be_shared_like_any_other(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar())
    load("cifar10", root=tmp_path)
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "cifar10").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_without_permission_to_download_a_missing_set_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar())
    with pytest.raises(FileNotFoundError, match=r"cifar10 is not in .* and download=False"):
        load("cifar10", root=tmp_path, download=False)
    assert list(tmp_path.iterdir()) == []


def test_a_root_that_is_a_file_is_a_failed_download(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar())
    (tmp_path / "root").write_text("")
    with pytest.raises(ConnectionError, match=r"could not be downloaded to .*root"):
        load("cifar10", root=tmp_path / "root")


def test_downloads_are_kept_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar())
    monkeypatch.setenv("SSL_COURSE_DATA", str(tmp_path / "shared"))
    load("cifar10")
    assert (tmp_path / "shared" / "cifar10" / "batches").exists()


def test_a_size_of_a_downloaded_set_is_drawn_even_over_the_classes(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar())
    assert load("cifar10", root=tmp_path, size=2).labels.bincount().tolist() == [1, 1]


def test_cifar10_becomes_channels_first(tmp_path, monkeypatch):
    fake = fake_cifar()
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    monkeypatch.setattr(fake, "data", property(lambda self: pixels, lambda self, value: None), raising=False)
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake)
    images = load("cifar10", root=tmp_path).images
    assert images.is_contiguous()
    assert np.array_equal(images.permute(0, 2, 3, 1), pixels)


def test_fashion_mnist_becomes_32_pixels_of_three_channels(tmp_path, monkeypatch):
    class Fake:
        classes = ("shirt", "shoe")
        data, targets = torch.full((4, 28, 28), 9, dtype=torch.uint8), torch.tensor([0, 1, 1, 0])

        def __init__(self, root, *, train, download): ...

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", Fake)
    fashion = load("fashion_mnist", root=tmp_path)
    assert (fashion.images.dtype, tuple(fashion.images.shape)) == (torch.uint8, (4, 3, 32, 32))
    assert (fashion.images[:, :, 2:30, 2:30] == 9).all()
    assert fashion.images.sum() == 4 * 3 * 28 * 28 * 9  # the border is black
    assert fashion.labels.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(("split", "labels"), [("train", [1, 0]), ("unlabeled", None)])
def test_stl10_has_unlabelled_images_too(tmp_path, monkeypatch, split, labels):
    class Fake:
        classes = ("airplane", "bird")

        def __init__(self, root, *, split, download):
            self.data = np.zeros((2, 3, 96, 96), np.uint8)
            self.labels = np.array([-1, -1] if split == "unlabeled" else [1, 0], np.uint8 if split == "train" else int)

    monkeypatch.setattr(torchvision.datasets, "STL10", Fake)
    images = load("stl10", split, root=tmp_path)
    assert tuple(images.images.shape) == (2, 3, 96, 96)
    assert (images.labels if labels is None else images.labels.tolist()) == labels


def test_a_folder_may_have_a_validation_split(tmp_path):
    for split in ("train", "val"):
        (tmp_path / split / "disc").mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / split / "disc" / "0.png")
    assert len(load(tmp_path, "val")) == 1
    with pytest.raises(FileNotFoundError, match="no split 'test', only train, val"):
        load(tmp_path, "test")


def test_an_image_set_says_what_it_is_in_one_line():
    assert repr(load("shapes", size=10)).startswith("ImageSet: 10 images 3x32x32, 10 classes, factors class, hue")
    assert repr(ImageSet(load("shapes", size=10).images)) == "ImageSet: 10 images 3x32x32, no labels"


# --- folders: splits by usage


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Train", "Test"),
        ("TRAIN", "TEST"),
        ("training", "testing"),
        ("Training_Set", "test_set"),
        ("train data", "test-data"),
        ("trainset", "testset"),
    ],
)
def test_splits_are_known_by_usage_and_not_by_one_spelling(tmp_path, train, test):
    write_classes(tmp_path / train, cat=3, dog=2)
    write_classes(tmp_path / test, cat=1, dog=1)
    one, other = load(tmp_path), load(tmp_path, "test")
    assert one.classes == other.classes == ("cat", "dog")
    assert (len(one), len(other)) == (5, 2)
    assert one.notes == other.notes == ()


@pytest.mark.parametrize("name", ["val", "valid", "Validation", "VAL", "validation_set"])
@pytest.mark.parametrize("asked", ["val", "validation"])
def test_a_validation_split_has_many_names(tmp_path, name, asked):
    write_classes(tmp_path / "train", cat=3)
    write_classes(tmp_path / name, cat=2)
    assert len(load(tmp_path, asked)) == 2
    with pytest.raises(FileNotFoundError, match=f"has no split 'test', only .*{name}"):
        load(tmp_path, "test")


def test_two_folders_of_one_split_are_read_only_by_their_own_names(tmp_path):
    write_classes(tmp_path / "val", cat=2)
    write_classes(tmp_path / "validation", cat=3)
    with pytest.warns(UserWarning, match="left out validation: val is read as split 'val'"):
        assert len(load(tmp_path, "val")) == 2
    with pytest.raises(ValueError, match="has 2 folders for split 'valid': val, validation; name one as split"):
        load(tmp_path, "valid")


@pytest.mark.parametrize(
    ("name", "others"), [("train", ("bus", "tram")), ("valid", ("invalid",)), ("Test", ("blank",))]
)
def test_a_class_may_be_called_like_a_split_if_its_neighbours_are_classes(tmp_path, name, others):
    write_classes(tmp_path, **dict.fromkeys((name, *others), 5))
    with pytest.warns(UserWarning, match=f"{name} is read as a class, since it lies beside {', '.join(others)}"):
        images = load(tmp_path)
    assert images.classes == tuple(sorted((name, *others)))
    assert len(images) == 4 * len(images.classes)


def test_what_lies_beside_the_splits_is_left_out_and_named(tmp_path):
    write_classes(tmp_path / "train", cat=3)
    write_classes(tmp_path / "test", cat=3)
    write(write_classes(tmp_path, extra=2) / "loose.png")
    with pytest.warns(UserWarning, match="left out"):
        notes = load(tmp_path).notes
    assert notes == ("left out the folders beside the splits: extra", "left out 1 image beside the splits: loose.png")


def test_splits_one_folder_deeper_are_pointed_out(tmp_path):
    write_classes(tmp_path / "pictures" / "train", cat=5)
    write_classes(tmp_path / "pictures" / "test", cat=5)
    with pytest.warns(
        UserWarning, match=r"pictures is read as a class, though it holds test, train: .* load .*/pictures"
    ):
        assert load(tmp_path).classes == ("pictures",)


# --- folders: what is a class


@pytest.mark.parametrize("inside", [None, "notes.txt", "day 1"])
def test_a_folder_without_images_is_no_class(tmp_path, inside):
    write_classes(tmp_path, cat=5, dog=5, empty=0)
    if inside:
        path = tmp_path / "empty" / inside
        path.write_text("later") if path.suffix else path.mkdir()
    with pytest.warns(UserWarning, match="folders without images aren't counted as classes: empty"):
        images = load(tmp_path)
    assert images.classes == ("cat", "dog")
    assert images.labels.unique().tolist() == [0, 1]
    assert "aren't counted as classes: empty" in " ".join(images.notes)


def test_a_class_that_only_another_split_has_is_a_class_and_its_absence_is_said(tmp_path):
    write_classes(tmp_path / "train", ant=1, bee=1, empty=0)
    write_classes(tmp_path / "test", ant=1, bee=0, empty=0)
    with pytest.warns(UserWarning, match="no image of bee in split 'test'"):
        test = load(tmp_path, "test")
    assert test.classes == ("ant", "bee")


@pytest.mark.parametrize("name", ["café", "Zürich", "ñandú", "Å"])
def test_a_name_written_in_two_unicode_forms_is_one_class(tmp_path, name):
    forms = [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    write_classes(tmp_path / "train", **{forms[0]: 2, "other": 2})
    write_classes(tmp_path / "test", **{forms[1]: 2, "other": 2})
    train, test = load(tmp_path), load(tmp_path, "test")
    assert train.classes == test.classes == tuple(sorted((forms[0], "other")))
    assert train.labels.bincount().tolist() == test.labels.bincount().tolist() == [2, 2]


def test_two_folders_of_one_name_are_one_class_and_that_is_said(tmp_path):
    write_classes(tmp_path, **{unicodedata.normalize(form, "café"): 5 for form in ("NFC", "NFD")})
    with pytest.warns(UserWarning, match="two folders are called café, in two Unicode forms: read as one class"):
        images = load(tmp_path)
    assert (images.classes, len(images)) == (("café",), 8)


@pytest.mark.parametrize("name", ["with space", "[a-z]*", "naïve ☂", "a;b|c", "'quoted'", "-r", "$HOME", "%d"])
def test_folders_of_any_name_are_read(tmp_path, name):
    write_classes(tmp_path / name / "train", **{name: 2})
    images = load(tmp_path / name)
    assert (images.classes, len(images), images.notes) == ((name,), 2, ())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_of_bytes_that_are_no_text_can_be_printed(tmp_path):
    folder = os.fsencode(tmp_path) + b"/train/caf\xe9"
    os.makedirs(folder)
    write(Path(os.fsdecode(folder)) / "1.png")
    (Path(os.fsdecode(folder)) / os.fsdecode(b"\xe9.txt")).write_text("")
    with pytest.warns(UserWarning, match="left out 1 file "):
        images = load(tmp_path)
    assert images.classes == ("caf\ufffd",)
    " ".join((*images.classes, *images.notes)).encode()


# --- folders: what is read, and what is said to be left out


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.jfif", "JPEG"), ("b", "PNG"), ("c.JPE", "JPEG"), ("d.pgm", "PPM"), ("e.jp2", "JPEG2000"), ("f.png_", "PNG")],
)
def test_a_picture_of_an_unknown_ending_is_read(tmp_path, name, kind):
    Image.new("RGB", (8, 8), (90, 90, 90)).save(tmp_path / name, kind)
    images = load(tmp_path)
    assert (len(images), images.notes) == (1, ())
    assert images.images.float().mean() == pytest.approx(90, abs=2)


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("IMG_1.HEIC", b"\0\0\0\x18ftypheic" + bytes(50)),
        ("scan.pdf", b"%PDF-1.7 " + bytes(50)),
        ("drawing.svg", b"<svg></svg>"),
        ("camera.cr3", b"\0\0\0\x18ftypcrx " + bytes(50)),
        ("without_ending", b"nothing"),
        ("empty", b""),
    ],
)
@pytest.mark.parametrize("place", ["cat", "cat/day 1", ""])
def test_a_file_that_is_seen_and_not_used_is_counted_and_named(tmp_path, name, contents, place):
    (write_classes(tmp_path, cat=5, dog=5) / place).mkdir(exist_ok=True)
    (tmp_path / place / name).write_bytes(contents)
    shown = f"{place}/{name}".lstrip("/")
    for split in ("train", "test"):
        with pytest.warns(UserWarning, match="left out"):
            notes = load(tmp_path, split).notes
        (said,) = notes
        assert said.startswith("left out 1 file without a picture that is known here")
        assert said.endswith(f": {shown}")


def test_a_folder_of_pictures_that_cannot_be_read_says_which_it_saw(tmp_path):
    for number in range(7):
        (tmp_path / f"{number}.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    with pytest.raises(
        FileNotFoundError, match=r"no images in .*left out 7 files .* JPEG or PNG\): 0.heic, .*4.heic, …"
    ):
        load(tmp_path)


@pytest.mark.parametrize("link", ["cat/disk2", "cat/within/disk2", "ant"])
def test_linked_folders_are_read(tmp_path, link):
    write_classes(tmp_path / "data" / "train", cat=5)
    write_classes(tmp_path / "elsewhere", pictures=3)
    place = tmp_path / "data" / "train" / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(tmp_path / "elsewhere" / "pictures")
    images = load(tmp_path / "data")
    assert (len(images), images.notes) == (8, ())
    assert images.classes == (("ant", "cat") if link == "ant" else ("cat",))


@pytest.mark.parametrize("target", ["..", ".", "../..", "first"])
def test_links_that_lead_back_end_and_are_named(tmp_path, target):
    write_classes(tmp_path / "train", cat=4)
    write(tmp_path / "train" / "cat" / "first" / "a.png")
    (tmp_path / "train" / "cat" / "loop").symlink_to(tmp_path / "train" / "cat" / target)
    with pytest.warns(UserWarning, match="left out 1 link to a folder that is read elsewhere: train/cat/loop"):
        assert len(load(tmp_path)) == 5


@pytest.mark.parametrize("layout", ["", "train"])
def test_a_class_that_leads_back_is_no_class(tmp_path, layout):
    write_classes(tmp_path / layout, cat=5)
    (tmp_path / layout / "loop").symlink_to(tmp_path / layout)
    with pytest.warns(UserWarning, match="left out 1 link to a folder that is read elsewhere: .*loop"):
        assert load(tmp_path).classes == ("cat",)


@pytest.mark.parametrize(
    ("link", "target"), [("train/kitten", "train/cat"), ("test", "train"), ("test/cat", "train/cat")]
)
def test_a_folder_that_is_read_twice_by_a_link_is_named(tmp_path, link, target):
    write_classes(tmp_path / "train", cat=5)
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(tmp_path / target)
    place = link if "/" in link else f"{link}/cat"
    named = ", ".join(sorted([place, "train/cat"], key=lambda name: (name.split("/")[1], name)))
    with pytest.warns(UserWarning, match=f"one folder is read as {named}, by links"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["gone.png", "gone", "gone folder"])
def test_links_to_nothing_are_named(tmp_path, name):
    write_classes(tmp_path / "train", cat=3)
    (tmp_path / "train" / "cat" / name).symlink_to(tmp_path / "nowhere")
    with pytest.warns(UserWarning, match=f"left out 1 link to nothing: train/cat/{name}"):
        assert len(load(tmp_path)) == 3


def test_a_link_to_itself_ends_nothing(tmp_path):
    write_classes(tmp_path / "train", cat=3)
    for place in (tmp_path / "train" / "cat" / "self", tmp_path / "train" / "self"):
        place.symlink_to(place)
    with pytest.warns(UserWarning, match="left out 2 links to nothing: train/self, train/cat/self"):
        assert load(tmp_path).classes == ("cat",)


def test_a_linked_picture_is_read(tmp_path):
    write_classes(tmp_path / "data" / "train", cat=3)
    (tmp_path / "data" / "train" / "cat" / "more.png").symlink_to(write(tmp_path / "more.png"))
    assert len(load(tmp_path / "data")) == 4


@pytest.mark.parametrize("ending", ["tif", "gif", "webp", "png"])
def test_pages_and_frames_beyond_the_first_are_counted(tmp_path, ending):
    pages = [Image.new("RGB", (16, 16), (shade, shade, shade)) for shade in (50, 150, 250)]
    pages[0].save(tmp_path / f"pages.{ending}", save_all=True, append_images=pages[1:])
    pages[1].save(tmp_path / f"single.{ending}")
    with pytest.warns(UserWarning, match=r"left out 2 frames \(pages\) after the first of 1 image"):
        images = load(tmp_path)
    assert images.images[:, 0, 8, 8].tolist() == pytest.approx([50, 150], abs=4)


def test_the_order_of_the_files_does_not_depend_on_the_file_system(tmp_path, monkeypatch):
    write_classes(tmp_path / "train", cat=4, ant=3)
    write(tmp_path / "train" / "cat" / "sub" / "0.png")
    (tmp_path / "train" / "cat" / "alias").symlink_to(tmp_path / "train" / "cat" / "sub")
    scan, first = os.scandir, None
    for order in (sorted, lambda entries, key: sorted(entries, key=key, reverse=True)):
        monkeypatch.setattr(os, "scandir", lambda path, order=order: order(scan(path), key=lambda entry: entry.name))
        with pytest.warns(UserWarning, match="read elsewhere: train/cat/alias"):
            images = load(tmp_path)
        first = images if first is None else first
        assert torch.equal(images.images, first.images)
        assert images.notes == first.notes


def test_a_folder_that_may_not_be_opened_is_named(tmp_path, monkeypatch):
    write_classes(tmp_path / "train", cat=3)
    (tmp_path / "train" / "cat" / "private").mkdir()
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "private":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.warns(UserWarning, match="left out 1 folder without permission to open it: train/cat/private"):
        assert len(load(tmp_path)) == 3
    with pytest.raises(FileNotFoundError, match=r"no images in .*left out 1 folder without permission to open it: \."):
        load(tmp_path / "train" / "cat" / "private")


# --- folders: why a file can't be read


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (b"", "empty, copy or download again"),
        (b"<!DOCTYPE html><html>404</html>", r"not an image but a web page \(HTML\), download again"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid",
            "not an image but a pointer of Git LFS, run `git lfs pull`",
        ),
        (b"label,file\n1,a.png\n", "not an image but a text, remove"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "a photograph in HEIC or a film, which Pillow can't read, save as JPEG"),
        (b"\0\1\2" * 50, "not an image in a format known here, save as JPEG or PNG"),
        (b"\x89PNG\r\n\x1a\n", "cut off or damaged, copy or download again"),
    ],
)
def test_the_reason_why_a_file_cannot_be_read_is_said(tmp_path, contents, reason):
    write(tmp_path / "fine.png")
    (tmp_path / "bad.png").write_bytes(contents)
    with pytest.raises(
        ValueError, match=rf"1 of 2 images in .* can't be read \(bad.png\): {reason}.*; or leave them out"
    ):
        load(tmp_path)


def test_a_tiff_of_a_kind_that_pillow_cannot_read_is_not_said_to_be_merely_damaged(tmp_path):
    """Three fractions a pixel, as microscopes write them; 2x2 pixels after a directory of ten entries."""
    write(tmp_path / "fine.png")
    entries = [(256, 2), (257, 2), (258, 32), (259, 1), (262, 2), (273, 200), (277, 3), (278, 2), (279, 48), (339, 3)]
    directory = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in entries)
    start = b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory
    (tmp_path / "bad.tif").write_bytes(start.ljust(200, b"\0") + np.zeros((2, 2, 3), "f4").tobytes())
    with pytest.raises(ValueError, match=r"\(bad.tif\): .*a kind of TIFF that Pillow can't read, .* save as PNG"):
        load(tmp_path)


def test_each_reason_names_its_files(tmp_path):
    write(tmp_path / "fine.png")
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"a text")
    (tmp_path / "c.png").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"\(a.png, b.png, c.png\): a.png, c.png: empty, .*; b.png: not an image but a te"
    ):
        load(tmp_path)


@pytest.mark.parametrize("side", [400, 1000])
def test_a_picture_that_is_merely_large_is_said_to_be_large(tmp_path, monkeypatch, side):
    write(tmp_path / "fine.png")
    Image.new("L", (side, side)).save(tmp_path / "panorama.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60_000)
    with pytest.raises(
        ValueError, match=r"\(panorama.png\): too large, more pixels than the limit of 120,000, save smaller"
    ):
        load(tmp_path)


def test_a_large_picture_of_an_unknown_ending_is_not_taken_for_something_else(tmp_path, monkeypatch):
    write(tmp_path / "fine.png")
    Image.new("L", (400, 400)).save(tmp_path / "panorama.jfif", "JPEG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60_000)
    with pytest.raises(ValueError, match=r"\(panorama.jfif\): too large"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (PermissionError(13, "Permission denied"), "no permission to open, change it"),
        (MemoryError(), "too large"),
        (KeyError("tag"), "damaged"),
    ],
)
def test_whatever_a_decoder_raises_costs_one_file_and_not_the_run(tmp_path, monkeypatch, failure, reason):
    write(tmp_path / "fine.png")
    write(tmp_path / "bad.png")
    opened = Image.open

    def fail(file, **options):
        if Path(file).name == "bad.png":
            raise failure
        return opened(file, **options)

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(ValueError, match=rf"1 of 2 images .*\(bad.png\): .*{reason}"):
        load(tmp_path)
    with pytest.warns(UserWarning, match="left out 1 unreadable of 2 images: bad.png"):
        assert len(load(tmp_path, unreadable="skip")) == 1


# --- folders: pixels that aren't bytes


def ramp(low, high, kind):
    """A picture of 16x16 numbers from low to high."""
    return np.linspace(low, high, 256).reshape(16, 16).astype(kind)


def as_bytes(values, black, white):
    return np.rint((values.astype(float) - black) / (white - black) * 255).astype(np.uint8)


def save_deep(file, values, **options):
    Image.fromarray(values).save(file, **options)
    return values


@pytest.mark.parametrize(
    ("name", "values", "white", "note"),
    [
        ("1.png", ramp(0, 65535, "u2"), 65535, None),
        ("1.tif", ramp(0, 65535, "u2"), 65535, None),
        ("1.pgm", ramp(0, 65535, "u2"), 65535, None),
        (
            "1.png",
            ramp(0, 4095, "u2"),
            4095,
            "pixels of 1 of 1 images are whole numbers, 0 to 4095: read as 12 bits, 4095 is white",
        ),
        ("1.tif", ramp(100, 4000, "u2"), 4095, "100 to 4000: read as 12 bits"),
        ("1.tif", ramp(0, 1000, "u2"), 1023, "read as 10 bits"),
        ("1.pgm", ramp(0, 4095, "u2"), 4095, "read as 12 bits"),
        ("1.tif", ramp(0, 16383, "u2"), 65535, None),
        ("1.tif", ramp(0, 65535, ">u2"), 65535, None),
        ("1.png", ramp(0, 200, "u2"), 255, "read as 8 bits"),
        ("1.tif", ramp(0, 60000, "i4"), 65535, None),
        ("1.tif", ramp(0, 255, "i4"), 255, "read as 8 bits"),
        ("1.tif", ramp(0, 1, "f4"), 1, None),
        ("1.tif", ramp(0.2, 0.4, "f4"), 1, None),
        ("1.tif", ramp(0, 255, "f4"), 255, "fractions, 0 to 255: read as 8 bits, 255 is white"),
        ("1.tif", ramp(0, 65535, "f4"), 65535, "fractions, 0 to 65535: read as 16 bits"),
    ],
)
def test_numbers_that_are_no_bytes_are_scaled_and_never_black(tmp_path, name, values, white, note):
    save_deep(tmp_path / name, values)
    with pytest.warns(UserWarning, match=note) if note else warnings.catch_warnings():
        images = load(tmp_path)
    expected = as_bytes(values, 0, white)
    for channel in images.images[0].numpy():
        np.testing.assert_array_equal(channel, expected)
    assert len(images.notes) == (note is not None)


@pytest.mark.parametrize(
    "values", [ramp(-1, 1, "f4"), ramp(-1000, 3000, "i4"), ramp(0, 1.3, "f4"), ramp(0, 2**30, "i4"), ramp(5, 1e9, "f4")]
)
def test_numbers_of_no_usual_range_go_from_black_to_white_and_that_is_said(tmp_path, values):
    save_deep(tmp_path / "1.tif", values)
    with pytest.warns(UserWarning, match="read from black to white; save 8 bits for one scale"):
        images = load(tmp_path)
    np.testing.assert_allclose(images.images[0, 0], as_bytes(values, float(values.min()), float(values.max())), atol=1)
    assert (images.images.min(), images.images.max()) == (0, 255)


def test_pictures_of_one_folder_share_a_scale(tmp_path):
    save_deep(tmp_path / "bright.png", ramp(0, 4000, "u2"))
    save_deep(tmp_path / "dark.png", ramp(0, 200, "u2"))
    with pytest.warns(UserWarning, match="pixels of 2 of 2 images are whole numbers, 0 to 4000"):
        images = load(tmp_path)
    assert images.images.flatten(1).max(dim=1).values.tolist() == [249, 12]


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_picture_of_one_fraction_is_that_grey(tmp_path, value):
    save_deep(tmp_path / "1.tif", np.full((8, 8), value, "f4"))
    assert load(tmp_path).images.unique().tolist() == [round(255 * value)]


def test_a_scale_that_the_file_declares_is_taken(tmp_path):
    save_deep(tmp_path / "1.tif", ramp(0, 2000, "u2"), tiffinfo={281: 4095})
    images = load(tmp_path)
    np.testing.assert_array_equal(images.images[0, 0], as_bytes(ramp(0, 2000, "u2"), 0, 4095))
    assert images.notes == ()


@pytest.mark.parametrize("values", [ramp(0, 2000, "u2"), ramp(0, 1, "f4")])
def test_a_declared_scale_that_would_make_the_picture_black_is_not_taken(tmp_path, values):
    save_deep(tmp_path / "1.tif", values, tiffinfo={281: 65535})
    with warnings.catch_warnings(action="ignore"):
        assert load(tmp_path).images.max() > 100


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_are_refused_or_skipped(tmp_path, bad):
    values = ramp(0, 1, "f4")
    values[3, 4] = bad
    save_deep(tmp_path / "1.tif", values)
    write(tmp_path / "fine.png")
    with pytest.raises(ValueError, match=r"\(1.tif\): with pixels that are not a number or infinite, replace them"):
        load(tmp_path)


@pytest.mark.filterwarnings("ignore:.*brought to:UserWarning")
def test_large_pictures_of_fractions_are_shrunk_before_they_are_scaled(tmp_path):
    save_deep(tmp_path / "1.tif", np.full((300, 200), 0.5, "f4"))
    write(tmp_path / "2.png", size=(40, 40), value=(128, 128, 128))
    images = load(tmp_path)
    assert tuple(images.images.shape) == (2, 3, 64, 64)
    assert images.images.unique().tolist() == [128]


@pytest.mark.filterwarnings("ignore:.*brought to:UserWarning")
def test_edges_in_a_shrunk_picture_do_not_run_over_from_white_to_black(tmp_path):
    halves = np.zeros((300, 300), "f4")
    halves[:, 150:] = 1  # shrinking overshoots beside an edge
    save_deep(tmp_path / "1.tif", halves)
    row = load(tmp_path).images[0, 0, 32]
    assert (row.sort().values == row).all()


def png_of_16_bits(file, values):
    """A colour PNG of 16 bits, which Pillow reads and can't write: values are (H, W, 3)."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    ]
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.mark.parametrize(("largest", "said"), [(65535, False), (4095, True), (1023, True)])
def test_colours_of_16_bits_that_come_out_nearly_black_are_named(tmp_path, largest, said):
    png_of_16_bits(tmp_path / "1.png", ramp(0, largest, "u2")[:, :, None].repeat(3, axis=2))
    note = "1 of 1 images, 16 bits a colour, are nearly black"
    with pytest.warns(UserWarning, match=note) if said else warnings.catch_warnings():
        images = load(tmp_path)
    assert (images.images.max() == 255) == (not said)
    assert len(images.notes) == said


def test_cmyk_pictures_keep_their_colours(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "1.tif")
    Image.new("CMYK", (8, 8), (255, 0, 0, 51)).save(tmp_path / "2.tif")
    assert load(tmp_path).images[:, :, 0, 0].tolist() == [[255, 0, 0], [0, 204, 204]]


# --- labels


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        ([-1, 0], "labels count from 0, got -1"),
        ([0, -100], "labels count from 0, got -100"),
        ([0, 2], r"there are 2 classes \(cat, dog\), so labels from 0 to 1, got 2"),
        ([10**9, 0], "so labels from 0 to 1, got 1000000000"),
    ],
)
def test_labels_outside_the_classes_are_refused(labels, rule):
    with pytest.raises(ValueError, match=rule):
        ImageSet(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.tensor(labels), ("cat", "dog"))


def test_labels_without_names_may_be_any_from_0_and_no_image_has_no_label():
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    assert ImageSet(images, torch.tensor([0, 10**9])).labels.tolist() == [0, 10**9]
    assert len(ImageSet(images[:0], torch.tensor([], dtype=torch.int64), ("cat",))) == 0


def test_a_sample_of_large_labels_costs_no_more_than_one_of_small_ones():
    images = ImageSet(torch.zeros(40, 3, 4, 4, dtype=torch.uint8), 10**12 * (torch.arange(40) % 4))
    assert images.sample(8).labels.unique(return_counts=True)[1].tolist() == [2, 2, 2, 2]


# --- places


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_classes(tmp_path / "my pictures", cat=5)
    assert len(load("~/my pictures")) == len(load(Path("~/my pictures"))) == 4
    with pytest.raises(FileNotFoundError, match=rf"'{tmp_path}/nothing' is neither a folder"):
        load("~/nothing")


def test_downloads_may_be_kept_below_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake_cifar())
    monkeypatch.setenv("HOME", str(tmp_path))
    load("cifar10", root="~/shared files")
    monkeypatch.setenv("SSL_COURSE_DATA", "~/elsewhere")
    load("cifar10")
    monkeypatch.delenv("SSL_COURSE_DATA")
    load("cifar10")
    for place in ("shared files", "elsewhere", ".cache/ssl_course"):
        assert (tmp_path / place / "cifar10" / "batches").exists()


@pytest.mark.parametrize(
    ("name", "rule"), [("cifar10", r"with root=… or \$SSL_COURSE_DATA"), ("~/pictures", "give the whole path")]
)
def test_without_a_home_a_sentence_says_what_to_do(monkeypatch, name, rule):
    def unknown(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("SSL_COURSE_DATA", raising=False)
    monkeypatch.setattr(Path, "expanduser", unknown)
    with pytest.raises(ValueError, match=rf"no home folder is known for ~/.* \(\$HOME isn't set\): .*{rule}"):
        load(name)


def test_a_relative_name_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_classes(tmp_path / "pics", cat=5)
    assert len(load("pics")) == len(load("./pics")) == 4
    with pytest.raises(FileNotFoundError, match=rf"'pictures' is neither .* \(the working directory is {tmp_path}\)"):
        load("pictures")


def test_an_archive_is_said_to_be_a_file(tmp_path):
    (tmp_path / "pictures.zip").write_bytes(b"PK")
    with pytest.raises(FileNotFoundError, match=r"pictures.zip' is neither .*: it is a file; unpack it"):
        load(tmp_path / "pictures.zip")
