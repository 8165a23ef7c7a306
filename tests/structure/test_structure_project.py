"""The project itself: pins, scripts and documents agree with each other."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
from pathlib import Path

import pytest

import btrmd

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [
    path
    for path in sorted((ROOT / "scripts").iterdir())
    if path.is_file() and path.read_bytes().startswith(b"#!")
]


def pins(name: str) -> dict[str, str]:
    """package -> version of a requirements file; every line must be an exact pin."""
    found = {}
    for line in (ROOT / "requirements" / name).read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            package, equals, version = line.partition("==")
            assert equals, f"{name}: {line} is not pinned"
            found[package] = version
    return found


@pytest.mark.parametrize("path", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda path: path.name)
def test_scripts_can_run(path: Path) -> None:
    assert os.access(path, os.X_OK)
    if b"bash" in path.read_bytes().split(b"\n")[0]:
        subprocess.run(["bash", "-n", path], check=True, timeout=20)


def test_every_runtime_library_has_a_reason() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text().lower()
    missing = [name for name in pins("run.txt") if name.lower().replace("_", "-") not in text]
    assert missing == []


def test_pins_agree() -> None:
    run, dev = pins("run.txt"), pins("dev.txt")
    assert not set(run) & set(dev), "a package is pinned once"


def test_version_is_in_the_changelog_or_unreleased() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert text.index("## Unreleased") < min(
        (match.start() for match in re.finditer(r"^## \d", text, re.M)), default=len(text)
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+", btrmd.__version__)


def test_readme_opens_with_the_two_commands() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    opening = "\n".join(lines[:16])
    assert "scripts/demo" in opening
    assert "scripts/test" in opening


def test_links_between_documents_lead_somewhere() -> None:
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    broken = []
    for document in documents:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text()):
            if "://" not in target and not (document.parent / target).exists():
                broken.append(f"{document.relative_to(ROOT)}: {target}")
    assert broken == []


def test_the_unit_leaves_the_coils_dead() -> None:
    unit = (ROOT / "systemd" / "btrmd.service").read_text()
    stop = [line for line in unit.splitlines() if line.startswith("ExecStopPost=")]
    assert stop, "DESIGN section 2: the unit drives the coils low when the daemon ends"
    assert "Type=notify" in unit
    assert "WatchdogSec=" in unit


def test_the_architecture_names_every_package_and_no_other() -> None:
    """docs/architecture.md: its table is the tree."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text[text.index("| package | is |") : text.index("## One tick")]
    named = {
        name
        for row in table.splitlines()[2:]
        for name in re.findall(r"`([a-z_]+(?:/|\.py))`", row.split("|")[1] if row else "")
    }
    tree = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "btrmd").iterdir()
        if not path.name.startswith("__") and path.name != "py.typed"
    }
    assert named == tree


MODULE = re.compile(r"(?<![\w/.])((?:[a-z_0-9]+/)+[a-z_0-9]+\.py)\b")


def missing_modules(text: str) -> list[str]:
    """Paths of Python files that a text names and that are nowhere in the tree."""
    roots = (ROOT, ROOT / "btrmd", ROOT / "tests", ROOT / "scripts")
    return [
        name for name in MODULE.findall(text) if not any((one / name).is_file() for one in roots)
    ]


def test_documents_and_comments_name_modules_that_are_there() -> None:
    paths = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "btrmd").rglob("*.py")]
    found = {
        str(path.relative_to(ROOT)): missing
        for path in sorted(paths)
        if path.name != "CHANGELOG.md"  # it tells of what was
        and (missing := missing_modules(path.read_text(encoding="utf-8")))
    }
    assert found == {}
    assert missing_modules("see `core/step.py`, `core/gone.py` and btrmd/gone.py") == [
        "core/gone.py", "btrmd/gone.py"
    ]  # fmt: skip


# Where else a test or its program sleeps, and how often: the pace of an attack or of what is
# counted, the instant of a kill, and a second in which next to nothing may happen.
SLEEPS = {
    "tests/fieldbus/test_fieldbus_dnp3_events.py": 1,
    "tests/mqtt/broker_kills.py": 1,
    "tests/snmp/test_snmp_damaged.py": 1,
    "tests/store/store_kills.py": 1,
    "tests/support/hostile_crowd.py": 7,
    "tests/support/waiting.py": 1,  # all others wait for a condition
}


def test_nothing_sleeps_that_could_wait_for_a_condition() -> None:
    """`sleep(0)` lets an event loop go on, and is no sleep."""
    found = {
        str(path.relative_to(ROOT)): count
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if (count := len(re.findall(r"(?<!def )\bsleep\((?!0\))", path.read_text())))
        and path != Path(__file__)
    }
    assert found == SLEEPS


IMPORTED = re.compile(r"^ *from (btrmd[\w.]*) import \(?([\w, ]+)", re.M)


def missing_imports(text: str) -> list[str]:
    """What a text imports from btrmd that is not there, in a program within a string too."""
    found = []
    for module, names in IMPORTED.findall(text):
        for name in re.findall(r"\w+", re.sub(r"\bas \w+", "", names)):
            try:
                is_there = hasattr(importlib.import_module(module), name)
                if not is_there:
                    importlib.import_module(f"{module}.{name}")
            except ModuleNotFoundError:
                found.append(f"{module}.{name}")
    return found


def test_programs_that_scripts_send_to_machines_import_what_is_there() -> None:
    """No type checker sees them, and a machine that runs them is rarely at hand."""
    scripts = [path for path in (ROOT / "scripts").rglob("*") if path.is_file()]
    found = {
        path.name: missing_imports(path.read_text())
        for path in scripts
        if path.suffix in ("", ".py", ".sh")
    }
    assert {name: missing for name, missing in found.items() if missing} == {}
    assert missing_imports("from btrmd.bus import Bus, Gone\nfrom btrmd.gone import It") == [
        "btrmd.bus.Gone", "btrmd.gone.It"
    ]  # fmt: skip
