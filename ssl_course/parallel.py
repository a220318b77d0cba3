"""One training on many processes, each with a share of every batch: the same numbers as one process with all of it.

`torchrun` starts the processes, DistributedDataParallel averages their gradients. What a method does with its share is
made right for the whole batch here, so that a method needs to know only one thing: a loss that compares images with
each other takes the projections of all of them (`gather`).

Random numbers are drawn for the whole batch, by every process alike, and each takes its own; so views, masks and
permutations don't depend on how many processes there are. Batch norm takes its statistics from the whole batch.
"""

import contextlib
import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.overrides import TorchFunctionMode

from ssl_course.networks import at_least_float32

OPTIONS = ("forward_sync_buffers", "broadcast_buffers")  # torch's new and old name of the same thing
DRAWS = {torch.rand, torch.randn, torch.randint}
DRAWS_LIKE = {torch.rand_like: torch.rand, torch.randn_like: torch.randn}


def ranks() -> int:
    """How many processes train together; 1 without `torchrun`."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is, from 0; the first one writes and speaks."""
    return dist.get_rank() if ranks() > 1 else 0


@contextlib.contextmanager
def joined() -> Iterator[None]:
    """Join the processes that `torchrun` started, for as long as the block lasts; without it, do nothing.

    Each gets its GPU by its number on its machine. What lies on GPUs is told by nccl, the rest by gloo.

    Where torchrun starts them again after one was lost, the lost one's address still stands in the store through which
    they find each other (seen with torch 2.14), so each start gets a part of the store to itself.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or ranks() > 1:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, number, count = next(dist.rendezvous("env://"))
    if os.environ.get("GROUP_WORLD_SIZE", "1") == "1":  # each machine counts for itself
        store = dist.PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
    kinds = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(kinds, store=store, rank=number, world_size=count)
    try:
        yield
    finally:
        dist.destroy_process_group()


def from_first(make: Callable[[], Any]) -> Any:
    """What `make` gives in the first process, in all of them; or what it raises."""
    if ranks() == 1:
        return make()
    told: list = [None, None]
    if rank() == 0:
        try:
            told[0] = make()
        except Exception as failure:  # whatever it is, the others would wait for ever
            told[1] = failure
    dist.broadcast_object_list(told)
    if told[1] is not None:
        raise told[1]
    return told[0]


def check_divisible(batch_size: int) -> None:
    """Raise ValueError if a batch can't be divided into equal shares of at least two images."""
    if batch_size % ranks() or batch_size < 2 * ranks():
        raise ValueError(
            f"{ranks()} processes can't share batches of {batch_size} equally, two images or more each: "
            f"batch_size={ranks() * max(2, batch_size // ranks())} would do"
        )


def has_lost_another(failure: Exception) -> bool:
    """Whether an error says that another process has ended: gloo and nccl have no type of their own for it."""
    told = f"{type(failure).__name__} {failure}".lower()
    return ranks() > 1 and any(word in told for word in ("connection", "gloo", "nccl", "distbackend"))


def mean(values: Tensor) -> Tensor:
    """The mean over all processes, of a tensor without gradient."""
    if ranks() == 1:
        return values
    values = values / ranks()
    dist.all_reduce(values)
    return values


def copies(method: nn.Module) -> nn.Module:
    """The method, called so that every process has the mean gradient of all after a backward pass."""
    if ranks() == 1:
        return method
    option = next(name for name in OPTIONS if name in inspect.signature(DistributedDataParallel).parameters)
    return DistributedDataParallel(method, **{option: False})  # buffers come from the whole batch, alike everywhere


class Share(TorchFunctionMode):
    """A context in which a share of a batch is treated as a part of the whole.

    Args:
        count: images in each share.

    Inside it, what torch.rand, randn, randint and their `_like` draw with `count` rows is this share's part of a draw
    for the whole batch; batch norm in training uses the whole batch; `gather` and `each` work together.
    """

    now: "Share | None" = None

    def __init__(self, count: int):
        super().__init__()
        self.count, self.ranks, self.rank = count, ranks(), rank()

    def __enter__(self) -> "Share":
        if self.ranks > 1:
            Share.now = self
            super().__enter__()
        return self

    def __exit__(self, *failure: object) -> None:
        if self.ranks > 1:
            super().__exit__(*failure)
            Share.now = None

    def __torch_function__(self, function: Callable, types: Sequence, args: tuple = (), kwargs: dict | None = None):
        kwargs = kwargs or {}
        if Share.now is None:
            return function(*args, **kwargs)
        if function in DRAWS_LIKE:
            like, kwargs = args[0], {"dtype": args[0].dtype, "device": args[0].device} | kwargs
            function, args = DRAWS_LIKE[function], (like.shape,)
        if function in DRAWS:
            return self._own_part(function, args, kwargs)
        if function is F.batch_norm:
            return _batch_norm(*args, **kwargs)
        return function(*args, **kwargs)

    def _own_part(self, draw: Callable, args: tuple, kwargs: dict) -> Tensor:
        *bounds, size = args if draw is torch.randint or isinstance(args[0], Sequence) else (args,)
        if not size or size[0] != self.count:  # () is a single number, alike for all
            return draw(*args, **kwargs)
        return own(draw(*bounds, (self.ranks * self.count, *size[1:]), **kwargs))


