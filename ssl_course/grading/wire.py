"""What judge and submission say to each other: messages with a length, and values as plain data and tensors.

From the submission's process comes nothing but plain data: numbers, texts, lists and tensors, loaded with
`weights_only=True`. Its functions, networks and other objects stay where they are, and the judge gets their number.
"""

import io
import numbers
import socket
import struct
from collections.abc import Callable, Container

import numpy as np
import torch
from torch import Tensor, nn

LARGEST = 1_000_000_000  # bytes of a message
SHOWN = 200  # characters of a name or a description


class ProtocolError(Exception):
    """The other process sent something that isn't a message."""


class Channel:
    """Messages over a socket; `wait` is called every 50 ms while nothing comes, and may raise."""

    def __init__(self, connection: socket.socket, wait: Callable[[], None] = lambda: None):
        self.connection, self.wait = connection, wait
        connection.settimeout(0.05)

    def send(self, payload: bytes) -> None:
        rest = memoryview(struct.pack("!Q", len(payload)) + payload)
        while rest:
            try:
                rest = rest[self.connection.send(rest) :]
            except TimeoutError:
                self.wait()

    def receive(self) -> bytes:
        """The next message.

        Raises:
            EOFError: if the other side has ended.
            ProtocolError: if the message is larger than `LARGEST`.
        """
        length = struct.unpack("!Q", self._read(8))[0]
        if length > LARGEST:
            raise ProtocolError(f"a message of {length} bytes")
        return self._read(length)

    def _read(self, count: int) -> bytes:
        parts, missing = [], count
        while missing:
            self.wait()
            try:
                part = self.connection.recv(min(missing, 1 << 20))
            except TimeoutError:
                continue
            if not part:
                raise EOFError("the submission's process has ended")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def packed(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def unpacked(payload: bytes) -> object:
    """Plain data and tensors.

    Raises:
        ProtocolError: if it is anything else.
    """
    try:
        return torch.load(io.BytesIO(payload), weights_only=True)
    except Exception as error:  # whatever torch says of bytes that it didn't write
        raise ProtocolError(f"no plain data: {type(error).__name__}") from error


def tensors_of(value: object, skipped: Container[int] = ()) -> list[Tensor]:
    """All tensors of arguments, each once: those in tuples, lists and dictionaries, and networks' weights and buffers.

    Both processes count them in this order, so that a number names the same tensor in both.

    Args:
        value: the arguments.
        skipped: the `id` of each network that belongs to the submission; the judge has no weights of it to change.
    """
    found: dict[int, Tensor] = {}
    _collect(value, found, skipped)
    return list(found.values())


def _collect(value: object, found: dict[int, Tensor], skipped: Container[int]) -> None:
    if id(value) in skipped:
        return
    if isinstance(value, Tensor):
        found.setdefault(id(value), value)
    elif isinstance(value, nn.Module):
        for tensor in (*value.parameters(), *value.buffers()):
            found.setdefault(id(tensor), tensor)
    elif isinstance(value, tuple | list):
        for part in value:
            _collect(part, found, skipped)
    elif isinstance(value, dict):
        _collect(list(value.values()), found, skipped)


def modules_of(arguments: tuple, skipped: Container[int] = ()) -> list[nn.Module]:
    return [part for part in arguments if isinstance(part, nn.Module) and id(part) not in skipped]


class Encoder:
    """Makes plain data of a value in the submission's process.

    Attributes:
        handles: keeps the objects that stay here; their places are their numbers.
        outputs: the tensors that need a gradient; the judge asks for it by their places.
    """

    def __init__(self, handles: list, given: list[Tensor] = (), modules: list[nn.Module] = ()):
        self.handles, self.given, self.modules = handles, given, modules
        self.places = {id(tensor): place for place, tensor in enumerate(given)}
        self.outputs: list[Tensor] = []

    def __call__(self, value: object) -> object:
        if value is None or isinstance(value, bool):
            return ["plain", value]
        if isinstance(value, str):
            return ["plain", str.__str__(value)]
        if isinstance(value, np.generic | numbers.Real):
            return ["plain", _number(value)]
        if isinstance(value, Tensor):
            return self.tensor(value)
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return ["array", torch.tensor(value)]
        for kind in (tuple, list, set):
            if isinstance(value, kind):
                return [kind.__name__, [self(part) for part in value]]
        if isinstance(value, dict):
            return ["dict", [[self(key), self(part)] for key, part in value.items()]]
        if value is ...:
            return ["blank"]
        return self.object(value)

    def tensor(self, value: Tensor) -> list:
        if id(value) in self.places:
            return ["given", self.places[id(value)]]
        if value.requires_grad:
            self.outputs.append(value)
            return ["output", plain(value), len(self.outputs) - 1]
        return ["tensor", plain(value)]

    def object(self, value: object) -> list:
        for place, module in enumerate(self.modules):
            if value is module:
                return ["module given", place]
        self.handles.append(value)
        number, kind = len(self.handles) - 1, type(value).__name__[:SHOWN]
        if isinstance(value, nn.Module):
            named = dict([*value.named_parameters(), *value.named_buffers()])
            return ["module", number, kind, [[name, self.member(part)] for name, part in named.items()]]
        name = str(getattr(value, "__name__", kind))[:SHOWN]
        module = str(getattr(value, "__module__", ""))[:SHOWN]
        return ["function" if callable(value) else "object", number, kind, name, module]

    def member(self, value: Tensor) -> list:
        """A weight or buffer of a network: the caller's own, or a new one and whether it asks for a gradient."""
        if id(value) in self.places:
            return ["given", self.places[id(value)]]
        return ["own", plain(value), value.requires_grad]


def _number(value: object) -> int | float | bool:
    """A number of one of Python's own classes, whatever a class of the submission's says of itself."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int.__int__(value)
    return float.__float__(value) if isinstance(value, float) else float(value)


def plain(value: Tensor) -> Tensor:
    """A copy of a tensor without its history: dense, on the CPU, of torch's own class."""
    value = value.detach()
    value = value.to_dense() if value.layout != torch.strided else value
    return value.cpu().clone(memory_format=torch.contiguous_format).as_subclass(Tensor)
