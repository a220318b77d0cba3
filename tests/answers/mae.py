"""Answers to the exercises of lesson 06 as students write them: right ones, and each known mistake made once."""

import numpy as np
import torch
import torch.nn.functional as F

from ssl_course.methods.mae import random_masking
from ssl_course.results import read
from ssl_course.vit import patchify, places


def patch_by_patch(images, size, *, cut=lambda patch: patch.flatten(1), down_first=False):
    """Patches with two loops; `cut` makes (B, P) of a patch (B, C, size, size)."""
    rows, columns = images.shape[2] // size, images.shape[3] // size
    places = [(row, column) for row in range(rows) for column in range(columns)]
    if down_first:
        places.sort(key=lambda place: place[1])
    corners = [(size * row, size * column) for row, column in places]
    return torch.stack([cut(images[:, :, y : y + size, x : x + size]) for y, x in corners], dim=1)


def one_channel_after_the_other(images, size):
    """All patches of channel 0, then of channel 1 …, and then cut to the asked width."""
    channels = [patch_by_patch(images[:, [c]], size) for c in range(images.shape[1])]
    return torch.cat(channels, dim=1).reshape(len(images), -1, images.shape[1] * size * size)


def apart(images, size):
    rows, columns = images.shape[2] // size, images.shape[3] // size
    places = [(row, column) for row in range(rows) for column in range(columns)]
    return torch.stack([images[:, :, row::rows, column::columns].flatten(1) for row, column in places], dim=1)


def windows(images, size):
    cells = images.unfold(2, size, size).unfold(3, size, size)  # (B, C, rows, columns, size, size)
    return cells.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


def by_fold(patches, height, width, size):
    return F.fold(patches.transpose(1, 2), (height, width), size, stride=size)


