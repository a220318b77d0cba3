"""Known mistakes are refused and named, right answers pass however they are written, and no answer stops a check."""

import importlib.util
import io
import itertools
import random
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from ssl_course import checks
from ssl_course.checks import reading
from ssl_course.checks.engine import Choice, Essay, Function, Number


def answers(part):
    """The module tests/answers/<part>.py, with RIGHT and WRONG."""
    path = Path(__file__).parent / "answers" / f"{part}.py"
    specification = importlib.util.spec_from_file_location(f"answers_{part}", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def enqueue(queue, keys):
    """MoCo's queue in numpy: right, but it can't take keys that ask for a gradient."""
    return np.concatenate([queue.numpy(), keys])[len(keys) :]


FIVE = checks.SETS.keys() - {"clinic"}  # sets whose functions have five right answers here
ANSWERS = {part: answers(part) for part in checks.SETS}
NAMES = [f"{part}.{key}" for part, exercises in checks.SETS.items() for key in exercises]
JUDGED = [name for name in NAMES if not isinstance(checks.SETS[name.partition(".")[0]][name.partition(".")[2]], Essay)]
WRONG = [
    pytest.param(name, words, answer, id=f"{name}: {words}")
    for module in ANSWERS.values()
    for name, cases in module.WRONG.items()
    for words, answer in cases
]


TIMES_TWO = Function(
    reference=lambda x: 2 * x,
    cases=lambda: [(torch.arange(3.0),), (torch.ones(2, 2),)],
    mistakes={"it is tripled.": (lambda x: 3 * x, lambda x: x + x + x), "it breaks.": lambda x: x.missing},
    praise="twice.",
)
LOSS = Function(
    reference=lambda x, y: ((x - y) ** 2).mean(),
    cases=lambda: [(torch.arange(3.0), torch.ones(3))],
    mistakes={},
    praise="a loss.",
    gradients={"x": 0, "y": 1},
)
TEXT = (
    "Turning and mirroring cost nothing, since a field has no up and no left when it is seen from above. The colours "
    "tell maize from wheat, so I would leave the hue alone, and keep the crops large."
)


def exercise(name):
    part, _, key = name.partition(".")
    return checks.SETS[part][key]


FUNCTIONS = [name for name in JUDGED if isinstance(exercise(name), Function)]
LOSSES = [name for name in FUNCTIONS if exercise(name).gradients]
ESSAYS = [name for name in NAMES if isinstance(exercise(name), Essay)]


def right(name):
    return ANSWERS[name.partition(".")[0]].RIGHT[name]


@pytest.mark.parametrize("name", JUDGED)
def test_three_differently_written_right_answers_pass(name):
    assert len(right(name)) >= 3
    for answer in right(name):
        verdict = checks.judge(name, answer)
        assert verdict.right, verdict.sentence


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name.partition(".")[0] in FIVE])
def test_five_unusual_right_answers_are_tried(name):
    assert len(right(name)) >= 5


@pytest.mark.parametrize(("name", "words", "answer"), WRONG)
def test_a_mistake_is_refused_and_named(name, words, answer):
    verdict = checks.judge(name, answer)
    assert verdict.state == "wrong"
    assert words in verdict.sentence


def told_by_its_words(words, sentences):
    """The only one of these sentences that has the words, if they are enough to tell it from any other verdict."""
    having = [sentence for sentence in sentences if words in sentence]
    return having[0] if len(having) == 1 and len(words.split()) >= 2 else None


@pytest.mark.parametrize("name", JUDGED)
def test_every_sentence_about_a_mistake_has_a_wrong_answer_in_these_tests(name):
    """So that none is there which no answer reaches. What the test above has shown isn't judged a second time."""
    part, cases = vars(exercise(name)), ANSWERS[name.partition(".")[0]].WRONG[name]
    sentences = part["mistakes"].keys() if "mistakes" in part else part.get("others", part.get("slips", {})).values()
    reached = {told_by_its_words(words, sentences) for words, _ in cases}
    left = [sentence for sentence in sentences if sentence not in reached]
    asked = [answer for words, answer in cases if told_by_its_words(words, sentences) is None] if left else []
    said = [checks.judge(name, answer).sentence for answer in asked]
    assert [sentence for sentence in left if not any(sentence in told for told in said)] == []


