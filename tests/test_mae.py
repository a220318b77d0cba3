"""The transformer's patches, places and attention; then what a masked autoencoder hides, sees and is asked for."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_course.methods.mae import MAE, masked_mse, normalise_patches, random_masking, visible_count
from ssl_course.networks import small_cnn
from ssl_course.vit import Block, VisionTransformer, patchify, places, small_vit, unpatchify, wide_vit

SIZES = [(4, 4, 2), (8, 12, 4), (32, 32, 4), (6, 15, 3), (16, 8, 8)]


def images(count=6, height=16, width=16):
    return torch.rand(count, 3, height, width)


# --- patches


@pytest.mark.parametrize(("height", "width", "size"), SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_patches_are_torchs_unfold_and_go_back_to_the_bit(height, width, size, channels):
    batch = torch.rand(2, channels, height, width)
    patches = patchify(batch, size)
    assert torch.equal(patches, F.unfold(batch, size, stride=size).transpose(1, 2))
    assert torch.equal(unpatchify(patches, height, width, size), batch)


@pytest.mark.parametrize("shape", [(2, 3, 30, 32), (2, 3, 32, 33), (3, 32, 32)])
def test_patchify_refuses_what_does_not_divide(shape):
    with pytest.raises(ValueError, match="H and W multiples of 4, got ") as refused:
        patchify(torch.rand(shape))
    assert str(shape) in str(refused.value)


@pytest.mark.parametrize(("shape", "height"), [((2, 5, 48), 8), ((2, 4, 48), 16), ((2, 4, 47), 8)])
def test_unpatchify_refuses_patches_that_do_not_fit(shape, height):
    with pytest.raises(ValueError, match=f"is not an image of {height}x8 in patches of 4"):
        unpatchify(torch.rand(shape), height, 8)


# --- the transformer


@pytest.mark.parametrize(("rows", "columns", "width"), [(8, 8, 16), (16, 16, 64), (3, 20, 8), (1, 5, 4)])
def test_every_position_has_a_place_of_its_own(rows, columns, width):
    table = places(rows, columns, width)
    assert table.shape == (rows * columns, width)
    assert table.abs().max() <= 1
    assert torch.cdist(table, table).fill_diagonal_(1).min() > 0.1


def test_half_of_a_place_tells_the_row_and_half_the_column():
    row, column = places(5, 7, 16).view(5, 7, 16).split(8, dim=2)
    assert torch.equal(row, row[:, :1].expand(5, 7, 8))
    assert torch.equal(column, column[:1].expand(5, 7, 8))
    torch.testing.assert_close(row[:, 0], column[0, :5])


@pytest.mark.parametrize("width", [2, 18])
def test_a_width_of_places_that_is_no_multiple_of_4_is_refused(width):
    with pytest.raises(ValueError, match=f"width must be a multiple of 4, got {width}"):
        places(2, 2, width)


def test_a_width_that_the_heads_do_not_share_evenly_is_refused():
    with pytest.raises(ValueError, match="width must be a multiple of heads, got 10 and 4"):
        Block(10, 4)


@pytest.mark.parametrize(("width", "heads"), [(8, 1), (16, 4)])
def test_attention_is_torchs(width, heads):
    block, x = Block(width, heads), torch.randn(2, 7, width)
    with torch.no_grad():
        block.queries_keys_values.weight.mul_(5)  # so that the weights are far from even
    parts = block.queries_keys_values(x).chunk(3, dim=2)
    q, k, v = (part.view(2, 7, heads, width // heads).transpose(1, 2) for part in parts)
    expected = block.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(2, 7, width))
    torch.testing.assert_close(block._attend(x), expected)


def test_a_block_adds_attention_and_perceptron_to_what_was_there():
    block, x = Block(8, 2), torch.randn(2, 5, 8)
    between = x + block._attend(block.attention_norm(x))
    torch.testing.assert_close(block(x), between + block.mlp(block.mlp_norm(between)))
    nn.init.zeros_(block.out.weight), nn.init.zeros_(block.out.bias)
    nn.init.zeros_(block.mlp[2].weight), nn.init.zeros_(block.mlp[2].bias)
    assert torch.equal(block(x), x)


def test_a_block_itself_does_not_know_the_order_of_tokens_and_keeps_images_apart():
    block, x, order = Block(8, 2), torch.randn(3, 6, 8), torch.randperm(6)
    torch.testing.assert_close(block(x[:, order]), block(x)[:, order])
    torch.testing.assert_close(block(x[1:2]), block(x)[1:2])


def vit(**options):
    return VisionTransformer(**{"width": 16, "depth": 1} | options)


def test_features_depend_on_the_order_of_patches():
    encoder, batch = vit(), images()
    patches = patchify(batch)
    shuffled = unpatchify(patches[:, torch.randperm(16)], 16, 16)
    assert (encoder(shuffled) - encoder(batch)).abs().max() > 1e-3


def test_tokens_are_embedded_patches_with_their_places():
    encoder, batch = vit(), images()
    patches = (F.unfold(batch, 4, stride=4).transpose(1, 2) - 0.5) / 0.25
    expected = patches @ encoder.embed.weight.T + encoder.embed.bias + places(4, 4, 16)
    torch.testing.assert_close(encoder.tokens(batch), expected)


@pytest.mark.parametrize(("height", "width", "patch"), [(16, 16, 4), (32, 64, 4), (8, 24, 8)])
def test_a_transformer_takes_images_of_any_size_that_divides(height, width, patch):
    encoder = vit(patch=patch)
    assert encoder.tokens(images(2, height, width)).shape == (2, height * width // patch**2, 16)
    assert encoder(images(2, height, width)).shape == (2, encoder.dim)


def test_features_are_the_mean_of_the_encoded_tokens():
    encoder, batch = vit(), images()
    torch.testing.assert_close(encoder(batch), encoder.encode(encoder.tokens(batch)).mean(dim=1))


def test_a_transformer_refuses_images_that_do_not_divide():
    with pytest.raises(ValueError, match=r"multiples of 4, got \(2, 3, 18, 16\)"):
        vit()(images(2, 18, 16))


@pytest.mark.parametrize(("build", "weights"), [(small_vit, 150_000), (wide_vit, 800_000)])
def test_the_courses_transformers_have_about_so_many_weights(build, weights):
    encoder = build()
    assert sum(parameter.numel() for parameter in encoder.parameters()) == pytest.approx(weights, rel=0.1)
    assert encoder(images(2)).shape == (2, encoder.dim)


# --- masking


@pytest.mark.parametrize(
    ("ratio", "length", "kept"),
    [(0.75, 64, 16), (0.5, 64, 32), (0.9, 64, 6), (0.25, 16, 12), (0.6, 5, 2), (0.99, 16, 1), (0.01, 16, 15)],
)
def test_the_stated_share_is_hidden_and_at_least_one_stays(ratio, length, kept):
    visible, mask, restore = random_masking(torch.randn(5, length, 3), ratio)
    assert visible.shape == (5, kept, 3)
    assert (~mask).sum(dim=1).tolist() == [kept] * 5
    assert torch.equal(restore.sort(dim=1).values, torch.arange(length).expand(5, length))


def test_restore_brings_every_token_back_to_its_place():
    tokens = torch.randn(5, 12, 3)
    visible, mask, restore = random_masking(tokens, 0.6)
    filled = torch.cat([visible, torch.full((5, 12 - visible.shape[1], 3), 9.0)], dim=1)
    back = filled.gather(1, restore.unsqueeze(2).expand(-1, -1, 3))
    assert torch.equal(back, torch.where(mask.unsqueeze(2), 9.0, tokens))


def test_masks_differ_between_images_and_hide_every_place_equally_often():
    _, mask, _ = random_masking(torch.zeros(4000, 16, 1), 0.75)
    assert len(mask.unique(dim=0)) > 1000  # of 1820
    assert (mask.float().mean(dim=0) - 0.75).abs().max() < 0.035
    together = (mask.T.float() @ mask.float() / 4000)[~torch.eye(16, dtype=torch.bool)]
    assert (together - 0.75 * 11 / 15).abs().max() < 0.045  # nor do two places hide together more than by chance


@pytest.mark.parametrize("ratio", [0, 1, -0.1, 1.5, float("nan")])
def test_a_ratio_outside_0_to_1_is_refused(ratio):
    with pytest.raises(ValueError, match=rf"ratio must be in \(0, 1\), got {ratio}"):
        random_masking(torch.zeros(2, 4, 1), ratio)
    with pytest.raises(ValueError, match=rf"ratio must be in \(0, 1\), got {ratio}"):
        MAE(vit(), ratio=ratio)


# --- the loss


def problem():
    prediction, target, mask = torch.randn(3, 8, 5), torch.randn(3, 8, 5), torch.rand(3, 8) < 0.6
    return prediction, target, mask


def test_masked_mse_is_the_mean_over_values_of_hidden_patches():
    prediction, target, mask = problem()
    hidden = [place for place in itertools.product(range(3), range(8)) if mask[place]]
    errors = [((prediction[place][k] - target[place][k]) ** 2) for place in hidden for k in range(5)]
    torch.testing.assert_close(masked_mse(prediction, target, mask), sum(errors) / len(errors))


def test_masked_mse_is_blind_to_visible_patches_and_only_to_them():
    prediction, target, mask = problem()
    loss, other, hidden = masked_mse(prediction, target, mask), torch.randn(3, 8, 5), mask.unsqueeze(2)
    assert torch.equal(masked_mse(torch.where(hidden, prediction, other), target, mask), loss)
    assert torch.equal(masked_mse(prediction, torch.where(hidden, target, other), mask), loss)
    assert abs(masked_mse(torch.where(hidden, other, prediction), target, mask) - loss) > 1e-2


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_a_count_of_hidden_patches_changes_no_bit_of_masked_mse(ratio):
    prediction, target = torch.randn(7, 16, 5), torch.randn(7, 16, 5)
    _, mask, _ = random_masking(target, ratio)
    count = 16 - visible_count(16, ratio)
    assert torch.equal(masked_mse(prediction, target, mask, count=count), masked_mse(prediction, target, mask))


def test_masked_mse_refuses():
    prediction, target, mask = problem()
    with pytest.raises(ValueError, match=r"got \(3, 8, 5\), \(3, 8, 4\) and \(3, 8\)"):
        masked_mse(prediction, target[..., 1:], mask)
    with pytest.raises(ValueError, match=r"got \(3, 8, 5\), \(3, 8, 5\) and \(3, 7\)"):
        masked_mse(prediction, target, mask[:, 1:])
    with pytest.raises(ValueError, match="the mask hides nothing"):
        masked_mse(prediction, target, torch.zeros(3, 8, dtype=torch.bool))


def test_normalised_patches_have_mean_0_and_variance_1_each():
    light = torch.rand(4, 9, 1) * 3
    patches = normalise_patches(light + (0.5 + light) * torch.randn(4, 9, 48))
    torch.testing.assert_close(patches.mean(dim=2), torch.zeros(4, 9), atol=1e-5, rtol=0)
    torch.testing.assert_close(patches.var(dim=2), torch.ones(4, 9), atol=1e-3, rtol=0)


def test_a_patch_of_one_colour_becomes_zero():
    assert normalise_patches(torch.full((1, 2, 48), 0.7)).abs().max() < 1e-3


# --- the method


def mae(**options):
    return MAE(vit(), **{"augment": nn.Identity()} | options)


def with_seed(function, *arguments):
    torch.manual_seed(5)
    return function(*arguments)


def hidden_pixels(mask, rows=4):
    """Where the mask (B, L) hides in the image, bool (B, 1, 16, 16)."""
    return mask.view(-1, 1, rows, rows).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)


def test_the_encoder_sees_nothing_of_hidden_patches():
    method, batch, seen = mae(), images(), []
    method.narrow.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    prediction, mask = with_seed(method.predict, batch)
    hidden = hidden_pixels(mask)
    again, same = with_seed(method.predict, torch.where(hidden, torch.rand_like(batch), batch))
    assert torch.equal(mask, same)
    assert torch.equal(prediction, again)
    assert torch.equal(*seen)
    other, _ = with_seed(method.predict, torch.where(hidden, batch, torch.rand_like(batch)))
    assert (other - prediction).abs().amax(dim=(1, 2)).min() > 1e-4


@pytest.mark.parametrize("ratio", [0.25, 0.75])
def test_the_encoder_computes_on_visible_tokens_only(ratio):
    method, lengths = mae(ratio=ratio), []
    method.encoder.blocks.register_forward_hook(lambda module, inputs, output: lengths.append(inputs[0].shape[1]))
    prediction, mask = method.predict(images())
    assert lengths == [16 - 16 * ratio]
    assert prediction.shape == (6, 16, 48)
    assert (mask.sum(dim=1) == 16 * ratio).all()


@pytest.mark.parametrize("normalised", [True, False])
def test_maes_loss_is_that_of_its_prediction_against_the_patches(normalised):
    method, batch = mae(normalised=normalised), images()
    prediction, mask = with_seed(method.predict, batch)
    target = F.unfold(batch, 4, stride=4).transpose(1, 2)
    target = normalise_patches(target) if normalised else target
    torch.testing.assert_close(with_seed(method, batch), masked_mse(prediction, target, mask))


def test_maes_loss_asks_for_hidden_pixels_and_not_for_visible_ones():
    """With a prediction that is nailed down, only what the loss asks for is left of the image."""
    method, batch = mae(normalised=False), images()
    nn.init.zeros_(method.paint[1].weight)
    loss, (_, mask) = with_seed(method, batch), with_seed(method.predict, batch)
    hidden, other = hidden_pixels(mask), torch.rand_like(batch)
    assert torch.equal(with_seed(method, torch.where(hidden, batch, other)), loss)
    assert abs(with_seed(method, torch.where(hidden, 1 - 0.1 * other, batch)) - loss) > 1e-2


def test_each_prediction_knows_the_place_that_it_is_for():
    """The decoder gets equal mask tokens: only their places tell hidden patches apart."""
    method = mae()
    prediction, mask = method.predict(images(1))
    hidden = prediction[0, mask[0]]
    assert torch.cdist(hidden, hidden).fill_diagonal_(1).min() > 1e-3


def test_a_visible_token_comes_back_to_its_own_place_in_the_decoder():
    """The decoder's input at visible places is their narrowed token plus place; at hidden ones the mask token's."""
    method, batch, inputs = mae(), images(), []
    method.blocks.register_forward_pre_hook(lambda module, arguments: inputs.append(arguments[0]))
    nn.init.zeros_(method.encoder.blocks[0].out.weight)  # each token is encoded by itself
    _, mask = method.predict(batch)
    alone = method.narrow(method.encoder.encode(method.encoder.tokens(batch)))
    expected = torch.where(mask.unsqueeze(2), method.mask_token, alone) + places(4, 4, alone.shape[2])
    torch.testing.assert_close(inputs[0], expected)


def test_mae_refuses_an_encoder_that_cannot_leave_out_patches():
    with pytest.raises(ValueError, match=r"encoder must be a VisionTransformer, got .*SmallCNN"):
        MAE(small_cnn(4))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (16, 32)])
def test_mae_works_on_other_sizes(height, width):
    assert mae()(images(2, height, width)).isfinite()


def test_one_patch_alone_cannot_be_masked():
    with pytest.raises(ValueError, match="at least two patches, got 1"):
        random_masking(torch.randn(2, 1, 4), 0.75)


def test_unpatchify_refuses_a_height_that_is_no_multiple_of_the_patch():
    with pytest.raises(ValueError, match="is not an image of 9x8 in patches of 4"):
        unpatchify(torch.randn(1, 4, 48), 9, 8, 4)