def painted_in(patches, height, width, size, *, down_first=False, turn=False, last=False):
    channels = patches.shape[2] // size**2
    images = torch.zeros(len(patches), channels, height, width)
    for number, patch in enumerate(patches.unbind(1)):
        row, column = divmod(number, width // size)
        if down_first:
            column, row = divmod(number, height // size)
        shaped = (
            patch.view(-1, size, size, channels).permute(0, 3, 1, 2) if last else patch.view(-1, channels, size, size)
        )
        shaped = shaped.transpose(2, 3) if turn else shaped
        images[:, :, row * size : (row + 1) * size, column * size : (column + 1) * size] = shaped
    return images


def by_split(images, size):
    rows = [torch.stack(row.split(size, dim=3), dim=1) for row in images.split(size, dim=2)]
    return torch.cat(rows, dim=1).flatten(2)


def with_numpy(images, size):
    b, c, h, w = images.shape
    cells = images.numpy().reshape(b, c, h // size, size, w // size, size)
    return torch.from_numpy(cells.transpose(0, 2, 4, 1, 3, 5).reshape(b, -1, c * size**2).copy())


def by_convolution(images, size):
    """Each pixel of a patch is picked by a filter of its own."""
    width = images.shape[1] * size**2
    filters = torch.eye(width).view(width, images.shape[1], size, size)
    return F.conv2d(images, filters, stride=size).flatten(2).mT


def joined(patches, height, width, size):
    cells = patches.view(len(patches), height // size, width // size, -1, size, size)
    rows = [torch.cat([cells[:, r, k] for k in range(cells.shape[2])], dim=3) for r in range(cells.shape[1])]
    return torch.cat(rows, dim=2)


def by_shuffle(patches, height, width, size):
    b, p = len(patches), patches.shape[2]
    grid = patches.mT.reshape(b, p, height // size, width // size)
    return F.pixel_shuffle(grid, size)


def step_by_step(patches, height, width, size):
    cells = patches.unflatten(1, (height // size, width // size)).unflatten(3, (-1, size, size))
    return cells.movedim(3, 1).transpose(3, 4).flatten(4, 5).flatten(2, 3)


def mended(patches, height, width, size):
    cells = patches.reshape(len(patches), height // size, width // size, -1, size, size)
    return torch.einsum("brkcyx->bcrykx", cells).reshape(len(patches), -1, height, width)


def not_neighbours(patches, height, width, size):
    cells = patches.reshape(len(patches), height // size, width // size, -1, size, size)
    return torch.einsum("brkcyx->bcrkyx", cells).reshape(len(patches), -1, height, width)


def size_first(patches, height, width, size):
    cells = patches.reshape(len(patches), height // size, width // size, -1, size, size)
    return torch.einsum("brkcyx->bcyrxk", cells).reshape(len(patches), -1, height, width)


def masked(tokens, noise, ratio, *, largest=False, share=None, one_row=False):
    """Image by image, with lists."""
    length = tokens.shape[1]
    kept = round(length * (1 - ratio if share is None else share))
    visible, masks, restores = [], [], []
    for image, row in zip(tokens, noise, strict=True):
        row = noise[0] if one_row else row
        order = sorted(range(length), key=lambda place: row[place].item(), reverse=largest)
        visible.append(image[order[:kept]])
        restores.append(torch.tensor([order.index(token) for token in range(length)]))
        masks.append(torch.tensor([order.index(token) >= kept for token in range(length)]))
    return torch.stack(visible), torch.stack(masks), torch.stack(restores)


def ranked(tokens, noise, ratio):
    """The place of a token is the number of smaller noises."""
    kept = round(tokens.shape[1] * (1 - ratio))
    restore = (noise.unsqueeze(1) < noise.unsqueeze(2)).sum(dim=2)
    index = noise.topk(kept, dim=1, largest=False, sorted=True).indices
    return torch.stack([image[row] for image, row in zip(tokens, index, strict=True)]), restore >= kept, restore


def scattered(tokens, noise, ratio):
    kept = int(tokens.shape[1] * (1 - ratio) + 0.5)
    order = torch.sort(noise, dim=1).indices
    restore = torch.empty_like(order).scatter_(1, order, torch.arange(order.shape[1]).expand_as(order).contiguous())
    mask = torch.ones(noise.shape)
    mask.scatter_(1, order[:, :kept], 0.0)
    return torch.take_along_dim(tokens, order[:, :kept, None], dim=1), mask, restore


def by_sorting_pairs(tokens, noise, ratio):
    """Hidden ones counted first, with numpy's sort."""
    order = torch.from_numpy(noise.numpy().argsort(axis=1, kind="stable"))
    hidden = round(tokens.shape[1] * ratio)
    kept = tokens.shape[1] - hidden
    rows = torch.arange(len(tokens)).unsqueeze(1)
    restore = torch.zeros_like(order)
    restore[rows, order] = torch.arange(order.shape[1])
    mask = torch.ones(order.shape, dtype=torch.bool)
    mask[rows, order[:, :kept]] = False
    return tokens[rows, order[:, :kept]], mask, restore


def by_threshold(tokens, noise, ratio):
    kept = max(1, int(round((1 - ratio) * noise.size(1), 3)))
    edge = noise.kthvalue(kept, dim=1, keepdim=True).values
    order = noise.argsort()
    visible = [tokens[i].index_select(0, order[i, :kept]) for i in range(len(tokens))]
    restore = torch.stack([torch.cat([(row == place).nonzero()[0] for place in range(len(row))]) for row in order])
    return torch.stack(visible), noise > edge, restore.int()


def change(number, what):
    """A right answer with one of its three parts changed: `what` gets the parts and the noise."""

    def answer(tokens, noise, ratio):
        parts = list(masked(tokens, noise, ratio))
        parts[number] = what(*parts, tokens, noise)
        return tuple(parts)

    return answer


def kept_by(count):
    def answer(tokens, noise, ratio):
        kept = count(tokens.shape[1], ratio)
        order = noise.argsort(dim=1)
        restore = torch.argsort(order, dim=1)
        return torch.take_along_dim(tokens, order[:, :kept, None], dim=1), restore >= kept, restore

    return answer


def mask_and_restore_from_order(tokens, noise, ratio):
    order = torch.sort(noise, dim=1).indices
    kept = round(tokens.shape[1] * (1 - ratio))
    return masked(tokens, noise, ratio)[0], order >= kept, order


def hidden_pixels(prediction, target, mask):
    return F.mse_loss(prediction[mask], target[mask])


def double_loop(prediction, target, mask):
    losses = []
    for image in range(len(mask)):
        for patch in range(mask.shape[1]):
            if mask[image, patch]:
                losses.append(((prediction[image, patch] - target[image, patch]) ** 2).sum() / target.shape[2])
    return sum(losses) / len(losses)


def weighted(prediction, target, mask):
    error = ((prediction - target) ** 2).mean(-1)
    return (error * mask.float()).sum() / mask.float().sum()


def with_where(prediction, target, mask):
    squares = torch.where(mask[..., None], prediction - target, torch.zeros(())).pow(2)
    return squares.sum() / (mask.sum() * prediction.shape[-1])


def with_nan(prediction, target, mask):
    error = (prediction.double() - target).square().mean(dim=-1).masked_fill(~mask, torch.nan)
    return error.nanmean()


def by_einsum(prediction, target, mask):
    d = prediction - target.detach()
    return torch.einsum("blp,blp,bl->", d, d, mask.to(d.dtype)) / mask.count_nonzero() / d.size(2)


def unreduced(prediction, target, mask):
    return F.mse_loss(prediction, target, reduction="none").mean(2).masked_select(mask).mean()


def image_by_image(prediction, target, mask):
    each = [F.mse_loss(p[m], t[m]) for p, t, m in zip(prediction, target, mask, strict=True)]
    return sum(each) / len(each)


def slope_by_hand(prediction, target, mask):
    """Number by number."""
    slope = torch.zeros_like(prediction)
    count = int(mask.sum()) * target.shape[2]
    for i, patch in mask.nonzero().tolist():
        for k in range(target.shape[2]):
            slope[i, patch, k] = 2 * (prediction[i, patch, k] - target[i, patch, k]) / count
    return slope


def slope_by_autograd(prediction, target, mask):
    leaf = prediction.detach().clone().requires_grad_()
    return torch.autograd.grad(((leaf - target) ** 2)[mask].mean(), leaf)[0]


def slope_by_backward(prediction, target, mask):
    leaf = prediction.clone().requires_grad_()
    F.mse_loss(leaf[mask], target[mask]).backward()
    return leaf.grad


def slope_by_functional(prediction, target, mask):
    def loss(p):
        return ((p - target).square().mean(dim=2) * mask).sum() / mask.sum()

    return torch.func.grad(loss)(prediction)


def slope_of_rows(prediction, target, mask, **unused):
    rows = [torch.sub(p, t).double() * m[:, None] for p, t, m in zip(prediction, target, mask, strict=True)]
    return torch.stack(rows).mul(2.0).div(mask.count_nonzero() * target.size(-1))


def slope_by_moving(prediction, target, mask):
    """Central differences, in float64."""
    p, t, step = prediction.double(), target.double(), 1e-5
    slope = torch.zeros_like(p)
    for place in np.ndindex(*p.shape):
        moved = torch.zeros_like(p)
        moved[place] = step
        slope[place] = (hidden_pixels(p + moved, t, mask) - hidden_pixels(p - moved, t, mask)) / (2 * step)
    return slope


def slope_at_hidden(prediction, target, mask):
    slope = torch.zeros_like(prediction)
    slope[mask] = 2 * (prediction - target)[mask] / (prediction - target)[mask].numel()
    return slope


def slope_by_einsum(prediction, target, mask):
    return torch.einsum("blp,bl->blp", prediction.double() - target, 2 * mask.double() / mask.sum() / target.size(-1))


def slope(*, factor=2.0, keep=True, count=lambda mask, width: mask.sum() * width, power=1):
    def answer(prediction, target, mask):
        difference = (prediction - target) ** power
        difference = difference.masked_fill(~mask[..., None], 0) if keep else difference
        return factor * difference / count(mask, target.shape[-1])

    return answer


def paste(prediction, patches, mask, *, levels=lambda image, patch, hidden: image[~hidden], swap=False, all_made=False):
    """Patch by patch; `levels` gives the pixels whose mean and deviation are used."""
    result = patches.clone()
    for i in range(len(patches)):
        for k in range(patches.shape[1]):
            if all_made or mask[i, k] != swap:
                known = levels(patches[i], patches[i, k], mask[i])
                result[i, k] = prediction[i, k] * known.std() + known.mean()
    return result


def known(patches, mask):
    """Mean and deviation of the visible pixels, each (B, 1, 1)."""
    pairs = [(image[~hidden].mean(), image[~hidden].std()) for image, hidden in zip(patches, mask, strict=True)]
    return torch.tensor(pairs).T[:, :, None, None]


def sums(prediction, patches, mask):
    """Mean and deviation by counting."""
    seen = (~mask).unsqueeze(2).float()
    count = seen.sum(dim=(1, 2), keepdim=True) * patches.shape[2]
    mean = (patches * seen).sum(dim=(1, 2), keepdim=True) / count
    variance = ((patches - mean) ** 2 * seen).sum(dim=(1, 2), keepdim=True) / (count - 1)
    made = prediction * variance.sqrt() + mean
    return seen * patches + (1 - seen) * made


def by_index(prediction, patches, mask):
    result = patches.clone()
    for picture, made, hidden in zip(result, prediction, mask, strict=True):
        seen = picture[~hidden].flatten()
        picture[hidden] = made[hidden] * seen.std() + seen.mean()
    return result


def by_numpy(prediction, patches, mask):
    result = patches.numpy().copy()
    for i, hidden in enumerate(mask.numpy()):
        seen = result[i][~hidden]
        result[i][hidden] = prediction.numpy()[i][hidden] * seen.std(ddof=1) + seen.mean()
    return torch.tensor(result)


def by_nan(prediction, patches, mask):
    seen = patches.double().masked_fill(mask[..., None], torch.nan).flatten(1)
    mean = seen.nanmean(1)
    count = seen.isfinite().sum(1)
    deviation = ((seen - mean[:, None]) ** 2).nansum(1).div(count - 1).sqrt()
    return torch.where(mask[..., None], prediction * deviation[:, None, None] + mean[:, None, None], patches)


def scattered_in(prediction, patches, mask):
    made = []
    for picture, wanted, hidden in zip(patches, prediction, mask, strict=True):
        deviation, mean = torch.std_mean(picture[hidden.logical_not()])
        made.append(torch.addcmul(mean, wanted, deviation) * hidden[:, None] + picture * ~hidden[:, None])
    return torch.stack(made)


def all_together(prediction, patches, mask):
    seen = patches[~mask]
    made = prediction * seen.std() + seen.mean()
    return torch.where(mask[..., None], made, patches)


def normalised_again(prediction, patches, mask):
    result = patches.clone()
    for picture, made, hidden in zip(result, prediction, mask, strict=True):
        seen = picture[~hidden]
        picture[hidden] = seen.mean() + made[hidden] / seen.std()
    return result


def levelled(rule):
    """Hidden patches by a rule of what the model made and of the seen pixels."""

    def answer(prediction, patches, mask):
        result = patches.clone()
        for i in range(len(mask)):
            result[i, mask[i]] = rule(prediction[i, mask[i]], patches[i, ~mask[i]])
        return result

    return answer


def unchanged(prediction, patches, mask):
    result = patches.clone()
    result[mask] = prediction[mask]
    return result


def half(model, images, *, show=lambda rows, columns: torch.arange(rows * columns) < rows * columns // 2):
    """By index: `show` says which patches are given."""
    size = model.encoder.patch
    rows, columns = images.shape[2] // size, images.shape[3] // size
    given = show(rows, columns)
    h = model.narrow(model.encoder.encode(model.encoder.tokens(images)[:, given]))
    line = torch.empty(len(images), rows * columns, h.shape[2])
    line[:, given], line[:, ~given] = h, model.mask_token
    prediction = model.paint(model.blocks(line + places(rows, columns, h.shape[2])))
    return prediction, ~given.expand(len(images), -1)


def half_by_cat(model, images):
    """As the lesson writes it."""
    tokens = model.encoder.tokens(images)
    length = tokens.shape[1]
    h = model.narrow(model.encoder.encode(tokens[:, : length // 2]))
    blanks = model.mask_token.expand(len(h), length - h.shape[1], -1)
    line = torch.cat([h, blanks], dim=1)
    side = images.shape[2] // model.encoder.patch
    line = line + places(side, length // side, h.shape[2])
    mask = torch.zeros(len(h), length, dtype=torch.bool)
    mask[:, length // 2 :] = True
    return model.paint(model.blocks(line)), mask


def half_by_chunk(model, images):
    upper, lower = model.encoder.tokens(images).chunk(2, dim=1)
    seen = model.narrow(model.encoder.encode(upper))
    line = torch.cat((seen, model.mask_token[None, None].repeat(*lower.shape[:2], 1)), 1)
    p = model.encoder.patch
    line += places(images.shape[-2] // p, images.shape[-1] // p, line.shape[-1])[None]
    return model.paint(model.blocks(line)), torch.cat([torch.zeros(upper.shape[:2]), torch.ones(lower.shape[:2])], 1)


def half_by_restore(model, images):
    """Through a restore, as `predict` does."""
    tokens = model.encoder.tokens(images)
    b, length, _ = tokens.shape
    order = torch.arange(length).expand(b, -1)
    restore = order.argsort(dim=1)
    seen = model.narrow(model.encoder.encode(torch.take_along_dim(tokens, order[:, : length // 2, None], 1)))
    line = torch.cat([seen, model.mask_token.view(1, 1, -1).expand(b, length // 2, -1)], dim=1)
    line = line.gather(1, restore.unsqueeze(2).expand_as(line))
    size = model.encoder.patch
    line = line + places(images.shape[2] // size, images.shape[3] // size, line.shape[2])
    return model.paint(model.blocks(line)), restore >= length // 2


def half_of_the_image(model, images):
    """The upper half of the image is an image too; its places are those of the upper rows."""
    upper = images[:, :, : images.shape[2] // 2]
    h = model.narrow(model.encoder.encode(model.encoder.tokens(upper)))
    length = 2 * h.shape[1]
    line = torch.cat([h, model.mask_token.expand_as(h)], dim=1)
    rows = images.shape[2] // model.encoder.patch
    line = line + places(rows, length // rows, h.shape[2])
    mask = torch.arange(length).ge(length // 2).repeat(len(h), 1)
    return model.paint(model.blocks(line)), mask


def half_after_encoding(model, images, *, hide=True):
    h = model.narrow(model.encoder.encode(model.encoder.tokens(images)))
    mask = half(model, images)[1]
    line = torch.where(mask.unsqueeze(2), model.mask_token, h) if hide else h
    size = model.encoder.patch
    line = line + places(images.shape[2] // size, images.shape[3] // size, h.shape[2])
    return model.paint(model.blocks(line)), mask


def half_blanked(model, images):
    keep = torch.ones_like(images)
    keep[:, :, images.shape[2] // 2 :] = 0
    return half_after_encoding(model, images * keep, hide=False)


def half_changed(change):
    """`half_by_cat` with the line changed: `change` gets the seen, the blanks and the places."""

    def answer(model, images):
        tokens = model.encoder.tokens(images)
        length, size = tokens.shape[1], model.encoder.patch
        h = model.narrow(model.encoder.encode(tokens[:, : length // 2]))
        where = places(images.shape[2] // size, images.shape[3] // size, h.shape[2])
        line = change(h, model.mask_token.expand_as(h), where)
        return model.paint(model.blocks(line)), half(model, images)[1]

    return answer


def half_without_blocks(model, images):
    tokens = model.encoder.tokens(images)
    h = model.narrow(model.encoder.encode(tokens[:, : tokens.shape[1] // 2]))
    size = model.encoder.patch
    where = places(images.shape[2] // size, images.shape[3] // size, h.shape[2])
    return model.paint(torch.cat([h, model.mask_token.expand_as(h)], dim=1) + where), half(model, images)[1]


def half_without_encoder(model, images):
    h = model.narrow(model.encoder.tokens(images))
    h = h[:, : h.shape[1] // 2]
    size = model.encoder.patch
    where = places(images.shape[2] // size, images.shape[3] // size, h.shape[2])
    line = torch.cat([h, model.mask_token.expand_as(h)], dim=1) + where
    return model.paint(model.blocks(line)), half(model, images)[1]


def half_frozen(model, images):
    """Right values, but the encoder is under no_grad."""
    tokens = model.encoder.tokens(images)
    with torch.no_grad():
        h = model.encoder.encode(tokens[:, : tokens.shape[1] // 2])
    h = model.narrow(h)
    size = model.encoder.patch
    where = places(images.shape[2] // size, images.shape[3] // size, h.shape[2])
    line = torch.cat([h, model.mask_token.expand_as(h)], dim=1) + where
    return model.paint(model.blocks(line)), half(model, images)[1]


def half_at_random(model, images):
    """The package's own predict, at half: not this exercise."""
    tokens = model.encoder.tokens(images)
    visible, mask, restore = random_masking(tokens, 0.5)
    h = model.narrow(model.encoder.encode(visible))
    line = torch.cat([h, model.mask_token.expand_as(h)], dim=1)
    line = line.gather(1, restore.unsqueeze(2).expand_as(line))
    size = model.encoder.patch
    line = line + places(images.shape[2] // size, images.shape[3] // size, h.shape[2])
    return model.paint(model.blocks(line)), mask


def only_the_lower(model, images):
    prediction, mask = half(model, images)
    return prediction[:, prediction.shape[1] // 2 :], mask


def as_images(model, images):
    prediction, mask = half(model, images)
    return patchify(images) * 0 + prediction.mean(), mask


SEEDS = list(read("mae_tuning")["seeds"].values())


def gap(mae, scratch, seeds=slice(None)):
    """In points: from MAE after some passes less from scratch after some, the mean over seeds."""
    each = [row["from MAE"]["fine_tuned"][mae] - row["from scratch"]["fine_tuned"][scratch] for row in SEEDS[seeds]]
    return 100 * sum(each) / len(each)


AHEAD, FIRST = gap("10", "10"), gap("10", "10", slice(1))

RIGHT = {
    "mae.patchify": [
        lambda images, size: torch.vmap(lambda image: F.unfold(image[None], size, stride=size)[0].T)(images),
        patch_by_patch,
        windows,
        lambda images, size: F.unfold(images, size, stride=size).transpose(1, 2),
        by_split,
        with_numpy,
        by_convolution,
        lambda images, size: F.pixel_unshuffle(images, size).flatten(2).mT,
    ],
    "mae.unpatchify": [mended, by_fold, painted_in, joined, by_shuffle, step_by_step],
    "mae.masking": [masked, ranked, scattered, by_sorting_pairs, by_threshold],
    "mae.loss": [
        lambda p, t, mask: F.mse_loss(p.where(mask[..., None], t), t) * mask.numel() / mask.sum(),
        hidden_pixels,
        double_loop,
        weighted,
        with_where,
        with_nan,
        by_einsum,
        unreduced,
    ],
    "mae.gradient": [slope_by_hand, slope_of_rows, slope_by_moving, slope_at_hidden, slope_by_einsum, slope()],
    "mae.honest": [paste, sums, by_index, by_numpy, by_nan, scattered_in],
    "mae.blur": [0.21, "0.21", "0,21", "21 %", 0.7 * 0.3, np.float32(0.21), torch.tensor(0.21)],
    "mae.lower_half": [half, half_by_cat, half_by_chunk, half_by_restore, half_of_the_image],
    "mae.seeds": [
        [0.0231, 0.0226, 0.0243],
        (0.0231, 0.0226, 0.0243, 0.0229),
        torch.tensor([0.0231, 0.0226, 0.0243]),
        np.array([0.0231, 0.0226, 0.0243]),
        {0: 0.0231, 1: 0.0226, 2: 0.0243},
        [torch.tensor(0.0231), torch.tensor(0.0226), np.float32(0.0243)],
    ],
    "mae.confound": [AHEAD, f"{AHEAD:.2f}", np.float32(AHEAD), round(AHEAD, 2)],
    "mae.log": ["b", "B", " b", "b)", "(b) the loss counts the visible patches"],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "mae.patchify": [
        ("only renamed", lambda images, size: images.flatten().view(len(images), -1, images.shape[1] * size * size)),
        ("channels and rows are swapped", one_channel_after_the_other),
        (
            "channels come last",
            lambda images, size: patch_by_patch(images, size, cut=lambda patch: patch.movedim(1, 3).flatten(1)),
        ),
        ("column by column", lambda images, size: patch_by_patch(images, size, down_first=True)),
        (
            "exchanged inside",
            lambda images, size: patch_by_patch(images, size, cut=lambda patch: patch.mT.flatten(1)),
        ),
        ("lie apart", apart),
        (
            "transpose(1, 2)",
            lambda images, size: F.unfold(images, size, stride=size).view(len(images), -1, images.shape[1] * size**2),
        ),
    ],
    "mae.unpatchify": [
        ("must be neighbours", not_neighbours),
        ("only reshaped", lambda patches, height, width, size: patches.flatten().view(len(patches), -1, height, width)),
        ("size stands before rows", size_first),
        ("exchanged inside", lambda *given: painted_in(*given, turn=True)),
        ("laid column by column", lambda *given: painted_in(*given, down_first=True)),
        ("end of each patch", lambda *given: painted_in(*given, last=True)),
    ],
    "mae.masking": [
        ("exchanged", lambda *given: [masked(*given)[place] for place in (0, 2, 1)]),
        ("the mask is made from it", mask_and_restore_from_order),
        ("its argsort", change(2, lambda visible, mask, restore, tokens, noise: torch.sort(noise, dim=1).indices)),
        ("mask is inverted", change(1, lambda visible, mask, restore, tokens, noise: mask.logical_not())),
        ("still in shuffled order", change(1, lambda visible, mask, *rest: mask.int().sort(dim=1).values)),
        ("hidden share is kept", lambda tokens, noise, ratio: masked(tokens, noise, ratio, share=ratio)),
        ("largest noise", lambda *given: masked(*given, largest=True)),
        ("first tokens", change(0, lambda visible, mask, restore, tokens, noise: tokens[:, : visible.shape[1]])),
        (
            "order of the noise",
            change(0, lambda visible, mask, restore, tokens, noise: tokens[mask.logical_not()].view(visible.shape)),
        ),
        ("int() cuts off", kept_by(lambda length, ratio: int((1 - ratio) * length))),
        ("off by one", change(1, lambda visible, mask, restore, *rest: restore > visible.shape[1])),
        ("whole numbers", change(2, lambda visible, mask, restore, *rest: restore.float())),
        ("same places", lambda *given: masked(*given, one_row=True)),
    ],
    "mae.loss": [
        ("visible patches are counted", lambda p, t, m: F.mse_loss(p[~m], t[~m])),
        ("all patches are counted", lambda p, t, m: F.mse_loss(p, t)),
        ("set to 0", lambda p, t, m: F.mse_loss(p * m[..., None], t * m[..., None])),
        ("image's mean", image_by_image),
        ("are summed: take the mean over the hidden", lambda p, t, m: weighted(p, t, m) * m.sum()),
        ("number of images", lambda p, t, m: weighted(p, t, m) * m.sum() / p.shape[0]),
        ("squares within a patch", lambda p, t, m: (((p - t) ** 2).sum(2) * m).sum() / m.sum()),
        ("nothing left to choose", lambda p, t, m: (F.mse_loss(p, t) * m).sum() / m.shape[0]),
        ("no gradient gets to prediction", torch.no_grad()(hidden_pixels)),
        ("no gradient gets to prediction", lambda p, t, m: weighted(p, t, m).detach()),
        ("no gradient gets to prediction", lambda p, t, m: torch.tensor(weighted(p, t, m).item())),
        ("no gradient gets to prediction", lambda p, t, m: double_loop(p.detach(), t, m)),
        ("cut the gradient", lambda p, t, m: double_loop(p, t, m).item()),
        ("stay a tensor", lambda p, t, m: torch.tensor(np.square(p.numpy() - t.numpy())[m.numpy()].mean())),
        ("absolute", lambda p, t, m: F.l1_loss(p[m], t[m])),
        ("root", lambda p, t, m: weighted(p, t, m) ** 0.5),
    ],
    "mae.gradient": [
        ("autograd has made them", slope_by_autograd),
        ("autograd has made them", slope_by_backward),
        ("autograd has made them", slope_by_functional),
        ("the 2 is missing", slope(factor=1.0)),
        ("sign is wrong", slope(factor=-2.0)),
        ("visible patches have a slope", slope(keep=False)),
        ("slope of the mean over all", slope(count=lambda mask, width: mask.numel() * width)),
        ("slope of the mean over all", slope(keep=False, count=lambda mask, width: mask.numel() * width)),
        ("number of hidden patches is missing", slope(count=lambda mask, width: width)),
        ("the P is missing", slope(count=lambda mask, width: mask.sum())),
        ("nothing is divided", slope(count=lambda mask, width: 1)),
        (
            "counted by themselves",
            slope(count=lambda mask, width: mask.sum(1)[:, None, None] * width),
        ),
        (
            "counted by themselves",
            slope(count=lambda mask, width: mask.sum(1)[:, None, None] * width * mask.shape[0]),
        ),
        ("squares themselves", slope(factor=1.0, power=2)),
        ("shape (2, 6, 4) was expected, got ()", hidden_pixels),
    ],
    "mae.honest": [
        ("once more", lambda p, x, m: torch.where(m[..., None], (p - known(x, m)[0]) / known(x, m)[1], x)),
        ("no mean is added", lambda p, x, m: torch.where(m[..., None], p * known(x, m)[1], x)),
        ("isn't multiplied by the deviation", lambda p, x, m: torch.where(m[..., None], p + known(x, m)[0], x)),
        (
            "of the hidden patches are used",
            lambda *given: paste(*given, levels=lambda image, patch, hidden: image[hidden]),
        ),
        ("count as zeros", lambda *given: paste(*given, levels=lambda image, patch, hidden: image * ~hidden[:, None])),
        ("told its brightness", lambda *given: paste(*given, levels=lambda image, patch, hidden: patch)),
        ("whole image", lambda *given: paste(*given, levels=lambda image, patch, hidden: image)),
        ("all images share", all_together),
        ("pasted as it is", unchanged),
        ("swapped", lambda *given: paste(*given, swap=True)),
        ("every patch is the model's", lambda *given: paste(*given, all_made=True)),
        ("divided by the deviation", normalised_again),
        ("multiply first", levelled(lambda made, seen: (made + seen.mean()) * seen.std())),
        ("by the variance", levelled(lambda made, seen: made * seen.var() + seen.mean())),
        ("numpy's std", levelled(lambda made, seen: made * float(np.std(seen.numpy())) + seen.mean())),
        ("image itself", lambda prediction, patches, mask: patches * 1),
    ],
    "mae.blur": [
        ("model painted 1", 0.3),
        ("value that is painted", 0.7),
        ("painted 0.5", 0.25),
        ("by chance", 0.42),
        ("a root was taken", 0.21**0.5),
        ("could know", 0),
    ],
    "mae.lower_half": [
        ("upper half is hidden", lambda *given: half(*given, show=lambda r, c: torch.arange(r * c) >= r * c // 2)),
        ("right half is hidden", lambda *given: half(*given, show=lambda r, c: (torch.arange(c) < c // 2).repeat(r))),
        ("taken away afterwards", half_after_encoding),
        ("none becomes a mask token", lambda *given: half_after_encoding(*given, hide=False)),
        ("blanked in the image", half_blanked),
        ("mask tokens are zeros", half_changed(lambda h, m, where: torch.cat([h, 0 * h], 1) + where)),
        ("places are missing", half_changed(lambda h, m, where: torch.cat([h, m], 1))),
        ("come first", half_changed(lambda h, m, where: torch.cat([m, h], 1) + where)),
        ("blocks are left out", half_without_blocks),
        ("without `encoder.encode`", half_without_encoder),
        ("mask is inverted", lambda *given: (half(*given)[0], half(*given)[1].logical_not())),
        ("no gradient gets to encoder", half_frozen),
        ("no gradient gets to", torch.no_grad()(half)),
        ("not a mistake that is known", half_at_random),
        ("was expected, got", only_the_lower),
        ("not a mistake that is known", as_images),
    ],
    "mae.seeds": [
        ("three seeds at least", [0.02, 0.021]),
        ("three seeds at least", [0.02]),
        ("the same error", 3 * [0.02]),
        ("better than such a short training", [0.0011, 0.0012, 0.0013]),
        ("no better than the mean colour", [0.31, 0.29, 0.33]),
        ("a list of numbers", [0.02, "low", 0.03]),
        ("a list of numbers", 0.02),
    ],
    "mae.confound": [
        ("that is the confound", gap("4", "10")),
        ("scratch minus MAE", -AHEAD),
        ("a point is a hundredth", AHEAD / 100),
        ("after 4 passes each", gap("4", "4")),
        ("after 20 passes each", gap("20", "20")),
        *([("only the first seed", FIRST)] if abs(FIRST - AHEAD) > 1 else []),
    ],
    "mae.log": [("small, too", "a"), ("falls smoothly", "c"), ("plain grey", "d")],
}
