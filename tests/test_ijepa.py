"""What I-JEPA hides, sees and is asked for; its loss against a loop."""

import pytest
import torch

from ssl_course.methods.ijepa import IJEPA, block_sides, draw_blocks, feature_loss, take
from ssl_course.networks import small_cnn
from ssl_course.vit import VisionTransformer, places

CPU = torch.device("cpu")


def ijepa(**options):
    torch.manual_seed(0)
    return IJEPA(VisionTransformer(width=16, depth=1), **options)


def images(count=5, height=32, width=32):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize(
    ("rows", "columns", "sides"), [(8, 8, (3, 4)), (4, 4, (2, 1)), (8, 16, (4, 6)), (16, 16, (6, 8)), (1, 5, (1, 1))]
)
def test_a_block_takes_about_the_share_asked_for(rows, columns, sides):
    assert block_sides(rows, columns, 0.1875) == sides


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (4, 4), (8, 16)])
def test_every_block_is_a_full_rectangle_lying_or_standing(rows, columns):
    torch.manual_seed(0)
    inside = draw_blocks(50, rows, columns, 3, 0.1875, CPU).unflatten(2, (rows, columns))
    sides = set()
    for block in inside.flatten(0, 1):
        row, column = block.any(dim=1).nonzero().flatten(), block.any(dim=0).nonzero().flatten()
        assert block[row[0] : row[-1] + 1, column[0] : column[-1] + 1].all()
        sides.add((len(row), len(column)))
    short, long = block_sides(rows, columns, 0.1875)
    assert sides == {(short, long), (long, short)}


def test_blocks_reach_every_patch_and_differ_from_image_to_image():
    torch.manual_seed(0)
    inside = draw_blocks(300, 8, 8, 4, 0.1875, CPU)
    assert inside.any(dim=1).float().mean(dim=0).min() > 0.05
    assert len({tuple(row) for row in inside.any(dim=1).int().tolist()}) > 290


@pytest.mark.parametrize(("height", "width"), [(32, 32), (16, 16), (32, 64)])
def test_the_context_is_outside_of_every_block_and_places_are_the_blocks(height, width):
    method, batch = ijepa(), images(20, height, width)
    torch.manual_seed(3)
    context, asked = method.draw(batch)
    torch.manual_seed(3)
    inside = draw_blocks(20, height // 4, width // 4, 4, 0.1875, CPU)
    assert context.shape[1] + asked[0].numel() == height * width // 16
    for image in range(20):
        assert len(set(context[image].tolist())) == context.shape[1]
        assert not inside[image].any(dim=0)[context[image]].any()
        for block in range(4):
            assert asked[image, block].tolist() == inside[image, block].nonzero().flatten().tolist()


def test_the_encoder_sees_only_the_context():
    method, batch, lengths = ijepa(), images(), []
    method.encoder.blocks.register_forward_pre_hook(lambda module, inputs: lengths.append(inputs[0].shape[1]))
    method(batch)
    assert lengths == [16]


def test_hidden_pixels_change_the_targets_and_not_the_prediction():
    method, batch = ijepa().eval(), images()
    context, asked = method.draw(batch)
    hidden = torch.ones(5, 64).scatter(1, context, 0).bool()
    pixels = hidden.view(5, 1, 8, 8).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    changed = torch.where(pixels, 1 - batch, batch)
    torch.testing.assert_close(method.predict(changed, context, asked), method.predict(batch, context, asked))
    assert (method.targets(changed, asked) - method.targets(batch, asked)).abs().max() > 1e-3


def test_targets_are_the_slow_copys_features_of_the_whole_image():
    method, batch = ijepa(), images()
    with torch.no_grad():
        for parameter in method.target.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    _, asked = method.draw(batch)
    whole = method.target.copy.encode(method.target.copy.tokens(batch))
    found = method.targets(batch, asked)
    assert not found.requires_grad
    for image in range(5):
        torch.testing.assert_close(found[image], whole[image][asked[image]])


def test_each_block_is_predicted_by_itself_and_knows_its_places():
    method, batch = ijepa().eval(), images()
    context, asked = method.draw(batch)
    both = method.predict(batch, context, asked)
    torch.testing.assert_close(method.predict(batch, context, asked.flip(1)), both.flip(1))
    assert (both[:, 0] - both[:, 1]).abs().max() > 1e-4
    seen = method.narrow(method.encoder.encode(take(method.encoder.tokens(batch), context)))
    where = places(8, 8, 32)
    first = torch.cat([seen[0] + where[context[0]], method.mask_token + where[asked[0, 2]]]).unsqueeze(0)
    torch.testing.assert_close(both[0, 2], method.widen(method.predictor(first))[0, 16:])


def test_the_loss_is_smooth_l1_on_normalised_targets_as_a_loop():
    prediction, target = torch.randn(4, 3, 6, dtype=torch.float64), 5 * torch.randn(4, 3, 6, dtype=torch.float64) + 2
    total = 0.0
    for row, wanted in zip(prediction.flatten(0, 1), target.flatten(0, 1), strict=True):
        spread = ((wanted - wanted.mean()).square().mean() + 1e-5).sqrt()
        for one, other in zip(row, (wanted - wanted.mean()) / spread, strict=True):
            apart = (one - other).abs()
            total += 0.5 * apart**2 if apart < 1 else apart - 0.5
    torch.testing.assert_close(feature_loss(prediction, target), total / 72)


def test_the_methods_loss_is_that_of_its_parts():
    method, batch = ijepa(), images()
    torch.manual_seed(2)
    context, asked = method.draw(batch)
    torch.manual_seed(2)
    expected = feature_loss(method.predict(batch, context, asked), method.targets(batch, asked))
    torch.testing.assert_close(method(batch), expected)


@pytest.mark.parametrize(("progress", "kept"), [(0.0, 0.9), (0.5, 0.95), (1.0, 1.0)])
def test_the_copy_follows_ever_more_slowly(progress, kept):
    method = ijepa(decay=0.9)
    before = method.target.copy.embed.weight.clone()
    with torch.no_grad():
        method.encoder.embed.weight.add_(1)
    method.after_step(progress)
    torch.testing.assert_close(method.target.copy.embed.weight, before + 1 - kept)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IJEPA(small_cnn(4)), "it needs a VisionTransformer, got"),
        (lambda: ijepa(blocks=0), "blocks must leave some of the image, got 0 of 0.1875 each"),
        (lambda: ijepa(area=0.25), "blocks must leave some of the image, got 4 of 0.25 each"),
        (lambda: ijepa(area=-1), "blocks must leave some of the image, got 4 of -1 each"),
        (lambda: ijepa(decay=1.5), r"decay must be in \[0, 1\], got 1.5"),
        (lambda: ijepa()(images(2, 8, 8)), "2x2 patches are too few for 4 blocks of 1"),
        (lambda: feature_loss(torch.rand(2, 3), torch.rand(3)), r"must be alike, got \(2, 3\), \(3,\)"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()
