"""The built-in clips against their factors, and folders of a user's own."""

import hashlib
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ssl_course import clips
from ssl_course.clip_folder import natural
from ssl_course.clips import CLASSES, SIZE, brighten, draw, load, load_folder, surprises
from ssl_course.evaluate import factor_scores
from ssl_course.shapes import OUTLINES

# Of draw(100, seed=0). After a change of the clips: python -c "import hashlib; from ssl_course.clips import draw;
# print(hashlib.sha256(draw(100, seed=0)[0].tobytes()).hexdigest())"
PIXELS_OF_SEED_0 = "8a11da034a63271f19c4e281a2aecd4bbaee990f0945833941922e40e5c78bbd"

RANGES = {  # as the docstring of draw says
    "class": (0, len(CLASSES) - 1),
    "speed": (0.5, 1.5),
    "direction": (0, 360),
    "spin": (-12, 12),
    "gravity": (0, 1),
    "hue": (0, 1),
    "ground_hue": (0, 1),
    "x": (0, SIZE - 1),
    "y": (0, SIZE - 1),
    "size": (1, SIZE / 2),
    "angle": (0, 360),
    "ground": (0, 1),
    "contrast": (-1, 1),
}
FREE = {"gravity": False}


@pytest.fixture(scope="module")
def drawn():
    return draw(1000, seed=1, **FREE)


def started(count, seed, **world):
    """The factors of the first frame, and the path from there."""
    frames, gravity, world = world.pop("frames", 8), world.pop("gravity", False), clips.World(**world)
    start = clips._start(count, np.random.default_rng(seed), gravity, world)
    return start, clips._move(start, frames, world)


def light(films):
    return np.einsum("c,...chw->...hw", [0.299, 0.587, 0.114], films / 255)


def centres(films, factors):
    """Where the shape is in every frame, read off the pixels: x and y, each (N, T)."""
    covered = np.abs(light(films) - light(films)[..., :1, :1])  # a corner is never covered
    rows, columns = np.mgrid[:SIZE, :SIZE]
    total = covered.sum(axis=(2, 3))
    return (covered * columns).sum(axis=(2, 3)) / total, (covered * rows).sum(axis=(2, 3)) / total


def discs(films, factors):
    (chosen,) = np.nonzero(factors["class"] == CLASSES.index("disc"))
    return films[chosen], {name: values[chosen] for name, values in factors.items()}


# --- what is drawn


def test_the_pixels_of_a_seed_are_the_same_on_every_platform():
    assert hashlib.sha256(draw(100, seed=0)[0].tobytes()).hexdigest() == PIXELS_OF_SEED_0


def test_clips_are_uint8_and_another_seed_draws_others(drawn):
    films, _ = drawn
    assert films.dtype == np.uint8
    assert films.shape == (1000, 8, 3, SIZE, SIZE)
    assert (draw(20, seed=0, frames=3)[0] != draw(20, seed=1, frames=3)[0]).any(axis=(1, 2, 3, 4)).all()


def test_two_thousand_clips_are_drawn_in_a_few_seconds():
    start = time.process_time()
    draw(2000)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("name", RANGES)
def test_a_factor_has_one_number_per_clip_in_its_documented_range(drawn, name):
    values = drawn[1][name]
    assert values.shape == (1000,)
    assert RANGES[name][0] <= values.min()
    assert values.max() <= RANGES[name][1]


def test_the_factors_are_the_documented_ones_and_the_classes_balanced(drawn):
    assert set(drawn[1]) == set(RANGES)
    assert set(np.bincount(drawn[1]["class"])) == {100}


def test_no_factor_says_anything_of_the_class():
    _, factors = draw(2000, seed=2, frames=2, gravity=0.5)
    for name in set(RANGES) - {"class"}:
        means = [factors[name][factors["class"] == label].mean() for label in range(len(CLASSES))]
        assert np.ptp(means) < 0.5 * factors[name].std()


