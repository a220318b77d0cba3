import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from ssl_course.plots import video


def test_a_film_has_a_name_for_every_clip_and_a_box_round_the_marked_frame():
    clips = {"one": torch.rand(5, 3, 8, 8), "two": torch.zeros(5, 3, 8, 8)}
    ax = video.film(clips, marks={"two": 3})
    assert [text.get_text() for text in ax.texts] == ["one", "two"]
    (box,) = ax.patches
    assert box.get_xy() == (3 * 10 - 0.5, 10 - 0.5)
    assert (box.get_width(), box.get_height()) == (8, 8)


def test_a_film_shows_bytes_as_it_shows_floats():
    floats = torch.rand(4, 3, 8, 8)
    shown = [video.film({"clip": clip}).images[0].get_array() for clip in (floats, (255 * floats).byte())]
    np.testing.assert_allclose(*shown, atol=1 / 255)


def test_a_gif_shows_every_frame_of_all_clips_side_by_side():
    clips = (torch.arange(3) * 100).byte().view(1, 3, 1, 1, 1).expand(2, 3, 3, 8, 10).contiguous()
    clips[1] = 255 - clips[1]
    opened = Image.open(io.BytesIO(video.gif(clips, scale=2, milliseconds=50)))
    assert (opened.size, opened.n_frames, opened.info["duration"]) == ((40, 16), 3, 50)
    opened.seek(2)
    assert opened.convert("RGB").getpixel((3, 3)) == (200, 200, 200)
    assert opened.convert("RGB").getpixel((30, 3)) == (55, 55, 55)


def test_trajectories_go_through_every_place_and_rows_count_downwards():
    x, y = np.random.default_rng(0).uniform(0, 31, (2, 3, 8))
    ax = video.trajectories(x, y)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), np.stack([x[0], y[0]], axis=1))
    assert len(ax.lines) == 6  # a path and a ring each
    bottom, top = ax.get_ylim()
    assert bottom > top


def test_both_ways_draws_each_clip_and_its_reverse():
    y = np.arange(8.0)[None]
    forwards, backwards = video.both_ways(y).lines
    assert forwards.get_ydata().tolist() == [31 - row for row in range(8)]
    assert backwards.get_ydata().tolist() == [31 - row for row in range(7, -1, -1)]
    assert backwards.get_xdata().min() > forwards.get_xdata().max()


def test_surprise_is_averaged_around_the_event_of_each_clip():
    when = torch.tensor([4, 5])
    values = torch.zeros(2, 8)
    values[0, 4], values[1, 5] = 2.0, 4.0
    values[:, :3] = 99  # nothing was expected there
    line = video.surprise_over_time({"odd": values}, when).lines[1]
    found = dict(zip(line.get_xdata().tolist(), line.get_ydata().tolist(), strict=True))
    assert found[0] == pytest.approx(3.0)
    assert max(value for offset, value in found.items() if offset != 0) == 0


@pytest.mark.parametrize("draw", ["trajectories", "both_ways"])
def test_a_given_axes_is_drawn_on(draw):
    ax = plt.subplots()[1]
    y = np.zeros((2, 4))
    assert (video.both_ways(y, ax=ax) if draw == "both_ways" else video.trajectories(y, y, ax=ax)) is ax
