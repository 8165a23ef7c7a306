"""The whole way of an update, with the real dpkg: staged, installed, judged, or back again."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from appliance_fixtures import Bench, wait_until
from appliance_packages import ARCH, Machine

from btrmd.appliance import files
from btrmd.appliance.installer.health import InstalledHealth
from btrmd.appliance.minimum import give_leave

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        os.getuid() != 0 or not ARCH or shutil.which("openssl") is None,
        reason="needs root, dpkg and openssl",
    ),
]
READY = ("--ready-s", "10")
SOON_S = 3.0  # where it never becomes ready; the old version has four times as long
SOON = ("--ready-s", str(SOON_S))


@pytest.fixture
def machine(bench: Bench) -> Iterator[Machine]:
    made = Machine(bench)
    yield made
    made.close()


def state(machine: Machine) -> dict[str, Any]:
    path = machine.bench.lib / "update.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def upload(machine: Machine, bundle: Path) -> None:
    shutil.copy(bundle, machine.bench.incoming)


def stage(machine: Machine, bundle: Path) -> dict[str, Any]:
    upload(machine, bundle)
    return machine.bench.ask("update.stage")


def end_of(machine: Machine) -> dict[str, Any]:
    def ended() -> dict[str, Any]:
        found = state(machine)
        return found if found.get("state") not in (None, "installing") else {}

    return dict(wait_until(ended, machine.log.read_text() if machine.log.exists() else ""))


def test_a_good_one_goes_in_and_a_bad_one_comes_back(machine: Machine) -> None:
    bench = machine.bench
    machine.install_first(machine.deb("1.0.0"))
    assert machine.installed == "1.0.0 installed"
    site = machine.root / "etc/btrm/site"
    site.write_text("by hand\n")
    bench.start(*READY)

    answer = stage(machine, machine.bundle(machine.deb("1.1.0")))
    assert answer["ok"], answer
    assert (answer["version"], answer["installed"]) == ("1.1.0", "1.0.0")
    answer = bench.ask("update.install")
    assert answer["ok"], answer
    assert "1.1.0 is being installed" in answer["text"]
    ended = end_of(machine)
    assert ended["state"] == "good", f"{ended} {machine.log.read_text()}"
    assert ended["text"] == "btrmd 1.1.0 is installed and well."
    assert machine.installed == "1.1.0 installed"
    assert site.read_text() == "by hand\n", "conffiles are the site's"
    wait_until(lambda: "update_ended" in (bench.daemon_run / "asked").read_text())

    # 1.2.0 never gets well: 1.1.0 returns by itself, from the package that was kept.
    bench.stop()
    bench.start(*SOON)
    assert stage(machine, machine.bundle(machine.deb("1.2.0", well=False)))["ok"]
    assert bench.ask("update.install")["ok"]
    wait_until(lambda: state(machine)["n"] == 2)
    ended = end_of(machine)
    assert ended["state"] == "rolled_back", f"{ended} {machine.log.read_text()}"
    assert "btrmd 1.2.0 was not well" in ended["text"]
    assert ended["text"].endswith("1.1.0 is back.")
    assert machine.installed == "1.1.0 installed"
    assert (machine.root / "usr/share/btrmd/version").read_text() == "1.1.0\n"
    assert site.read_text() == "by hand\n"


def test_the_first_version_which_nobody_kept_comes_back_too(machine: Machine) -> None:
    """Nobody kept its file: it is made again from what is installed."""
    machine.install_first(machine.deb("1.0.0"))
    machine.bench.start(*SOON)
    assert stage(machine, machine.bundle(machine.deb("2.0.0", well=False)))["ok"]
    assert machine.bench.ask("update.install")["ok"]
    ended = end_of(machine)
    assert ended["state"] == "rolled_back", f"{ended} {machine.log.read_text()}"
    assert machine.installed == "1.0.0 installed"
    assert (machine.root / "usr/share/btrmd/version").read_text() == "1.0.0\n"
    assert (machine.root / "usr/share/btrmd/link").readlink() == Path("version")
    shown = machine.run("dpkg-query", "-s", "btrmd")
    assert "Description: a station\n that is played\n .\n for a test" in shown


def test_what_is_refused_before_anything_is_touched(machine: Machine) -> None:
    bench = machine.bench
    machine.install_first(machine.deb("1.5.0"))
    bench.start(*READY)
    assert "No update has been uploaded" in bench.ask("update.stage")["text"]
    assert "No verified update is waiting" in bench.ask("update.install")["text"]

    newer = machine.deb("1.6.0")
    assert "is for jessie" in stage(machine, machine.bundle(newer, "--suite", "jessie"))["text"]
    other = "armhf" if ARCH != "armhf" else "arm64"
    foreign = stage(machine, machine.bundle(machine.deb("1.6.0", arch=other)))
    assert foreign["text"] == f"The bundle is for {other}; this machine is {ARCH}."

    good = machine.bundle(newer)
    data = bytearray(good.read_bytes())
    data[3000] ^= 1
    good.with_name("bad").write_bytes(data)
    assert "refused" in stage(machine, good.with_name("bad"))["text"]
    assert "No verified update" in bench.ask("update.install")["text"], "nothing stays staged"
    bench.incoming.unlink()
    bench.incoming.symlink_to(good)
    assert "cannot be read" in bench.ask("update.stage")["text"], "never through a link"
    bench.incoming.unlink()
    os.mkfifo(bench.incoming)
    assert bench.ask("update.stage")["ok"] is False
    bench.incoming.unlink()
    with bench.incoming.open("wb") as file:
        file.truncate((128 << 20) + 1)
    assert "allowed are 128 MiB" in bench.ask("update.stage")["text"]

    assert stage(machine, machine.bundle(machine.deb("1.4.0")))["ok"]
    older = bench.ask("update.install")
    assert "1.4.0 is older than 1.5.0, the oldest version that may be installed" in older["text"]
    assert bench.ask("update.install", downgrade="yes")["ok"] is False
    (bench.keys / "factory.pem").unlink()
    assert "No update key is installed" in stage(machine, good)["text"]
    assert state(machine) == {}
    assert machine.installed == "1.5.0 installed"


def test_only_root_gives_leave_for_a_downgrade(machine: Machine) -> None:
    bench = machine.bench
    machine.install_first(machine.deb("1.5.0"))
    bench.start(*READY)
    older = machine.bundle(machine.deb("1.4.0"))
    assert stage(machine, older)["ok"]
    refused = bench.ask("update.install", downgrade=True)
    assert "only root gives leave to go below it" in refused["text"]
    leave = bench.lib / "downgrade"
    for wrong in ("1.3.0", "1.4.0.1", "", "1.4.0 1.5.0"):
        give_leave(bench.lib, wrong)
        assert "only root" in bench.ask("update.install", downgrade=True)["text"], wrong
    give_leave(bench.lib, "1.4.0")
    leave.chmod(0o666)
    assert "only root" in bench.ask("update.install", downgrade=True)["text"]
    leave.chmod(0o644)
    os.chown(leave, 4711, 4711)
    assert "only root" in bench.ask("update.install", downgrade=True)["text"]
    give_leave(bench.lib, "1.4.0")
    assert bench.ask("update.install", downgrade=True)["ok"]
    assert end_of(machine)["state"] == "good"
    assert machine.installed == "1.4.0 installed"
    assert not leave.exists(), "for once"
    assert (bench.lib / "minimum").read_text() == "1.4.0\n"


def test_each_update_raises_the_minimum_for_good(machine: Machine) -> None:
    """A signed version between what root put back by hand and what was there before is refused."""
    bench = machine.bench
    machine.install_first(machine.deb("1.0.0"))
    bench.start(*READY)
    assert stage(machine, machine.bundle(machine.deb("1.2.0")))["ok"]
    assert bench.ask("update.install")["ok"]
    assert end_of(machine)["state"] == "good"
    assert (bench.lib / "minimum").read_text() == "1.2.0\n"
    machine.install_first(machine.deb("1.0.0"))
    between = machine.bundle(machine.deb("1.1.0"))
    assert stage(machine, between)["ok"]
    assert "older than 1.2.0" in bench.ask("update.install")["text"]
    assert "1.2.0 is the oldest" in bench.ask("update.install", downgrade=True)["text"]
    assert machine.installed == "1.0.0 installed"
    # One that does not get well raises nothing.
    bench.stop()
    bench.start(*SOON)
    assert stage(machine, machine.bundle(machine.deb("1.3.0", well="The pages are ill.")))["ok"]
    assert bench.ask("update.install")["ok"]
    wait_until(lambda: state(machine)["n"] == 2)
    ended = end_of(machine)
    assert ended["state"] == "rolled_back"
    assert "btrmd 1.3.0 was not well (The pages are ill)" in ended["text"]
    assert (bench.lib / "minimum").read_text() == "1.2.0\n"


def lines(machine: Machine) -> list[str]:
    with closing(sqlite3.connect(machine.bench.daemon_state / "history.db")) as database:
        return [row[0] for row in database.execute("SELECT text FROM events ORDER BY rowid")]


def test_going_back_keeps_the_history_though_the_new_version_changed_its_tables(
    machine: Machine,
) -> None:
    bench = machine.bench
    folder = bench.daemon_state
    with closing(sqlite3.connect(folder / "history.db")) as database:
        database.execute("CREATE TABLE events (n INTEGER PRIMARY KEY, text TEXT)")
        database.execute("CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT)")
        database.execute("INSERT INTO events (text) VALUES ('ten years of it')")
        database.execute("PRAGMA user_version=3")
        database.commit()
    for path in (folder, folder / "history.db"):
        os.chown(path, 4711, 4711)
    machine.install_first(machine.deb("1.0.0"))
    bench.start(*SOON)
    ill = machine.deb("1.1.0", schema=4, well="It is ill.")
    assert stage(machine, machine.bundle(ill))["ok"]
    assert bench.ask("update.install")["ok"]
    ended = end_of(machine)
    assert ended["state"] == "rolled_back", f"{ended} {machine.log.read_text()}"
    assert lines(machine) == [
        "ten years of it", "written by 1.0.0", "written by 1.1.0", "written by 1.0.0"
    ]  # fmt: skip
    names = {path.name for path in folder.iterdir()}
    assert names == {"history.db", "history.db.of-newer-version"}
    assert {path.stat().st_uid for path in folder.iterdir()} == {4711}, "root made none of them"


def test_a_test_that_has_begun_meanwhile_goes_on(machine: Machine) -> None:
    """The daemon let it pass a moment before: the installer asks again, then the package does."""
    bench = machine.bench
    machine.install_first(machine.deb("1.0.0"))
    bench.start(*READY)
    bundle = machine.bundle(machine.deb("1.1.0"))
    (bench.daemon_run / "test").write_text("running")
    assert stage(machine, bundle)["ok"]
    assert bench.ask("update.install")["ok"]
    assert end_of(machine)["text"] == "A test has begun, so the update was not installed."
    (bench.daemon_run / "test").unlink()
    before = machine.pid.read_text()

    refusing = machine.bundle(machine.deb("1.2.0", refuses=True))
    assert stage(machine, refusing)["ok"]
    assert bench.ask("update.install")["ok"]
    wait_until(lambda: state(machine)["n"] == 2)
    ended = end_of(machine)
    assert ended["state"] == "refused", f"{ended} {machine.log.read_text()}"
    assert machine.installed == "1.0.0 installed"
    assert machine.pid.read_text() == before, "the station was not even restarted"


@pytest.mark.parametrize("well", [True, False])
def test_a_power_cut_in_the_middle_is_finished_or_undone(machine: Machine, well: bool) -> None:
    bench = machine.bench
    machine.install_first(machine.deb("1.0.0"))
    bench.start(*READY)
    assert stage(machine, machine.bundle(machine.deb("1.1.0")))["ok"]
    deb = bench.lib / "staged.deb"
    assert bench.ask("update.install")["ok"]
    assert end_of(machine)["state"] == "good"  # so `code` is there and 1.1.0 is kept
    # As the cut leaves it: unpacked, not configured, the station down.
    machine.run("systemctl", "stop", "btrmd.service")
    again = machine.deb("1.2.0", well=well)
    shutil.copy(again, deb)
    job = {**state(machine), "state": "installing", "started": True, "version": "1.2.0",
           "previous": "1.1.0", "n": 2, "ready_s": 10.0 if well else SOON_S}  # fmt: skip
    (bench.lib / "update.json").write_text(json.dumps(job))
    machine.run("dpkg", "--unpack", str(again))
    assert machine.installed == "1.2.0 unpacked"
    environment = {**os.environ, **machine.environment, "PATH": bench.path,
                   "PYTHONPATH": str(bench.lib / "code")}  # fmt: skip
    words = [sys.executable, "-m", "installer", str(bench.lib), "--resume"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
    ended = state(machine)
    if well:
        assert ended["state"] == "good", done.stderr
        assert machine.installed == "1.2.0 installed"
    else:
        assert ended["state"] == "rolled_back", done.stderr
        assert machine.installed == "1.1.0 installed"
    # Once more changes nothing.
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert state(machine) == ended


def test_a_daemon_that_tells_nonsense_cannot_keep_its_update(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the daemon writes is judged, and must not end the judge."""
    bench = machine.bench
    for name, value in (*machine.environment.items(), ("PATH", bench.path)):
        monkeypatch.setenv(name, value)
    machine.install_first(machine.deb("1.0.0"))
    health = InstalledHealth(bench.daemon_run)
    wait_until(lambda: health.look("1.0.0") == "", "the station is well")
    says = bench.daemon_run / "says"
    deep = "[" * 100_000
    for nonsense in (
        "nonsense",
        "[]",
        "{}",
        '{"ok": true, "version": ["1.0.0"]}',
        deep,
        "x" * 3000,
    ):
        says.write_text(nonsense)
        assert "answer" in health.look("1.0.0"), nonsense[:40]
    says.write_text(json.dumps({"ok": True, "version": "1.0.0", "fault": ["x" * 1000]}))
    assert 0 < len(health.look("1.0.0")) <= 200


