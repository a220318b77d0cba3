"""The judge's side: functions and networks of a submission's process, as functions and networks to be checked.

A call sends its arguments to the submission's process and gets plain values back. What the call changed in its
arguments is changed here as well, and a gradient is asked of the other process, so that a check sees no difference.
"""

import builtins
import copy
import io
import pickle
import types
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ssl_course.grading.wire import ProtocolError, modules_of, tensors_of

LARGEST = 50_000_000  # numbers in one tensor


class Remote:
    """The judge's end: asks the other process, and answers when that calls back."""

    def __init__(self, ask: Callable[[bytes], object]):
        self.ask, self.callbacks = ask, []

    def call(self, number: int, arguments: tuple, options: dict) -> object:
        """Call an object of the other process."""
        theirs = {id(part) for part in arguments if isinstance(part, RemoteModule)}
        given, modules = tensors_of(arguments, theirs), modules_of(arguments, theirs)
        inner = [not tensor.is_leaf for tensor in given]
        kept = len(self.callbacks)
        reply = self.ask(pickle.dumps(["call", number, self.pickled((arguments, options)), inner]))
        del self.callbacks[kept:]
        if reply[0] == "error":
            raise _error(reply[1], reply[2])
        _, value, changed, asking, training, record, slopes = reply
        leaves = [tensor for tensor in given if tensor.requires_grad]
        made = self._with_gradients(slopes, record, leaves, [place for place, t in enumerate(given) if t.requires_grad])
        _write_back(given, changed, asking)
        for module, state in zip(modules, training, strict=True):
            module.training = bool(state)
        return Decoder(self, given, modules, made)(value)

    def _with_gradients(self, values: list, record: int, leaves: list, places: list[int]) -> tuple:
        values = [_checked(value) for value in values]
        if not values or not leaves or not torch.is_grad_enabled():
            return tuple(value.requires_grad_() if torch.is_grad_enabled() else value for value in values)
        return _Elsewhere.apply(self, record, places, values, *leaves)

    def attribute(self, number: int, name: str) -> object:
        reply = self.ask(pickle.dumps(["attribute", number, name]))
        if reply[0] == "error":
            raise _error(reply[1], reply[2])
        return Decoder(self)(reply[1])

    def slopes(self, record: int, places: list[int], gradients: list) -> list:
        reply = self.ask(pickle.dumps(["slopes", record, places, _saved(gradients)]))
        if reply[0] == "error":
            raise _error(reply[1], reply[2])
        return [None if slope is None else _checked(slope) for slope in reply[1]]

    def pickled(self, value: object) -> bytes:
        file = io.BytesIO()
        _Pickler(file, self.callbacks).dump(value)
        return file.getvalue()


class _Pickler(pickle.Pickler):
    """Sends the judge's own data as they are; callables that can't be named are called back."""

    def __init__(self, file: io.BytesIO, callbacks: list):
        super().__init__(file)
        self.callbacks = callbacks

    def persistent_id(self, value: object) -> tuple | None:
        if isinstance(value, RemoteObject | RemoteModule):
            return "theirs", value.__dict__["_number"]
        if not callable(value) or isinstance(value, type | nn.Module | Tensor | types.BuiltinFunctionType):
            return None
        named = isinstance(value, types.FunctionType) and not {"<lambda>", "<locals>"} & set(
            value.__qualname__.split(".")
        )
        if named or not str(getattr(value, "__module__", "")).startswith("ssl_course"):
            return None
        self.callbacks.append(value)
        return "back", len(self.callbacks) - 1


def _saved(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


class _Elsewhere(torch.autograd.Function):
    """Values that were computed in the other process; their gradient is asked there."""

    @staticmethod
    def forward(context, remote, record, places, values, *leaves):
        context.call = remote, record, places
        context.set_materialize_grads(False)
        return tuple(value.clone() for value in values)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context, *gradients):
        remote, record, places = context.call
        return None, None, None, None, *remote.slopes(record, places, list(gradients))


class RemoteObject:
    """An object that stays in the submission's process. Its public attributes are asked for one by one."""

    def __init__(self, remote: Remote, number: int, name: str, module: str):
        self.__dict__.update(_remote=remote, _number=number, __name__=name, __module__=module)

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._remote.attribute(self._number, name)

    def __repr__(self) -> str:
        return f"<{self.__dict__['__name__']}>"


class RemoteFunction(RemoteObject):
    """A function of the submission."""

    def __call__(self, *arguments: object, **options: object) -> object:
        return self._remote.call(self._number, arguments, options)


