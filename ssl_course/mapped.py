"""Images that stay on disk: a memory-mapped tensor that knows its checksum, and its batches.

A batch is read while the one before it is trained on. That changes no number: the same rows come in the same order.
"""

import math
import mmap
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor


def map_images(file: str | os.PathLike, offset: int, shape: tuple[int, ...], checksum: int) -> Tensor:
    """The uint8 images in a file, none of which is read yet. They can't be written to: that would end the process.

    Args:
        offset: of the first pixel, in bytes.
        shape: (N, C, H, W).
        checksum: CRC-32 of all of them, which is then not computed again.
    """
    with open(file, "rb") as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    if hasattr(mmap, "MADV_RANDOM"):  # else the system reads the neighbours of every row, too
        mapped.madvise(mmap.MADV_RANDOM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of every buffer that can't be written to
        images = torch.frombuffer(mapped, dtype=torch.uint8, count=math.prod(shape), offset=offset).view(shape)
    images.checksum_on_disk = checksum  # a part or a copy of the tensor doesn't have it
    return images


def checksum_on_disk(images: Tensor) -> int | None:
    """The checksum that a mapped tensor brought along; None for a tensor in memory, and for a part of a mapped one."""
    return getattr(images, "checksum_on_disk", None)


def is_on_disk(images: Tensor) -> bool:
    """Whether this is a whole mapped tensor."""
    return checksum_on_disk(images) is not None


def batches(order: Tensor, images: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Each row of `order` (steps, B) with its images (B, C, H, W); those on disk are read one batch ahead."""
    if not is_on_disk(images):
        yield from ((index, images[index]) for index in order)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="next-batch") as reader:
        coming = reader.submit(_gather, images, order[0])
        for step, index in enumerate(order):
            pixels = coming.result()
            if step + 1 < len(order):
                coming = reader.submit(_gather, images, order[step + 1])
            yield index, pixels


def _gather(images: Tensor, index: Tensor) -> Tensor:
    """images[index] by NumPy, which takes one thread for it: torch's would be taken from the training."""
    return torch.from_numpy(images.numpy().take(index.numpy(), axis=0))