def test_there_are_at_least_forty_named_mistakes():
    assert len(WRONG) >= 40


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_answered_yet_is_open_and_kindly_said(name):
    def untouched(*arguments):
        raise NotImplementedError

    for answer in (None, ..., *([untouched] if isinstance(exercise(name), Function) else [])):
        verdict = checks.judge(name, answer)
        assert verdict.state == "open"
        assert verdict.sentence.startswith("not yet")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_answer_that_stops_or_returns_nonsense_is_told_what_happened(name):
    def stops(*arguments):
        raise KeyError("z")

    said = {
        "it stops with KeyError": stops,
        "is there a `return`": lambda *arguments: None,
        "a function was expected": torch.zeros(2),
    }
    for words, answer in said.items():
        verdict = checks.judge(name, answer)
        assert verdict.state == "wrong"
        assert words in verdict.sentence
    assert checks.judge(name, lambda *arguments: object()).state == "wrong"


@pytest.mark.parametrize("name", JUDGED)
def test_an_answer_of_another_kind_is_refused_without_an_error(name):
    for answer in (torch.zeros(2), [1, 2], {"a": 1}, object()):
        assert checks.judge(name, answer).state == "wrong"


def test_a_probe_that_an_answer_stops_is_explained():
    verdict = checks.judge("simclr.queue", lambda queue, keys: torch.from_numpy(enqueue(queue, keys.numpy())))
    assert "it stops with RuntimeError" in verdict.sentence


def test_a_stack_or_an_iterator_stands_for_its_tensors_if_there_are_as_many():
    two = Function(lambda x: (x, 2 * x), lambda: [(torch.arange(3.0),)], {}, "two.")
    assert two.judge(lambda x: torch.stack([x, 2 * x])).right
    assert two.judge(lambda x: map(x.mul, (1, 2))).right
    assert "2 values were expected" in two.judge(lambda x: itertools.repeat(x)).sentence
    assert "it stops with KeyError" in two.judge(lambda x: ({}[part] for part in x)).sentence
    assert "2 values were expected" in two.judge(lambda x: torch.stack([x, 2 * x, x])).sentence
    assert two.judge(lambda x: torch.cat([x, 2 * x])).state == two.judge(lambda x: x.sum()).state == "wrong"


def test_an_array_of_one_number_stands_for_the_number():
    half = Function(lambda x: x / 2, lambda: [(3.0,)], {}, "half.")
    assert half.judge(lambda x: np.array(x / 2)).right
    assert "a number was expected" in half.judge(lambda x: np.array([x / 2, x])).sentence


def test_right_values_of_a_wrong_kind_are_not_blamed_on_a_mistake_that_gives_nearly_the_same():
    whole = Function(lambda n: torch.arange(n), lambda: [(1,), (3,)], {"all are 0.": torch.zeros}, "rows.", whole=True)
    told = whole.judge(lambda n: torch.arange(float(n))).sentence
    assert told.startswith("whole numbers were expected")
    assert checks.judge(
        "simclr.nt_xent", lambda *given: exercise("simclr.nt_xent").reference(*given).item()
    ).sentence.startswith("a tensor with a gradient")


