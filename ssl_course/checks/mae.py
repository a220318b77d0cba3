"""Exercises of lesson 06: patches, masking, the loss on what was hidden, normalised targets, and honest pictures."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.checks.engine import Choice, Essay, Exercise, Function
from ssl_course.methods.mae import masked_mse, normalise_patches
from ssl_course.vit import patchify, unpatchify


def numbered(*shape: int) -> Tensor:
    """A tensor whose numbers are all different, so that each can be found again."""
    return torch.arange(float(torch.Size(shape).numel())).view(shape)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- patches, functions of (images, size)


def cut(images: Tensor, size: int, order: tuple[int, ...]) -> Tensor:
    """Patches by splitting height and width and putting the six axes in some order."""
    count, channels, height, width = images.shape
    cells = images.view(count, channels, height // size, size, width // size, size)
    return cells.permute(order).reshape(count, -1, channels * size**2)


def every_other_pixel(images, size):
    count, channels, height, width = images.shape
    cells = images.view(count, channels, size, height // size, size, width // size)
    return cells.permute(0, 3, 5, 1, 2, 4).reshape(count, -1, channels * size**2)


def unfolded(images, size):
    columns = torch.nn.functional.unfold(images, size, stride=size)  # (B, P, L)
    return columns.reshape(len(images), -1, columns.shape[1])


PATCHIFY = {
    "the axes are only renamed, not exchanged: a reshape alone takes pixels row by row, and a patch is no row. A "
    "permute must come between.": lambda images, size: images.reshape(len(images), -1, images.shape[1] * size**2),
    "channels and rows are swapped, so that a patch holds one channel of several places: the order after permute is "
    "(B, rows, columns, C, size, size).": lambda images, size: cut(images, size, (0, 1, 2, 4, 3, 5)),
    "the channels come last in each patch: here they come first, (C, size, size).": (
        lambda images, size: cut(images, size, (0, 2, 4, 3, 5, 1))
    ),
    "the patches are counted column by column: here they are counted row by row, as one reads.": (
        lambda images, size: cut(images, size, (0, 4, 2, 1, 3, 5))
    ),
    "rows and columns are exchanged inside each patch: its rows of pixels come before its columns, (C, size, size).": (
        lambda images, size: cut(images, size, (0, 2, 4, 1, 5, 3))
    ),
    "a patch is made of pixels that lie apart: height splits into (rows, size), not into (size, rows).": (
        every_other_pixel
    ),
    "unfold's result (B, P, L) is reshaped to (B, L, P): exchange the axes with transpose(1, 2).": unfolded,
}

# --- and back, functions of (patches, height, width, size)


def laid(patches: Tensor, height: int, width: int, size: int, order: tuple[int, ...]) -> Tensor:
    """Images by giving the patches (B, rows, columns, C, size, size), and putting the six axes in some order."""
    cells = patches.reshape(len(patches), height // size, width // size, -1, size, size)
    return cells.permute(order).reshape(len(patches), -1, height, width)


def column_by_column(patches, height, width, size):
    cells = patches.reshape(len(patches), width // size, height // size, -1, size, size)
    return cells.permute(0, 3, 2, 4, 1, 5).reshape(len(patches), -1, height, width)


def colours_last(patches, height, width, size):
    cells = patches.reshape(len(patches), height // size, width // size, size, size, -1)
    return cells.permute(0, 5, 1, 3, 2, 4).reshape(len(patches), -1, height, width)


UNPATCHIFY = {
    "the order is still (B, C, rows, columns, size, size): a row of the image runs through all patches beside each "
    "other, so rows and size must be neighbours, and so must columns and size.": (
        lambda *given: laid(*given, (0, 3, 1, 2, 4, 5))
    ),
    "the patches are only reshaped: the pixels of one patch then lie one after the other in a row of the image.": (
        lambda patches, height, width, size: patches.reshape(len(patches), -1, height, width)
    ),
    "size stands before rows: the pixel inside the patch changes faster than the patch, so it comes after it.": (
        lambda *given: laid(*given, (0, 3, 4, 1, 5, 2))
    ),
    "rows and columns are exchanged inside each patch: of its last two axes, the first belongs to the height.": (
        lambda *given: laid(*given, (0, 3, 1, 5, 2, 4))
    ),
    "the patches are laid column by column: they were counted row by row.": column_by_column,
    "the channels are taken from the end of each patch: they come first, (C, size, size).": colours_last,
}

# --- random masking, functions of (tokens, noise, ratio)


def pick(tokens: Tensor, order: Tensor) -> Tensor:
    return tokens.gather(1, order.unsqueeze(2).expand(-1, -1, tokens.shape[2]))


def hide(tokens: Tensor, noise: Tensor, ratio: float) -> tuple[Tensor, Tensor, Tensor]:
    """The package's `random_masking` with the random numbers given: the smallest ones stay."""
    kept = round(tokens.shape[1] * (1 - ratio))
    order = noise.argsort(dim=1)
    restore = order.argsort(dim=1)
    return pick(tokens, order[:, :kept]), restore >= kept, restore


