"""How an answer is judged: run it beside the reference on inputs that tell mistakes apart, and name the one it shows.

An exercise knows its reference, its cases (inputs made so that the known mistakes give other values) and its known
mistakes, each a sentence with a function that makes it. An answer that equals a mistake on every case is named.

For an author of exercises:

- `Function(gradients={"z1": 0, "z2": 1})` is for losses: name and place of the inputs that the gradient must reach. The
  gradients are compared with the reference's; for an input that is a network, those of its weights. Once the values are
  right, a loss that is detached on one side or on all, or made anew as a number, is refused and told so.
- `Function(whole=True)`: results that are whole numbers in the reference (rows, labels) must be whole, too.
- `Function(in_place=True)`: the answer may write into its inputs. It never hurts anybody: each call gets copies.
- A mistake may have several functions, a tuple of them, where one sentence fits all.
- A probe gets the answer and returns a sentence or None. What the student's code raises in it ends the probe by itself;
  whoever judges otherwise calls student code through `attempt`, which returns a verdict, or through `guarded`.
- A measure raises `Unfit("sentence")` where a result can't be measured.
- Student code runs under `fixed_state`, whatever the notebook has left on. Any other error in a check is the course's
  own, and `unjudged` says so.
"""

import contextlib
import copy
import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
import torch
from torch import Tensor, nn

from ssl_course.checks import reading

Answer = Callable | str | float | int | Tensor | None
SHOWN = 200  # characters of an error's message


@dataclass(frozen=True)
class Verdict:
    """What a check says.

    `state` is "right", "wrong", "open" (nothing answered yet), "read" (a text that is there for a person to read) or
    "unjudged" (the check itself has failed).
    """

    state: str
    sentence: str

    @property
    def right(self) -> bool:
        return self.state == "right"

    @property
    def done(self) -> bool:
        """Whether nothing is left to do for the student."""
        return self.state in ("right", "read")


class Unfit(Exception):
    """A result that can't be measured; the message says why, as a sentence to the student."""


class Stopped(Exception):
    """The student's code has stopped inside a probe; carries the verdict."""

    def __init__(self, verdict: Verdict):
        super().__init__(verdict.sentence)
        self.verdict = verdict


def open_(
    sentence: str = "not yet: write your answer in the cell above, run it, and then run this one again.",
) -> Verdict:
    return Verdict("open", sentence)


def unjudged(error: Exception) -> Verdict:
    """What is said when the check itself fails."""
    return Verdict(
        "unjudged", f"the check itself fails ({brief(error)}), which is no fault of yours: please report it."
    )


def blank(answer: Answer) -> bool:
    """Whether the answer is still what the notebook came with."""
    return answer is None or answer is ...


@contextlib.contextmanager
def fixed_state() -> Iterator[None]:
    """Everything that a notebook can leave on and that changes results: as in a fresh kernel, with a fixed seed.

    Gradients are on, autocast and deterministic mode off, the default dtype is float32, the default device the CPU, and
    the generators of torch, numpy and Python are seeded. Afterwards all is as before.
    """
    dtype, deterministic = torch.get_default_dtype(), torch.get_deterministic_debug_mode()
    drawn = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]), contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
            if torch.is_autocast_enabled(device):  # inside of one, even switched off, training would keep old weights
                stack.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        try:
            torch.set_default_dtype(torch.float32)
            torch.set_deterministic_debug_mode(0)
            torch.default_generator.manual_seed(0)
            random.seed(0)
            np.random.seed(0)
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_deterministic_debug_mode(deterministic)
            random.setstate(drawn[0])
            np.random.set_state(drawn[1])


def attempt(function: Callable, *arguments: object, about: str = "") -> tuple[object, Verdict | None]:
    """Run a student's code: what it returns, or the verdict that says why there is nothing to judge.

    The blank of a function in a student's notebook is `raise NotImplementedError`, so that error means "not yet".
    """
    try:
        with fixed_state():
            return function(*arguments), None
    except Stopped as stop:
        return None, stop.verdict
    except (Exception, SystemExit) as error:  # any error of the student's own code is an answer to be explained
        if isinstance(error, NotImplementedError) and not str(error):
            return None, open_()
        return None, Verdict("wrong", f"it stops with {brief(error)}{about}.")


