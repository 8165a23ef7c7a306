"""A backup of a daemon that runs, restored, goes on where the old unit stopped."""

from __future__ import annotations

from pathlib import Path

from daemon_process import DaemonProcess


def test_a_replacement_serves_the_old_units_history_and_goes_on(tmp_path: Path) -> None:
    old, new = (DaemonProcess(tmp_path / name, speed=60) for name in ("old", "new"))
    file = tmp_path / "unit.tar.gz"
    try:
        old.start()
        old.wait_selftest()
        old.set(site__name="Site 17", battery__rated_ah=40, test__type2_min=1, test__type=2)
        assert old.ask("test_start", type="2")["ok"]
        old.wait_value("test.state", "running", 30.0)
        old.wait_value("test.state", "idle", 60.0)
        old.good("backup", file, "--config-dir", old.config_dir)
        events = [(one["n"], one["text"]) for one in old.events()]
        tests = old.tests()
        old.stop()
        new.good("restore", file, "--config-dir", new.config_dir)
        new.start()
        new.wait_selftest()
        assert new.ask("get", keys=["site.name"])["values"]["site.name"] == "Site 17"
        assert new.tests() == tests
        found = [(one["n"], one["text"]) for one in new.events()]
        assert found[: len(events)] == events
        assert found[len(events)][0] > 1_000_000, "what the old one told since keeps its number"
        assert new.faults() == ""
        new.good("events", "verify")
    finally:
        old.close()
        new.close()
