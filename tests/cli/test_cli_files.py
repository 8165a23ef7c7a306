"""Settings, logins and checks on the files, where no daemon runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from control_station import Station

from btrmd.model.settings import SETTINGS
from btrmd.passwords import verify_password
from btrmd.store.lock import DirLock
from btrmd.store.settings_file import load_settings

if TYPE_CHECKING:
    from conftest import Run


def test_set_and_get_by_the_files(run: Run, config_dir: Path) -> None:
    place = ("--config-dir", config_dir)
    assert run("get", "test.type", *place).out == "test.type = 1\n"
    assert run("set", "test.type=2", "email.password=geheim", *place).out == (
        "test.type = 2\nemail.password = (secret)\n"
    )
    assert json.loads(run("get", "test.type", "email.password", "--json", *place).out) == {
        "test.type": 2,
        "email.password": None,
    }
    assert load_settings(config_dir).settings["email.password"] == "geheim"
    assert list(json.loads(run("get", "--json", *place).out)) == list(SETTINGS)


def test_a_refused_set_writes_nothing(run: Run, config_dir: Path) -> None:
    result = run("set", "test.type=2", "test.interval_h=501", "--config-dir", config_dir)
    assert result.code == 1
    for part in ("test.interval_h", "501", "0..500"):
        assert part in result.err
    assert list(config_dir.iterdir()) == []


def test_what_needs_a_daemon_is_refused(run: Run, config_dir: Path) -> None:
    for words in (["set", "test.next_h=5"], ["get", "battery.voltage"]):
        result = run(*words, "--config-dir", config_dir)
        assert result.code == 1
        assert "running btrmd" in result.err
    assert "'x.y'" in run("get", "x.y", "--config-dir", config_dir).err


def test_a_config_folder_that_is_missing(run: Run, tmp_path: Path) -> None:
    for words in (["get"], ["set", "test.type=2"], ["export"]):
        result = run(*words, "--config-dir", tmp_path / "none")
        assert result.code == 1
        assert str(tmp_path / "none") in result.err


def test_a_broken_settings_file_is_a_warning_and_is_not_touched_by_get(
    run: Run, config_dir: Path
) -> None:
    file = config_dir / "settings.json"
    file.write_text("{torn")
    result = run("get", "test.type", "--config-dir", config_dir)
    assert (result.code, result.out) == (0, "test.type = 1\n")
    assert "settings.json" in result.err
    assert file.read_text() == "{torn"
    assert run("set", "test.type=2", "--config-dir", config_dir).code == 0
    assert load_settings(config_dir).settings["test.type"] == 2
    assert (config_dir / "settings.json.corrupt-1").read_text() == "{torn"


def test_a_wrong_site_file_is_one_sentence(run: Run, config_dir: Path) -> None:
    (config_dir / "btrmd.toml").write_text('[site]\nmodel = "500"\n')
    result = run("get", "--config-dir", config_dir)
    assert result.code == 1
    assert "btrmd.toml" in result.err
    assert "model" in result.err


def test_the_files_of_a_locked_state_folder_are_left_alone(
    run: Run, config_dir: Path, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("btrmd.cli.settings_client.LOCK_S", 0.1)
    with DirLock(state_dir):  # a daemon that is just starting or stopping
        result = run("set", "test.type=2", "--config-dir", config_dir, "--state-dir", state_dir)
    assert result.code == 1
    assert "in use by another btrmd" in result.err
    assert list(config_dir.iterdir()) == []


def test_the_daemon_of_other_files_is_not_asked(
    run: Run, station: Station, state_dir: Path, config_dir: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    both = run("set", "test.type=2", "--state-dir", state_dir, "--config-dir", other)
    assert both.code == 1
    assert f"uses {config_dir}, not {other}" in both.err
    # "state" beside the folder has a daemon, but not of these files
    assert run("set", "test.type=2", "--config-dir", other).code == 0
    assert load_settings(other).settings["test.type"] == 2
    assert station.commands == []
    assert run("set", "test.type=2", "--config-dir", config_dir).code == 0
    assert len(station.commands) == 1


def test_export_import_round_trip(run: Run, config_dir: Path, tmp_path: Path) -> None:
    place = ("--config-dir", config_dir)
    run("set", "test.type=2", "email.password=geheim", "battery.rated_ah=100", *place)
    plain, full = tmp_path / "plain.json", tmp_path / "full.json"
    plain.write_text(run("export", *place).out)
    full.write_text(run("export", "--secrets", *place).out)
    assert set(json.loads(plain.read_text())) == {"btrmd", "schema", "settings"}
    assert "geheim" not in plain.read_text()
    assert run("import", plain, *place).out == "Nothing differs.\n"

    run("set", "test.type=1", "email.password=anders", "battery.rated_ah=none", *place)
    dry = run("import", full, "--dry-run", *place)
    assert dry.code == 0
    assert sorted(dry.out.splitlines()) == [
        "battery.rated_ah: none -> 100",
        "email.password: (secret)",
        "test.type: 1 -> 2",
    ]
    assert load_settings(config_dir).settings["test.type"] == 1
    assert run("import", plain, *place).code == 0
    assert load_settings(config_dir).settings["email.password"] == "anders"  # null: kept
    assert run("import", full, *place).code == 0
    assert load_settings(config_dir).settings["email.password"] == "geheim"


def test_set_says_what_was_so_already(run: Run, config_dir: Path) -> None:
    place = ("--config-dir", config_dir)
    words = ("set", "test.type=2", "site.name=Hill", *place)
    assert run(*words, "--changed").code == 10
    again = run(*words, "--changed")
    assert again.out == "test.type = 2 (unchanged)\nsite.name = Hill (unchanged)\n"
    assert again.code == 0
    some = run("set", "test.type=1", "site.name=Hill", *place)
    assert (some.code, some.out) == (0, "test.type = 1\nsite.name = Hill (unchanged)\n")


def test_a_part_is_imported_and_a_second_time_changes_nothing(
    run: Run, config_dir: Path, tmp_path: Path
) -> None:
    place = ("--config-dir", config_dir)
    run("set", "site.name=Hill", "email.password=geheim", *place)
    file = tmp_path / "part.json"
    file.write_text('{"schema": 1, "settings": {"test.type": 2, "snmp.read1": "ops"}}')
    dry = run("import", file, "--changed", "--dry-run", *place)
    assert (dry.code, load_settings(config_dir).settings["test.type"]) == (10, 1)
    assert run("import", file, "--changed", *place).code == 10
    again = run("import", file, "--changed", *place)
    assert (again.code, again.out) == (0, "Nothing differs.\n")
    settings = load_settings(config_dir).settings
    assert (settings["site.name"], settings["email.password"]) == ("Hill", "geheim")
    assert (settings["test.type"], settings["snmp.read1"]) == (2, "ops")


def test_an_export_for_another_unit_has_nothing_of_this_one(
    run: Run, config_dir: Path, tmp_path: Path
) -> None:
    place = ("--config-dir", config_dir)
    own = {
        "network.address": "10.1.2.3",
        "network.host_name": "hill",
        "site.name": "Hill",
        "site.location": "Cabinet 9",
        "modbus.unit": "9",
        "dnp3.address": "99",
    }
    run("set", *(f"{key}={value}" for key, value in own.items()), "test.type=2", *place)
    file = tmp_path / "fleet.json"
    file.write_text(run("export", "--for-another-unit", *place).out)
    assert not set(json.loads(file.read_text())["settings"]) & set(own)
    other = tmp_path / "other"
    other.mkdir()
    run("set", "network.address=10.9.9.9", "site.name=Vale", "--config-dir", other)
    run("import", file, "--config-dir", other)
    settings = load_settings(other).settings
    assert settings["test.type"] == 2
    assert (settings["network.address"], settings["site.name"]) == ("10.9.9.9", "Vale")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("{", "not JSON"),
        ("\udcff", "not JSON"),
        ("[]", "settings"),
        ('{"settings": {}}', "schema"),
        ('{"schema": 2, "settings": {}}', "schema = 2"),
        ('{"schema": 1, "settings": {}, "extra": 1}', "'extra'"),
        ('{"schema": 1, "settings": {"test.type": 3}}', "test.type"),
        ('{"schema": 1, "settings": {"no.such": 3}}', "no.such"),
        ('{"schema": 1, "settings": {"test.type": null}}', "test.type"),
    ],
)
def test_a_wrong_import_changes_nothing(
    run: Run, config_dir: Path, tmp_path: Path, content: str, part: str
) -> None:
    file = tmp_path / "in.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    result = run("import", file, "--config-dir", config_dir)
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert part in result.err
    assert list(config_dir.iterdir()) == []


def test_import_of_a_missing_file(run: Run, config_dir: Path, tmp_path: Path) -> None:
    result = run("import", tmp_path / "none.json", "--config-dir", config_dir)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "none.json" in result.err


def test_passwd_writes_a_hash(spawn: Run, config_dir: Path) -> None:
    place = ("--config-dir", config_dir)
    assert spawn("passwd", "--stdin", *place, stdin="correct horse\n").code == 0
    file = config_dir / "auth.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "correct horse" not in file.read_text()
    users = json.loads(file.read_text())["users"]
    assert verify_password("correct horse", users["admin"]["hash"])
    typo = spawn("passwd", "--stdin", "--user", "admln", *place, stdin="battery staple")
    assert (typo.code, set(json.loads(file.read_text())["users"])) == (1, {"admin"})
    assert "There is no user admln; there is admin." in typo.err
    bob = ("passwd", "--stdin", "--user", "bob")
    for words in (("--add",), ("--role", "viewer"), ("--add", "--role", "owner")):
        assert spawn(*bob, *words, *place, stdin="battery staple").code == 2
    made = spawn(*bob, "--add", "--role", "operator", *place, stdin="battery staple")
    assert made.code == 0
    users = json.loads(file.read_text())["users"]
    assert set(users) == {"admin", "bob"}
    assert users["bob"]["role"] == "operator"
    again = spawn(*bob, "--add", "--role", "admin", *place, stdin="battery staple")
    assert (again.code, "already" in again.err) == (1, True)
    short = spawn("passwd", "--stdin", *place, stdin="short\n")
    assert short.code == 1
    assert "8..128" in short.err
    assert verify_password("correct horse", json.loads(file.read_text())["users"]["admin"]["hash"])


def test_passwd_refuses_a_user_name_with_blanks(run: Run, config_dir: Path) -> None:
    result = run("passwd", "--stdin", "--user", "a b", "--config-dir", config_dir)
    assert result.code == 1
    assert "'a b'" in result.err


def test_passwd_through_the_daemon(spawn: Run, station: Station, state_dir: Path) -> None:
    place = ("--state-dir", state_dir)
    assert spawn("passwd", "--stdin", *place, stdin="correct horse\n").code == 0
    assert station.passwords == {"admin": "correct horse"}


def test_check_of_the_files(run: Run, config_dir: Path) -> None:
    place = ("--config-dir", config_dir)
    (config_dir / "settings.json").write_text(
        json.dumps({"version": 1, "settings": {"test.interval_h": 501}})
    )
    (config_dir / "hardware.toml").write_text("[hat]\n")
    result = run("check", *place)
    assert result.code == 1
    lines = result.out.splitlines()
    assert len(lines) == 2
    assert "test.interval_h" in lines[0]
    assert "hardware.toml" in lines[1]
    assert result.err.startswith("btrmd: 2 findings from the files")
    assert sorted(path.name for path in config_dir.iterdir()) == ["hardware.toml", "settings.json"]


def test_what_the_pages_say_of_a_value_is_said_here_too(run: Run, config_dir: Path) -> None:
    place = ("--config-dir", config_dir)
    done = run("set", "dnp3.retry_s=2", *place)
    assert (done.code, done.out) == (0, "dnp3.retry_s = 2\n")
    assert done.err == (
        "btrmd: warning: dnp3.retry_s = 2: Below 5 s is not recommended: the master may not have"
        " answered yet.\n"
    )
    done = run("set", "email.server=mail.plant.example", "email.to=ops@plant.example", *place)
    assert done.out.splitlines()[-1] == "email.enabled = true"
    assert run("set", "email.enabled=false", *place).out == "email.enabled = false\n"
    assert load_settings(config_dir).settings["email.enabled"] is False
    done = run("set", "dnp3.master=10", "dnp3.address=10", *place)
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "allowed is any address but that of dnp3.master, which is 10 too" in done.err


def test_an_import_says_it_too_and_leaves_mail_off(
    run: Run, config_dir: Path, tmp_path: Path
) -> None:
    place = ("--config-dir", config_dir)
    run("set", "email.server=m.example", "email.to=a@b.example", "email.enabled=false", *place)
    run("set", "dnp3.retry_s=3", *place)
    file = tmp_path / "out.json"
    file.write_text(run("export", *place).out)
    other = tmp_path / "other"
    other.mkdir()
    done = run("import", file, "--config-dir", other)
    assert done.code == 0
    assert "Below 5 s is not recommended" in done.err
    assert load_settings(other).settings["email.enabled"] is False