def guarded(answer: Callable) -> Callable:
    """The student's function, made so that what it raises comes out as `Stopped` and not as an error of the check."""

    def call(*arguments: object) -> object:
        result, verdict = attempt(answer, *arguments)
        if verdict is not None:
            raise Stopped(verdict)
        return result

    return call


def by_hand(arguments: Callable[[], tuple]) -> Callable[[Callable], str | None]:
    """A probe that refuses a gradient that a backward pass has made, by whichever function it was called.

    A backward pass unpacks what the forward one has saved, and torch.func refuses to work where that is watched. What
    goes forward alone (torch.func.jacfwd) isn't seen, and differences aren't refused.
    """

    def probe(answer: Callable) -> str | None:
        unpacked = []

        def noted(saved: Tensor) -> Tensor:
            unpacked.append(saved)
            return saved

        with torch.autograd.graph.saved_tensors_hooks(lambda saved: saved, noted):
            try:
                answer(*arguments())
                found = bool(unpacked)
            except Stopped:
                found = True
        said = (
            "the values are right, but autograd has made them, or runs in there to compare: derive the gradient, "
            "write it down, and compare outside of the function."
        )
        return said if found else None

    return probe


def brief(error: BaseException) -> str:
    """The kind of an error and the first line of what it says, shortened."""
    said = next(iter(str(error).strip().splitlines()), "").rstrip(".")
    said = said if len(said) <= SHOWN else said[: SHOWN - 1] + "…"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


