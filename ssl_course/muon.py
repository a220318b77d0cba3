"""Muon: the step of a layer is its momentum made orthogonal, so that every direction of it is learnt as fast.

Keller Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks (kellerjordan.github.io/posts/muon);
scaled as in Liu et al. 2025, Muon is scalable for LLM training, section 2.2, so that the rates of AdamW fit.

Otherwise than there: first and last layers have it, too, and a convolution is taken as a matrix (outputs, the rest).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # of Jordan et al.: near 1 in few iterations, not at it
ADAMWS = 0.2  # root mean square of a step of AdamW: Liu et al., section 2.2


class Muon(torch.optim.AdamW):
    """Muon for weights of some numbers of dimensions, AdamW for all others.

    Args:
        params: weights, or groups of them as `train.parameter_groups` makes them.
        lr, weight_decay: as those of AdamW.
        momentum: of the steps that are made orthogonal, Nesterov's.
        turned: how many dimensions these weights have. 2: linear layers, and also tables of words and places, which
            Jordan et al. leave to AdamW; 4: convolutions over pictures. Those over sounds (3) and films (5) have AdamW.
    """

    def __init__(
        self,
        params: Sequence[Tensor] | Sequence[dict],
        lr: float,
        *,
        weight_decay: float = 0.01,
        momentum: float = 0.95,
        turned: Sequence[int] = (2, 4),
    ):
        super().__init__(params, lr=lr, betas=(0.9, 0.95), weight_decay=weight_decay)
        for group in self.param_groups:
            group |= {"momentum": momentum, "turned": tuple(turned)}

    @torch.no_grad()
    def step(self) -> None:
        """Move all weights that have a gradient; those that are made orthogonal have none afterwards."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.ndim in group["turned"] and weight.grad is not None:
                    self._turn(weight, group)
        super().step()  # leaves out what has no gradient any more

    def _turn(self, weight: Tensor, group: dict) -> None:
        state = self.state[weight]
        state["step"] = state.get("step", torch.zeros(())) + 1  # AdamW looks for it when it reads a checkpoint
        kept, before = group["momentum"], state.get("momentum", torch.zeros_like(weight))
        state["momentum"] = moved = before.lerp(weight.grad, 1 - kept)
        ahead = weight.grad.lerp(moved, kept).flatten(1)  # (outputs, inputs)
        step = orthogonal(ahead) * ADAMWS * max(ahead.shape) ** 0.5
        weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(step.view_as(weight), alpha=group["lr"])
        weight.grad = None


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """A matrix (M, N) with all its singular values made about 1, by so many Newton-Schulz iterations.

    Each iteration multiplies x by a + b x xT + c (x xT)^2. All these factors are found from the small square x xT first
    and multiplied with x once, which for a convolution takes less than half as long.
    """
    a, b, c = NEWTON_SCHULZ
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-7)
    square, one = x @ x.T, torch.eye(len(x), dtype=x.dtype, device=x.device)
    turn = one
    for _ in range(steps):
        factor = a * one + b * square + c * square @ square
        turn = factor @ turn
        square = factor @ square @ factor  # what x xT is after this iteration
    x = turn @ x
    return x if wide is matrix else x.T