def test_every_frame_shows_the_shapes_own_outline(drawn):
    films, factors = drawn
    number = 5
    film = films[number, 4]
    x, y, size, angle = (factors[name][number] for name in ("x", "y", "size", "angle"))
    turn = np.deg2rad(angle)
    outline = OUTLINES[CLASSES[factors["class"][number]]]
    for row in range(0, SIZE, 3):
        for column in range(0, SIZE, 3):
            u = (np.cos(turn) * (column - x) + np.sin(turn) * (row - y)) / size
            v = (np.cos(turn) * (row - y) - np.sin(turn) * (column - x)) / size
            covered = min(max(0.5 - size * float(outline(np.array(u), np.array(v))), 0), 1)
            expected = factors["ground"][number] + covered * factors["contrast"][number]
            assert light(film)[row, column] == pytest.approx(expected, abs=0.12)  # a colour that is clipped is off


# --- how it moves


def test_a_shape_flies_by_its_speed_in_its_direction_with_rows_counted_downwards(drawn):
    films, factors = discs(*drawn)
    x, y = centres(films, factors)
    radians = np.deg2rad(factors["direction"])
    inside = np.abs(np.stack([x, y])[:, :, 4:6] - 15.5).max(axis=(0, 2)) < 8  # no bounce between these two
    np.testing.assert_allclose((x[:, 5] - x[:, 4])[inside], (factors["speed"] * np.cos(radians))[inside], atol=0.15)
    np.testing.assert_allclose((y[:, 4] - y[:, 5])[inside], (factors["speed"] * np.sin(radians))[inside], atol=0.15)
    np.testing.assert_allclose(x[:, 4], factors["x"], atol=0.15)


def test_it_turns_by_its_spin():
    start, path = started(400, 3)
    np.testing.assert_allclose(path.angle[:, 2] - path.angle[:, 0], 2 * start["spin"])


def test_without_gravity_and_friction_the_speed_stays_and_the_shape_stays_in_the_room():
    start, path = started(300, 4, frames=30)
    np.testing.assert_allclose(np.hypot(path.dx, path.dy), np.broadcast_to(start["speed"][:, None], (300, 30)))
    for place in (path.x, path.y):
        assert (place >= start["size"][:, None] - 1e-9).all()
        assert (place <= SIZE - 1 - start["size"][:, None] + 1e-9).all()


def test_in_the_free_world_a_clip_backwards_is_a_clip_that_could_have_been_drawn():
    start, path = started(200, 5)
    turned = replace(path, dx=-path.dx, dy=-path.dy, spin=-path.spin)
    back = clips._move(start | turned.at(7), 8, clips.World())
    np.testing.assert_allclose(back.x, path.x[:, ::-1], atol=1e-9)
    np.testing.assert_allclose(back.y, path.y[:, ::-1], atol=1e-9)
    there = np.cos(np.deg2rad(path.angle[:, ::-1]))
    np.testing.assert_allclose(np.cos(np.deg2rad(back.angle)), there, atol=1e-9)


def test_in_the_free_world_the_start_and_the_end_have_one_distribution():
    start, path = started(8000, 6)
    for place in (path.x, path.y):
        share = (place - start["size"][:, None]) / (SIZE - 1 - 2 * start["size"][:, None])
        for quarter in (0.25, 0.5, 0.75):
            assert (share[:, 7] < quarter).mean() == pytest.approx(quarter, abs=0.02)


@pytest.mark.parametrize("frame", [0, 4, 7])
def test_in_the_free_world_a_single_frame_says_nothing_of_the_speed_direction_and_spin_in_it(frame):
    """Not even to somebody who knows place, angle and size exactly, and their squares."""
    parts = []
    for seed in (7, 8):
        start, path = started(3000, seed)
        x, y, angle = (values[:, frame] for values in (path.x, path.y, path.angle))
        known = np.stack([x, y, x * y, x**2, y**2, np.sin(np.deg2rad(angle)), start["size"]], axis=1)
        asked = {name: torch.from_numpy(path.at(frame)[name]) for name in ("speed", "direction", "spin")}
        parts += [torch.from_numpy(known).float(), asked]
    assert max(factor_scores(*parts).values()) < 0.01