@dataclass(frozen=True)
class Function:
    """An exercise whose answer is a function.

    Attributes:
        reference: the right function.
        cases: makes the inputs, a tuple of arguments for each case.
        mistakes: what a wrong answer looks like, and a function that makes that mistake, or several. The first that
            fits is named.
        praise: what is said of a right answer.
        probes: further checks of the answer by itself, each returns a sentence on what is wrong, or None.
        tolerance: how far values may differ, absolute and relative.
        measure: what is compared where a result alone doesn't show the mistakes (gradients, what was changed in place):
            gets the result and the arguments after the call, and returns a tuple.
        parts: what the values of that tuple are called.
        gradients: name and place of each argument whose gradient is compared with the reference's.
        whole: whether results that are whole in the reference must be whole numbers.
        in_place: whether the answer may change its inputs.
    """

    reference: Callable
    cases: Callable[[], Sequence[tuple]]
    mistakes: Mapping[str, Callable | tuple[Callable, ...]]
    praise: str
    probes: Sequence[Callable[[Callable], str | None]] = ()
    tolerance: float = 1e-4
    measure: Callable | None = None
    parts: Sequence[str] = ()
    gradients: Mapping[str, int] = field(default_factory=dict)
    whole: bool = False
    in_place: bool = False

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer):
            return open_()
        if not callable(answer):
            return Verdict("wrong", f"a function was expected, and this is {_kind(answer)}: pass it without brackets.")
        found = []
        for arguments in self.cases():
            try:
                found.append((arguments, self._expected(arguments), self._given(answer, arguments, found)))
            except Stopped as stop:  # an earlier case may tell more
                known = None if self._all_right(found) else self._fitting(found)
                return Verdict("wrong", self._name(found)) if known else stop.verdict
        if self._all_right(found):
            return self._beyond_values(answer, [arguments for arguments, _, _ in found])
        return Verdict("wrong", self._name(found))

    def _all_right(self, found: Sequence[tuple]) -> bool:
        return all(_close(got, expected, self.tolerance) for _, expected, got in found)

    def _expected(self, arguments: tuple) -> object:
        return self._measured(self.reference, copy.deepcopy(arguments))

    def _measured(self, function: Callable, arguments: tuple) -> object:
        result = function(*arguments)
        return result if self.measure is None else self.measure(result, *arguments)

    def _given(self, answer: Callable, arguments: tuple, found: Sequence[tuple]) -> object:
        """What the answer gives for a case, measured; or Stopped, if that has a wrong form or the inputs changed."""
        given = copy.deepcopy(arguments)
        got, verdict = attempt(answer, *given, about=f" (inputs: {_shapes(arguments)})")
        expected = self.reference(*copy.deepcopy(arguments))
        if isinstance(got, Iterator) and isinstance(expected, tuple):  # a generator runs only now
            got, verdict = attempt(tuple, itertools.islice(got, len(expected) + 1))
        if verdict is not None:
            raise Stopped(verdict)
        got = _unpacked(got, expected)
        if (problem := self._form(got, expected, arguments)) is not None:
            value_right = isinstance(expected, Tensor | tuple | Real) and _close(got, expected, self.tolerance)
            named = None if value_right else self._fitting(found, lambda wrong: self._gives(wrong, arguments, got))
            raise Stopped(Verdict("wrong", f"looks as if {named} ({problem})" if named else problem))
        if not self.in_place and not _close(given, arguments, 0):
            problem = "it changes its inputs in place: work on copies, the caller needs them again."
            raise Stopped(Verdict("wrong", problem))
        try:
            return got if self.measure is None else self.measure(got, *given)
        except Unfit as unfit:
            raise Stopped(Verdict("wrong", str(unfit))) from None

    def _form(self, got: object, expected: object, arguments: tuple) -> str | None:
        """What is wrong with the kind, the shape or the values of a result, before comparing it."""
        if self.gradients and isinstance(expected, Tensor) and isinstance(got, Real | np.ndarray):
            return (
                f"a tensor with a gradient was expected, got {_kind(got)}: `.item()`, float() and numpy cut the "
                "gradient, so nothing could learn from it. Return the tensor itself."
            )
        problem = _form(got, expected, arguments)
        if problem is None and self.whole:
            problem = _not_whole(got, expected)
        return problem

    def _beyond_values(self, answer: Callable, cases: Sequence[tuple]) -> Verdict:
        """The gradients and the probes, of an answer whose values are right."""
        try:
            for arguments in cases if self.gradients else ():
                if (problem := self._gradient_problem(answer, arguments)) is not None:
                    return Verdict("wrong", problem)
            for probe in self.probes:
                if (problem := probe(guarded(answer))) is not None:
                    return Verdict("wrong", problem)
        except Stopped as stop:
            return stop.verdict
        except Unfit as unfit:
            return Verdict("wrong", str(unfit))
        return Verdict("right", self.praise)

    def _gradient_problem(self, answer: Callable, arguments: tuple) -> str | None:
        expected = slopes(self.reference, arguments, self.gradients)
        try:
            got = slopes(guarded(answer), arguments, self.gradients)
        except Stopped as stop:
            told = stop.verdict.sentence.removesuffix(".")
            return f"with inputs that ask for a gradient, {told}: a loss must stay a tensor of torch to its end."
        except RuntimeError as error:  # of autograd, which gets through the reference
            return f"the values are right, but backward() stops with {brief(error)}."
        lost = [name for name in expected if expected[name] is not None and got[name] is None]
        if lost:
            return (
                f"the values are right, but no gradient gets to {' and '.join(lost)}, so nothing could be learned "
                "there: is something detached, under `no_grad`, or made anew from numbers (torch.tensor, .item())?"
            )
        for name, slope in expected.items():
            if slope is not None and not torch.isfinite(got[name]).all():
                return f"the values are right, but the gradient at {name} is nan or inf: is there a root or log of 0?"
            if slope is not None and not _same_slope(got[name], slope):
                return (
                    f"the values are right, but the gradient at {name} isn't: is a part of the computation detached, "
                    "under `no_grad`, or made anew from numbers?"
                )
        return None

    def _name(self, found: Sequence[tuple]) -> str:
        named = self._fitting(found)
        told = f"looks as if {named}" if named else "not a mistake that is known here."
        return f"{told} {_difference(found, self.tolerance, self.parts)}"

    def _fitting(self, found: Sequence[tuple], also: Callable[[Callable], bool] = lambda wrong: True) -> str | None:
        """The sentence of the first known mistake that gives the same on all cases, if there is one."""
        for sentence, wrong in self.mistakes.items():
            for function in wrong if isinstance(wrong, tuple) else (wrong,):
                if also(function) and all(self._fits(function, arguments, got) for arguments, _, got in found):
                    return sentence
        return None

    def _fits(self, wrong: Callable, arguments: tuple, got: object) -> bool:
        """Whether a mistake, measured, gives what the answer gave."""
        try:
            made = self._measured(wrong, copy.deepcopy(arguments))
        except Exception:  # a mistake that can't be made on this case isn't the one
            return False
        return _close(got, made, 10 * self.tolerance)

    def _gives(self, wrong: Callable, arguments: tuple, got: object) -> bool:
        """Whether a mistake gives a result that has the wrong form, so that it can't be measured."""
        try:
            made = wrong(*copy.deepcopy(arguments))
        except Exception:  # as above
            return False
        comparable = isinstance(made, Tensor | tuple | list | Real) and got is not None
        return comparable and _close(got, made, 10 * self.tolerance)


