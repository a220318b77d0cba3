"""Exercises of lesson 06: patches, masking, the loss and its slope, honest pictures, another mask, comparisons."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ssl_course.checks.engine import (
    Answer,
    Choice,
    Essay,
    Exercise,
    Function,
    Number,
    Verdict,
    blank,
    by_hand,
    is_number,
    open_,
)
from ssl_course.methods import MAE
from ssl_course.methods.mae import masked_mse
from ssl_course.results import read
from ssl_course.vit import VisionTransformer, patchify, places, unpatchify


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


# --- its gradient, functions of (prediction, target, mask)


def gradient(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """The slope of `masked_mse` at every number of the prediction, (B, L, P)."""
    return 2 * (prediction - target) * mask.unsqueeze(2) / (mask.sum() * target.shape[2])


def share_of(mask: Tensor) -> Tensor:
    """All hidden patches for each hidden one of an image, (B, 1, 1)."""
    return (mask.sum() / mask.sum(dim=1)).view(-1, 1, 1)


GRADIENT = {
    "the 2 is missing: the slope of a square is twice what was squared.": (
        lambda prediction, target, mask: gradient(prediction, target, mask) / 2
    ),
    "the sign is wrong: where the prediction is too large, the loss grows with it.": (
        lambda prediction, target, mask: -gradient(prediction, target, mask)
    ),
    "the visible patches have a slope too: the loss doesn't depend on them, so theirs is 0.": (
        lambda prediction, target, mask: 2 * (prediction - target) / (mask.sum() * target.shape[2])
    ),
    "this is the slope of the mean over all patches: the loss divides by the number of hidden ones.": (
        lambda prediction, target, mask: 2 * (prediction - target) * mask.unsqueeze(2) / target.numel(),
        lambda prediction, target, mask: 2 * (prediction - target) / target.numel(),
    ),
    "the number of hidden patches is missing: the loss is a mean over them, so every slope is divided by it.": (
        lambda prediction, target, mask: gradient(prediction, target, mask) * mask.sum()
    ),
    "the P is missing: within a patch the loss is a mean over P values.": (
        lambda prediction, target, mask: gradient(prediction, target, mask) * target.shape[2]
    ),
    "nothing is divided: the loss is a mean over the hidden patches and over the P values of each.": (
        lambda prediction, target, mask: 2 * (prediction - target) * mask.unsqueeze(2)
    ),
    "each image's hidden patches are counted by themselves: all hidden patches of the batch count alike.": (
        lambda prediction, target, mask: gradient(prediction, target, mask) * share_of(mask),
        lambda prediction, target, mask: gradient(prediction, target, mask) * share_of(mask) / len(mask),
    ),
    "these are the squares themselves: a slope has the size of the difference, and its sign.": (
        lambda prediction, target, mask: (
            (prediction - target).square() * mask.unsqueeze(2) / (mask.sum() * target.shape[2])
        )
    ),
}

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


# --- the lower half hidden, functions of (model, images)


def lower_half(model: MAE, images: Tensor, *, hidden: Tensor | None = None, placed: bool = True) -> tuple:
    """What an MAE paints when it is shown the upper half, and the mask; `hidden` (L,) hides another half."""
    tokens = model.encoder.tokens(images)  # (B, L, D)
    count, length = tokens.shape[:2]
    hidden = torch.arange(length) >= length // 2 if hidden is None else hidden
    seen = model.narrow(model.encoder.encode(tokens[:, ~hidden]))  # (B, V, width)
    line = model.mask_token.to(seen.dtype).expand(count, length, -1).clone()
    line[:, ~hidden] = seen
    return painted_line(model, images, line, placed), hidden.expand(count, -1)


def painted_line(model: MAE, images: Tensor, line: Tensor, placed: bool = True) -> Tensor:
    rows, columns = images.shape[2] // model.encoder.patch, images.shape[3] // model.encoder.patch
    return model.paint(model.blocks(line + places(rows, columns, line.shape[2]) * placed))


def upper_half(model, images):
    length = images.shape[2] * images.shape[3] // model.encoder.patch**2
    return lower_half(model, images, hidden=torch.arange(length) < length // 2)


def right_half(model, images):
    rows, columns = images.shape[2] // model.encoder.patch, images.shape[3] // model.encoder.patch
    return lower_half(model, images, hidden=torch.arange(columns).repeat(rows) >= columns // 2)


def leaking(model, images):
    """Everything is encoded, and then the lower half is replaced by mask tokens."""
    line = model.narrow(model.encoder.encode(model.encoder.tokens(images)))
    half = line.shape[1] // 2
    line = torch.cat([line[:, :half], model.mask_token.expand(len(line), line.shape[1] - half, -1)], dim=1)
    return painted_line(model, images, line), lower_half(model, images)[1]


def everything_decoded(model, images):
    line = model.narrow(model.encoder.encode(model.encoder.tokens(images)))
    return painted_line(model, images, line), lower_half(model, images)[1]


def blank_image(model, images):
    """Grey pixels in place of the lower half: the encoder sees blanks."""
    blanked = images.clone()
    blanked[:, :, images.shape[2] // 2 :] = 0
    return everything_decoded(model, blanked)


def without_mask_token(model, images):
    tokens = model.encoder.tokens(images)
    seen = model.narrow(model.encoder.encode(tokens[:, : tokens.shape[1] // 2]))
    line = torch.cat([seen, torch.zeros_like(seen)], dim=1)
    return painted_line(model, images, line), lower_half(model, images)[1]


def without_decoder(model, images):
    tokens = model.encoder.tokens(images)
    seen = model.narrow(model.encoder.encode(tokens[:, : tokens.shape[1] // 2]))
    line = torch.cat([seen, model.mask_token.expand_as(seen)], dim=1)
    rows, columns = images.shape[2] // model.encoder.patch, images.shape[3] // model.encoder.patch
    return model.paint(line + places(rows, columns, line.shape[2])), lower_half(model, images)[1]


def mask_tokens_first(model, images):
    tokens = model.encoder.tokens(images)
    seen = model.narrow(model.encoder.encode(tokens[:, : tokens.shape[1] // 2]))
    line = torch.cat([model.mask_token.expand_as(seen), seen], dim=1)
    return painted_line(model, images, line), lower_half(model, images)[1]


def without_encoder(model, images):
    tokens = model.narrow(model.encoder.tokens(images))
    half = tokens.shape[1] // 2
    line = torch.cat([tokens[:, :half], model.mask_token.expand(len(tokens), half, -1)], dim=1)
    return painted_line(model, images, line), lower_half(model, images)[1]


def inverted_mask(model, images):
    made, mask = lower_half(model, images)
    return made, ~mask


LOWER_HALF = {
    "the upper half is hidden: patches are counted row by row, so the first half lies above and stays visible.": (
        upper_half
    ),
    "the right half is hidden: patches are counted row by row, so the upper half is simply the first half of them.": (
        right_half
    ),
    "the encoder sees all patches, and the lower half is taken away afterwards: by then attention has carried it "
    "into the upper tokens. Take it away before.": leaking,
    "the encoder sees all patches, and none becomes a mask token: the answer is in the input.": everything_decoded,
    "the lower half is blanked in the image, and the encoder gets the blanks: leave the tokens out.": blank_image,
    "the mask tokens are zeros: `model.mask_token` is the learned vector to take.": without_mask_token,
    "the places are missing in the decoder: mask tokens are all alike until `places` is added.": (
        lambda model, images: lower_half(model, images, placed=False)
    ),
    "the mask tokens come first: they belong to the lower half, so to the end of the line.": mask_tokens_first,
    "the decoder's blocks are left out: without attention a mask token sees nothing of the image.": without_decoder,
    "the tokens go to the decoder without `encoder.encode`: nothing of the encoder's blocks would be trained.": (
        without_encoder
    ),
    "the mask is inverted: it is true where a patch is hidden.": inverted_mask,
}


def small_models() -> list[tuple]:
    """Two MAEs whose mask token isn't nearly zero, and images, square and not."""
    cases = []
    for seed, shape in ((0, (2, 3, 16, 16)), (1, (3, 3, 16, 24))):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            model = MAE(VisionTransformer(width=16, depth=1), normalised=False, width=8)
            torch.nn.init.normal_(model.mask_token)
            cases.append((model, torch.rand(shape)))
    return cases


