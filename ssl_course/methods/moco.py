"""MoCo: remember the projections of earlier batches, so that a small batch has many negatives.

Kaiming He, Haoqi Fan, Yuxin Wu, Saining Xie, Ross Girshick: Momentum Contrast for Unsupervised Visual Representation
Learning. CVPR 2020 (equations 1 and 2). With a head of two layers and stronger views, as in Xinlei Chen, Haoqi Fan,
Ross Girshick, Kaiming He: Improved Baselines with Momentum Contrastive Learning. 2020 (v2).

Otherwise than in the papers: the head has a batch norm between its layers, which v2's hasn't; the views have no blur;
only the keys are shuffled into groups, while a query's batch norm sees the whole batch (there each GPU sees its part);
the queue is shorter (there 65536) and the moving average faster; AdamW instead of SGD. `symmetric` isn't in them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.methods.two_views import TwoViews
from ssl_course.networks import MovingAverage, at_least_float32, check_batch
from ssl_course.parallel import each, gather, own


def info_nce(queries: Tensor, keys: Tensor, queue: Tensor, temperature: float = 0.07) -> Tensor:
    """Find the key of your own image among it and the queue (He et al. 2020, eq. 1).

    Args:
        queries, keys: (B, D); row i of both is image i.
        queue: projections of other images, (K, D).
        temperature: positive.

    Returns:
        Scalar, in nats; log(K + 1) when all vectors are equal.

    Raises:
        ValueError: if the shapes don't fit or the temperature isn't positive.
    """
    if queries.shape != keys.shape or queries.ndim != 2 or queue.shape[1:] != queries.shape[1:]:
        shapes = [tuple(part.shape) for part in (queries, keys, queue)]
        raise ValueError(f"queries and keys must be (B, D) and queue (K, D), got {shapes}")
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    with torch.autocast(queries.device.type, enabled=False):
        queries, keys, queue = (F.normalize(at_least_float32(part), dim=1) for part in (queries, keys, queue))
        own = (queries * keys).sum(dim=1, keepdim=True)  # (B, 1)
        logits = torch.cat([own, queries @ queue.T], dim=1) / temperature  # (B, 1 + K)
        return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=logits.device))


class MoCo(TwoViews):
    """Encoder and head make the queries; their moving average makes the keys, and a queue keeps the last `length`.

    Args:
        encoder, augment: as for `TwoViews`.
        temperature: of the loss.
        length: of the queue.
        decay: of the moving average. The paper's 0.999 is for hundreds of thousands of steps; a run of a few thousand
            needs a faster one.
        groups: in how many random groups the keys are computed, fewer where less than eight would be in one. Batch
            norm sees only its group, so that a batch's statistics don't tell that query and key belong together (the
            paper's shuffling, section 3.3, on one device).
        symmetric: whether each view is query and key in turn, so that a step compares an image twice; the loss is the
            mean, and the queue takes the keys of both.
        head: maps features h to projections z and ends in a linear layer; default a two-layer `projection_head`.

    Raises:
        ValueError: if temperature, length, decay or groups is out of range.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        temperature: float = 0.1,
        length: int = 4096,
        decay: float = 0.99,
        groups: int = 4,
        symmetric: bool = False,
        augment: nn.Module | None = None,
        head: nn.Module | None = None,
    ):
        super().__init__(encoder, augment=augment, head=head)
        if not temperature > 0 or length < 1 or groups < 1:
            raise ValueError(
                f"temperature, length and groups must be positive, got {temperature}, {length} and {groups}"
            )
        self.temperature, self.groups, self.symmetric = temperature, groups, symmetric
        self.target = MovingAverage(nn.Sequential(self.encoder, self.head), decay)
        width = [part.out_features for part in self.head.modules() if isinstance(part, nn.Linear)][-1]
        self.register_buffer("queue", F.normalize(torch.randn(length, width), dim=1))
        self.register_buffer("oldest", torch.zeros((), dtype=torch.long))
        self._keys: Tensor | None = None

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        check_batch(self, len(view1))
        pairs = [(view1, view2), (view2, view1)] if self.symmetric else [(view1, view2)]
        losses, made = [], []
        for asked, other in pairs:
            queries = self.head(self.encoder(asked))  # (B, D)
            made.append(self._encode_keys(gather(other)))  # (B, D), of the whole batch, no gradient
            losses.append(info_nce(queries, own(made[-1]), self.queue, self.temperature))
        self._keys = torch.cat(made)
        return torch.stack(losses).mean()

    @torch.no_grad()
    def _encode_keys(self, view: Tensor) -> Tensor:
        order = torch.randperm(len(view), device=view.device)
        count = max(1, min(self.groups, len(view) // 8))  # so that at least eight are in a group
        keys = each(self.target, [view[group] for group in order.tensor_split(count)])
        return F.normalize(at_least_float32(keys), dim=1)[order.argsort()]

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """The keys of this step take the place of the oldest in the queue; the target follows."""
        if self._keys is None:
            raise RuntimeError("after_step comes after a forward pass: there are no keys yet")
        self.target.update(nn.Sequential(self.encoder, self.head))
        keys = self._keys[-len(self.queue) :]
        places = (self.oldest + torch.arange(len(keys), device=keys.device)) % len(self.queue)
        self.queue[places] = keys
        self.oldest.copy_((self.oldest + len(keys)) % len(self.queue))
