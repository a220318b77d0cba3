"""Several processes with a share of a batch each, and one with the whole batch: the same loss, gradient and weights."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing

from ssl_course import captions, clips, load, parallel, pushed, sentences, sounds
from ssl_course.bag import BagOfWords
from ssl_course.frames import ClipEncoder, PointCNN
from ssl_course.language import TokenTransformer
from ssl_course.methods import ALL, MoCo, Supervised, Triplet, order
from ssl_course.methods.clip import CLIP
from ssl_course.methods.cpc import CPC
from ssl_course.methods.masked_pair import MaskedPair
from ssl_course.methods.masked_words import MaskedWords
from ssl_course.methods.next_word import NextWord
from ssl_course.methods.world_model import WorldModel
from ssl_course.networks import small_cnn
from ssl_course.vit import VisionTransformer
from ssl_course.waves import WaveEncoder

BATCH = 16


def words(**options):
    return TokenTransformer(len(sentences.WORDS), sentences.LENGTH, width=16, depth=1, **options)


BY_ITS_OWN = {  # how to build it, and its data
    "masked words": (lambda: MaskedWords(words(), share=0.3), sentences),
    "next word": (lambda: NextWord(words(causal=True)), sentences),
    "CPC, same": (lambda: CPC(WaveEncoder(8)), sounds),
    "CPC, other": (lambda: CPC(WaveEncoder(8), negatives="other"), sounds),
    "CLIP": (lambda: CLIP(small_cnn(4), words()), captions),
    "CLIP, sigmoid": (lambda: CLIP(small_cnn(4), BagOfWords(64, 8), loss="sigmoid"), captions),
    "masked pair": (lambda: MaskedPair(VisionTransformer(width=16, depth=1), 64, 32), captions),
    "verification": (lambda: order.OrderVerification(ClipEncoder(PointCNN(4, 3), 8)), clips),
    "sorting": (lambda: order.OrderSorting(ClipEncoder(PointCNN(4, 3), 8)), clips),
    "arrow": (lambda: order.ArrowOfTime(ClipEncoder(PointCNN(4, 3), 8)), clips),
    "world model": (lambda: WorldModel(PointCNN(4, 3), width=6, hidden=16), pushed),
}


def method(name):
    torch.manual_seed(0)
    if name in BY_ITS_OWN:
        return BY_ITS_OWN[name][0]()
    if name in ("mae", "ijepa"):
        return ALL[name](VisionTransformer(width=16, depth=1))
    if name == "supervised":
        return Supervised(small_cnn(4), 10)
    if name == "moco in one group":
        return MoCo(small_cnn(4), groups=1, length=32)
    if name == "moco":
        return MoCo(small_cnn(4), groups=2, length=32)
    if name == "triplet by chance":
        return Triplet(small_cnn(4), mining="random")
    return ALL[name](small_cnn(4))


NAMES = sorted({*ALL, *BY_ITS_OWN, "supervised", "moco in one group", "triplet by chance"})


def batch(name):
    """What a method of that name is trained on, as `pretrain` hands it over, and its labels."""
    if name not in BY_ITS_OWN:
        images = load("shapes", size=BATCH)
        return images.images.float() / 255, images.labels
    data = BY_ITS_OWN[name][1].load("train", size=BATCH)
    return (data.data.float() / 255 if data.data.dtype == torch.uint8 else data.data), data.labels


def one_step(name):
    """Loss, gradients and buffers after one step with this process's share of the batch."""
    trained = method(name).double().train()  # batch norm enlarges what single precision rounds to more than 1e-5
    forward = parallel.copies(trained)
    inputs, labels = batch(name)
    share = BATCH // parallel.ranks()
    own = slice(parallel.rank() * share, (parallel.rank() + 1) * share)
    with torch.no_grad():
        torch.manual_seed(1)
        whole = [view.chunk(parallel.ranks())[parallel.rank()] for view in trained.views(inputs)]
        torch.manual_seed(1)
        with parallel.Share(share):
            views = trained.views(inputs[own])
    for mine, part in zip(views, whole, strict=True):
        torch.testing.assert_close(mine, part, rtol=1e-5, atol=1e-5)
    views = [part.double() if part.is_floating_point() else part for part in whole]  # their rounding would grow
    with parallel.Share(share):
        loss = forward(*views, *([labels[own]] if getattr(trained, "uses_labels", False) else []))
    loss.backward()
    if hasattr(trained, "after_step"):
        trained.after_step(0.5)
    gradients = {key: value.grad for key, value in trained.named_parameters() if value.grad is not None}
    return {"loss": parallel.mean(loss.detach())} | gradients | dict(trained.named_buffers())


def join(rank, ranks, folder, work, *arguments):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=ranks)
    torch.save(work(*arguments), folder / f"{rank}.pt")
    dist.destroy_process_group()


