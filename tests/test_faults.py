"""The short form of `make faults`: every fault twice, and nothing lost."""

import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).parent.parent / "benchmarks" / "faults.py"


def test_nothing_is_lost_whatever_ends_a_training(tmp_path):
    done = subprocess.run(
        [sys.executable, FILE, "--short", "--folder", tmp_path], capture_output=True, text=True, check=True
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "|" in line][2:]
    assert len(rows) == 9
    assert {row[0]: row[3] for row in rows} == {row[0]: "0" for row in rows}
    assert all(int(row[1].replace(",", "")) >= 2 for row in rows)
