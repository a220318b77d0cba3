"""What training costs, counted: floating-point operations of one step, forward and backward."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def training_flops(method: nn.Module, size: int | tuple[int, int] = 32, *, batch_size: int = 8) -> float:
    """Floating-point operations per image of one training step: forward, backward, target networks, heads, decoders.

    Counted by PyTorch as the step runs on random images: convolutions and matrix products, two operations for each
    multiplication with addition. Drawing views, norms and the optimizer aren't counted. The method is left as it was.

    Args:
        size: height and width of the images, or both as a pair.
        batch_size: of the counted step.
    """
    height, width = (size, size) if isinstance(size, int) else size
    device = next(method.parameters()).device
    state = {name: value.clone() for name, value in method.state_dict().items()}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        images = torch.rand(batch_size, 3, height, width, device=device)
        inputs = list(method.views(images))
        if getattr(method, "uses_labels", False):
            inputs.append(torch.zeros(batch_size, dtype=torch.long, device=device))
        with FlopCounterMode(display=False) as counter:
            loss = method(*inputs)
            trainable = [parameter for parameter in method.parameters() if parameter.requires_grad]
            torch.autograd.grad(loss, trainable, allow_unused=True)
    method.load_state_dict(state)
    return counter.get_total_flops() / batch_size
