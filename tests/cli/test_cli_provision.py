"""`btrmd provision`: a fresh unit becomes site 17 from a row of a CSV, once."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from btrmd.cli import memory_stick, verbs_provision
from btrmd.store.lock import DirLock
from btrmd.store.provision_file import ProvisionFile
from btrmd.store.settings_file import load_settings

Run = Callable[..., Any]

SERIAL = "10000000deadbe17"
NUMBER = f"whose serial number is {SERIAL}"
ROWS = (
    "serial,site.name,site.location,network.address,test.enabled,battery.rated_ah\n"
    "10000000deadbe16,Site 16,Valley,10.0.0.16,false,100\n"
    "10000000DEADBE17,Site 17,Hilltop,10.0.0.17,true,\n"
)


@pytest.fixture
def boot(tmp_path: Path) -> Path:
    made = tmp_path / "boot"
    made.mkdir()
    return made


@pytest.fixture(autouse=True)
def serial(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("btrmd.daemon.unit_serial.BOARD_FILE", state_dir / "none")
    state_dir.mkdir(exist_ok=True)
    (state_dir / "serial").write_text(SERIAL)


@pytest.fixture
def place(config_dir: Path, state_dir: Path) -> tuple[object, ...]:
    return ("--config-dir", config_dir, "--state-dir", state_dir)


def test_a_fresh_unit_becomes_site_17_once(
    run: Run, boot: Path, place: tuple[object, ...], config_dir: Path, state_dir: Path
) -> None:
    run("set", "battery.rated_ah=26", *place)
    (boot / "btrm.csv").write_text("\ufeff" + ROWS)
    done = run("provision", boot / "none", boot, *place)
    assert tuple(done) == (
        0,
        f"btrm.csv was applied to the unit {SERIAL}: 4 settings changed.\n",
        "",
    )
    settings = load_settings(config_dir).settings
    keys = ("site.name", "network.address", "test.enabled", "battery.rated_ah")
    assert [settings[key] for key in keys] == ["Site 17", "10.0.0.17", True, 26.0]
    assert [path.name for path in boot.iterdir()] == ["btrm.csv.applied"]
    report = ProvisionFile(state_dir).load()
    assert (report.is_fault, report.is_reported) == (False, False)
    assert run("provision", boot, *place) == (0, "", "")


def test_json_is_for_whatever_unit_finds_it_and_goes_first(
    run: Run, boot: Path, place: tuple[object, ...], config_dir: Path
) -> None:
    (boot / "btrm.json").write_text('{"schema": 1, "settings": {"snmp.read1": "ops"}}')
    (boot / "btrm.csv").write_text(ROWS.replace(",", ";"))
    assert run("provision", boot, *place).code == 0
    settings = load_settings(config_dir).settings
    assert settings["snmp.read1"] == "ops"
    assert settings["site.name"] != "Site 17"
    assert run("provision", boot, *place).code == 0
    assert load_settings(config_dir).settings["site.name"] == "Site 17"


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (
            ROWS.replace("DEADBE17", "DEADBE18"),
            f"no row for this unit, {NUMBER}",
        ),
        (ROWS.replace("site.location", "site.place"), "the column 'site.place' is not known"),
        (ROWS.replace("site.location", "site.name"), "has the column 'site.name' twice"),
        (ROWS.replace("serial", "unit"), 'has no column "serial"'),
        (ROWS + ROWS.splitlines()[2], "two rows"),
        (ROWS + "10000000deadbe19,too,few\n", "line 4 has 3 cells, expected 6"),
        (ROWS.replace("10.0.0.17", "10.0.0.256"), "network.address"),
        (ROWS.replace("true", "maybe"), "test.enabled"),
        (ROWS + '"', "is not CSV"),
        ("", 'has no column "serial"'),
        ("\udcff", "not UTF-8"),
    ],
)
def test_a_wrong_file_changes_nothing_and_is_a_fault_until_it_is_gone(
    run: Run, boot: Path, place: tuple[object, ...], config_dir: Path, state_dir: Path,
    content: str, part: str,
) -> None:  # fmt: skip
    file = boot / "btrm.csv"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    before = dict(load_settings(config_dir).settings)
    done = run("provision", boot, *place)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert part in done.err
    assert "nothing has been changed" in done.err
    assert dict(load_settings(config_dir).settings) == before
    assert file.exists()
    kept = ProvisionFile(state_dir)
    assert kept.load().is_fault
    kept.save(kept.load()._replace(is_reported=True))
    assert run("provision", boot, *place).code == 1
    assert kept.load().is_reported, "the same refusal is told once"
    file.unlink()
    assert run("provision", boot, *place).code == 0
    assert not kept.load().is_fault


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda boot: (boot / "btrm.csv").mkdir(), "it is a folder"),
        (lambda boot: os.mkfifo(boot / "btrm.json"), "it is no regular file"),
        (lambda boot: (boot / "btrm.csv").symlink_to("/nowhere"), "btrm.csv"),
        (lambda boot: (boot / "btrm.csv.txt").write_text(ROWS), "name it btrm.csv."),
        (lambda boot: (boot / "Btrm.CSV").write_text(ROWS), "name it btrm.csv."),
        (lambda boot: (boot / "btrm.json.TXT").write_text("{}"), "name it btrm.json."),
        (
            lambda boot: (boot / "btrm.json").write_text(
                '{"schema": 1, "settings": {"site.name": "A", "site.name": "B"}}'
            ),
            "btrm.json has 'site.name' twice",
        ),
    ],
)
def test_what_is_meant_to_be_a_file_for_it_is_never_passed_over(
    run: Run, boot: Path, place: tuple[object, ...], config_dir: Path, state_dir: Path,
    make: Callable[[Path], object], part: str,
) -> None:  # fmt: skip
    before = dict(load_settings(config_dir).settings)
    make(boot)
    done = run("provision", boot, *place)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert part in done.err
    assert ProvisionFile(state_dir).load().is_fault
    assert dict(load_settings(config_dir).settings) == before
    (boot / "btrm.csv.applied").write_text(ROWS)
    for path in boot.glob("[Bb]trm.*"):
        path.rmdir() if path.is_dir() else path.unlink()
    assert run("provision", boot, *place).code == 0
    assert not ProvisionFile(state_dir).load().is_fault


def test_a_file_that_cannot_be_renamed_is_applied_once_all_the_same(
    run: Run, boot: Path, place: tuple[object, ...], config_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (boot / "btrm.csv").write_text(ROWS)
    replace = os.replace

    def refuse(source: object, target: object) -> None:
        if str(target).endswith(".applied"):
            raise OSError(30, "Read-only file system")
        replace(str(source), str(target))

    monkeypatch.setattr(os, "replace", refuse)
    done = run("provision", boot, *place)
    assert done.code == 0
    assert "cannot be renamed: Read-only file system" in done.out
    run("set", "site.name=Moved", *place)
    assert run("provision", boot, *place).code == 0
    assert load_settings(config_dir).settings["site.name"] == "Moved"


def test_the_files_of_a_unit_in_use_are_left_alone(
    run: Run, boot: Path, place: tuple[object, ...], config_dir: Path, state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("btrmd.cli.settings_client.LOCK_S", 0.1)
    (boot / "btrm.csv").write_text(ROWS)
    with DirLock(state_dir):
        assert run("provision", boot, *place).code == 1
    assert (boot / "btrm.csv").exists()
    assert list(config_dir.iterdir()) == []


# --- the memory stick ---------------------------------------------------------------------------


def make_stick(folder: Path, mount: Path, name: str = "stick.img", label: str = "BTRM") -> Path:
    """An image with a file system; skips where none can be mounted."""
    image = folder / name
    image.write_bytes(bytes(4 << 20))
    mkfs = shutil.which("mkfs.ext4") or "/usr/sbin/mkfs.ext4"
    if os.geteuid() or not Path(mkfs).exists():
        pytest.skip("this needs root and mkfs.ext4 (package e2fsprogs)")
    subprocess.run([mkfs, "-q", "-L", label, str(image)], check=True, capture_output=True)
    mount.mkdir(exist_ok=True)
    done = subprocess.run(["mount", str(image), str(mount)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no image can be mounted here")
    return image


def test_a_memory_stick_is_read_and_let_go(
    run: Run, tmp_path: Path, place: tuple[object, ...], config_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    mount = tmp_path / "stick"
    image = make_stick(tmp_path, mount)
    (mount / "btrm.csv").write_text(ROWS)
    subprocess.run(["umount", str(mount)], check=True)
    monkeypatch.setattr(verbs_provision, "FOLDERS", (str(tmp_path / "none"),))
    monkeypatch.setattr(memory_stick, "LABEL", image)
    monkeypatch.setattr(memory_stick, "MOUNT_POINT", mount)
    assert run("provision", *place).code == 0
    assert load_settings(config_dir).settings["site.name"] == "Site 17"
    assert not os.path.ismount(mount)
    subprocess.run(["mount", str(image), str(mount)], check=True)
    names = {path.name for path in mount.iterdir()}
    subprocess.run(["umount", str(mount)], check=True)
    assert names == {"btrm.csv.applied", "lost+found"}
    assert run("provision", *place) == (0, "", "")


def test_a_file_on_the_boot_partition_goes_before_the_stick_and_says_so(
    run: Run, tmp_path: Path, boot: Path, place: tuple[object, ...], config_dir: Path,
    state_dir: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    mount = tmp_path / "stick"
    image = make_stick(tmp_path, mount)
    (mount / "btrm.csv").write_text(ROWS.replace("Site 17", "Of the stick"))
    subprocess.run(["umount", str(mount)], check=True)
    (boot / "btrm.csv").write_text(ROWS)
    monkeypatch.setattr(verbs_provision, "FOLDERS", (str(boot),))
    monkeypatch.setattr(memory_stick, "LABEL", image)
    monkeypatch.setattr(memory_stick, "MOUNT_POINT", mount)
    words = f"4 settings changed. {mount}/btrm.csv waits for the next start."
    assert run("provision", *place).out.strip().endswith(words)
    assert ProvisionFile(state_dir).load().text.endswith(words)
    assert load_settings(config_dir).settings["site.name"] == "Site 17"
    assert run("provision", *place).out.strip().endswith("1 setting changed.")
    assert load_settings(config_dir).settings["site.name"] == "Of the stick"


@pytest.fixture
def two_sticks(tmp_path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """What by-label has, and the devices; under a label of this test's own."""
    label, devices = f"T{os.getpid()}", []
    mount = tmp_path / "stick"
    for name in ("one.img", "two.img"):
        image = make_stick(tmp_path, mount, name, label)
        (mount / "btrm.csv").write_text(ROWS)
        subprocess.run(["umount", str(mount)], check=True)
        done = subprocess.run(
            ["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip("no loop device is to be had here")
        devices.append(done.stdout.strip())
    (tmp_path / label).symlink_to(devices[1])
    yield tmp_path / label, tuple(sorted(devices))
    for device in devices:
        subprocess.run(["losetup", "--detach", device], check=True)


def test_of_two_sticks_none_is_read_and_the_boot_partition_is(
    run: Run, tmp_path: Path, boot: Path, place: tuple[object, ...], config_dir: Path,
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, two_sticks: tuple[Path, tuple[str, ...]],
) -> None:  # fmt: skip
    label, devices = two_sticks
    monkeypatch.setattr(verbs_provision, "FOLDERS", (str(boot),))
    monkeypatch.setattr(memory_stick, "LABEL", label)
    monkeypatch.setattr(memory_stick, "MOUNT_POINT", tmp_path / "stick")
    words = (
        f"2 file systems are labelled {label.name} ({', '.join(devices)}), so none of them was "
        "read: leave one."
    )
    assert tuple(run("provision", *place)) == (1, "", f"btrmd: {words}\n")
    assert load_settings(config_dir).settings["site.name"] != "Site 17"
    kept = ProvisionFile(state_dir)
    assert kept.load() == (words, True, False, "")
    kept.save(kept.load()._replace(is_reported=True))
    assert run("provision", *place).code == 1
    assert kept.load().is_reported, "the same is told once"
    (boot / "btrm.csv").write_text(ROWS)
    assert run("provision", *place).code == 1
    assert load_settings(config_dir).settings["site.name"] == "Site 17"
    text, is_fault, *_ = kept.load()
    assert text.startswith(f"btrm.csv was applied to the unit {SERIAL}: 4 settings changed. 2 file")
    assert is_fault
    monkeypatch.setattr(memory_stick, "LABEL", tmp_path / "none")
    assert run("provision", *place).code == 0
    assert not kept.load().is_fault


def test_a_stick_that_cannot_be_read_is_a_fault_and_hides_no_other_file(
    run: Run, tmp_path: Path, boot: Path, place: tuple[object, ...], config_dir: Path,
    state_dir: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if os.geteuid():
        pytest.skip("only root mounts a stick")
    image = tmp_path / "broken.img"
    image.write_bytes(bytes(1 << 20))
    (boot / "btrm.csv").write_text(ROWS)
    monkeypatch.setattr(verbs_provision, "FOLDERS", (str(boot),))
    monkeypatch.setattr(memory_stick, "LABEL", image)
    monkeypatch.setattr(memory_stick, "MOUNT_POINT", tmp_path / "stick")
    done = run("provision", *place)
    assert done.code == 1
    assert "The memory stick broken.img cannot be read: mount: " in done.err
    assert load_settings(config_dir).settings["site.name"] == "Site 17"
    assert ProvisionFile(state_dir).load().is_fault