def order_as_restore(tokens, noise, ratio):
    visible, mask, _ = hide(tokens, noise, ratio)
    return visible, mask, noise.argsort(dim=1)


def order_for_both(tokens, noise, ratio):
    visible, _, _ = hide(tokens, noise, ratio)
    order = noise.argsort(dim=1)
    return visible, order >= visible.shape[1], order


def inverted(tokens, noise, ratio):
    visible, mask, restore = hide(tokens, noise, ratio)
    return visible, ~mask, restore


def shuffled_mask(tokens, noise, ratio):
    visible, mask, restore = hide(tokens, noise, ratio)
    return visible, (torch.arange(mask.shape[1]) >= visible.shape[1]).expand_as(mask), restore


def first_ones(tokens, noise, ratio):
    visible, mask, restore = hide(tokens, noise, ratio)
    return tokens[:, : visible.shape[1]], mask, restore


def in_place_order(tokens, noise, ratio):
    visible, mask, restore = hide(tokens, noise, ratio)
    return tokens[~mask].view_as(visible), mask, restore


def with_kept(count):
    """`hide` with another rule for how many tokens stay, of their number and the ratio."""

    def answer(tokens, noise, ratio):
        kept = count(tokens.shape[1], ratio)
        order = noise.argsort(dim=1)
        restore = order.argsort(dim=1)
        return pick(tokens, order[:, :kept]), restore >= kept, restore

    return answer


def mask_one_off(tokens, noise, ratio):
    visible, _, restore = hide(tokens, noise, ratio)
    return visible, restore > visible.shape[1], restore


MASKING = {
    "int() cuts off where round() was needed: 10 * (1 - 0.9) is a little below 1, and nothing is kept.": (
        with_kept(lambda length, ratio: int(length * (1 - ratio))),
        with_kept(lambda length, ratio: length - math.ceil(length * ratio)),
    ),
    "mask and restore are exchanged: the order is visible, mask, restore.": (
        lambda tokens, noise, ratio: tuple(hide(tokens, noise, ratio)[place] for place in (0, 2, 1))
    ),
    "the mask is off by one: the places are counted from 0, so place V is hidden already, restore >= V.": mask_one_off,
    "restore is the order itself, and the mask is made from it: the order says which token went to place l. What "
    "brings all back is the place where token l went, its argsort.": order_for_both,
    "restore is the order itself: the order says which token went to place l. What brings all back is the place where "
    "token l went, its argsort.": order_as_restore,
    "the mask is inverted: it is true where a token is hidden.": inverted,
    "the mask is still in shuffled order, the same for all images: say of each token in its own place whether it is "
    "hidden.": shuffled_mask,
    "the hidden share is kept: ratio is the share that is hidden, 1 - ratio stays.": (
        lambda tokens, noise, ratio: hide(tokens, noise, 1 - ratio)
    ),
    "the tokens with the largest noise are kept: here the smallest stay.": (
        lambda tokens, noise, ratio: hide(tokens, -noise, ratio)
    ),
    "the first tokens of each image are kept, whatever the noise: take those that the order names.": first_ones,
    "the visible tokens lie as in the image, and restore undoes a shuffle: they must lie in the order of the noise.": (
        in_place_order
    ),
    "all images hide the same places: each has its own row of noise.": (
        lambda tokens, noise, ratio: hide(tokens, noise[:1].expand_as(noise), ratio)
    ),
}


def masking_cases() -> list[tuple]:
    random = torch.Generator().manual_seed(3)
    sizes = ((3, 8, 5, 0.75), (2, 10, 3, 0.6), (2, 10, 2, 0.9))
    return [(numbered(b, length, d), torch.rand(b, length, generator=random), ratio) for b, length, d, ratio in sizes]


# --- the loss, functions of (prediction, target, mask)


def errors(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).square().mean(dim=2)  # (B, L)


