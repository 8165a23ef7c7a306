"""The makers of the package: wheels, licences, bill of materials; and the package in a machine."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
LICENCE = {"sample-1.2.dist-info/licenses/LICENSE": "Do as you like."}


@pytest.fixture
def wheels(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("lib_wheels")


def make_wheel(folder: Path, files: dict[str, str], record: dict[str, str] | None = None) -> Path:
    """A small wheel of "sample" 1.2; `record` gives other contents for the hashes."""
    files = {
        "sample-1.2.dist-info/METADATA": "Metadata-Version: 2.4\nName: sample\nVersion: 1.2\n"
        "License-Expression: MIT\nProject-URL: Homepage, https://example.org/sample\n",
        **files,
    }
    lines = []
    for name, text in {**files, **(record or {})}.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
        lines.append(f"{name},sha256={digest.rstrip('=')},{len(text)}\n")
    path = folder / "sample-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr("sample-1.2.dist-info/RECORD", "".join(lines))
    return path


def test_a_wheel_is_unpacked_without_its_scripts(wheels: ModuleType, tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path,
        {"sample.py": "x = 1\n", "sample-1.2.data/scripts/sample": "#!python\n",
         "sample-1.2.data/purelib/more.py": "y = 2\n", **LICENCE},
    )  # fmt: skip
    wheels.unpack(wheel, tmp_path / "out")
    assert (tmp_path / "out/sample.py").read_text() == "x = 1\n"
    assert (tmp_path / "out/more.py").exists()
    assert not list((tmp_path / "out").rglob("scripts"))


def test_a_damaged_wheel_is_refused(wheels: ModuleType, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": "x = 1\n"}, {"sample.py": "x = 2\n"})
    with pytest.raises(wheels.SourceError, match=r"damaged: sample\.py"):
        wheels.unpack(wheel, tmp_path / "out")


def test_a_wheel_stays_in_its_folder(wheels: ModuleType, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"../outside.py": "x = 1\n"})
    with pytest.raises(wheels.SourceError, match="out of its folder"):
        wheels.unpack(wheel, tmp_path / "out")
    assert not (tmp_path / "outside.py").exists()


def test_no_licence_no_package(wheels: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(wheels.SourceError, match="carries no licence"):
        wheels.licence_files(make_wheel(tmp_path, {"sample.py": ""}))
    found = wheels.licence_files(make_wheel(tmp_path, LICENCE))
    assert found == {"LICENSE": b"Do as you like."}


def test_a_package_of_another_version_answers_as_that_version(
    wheels: ModuleType, tmp_path: Path
) -> None:
    """An update is well when the daemon says the package's version."""
    deb = importlib.import_module("lib_deb")
    for folder in ("lib/btrmd/lib", "share/doc/btrmd/licenses"):
        (tmp_path / "usr" / folder).mkdir(parents=True)
    deb.stage_source(tmp_path, "9.8.7")
    inside = (tmp_path / "usr/lib/btrmd/lib/shared/btrmd/__init__.py").read_text()
    assert '__version__ = "9.8.7"' in inside
    source = (ROOT / "btrmd/__init__.py").read_text().splitlines()
    assert len(set(inside.splitlines()) - set(source)) == 1


def test_the_installation_starts_the_station_once(wheels: ModuleType, tmp_path: Path) -> None:
    """A unit that wants the station starts it: in front of the restart, that ended a station which
    had just come up."""
    (tmp_path / "etc").mkdir()
    importlib.import_module("lib_deb").stage_control(tmp_path, "all", "1.0.0")
    text = (tmp_path / "DEBIAN/postinst").read_text()
    start = text[text.index("start() {") : text.index('case "$1" in')]
    for old, new in (
        ("/run/systemd/system", str(tmp_path)),
        ("deb-systemd-invoke", "echo"),
        ("systemctl", "true"),
        (">/dev/null", ""),
    ):
        start = start.replace(old, new)
    done = subprocess.run(
        ["sh", "-ec", f"{start}\nstart"], check=True, capture_output=True, text=True
    )
    *first, station, last = done.stdout.splitlines()
    assert station == "restart btrmd.service"
    assert last == "start btrmd-update-resume.service"
    assert first == ["start btrmd-helper.socket"]


def test_the_bill_of_materials_is_complete_and_the_same_each_time(
    wheels: ModuleType, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path, LICENCE)
    parts = [wheels.describe(wheel), *wheels.vendored()]
    text = wheels.sbom("1.0", 1_700_000_000, "arm64", parts)
    assert text == wheels.sbom("1.0", 1_700_000_000, "arm64", reversed(parts))
    made = json.loads(text)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.5")
    assert made["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    sample = next(c for c in made["components"] if c["name"] == "sample")
    assert sample["purl"] == "pkg:pypi/sample@1.2"
    assert sample["licenses"] == [{"expression": "MIT"}]
    assert sample["hashes"][0]["content"] == hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert "uplot" in [c["name"].lower() for c in made["components"]]
    refs = [c["bom-ref"] for c in made["components"]]
    assert made["dependencies"][0]["dependsOn"] == refs


def test_the_device_carries_every_pin_and_lgpio_where_there_is_a_build(wheels: ModuleType) -> None:
    old, new = wheels.pins("3.11"), wheels.pins("3.13")
    assert set(old) - set(new) == {"lgpio"}
    run = (ROOT / "requirements/run.txt").read_text()
    assert all(f"{name}=={version}" in run for name, version in new.items())


@pytest.mark.skipif(
    os.environ.get("BTRMD_MACHINES") != "1",
    reason="minutes of machines; set BTRMD_MACHINES=1, or run scripts/test-deb",
)
@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_the_package_in_a_machine(suite: str) -> None:
    command = [sys.executable, ROOT / "scripts/test-deb", "--suite", suite]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
