"""A submission's process: runs the cells, hands every answer to the judge, and answers the judge's calls.

    python -m ssl_course.grading.worker DESCRIPTOR FOLDER SANDBOX

Nothing here decides about marks: a submission that changes this process changes nothing but its own answers.
"""

import io
import os
import pickle
import socket
import sys
from pathlib import Path

import matplotlib
import torch

from ssl_course import checks
from ssl_course.checks import engine
from ssl_course.grading import cells, sandbox
from ssl_course.grading.wire import Channel, Encoder, modules_of, packed, plain, tensors_of


class Worker:
    """The submission's end of the channel.

    Attributes:
        handles: objects of the submission that the judge knows by number.
        calls: for the gradients of each call: its outputs and its leaves.
    """

    def __init__(self, channel: Channel):
        self.channel, self.handles, self.calls = channel, [], []

    def send(self, *message: object) -> None:
        self.channel.send(packed(list(message)))

    def note(self, number: int, text: str) -> None:
        self.send("note", number, text)

    def check(self, name: str, answer: object) -> None:
        """Stands for `ssl_course.checks.check`: the judge judges."""
        self.handles, self.calls = [], []
        self.send("check", str(name), Encoder(self.handles)(answer))
        verdict = self.serve("verdict", "unknown")
        self.handles, self.calls = [], []
        if verdict[0] == "unknown":
            raise ValueError(verdict[1])
        print(f"{checks.MARKS[verdict[1]]} {verdict[2]}")

    def serve(self, *ends: str) -> list:
        """Answer the judge's requests until one of the kinds of message comes, and return that."""
        while True:
            message = pickle.loads(self.channel.receive())  # the judge is trusted
            if message[0] in ends:
                return message
            try:
                reply = getattr(self, f"do_{message[0]}")(*message[1:])
            except cells.CellTimeout:
                reply = ["error", "TimeoutError", "it takes too long"]
            except BaseException as error:  # whatever a student's function raises
                reply = ["error", type(error).__name__, "" if not str(error) else cells.said(error).split(": ", 1)[1]]
            self.send("reply", reply)

    def do_call(self, number: int, pickled: bytes, inner: list[bool]) -> list:
        with engine.fixed_state():
            unpickler = _Unpickler(io.BytesIO(pickled), self)
            arguments, options = unpickler.load()
            leaves = tensors_of(arguments, unpickler.theirs)
            arguments, given = _with_inner(arguments, leaves, inner)
            before = [tensor.detach().clone() for tensor in given]
            modules = modules_of(arguments, unpickler.theirs)
            encode = Encoder(self.handles, given, modules)
            value = encode(self.handles[number](*arguments, **options))
            changed = {p: plain(t) for p, (t, old) in enumerate(zip(given, before, strict=True)) if not _same(t, old)}
            outputs = [plain(tensor) for tensor in encode.outputs]
        self.calls.append((encode.outputs, leaves))
        asking = [tensor.requires_grad for tensor in given]
        training = [module.training for module in modules]
        return ["result", value, changed, asking, training, len(self.calls) - 1, outputs]

    def do_slopes(self, record: int, places: list[int], gradients: bytes) -> list:
        outputs, leaves = self.calls[record]
        with engine.fixed_state():
            slopes = torch.load(io.BytesIO(gradients))
            pairs = [(out, slope) for out, slope in zip(outputs, slopes, strict=True) if slope is not None]
            ends, slopes = [out for out, _ in pairs], [slope for _, slope in pairs]
            wanted = [leaves[place] for place in places]
            found = torch.autograd.grad(ends, wanted, slopes, retain_graph=True, allow_unused=True)
            return ["slopes", [None if slope is None else plain(slope) for slope in found]]

    def do_attribute(self, number: int, name: str) -> list:
        return ["value", Encoder(self.handles)(getattr(self.handles[number], name))]

    def do_train(self, number: int, mode: bool) -> list:
        self.handles[number].train(mode)
        return ["done"]

    def call_back(self, place: int, *arguments: object) -> object:
        """Call a function of the judge's."""
        self.send("callback", place, Encoder(self.handles)(arguments))
        message = self.serve("answer", "failure")
        if message[0] == "failure":
            raise RuntimeError(message[1])
        return _Unpickler(io.BytesIO(message[1]), self).load()


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, worker: Worker):
        super().__init__(file)
        self.worker = worker
        self.theirs: set[int] = set()  # the `id` of each object that was the submission's all along

    def persistent_load(self, key: tuple) -> object:
        kind, number = key
        if kind == "theirs":
            self.theirs.add(id(self.worker.handles[number]))
            return self.worker.handles[number]
        return lambda *arguments: self.worker.call_back(number, *arguments)


def _with_inner(arguments: tuple, leaves: list, inner: list[bool]) -> tuple[tuple, list]:
    """Arguments that were results of a computation become such again, so that they can be changed in place."""
    made = {id(leaf): leaf.clone() for leaf, is_inner in zip(leaves, inner, strict=True) if is_inner}
    arguments = tuple(made.get(id(part), part) for part in arguments)
    return arguments, [made.get(id(leaf), leaf) for leaf in leaves]


def _same(now: torch.Tensor, before: torch.Tensor) -> bool:
    return now.shape == before.shape and now.dtype == before.dtype and torch.equal(now.detach(), before)


def main(descriptor: int, folder: Path, kind: str) -> None:
    os.chdir(folder)
    sys.path.append(str(folder))
    matplotlib.use("Agg")
    channel = Channel(socket.socket(fileno=descriptor))
    worker = Worker(channel)
    checks.check = worker.check
    worker.send("ready")
    sources, seconds = pickle.loads(channel.receive())
    running = cells.Cells(worker.note, seconds)
    if kind == "guard":
        sandbox.guard(folder)
    for number, source in enumerate(sources, start=1):
        running.run(number, source)
    worker.send("end")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]).resolve(), sys.argv[3])
