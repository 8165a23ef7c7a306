"""The verbs that talk to a daemon, against a fake one on a real socket."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from control_station import FINISHED, Station
from waiting import wait_until

from btrmd.model.commands import AckAlarm, BatteryReplaced, StartTest
from btrmd.model.readings import GOOD, Reading
from btrmd.model.settings import SETTINGS

if TYPE_CHECKING:
    from conftest import Result, Run


def sentence(result: Result, code: int = 1) -> str:
    """The one sentence of a failure."""
    assert result.code == code
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert result.err.endswith(".\n")
    return result.err


@pytest.mark.parametrize(
    "words",
    [
        ["get"],
        ["set", "test.type=2"],
        ["status"],
        ["test", "start"],
        ["test", "stop"],
        ["test", "status", "--json"],
        ["test", "wait"],
        ["alarms"],
        ["ack", "clock"],
        ["sim"],
        ["check"],
        ["selftest"],
        ["calibrate", "battery.voltage"],
        ["capacity", "low"],
        ["reset-data"],
        ["battery", "replaced"],
        ["export"],
    ],
)
def test_without_a_daemon_every_verb_says_so(run: Run, state_dir: Path, words: list[str]) -> None:
    text = sentence(run(*words, "--state-dir", state_dir))
    socket = state_dir / "run" / "control.sock"
    assert text == f"btrmd: No btrmd is running on {state_dir} (no answer at {socket}).\n"


def test_get(run: Run, station: Station, state_dir: Path) -> None:
    every = run("get", "--json", "--state-dir", state_dir)
    values = json.loads(every.out)
    assert (every.code, list(values)) == (0, list(SETTINGS))
    assert values["email.password"] is None
    some = run("get", "system.voltage", "ups.enabled", "battery.voltage", "--state-dir", state_dir)
    assert some.out == "system.voltage = 12\nups.enabled = true\nbattery.voltage = 13.39\n"
    typed = run("get", "--state-dir", state_dir, "battery.rated_ah", "alarm.list", "--json")
    assert json.loads(typed.out) == {"battery.rated_ah": None, "alarm.list": ["sensor.0x4a"]}
    assert (
        run("get", "email.password", "--state-dir", state_dir).out == "email.password = (secret)\n"
    )
    assert "'x.y'" in sentence(run("get", "x.y", "--state-dir", state_dir))


def test_set_is_all_or_none(run: Run, station: Station, state_dir: Path) -> None:
    done = run("set", "test.type=2", "site.name=North = South", "--state-dir", state_dir)
    assert (done.code, done.out) == (0, "test.type = 2\nsite.name = North = South\n")
    text = sentence(run("set", "test.type=1", "test.interval_h=501", "--state-dir", state_dir))
    for part in ("test.interval_h", "501", "0..500"):
        assert part in text
    settings = station.bus.snapshot.settings
    assert (settings["test.type"], settings["site.name"]) == (2, "North = South")


def test_set_and_import_tell_a_program_whether_something_changed(
    run: Run, station: Station, state_dir: Path, tmp_path: Path
) -> None:
    place = ("--state-dir", state_dir)
    assert run("set", "test.type=2", "--changed", *place).code == 10
    again = run("set", "test.type=2", "email.password=neu", "--changed", *place)
    assert (again.code, again.out) == (10, "test.type = 2 (unchanged)\nemail.password = (secret)\n")
    again = run("set", "email.password=neu", "--changed", *place)
    assert (again.code, again.out) == (0, "email.password = (secret) (unchanged)\n")
    file = tmp_path / "part.json"
    file.write_text('{"schema": 1, "settings": {"test.type": 1}}')
    assert run("import", file, "--changed", *place).code == 10
    assert run("import", file, "--changed", *place).code == 0
    exported = json.loads(run("export", "--for-another-unit", *place).out)["settings"]
    assert "test.type" in exported
    assert "site.name" not in exported


def test_battery_replaced(run: Run, station: Station, state_dir: Path) -> None:
    done = run("battery", "replaced", "--rated-ah", "26", "--type", "gel", "--state-dir", state_dir)
    assert done.code == 0
    assert done.out == "The battery counts as replaced; there was no discharge before.\n"
    assert isinstance(station.commands[1], BatteryReplaced)
    settings = station.bus.snapshot.settings
    assert (settings["battery.rated_ah"], settings["battery.type"]) == (26.0, "gel")
    text = sentence(run("battery", "replaced", "--type", "lipo", "--state-dir", state_dir))
    assert "battery.type = 'lipo' is refused" in text
    assert len(station.commands) == 2
    assert run("battery", "--state-dir", state_dir).code == 2


def test_test_status_says_what_the_discharge_alone_says_and_what_to_do(
    run: Run, station: Station, state_dir: Path
) -> None:
    record = FINISHED._replace(
        result="low", estimate_s=9000.0, estimate_low_s=8000.0, estimate_high_s=10000.0,
        own_estimate_s=7000.0, own_low_s=6000.0, own_high_s=8000.0, started_at_charge=0.82,
        marks=("marginal", "not_full", "unconfirmed"),
    )  # fmt: skip
    station.show(last_test=record)
    said = run("test", "status", "--state-dir", state_dir).out
    for part in (
        "run time 2 h 30 min (2 h 13 min to 2 h 46 min)",
        "this discharge alone 1 h 56 min (1 h 40 min to 2 h 13 min)",
        "began at 82 % of the charge",
        "marks marginal, not_full, unconfirmed",
        "then test again: this is no verdict yet.",
    ):
        assert part in said
    reported = json.loads(run("test", "status", "--json", "--state-dir", state_dir).out)
    assert (reported["own_estimate_s"], reported["started_at_charge"]) == (7000.0, 0.82)


def test_status_and_alarms(run: Run, station: Station, state_dir: Path) -> None:
    station.bus.report_listener("http", "127.0.0.1:8080")
    station.bus.report_listener("modbus", "", "Port 502 is taken.")
    text = run("status", "--state-dir", state_dir).out
    for part in (
        "battery.voltage  13.390 V",
        "battery.current  - (bad)",
        "listener http: 127.0.0.1:8080",
        "listener modbus: closed Port 502 is taken.",
        "alarm sensor.0x4a: Chip 0x4a does not answer.",
        "run time 5 h 00 min (4 h 30 min to 5 h 30 min)",
    ):
        assert part in text
    status = json.loads(run("status", "--json", "--state-dir", state_dir).out)
    assert status["listeners"]["http"] == "127.0.0.1:8080"
    assert status["points"]["battery.voltage"]["unit"] == "V"
    alarms = json.loads(run("alarms", "--json", "--state-dir", state_dir).out)
    assert alarms == {"alarms": status["alarms"]}
    assert "sensor.0x4a" in run("alarms", "--state-dir", state_dir).out


@pytest.mark.parametrize("words", [["ack"], ["alarms", "ack"]])
def test_ack_in_both_spellings(
    run: Run, station: Station, state_dir: Path, words: list[str]
) -> None:
    assert run(*words, "sensor.0x4a", "--state-dir", state_dir) == (0, "", "")
    assert [c.key for c in station.commands if isinstance(c, AckAlarm)] == ["sensor.0x4a"]
    assert "'nothing'" in sentence(run(*words, "nothing", "--state-dir", state_dir))


def test_test_start_status_and_stop(run: Run, station: Station, state_dir: Path) -> None:
    place = ("--state-dir", state_dir)
    started = run("test", "start", "--type", "2", "--delay-h", "0", *place)
    assert started == (0, "Test 7 has begun.\n", "")
    command = station.commands[0]
    assert isinstance(command, StartTest)
    assert (command.type, command.delay_h) == ("2", 0.0)
    status = json.loads(run("test", "status", "--json", *place).out)
    assert (status["n"], status["state"], status["result"]) == (7, "running", "none")
    assert sentence(run("test", "start", *place)) == "btrmd: A test is running already.\n"
    assert run("test", *place, "stop").code == 0
    status = json.loads(run("test", "status", *place, "--json").out)
    assert (status["n"], status["state"], status["result"]) == (7, "idle", "aborted")
    assert sentence(run("test", "stop", *place)) == "btrmd: No test is running.\n"


def test_a_delay_out_of_range_is_a_refusal(run: Run, station: Station, state_dir: Path) -> None:
    text = sentence(run("test", "start", "--delay-h", "501", "--state-dir", state_dir))
    assert "delay_h" in text
    assert "0..500" in text


def test_wait_for_none_for_a_finished_and_for_an_unknown_test(
    run: Run, station: Station, state_dir: Path
) -> None:
    place = ("--state-dir", state_dir)
    assert sentence(run("test", "wait", *place)) == "btrmd: No test is running.\n"
    done = run("test", "wait", "6", *place)
    assert done.code == 0
    assert done.out.startswith("test 6 (type 1): finished, result good, ran 2 h 00 min, run time")
    assert sentence(run("test", "wait", "99", *place)) == "btrmd: There is no test 99.\n"


def test_wait_times_out(run: Run, station: Station, state_dir: Path) -> None:
    station.begin(7)
    text = sentence(run("test", "wait", "--timeout", "0.3", "--state-dir", state_dir))
    assert text == "btrmd: Test 7 has not finished within 0.3 s.\n"


@pytest.mark.parametrize("words", [[], ["7"]])
def test_wait_lasts_from_the_delay_to_the_result(
    run: Run, station: Station, state_dir: Path, words: list[str]
) -> None:
    station.show(points={"test.state": Reading("delayed", GOOD, 0.0)})
    results: list[Result] = []
    waiter = threading.Thread(
        target=lambda: results.append(run("test", "wait", *words, "--state-dir", state_dir))
    )
    waiter.start()
    for state in ("proving", "running", "returning"):
        station.begin(7, state)
        waiter.join(0.25)
        assert waiter.is_alive()
    station.finish(7, "low")
    waiter.join(5.0)
    assert [result.code for result in results] == [0]
    assert results[0].out.startswith("test 7 (type 1): finished, result low")


def test_wait_ends_when_the_delayed_start_is_cancelled(
    run: Run, station: Station, state_dir: Path
) -> None:
    station.show(points={"test.state": Reading("delayed", GOOD, 0.0)})
    results: list[Result] = []
    waiter = threading.Thread(
        target=lambda: results.append(run("test", "wait", "--state-dir", state_dir))
    )
    waiter.start()
    station.show(points={"test.state": Reading("idle", GOOD, 0.0)})
    waiter.join(5.0)
    assert [result.code for result in results] == [1]


def test_sim_prints_truth_and_makes_paths_absolute(
    run: Run, station: Station, state_dir: Path, elsewhere: Path
) -> None:
    place = ("--state-dir", state_dir)
    truth = run("sim", *place)
    assert json.loads(truth.out) == {"plant_s": 1.0, "battery": {"true_runtime_s": None}}
    (elsewhere / "d.csv").write_text("time_s,battery_v\n")
    assert run("sim", "battery.replay=d.csv", "load.amps=8.5", *place) == (0, "", "")
    assert run("sim", "load.profile=none", *place).code == 0
    assert station.sim_changes[1:] == [
        {"battery.replay": str(elsewhere / "d.csv"), "load.amps": "8.5"},
        {"load.profile": "none"},
    ]
    text = sentence(run("sim", "battery.replay=missing.csv", *place))
    for part in ("battery.replay", "missing.csv", "existing CSV"):
        assert part in text
    assert "supply.colour" in sentence(run("sim", "supply.colour=red", *place))
    assert len(station.sim_changes) == 3


def test_check_prints_one_line_a_finding(run: Run, station: Station, state_dir: Path) -> None:
    well = run("check", "--state-dir", state_dir)
    assert (well.code, well.out) == (0, "")
    station.found = ["Chip 0x4a does not answer.", "The clock is not set."]
    ill = run("check", "--state-dir", state_dir)
    assert (ill.code, ill.out) == (1, "Chip 0x4a does not answer.\nThe clock is not set.\n")
    assert ill.err == f"btrmd: 2 findings from btrmd on {state_dir}.\n"


def test_selftest_tells_its_result(run: Run, station: Station, state_dir: Path) -> None:
    assert run("selftest", "--state-dir", state_dir) == (0, "Self-test passed.\n", "")
    station.selftest_result = "failed"
    assert sentence(run("selftest", "--state-dir", state_dir)) == "btrmd: Self-test failed.\n"


def test_calibrate_capacity_and_reset(run: Run, station: Station, state_dir: Path) -> None:
    place = ("--state-dir", state_dir)
    assert run("calibrate", "battery.voltage", *place).out == (
        "battery.voltage = 13.39\ncalibration: low 0.1, 0\n"
    )
    assert run("calibrate", "battery.current", "--low", "-5", *place).code == 0
    assert run("calibrate", "battery.current", "--clear", "--json", *place).code == 0
    assert run("capacity", "low", *place).code == 0
    assert run("reset-data", "--settings", *place).code == 0
    assert [tuple(c)[:-1] for c in station.commands] == [
        ("battery.current", "low", -5.0),
        ("battery.current", "clear", None),
        (True,),
        (True,),
    ]


def test_the_demo_of_the_working_folder_is_found(
    run: Run, station: Station, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = station.server(
        elsewhere / ".demo" / "state" / "run" / "control.sock", elsewhere / ".demo" / "config"
    )
    server.start()
    try:
        assert run("sim").code == 0
        assert run("set", "test.type=2", "--config-dir", ".demo/config").code == 0
        assert station.bus.snapshot.settings["test.type"] == 2
        monkeypatch.setenv("BTRM_STATE_DIR", str(elsewhere / "other"))
        assert "other" in sentence(run("sim"))
    finally:
        server.stop()


def test_a_socket_that_forbids_is_a_sentence(
    run: Run, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(self: object, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.connect", forbid)
    assert "You may not use" in sentence(run("get", "--state-dir", state_dir))


def test_a_daemon_that_goes_away_in_mid_wait(run: Run, state_dir: Path, config_dir: Path) -> None:
    station = Station()
    server = station.server(state_dir / "run" / "control.sock", config_dir)
    server.start()
    station.begin(7)
    results: list[Result] = []
    waiter = threading.Thread(
        target=lambda: results.append(run("test", "wait", "--state-dir", state_dir))
    )
    waiter.start()
    wait_until(lambda: server.clients == 1)
    server.stop()
    station.close()
    waiter.join(5.0)
    assert [result.code for result in results] == [1]
    assert f"{state_dir}" in results[0].err