def test_things_fall_with_gravity_and_lose_speed_when_they_land():
    start, path = started(500, 9, frames=60, gravity=True)
    assert path.y[:, 4].mean() - path.y[:, 0].mean() > 1
    floor = SIZE - 1 - start["size"]
    assert (floor - path.y[:, -1]).mean() < 2  # they have come to rest
    np.testing.assert_allclose(np.abs(path.dx), np.abs(path.dx[:, :1]).repeat(60, axis=1))  # nothing pulls sideways


def test_half_gravity_is_half_of_the_clips_and_only_there_things_fall():
    start, path = started(40, 0, gravity=0.5)
    falls = start["gravity"] > 0
    assert falls.sum() == 20
    speed = np.hypot(path.dx, path.dy)
    assert np.isclose(speed[:, 1], speed[:, 0]).tolist() == (~falls).tolist()


def test_friction_takes_its_share_of_speed_and_spin_in_every_frame():
    _, path = started(300, 10, friction=0.2)
    for motion in (np.hypot(path.dx, path.dy), path.spin):
        np.testing.assert_allclose(motion[:, 1:], 0.8 * motion[:, :-1])


def test_the_wall_is_drawn_and_keeps_the_shape_on_its_left():
    start, path = started(100, 11, frames=12, wall=True)
    assert (path.x + start["size"][:, None] <= clips.WALL - 0.5 + 1e-9).all()
    films, factors = draw(100, seed=11, frames=12, wall=True, **FREE)
    wall = films[..., :3, clips.WALL : clips.WALL + 2]  # the upmost rows, where hardly a shape touches it
    white = factors["ground"] < 0.5
    assert (np.median(wall, axis=(1, 2, 3, 4)) == 255 * white).all()
    assert (films[..., clips.WALL + 2 :] == films[..., :1, -1:]).all()


# --- light


def test_brighten_multiplies_by_a_light_that_grows_evenly():
    films = np.full((1, 5, 3, 2, 2), 200, dtype=np.uint8)
    assert brighten(films, 0.4)[0, :, 0, 0, 0].tolist() == [120, 140, 160, 180, 200]
    np.testing.assert_array_equal(brighten(films, 0), films)


def test_a_drift_changes_the_pixels_and_not_the_factors():
    plain, factors = draw(20, seed=4)
    drifting, same = draw(20, seed=4, drift=0.3)
    np.testing.assert_array_equal(drifting, brighten(plain, 0.3))
    for name, values in factors.items():
        np.testing.assert_array_equal(values, same[name])


# --- surprises


@pytest.mark.parametrize("kind", clips.SURPRISES)
def test_a_pair_is_the_same_up_to_its_frame_and_differs_in_it(kind):
    possible, impossible, when = surprises(kind, 60, seed=1)
    assert when.min() == 3
    assert when.max() == 7
    for ordinary, strange, frame in zip(possible, impossible, when, strict=True):
        np.testing.assert_array_equal(ordinary[:frame], strange[:frame])
        assert (ordinary[frame] != strange[frame]).any()


def test_what_passes_through_the_wall_covers_it_and_what_bounces_does_not():
    possible, impossible, _ = surprises("through", 60, seed=2)
    wall = slice(clips.WALL, clips.WALL + 2)
    bare = impossible[..., :1, wall].astype(int)  # in the upmost row
    covered = [np.abs(films[..., wall] - bare).max(axis=(1, 2, 3, 4)) > 60 for films in (possible, impossible)]
    assert covered[0].mean() == 0
    assert covered[1].mean() > 0.8


def test_a_teleport_is_a_leap_that_no_speed_explains():
    random = np.random.default_rng(3)
    start, path = started(300, 3, frames=10, wall=True)
    when = random.integers(3, 8, 300)
    landed = clips._leap(path, when, start["size"], random)
    assert (np.abs(landed.y - path.y)[np.arange(300), when] >= clips.LEAP - 1e-9).all()
    assert (landed.y >= start["size"][:, None] - 1e-9).all()
    assert (landed.y <= SIZE - 1 - start["size"][:, None] + 1e-9).all()
    np.testing.assert_array_equal(landed.x, path.x)