def slopes(function: Callable, arguments: tuple, places: Mapping[str, int]) -> dict[str, Tensor | None]:
    """The gradient of a function's result at some of its arguments, by name: flat, None where none arrives.

    A result of several numbers is weighted by 1, 2, 3 … and summed. Of an argument that is a network, the gradient is
    that at all its weights.
    """
    given, leaves = list(copy.deepcopy(arguments)), {}
    for name, place in places.items():
        if isinstance(given[place], nn.Module):
            leaves[name] = list(given[place].parameters())
        else:
            leaf = given[place].detach().requires_grad_()
            leaves[name], given[place] = [leaf], leaf.clone()
    result = function(*given)
    if not isinstance(result, Tensor) or not result.requires_grad:
        return dict.fromkeys(places)
    weights = torch.arange(1.0, result.numel() + 1, device=result.device).view(result.shape)
    total = (result * weights).sum()
    found = {}
    for name, parts in leaves.items():
        slope = torch.autograd.grad(total, parts, retain_graph=True, allow_unused=True)
        reached = any(part is not None for part in slope)
        filled = [torch.zeros_like(p) if s is None else s for p, s in zip(parts, slope, strict=True)]
        found[name] = torch.cat([part.flatten() for part in filled]) if reached else None
    return found


def _same_slope(got: Tensor, expected: Tensor, tolerance: float = 1e-3) -> bool:
    scale = float(expected.abs().max()) or 1.0
    return torch.allclose(got.double() / scale, expected.double() / scale, rtol=tolerance, atol=tolerance)


@dataclass(frozen=True)
class Choice:
    """An exercise whose answer is one of some letters; a wrong one gets a sentence on the thought behind it."""

    right: str
    because: str
    others: Mapping[str, str]

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer) or (isinstance(answer, str) and not answer.strip()):
            return open_("not yet: put the letter of your prediction into the cell above.")
        known = [self.right, *self.others]
        choice = reading.choice(answer, known)
        if choice == self.right:
            return Verdict("right", self.because)
        if choice in self.others:
            return Verdict("wrong", self.others[choice])
        return Verdict("wrong", f"the answer is one of {', '.join(sorted(known))}, got {_shortened(repr(answer))}.")


@dataclass(frozen=True)
class Number:
    """An exercise whose answer is a number; numbers that come from known slips are named.

    Right is what lies within the tolerance, and the true value rounded to two or more decimals.
    """

    right: float
    because: str
    slips: Mapping[float, str]
    tolerance: float = 0.01

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer) or (isinstance(answer, str) and not answer.strip()):
            return open_("not yet: put your number into the cell above.")
        values = reading.numbers(answer)
        if not values:
            return Verdict("wrong", f"a number was expected, got {_kind(answer)}.")
        for near in (self._within, reading.rounded):
            if any(near(value, self.right) for value in values):
                return Verdict("right", self.because)
            for slip, sentence in self.slips.items():
                if near(values[0], slip):
                    return Verdict("wrong", f"looks as if {sentence}")
        return Verdict("wrong", f"{values[0]:g} is not it, and not a slip that is known here.")

    def _within(self, value: float, true: float) -> bool:
        return abs(value - true) <= self.tolerance * max(1, abs(true))


