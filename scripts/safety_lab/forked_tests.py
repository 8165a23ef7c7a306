"""Forked tests: pytest collects once; then every mutant is tried in a child of that process, on the
tests that run its lines: those of files that name its module first, then the fastest first.

A mutant inside a function is put into the living function objects; one that is evaluated at import
needs a process of its own. Run as a program by scripts/mutate: WORK TREE, a JSON job on stdin, one
JSON line a mutant on the descriptor it was given.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

import pytest

from .mutants import Mutant, mutated

TESTS = ("tests/core", "tests/owner", "tests/hal/test_hal_release.py")
OPTIONS = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist")
LONGEST_S = 20.0  # CPU beyond the time its tests need: the mutant does not end
SLOWEST = 30.0  # wall s a CPU s at most: a machine that others use as well


TOOL = 4  # of sys.monitoring: one that nobody else takes
LINE = sys.monitoring.events.LINE


class Ran(NamedTuple):
    """One test: how long it took, the lines it ran ("btrmd/core/machines/lvd.py" -> numbers)."""

    seconds: float
    lines: dict[str, frozenset[int]]


class Recorder:
    """Runs every test once and notes what lines it runs. `map_path` takes the answer as JSON."""

    def __init__(self, root: Path, files: list[str], map_path: Path) -> None:
        self.root, self.map_path = root, map_path
        self.names = {str(root / file): file for file in files}
        self.lines: dict[str, set[int]] = {}

    def _line(self, code: CodeType, line: int) -> object:
        if (name := self.names.get(code.co_filename)) is not None:
            self.lines.setdefault(name, set()).add(line)
        return sys.monitoring.DISABLE  # until the next test begins

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        made: dict[str, tuple[float, dict[str, list[int]]]] = {}
        sys.monitoring.use_tool_id(TOOL, "mutate")
        sys.monitoring.register_callback(TOOL, LINE, self._line)
        sys.monitoring.set_events(TOOL, LINE)
        for place, item in enumerate(session.items):
            self.lines = {}
            sys.monitoring.restart_events()
            following = session.items[place + 1] if place + 1 < len(session.items) else None
            began = time.process_time()
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            lines = {name: sorted(ran) for name, ran in self.lines.items()}
            made[item.nodeid] = (time.process_time() - began, lines)
        self.map_path.write_text(json.dumps(made))
        return True


class Trier:
    """Tries each mutant on the tests that run its lines, the nearest and fastest first."""

    def __init__(
        self,
        root: Path,
        mutants: list[Mutant],
        ran: dict[str, Ran],
        budget_s: float,
        report_fd: int,
    ) -> None:
        self.root, self.mutants, self.ran, self.budget_s = root, mutants, ran, budget_s
        self.report_fd = report_fd
        self.in_child = False
        self.living: list[FunctionType] = []
        self.texts: dict[str, str] = {}  # of the files of tests

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.in_child and report.failed:
            os._exit(1)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        gc.unfreeze()  # tests/conftest.py has frozen what was collected
        gc.collect()
        # before freeze(): what is frozen is no longer among the collector's objects
        self.living = [thing for thing in gc.get_objects() if type(thing) is FunctionType]
        gc.freeze()
        for mutant in sorted(self.mutants, key=lambda m: not m.function):  # the fast ones first
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
            os.write(self.report_fd, (json.dumps(line) + "\n").encode())
        return True

    def _tests(self, mutant: Mutant) -> list[str]:
        """Those that run a line of its statement; of its file where it is made at import."""
        wanted = range(mutant.first, mutant.last + 1)
        path = Path(mutant.file).with_suffix("")
        dotted = ".".join(path.parts)
        found = []
        for name, ran in self.ran.items():
            lines = ran.lines.get(mutant.file, frozenset())
            test = name.partition("::")[0]
            is_near = path.stem in test or dotted in self._text(test)
            # what is made at import may be looked at without a line of it being run
            if not lines.isdisjoint(wanted) if mutant.function else lines or is_near:
                found.append((not is_near, ran.seconds, name))
        chosen, seconds = [], 0.0
        for _, needed, name in sorted(found):
            if chosen and seconds + needed > self.budget_s:
                continue
            seconds += needed
            chosen.append(name)
        return chosen

    def _text(self, test: str) -> str:
        """What stands in a file of tests: what it imports, among the rest."""
        if test not in self.texts:
            self.texts[test] = (self.root / test).read_text(encoding="utf-8")
        return self.texts[test]

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


def main(report_fd: int) -> None:
    root = Path(sys.argv[1])
    job = json.loads(sys.stdin.read())
    os.chdir(root)
    sys.path.insert(0, str(root))
    plugin: object
    if "map" in job:
        plugin = Recorder(root, job["files"], Path(job["map"]))
    else:
        ran = {
            name: Ran(s, {file: frozenset(numbers) for file, numbers in lines.items()})
            for name, (s, lines) in job["ran"].items()
        }
        mutants = [Mutant(*m) for m in job["mutants"]]
        plugin = Trier(root, mutants, ran, job["budget_s"], report_fd)
    raise SystemExit(pytest.main([*OPTIONS, *TESTS], plugins=[plugin]))
