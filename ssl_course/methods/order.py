"""The order of frames as a pretext task: is it right, which is it, and does time run forwards?

Order verification: Ishan Misra, C. Lawrence Zitnick, Martial Hebert: Shuffle and Learn. ECCV 2016. Order sorting: Hsin-
Ying Lee, Jia-Bin Huang, Maneesh Singh, Ming-Hsuan Yang: Unsupervised Representation Learning by Sorting Sequences. ICCV
2017 (OPN). Arrow of time: Donglai Wei, Joseph Lim, Andrew Zisserman, William Freeman: Learning and Using the Arrow of
Time. CVPR 2018. In all three the loss is the cross-entropy of the answer.

A clip shown backwards is often as likely as the clip. So the first two don't ask for the direction of time: 3, 2, 1 is
in order as well as 1, 2, 3, and in sorting an order and its reverse are one class (Lee et al., section 3.1).

Otherwise than in the papers: frames are chosen evenly spaced, not where much moves; a wrong order is a permutation of
the right frames (Misra et al. take the middle one from outside of the window); the frames meet in the encoder, not in
pairs in the head as in OPN; and arrow of time looks at frames, not at optical flow.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.networks import check_batch, projection_head

MOST = 6  # frames to sort: 360 classes


def take(clips: Tensor, count: int, start: int = 0) -> Tensor:
    """`count` frames of each clip, as far apart as they go and equally far, (B, T, …) -> (B, count, …).

    Args:
        start: the first of them, 0 to `spare(T, count)`.

    Raises:
        ValueError: if count is below 2, or the clips have fewer frames, or none is left at this start.
    """
    step = _step(clips.shape[1], count)
    if not 0 <= start <= spare(clips.shape[1], count):
        raise ValueError(f"start must be from 0 to {spare(clips.shape[1], count)}, got {start}")
    return clips[:, start : start + step * (count - 1) + 1 : step]


def spare(frames: int, count: int) -> int:
    """How many frames are left over at an end when `count` of `frames` are chosen as `take` does."""
    return frames - 1 - _step(frames, count) * (count - 1)


def _step(frames: int, count: int) -> int:
    if not 2 <= count <= frames:
        raise ValueError(f"frames to choose must be from 2 to the clip's {frames}, got {count}")
    return (frames - 1) // (count - 1)


def arrange(clips: Tensor, orders: Tensor) -> Tensor:
    """Put the frames of clips (B, T, C, H, W) in the given orders (B, T): place k gets frame orders[b, k]."""
    return clips[torch.arange(len(clips), device=clips.device)[:, None], orders]


def in_order(orders: Tensor) -> Tensor:
    """Which orders (B, T) run steadily, forwards or backwards: bool (B,)."""
    steps = orders.diff(dim=1)  # (B, T - 1)
    return (steps > 0).all(dim=1) | (steps < 0).all(dim=1)


def orders_to_sort(count: int) -> Tensor:
    """All orders of `count` frames but those that are another one backwards: int64 (count! / 2, count).

    Of an order and its reverse the one is here that begins with the earlier of its two ends; the first is 0, 1, 2, ….

    Raises:
        ValueError: if count isn't from 2 to 6.
    """
    if not 2 <= count <= MOST:
        raise ValueError(f"frames to sort must be from 2 to {MOST}, got {count}")
    return torch.tensor([order for order in itertools.permutations(range(count)) if order[0] < order[-1]])


def random_orders(number: int, count: int, device: torch.device | str = "cpu") -> Tensor:
    """So many orders of `count` frames, each as likely as the others: int64 (number, count)."""
    return torch.rand(number, count, device=device).argsort(dim=1)


def backwards(orders: Tensor, chosen: Tensor) -> Tensor:
    """The orders (B, T), those backwards whose entry in `chosen` (B,) is true."""
    return torch.where(chosen[:, None], orders.flip(1), orders)


class FrameOrder(nn.Module):
    """What the three tasks share: some frames of each clip in an order that is drawn, and a question about it.

    Args:
        encoder: what is kept; maps clips (B, T, 3, H, W) in [0, 1] to (B, encoder.dim).
        frames: how many are shown of each clip.
        answers: to choose from.
        head: maps features to one logit per answer; default a two-layer `projection_head`.
    """

    def __init__(self, encoder: nn.Module, *, frames: int, answers: int, head: nn.Module | None = None):
        super().__init__()
        if frames < 2:
            raise ValueError(f"frames must be at least 2, or there is no order, got {frames}")
        self.encoder, self.frames = encoder, frames
        self.head = head if head is not None else projection_head(encoder.dim, outputs=answers)

    def draw(self, number: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """So many orders (number, frames), and the answer to each (number,); each task has its own."""
        raise NotImplementedError

    def views(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Some frames of each clip in some order (B, frames, 3, H, W), and the answers (B,)."""
        left_over = spare(clips.shape[1], self.frames)
        start = int(torch.randint(left_over + 1, ()))  # on the processor, so that a GPU needn't wait
        orders, answers = self.draw(len(clips), clips.device)
        return arrange(take(clips, self.frames, start), orders), answers

    def forward(self, arranged: Tensor, answers: Tensor) -> Tensor:
        check_batch(self, len(answers))
        return F.cross_entropy(self.head(self.encoder(arranged)), answers)


