"""Sets of sentences, sounds and clips, and that the one loop trains them as it trains pictures."""

import pytest
import torch
from torch import nn

from ssl_course import ImageSet, Samples, pretrain
from ssl_course.evaluate import factor_scores, fine_tune, judge
from ssl_course.features import extract_features
from ssl_course.samples import kind_of

DATA = {
    "sequences": torch.arange(64 * 5).view(64, 5) % 7,
    "sounds": torch.linspace(-1, 1, 64 * 30).view(64, 30),
    "clips": (torch.arange(64 * 2 * 3 * 8 * 8).view(64, 2, 3, 8, 8) % 251).to(torch.uint8),
}
LABELS = torch.arange(64) % 2


class Mean(nn.Module):
    """An encoder of anything: its mean, through one weight for each of four features."""

    def __init__(self):
        super().__init__()
        self.dim, self.last = 4, nn.Linear(1, 4)

    def forward(self, data):
        return self.last(data.float().flatten(1).mean(dim=1, keepdim=True))


class Spread(nn.Module):
    """A method that keeps the contract and remembers what it was given."""

    def __init__(self):
        super().__init__()
        self.encoder, self.seen = Mean(), []

    def views(self, data):
        self.seen.append(data)
        return (data,)

    def forward(self, data):
        return (self.encoder(data) - 1).square().mean()


@pytest.fixture(params=DATA)
def kind(request):
    return request.param


def test_each_kind_is_told_by_its_numbers(kind):
    assert kind_of(DATA[kind]) == kind
    assert f"64 {kind} of" in repr(Samples(DATA[kind]))


def test_the_loop_trains_each_kind_and_gives_pixels_alone_as_fractions(kind):
    method = Spread()
    history = pretrain(method, DATA[kind], epochs=2, batch_size=16, lr=0.1, precision="fp32", progress=False)
    assert history[1]["loss"] < history[0]["loss"]
    given = torch.cat(method.seen[:4])
    expected = DATA[kind].float() / 255 if kind == "clips" else DATA[kind]
    assert given.dtype == expected.dtype
    torch.testing.assert_close(given.flatten(1).sort(dim=0).values, expected.flatten(1).sort(dim=0).values)


def test_a_run_that_stopped_goes_on_bit_for_bit(kind, tmp_path):
    def weights(file, stop):
        def maybe(epoch):
            if epoch["epoch"] == stop:
                raise KeyboardInterrupt

        torch.manual_seed(0)
        method = Spread()
        settings = {"epochs": 3, "batch_size": 16, "lr": 0.1, "progress": False}
        pretrain(method, DATA[kind], checkpoint=tmp_path / file, on_epoch=maybe, **settings)
        return method.encoder.last.weight

    whole = weights("whole.pt", None)
    weights("stopped.pt", 1)
    assert torch.equal(weights("stopped.pt", None), whole)


def test_features_come_in_order(kind):
    features = extract_features(Mean(), DATA[kind], batch_size=10)
    assert features.shape == (64, 4)


@pytest.mark.parametrize(
    "data",
    [torch.zeros(4, 3), torch.zeros(4, 3, dtype=torch.int32).unsqueeze(0), torch.zeros(4, 3).double(), [1, 2]],
    ids=["sounds", "tokens of three dimensions", "double", "a list"],
)
def test_what_is_no_kind_of_data_is_refused_with_all_kinds(data):
    if isinstance(data, torch.Tensor) and data.dtype == torch.float32:
        assert kind_of(data) == "sounds"
        return
    with pytest.raises(ValueError, match=r"uint8 images \(N, C, H, W\) or clips .* int64 tokens .* float32 sounds"):
        pretrain(Spread(), data, epochs=1, progress=False)


def test_too_few_are_called_by_their_name(kind):
    with pytest.raises(ValueError, match=f"8 {kind} don't fill one batch: give more {kind}"):
        pretrain(Spread(), DATA[kind][:8], epochs=1, batch_size=16, progress=False)


def test_a_part_keeps_what_is_known(kind):
    whole = Samples(DATA[kind], LABELS, ("even", "odd"), {"place": torch.arange(64)}, ("drawn",))
    part = whole[10:20]
    assert torch.equal(part.data, DATA[kind][10:20])
    assert torch.equal(part.factors["place"], torch.arange(10, 20))
    assert (part.classes, part.notes) == (("even", "odd"), ("drawn",))
    assert whole.sample(10).labels.bincount().tolist() == [5, 5]


def test_a_single_index_says_where_the_data_is(kind):
    singular = kind.removesuffix("s")
    with pytest.raises(TypeError, match=rf"Samples takes a slice, .* got 3: one {singular} is \.data\[3\]"):
        Samples(DATA[kind])[3]


def test_images_belong_into_an_image_set():
    with pytest.raises(ValueError, match="images belong into an ImageSet"):
        Samples(torch.zeros(4, 3, 8, 8, dtype=torch.uint8))
    assert ImageSet(torch.zeros(4, 3, 8, 8, dtype=torch.uint8)).data.shape == (4, 3, 8, 8)


@pytest.mark.parametrize("labels", [torch.zeros(63, dtype=torch.int64), torch.zeros(64), LABELS - 1, LABELS + 1])
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(ValueError, match=r"labels|classes"):
        Samples(DATA["sounds"], labels, ("even", "odd"))


def test_fine_tuning_takes_each_kind_as_it_is(kind):
    known = Samples(DATA[kind], LABELS, ("even", "odd"))
    accuracy = fine_tune(Mean(), known, known, epochs=1, batch_size=16, progress=False)
    assert 0 <= accuracy <= 1


def test_tokens_have_no_pixels_to_judge():
    known = Samples(DATA["sequences"], LABELS, ("even", "odd"))
    with pytest.raises(ValueError, match=r"only images and clips have pixels, got torch.int64 \(64, 5\)"):
        judge(None, known, known)


def test_a_direction_is_read_as_an_angle_and_no_angle_is_needed():
    direction = torch.rand(400) * 360
    radians = direction.deg2rad()
    features = torch.stack([radians.cos(), radians.sin(), torch.randn(400)], dim=1)
    scores = factor_scores(
        features[:300], {"direction": direction[:300]}, features[300:], {"direction": direction[300:]}
    )
    assert list(scores) == ["direction"]
    assert scores["direction"] > 0.99
