"""One submission from its start to its end: its process, its limits, and the judge that it talks to."""

import contextlib
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib
import psutil

from ssl_course import checks
from ssl_course.checks.engine import Verdict
from ssl_course.grading import sandbox
from ssl_course.grading.judge import Decoder, Remote
from ssl_course.grading.report import Grade
from ssl_course.grading.wire import Channel, ProtocolError, unpacked

STARTING = 300  # seconds until the first cell must run
SHARE = 4  # a cell may take this part of a submission's time
MOST = 200  # notes of a submission


class Limit(BaseException):
    """A submission takes too long or too much: the message says which."""


class Session:
    """One submission's process.

    Args:
        sources: the code of its cells.
        result: gets verdicts and notes as they come.
        seconds, megabytes: the limits; both count from the first cell on, for PyTorch takes a while to load, and a
            gigabyte by itself.
        kind: "bubblewrap" or "guard".
        hidden: a folder that it can't look into.
    """

    def __init__(
        self, sources: list[str], result: Grade, *, seconds: float, megabytes: int, kind: str, hidden: Path | None
    ):
        self.sources, self.result, self.seconds, self.megabytes = sources, result, seconds, megabytes
        self.kind, self.hidden = kind, hidden
        self.started, self.before, self.end = False, 0.0, time.monotonic() + STARTING

    def run(self) -> None:
        """Run all cells; verdicts and notes are in the result afterwards."""
        with tempfile.TemporaryDirectory() as place:
            mine, theirs = socket.socketpair()
            with mine, theirs:
                self.process = self._start(Path(place).resolve(), theirs)
                theirs.close()
                self.channel = Channel(mine, self._watch)
                try:
                    self._listen()
                except Limit as limit:
                    self.result.notes.append(str(limit))
                except (EOFError, ConnectionError):
                    self.result.notes.append(f"ended before its last cell (exit code {self._code()})")
                except ProtocolError as error:
                    self.result.notes.append(f"stopped: it sent what is no message ({error})")
                finally:  # after Ctrl-C, too
                    stop(self.process)

    def _start(self, place: Path, connection: socket.socket) -> subprocess.Popen:
        caches = place / ".matplotlib"
        caches.mkdir()
        for fonts in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):
            shutil.copy(fonts, caches)
        before = sandbox.bubblewrap(place, self.hidden) if self.kind == "bubblewrap" else []
        worker = [sys.executable, "-P", "-m", "ssl_course.grading.worker", str(connection.fileno()), str(place)]
        return subprocess.Popen(
            [*before, *worker, self.kind],
            cwd=place,
            env=sandbox.environment(place),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[connection.fileno()],
            start_new_session=True,
        )

    def _watch(self) -> None:
        """Raise `Limit` if it takes too long or too much."""
        if time.monotonic() > self.end:
            late = f"stopped after {self.seconds:g} seconds" if self.started else f"did not start in {STARTING} seconds"
            raise Limit(late)
        if self.started and memory_of(self.process.pid) - self.before > self.megabytes * 1e6:
            raise Limit(f"stopped at {self.megabytes} MB of memory")

    def _listen(self) -> None:
        """Handle its messages until the last."""
        while True:
            message = self._next()
            if message[0] == "end":
                return
            if message[0] == "ready" and not self.started:
                self.started, self.before = True, memory_of(self.process.pid)
                self.end = time.monotonic() + self.seconds
                self.channel.send(pickle.dumps([self.sources, self.seconds / SHARE]))
            elif message[0] == "note":
                self._note(message)
            elif message[0] == "check":
                self._judge(message)

    def _next(self) -> list:
        message = unpacked(self.channel.receive())
        if not isinstance(message, list) or not message or not isinstance(message[0], str):
            raise ProtocolError("not a list with a kind")
        return message

    def _note(self, message: list) -> None:
        if len(self.result.notes) < MOST:
            self.result.notes.append(f"cell {message[1]}: {message[2]}"[:300])

    def _judge(self, message: list) -> None:
        if len(message) != 3 or not isinstance(message[1], str):
            raise ProtocolError("a check without a name or an answer")
        name, part, exercise = message[1], *message[1].partition(".")[::2]
        if exercise not in checks.SETS.get(part, {}):
            self.channel.send(pickle.dumps(["unknown", f"there is no exercise {name[:80]!r}"]))
            return
        verdict = self._verdict(name, message[2])
        self.result.verdicts[name] = (verdict.state, verdict.sentence[:2000])
        self.channel.send(pickle.dumps(["verdict", verdict.state, verdict.sentence]))

    def _verdict(self, name: str, data: object) -> Verdict:
        remote = Remote(self._ask)
        self.remote = remote
        try:
            answer = Decoder(remote)(data)
        except (ProtocolError, TypeError, ValueError, IndexError, KeyError, AttributeError, RecursionError) as error:
            return Verdict("wrong", f"this answer can't be read: {type(error).__name__}.")
        if str(getattr(answer, "__module__", "")).startswith("ssl_course."):
            return Verdict("wrong", "this hands over the package's own function.")
        return checks.judge(name, answer)

    def _ask(self, payload: bytes) -> list:
        """Send a request and wait for the reply; meanwhile functions of the judge may be called."""
        self.channel.send(payload)
        while True:
            message = self._next()
            if message[0] == "callback":
                self.channel.send(self._call_back(*message[1:]))
            elif message[0] == "reply" and isinstance(message[1], list) and message[1]:
                return message[1]
            else:
                raise ProtocolError("an answer was expected")

    def _call_back(self, place: int, data: object) -> bytes:
        try:
            result = self.remote.callbacks[place](*Decoder(self.remote)(data))
            return pickle.dumps(["answer", self.remote.pickled(result)])
        except Exception as error:  # arguments that the judge's function can't take
            return pickle.dumps(["failure", f"{type(error).__name__}: {error}"[:300]])

    def _code(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(timeout=5)
        return None


def stop(process: subprocess.Popen) -> None:
    """End a process and all that it has started."""
    with contextlib.suppress(ProcessLookupError):  # it is gone, and has left nothing behind
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def memory_of(pid: int) -> float:
    """Bytes of memory in use by a process and its children; 0 if it is gone."""
    try:
        process = psutil.Process(pid)
        return sum(part.memory_info().rss for part in [process, *process.children(recursive=True)])
    except psutil.Error:
        return 0.0