# --- What stands in the way of a gradient


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_without_a_gradient_is_refused_however_it_was_lost(name):
    for answer in right(name):
        for lost in (
            lambda *given, f=answer: f(*given).detach(),
            lambda *given, f=answer: torch.tensor(f(*given).tolist()),
            torch.no_grad()(lambda *given, f=answer: f(*given)),
            torch.inference_mode()(lambda *given, f=answer: f(*given)),
        ):
            verdict = checks.judge(name, lost)
            assert verdict.state == "wrong"
            assert "gradient" in verdict.sentence


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_whose_gradient_is_lost_at_one_input_is_refused_and_the_input_named(name):
    loss = exercise(name)
    for told, place in loss.gradients.items():
        if isinstance(loss.cases()[0][place], torch.Tensor):
            verdict = checks.judge(
                name, lambda *given, k=place: loss.reference(*given[:k], given[k].detach(), *given[k + 1 :])
            )
            assert verdict.state == "wrong"
            assert f"no gradient gets to {told}" in verdict.sentence


def test_a_number_of_python_or_numpy_in_place_of_a_loss_is_told_that_the_gradient_is_cut():
    for cut in (float, lambda loss: loss.item(), lambda loss: np.float32(loss.item()), lambda loss: loss.numpy()):
        verdict = LOSS.judge(lambda x, y, cut=cut: cut(((x - y) ** 2).mean()))
        assert verdict.state == "wrong"
        assert "cut the gradient" in verdict.sentence


def test_half_a_gradient_is_refused():
    verdict = LOSS.judge(lambda x, y: ((x - y) * (x - y).detach()).mean())
    assert "the gradient at x isn't" in verdict.sentence


def test_a_gradient_that_is_nan_is_refused():
    verdict = LOSS.judge(lambda x, y: torch.sqrt((x - y) ** 4).mean())
    assert "nan or inf" in verdict.sentence


def test_a_loss_that_backward_stops_on_is_the_students_fault():
    def overwritten(x, y):
        powers = (x - y).exp()
        loss = (powers.log() ** 2).mean()
        powers.zero_()
        return loss

    verdict = LOSS.judge(overwritten)
    assert verdict.state == "wrong"
    assert "backward() stops with RuntimeError" in verdict.sentence


def test_the_gradient_at_an_input_that_is_a_network_is_that_at_its_weights():
    through = Function(
        reference=lambda network, x: (network(x) ** 2).mean(),
        cases=lambda: [(torch.nn.Linear(3, 2), torch.randn(4, 3))],
        mistakes={},
        praise="through.",
        gradients={"the network": 0},
    )
    assert through.judge(lambda network, x: network(x.clone()).square().mean()).right
    verdict = through.judge(lambda network, x: network(x).detach().square().mean())
    assert "no gradient gets to the network" in verdict.sentence


# --- A fixed state


def judged_by_all():
    return {name: [checks.judge(name, answer).state for answer in right(name)[:2]] for name in FUNCTIONS}


@pytest.mark.parametrize(
    "left_on",
    [
        torch.no_grad,
        torch.inference_mode,
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        lambda: torch.device("meta"),
    ],
    ids=["no_grad", "inference_mode", "autocast", "device"],
)
def test_right_answers_are_right_whatever_the_notebook_has_left_on(left_on):
    with left_on():
        states = judged_by_all()
    assert {state for found in states.values() for state in found} == {"right"}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_right_answers_are_right_under_another_default_dtype_and_it_is_given_back(dtype):
    torch.set_default_dtype(dtype)
    try:
        states = judged_by_all()
        assert torch.get_default_dtype() == dtype
    finally:
        torch.set_default_dtype(torch.float32)
    assert {state for found in states.values() for state in found} == {"right"}


def test_a_check_draws_nothing_from_the_notebooks_generators():
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    untouched = torch.rand(1).item(), random.random(), np.random.rand()
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    draws = []
    TIMES_TWO.judge(lambda x: draws.append((torch.rand(1).item(), random.random(), np.random.rand())) or 2 * x)
    assert draws[0] == draws[1]  # a fixed seed at each call
    assert (torch.rand(1).item(), random.random(), np.random.rand()) == untouched


def test_what_an_answer_changes_in_torch_is_changed_back():
    def careless(x):
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.use_deterministic_algorithms(True)
        return 2 * x

    assert TIMES_TWO.judge(careless).right
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert not torch.are_deterministic_algorithms_enabled()