def mean_of_means(prediction, target, mask):
    error = errors(prediction, target)
    return torch.stack([one[hidden].mean() for one, hidden in zip(error, mask, strict=True)]).mean()


LOSS = {
    "the visible patches are counted: the mask is true where a patch was hidden, and those are the ones to paint.": (
        lambda prediction, target, mask: masked_mse(prediction, target, ~mask)
    ),
    "all patches are counted: the visible ones could be copied, so they don't count.": (
        lambda prediction, target, mask: errors(prediction, target).mean()
    ),
    "the visible patches are set to 0 and then counted in the mean: divide by the number of hidden ones.": (
        lambda prediction, target, mask: (errors(prediction, target) * mask).mean()
    ),
    "each image's mean is taken first, and then the mean of those: a patch of an image with few hidden ones counts for "
    "more. All hidden patches count alike.": mean_of_means,
    "the errors of the patches are summed: take the mean over the hidden ones.": (
        lambda prediction, target, mask: errors(prediction, target)[mask].sum()
    ),
    "the sum is divided by the number of images: divide by the number of hidden patches.": (
        lambda prediction, target, mask: errors(prediction, target)[mask].sum() / len(mask)
    ),
    "the squares within a patch are summed: take their mean, so that large patches have no larger loss.": (
        lambda prediction, target, mask: masked_mse(prediction, target, mask) * target.shape[2]
    ),
    "the mean over each image's patches is missing: mean() without dim mixes visible and hidden ones, so the mask has "
    "nothing left to choose.": (
        lambda prediction, target, mask: (errors(prediction, target).mean() * mask).sum() / len(mask),
        lambda prediction, target, mask: (errors(prediction, target).mean() * mask).mean(),
    ),
    "the absolute differences are taken: squared ones were asked for.": (
        lambda prediction, target, mask: (prediction - target).abs().mean(dim=2)[mask].mean()
    ),
    "a root is taken at the end: the mean squared error has none.": (
        lambda prediction, target, mask: masked_mse(prediction, target, mask).sqrt()
    ),
}


def loss_cases() -> list[tuple]:
    few = torch.tensor([[1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 1]]).bool()
    many = torch.tensor([[0, 1, 0, 0, 0], [1, 1, 0, 1, 1], [0, 1, 1, 0, 0]]).bool()
    scale = torch.arange(1.0, 6).view(1, 5, 1)
    return [
        (drawn(2, 6, 4, seed=1), drawn(2, 6, 4, seed=2), few),
        (scale * drawn(3, 5, 7, seed=3), drawn(3, 5, 7, seed=4), many),
    ]


# --- normalised targets, functions of (patches)


def scaled(patches: Tensor, axes: int | tuple[int, ...], correction: int = 1) -> Tensor:
    variance, mean = torch.var_mean(patches, dim=axes, keepdim=True, correction=correction)
    return (patches - mean) / (variance + 1e-4).sqrt()


NORMALISE = {
    "the mean is that of all numbers, mean() without dim: each patch is to have its own, dim=2 with keepdim=True.": (
        lambda patches: (patches - patches.mean()) / (patches.var(dim=2, keepdim=True) + 1e-4).sqrt()
    ),
    "the variance is that of all numbers, var() without dim: each patch is to have its own, dim=2 with keepdim=True.": (
        lambda patches: (patches - patches.mean(dim=2, keepdim=True)) / (patches.var() + 1e-4).sqrt()
    ),
    "the small number is missing: a flat patch is then divided by 0, and a faint one by nearly 0.": (
        lambda patches: (patches - patches.mean(dim=2, keepdim=True)) / patches.std(dim=2, keepdim=True)
    ),
    "the mean goes over the patches of an image (dim=1): each patch is to have its own, over its pixels (dim=2).": (
        lambda patches: scaled(patches, 1)
    ),
    "each image has one mean and one variance: each patch is to have its own.": lambda patches: scaled(patches, (1, 2)),
    "all images share one mean and one variance: each patch is to have its own.": (
        lambda patches: scaled(patches, (0, 1, 2))
    ),
    "the mean goes over the images (dim=0): each patch is to have its own, over its pixels (dim=2).": (
        lambda patches: scaled(patches, 0)
    ),
    "the mean is taken off and nothing is divided: the contrast of a patch is still told.": (
        lambda patches: patches - patches.mean(dim=2, keepdim=True)
    ),
    "the patch is divided by its deviation, but its mean isn't taken off.": (
        lambda patches: patches / (patches.var(dim=2, keepdim=True) + 1e-4).sqrt()
    ),
    "it is divided by the variance: divide by its root, or the result hasn't variance 1.": (
        lambda patches: (patches - patches.mean(dim=2, keepdim=True)) / (patches.var(dim=2, keepdim=True) + 1e-4)
    ),
    "the small number is added after the root: it belongs under it, beside the variance.": (
        lambda patches: (patches - patches.mean(dim=2, keepdim=True)) / (patches.std(dim=2, keepdim=True) + 1e-4)
    ),
    "the squares are divided by P: the variance asked for divides by P - 1, as `var` does by itself.": (
        lambda patches: scaled(patches, 2, correction=0),
        lambda patches: F.layer_norm(patches, patches.shape[2:]),
    ),
}


