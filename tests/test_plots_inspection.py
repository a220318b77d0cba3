import numpy as np
import pytest
import torch

from ssl_course import plots

SAMPLES = torch.randint(0, 256, (7, 3, 16, 16), dtype=torch.uint8)
DETAIL = {"full size": np.zeros((40, 40, 3), np.uint8), "at 32": np.zeros((5, 5, 3), np.uint8)}


def drawn(ax) -> np.ndarray:
    return ax.get_images()[0].get_array()


def test_a_page_has_the_samples_the_copies_and_each_resolution():
    axes = plots.inspection_page("title", SAMPLES, SAMPLES[:4].reshape(2, 2, 3, 16, 16), ["exact", "1.2"], DETAIL)
    assert len(axes) == 2 + len(DETAIL)
    sheet, copies, full, small = axes
    first = SAMPLES[0].permute(1, 2, 0).numpy() / 255
    np.testing.assert_allclose(drawn(sheet)[:16, :16], first, atol=1e-6)
    np.testing.assert_allclose(drawn(copies)[:16, :16], first, atol=1e-6)
    below = drawn(copies)[20:36, :16]
    np.testing.assert_allclose(below, SAMPLES[1].permute(1, 2, 0).numpy() / 255, atol=1e-6)
    assert [text.get_text() for text in copies.texts] == ["exact", "1.2"]
    assert [len(drawn(ax)) for ax in (full, small)] == [40, 5]


@pytest.mark.parametrize("samples", [None, SAMPLES])
def test_a_page_without_copies_or_detail_has_the_sheet_alone(samples):
    axes = plots.inspection_page("title", samples)
    assert len(axes) == 1
    assert bool(axes[0].texts) == (samples is None)