def test_an_answer_that_overwrites_its_inputs_is_told_so_and_hurts_no_later_answer():
    kept = torch.arange(3.0)
    shared = Function(lambda x: 2 * x, lambda: [(kept,)], {}, "twice.")
    assert "in place" in shared.judge(lambda x: x.mul_(2)).sentence
    assert torch.equal(kept, torch.arange(3.0))
    assert shared.judge(lambda x: x.clone().mul_(2)).right


# --- Whose fault an error is


def test_an_error_of_the_student_is_short_and_named():
    def long(x):
        raise ValueError("first line " + "x" * 1000 + "\nsecond line")

    sentence = TIMES_TWO.judge(long).sentence
    assert "it stops with ValueError: first line" in sentence
    assert len(sentence) < 300
    assert "second line" not in sentence


def test_an_answer_that_exits_is_told_so_and_ends_nothing():
    assert "it stops with SystemExit" in TIMES_TWO.judge(lambda x: sys.exit(3)).sentence


def test_a_not_implemented_error_of_torch_is_no_blank():
    def unsupported(x):
        raise NotImplementedError("'addmm' not implemented for 'Bool'")

    assert TIMES_TWO.judge(unsupported).state == "wrong"


@pytest.mark.parametrize("broken", ["reference", "cases", "measure", "probes"])
def test_an_error_of_the_check_itself_is_never_shown_as_the_students(broken, monkeypatch):
    def fails(*arguments):
        raise KeyError("of the check")

    parts = vars(TIMES_TWO) | {broken: [fails] if broken == "probes" else fails}
    monkeypatch.setitem(checks.SETS["simclr"], "nt_xent", Function(**parts))
    verdict = checks.judge("simclr.nt_xent", lambda x: 2 * x)
    assert verdict.state == "unjudged"
    assert "no fault of yours" in verdict.sentence
    assert not verdict.done


