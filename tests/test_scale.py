"""What docs/scale.md says and gives: the jobs can be read, and the model of a step is sane."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

ROOT = Path(__file__).parent.parent
JOBS = ROOT / "docs" / "scale"
sys.path.insert(0, str(ROOT / "benchmarks"))

import scaling  # noqa: E402

from ssl_course import cli  # noqa: E402
from ssl_course.methods import SimCLR  # noqa: E402
from ssl_course.networks import small_cnn  # noqa: E402


def containers(node):
    """Every list of containers in a job, however deep."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from value if key == "containers" else containers(value)
    elif isinstance(node, list):
        for part in node:
            yield from containers(part)


@pytest.mark.parametrize("name", ["pytorchjob", "jobset"])
def test_a_kubernetes_job_can_be_read_and_calls_the_command_line(name):
    job = yaml.safe_load((JOBS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert {"apiVersion", "kind", "metadata", "spec"} == job.keys()
    (container,) = containers(job)
    words = [*container["command"], *container["args"]]
    assert words[0] == "torchrun"
    assert all(isinstance(word, str) for word in words)
    parsed = cli._parser().parse_args(words[words.index("ssl_course") + 1 :])
    assert parsed.run is cli.train_command
    mounted = {volume["name"] for volume in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in next(volumes_beside(job))}


def volumes_beside(node):
    if isinstance(node, dict):
        if "containers" in node:
            yield node["volumes"]
        for value in node.values():
            yield from volumes_beside(value)
    elif isinstance(node, list):
        for part in node:
            yield from volumes_beside(part)


def test_the_slurm_job_is_a_script_that_calls_the_command_line():
    assert shutil.which("bash")
    subprocess.run(["bash", "-n", JOBS / "train.slurm"], check=True)
    text = (JOBS / "train.slurm").read_text(encoding="utf-8")
    directives = [line for line in text.splitlines() if line.startswith("#SBATCH")]
    assert len(directives) >= 5
    first = next(number for number, line in enumerate(text.splitlines()) if line and not line.startswith("#"))
    assert all(line in text.splitlines()[:first] for line in directives)  # SLURM reads none after the first command
    words = text.split("-m ssl_course ")[1].replace('"', "").split()
    assert cli._parser().parse_args(words).run is cli.train_command


def test_alone_nobody_talks_and_more_processes_never_talk_less():
    talk = scaling.Talk(messages=11, shared=10_000, gradient=4_000_000)
    for link in (scaling.INSIDE, scaling.OUTSIDE, scaling.Link(1e-4, 1e9)):
        seconds = [scaling.talking(talk, processes, link) for processes in (1, 2, 4, 8, 1024)]
        assert seconds[0] == 0
        assert seconds == sorted(seconds)


def test_what_is_said_comes_from_the_layers():
    method = SimCLR(small_cnn(8))
    talk = scaling.talk_of(method, share=16)
    norms = [part for part in method.modules() if isinstance(part, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d)]
    assert talk.messages == len(norms) + 2
    assert talk.gradient == 4 * sum(part.numel() for part in method.parameters())


def test_the_two_messages_give_back_the_link_that_made_them():
    link, processes = scaling.Link(2e-4, 5e8), 4
    hops = processes - 1
    small = 2 * link.latency * hops
    large = small + 2 * scaling.LARGE * 4 * hops / processes / link.bandwidth
    found = scaling.link_of({"small": small, "large": large}, processes)
    assert found.latency == pytest.approx(link.latency)
    assert found.bandwidth == pytest.approx(link.bandwidth)