# --- load, and refusals


def test_load_gives_samples_whose_splits_differ():
    train, test = load("train", size=30, **FREE), load("test", size=30, **FREE)
    assert train.data.shape == test.data.shape == (30, 8, 3, 32, 32)
    assert train.classes == CLASSES
    assert torch.equal(train.labels, train.factors["class"])
    assert (train.data != test.data).flatten(1).any(dim=1).all()
    np.testing.assert_array_equal(train.data.numpy(), draw(30, seed=(0, 0), **FREE)[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count must be at least 1, got 0"),
        ({"frames": 1}, "frames must be at least 2, or nothing moves, got 1"),
        ({"gravity": 2}, r"gravity is the share of clips in which things fall, in \[0, 1\], got 2"),
        ({"friction": 1}, r"friction is the share of speed that is lost in a frame, in \[0, 1\), got 1"),
        ({"drift": 1.5}, r"drift must be in \[0, 1\], got 1.5"),
    ],
)
def test_draw_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw(**{"count": 2} | arguments)


def test_other_refusals():
    with pytest.raises(ValueError, match="split must be train or test, got 'val'"):
        load("val")
    with pytest.raises(ValueError, match="kind must be teleport or through, got 'vanish'"):
        surprises("vanish", 2)
    with pytest.raises(ValueError, match="frames must be at least 6"):
        surprises("through", 2, frames=5)
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        load("train", size=0)


# --- a folder of one's own


def frames_of(number, count, size=(32, 32)):
    """So many frames whose grey says which clip and which frame they are."""
    return [Image.new("RGB", size, (10 * number, 10 * frame, 0)) for frame in range(count)]


def save_gif(file, number=1, count=8, size=(32, 32)):
    first, *others = frames_of(number, count, size)
    file.parent.mkdir(parents=True, exist_ok=True)
    first.save(file, save_all=True, append_images=others, duration=100)


def save_frames(place, number=1, count=8, size=(32, 32), name="{}.png"):
    place.mkdir(parents=True)
    for frame, picture in enumerate(frames_of(number, count, size)):
        picture.save(place / name.format(frame + 1))


def order_of(clip):
    return clip[:, 1, 0, 0].tolist()  # the green of each frame


def test_gifs_become_clips_in_natural_order(tmp_path):
    for number in (10, 9, 1):
        save_gif(tmp_path / f"walk{number}.gif", number)
    found = load_folder(tmp_path)
    assert found.data.shape == (3, 8, 3, 32, 32)
    assert found.labels is None
    assert found.notes == ()
    assert found.data[:, 0, 0, 0, 0].tolist() == [10, 90, 100]
    assert order_of(found.data[0]) == [0, 10, 20, 30, 40, 50, 60, 70]


@pytest.mark.parametrize("name", ["{}.png", "frame{}.jpg", "img_0_{}.PNG", "{:04}.bmp"])
def test_numbered_frames_are_sorted_by_their_numbers(tmp_path, name):
    save_frames(tmp_path / "clip", count=12, name=name)
    found = load_folder(tmp_path, frames=12)
    assert order_of(found.data[0]) == pytest.approx([10 * frame for frame in range(12)], abs=2)


def test_folders_in_it_are_classes(tmp_path):
    save_gif(tmp_path / "walk" / "a.gif", 1)
    save_gif(tmp_path / "run" / "a.gif", 2)
    save_frames(tmp_path / "run" / "b", 3)
    found = load_folder(tmp_path)
    assert found.classes == ("run", "walk")
    assert found.labels.tolist() == [0, 0, 1]
    assert found.data[:, 0, 0, 0, 0].tolist() == [20, 30, 10]