def untrained_part(answer) -> str | None:
    """Whether every weight that the reference reaches gets a gradient from the answer, too."""
    model, images = small_models()[0]
    reached = []
    for predict in (lower_half, answer):
        model.zero_grad()
        prediction, mask = predict(model, images)
        loss = masked_mse(prediction, patchify(images), mask.bool())
        if loss.requires_grad:
            loss.backward()
        reached.append({name for name, weight in model.named_parameters() if weight.grad is not None})
    missing = sorted(reached[0] - reached[1])
    if missing:
        return f"the values are right, but no gradient gets to {missing[0]}: is something detached, or under `no_grad`?"
    return None


# --- numbers of three seeds


@dataclass(frozen=True)
class Errors:
    """An exercise whose answer is the error of one training for each of several seeds.

    Attributes:
        floor: the error of a guess that learns nothing.
        least: what no training of this length gets below.
        others: what is said of answers that can't be right.
    """

    floor: float
    least: float
    others: Mapping[str, str]

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer) or (isinstance(answer, list | tuple) and not answer):
            return open_("not yet: put the errors of your seeds, a list, into the cell above.")
        values = list(answer.values()) if isinstance(answer, dict) else answer
        values = values.tolist() if hasattr(values, "tolist") else values
        if not isinstance(values, list | tuple) or not all(map(is_number, values)):
            return Verdict("wrong", "a list of numbers was expected, one for each seed.")
        values = [float(value) for value in values]
        if (wrong := self._wrong(values)) is not None:
            return Verdict("wrong", self.others[wrong])
        mean, spread = statistics.mean(values), statistics.stdev(values)
        return Verdict(
            "right", f"{mean:.4f} ± {spread:.4f}, where the mean colour of the upper half gets {self.floor:.4f}."
        )

    def _wrong(self, values: list[float]) -> str | None:
        if len(values) < 3:
            return "few"
        if max(values) - min(values) < 1e-6:
            return "equal"
        if min(values) < self.least:
            return "small"
        return "large" if statistics.mean(values) > self.floor else None


