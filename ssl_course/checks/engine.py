"""How an answer is judged: run it beside the reference on inputs that tell mistakes apart, and name the one it shows.

An exercise knows its reference, its cases (inputs made so that the known mistakes give other values) and its known
mistakes, each a sentence with a function that makes it. An answer that equals a mistake on every case is named.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor

Answer = Callable | str | float | int | Tensor | None


@dataclass(frozen=True)
class Verdict:
    """What a check says: `state` is "right", "wrong" or "open" (nothing answered yet)."""

    state: str
    sentence: str

    @property
    def right(self) -> bool:
        return self.state == "right"


def open_(
    sentence: str = "not yet: write your answer in the cell above, run it, and then run this one again.",
) -> Verdict:
    return Verdict("open", sentence)


def blank(answer: Answer) -> bool:
    """Whether the answer is still what the notebook came with."""
    return answer is None or answer is ...


def attempt(function: Callable, *arguments: object, about: str = "") -> tuple[object, Verdict | None]:
    """Run a student's code: what it returns, or the verdict that says why there is nothing to judge.

    The blank of a function in a student's notebook is `raise NotImplementedError`, so that error means "not yet".
    """
    try:
        return function(*arguments), None
    except NotImplementedError:
        return None, open_()
    except Exception as error:  # any error of the student's own code is an answer to be explained
        return None, Verdict("wrong", f"it stops with {type(error).__name__}: {error}{about}.")


@dataclass(frozen=True)
class Function:
    """An exercise whose answer is a function.

    Attributes:
        reference: the right function.
        cases: makes the inputs, a tuple of arguments for each case.
        mistakes: what a wrong answer looks like, and a function that makes that mistake. The first that fits is named.
        praise: what is said of a right answer.
        probes: further checks of the answer by itself, each returns a sentence on what is wrong, or None.
        measure: what is compared where a result alone doesn't show the mistakes (gradients, what was changed in place):
            gets the result and the arguments after the call, and returns a tuple.
        parts: what the values of that tuple are called.
    """

    reference: Callable
    cases: Callable[[], Sequence[tuple]]
    mistakes: Mapping[str, Callable]
    praise: str
    probes: Sequence[Callable[[Callable], str | None]] = ()
    tolerance: float = 1e-4
    measure: Callable | None = None
    parts: Sequence[str] = ()

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer):
            return open_()
        if not callable(answer):
            return Verdict("wrong", f"a function was expected, and this is {_kind(answer)}: pass it without brackets.")
        found = []
        for arguments in self.cases():
            expected = self._outcome(self.reference, copy.deepcopy(arguments))
            given = copy.deepcopy(arguments)
            got, verdict = attempt(self._outcome, answer, given, about=f" (inputs: {_shapes(arguments)})")
            if verdict is not None:
                return verdict
            if (problem := _form(got, expected, arguments)) is not None:
                named = None if got is None else self._fitting([*found, (arguments, expected, got)])
                return Verdict("wrong", f"looks as if {named} ({problem})" if named else problem)
            if not _close(given, arguments, 0):
                return Verdict("wrong", "it changes its inputs in place: work on copies, the caller needs them again.")
            found.append((arguments, expected, got))
        if all(_close(got, expected, self.tolerance) for _, expected, got in found):
            return self._probe(answer)
        return Verdict("wrong", self._name(found))

    def _outcome(self, function: Callable, arguments: tuple) -> object:
        result = function(*arguments)
        return result if result is None or self.measure is None else self.measure(result, *arguments)

    def _probe(self, answer: Callable) -> Verdict:
        for probe in self.probes:
            problem, verdict = attempt(probe, answer)
            if verdict is not None or problem is not None:
                return verdict or Verdict("wrong", problem)
        return Verdict("right", self.praise)

    def _name(self, found: Sequence[tuple]) -> str:
        named = self._fitting(found)
        told = f"looks as if {named}" if named else "not a mistake that is known here."
        return f"{told} {_difference(found, self.tolerance, self.parts)}"

    def _fitting(self, found: Sequence[tuple]) -> str | None:
        """The sentence of the first known mistake that gives the same on all cases, if there is one."""
        for sentence, wrong in self.mistakes.items():
            if all(
                _close(got, self._outcome(wrong, copy.deepcopy(arguments)), 10 * self.tolerance)
                for arguments, _, got in found
            ):
                return sentence
        return None


@dataclass(frozen=True)
class Choice:
    """An exercise whose answer is one of some letters; a wrong one gets a sentence on the thought behind it."""

    right: str
    because: str
    others: Mapping[str, str]

    def judge(self, answer: Answer) -> Verdict:
        letter = "" if blank(answer) else str(answer).strip().lower()
        if not letter:
            return open_("not yet: put the letter of your prediction into the cell above.")
        if letter == self.right:
            return Verdict("right", self.because)
        if letter in self.others:
            return Verdict("wrong", self.others[letter])
        return Verdict(
            "wrong", f"the answer is one of {', '.join(sorted([self.right, *self.others]))}, got {answer!r}."
        )


@dataclass(frozen=True)
class Number:
    """An exercise whose answer is a number; numbers that come from known slips are named."""

    right: float
    because: str
    slips: Mapping[float, str]
    tolerance: float = 0.01

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer):
            return open_("not yet: put your number into the cell above.")
        try:
            value = float(answer)
        except (TypeError, ValueError, RuntimeError):  # the last for a tensor of several numbers
            return Verdict("wrong", f"a number was expected, got {_kind(answer)}.")
        if abs(value - self.right) <= self.tolerance * max(1, abs(self.right)):
            return Verdict("right", self.because)
        for slip, sentence in self.slips.items():
            if abs(value - slip) <= self.tolerance * max(1, abs(slip)):
                return Verdict("wrong", f"looks as if {sentence}")
        return Verdict("wrong", f"{value:g} is not it, and not a slip that is known here.")


@dataclass(frozen=True)
class Essay:
    """An open question: there is a model answer to compare with, and nothing that a program could judge."""

    words: int = 25

    def judge(self, answer: Answer) -> Verdict:
        text = answer.strip() if isinstance(answer, str) else ""
        if not text:
            return open_("not yet: write your answer as text into the cell above.")
        if len(text.split()) < self.words:
            return Verdict("wrong", f"only {len(text.split())} words: give your reasons, at least {self.words} words.")
        return Verdict("right", "noted. Now unfold the model answer below and compare: what did you leave out?")


Exercise = Function | Choice | Number | Essay


def _kind(value: object) -> str:
    return f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"{type(value).__name__} {value!r}"[:80]


def _shapes(arguments: object) -> str:
    if isinstance(arguments, Tensor):
        return str(tuple(arguments.shape))
    if isinstance(arguments, tuple | list):
        return ", ".join(map(_shapes, arguments))
    return repr(arguments) if isinstance(arguments, Real | str) else type(arguments).__name__


def _form(got: object, expected: object, arguments: tuple) -> str | None:
    """What is wrong with the kind, the shape or the values of a result, before comparing it."""
    if got is None:
        return "it returns nothing: is there a `return` at its end?"
    if isinstance(expected, tuple):
        if not isinstance(got, tuple | list) or len(got) != len(expected):
            return f"{len(expected)} values were expected, separated by commas after `return`, got {_kind(got)}."
        return next((p for pair in zip(got, expected, strict=True) if (p := _form(*pair, arguments)) is not None), None)
    if isinstance(expected, Tensor):
        if not isinstance(got, Tensor):
            return f"a tensor {tuple(expected.shape)} was expected, got {_kind(got)}."
        if got.shape != expected.shape:
            named = f"shape {tuple(expected.shape)} was expected, got {tuple(got.shape)}"
            return f"{named} (inputs: {_shapes(arguments)})."
        if not torch.isfinite(got.float()).all():
            return "the result holds inf or nan: is there a log of 0, or a division by 0?"
    if isinstance(expected, float | int) and not is_number(got):
        return f"a number was expected, got {_kind(got)}."
    return None


def is_number(value: object) -> bool:
    return isinstance(value, Real) or (isinstance(value, Tensor) and value.numel() == 1)


def _close(a: object, b: object, tolerance: float) -> bool:
    if isinstance(b, tuple | list):
        return isinstance(a, tuple | list) and len(a) == len(b) and all(map(_close, a, b, [tolerance] * len(b)))
    if isinstance(b, Tensor) and b.ndim == 0 and isinstance(a, Real):
        b = b.item()
    if isinstance(b, Tensor):
        same = isinstance(a, Tensor) and a.shape == b.shape
        return same and torch.allclose(a.detach().double(), b.detach().double(), rtol=tolerance, atol=tolerance)
    if isinstance(b, float | int):
        return is_number(a) and abs(float(a) - float(b)) <= tolerance * max(1.0, abs(float(b)))
    return True  # modules, functions and texts aren't compared


def _difference(found: Sequence[tuple], tolerance: float, parts: Sequence[str]) -> str:
    arguments, expected, got = next(case for case in found if not _close(case[2], case[1], tolerance))
    if parts:
        named = [part for part in zip(parts, got, expected, strict=True) if not _close(*part[1:], tolerance)]
        return (
            f"({'; '.join(f'{name}: expected {_short(right)}, got {_short(wrong)}' for name, wrong, right in named)}.)"
        )
    return f"(Inputs {_shapes(arguments)}: {_told(expected, got, tolerance)}.)"


def _told(expected: object, got: object, tolerance: float) -> str:
    """What was expected and what came, at the first place where they differ."""
    if isinstance(expected, tuple):
        pairs = list(zip(got, expected, strict=True))
        number = next(number for number, pair in enumerate(pairs) if not _close(*pair, tolerance))
        return f"value {number + 1} of {len(pairs)}: {_told(expected[number], got[number], tolerance)}"
    if isinstance(expected, Tensor) and expected.numel() > 4:
        same = torch.isclose(got.detach().double(), expected.detach().double(), rtol=tolerance, atol=tolerance)
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