def test_a_version_from_before_the_question_is_judged_by_where_it_is(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = machine.bench
    for name, value in (*machine.environment.items(), ("PATH", bench.path)):
        monkeypatch.setenv(name, value)
    machine.install_first(machine.deb("1.0.0"))
    health = InstalledHealth(bench.daemon_run)
    monkeypatch.setattr(
        health, "ask", lambda verb: {"ok": True, "version": "0.1.0"} if verb == "where" else
        {"ok": False, "code": "verb"},
    )  # fmt: skip
    wait_until(lambda: health.look("0.1.0") == "", "it is active")


def test_a_refusal_is_not_overruled_by_going_back(machine: Machine) -> None:
    """The package says no, because of a test, say, and the old one does not look well meanwhile."""
    bench = machine.bench
    machine.install_first(machine.deb("1.0.0"))
    bench.start(*SOON)
    assert stage(machine, machine.bundle(machine.deb("1.2.0", refuses=True)))["ok"]
    (bench.daemon_run / "says").write_text("{}")
    assert bench.ask("update.install")["ok"]
    ended = end_of(machine)
    assert ended["state"] == "rolled_back", ended
    assert machine.overruled == "BTRMD_UPGRADE_ANYWAY=\n" * 2, "the old package may refuse too"
    assert machine.installed == "1.0.0 installed"


def test_an_installer_at_work_is_not_disturbed_whatever_the_clock_says(machine: Machine) -> None:
    bench = machine.bench
    (bench.lib / "update.json").write_text('{"state": "installing", "at": 1.0, "n": 1}')
    bench.start(*READY)
    with (bench.lib / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "An update is being installed" in bench.ask("update.stage")["text"]
    assert "No update has been uploaded" in bench.ask("update.stage")["text"]


@pytest.mark.parametrize("wall", [0.0, 4_102_444_800.0], ids=["1970", "2100"])
def test_how_long_an_update_has_been_under_way_is_no_matter_of_the_clock(
    monkeypatch: pytest.MonkeyPatch, wall: float
) -> None:
    begun = {"state": "installing", **files.moved_now()}
    monkeypatch.setattr(time, "time", lambda: wall)
    assert files.is_installing(begun)
    assert not files.is_installing({**begun, "since": files.uptime() - files.STALE_S - 1.0})
    assert files.age_s({**begun, "boot": "an earlier start"}) == pytest.approx(
        files.uptime(), abs=5.0
    )
    assert not files.is_installing({"state": "installing", "at": wall}), "no time is told"
    assert not files.is_installing({**begun, "state": "good"})
