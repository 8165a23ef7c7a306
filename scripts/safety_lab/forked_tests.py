"""Forked tests: pytest collects once; then every mutant is tried in a child of that process.

A mutant inside a function is put into the living function objects; one that is evaluated at import
needs a process of its own. Run as a program by scripts/mutate: WORK TREE, a JSON job on stdin, one
JSON line a mutant on stdout.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import pytest

from .mutants import Mutant, mutated

TESTS = ("tests/core", "tests/owner", "tests/hal/test_hal_release.py")
OPTIONS = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist")
LONGEST_S = 20.0  # CPU beyond the time its tests need: the mutant does not end
SLOWEST = 30.0  # wall s a CPU s at most: a machine that others use as well


class Ran(NamedTuple):
    """One test: how long it took, and which functions it called ("btrmd/core/lvd.py:step_lvd")."""

    seconds: float
    called: frozenset[str]


class Recorder:
    """Runs every test once and notes what it calls. `map_path` takes the answer as JSON."""

    def __init__(self, root: Path, files: list[str], map_path: Path) -> None:
        self.root, self.map_path = root, map_path
        self.names = {str(root / file): file for file in files}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        made: dict[str, tuple[float, list[str]]] = {}
        for place, item in enumerate(session.items):
            codes: set[CodeType] = set()

            def trace(frame: FrameType, event: str, arg: object, codes: Any = codes) -> None:
                codes.add(frame.f_code)

            following = session.items[place + 1] if place + 1 < len(session.items) else None
            began = time.monotonic()
            threading.settrace(trace)  # type: ignore[arg-type]
            sys.settrace(trace)  # type: ignore[arg-type]
            try:
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            finally:
                sys.settrace(None)
                threading.settrace(None)  # type: ignore[arg-type]
            called = {
                f"{self.names[code.co_filename]}:{code.co_qualname}"
                for code in codes
                if code.co_filename in self.names
            }
            made[item.nodeid] = (time.monotonic() - began, sorted(called))
        self.map_path.write_text(json.dumps(made))
        return True


class Trier:
    """Tries each mutant on the tests that call its function, the fastest first."""

    def __init__(
        self, root: Path, mutants: list[Mutant], ran: dict[str, Ran], budget_s: float
    ) -> None:
        self.root, self.mutants, self.ran, self.budget_s = root, mutants, ran, budget_s
        self.in_child = False
        self.living: list[FunctionType] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.in_child and report.failed:
            os._exit(1)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        gc.collect()
        # before freeze(): what is frozen is no longer among the collector's objects
        self.living = [thing for thing in gc.get_objects() if type(thing) is FunctionType]
        gc.freeze()
        for mutant in self.mutants:
            chosen = [name for name in self._tests(mutant) if name in items]
            began = time.monotonic()
            if mutant.function:
                how = self._fork(mutant, [items[name] for name in chosen])
            else:
                how = self._process(mutant, chosen)
            line = {
                "id": mutant.id, "how": how, "tests": len(chosen),
                "seconds": round(time.monotonic() - began, 1),
            }  # fmt: skip
            os.write(REPORT_FD, (json.dumps(line) + "\n").encode())
        return True

    def _tests(self, mutant: Mutant) -> list[str]:
        function = mutant.function.split(".<locals>")[0]
        whole = f"{mutant.file}:{function}" if function else f"{mutant.file}:"
        found = [
            (ran.seconds, name)
            for name, ran in self.ran.items()
            if (whole in ran.called if function else any(c.startswith(whole) for c in ran.called))
        ]
        chosen, seconds = [], 0.0
        for needed, name in sorted(found):
            seconds += needed
            if chosen and seconds > self.budget_s:
                break
            chosen.append(name)
        return chosen

    def _fork(self, mutant: Mutant, items: list[pytest.Item]) -> str:
        """ "killed", "hung", "survived", or "failed": the mutant could not be made."""
        pid = os.fork()
        if pid == 0:
            self._child(mutant, items)
        return _wait(pid, self._cpu_s * SLOWEST)

    @property
    def _cpu_s(self) -> int:
        return int(self.budget_s * 3.0 + LONGEST_S)

    def _child(self, mutant: Mutant, items: list[pytest.Item]) -> None:
        code = FAILED
        try:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 1)
            os.dup2(null, 2)
            self.in_child = True
            resource.setrlimit(resource.RLIMIT_CPU, (self._cpu_s, self._cpu_s + 5))
            patch(self.living, mutant, mutated(self.root, mutant))
            code = 1
            for place, item in enumerate(items):
                following = items[place + 1] if place + 1 < len(items) else None
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            code = 0
        finally:
            os._exit(code)

    def _process(self, mutant: Mutant, names: list[str]) -> str:
        path = self.root / mutant.file
        original = path.read_text(encoding="utf-8")
        path.write_text(mutated(self.root, mutant), encoding="utf-8")
        try:
            with subprocess.Popen(
                [sys.executable, "-B", "-m", "pytest", "-x", *OPTIONS, *names],
                cwd=self.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            ) as process:  # fmt: skip
                try:
                    code = process.wait(self._cpu_s * SLOWEST)
                except subprocess.TimeoutExpired:
                    process.kill()
                    return "failed"
            return "survived" if code == 0 else "killed"
        finally:
            path.write_text(original, encoding="utf-8")


REPORT_FD = 3
FAILED = 3  # exit code of a child that could not make its mutant
# any other end: a test has noticed
WORDS = {0: "survived", FAILED: "failed", -signal.SIGXCPU: "hung", -signal.SIGKILL: "hung"}


def _wait(pid: int, seconds: float) -> str:
    end = time.monotonic() + seconds
    pause = 0.002
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return WORDS.get(os.waitstatus_to_exitcode(status), "killed")
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return "failed"  # too slow a machine says nothing of the mutant
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def _codes(code: CodeType) -> list[CodeType]:
    found = [code]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += _codes(constant)
    return found


def patch(living: list[FunctionType], mutant: Mutant, source: str) -> None:
    """Give the function among `living` its mutant's code. Raises LookupError when there is none."""
    module = mutant.file.removesuffix(".py").replace("/", ".")
    outer = mutant.function
    codes = {code.co_qualname: code for code in _codes(compile(source, mutant.file, "exec"))}
    living = [function for function in living if function.__module__ == module]
    # a nested function comes with the one around it
    while outer and not any(function.__qualname__ == outer for function in living):
        outer = outer.rpartition(".")[0].removesuffix(".<locals>")
    if not outer:
        raise LookupError(mutant.id)
    for function in living:
        if function.__qualname__ == outer:
            function.__code__ = codes[outer]


def main() -> None:
    root = Path(sys.argv[1])
    job = json.loads(sys.stdin.read())
    os.chdir(root)
    sys.path.insert(0, str(root))
    plugin: object
    if "map" in job:
        plugin = Recorder(root, job["files"], Path(job["map"]))
    else:
        ran = {name: Ran(s, frozenset(called)) for name, (s, called) in job["ran"].items()}
        plugin = Trier(root, [Mutant(*m) for m in job["mutants"]], ran, job["budget_s"])
    raise SystemExit(pytest.main([*OPTIONS, *TESTS], plugins=[plugin]))


if __name__ == "__main__":
    main()
