"""Random transforms of a whole batch at once, on the device the batch is on.

Every function takes images (B, C, H, W) in [0, 1] and one number per image, and returns the same shape in [0, 1].
`Augment` draws these numbers and applies them. Two facts make it fast: crop, flip and rotation are all linear maps of
the plane, so one interpolation does the three; and all of colour jitter is linear in the pixel, so one 3x3 matrix per
image does it.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GREY = (0.299, 0.587, 0.114)  # luminance of red, green and blue (ITU-R BT.601, as PIL and torchvision have it)


def flip(images: Tensor, chosen: Tensor) -> Tensor:
    """Mirror left and right those images whose entry in `chosen` (B,) is true."""
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(-1), images)


def resized_crop(images: Tensor, boxes: Tensor) -> Tensor:
    """Cut a box out of each image and enlarge it, bilinearly, to the image's size.

    Args:
        images: (B, C, H, W).
        boxes: (B, 4): left, top, width and height in fractions of the image. They need not fall on whole pixels.
    """
    return _warp(images, _crop_map(boxes))


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Turn each image counter-clockwise about its centre; what comes in at the corners is mirrored content."""
    return _warp(images, _rotation_map(degrees, images))


def _crop_map(boxes: Tensor) -> Tensor:
    """The map (B, 3, 3) from output to input coordinates (both -1 to 1) of a crop."""
    left, top, width, height = boxes.unbind(1)
    return _maps(width, 0, 2 * left + width - 1, 0, height, 2 * top + height - 1)


def _rotation_map(degrees: Tensor, images: Tensor) -> Tensor:
    height, width = images.shape[-2:]  # both run from -1 to 1: on a wide image a unit of x is longer than one of y
    angle = torch.deg2rad(degrees)
    cos, sin = angle.cos(), angle.sin()
    return _maps(cos, -sin * height / width, 0, sin * width / height, cos, 0)


def _flip_map(chosen: Tensor) -> Tensor:
    return _maps(1 - 2 * chosen.float(), 0, 0, 0, 1, 0)


def _maps(*entries: Tensor | float) -> Tensor:
    """Stack six entries, numbers or (B,), into affine maps (B, 3, 3)."""
    like = next(entry for entry in entries if isinstance(entry, Tensor))
    rows = [entry if isinstance(entry, Tensor) else torch.full_like(like, entry) for entry in (*entries, 0, 0, 1)]
    return torch.stack(rows, dim=1).view(-1, 3, 3)


def _warp(images: Tensor, maps: Tensor) -> Tensor:
    """For every output pixel, look up where the map (B, 3, 3) says it comes from."""
    height, width = images.shape[-2:]
    points = _points(height, width, maps.device, maps.dtype)
    grid = maps[:, :2].reshape(-1, 3) @ points  # (2B, HW); F.affine_grid gives the same and takes five times as long
    grid = grid.view(-1, 2, height, width).movedim(1, -1).to(images.dtype)  # (B, H, W, 2)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