def together(ranks, folder, work, *arguments):
    """What `work` gives in each of so many processes."""
    torch.multiprocessing.spawn(join, (ranks, folder, work, *arguments), nprocs=ranks)
    return [torch.load(folder / f"{rank}.pt") for rank in range(ranks)]


def all_steps():
    return {name: one_step(name) for name in NAMES}


@pytest.fixture(scope="module", params=[2, 4])
def steps(request, tmp_path_factory):
    return together(request.param, tmp_path_factory.mktemp("ranks"), all_steps)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_several_processes_is_that_of_one_with_the_whole_batch(steps, name):
    alone = one_step(name)
    kept_apart = name.startswith("moco")  # whose target each process feeds with its own groups of keys
    for shares in steps:
        assert shares[name].keys() == alone.keys()
        for key, value in alone.items():
            if kept_apart and key.startswith("target") and "running" in key:
                continue
            torch.testing.assert_close(shares[name][key], value, rtol=1e-5, atol=1e-5, msg=lambda text: key + text)  # noqa: B023


# --- whole trainings


def train(place, ranks=1, *more, method="simclr", epochs=3, restarts=0, **keywords):
    """`ssl-course train` in so many processes, running."""
    torchrun = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={ranks}",
        f"--max-restarts={restarts}",
    ]
    start = ["-m"] if ranks == 1 else [*torchrun, "-m"]
    command = [sys.executable, *start, "ssl_course", "train", method, "--out", place, "--size", "128", *more]
    command += ["--batch-size", "32", "--epochs", str(epochs), "--device", "cpu", "--precision", "fp32"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True} | keywords
    return subprocess.Popen(list(map(str, command)), env=os.environ | {"OMP_NUM_THREADS": "1"}, **options)


def finished(training):
    told, _ = training.communicate(timeout=300)
    assert training.returncode == 0, told
    return told


def in_process(training, number):
    """The process of that number among those that torchrun has started."""
    children = psutil.Process(training.pid).children()
    return next((child.pid for child in children if child.environ().get("RANK") == str(number)), None)


def kept(place):
    return torch.load(place / "checkpoint.pt", weights_only=True)


def test_a_run_is_the_same_in_two_processes_and_goes_on_in_one_when_one_of_them_is_killed(tmp_path):
    finished(train(tmp_path / "one"))
    broken = train(tmp_path / "two", 2)
    killed = 0
    while broken.poll() is None:
        if not killed and (tmp_path / "two" / "checkpoint.pt").is_file():
            killed = in_process(broken, 1)
            os.kill(killed, signal.SIGKILL)
        time.sleep(0.01)
    told = broken.communicate()[0]
    assert killed, told
    assert broken.returncode != 0, told
    assert told.count("the same command goes on") == 1  # whichever came first: the lost one, or torchrun's signal
    assert len(kept(tmp_path / "two")["history"]) < 3
    finished(train(tmp_path / "two"))
    one, two = kept(tmp_path / "one"), kept(tmp_path / "two")
    losses = [[record["loss"] for record in saved["history"]] for saved in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)  # AdamW makes a step of what is rounding alone, too
    assert two["settings"] == one["settings"]


def test_torchrun_starts_lost_processes_again_and_they_go_on(tmp_path):
    """The first process, to whose address the others would turn in vain."""
    training, killed = train(tmp_path / "run", 2, restarts=1), None
    while not killed and training.poll() is None:
        if (tmp_path / "run" / "checkpoint.pt").is_file():
            killed = in_process(training, 0)
            os.kill(killed, signal.SIGKILL)
        time.sleep(0.01)
    told = finished(training)
    assert killed, told
    assert len(kept(tmp_path / "run")["history"]) == 3
    assert told.count("effective rank") <= 4  # no pass was made twice but the one that was being made


JOIN = """
import torch
import torch.distributed as dist
from ssl_course import parallel
with parallel.joined():
    told = torch.ones(1)
    dist.all_reduce(told)
"""


def start(store, attempt):
    """Two processes that join through a store which outlives them, as torchrun's agent has it; their exit statuses."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "1"}
    shared |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": str(attempt)}
    processes = []
    for number in range(2):
        own = {"RANK": str(number), "LOCAL_RANK": str(number), "OMP_NUM_THREADS": "1"}
        processes.append(
            subprocess.Popen([sys.executable, "-c", JOIN], env=os.environ | shared | own, stderr=subprocess.DEVNULL)
        )
    return [process.wait(timeout=200) for process in processes]


def test_processes_that_are_started_again_have_their_own_part_of_the_store():
    """Else one may find the address of a lost one there: it does in about half of the cases, by the ports' numbers."""
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    assert start(store, 0) == [0, 0]
    first = store.num_keys()
    assert start(store, 1) == [0, 0]
    assert store.num_keys() >= 2 * first - 1  # the store has a key of its own