class OrderVerification(FrameOrder):
    """Are these frames in order (forwards or backwards: answer 1) or not (0)? Both are equally likely.

    Args:
        encoder, head: as for `FrameOrder`.
        frames: at least 3; the paper has 3.
    """

    def __init__(self, encoder: nn.Module, *, frames: int = 3, head: nn.Module | None = None):
        if frames < 3:
            raise ValueError(f"two frames are always in order, forwards or backwards: frames must be 3, got {frames}")
        super().__init__(encoder, frames=frames, answers=2, head=head)
        orders = torch.tensor(list(itertools.permutations(range(frames))))
        self.register_buffer("wrong", orders[~in_order(orders)], persistent=False)  # (frames! - 2, frames)

    def draw(self, number: int, device: torch.device) -> tuple[Tensor, Tensor]:
        right, back = (torch.rand(number, device=device) < 0.5 for _ in range(2))  # each (number,)
        straight = torch.arange(self.frames, device=device).expand(number, -1)
        wrong = self.wrong[torch.randint(len(self.wrong), (number,), device=device)]
        return torch.where(right[:, None], backwards(straight, back), wrong), right.long()


class OrderSorting(FrameOrder):
    """In which order are these frames? An order and its reverse are one answer.

    Args:
        encoder, head: as for `FrameOrder`.
        frames: the paper has 4, which are 12 answers.
    """

    def __init__(self, encoder: nn.Module, *, frames: int = 4, head: nn.Module | None = None):
        orders = orders_to_sort(frames)
        super().__init__(encoder, frames=frames, answers=len(orders), head=head)
        self.register_buffer("orders", orders, persistent=False)  # always the same

    def draw(self, number: int, device: torch.device) -> tuple[Tensor, Tensor]:
        answers = torch.randint(len(self.orders), (number,), device=device)
        return backwards(self.orders[answers], torch.rand(number, device=device) < 0.5), answers


class ArrowOfTime(FrameOrder):
    """Does time run forwards (answer 1) or backwards (0)? Both are equally likely.

    Args:
        encoder, head: as for `FrameOrder`.
        frames: at least 2. The paper takes 10 to 20 frames of optical flow.
    """

    def __init__(self, encoder: nn.Module, *, frames: int = 4, head: nn.Module | None = None):
        super().__init__(encoder, frames=frames, answers=2, head=head)

    def draw(self, number: int, device: torch.device) -> tuple[Tensor, Tensor]:
        forwards = torch.rand(number, device=device) < 0.5
        straight = torch.arange(self.frames, device=device).expand(number, -1)
        return backwards(straight, ~forwards), forwards.long()


@torch.no_grad()
def accuracy(method: FrameOrder, clips: Tensor, *, seed: int = 0, batch_size: int = 250) -> float:
    """The share of new questions, one about each clip, that the method answers rightly, in [0, 1].

    Args:
        method: left in evaluation mode, on its device.
        clips: uint8 (N, T, 3, H, W).
        seed: of the questions; torch's own generator is left as it is.
    """
    device = next(method.parameters()).device
    method.eval()
    right = 0
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for part in clips.split(batch_size):
            arranged, answers = method.views(part.to(device).float() / 255)
            right += int((method.head(method.encoder(arranged)).argmax(dim=1) == answers).sum())
    return right / len(clips)