ODD = [float("nan"), "text", [1, 2], {}, (), (None, None), torch.nn.Identity(), torch.tensor(1j), torch.empty(0), b"x"]
ODD += [np.zeros(3), torch.eye(2).to_sparse(), torch.zeros(3, 4, 5), (torch.zeros(2), "x"), iter([1]), Exception()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_odd_results_are_refused_and_break_no_check(name):
    for odd in ODD:
        assert checks.judge(name, lambda *given, odd=odd: odd).state == "wrong"


def test_a_mistake_that_cannot_be_made_on_a_case_is_passed_over():
    assert "not a mistake that is known here" in TIMES_TWO.judge(lambda x: 5 * x).sentence
    assert "it is tripled" in TIMES_TWO.judge(lambda x: 3 * x).sentence


def test_a_case_that_breaks_an_answer_does_not_hide_what_earlier_cases_showed():
    def tripled_once(x):
        return 3 * x if x.ndim == 1 else x.missing

    assert "it is tripled" in TIMES_TWO.judge(tripled_once).sentence


# --- Numbers


@pytest.mark.parametrize("answer", [4.84, "4.84", "4,84", 4.844, np.float32(4.84), torch.tensor(4.84), Decimal("4.84")])
def test_a_right_number_may_be_rounded_to_two_decimals(answer):
    assert checks.judge("simclr.guessing", answer).right


@pytest.mark.parametrize("answer", [4.852, 4.85, "4,85"])
def test_a_named_slip_stays_one_when_it_is_rounded(answer):
    verdict = checks.judge("simclr.guessing", answer)
    assert verdict.state == "wrong"
    assert "counted as a candidate" in verdict.sentence


@pytest.mark.parametrize("answer", [4.8, 5, "4.9", 4.83, 4.86])
def test_a_number_that_is_rounded_too_far_or_wrongly_is_not_right(answer):
    assert checks.judge("simclr.guessing", answer).state == "wrong"


@pytest.mark.parametrize(
    "answer",
    [
        "about 0.625",
        "5/8 = 0.625",
        "0.625 nats",
        "0.625 bits per character",
        "0.625 bits/char.",
        "0.625 ms",
        "= 0.625 Hz",
        "62.5 per cent",
        "0.625.",
        "5/8",
        " 5 / 8 ",
        "62.5 %",
        "62,5%",
        "0,625",
        ".625",
        "⅝",
        Fraction(5, 8),
        [0.625],
        0.63,
        0.62,
    ],
)
def test_numbers_are_read_as_people_write_them(answer):
    assert Number(0.625, "", {}, tolerance=0.001).judge(answer).right


def test_per_cent_are_understood_where_per_cent_are_asked_for():
    assert Number(54, "", {}).judge("54 %").right
    assert Number(0.54, "", {}).judge("54 %").right


@pytest.mark.parametrize(
    "answer",
    [
        True,
        "five eighths",
        "about",
        "1 or 2",
        "1 nats 2",
        "1 kHz",
        "1 thousand frames",
        "1 of 2 words",
        "1/0",
        [1, 2],
        1j,
        np.array(["x"]),
        torch.zeros(2),
        {},
        "--1",
    ],
)
def test_what_is_no_number_is_refused(answer):
    assert "a number was expected" in Number(1.0, "", {}).judge(answer).sentence


def test_half_a_step_may_be_rounded_up_or_down():
    assert reading.rounded(0.63, 0.625)
    assert reading.rounded(0.62, 0.625)
    assert not reading.rounded(0.61, 0.625)
    assert not reading.rounded(0.6, 0.64)


# --- Letters


@pytest.mark.parametrize("name", [name for name in JUDGED if isinstance(exercise(name), Choice)])
def test_letters_are_read_however_they_are_dressed(name):
    for choice in [exercise(name).right, *exercise(name).others]:
        state = checks.judge(name, choice).state
        spelled = [f"({choice})", f"{choice})", f"{choice.upper()}.", f" {choice} ", f"**{choice}**", [choice]]
        assert {checks.judge(name, answer).state for answer in spelled} == {state}


def test_words_that_begin_with_a_letter_are_no_choice():
    choice = Choice("a", "", {"b": "no."})
    for answer in ("a dog", "ab", "abstain", "?", 1, object()):
        assert choice.judge(answer).state == "wrong"
    assert choice.judge("a) All strangers are pushed more evenly.").right


@pytest.mark.parametrize(
    "answer",
    [
        *("row b", "Answer: B", "It is b.", "I choose b", "b - the ring", "b (the ring)"),
        *("b, because it moves", "b since it moves", "objection b", "The right one is b", "I think it is b"),
    ],
)
def test_a_letter_may_stand_among_words_that_say_nothing_else(answer):
    assert Choice("b", "", {"c": "no."}).judge(answer).right


@pytest.mark.parametrize(
    "answer",
    [
        *("not b", "it is not b", "b or c", "b (or c)", "b - c", "row b or c", "b-c", "rowb"),
        *("b, because c moves", "b, c", "the right one"),
    ],
)
def test_a_letter_is_no_choice_beside_another_or_a_not(answer):
    assert Choice("b", "", {"c": "no."}).judge(answer).state == "wrong"


# --- Texts


@pytest.mark.parametrize("name", ESSAYS)
def test_a_text_is_read_by_a_person_and_never_called_right(name):
    verdict = checks.judge(name, f"{TEXT} {TEXT[::-1]}")
    assert verdict.state == "read"
    assert verdict.done
    assert not verdict.right


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("only 1 different words", "views " * 25),
        ("only 3 different words", "it works well " * 20),
        ("only 2 words", "It depends."),
        ("only 0 words", "... !!! ???"),
    ],
)
def test_a_text_of_few_words_is_sent_back(words, text):
    assert words in Essay().judge(text).sentence