@dataclass(frozen=True)
class Essay:
    """An open question: there is a model answer to compare with, and nothing that a program could judge.

    A text that is there is "read": for a person to read. Sent back are only texts that are too short, that repeat a few
    words, or that are the question.

    Attributes:
        words: how many there must be; in languages without spaces, characters stand for words.
        question: the question's text.
    """

    words: int = 25
    question: str = ""

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer) or (isinstance(answer, str) and not answer.strip()):
            return open_("not yet: write your answer as text into the cell above.")
        if not isinstance(answer, str):
            return Verdict("wrong", f"a text was expected, in quotation marks, got {_kind(answer)}.")
        said = reading.words(answer)
        if len(said) < self.words:
            return Verdict("wrong", f"only {len(said)} words: give your reasons, at least {self.words} words.")
        if len(set(said)) < self.words / 2:
            return Verdict("wrong", f"only {len(set(said))} different words: give your reasons in sentences.")
        own = len(reading.own_words(answer, self.question))
        if own < self.words:
            return Verdict("wrong", f"only {own} words of your own, the others are the question's: give your reasons.")
        return Verdict(
            "read", "noted, for a person to read. Now unfold the model answer below: what did you leave out?"
        )


Exercise = Function | Choice | Number | Essay


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"an array {value.shape}"
    return _shortened(f"{type(value).__name__} {value!r}")


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _shapes(arguments: object) -> str:
    if isinstance(arguments, Tensor):
        return str(tuple(arguments.shape))
    if isinstance(arguments, tuple | list):
        return ", ".join(map(_shapes, arguments))
    return repr(arguments) if isinstance(arguments, Real | str) else type(arguments).__name__


def _unpacked(got: object, expected: object) -> object:
    """A stack where several were expected, and an array or a tensor of one number, as what they stand for."""
    if isinstance(got, tuple | list) and isinstance(expected, tuple) and len(got) == len(expected):
        return tuple(part.item() if isinstance(part, np.ndarray) and not part.ndim else part for part in got)
    if isinstance(got, np.ndarray) and got.ndim == 1 and isinstance(expected, tuple):
        return tuple(got.tolist()) if len(got) == len(expected) else got
    if isinstance(got, Tensor) and isinstance(expected, tuple):
        parts = got.unbind() if got.ndim else ()
        kinds = [part.shape if isinstance(part, Tensor) else torch.Size() for part in expected]
        return parts if [part.shape for part in parts] == kinds else got
    if isinstance(got, np.ndarray | Tensor) and isinstance(expected, Real) and math.prod(got.shape) == 1:
        return got.item()
    return got


def _form(got: object, expected: object, arguments: tuple) -> str | None:
    """What is wrong with the kind, the shape or the values of a result, before comparing it."""
    if got is None:
        return "it returns nothing: is there a `return` at its end?"
    if isinstance(expected, tuple):
        if not isinstance(got, tuple | list) or len(got) != len(expected):
            return f"{len(expected)} values were expected, separated by commas after `return`, got {_kind(got)}."
        return next((p for pair in zip(got, expected, strict=True) if (p := _form(*pair, arguments)) is not None), None)
    if isinstance(expected, nn.Module) and not isinstance(got, nn.Module):
        return f"a network must be returned, got {_kind(got)}."
    if isinstance(expected, Tensor) and not (expected.ndim == 0 and isinstance(got, Real)):
        if not isinstance(got, Tensor):
            return f"a tensor {tuple(expected.shape)} was expected, got {_kind(got)}."
        if got.shape != expected.shape:
            named = f"shape {tuple(expected.shape)} was expected, got {tuple(got.shape)}"
            return f"{named} (inputs: {_shapes(arguments)})."
        if not _is_plain(got):
            return f"a tensor of real numbers was expected, got one of {got.dtype} ({got.layout})."
        if not torch.isfinite(got.float()).all():
            return "the result holds inf or nan: is there a log of 0, a division by 0, or 0 times infinity?"
    if isinstance(expected, float | int) and not is_number(got):
        return f"a number was expected, got {_kind(got)}."
    return None


