"""What the SNMP tests share: an agent in this process, net-snmp's programs, daemons."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests" / "support")]

from daemon_process import DaemonProcess  # noqa: E402
from snmp_station import Agent  # noqa: E402

Run = Callable[..., str]


@pytest.fixture
def agent() -> Iterator[Agent]:
    made = Agent()
    yield made
    made.close()


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`tool("snmpget", ...)`: output and errors of a net-snmp program, without its own config."""
    folder = tmp_path_factory.mktemp("net-snmp")
    (folder / "cert_indexes").mkdir()  # else the programs tell that they have made it

    def run(*words: str, timeout: float = 20.0) -> str:
        program = shutil.which(words[0]) or shutil.which(words[0], path="/usr/sbin")
        if program is None:
            pytest.skip(f"{words[0]} is not installed (packages snmp, snmptrapd, smitools)")
        done = subprocess.run(
            [program, *words[1:]], capture_output=True, text=True, timeout=timeout, check=False,
            env={"SNMPCONFPATH": str(folder), "MIBS": "", "SNMP_PERSISTENT_DIR": str(folder),
                 "HOME": str(folder)},
        )  # fmt: skip
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon with SNMP on a free port and a write community."""
    made = DaemonProcess(tmp_path_factory.mktemp("snmp") / "a", speed=5)
    (made.config_dir / "btrmd.toml").write_text('[defaults]\nsnmp.write1 = "private"\n')
    made.start("--snmp", "127.0.0.1:0")
    yield made
    made.close()