def normalise_cases() -> list[tuple]:
    """Bright and dark patches, strong ones, a faint one and a flat one."""
    level = torch.linspace(0.1, 0.9, 10).view(2, 5, 1)
    contrast = torch.tensor([0.3, 0.01, 0.1, 0.2, 0.0]).view(1, 5, 1)
    return [(level + contrast * drawn(2, 5, 12, seed=5),)]


# --- a picture from normalised predictions, functions of (prediction, patches, mask)


def with_levels(prediction: Tensor, patches: Tensor, mask: Tensor, levels: Tensor) -> Tensor:
    """Visible patches as they are, hidden ones painted; levels (2, B, 1 or L, 1) are mean and deviation."""
    return torch.where(mask.unsqueeze(2), prediction * levels[1] + levels[0], patches)


def seen_levels(patches: Tensor, mask: Tensor) -> Tensor:
    seen = [image[~hidden] for image, hidden in zip(patches, mask, strict=True)]
    return torch.stack([torch.stack([part.mean(), part.std()]) for part in seen], dim=1)[:, :, None, None]


def honest(prediction: Tensor, patches: Tensor, mask: Tensor) -> Tensor:
    return with_levels(prediction, patches, mask, seen_levels(patches, mask))


def told_by_the_patch(prediction, patches, mask):
    levels = torch.stack([patches.mean(dim=2, keepdim=True), patches.std(dim=2, keepdim=True)])
    return with_levels(prediction, patches, mask, levels)


def told_by_the_image(prediction, patches, mask):
    return with_levels(prediction, patches, mask, seen_levels(patches, torch.zeros_like(mask)))


def told_by_the_hidden(prediction, patches, mask):
    return with_levels(prediction, patches, mask, seen_levels(patches, ~mask))


def hidden_as_zeros(prediction, patches, mask):
    emptied = patches.masked_fill(mask.unsqueeze(2), 0.0)
    return with_levels(prediction, patches, mask, seen_levels(emptied, torch.zeros_like(mask)))


def all_images_alike(prediction, patches, mask):
    seen = patches[~mask]
    return with_levels(prediction, patches, mask, torch.stack([seen.mean(), seen.std()]).view(2, 1, 1, 1))


def painted(prediction: Tensor, patches: Tensor, mask: Tensor) -> Tensor:
    mean, deviation = seen_levels(patches, mask)
    return prediction * deviation + mean


def swapped(prediction, patches, mask):
    return torch.where(mask.unsqueeze(2), patches, painted(prediction, patches, mask))


def divided(prediction, patches, mask):
    mean, deviation = seen_levels(patches, mask)
    return torch.where(mask.unsqueeze(2), prediction / deviation + mean, patches)


def normalised_again(prediction, patches, mask):
    mean, deviation = seen_levels(patches, mask)
    return torch.where(mask.unsqueeze(2), (prediction - mean) / deviation, patches)


def with_one_level(missing: int):
    """Without the mean (0) or without the deviation (1)."""

    def picture(prediction, patches, mask):
        levels = seen_levels(patches, mask).clone()
        levels[missing] = missing
        return with_levels(prediction, patches, mask, levels)

    return picture


def added_first(prediction, patches, mask):
    mean, deviation = seen_levels(patches, mask)
    return torch.where(mask.unsqueeze(2), (prediction + mean) * deviation, patches)


def by_variance(prediction, patches, mask):
    mean, deviation = seen_levels(patches, mask)
    return torch.where(mask.unsqueeze(2), prediction * deviation**2 + mean, patches)


def by_population(prediction, patches, mask):
    mean, deviation = seen_levels(patches, mask)
    count = (~mask).sum(dim=1).view(-1, 1, 1) * patches.shape[2]
    return torch.where(mask.unsqueeze(2), prediction * deviation * ((count - 1) / count).sqrt() + mean, patches)