def _not_whole(got: object, expected: object) -> str | None:
    """What is said where the reference gives whole numbers and the answer others."""
    if isinstance(expected, tuple):
        return next((said for pair in zip(got, expected, strict=True) if (said := _not_whole(*pair)) is not None), None)
    if not isinstance(expected, Tensor) or not isinstance(got, Tensor) or not _is_whole(expected) or _is_whole(got):
        return None
    kind = str(got.dtype).removeprefix("torch.")
    return f"whole numbers were expected, which can index rows or name classes, got {kind}: make them with `.long()`."


def _is_whole(values: Tensor) -> bool:
    return not values.is_floating_point() and not values.is_complex() and values.dtype != torch.bool


def is_number(value: object) -> bool:
    return isinstance(value, Real) or (isinstance(value, Tensor) and _is_plain(value) and value.numel() == 1)


def _is_plain(values: Tensor) -> bool:
    return not values.is_complex() and values.layout == torch.strided


def _close(a: object, b: object, tolerance: float) -> bool:
    if isinstance(b, tuple | list):
        return isinstance(a, tuple | list) and len(a) == len(b) and all(map(_close, a, b, [tolerance] * len(b)))
    if isinstance(b, Tensor) and b.ndim == 0 and isinstance(a, Real):
        b = b.item()
    if isinstance(b, Tensor):
        same = isinstance(a, Tensor) and a.shape == b.shape
        return same and torch.allclose(_plain(a), _plain(b), rtol=tolerance, atol=tolerance, equal_nan=True)
    if isinstance(b, float | int):
        return is_number(a) and abs(float(a) - float(b)) <= tolerance * max(1.0, abs(float(b)))
    if isinstance(b, dict):
        return isinstance(a, dict) and a.keys() == b.keys() and all(_close(a[key], b[key], tolerance) for key in b)
    return True  # modules, functions and texts aren't compared


def _plain(values: Tensor) -> Tensor:
    values = values.detach().cpu()
    values = values if values.layout == torch.strided else values.to_dense()
    return (values.real if values.is_complex() else values).double()


def _difference(found: Sequence[tuple], tolerance: float, parts: Sequence[str]) -> str:
    arguments, expected, got = next(case for case in found if not _close(case[2], case[1], tolerance))
    if parts:
        named = [part for part in zip(parts, got, expected, strict=True) if not _close(*part[1:], tolerance)]
        return f"({'; '.join(f'{name}: {_told(right, wrong, tolerance)}' for name, wrong, right in named)}.)"
    return f"(Inputs {_shapes(arguments)}: {_told(expected, got, tolerance)}.)"


def _told(expected: object, got: object, tolerance: float) -> str:
    """What was expected and what came, at the first place where they differ."""
    if isinstance(expected, tuple):
        pairs = list(zip(got, expected, strict=True))
        number = next(number for number, pair in enumerate(pairs) if not _close(*pair, tolerance))
        return f"value {number + 1} of {len(pairs)}: {_told(expected[number], got[number], tolerance)}"
    if isinstance(expected, Tensor) and expected.numel() > 4:
        same = torch.isclose(_plain(got), _plain(expected), rtol=tolerance, atol=tolerance)
        place = tuple(same.logical_not().nonzero()[0].tolist())
        return f"expected {_short(expected[place])}, got {_short(got[place])} at {list(place)}"
    return f"expected {_short(expected)}, got {_short(got)}"


def _short(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(_short, value))
    if isinstance(value, Tensor):
        flat = value.detach().flatten()
        shown = " ".join(f"{float(number):.4g}" for number in flat[:4])
        return shown if value.ndim == 0 else f"[{shown}{' …' if len(flat) > 4 else ''}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