class RemoteModule(nn.Module):
    """A network of the submission that isn't a copy of one that the judge has."""

    def __init__(self, remote: Remote, number: int, members: dict[str, Tensor]):
        super().__init__()
        self.__dict__.update(_remote=remote, _number=number, members=members)

    def forward(self, *arguments: object, **options: object) -> object:
        return self._remote.call(self._number, arguments, options)

    def train(self, mode: bool = True) -> nn.Module:
        self._remote.ask(pickle.dumps(["train", self._number, mode]))
        return super().train(mode)

    def state_dict(self, *arguments: object, **options: object) -> dict[str, Tensor]:
        return dict(self.members)

    def named_parameters(self, *arguments: object, **options: object):
        return ((name, part) for name, part in self.members.items() if isinstance(part, nn.Parameter))

    def parameters(self, recurse: bool = True):
        return (part for _, part in self.named_parameters())


class Decoder:
    """Makes values of the plain data that came."""

    def __init__(self, remote: Remote, given: list = (), modules: list = (), made: tuple = ()):
        self.remote, self.given, self.modules, self.made = remote, given, modules, made

    def __call__(self, data: list) -> object:
        kind, *rest = data
        decode = getattr(self, f"_{kind.replace(' ', '_')}", None)
        if decode is None:
            raise ProtocolError(f"no kind of value: {kind!r}")
        return decode(*rest)

    def _plain(self, value):
        if value is not None and type(value) not in (bool, int, float, str):
            raise ProtocolError(f"not plain: {type(value).__name__}")
        return value

    def _blank(self):
        return ...

    def _tensor(self, value):
        return _checked(value)

    def _array(self, value):
        return _checked(value).numpy()

    def _given(self, place):
        return self.given[place]

    def _output(self, value, place):
        return self.made[place] if place < len(self.made) else _checked(value).requires_grad_()

    def _tuple(self, parts):
        return tuple(map(self, parts))

    def _list(self, parts):
        return list(map(self, parts))

    def _set(self, parts):
        return set(map(self, parts))

    def _dict(self, pairs):
        return {self(key): self(value) for key, value in pairs}

    def _module_given(self, place):
        return self.modules[place]

    def _function(self, number, kind, name, module):
        return type(str(kind), (RemoteFunction,), {})(self.remote, int(number), str(name), str(module))

    def _object(self, number, kind, name, module):
        return type(str(kind), (RemoteObject,), {})(self.remote, int(number), str(name), str(module))

    def _module(self, number, kind, members):
        members = {name: self._member(*member) for name, member in members}
        for own in self.modules:
            if _form_of(dict([*own.named_parameters(), *own.named_buffers()])) == _form_of(members):
                return _like(own, members)
        return RemoteModule(self.remote, int(number), members)

    def _member(self, kind, value, asks=False):
        if kind == "given":
            return self.given[value]
        value = _checked(value)
        return nn.Parameter(value, requires_grad=bool(asks)) if value.is_floating_point() else value


def _form_of(members: dict[str, Tensor]) -> dict:
    return {name: (tuple(value.shape), value.dtype) for name, value in members.items()}


def _like(own: nn.Module, members: dict[str, Tensor]) -> nn.Module:
    """A network built as one of the judge's, with other weights (or with the same ones, if they are shared)."""
    made = copy.deepcopy(own)
    for path, value in members.items():
        above, _, name = path.rpartition(".")
        place = made.get_submodule(above)
        if name in place._parameters:
            place._parameters[name] = value if isinstance(value, nn.Parameter) else nn.Parameter(value)
        else:
            place._buffers[name] = value.data if isinstance(value, nn.Parameter) else value
    return made


def _write_back(given: list[Tensor], changed: dict[int, Tensor], asking: list[bool]) -> None:
    """Change the judge's arguments as the call changed the copies that it got."""
    for place, value in changed.items():
        given[place].data = _checked(value)
    for tensor, asks in zip(given, asking, strict=True):
        if tensor.is_leaf and tensor.is_floating_point() and tensor.requires_grad != bool(asks):
            tensor.requires_grad_(bool(asks))


def _checked(value: object) -> Tensor:
    """A tensor of plain layout and bearable size.

    Raises:
        ProtocolError: if it is none.
    """
    if type(value) is not Tensor or value.layout != torch.strided or value.numel() > LARGEST:
        raise ProtocolError("not a plain tensor, or a very large one")
    return value.clone(memory_format=torch.contiguous_format)


def _error(kind: object, message: object) -> Exception:
    """An exception of the same name as in the other process."""
    known = getattr(builtins, str(kind), None)
    if not (isinstance(known, type) and issubclass(known, Exception)) or issubclass(known, UnicodeError):
        known = type(str(kind)[:80], (Exception,), {})
    return known(str(message)[:2000]) if message else known()