@functools.lru_cache(maxsize=16)
@torch.inference_mode(False)  # what is kept must serve training too, wherever it was first asked for
def _points(height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The centres of all pixels as columns x, y, 1 of (3, HW), x and y from -1 to 1; made once, then kept."""
    y, x = ((torch.arange(count, device=device, dtype=dtype) * 2 + 1) / count - 1 for count in (height, width))
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)]).flatten(1)


def brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply by a factor per image; 1 leaves it as it is."""
    return (images * factors.view(-1, 1, 1, 1)).clamp_(0, 1)


def contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Move each image away from (factor > 1) or towards (factor < 1) its own mean grey."""
    mean = _luminance(images).mean(dim=(2, 3), keepdim=True)  # (B, 1, 1, 1)
    return torch.lerp(mean, images, factors.view(-1, 1, 1, 1)).clamp_(0, 1)


def saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Move each pixel away from (factor > 1) or towards (factor < 1) its own grey; 0 gives a grey image."""
    return torch.lerp(_luminance(images), images, factors.view(-1, 1, 1, 1)).clamp_(0, 1)


def hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turn the colours about the grey axis of the linear colour space YIQ by a share of a full turn per image.

    This keeps the luminance; the colours of the built-in images lie on circles about that axis. torchvision turns the
    H of HSV instead, the same way round (red to yellow), which is not linear and lets the luminance change.
    """
    return _apply_colour(images, _hue_matrix(turns)).clamp_(0, 1)


def grayscale(images: Tensor, chosen: Tensor) -> Tensor:
    """Replace by grey those images whose entry in `chosen` (B,) is true."""
    return torch.where(chosen.view(-1, 1, 1, 1), _luminance(images), images)


def solarize(images: Tensor, chosen: Tensor, threshold: float = 0.5) -> Tensor:
    """Invert the pixels at or above the threshold of those images whose entry in `chosen` (B,) is true."""
    return torch.where(chosen.view(-1, 1, 1, 1) & (images >= threshold), 1 - images, images)


def blur(images: Tensor, sigmas: Tensor) -> Tensor:
    """Gaussian blur with a standard deviation per image, in pixels; the kernel covers H // 10, made odd, at least 3."""
    radius = max(3, images.shape[-2] // 10 // 2 * 2 + 1) // 2
    steps = torch.arange(-radius, radius + 1, device=images.device)
    weights = torch.exp(-0.5 * (steps / sigmas.view(-1, 1)) ** 2)
    weights = (weights / weights.sum(dim=1, keepdim=True)).to(images.dtype)  # (B, K)
    for axis in (2, 3):
        padding = (0, 0, radius, radius) if axis == 2 else (radius, radius, 0, 0)
        padded, length = F.pad(images, padding, mode="reflect"), images.shape[axis]
        shifted = (padded.narrow(axis, k, length) * weights[:, k].view(-1, 1, 1, 1) for k in range(len(steps)))
        images = sum(shifted)
    return images.clamp(0, 1)  # rounded weights add up to a little more or less than 1


def _luminance(images: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W)."""
    red, green, blue = images.unbind(1)
    return (GREY[0] * red + GREY[1] * green + GREY[2] * blue).unsqueeze(1)


def _apply_colour(images: Tensor, matrices: Tensor) -> Tensor:
    return torch.bmm(matrices, images.flatten(2)).view_as(images)


_RGB_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_QUARTER_TURN = torch.linalg.inv(_RGB_TO_YIQ) @ torch.tensor([[0.0, 0, 0], [0, 0, 1], [0, -1, 0]]) @ _RGB_TO_YIQ


@functools.cache
@torch.inference_mode(False)
def _colour_parts(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Three matrices (3, 3): a pixel's grey, what is left, and what is left after a quarter turn of hue; made once."""
    grey = torch.tensor(GREY).expand(3, 3)  # every row takes the luminance
    return tuple(part.to(device) for part in (grey, torch.eye(3) - grey, _QUARTER_TURN))


def _hue_matrix(turns: Tensor) -> Tensor:
    """(B,) -> (B, 3, 3) that leaves the luminance and turns what is left."""
    grey, colour, quarter_turn = _colour_parts(turns.device)
    angle = 2 * math.pi * turns.view(-1, 1, 1)
    return grey + angle.cos() * colour + angle.sin() * quarter_turn


def colour_matrices(brightness: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor) -> tuple[Tensor, Tensor]:
    """All of colour jitter as one linear map: a pixel p becomes matrix @ p + shift @ (mean pixel of its image).

    The parts act in the order of the arguments, each (B,). It equals the four functions called one after the other
    as long as no value leaves [0, 1] on the way; they clamp after every part, this only at the end.

    Returns:
        matrix and shift, both (B, 3, 3).
    """
    grey = _colour_parts(hue.device)[0]
    b, c, s = (factor.view(-1, 1, 1) for factor in (brightness, contrast, saturation))
    # Turning the hue of grey, or taking the grey of grey, changes nothing, so the products of matrices become sums.
    return b * c * (s * _hue_matrix(hue) + (1 - s) * grey), b * (1 - c) * grey


class Augment(nn.Module):
    """A random view of every image of a batch, each with its own random numbers.

    Calling it with images (B, 3, H, W) in [0, 1] returns one view of each, same shape, same device. Calling it twice
    gives the two views of SimCLR. Set a part to 0 to leave it out.

    Args:
        crop: smallest share of the area that a crop keeps, in (0, 1]; 1 leaves cropping out.
        ratio: the crop's width / height, as shares of the image's, lies between 1 / ratio and ratio.
        flip: probability of mirroring.
        rotation: largest turn in degrees, either way; 180 means any angle.
        jitter: strength s of colour jitter (brightness, contrast, saturation in 1 +- 0.8 s; hue in +- 0.2 s of a turn).
        jitter_probability, grayscale, blur, solarize: probability of each.
        sigma: blur's smallest and largest standard deviation in pixels at a height of 32; it grows with the image.

    Source: Chen et al. 2020, A Simple Framework for Contrastive Learning of Visual Representations, appendix A;
    solarisation as in Grill et al. 2020, Bootstrap Your Own Latent, appendix B. Otherwise than there: a crop keeps at
    least a fifth of the area by default (there 0.08); the parts of colour jitter act in one order, not in a random one;
    hue turns in YIQ (see `hue`); and rotation is added.
    """

    def __init__(
        self,
        *,
        crop: float = 0.2,
        ratio: float = 4 / 3,
        flip: float = 0.5,
        rotation: float = 0.0,
        jitter: float = 0.5,
        jitter_probability: float = 0.8,
        grayscale: float = 0.2,
        blur: float = 0.0,
        solarize: float = 0.0,
        sigma: tuple[float, float] = (0.1, 1.0),
    ):
        super().__init__()
        if not 0 < crop <= 1:
            raise ValueError(f"crop is the smallest share of the area that is kept, in (0, 1], got {crop}")
        if not ratio >= 1:
            raise ValueError(f"ratio must be at least 1, got {ratio}")
        chances = {"flip": flip, "jitter_probability": jitter_probability, "grayscale": grayscale}
        for name, value in {**chances, "blur": blur, "solarize": solarize}.items():
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is a probability in [0, 1], got {value}")
        if not (jitter >= 0 and rotation >= 0):
            raise ValueError(f"jitter and rotation can't be negative, got {jitter} and {rotation}")
        if not 0 < sigma[0] <= sigma[1]:
            raise ValueError(f"sigma is a smallest and a largest deviation, both positive, got {sigma}")
        self.crop, self.ratio, self.flip, self.rotation = crop, ratio, flip, rotation
        self.jitter, self.jitter_probability, self.grayscale = jitter, jitter_probability, grayscale
        self.blur, self.solarize, self.sigma = blur, solarize, sigma

    def forward(self, images: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """One view of each image; the generator (default: torch's own) decides all that is random.

        Raises:
            ValueError: if the images aren't float32 (B, 3, H, W).
        """
        if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.float32:
            raise ValueError(f"images must be float32 (B, 3, H, W), got {images.dtype} {tuple(images.shape)}")
        with torch.autocast(images.device.type, enabled=False):  # places and colours need more than bf16's 8 bits
            return self._view(images, _Draw(images, generator))

    def _view(self, images: Tensor, draw: "_Draw") -> Tensor:
        views = self._move(images, draw)
        if self.jitter or self.grayscale:
            views = self._colour(views, draw)
        if self.blur:
            chosen, scale = draw.chance(self.blur), images.shape[-2] / 32
            sigmas = draw.uniform(self.sigma[0] * scale, self.sigma[1] * scale)
            views = torch.where(chosen.view(-1, 1, 1, 1), blur(views, sigmas), views)  # all: to pick out, a GPU waits
        if self.solarize:
            views = solarize(views, draw.chance(self.solarize))
        return views

    def _move(self, images: Tensor, draw: "_Draw") -> Tensor:
        """Crop, flip and rotation as one interpolation."""
        maps = _crop_map(self._boxes(draw))
        if self.flip:
            maps = maps @ _flip_map(draw.chance(self.flip))
        if self.rotation:
            maps = maps @ _rotation_map(draw.uniform(-self.rotation, self.rotation), images)
        return _warp(images, maps)

    def _boxes(self, draw: "_Draw") -> Tensor:
        """Random boxes (B, 4): area uniform, aspect ratio log-uniform among those that fit, place uniform."""
        side = draw.uniform(self.crop, 1).sqrt()  # of a square of that area
        longest = (1 / side).clamp_(max=math.sqrt(self.ratio))
        stretch = longest ** draw.uniform(-1, 1)
        width, height = side * stretch, side / stretch
        return torch.stack([draw.uniform(0, 1) * (1 - width), draw.uniform(0, 1) * (1 - height), width, height], dim=1)

    def _colour(self, views: Tensor, draw: "_Draw") -> Tensor:
        """Colour jitter and grayscale as one matrix per image."""
        on = draw.chance(self.jitter_probability).float() * self.jitter
        factors = [(1 + on * draw.uniform(-0.8, 0.8)).clamp_(min=0) for _ in range(3)]
        factors[2] = factors[2].masked_fill(draw.chance(self.grayscale), 0.0)  # grey: no saturation
        matrix, shift = colour_matrices(*factors, on * draw.uniform(-0.2, 0.2))
        pixels = views.flatten(2)  # (B, 3, HW)
        return torch.baddbmm(shift @ pixels.mean(dim=2, keepdim=True), matrix, pixels).clamp_(0, 1).view_as(views)


class _Draw:
    """Random numbers for one batch, one per image, drawn where the generator lives and used where the images are."""

    def __init__(self, images: Tensor, generator: torch.Generator | None):
        self.count, self.device, self.generator = len(images), images.device, generator

    def uniform(self, low: float, high: float) -> Tensor:
        source = self.generator.device if self.generator is not None else self.device
        return torch.rand(self.count, generator=self.generator, device=source).to(self.device) * (high - low) + low

    def chance(self, probability: float) -> Tensor:
        return self.uniform(0, 1) < probability


class RandomInvert(nn.Module):
    """Dark for light in each image of a batch (B, C, H, W) in [0, 1] with a given probability, decided for each alone.

    Where light or dark is not worth knowing, but is what a method learns first: it follows an `Augment`.

    Raises:
        ValueError: if the probability is outside [0, 1].
    """

    def __init__(self, probability: float = 0.5):
        super().__init__()
        if not 0 <= probability <= 1:
            raise ValueError(f"probability must be in [0, 1], got {probability}")
        self.probability = probability

    def forward(self, images: Tensor) -> Tensor:
        chosen = torch.rand(len(images), device=images.device) < self.probability
        return solarize(images, chosen, threshold=0.0)
