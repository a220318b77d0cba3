"""How a training grows with its processes: `python benchmarks/scaling.py [--results FILE]`.

A model of one step: the computing of a share of the batch, and what the processes tell each other, whose number and
size are counted in a real step. Its two constants, the latency of a message and the bytes a second, are measured with
small and large messages; then steps of 1, 2 and 4 processes on this machine are measured and set beside the
prediction. With the constants of a cluster the same model says what 8 to 1,024 processes would do; nothing of that is
measured.
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
import torch.multiprocessing
import torch.nn.functional as F
import torchvision
from torch import nn

from ssl_course import load, parallel
from ssl_course.cost import training_flops
from ssl_course.methods import SimCLR
from ssl_course.networks import resnet18, small_cnn
from ssl_course.runs import Machine, hardware, today

HERE = (1, 2, 4)  # processes that are measured
THERE = (8, 16, 32, 64, 128, 256, 512, 1024)  # processes that are predicted
STEPS = 12  # of which the first two aren't counted
BUCKET = 25e6  # bytes of gradient that DistributedDataParallel sends at a time
SMALL, LARGE = 256, 2**22  # numbers in a message


@dataclass(frozen=True)
class Link:
    """What a message costs: `latency` seconds for each hop, and so many bytes a second.

    `tree`: whether a message between n processes takes about log2(n) hops (nccl), or n - 1 (gloo's ring).
    """

    latency: float
    bandwidth: float
    tree: bool = False

    def hops(self, processes: int) -> float:
        return math.ceil(math.log2(processes)) if self.tree else processes - 1


@dataclass(frozen=True)
class Talk:
    """What a step has to tell: `messages` with what a share knows (projections, statistics of batch norm), which every
    other process gets and sends the gradient of back, `shared` bytes in all; and the gradient, in bytes.
    """

    messages: int
    shared: int
    gradient: int


# An H100 as it is advertised (bf16, dense), used at a third; NVLink inside a machine, and 8 cards of 400 Gb/s outside.
PEAK, USED = 989e12, 1 / 3
INSIDE, OUTSIDE = Link(5e-6, 300e9, tree=True), Link(12e-6, 40e9, tree=True)


def talking(talk: Talk, processes: int, link: Link) -> float:
    """Seconds that a step spends on messages, none of them hidden behind computing.

    Every process gets the other shares; their gradient, as large as the whole batch's, is added up, and so is that of
    the weights: what is added up goes round twice, in parts.
    """
    if processes == 1:
        return 0.0
    others, hops = processes - 1, link.hops(processes)
    forth = talk.messages * link.latency * hops + talk.shared * others / link.bandwidth
    back = 2 * talk.messages * link.latency * hops + 2 * talk.shared * others / link.bandwidth
    buckets = max(1, math.ceil(talk.gradient / BUCKET))
    gradient = 2 * buckets * link.latency * hops + 2 * talk.gradient * others / processes / link.bandwidth
    return forth + back + gradient


def efficiency(compute: float, talk: Talk, processes: int, link: Link) -> float:
    """Share of the time in which a process computes, where each keeps a share of the same size."""
    return compute / (compute + talking(talk, processes, link))


# --- measuring


class Counter:
    """Counts the messages of torch.distributed while it is open, by replacing the functions that send them."""

    NAMES = ("all_gather", "all_reduce")

    def __enter__(self) -> "Counter":
        self.sent = {name: [] for name in self.NAMES}
        self.kept = {name: getattr(dist, name) for name in self.NAMES}
        for name in self.NAMES:
            setattr(dist, name, self._counting(name))
        return self

    def __exit__(self, *failure: object) -> None:
        for name, function in self.kept.items():
            setattr(dist, name, function)

    def _counting(self, name: str) -> Callable:
        def sending(first, *rest, **options):  # all_gather's first argument is where to put things
            self.sent[name].append((rest[0] if name == "all_gather" else first).nbytes)
            return self.kept[name](first, *rest, **options)

        return sending


def step(method: nn.Module, forward: nn.Module, images: torch.Tensor) -> None:
    """One step with this process's share of a batch, optimiser apart."""
    with parallel.Share(len(images)):
        with torch.no_grad():
            views = method.views(images)
        forward(*views).backward()
    method.zero_grad()


def work(rank: int, processes: int, folder: Path, batch: int, encoder: str) -> None:
    """What each process does: steps with and without talking, in turn, messages of two sizes, and a count."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    method = SimCLR({"small_cnn": small_cnn, "resnet18": resnet18}[encoder]())
    images = load("shapes", size=batch)[: batch // processes].images.float() / 255
    alone = [timed(lambda: step(method, method, images)) for _ in range(STEPS)] if processes == 1 else []
    found = {"alone": alone, "together": [], "small": [], "large": [], "talk": None}
    if processes > 1:
        meeting = f"file://{folder}/meeting{processes}"
        dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=processes)
        forward = parallel.copies(method)
        for _ in range(STEPS):  # in turn, since the machine may be slower a minute later
            dist.barrier()
            with forward.no_sync():
                found["alone"].append(timed(lambda: quiet_step(method, images)))
            dist.barrier()
            found["together"].append(timed(lambda: step(method, forward, images)))
            for size, numbers in (("small", SMALL), ("large", LARGE)):
                message = torch.ones(numbers)
                dist.barrier()
                found[size].append(timed(lambda message=message: dist.all_reduce(message)))
        found["talk"] = asdict(count(method, forward, images))
        dist.destroy_process_group()
    if rank == 0:
        (folder / f"{processes}.json").write_text(json.dumps(found), encoding="utf-8")


def quiet_step(method: nn.Module, images: torch.Tensor) -> None:
    """A step with nobody to talk to: the same computing on the share alone, with the batch norm of `parallel`."""
    plain = F.batch_norm

    def alone(x: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor, *rest: Any) -> torch.Tensor:
        training = rest[2]
        return (parallel._batch_norm if training else plain)(x, mean, variance, *rest)

    with mock.patch.object(F, "batch_norm", alone), mock.patch.object(dist, "all_reduce"):
        with torch.no_grad():
            views = method.views(images)
        method(*views).backward()
    method.zero_grad()


def count(method: nn.Module, forward: nn.Module, images: torch.Tensor) -> Talk:
    """What one process tells in a step; DistributedDataParallel sends the gradient by itself."""
    with Counter() as counter:
        step(method, forward, images)
    gradient = sum(part.nbytes for part in method.parameters() if part.requires_grad)
    return Talk(len(counter.sent["all_gather"]), sum(counter.sent["all_gather"]), gradient)


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def median(values: list[float]) -> float:
    return statistics.median(values[2:])


def measure(batch: int, encoder: str) -> dict[int, dict]:
    """By number of processes: seconds of a step alone and together, of the messages, and what was counted."""
    found = {}
    with tempfile.TemporaryDirectory() as place:
        for processes in HERE:
            torch.multiprocessing.spawn(work, (processes, Path(place), batch, encoder), nprocs=processes)
            kept = json.loads((Path(place) / f"{processes}.json").read_text(encoding="utf-8"))
            seconds = {name: median(kept[name]) for name in ("alone", "together", "small", "large") if kept[name]}
            found[processes] = seconds | {"talk": kept["talk"]}
    return found


def link_of(seconds: dict, processes: int) -> Link:
    """The constants that the two messages tell: the small one takes hops alone, the large one bytes too."""
    hops = processes - 1
    latency = seconds["small"] / (2 * hops)
    bandwidth = 2 * LARGE * 4 * hops / processes / max(seconds["large"] - seconds["small"], 1e-9)
    return Link(latency, bandwidth)


def compared(found: dict[int, dict]) -> list[dict]:
    """Measured and predicted seconds of a step for each number of processes here."""
    rows = []
    for processes, seconds in found.items():
        row = {"processes": processes, "computing": seconds["alone"], "messages": 0.0}
        row["measured"] = seconds.get("together", seconds["alone"])
        if processes > 1:
            row["messages"] = talking(Talk(**seconds["talk"]), processes, link_of(seconds, processes))
        row["predicted"] = row["computing"] + row["messages"]
        rows.append(row)
    return rows


def talk_of(method: nn.Module, share: int, width: int = 128) -> Talk:
    """What SimCLR tells with so many images in a share, from its layers: `count` finds the same in a real step."""
    norms = [part for part in method.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    shared = sum(2 * 4 * part.num_features for part in norms) + 2 * 4 * share * width
    gradient = sum(part.nbytes for part in method.parameters() if part.requires_grad)
    return Talk(len(norms) + 2, shared, gradient)


def predicted() -> dict[str, dict]:
    """For some encoders on GPUs: seconds of computing a share, and efficiency by number of processes."""
    found = {}
    for title, (encoder, pixels, share) in ENCODERS.items():
        method = SimCLR(encoder())
        compute = training_flops(method, pixels, batch_size=2) * share / (PEAK * USED)
        talk = talk_of(method, share)
        shares = {n: efficiency(compute, talk, n, INSIDE if n <= 8 else OUTSIDE) for n in THERE}
        found[title] = {"share": share, "computing": compute, "talk": asdict(talk), "efficiency": shares}
    return found


def resnet50() -> nn.Module:
    """As for ImageNet, at 224 pixels."""
    body = torchvision.models.resnet50()
    body.fc = nn.Identity()
    body.dim = 2048
    return body


ENCODERS = {  # pixels, and images in a share
    "small_cnn, 32 pixels": (small_cnn, 32, 512),
    "resnet18, 32 pixels": (resnet18, 32, 512),
    "resnet50, 224 pixels": (resnet50, 224, 64),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=256, help="images in a step of all processes")
    parser.add_argument("--encoder", default="small_cnn", choices=["small_cnn", "resnet18"])
    parser.add_argument("--results", type=Path, help="a JSON file for what was found")
    options = parser.parse_args()
    found = measure(options.batch, options.encoder)
    rows = compared(found)
    print(f"{'processes':>9} {'computing':>10} {'messages':>9} {'predicted':>10} {'measured':>9}   milliseconds a step")
    for row in rows:
        times = [1000 * row[name] for name in ("computing", "messages", "predicted", "measured")]
        print(f"{row['processes']:>9} {times[0]:>10.1f} {times[1]:>9.1f} {times[2]:>10.1f} {times[3]:>9.1f}")
    print("\npredicted for GPUs: share of the time in which they compute, none of the messages hidden")
    print(" ".join([f"{'images each':>34}", *(f"{n:>6}" for n in THERE)]))
    for title, row in (there := predicted()).items():
        shares = [f"{100 * value:>5.0f}%" for value in row["efficiency"].values()]
        print(" ".join([f"{title:<22} {row['share']:>11}", *shares]))
    if options.results:
        about = {"command": f"python benchmarks/scaling.py --batch {options.batch} --encoder {options.encoder}"}
        about |= {"date": today(), "hardware": hardware(Machine("cpu", "fp32", 1)), "rows": rows, "measured": found}
        about |= {"predicted": there, "gpu": {"peak": PEAK, "used": USED, "links": [asdict(INSIDE), asdict(OUTSIDE)]}}
        options.results.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