def test_clips_beside_class_folders_leave_all_without_labels(tmp_path):
    save_gif(tmp_path / "walk" / "a.gif")
    save_gif(tmp_path / "b.gif")
    found = load_folder(tmp_path)
    assert found.labels is None
    assert found.notes == ("no labels: 1 clip of 2 lie in no class folder",)


def test_long_clips_are_thinned_evenly_and_other_sizes_are_fitted(tmp_path):
    save_gif(tmp_path / "long.gif", count=15, size=(40, 64))
    save_gif(tmp_path / "short.gif", count=8)
    found = load_folder(tmp_path)
    assert order_of(found.data[0]) == [0, 20, 40, 60, 80, 100, 120, 140]
    assert found.notes == (
        "1 of 2 clips are longer (15 frames): 8 of each were taken, evenly spread",
        "frames of 40x64 were brought to 32x32, keeping the middle",
    )
    assert load_folder(tmp_path, resolution=16).data.shape == (2, 8, 3, 16, 16)


def test_a_folder_of_numbered_frames_is_one_clip(tmp_path):
    save_frames(tmp_path / "clip")
    assert load_folder(tmp_path / "clip").data.shape == (1, 8, 3, 32, 32)


def test_a_missing_number_and_files_that_are_no_pictures_are_told(tmp_path):
    save_frames(tmp_path / "clip", count=9)
    (tmp_path / "clip" / "4.png").unlink()
    (tmp_path / "read me.txt").write_text("hello")
    gap, others = sorted(load_folder(tmp_path).notes, reverse=True)
    assert gap == "numbers are missing between the frames of clip: time jumps there"
    assert others == "left out 1 file that are no pictures: read me.txt"


def test_a_missing_or_empty_folder_is_refused_with_what_to_do(tmp_path):
    for place, rule in ((tmp_path / "none", "is not there"), (tmp_path, "there is no clip in .*: put a GIF")):
        with pytest.raises(FileNotFoundError, match=rule):
            load_folder(place)
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    with pytest.raises(FileNotFoundError, match=r"there are film.mp4"):
        load_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="is a file, not a folder"):
        load_folder(tmp_path / "film.mp4")


def cut_off(folder):
    save_gif(folder / "a.gif")
    (folder / "a.gif").write_bytes((folder / "a.gif").read_bytes()[:200])


def broken_frame(folder):
    save_frames(folder / "clip")
    (folder / "clip" / "3.png").write_bytes(b"\x89PNG")


def mixed_sizes(folder):
    save_frames(folder / "clip")
    Image.new("RGB", (16, 16)).save(folder / "clip" / "9.png")


def not_numbered(folder):
    save_frames(folder / "clip")
    Image.new("RGB", (32, 32)).save(folder / "clip" / "cover.png")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut_off, "a.gif can't be read: cut off or damaged, copy or download again"),
        (broken_frame, "3.png can't be read: cut off or damaged"),
        (mixed_sizes, r"clip differ in size \(16x16, 32x32\): save all of a clip in one size"),
        (not_numbered, "cover.png has no number: number them in their order"),
        (lambda folder: save_gif(folder / "a.gif", count=1), "a.gif has one frame only, and a clip needs at least 2"),
        (lambda folder: save_frames(folder / "clip", count=1), "one frame only.*put the other frames beside it"),
        (
            lambda folder: save_gif(folder / "a.gif", count=5),
            "has 5 frames and 8 were asked for: give frames=5 or less",
        ),
    ],
)
def test_a_folder_that_cannot_be_read_is_refused_with_what_to_do(tmp_path, spoil, message):
    spoil(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_folder(tmp_path)


@pytest.mark.parametrize(("arguments", "message"), [({"frames": 1}, "frames"), ({"resolution": 4}, "resolution")])
def test_arguments_out_of_range_are_refused(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=f"{message} must be at least"):
        load_folder(tmp_path, **arguments)


def test_natural_order_puts_ten_after_nine_and_does_not_mind_capitals():
    names = ["b", "a10", "A9", "a9b", "10", "9"]
    assert sorted(names, key=natural) == ["9", "10", "A9", "a9b", "a10", "b"]
