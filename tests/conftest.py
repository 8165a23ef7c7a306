"""What all tests share: no test touches a real board unless asked, none waits by sleeping."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable

import fork_server
import pytest
import waiting
from hypothesis import HealthCheck, settings

# A slow or busy machine is no failure; examples are not kept in the work tree.
settings.register_profile(
    "btrmd", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("btrmd")

fork_server.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Thousands of tests are collected and stay: the collector of cycles would look at all of them
    again and again, and find nothing."""
    collects = hasattr(config, "workerinput") or not config.getoption("numprocesses", None)
    if collects:  # a process that only shares tests out does not
        gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(10_000)  # a simulated hour makes and drops millions of tuples, and no cycle
    gc.enable()


@pytest.hookimpl(trylast=True)  # after they have been shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = begin_with_long(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    if os.environ.get("BTRMD_HARDWARE") == "1":
        return
    skip = pytest.mark.skip(reason="needs a real board; set BTRMD_HARDWARE=1 on one")
    for item in items:
        if "hardware" in item.keywords:
            item.add_marker(skip)


def begin_with_long(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Long tests first, each of `workers` having as many of them: nobody ends with one, alone.

    xdist gives each worker a piece of the list, all of one length, and takes from the end of it
    what others then do.
    """
    long = [item for item in items if "long" in item.keywords]
    other = [item for item in items if "long" not in item.keywords]
    ordered: list[pytest.Item] = []
    for number in range(workers):
        own = long[number::workers]
        end = max(len(items) * (number + 1) // workers - len(ordered) - len(own), 0)
        ordered += own + other[:end]
        other = other[end:]
    return ordered


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """`wait_until(condition, seconds=10)`: returns when `condition()` is true, else fails."""
    return waiting.wait_until