@pytest.mark.parametrize("name", [name for name in ESSAYS if exercise(name).question])
def test_the_question_itself_is_no_answer(name):
    essay = exercise(name)
    for pasted in (essay.question, essay.question.upper(), f"Question: {essay.question} I do not know."):
        assert "the others are the question's" in essay.judge(pasted).sentence
    assert essay.judge(f"{essay.question}\n\n{TEXT} {TEXT[::-1]}").state == "read"


@pytest.mark.parametrize("name", [name for name in ESSAYS if exercise(name).question])
def test_the_question_that_a_check_knows_is_the_notebooks(name):
    part = name.partition(".")[0]
    path = next((Path(__file__).parent.parent / "exercises").glob(f"*_{part}*.ipynb"))
    told = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    asked = reading.words(exercise(name).question)
    assert any(" ".join(asked) in " ".join(reading.words(text)) for text in told)


@pytest.mark.parametrize(
    "text",
    [
        "旋转和镜像可以用,因为从上面看没有上下左右。裁剪可以用,但不要太小。色相和灰度不要用,颜色正是区分玉米和小麦的依据。",
        "回転と反転は使えます。上から見れば上も左もないからです。色相は変えません。色こそが小麦とトウモロコシを見分けるからです。",
        "การหมุนและการสะท้อนใช้ได้เพราะเมื่อมองจากด้านบนไม่มีบนหรือซ้ายส่วนสีไม่ควรเปลี่ยนเพราะสีบอกว่าเป็นข้าวโพดหรือข้าวสาลี",
    ],
    ids=["Chinese", "Japanese", "Thai"],
)
def test_languages_without_spaces_count_by_characters(text):
    assert Essay().judge(text).state == "read"
    assert Essay().judge(text[0] * 60).state == "wrong"


def test_an_essay_that_is_no_text_is_refused_and_an_empty_one_is_open():
    assert "a text was expected" in Essay().judge(["one", "two"]).sentence
    for empty in ("", "  \n", None, ...):
        assert Essay().judge(empty).state == "open"


# --- Whole numbers


def test_floats_are_refused_where_rows_or_labels_are_meant():
    rows = Function(torch.arange, lambda: [(3,)], {}, "rows.", whole=True)
    assert rows.judge(lambda count: torch.arange(count, dtype=torch.int32)).right
    for dtype in (torch.float32, torch.float64):
        assert "whole numbers were expected" in rows.judge(lambda n, dtype=dtype: torch.arange(n, dtype=dtype)).sentence


# --- Consoles


class Console(io.TextIOWrapper):
    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding)

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "shift_jis"])
def test_consoles_that_lack_the_marks_get_words(encoding, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", Console(encoding))
    checks.check("simclr.temperature", "b")
    checks.check("simclr.curve", "a")
    checks.check("simclr.open", TEXT)
    checks.check("compare.cka", lambda x, y: ((x.T @ y).norm() / (x.norm() * y.norm())) ** 2)
    checks.check("simclr.guessing", "猫")
    checks.progress("simclr")
    told = sys.stdout.text()
    for words in (
        "right: dividing",
        "not right: a loss",
        "to read: noted",
        "right temperature",
        f"simclr: 2 of {len(checks.SETS['simclr'])} done",
    ):
        assert words in told


def test_a_text_to_be_read_is_counted_as_done_and_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    checks.check("simclr.temperature", "b")
    checks.check("simclr.open", TEXT)
    checks.progress("simclr")
    out = capsys.readouterr().out
    assert "✎ to read: noted" in out
    assert "✎ open" in out
    assert f"simclr: 2 of {len(checks.SETS['simclr'])} done, of these to be read: 1" in out


def test_every_state_has_a_mark_in_both_kinds_of_letters():
    assert checks.MARKS.keys() == checks.PLAIN_SIGNS.keys() == checks.SIGNS.keys()
    assert len(set(checks.SIGNS.values())) == len(checks.SIGNS)
