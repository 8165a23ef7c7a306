"""What all tests share: no test touches a real board unless asked, none waits by sleeping."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import fork_server
import pytest
from hypothesis import HealthCheck, settings

# A slow or busy machine is no failure; examples are not kept in the work tree.
settings.register_profile(
    "btrmd", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("btrmd")

fork_server.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("BTRMD_HARDWARE") == "1":
        return
    skip = pytest.mark.skip(reason="needs a real board; set BTRMD_HARDWARE=1 on one")
    for item in items:
        if "hardware" in item.keywords:
            item.add_marker(skip)


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """`wait_until(condition, seconds=10)`: returns when `condition()` is true, else fails."""

    def wait(condition: Callable[[], object], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not so within {seconds:g} s"
            time.sleep(0.005)

    return wait
