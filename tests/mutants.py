"""Break the package on purpose, one line at a time, and see whether a test notices: `make mutants`.

tests/mutants.txt holds one mutation a line: what is wrong then | file | text that occurs there once | what takes its
place | the test files that must fail. A backslash and an n in a text are the end of a line. Each is made in a copy of
the package and the tests, never here.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_name("mutants.txt")
COPIED = ("ssl_course", "tests", "exercises/source")
PASSED = "SURVIVED"
OUTCOMES = {0: PASSED, 1: "killed"}  # by pytest's exit status; with any other the tests did not run as they should


@dataclass(frozen=True)
class Mutant:
    """One mutation: in `file` (relative to ssl_course), `old` becomes `new`; one of `tests` must fail."""

    claim: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def fault(self, root: Path) -> str | None:
        """Why this mutation can't be made or tested any more, or None: the line in the list is stale."""
        path = root / "ssl_course" / self.file
        if not path.is_file():
            return f"there is no file {self.file}"
        count = path.read_text(encoding="utf-8").count(self.old)
        if count != 1:
            return f"{self.old!r} must occur once in {self.file}, it occurs {count} times"
        missing = [name for name in self.tests if not (root / "tests" / name).is_file()]
        return f"there is no {', '.join(missing)} in tests" if missing else None

    def apply(self, root: Path) -> None:
        path = root / "ssl_course" / self.file
        path.write_text(path.read_text(encoding="utf-8").replace(self.old, self.new), encoding="utf-8")


def read_list(path: Path = LIST) -> list[Mutant]:
    """The mutations of a list; empty lines and those that begin with # say nothing.

    Raises:
        ValueError: if a line hasn't five parts.
    """
    mutants = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != 5:
            raise ValueError(f"line {number} of {path.name} must have five parts between |, got {len(parts)}")
        claim, file, old, new, tests = (part.replace("\\n", "\n") for part in parts)
        mutants.append(Mutant(claim, file, old, new, tuple(f"test_{name}.py" for name in tests.split())))
    return mutants


def run_tests(root: Path, tests: tuple[str, ...], seconds: float) -> tuple[str, str]:
    """Run test files of a copy until one fails: "killed", "SURVIVED", "TIMED OUT" or "BROKEN", and the output."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        *(f"tests/{name}" for name in tests),
    ]
    settings = {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=root, env=os.environ | settings, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return "TIMED OUT", f"no end after {seconds:g} s"
    return OUTCOMES.get(done.returncode, "BROKEN"), done.stdout + done.stderr


def in_a_copy(mutant: Mutant | None, tests: tuple[str, ...], seconds: float) -> tuple[str, str]:
    """What `run_tests` says of a copy of the package, with a mutation or, for None, as it is."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        root = Path(folder)
        for name in COPIED:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", root)
        if mutant is not None:
            mutant.apply(root)
        return run_tests(root, tests, seconds)


def failing_unmutated(mutants: list[Mutant], pool: ThreadPoolExecutor, seconds: float) -> dict[str, str]:
    """The test files that don't pass as they are, with why: each would kill every mutation without seeing it."""
    names = sorted({name for mutant in mutants for name in mutant.tests})
    outcomes = pool.map(lambda name: in_a_copy(None, (name,), seconds), names)
    found = zip(names, outcomes, strict=True)
    return {name: f"{outcome} without any mutation\n{output}" for name, (outcome, output) in found if outcome != PASSED}


def try_all(mutants: list[Mutant], pool: ThreadPoolExecutor, seconds: float) -> int:
    """Print one line for each mutation, and return how many were not killed."""
    left = 0
    outcomes = pool.map(lambda mutant: in_a_copy(mutant, mutant.tests, seconds), mutants)
    for mutant, (outcome, output) in zip(mutants, outcomes, strict=True):
        print(f"{outcome:9}  {mutant.file}: {mutant.claim}", flush=True)
        left += outcome != "killed"
        if outcome in ("BROKEN", "TIMED OUT"):
            print(output[-1000:], flush=True)
    return left


def report_faults(faults: dict[Mutant, str], failing: dict[str, str]) -> None:
    for name, why in failing.items():
        print(f"{name}: {why[-2000:]}")
    for mutant, fault in faults.items():
        print(f"NOT TRIED  {mutant.file}: {mutant.claim}: {fault}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 if there are mutations and all were killed, else 1."""
    parser = argparse.ArgumentParser(description="Which single mistakes in the package does no test notice?")
    parser.add_argument("only", nargs="*", help="try only mutations with one of these texts in their line")
    parser.add_argument("--list", action="store_true", help="print the mutations and try none")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many to try at a time")
    parser.add_argument("--seconds", type=float, default=600, help="after which the tests of a mutation are given up")
    options = parser.parse_args(arguments)
    mutants = [one for one in read_list() if not options.only or any(text in str(one) for text in options.only)]
    if options.list:
        print("\n".join(f"{mutant.file}: {mutant.claim}" for mutant in mutants))
        return 0
    faults = {mutant: fault for mutant in mutants if (fault := mutant.fault(ROOT))}
    with ThreadPoolExecutor(options.jobs) as pool:
        failing = failing_unmutated([one for one in mutants if one not in faults], pool, options.seconds)
        for mutant in mutants:
            for name in failing.keys() & set(mutant.tests):
                faults.setdefault(mutant, f"{name} fails without it")
        report_faults(faults, failing)
        left = try_all([one for one in mutants if one not in faults], pool, options.seconds)
    killed = len(mutants) - len(faults) - left
    print(f"{len(mutants)} mutations: {killed} killed, {left} not, {len(faults)} not tried")
    return int(killed < len(mutants) or not mutants)


if __name__ == "__main__":
    sys.exit(main())