def gather(part: Tensor) -> Tensor:
    """The rows of all shares, (B, …) -> (ranks * B, …) in float32 or wider, with their gradients; else as they are."""
    if Share.now is None:
        return part
    return _Gather.apply(at_least_float32(part))


def weighed(loss: Tensor, count: Tensor) -> Tensor:
    """A share's mean over `count` things, such that the mean over all shares is that over all their things.

    Shares may have unequally many, such as words that aren't padding. Outside of `Share` the loss stays as it is.
    """
    if Share.now is None:
        return loss
    count = at_least_float32(count)
    return loss * count / mean(count).clamp(min=1 / ranks())  # of none at all the loss is 0


def each(network: Callable[[Tensor], Tensor], parts: Sequence[Tensor]) -> Tensor:
    """`network(part)` for every part of the whole batch, one after the other (M, …), without a gradient.

    The processes divide the parts among them, and batch norm sees one part at a time.
    """
    share = Share.now
    if share is None:
        return torch.cat([network(part) for part in parts])
    Share.now = None
    try:
        places = range(share.rank, len(parts), share.ranks) or [share.rank % len(parts)]  # with fewer parts, one twice
        mine = {place: at_least_float32(network(parts[place])) for place in places}
    finally:
        Share.now = share
    like = next(iter(mine.values()))
    made = [mine.get(place, like.new_empty(len(part), *like.shape[1:])) for place, part in enumerate(parts)]
    for place, part in enumerate(made):
        dist.broadcast(part, src=place % share.ranks)
    return torch.cat(made)


def own(whole: Tensor) -> Tensor:
    """This share's rows of what is known of the whole batch: what undoes `gather`."""
    return whole if Share.now is None else whole.chunk(Share.now.ranks)[Share.now.rank]


class _Gather(torch.autograd.Function):
    """Backward, a share's gradient is the sum of what all processes have for it."""

    @staticmethod
    def forward(context: Any, part: Tensor) -> Tensor:
        parts = [torch.empty_like(part) for _ in range(ranks())]
        dist.all_gather(parts, part.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient)
        return gradient.chunk(ranks())[rank()]


def _batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """As `F.batch_norm`, with mean and variance over all shares, which are equally large."""
    if not training:
        return F.batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    with torch.no_grad():
        others = [axis for axis in range(x.ndim) if axis != 1]
        variance, mean = torch.var_mean(at_least_float32(x), others, correction=0)
        means, variances = gather(torch.stack([mean, variance]).unsqueeze(0)).unbind(1)  # (ranks, C) each
        mean = means.mean(dim=0)
        variance = variances.mean(dim=0) + (means - mean).square().mean(dim=0)
        if running_mean is not None:
            count = ranks() * x.numel() / x.shape[1]
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * count / (count - 1), momentum)
    weight = torch.ones_like(mean) if weight is None else weight
    bias = torch.zeros_like(mean) if bias is None else bias
    return _Standardise.apply(x, mean, variance, weight, bias, eps)


class _Standardise(torch.autograd.Function):
    """Batch norm with a mean and a variance that come from all shares, by the library's own kernels.

    These take both for constants. What their gradient lacks is what each pixel does to the mean and the variance, in
    all shares (Ioffe & Szegedy 2015, Batch Normalization, section 3, the gradients below algorithm 1).
    """

    @staticmethod
    def forward(
        context: Any, x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> Tensor:
        with torch.enable_grad():
            parts = [part.detach().requires_grad_() for part in (x, weight, bias)]
            y = F.batch_norm(parts[0], mean, variance, *parts[1:], False, 0.0, eps)
        context.kept = parts, y, mean, (variance + eps).rsqrt()
        return y.detach()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (x, weight, bias), y, mean, scale = context.kept
        slope, of_weight, of_bias = torch.autograd.grad(y, (x, weight, bias), gradient)
        both = torch.stack([of_weight, of_bias]).to(
            mean.dtype
        )  # sums of gradient times standardised x, and of gradient
        dist.all_reduce(both)
        through_variance, through_mean = weight * scale * both / (ranks() * x.numel() / x.shape[1])
        through_variance = through_variance * scale
        shape = (1, -1) + (1,) * (x.ndim - 2)
        constant = (through_mean - mean * through_variance).view(shape)
        slope = slope - torch.addcmul(constant, x.to(mean.dtype), through_variance.view(shape)).to(slope.dtype)
        return slope, None, None, of_weight, of_bias, None
