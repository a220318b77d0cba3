"""The figures of lesson 10 show what they are given, with units."""

import matplotlib.pyplot as plt
import pytest
import torch

from ssl_course import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


SOUND = torch.sin(2 * torch.pi * 1000 * torch.arange(4000) / 8000)


def test_a_wave_is_drawn_over_seconds():
    ax = plots.wave(SOUND)
    assert ax.lines[0].get_xdata()[-1] == pytest.approx(0.5, abs=1e-3)
    assert ax.get_xlabel() == "time (s)"


def test_a_spectrogram_is_bright_at_the_pitch_of_a_tone_and_names_the_syllables():
    ax = plots.spectrogram(SOUND, ["a", "i"], [0, 2000])
    picture = ax.images[0].get_array()  # rows from the highest pitch to the lowest
    assert abs((1 - picture.mean(axis=1).argmax() / picture.shape[0]) * 4000 - 1000) < 60
    assert [text.get_text() for text in ax.texts] == ["a", "i"]
    assert ax.lines[1].get_xdata()[0] == 0.25
    assert ax.get_ylabel() == "frequency (Hz)"


def test_spectrograms_stand_side_by_side_with_their_names():
    first = plots.spectrograms({"one": SOUND, "two": SOUND[:2000]})
    assert [ax.get_title() for ax in first.figure.axes] == ["one", "two"]


def test_fields_are_as_long_as_a_frame_sees_and_begin_a_hop_apart():
    ax = plots.fields(80, 40, shown=3)
    assert [bar.get_x() for bar in ax.patches] == [0, 5, 10]
    assert [bar.get_width() for bar in ax.patches] == [10, 10, 10]


def test_two_probes_are_points_in_per_cent():
    ax = plots.said_and_who({"one": [(0.5, 0.25), (0.6, 0.3)], "two": [(0.9, 0.1)]}, chance=(1 / 6, 1 / 6))
    assert list(ax.lines[0].get_xdata()) == [50, 60]
    assert list(ax.lines[1].get_ydata()) == [10]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]


def test_codewords_that_are_never_used_are_crosses():
    words, used = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]), torch.tensor([0.5, 0.5, 0.0])
    ax = plots.codebook(torch.randn(20, 2), {"one": (words, used), "two": (words, used)})
    assert [len(part.get_offsets()) for part in ax.collections] == [20, 2, 1]
    assert [ax.get_title() for ax in ax.figure.axes] == ["one", "two"]