# Errors on the lower half of the first 500 test images: the mean colour of the upper half, and far less than four
# passes of training leave (0.02).
FLOOR, LEAST = 0.0296, 0.005


# --- a fair comparison


def ahead(mae: str, scratch: str, seeds: list[str] | None = None) -> float:
    """Points by which fine-tuning from MAE is ahead of fine-tuning from scratch, each after some passes."""
    rows = read("mae_tuning")["seeds"]
    chosen = [rows[seed] for seed in seeds or rows]
    starts = (("from MAE", mae), ("from scratch", scratch))
    means = [statistics.mean(row[start]["fine_tuned"][passes] for row in chosen) for start, passes in starts]
    return 100 * (means[0] - means[1])


def fair() -> Number:
    first = next(iter(read("mae_tuning")["seeds"]))
    slips = {
        ahead("4", "10"): "these are the report's own two numbers, of 4 and of 10 passes: that is the confound.",
        -ahead("10", "10"): "scratch minus MAE was taken: asked is by how much MAE is ahead.",
        ahead("10", "10") / 100: "it is a difference of shares: a point is a hundredth.",
        ahead("4", "4"): "it is the difference after 4 passes each: fair, but asked is the one after 10.",
        ahead("20", "20"): "it is the difference after 20 passes each: fair, but asked is the one after 10.",
    }
    alone = ahead("10", "10", [first])
    if abs(alone - ahead("10", "10")) > 1:  # a slip that can be told apart
        slips[alone] = "only the first seed is counted: take the mean over all of them."
    return Number(
        right=ahead("10", "10"),
        because="with the same passes the order is the other way round: the report compared lengths, not starts.",
        slips=slips,
        tolerance=0.02,
    )


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
    "gradient": Function(
        reference=gradient,
        cases=loss_cases,
        mistakes=GRADIENT,
        praise="and moving a number of the prediction a little says the same.",
        probes=[by_hand(lambda: loss_cases()[0])],
    ),
    "honest": Function(
        reference=honest,
        cases=honest_cases,
        mistakes=HONEST,
        praise="nothing in this picture was told by the answer.",
    ),
    "blur": Number(
        right=0.21,
        because="it paints 0.7, the mean, which is neither black nor white: 0.7 · 0.09 + 0.3 · 0.49. No training gets "
        "below that, and this is the blur.",
        slips={
            0.3: "the model painted 1, the likelier value: that is wrong in 3 of 10 images, by 1. Squared error has "
            "something better.",
            0.7: "this were the value that is painted, or the loss of painting 0: asked is the least loss.",
            0.25: "the model painted 0.5: the mean of what can be there isn't the middle, since 1 is likelier.",
            0.42: "the model chose 1 or 0 by chance, as often as they occur: squared error punishes that twice.",
            0.458: "a root was taken at the end: the loss is the mean of the squares.",
            0.0: "the model could know the answer: by assumption nothing visible tells it.",
        },
        tolerance=0.004,
    ),
    "lower_half": Function(
        reference=lower_half,
        cases=small_models,
        mistakes=LOWER_HALF,
        praise="nothing of the lower half gets in, and every weight is trained.",
        probes=[untrained_part],
    ),
    "seeds": Errors(
        floor=FLOOR,
        least=LEAST,
        others={
            "few": "one training is no result: three seeds at least, and an error for each.",
            "equal": "all seeds gave the same error: give the seed to the first weights (`build`) and to `pretrain`.",
            "small": "this is better than such a short training gets: was it measured where the image was visible, or "
            "summed over the wrong number of patches?",
            "large": "this is no better than the mean colour: is the error measured after the training, with the mask "
            "that `predict` returns, and on images between 0 and 1?",
        },
    ),
    "confound": fair(),
    "log": Choice(
        right="b",
        because="where patches were visible it is nearly perfect, and where they were hidden worse than grey: it has "
        "learnt to copy what it is given. Nobody asked it for the rest.",
        others={
            "a": "if the encoder saw the hidden patches, it would paint them well, here and on test images: the error "
            "where hidden would be small, too.",
            "c": "a rate that is too high shows in a loss that jumps or stays: this one falls smoothly.",
            "d": "a few passes bring a right run below the mean colour where patches are hidden, as in the lesson; "
            "here that error is worse than that of plain grey.",
        },
    ),
    "open": Essay(
        question="A talk shows one photograph, a version of it with 75 % of the patches in grey, and a reconstruction "
        '"by our masked autoencoder", sharp and in the right colours. The speaker concludes that the features must be '
        "excellent. Which questions do you ask? Think of the pixels in the picture, of the one image shown, and of the "
        "conclusion.",
    ),
}
