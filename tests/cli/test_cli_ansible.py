"""contrib/ansible: the role changes what differs, once, and check mode changes nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from btrmd.store.settings_file import load_settings

ROOT = Path(__file__).resolve().parents[2]
RECAP = re.compile(r"ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)")


def play(folder: Path, settings: dict[str, object], *words: str) -> tuple[int, int]:
    """The numbers of changed and failed tasks of the role on the unit in `folder`."""
    program = shutil.which("ansible-playbook")
    if program is None:
        pytest.skip("ansible-playbook is not installed (package ansible-core)")
    btrmd = folder / "btrmd"
    btrmd.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m btrmd "$@"\n')
    btrmd.chmod(0o755)
    book = folder / "book.yml"
    roles = [{"role": str(ROOT / "contrib/ansible/roles/btrmd")}]
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "roles": roles}]))
    wanted = {
        "btrmd_command": str(btrmd),
        "btrmd_options": ["--config-dir", str(folder / "config")],
        "btrmd_become": False,
        "btrmd_settings": settings,
    }
    interpreter = shutil.which("python3", path="/usr/bin") or sys.executable
    done = subprocess.run(
        [program, "-i", "localhost,", "-c", "local", str(book), "-e", json.dumps(wanted),
         "-e", f"ansible_python_interpreter={interpreter}", *words],
        capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8",
             "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"), "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip
    recap = RECAP.search(done.stdout)
    assert recap is not None, done.stdout + done.stderr
    return int(recap[2]), int(recap[4])


def test_the_role_is_idempotent_and_its_check_mode_clean(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    wanted: dict[str, object] = {"site.name": "Site 17", "test.type": 2, "snmp.read1": "ops"}
    assert play(tmp_path, wanted, "--check") == (1, 0)
    assert list(config.iterdir()) == []
    assert play(tmp_path, wanted) == (1, 0)
    settings = load_settings(config).settings
    assert [settings[key] for key in wanted] == list(wanted.values())
    assert play(tmp_path, wanted) == (0, 0)
    assert play(tmp_path, wanted, "--check") == (0, 0)
    assert play(tmp_path, {"test.type": 9}) == (0, 1)
    assert load_settings(config).settings["test.type"] == 2