HONEST = {
    "the mean is added before the deviation is multiplied: undo the steps in the opposite order, multiply first.": (
        added_first
    ),
    "the prediction is multiplied by the variance: multiply by its root, the deviation.": by_variance,
    "the squares are divided by their number, as numpy's std does: torch's divides by one less.": by_population,
    "the hidden patch's own mean and deviation are used: the model never saw them, so this picture has been told its "
    "brightness by the answer.": told_by_the_patch,
    "mean and deviation of the hidden patches are used: the model never saw them. Take those of the visible ones.": (
        told_by_the_hidden
    ),
    "the hidden patches count as zeros in the mean and the deviation: leave them out.": hidden_as_zeros,
    "mean and deviation of the whole image are used, hidden patches included: take those of the visible ones.": (
        told_by_the_image
    ),
    "all images share one mean and deviation: each has its own, over its visible patches.": all_images_alike,
    "the prediction is pasted as it is: it is normalised, so multiply by a deviation and add a mean first.": (
        lambda prediction, patches, mask: torch.where(mask.unsqueeze(2), prediction, patches)
    ),
    "given and painted are swapped: the visible patches come from the image, the hidden ones from the model.": swapped,
    "every patch is the model's: the visible ones were given, so copy them from the image.": painted,
    "the prediction is divided by the deviation: that normalises once more, multiplying undoes it.": (
        divided,
        normalised_again,
    ),
    "the prediction is multiplied by the deviation, but no mean is added.": with_one_level(0),
    "the mean is added to the prediction, but it isn't multiplied by the deviation.": with_one_level(1),
    "the image itself is returned: what was hidden must come from the model.": (
        lambda prediction, patches, mask: patches.clone()
    ),
}


def honest_cases() -> list[tuple]:
    mask = torch.tensor([[1, 0, 1, 1, 0, 1], [0, 1, 1, 0, 1, 0]]).bool()
    level = torch.linspace(0.1, 0.9, 12).view(2, 6, 1)
    return [(drawn(2, 6, 8, seed=6), level + 0.1 * drawn(2, 6, 8, seed=7), mask)]


EXERCISES: dict[str, Exercise] = {
    "patchify": Function(
        reference=patchify,
        cases=lambda: [(numbered(2, 3, 8, 12), 4), (numbered(3, 2, 6, 4), 2)],
        mistakes=PATCHIFY,
        praise="the same as the package's, on images that aren't square.",
    ),
    "unpatchify": Function(
        reference=unpatchify,
        cases=lambda: [(numbered(2, 6, 48), 8, 12, 4), (numbered(3, 6, 8), 6, 4, 2)],
        mistakes=UNPATCHIFY,
        praise="every pixel is back in its place.",
    ),
    "masking": Function(
        reference=hide,
        cases=masking_cases,
        mistakes=MASKING,
        praise="with restore, every token finds its place again.",
        whole=True,
    ),
    "loss": Function(
        reference=masked_mse,
        cases=loss_cases,
        mistakes=LOSS,
        praise="the same as the package's: every hidden patch counts, and counts once.",
        gradients={"prediction": 0},
    ),
    "normalise": Function(
        reference=normalise_patches,
        cases=normalise_cases,
        mistakes=NORMALISE,
        praise="each patch has mean 0 and variance 1, and a flat one stays flat.",
    ),
    "honest": Function(
        reference=honest,
        cases=honest_cases,
        mistakes=HONEST,
        praise="nothing in this picture was told by the answer.",
    ),
    "redundant": Choice(
        right="b",
        because="with little hidden a pixel has visible neighbours, with much hidden it has none near: that is why so "
        "much must be hidden before the task asks for more than copying from next door.",
        others={
            "a": "near neighbours are a good guess, but with 90 % hidden hardly any are left: interpolation then "
            "trusts one or two pixels that lie far off.",
            "c": "the mean colour is a mean over many pixels even when a tenth is visible, so it hardly changes. "
            "Which of the two guesses needs neighbours?",
            "d": "with a quarter hidden, nearly every hidden pixel has visible ones beside it, which are mostly of its "
            "colour: that is a far better guess than one colour for the whole image.",
        },
    ),
    "open": Essay(
        question="A talk shows one photograph, a version of it with 75 % of the patches in grey, and a reconstruction "
        '"by our masked autoencoder", sharp and in the right colours. The speaker concludes that the features must be '
        "excellent. Which questions do you ask? Think of the pixels in the picture, of the one image shown, and of the "
        "conclusion.",
    ),
}
