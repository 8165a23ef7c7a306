"""The site file and settings.json: precedence, bad input, migrations."""

from __future__ import annotations

import errno
import json
import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_bench import disk_limit

from btrmd.model.errors import ConfigError
from btrmd.model.settings import Settings
from btrmd.model.site import Site, decode_site, flatten
from btrmd.store.errors import StorageError
from btrmd.store.settings_file import (
    MIGRATIONS,
    VERSION,
    Migration,
    SettingsFile,
    check_order,
    load_settings,
    migrate,
)
from btrmd.store.site_file import load_site

ROOT = Path(__file__).resolve().parents[2]


def write(folder: Path, site: str = "", **settings: object) -> None:
    if site:
        (folder / "btrmd.toml").write_text(site)
    if settings:
        (folder / "settings.json").write_text(json.dumps(settings))


# --- the site file -------------------------------------------------------------------------------


def test_no_files_mean_defaults(tmp_path: Path) -> None:
    assert load_site(tmp_path) == (Site(), {})
    assert load_settings(tmp_path) == (Settings.defaults(), ())


def test_the_site_file_decides_site_and_defaults(tmp_path: Path) -> None:
    write(
        tmp_path,
        '[site]\nmodel = "400"\nweb.authorization = "off"\nio2.output = true\n'
        'listen.http = "127.0.0.1:8080"\n'
        "[defaults]\nsystem.voltage = 48\n[defaults.ups]\nenabled = false\n",
    )
    settings, faults = load_settings(tmp_path)
    assert faults == ()
    assert settings.site.model == "400"
    assert settings.site.authorization_off
    assert settings.site.ch2_output
    assert settings.site.http == "127.0.0.1:8080"
    assert settings["system.voltage"] == 48
    assert settings["ups.enabled"] is False


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[site]\nmodel = "500"\n', ["[site] model", "'500'", '"300" or "400"']),
        ("[defaults]\nsystem.voltage = 13\n", ["system.voltage", "13", "12 or 24 V"]),
        ("[defaults]\nsystem.volts = 12\n", ["system.volts", "system.voltage"]),
        ("[default]\n", ["[default]", "[site] and [defaults]"]),
        ("defaults = 3\n", ["defaults = 3", "a table"]),
        ("[site\n", ["not TOML", "line 1"]),
        ("\udcff", ["not UTF-8"]),
    ],
)
def test_a_wrong_site_file_is_one_sentence_with_file_key_value_and_range(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    (tmp_path / "btrmd.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path)
    for word in [str(tmp_path / "btrmd.toml"), *words]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_example_file_shows_every_key_with_its_default() -> None:
    text = (ROOT / "etc" / "btrmd.toml").read_text()
    assert tomllib.loads(text) == {"site": {}, "defaults": {}}
    # Uncommented it must be right, and [site] must change nothing but what "off" opens.
    lines = [line.removeprefix("#") if line.startswith("#") else line for line in text.splitlines()]
    shown = tomllib.loads("\n".join(line for line in lines if not line.startswith(" ")))
    assert decode_site(shown["site"]) == Site(authorization_off=True)
    assert set(flatten(shown["site"])) >= {"model", "io2.output", "listen.snmp", "listen.dnp3"}
    Settings.defaults(Site(), flatten(shown["defaults"]))


# --- settings.json -------------------------------------------------------------------------------


def test_settings_json_wins_over_the_site_file_over_the_table(tmp_path: Path) -> None:
    write(
        tmp_path,
        "[defaults]\ntest.interval_h = 100\ntest.minimum_runtime_min = 60\n",
        version=1,
        settings={"test.interval_h": 200},
    )
    settings, _ = load_settings(tmp_path)
    assert settings["test.interval_h"] == 200
    assert settings["test.minimum_runtime_min"] == 60
    assert settings["test.type2_min"] == 60


def test_only_what_differs_is_stored_and_for_nobody_else(tmp_path: Path) -> None:
    write(tmp_path, "[defaults]\ntest.interval_h = 100\n")
    file = SettingsFile(tmp_path)
    settings = file.load().settings
    file.save(settings.with_changes({"site.name": "Hill", "test.interval_h": 336}))
    stored = json.loads(file.path.read_text())
    assert stored == {"version": 1, "settings": {"site.name": "Hill", "test.interval_h": 336}}
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    file.save(settings)
    assert json.loads(file.path.read_text())["settings"] == {}


def test_what_was_refused_is_kept_beside_the_next_file(tmp_path: Path) -> None:
    write(tmp_path, version=1, settings={"lvd.enabled": "maybe", "site.name": "Hill"})
    file = SettingsFile(tmp_path)
    before = file.path.read_text()
    settings, faults = file.load()
    assert [error.key for error in file.refused] == ["lvd.enabled"]
    assert len(faults) == 1
    assert not file.is_lost
    assert file.path.read_text() == before, "nothing is changed by a start"
    for name in ("Hill 1", "Hill 2"):
        file.save(settings.with_changes({"site.name": name}))
    aside = [path.name for path in tmp_path.iterdir() if "corrupt" in path.name]
    assert aside == ["settings.json.corrupt-1"], "once"
    assert (tmp_path / aside[0]).read_text() == before
    assert json.loads(file.path.read_text())["settings"] == {"site.name": "Hill 2"}
    assert file.load().faults == ()
    assert file.refused == ()


def test_a_power_cut_while_a_refused_value_is_kept_loses_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, version=1, settings={"lvd.enabled": "maybe", "site.name": "Hill"})
    file = SettingsFile(tmp_path)
    settings = file.load().settings
    real, made = os.rename, []

    def cut(source: object, target: object) -> None:
        if made:
            raise OSError(errno.EIO, "cut")
        made.append(target)
        real(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "rename", cut)
    with pytest.raises(StorageError):
        file.save(settings.with_changes({"site.name": "Shed"}))
    monkeypatch.undo()
    assert load_settings(tmp_path).settings["site.name"] == "Hill"


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "system.voltage": st.sampled_from([12, 24, 36, 48]),
        "serial.protocol": st.sampled_from(["none", "modbus", "dnp3"]),
        "serial.parity": st.sampled_from(["none", "even", "odd"]),
        "battery.rated_ah": st.none() | st.floats(1, 2000),
        "site.contact": st.text("abc ü", max_size=20),
        "ups.enabled": st.booleans(),
        "test.type": st.sampled_from([1, 2]),
        "test.interval_h": st.integers(0, 500),
    },
)


@given(st.lists(CHANGES, max_size=4), st.booleans())
def test_whatever_was_saved_comes_back(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, object]], has_site: bool
) -> None:
    folder = tmp_path_factory.mktemp("config")
    defaults = '\n[defaults]\nserial.protocol = "dnp3"\nsystem.voltage = 24\n' if has_site else ""
    write(folder, '[site]\nmodel = "400"' + defaults)
    file = SettingsFile(folder)
    settings = file.load().settings
    for change in changes:
        settings = settings.with_changes(change)
        file.save(settings)
    assert load_settings(folder) == (settings, ())


def test_one_bad_value_costs_only_itself(tmp_path: Path) -> None:
    write(
        tmp_path,
        version=1,
        settings={
            "test.interval_h": 9999,
            "site.name": "Hill",
            "no.such": 1,
            "email.password": ["secret"],
            "ups.enabled": False,
        },
    )
    settings, faults = load_settings(tmp_path)
    assert settings["site.name"] == "Hill"
    assert settings["ups.enabled"] is False
    assert settings["test.interval_h"] == 336
    assert len(faults) == 3
    reported = " ".join(faults)
    for word in ("settings.json", "test.interval_h", "9999", "0..500", "no.such"):
        assert word in reported
    assert "secret" not in reported
    assert (tmp_path / "settings.json").exists()


BROKEN = {
    "truncated": '{"version": 1, "settings": {"site.na',
    "no version": '{"settings": {}}',
    "text version": '{"version": "1", "settings": {}}',
    "true version": '{"version": true, "settings": {}}',
    "version 0": '{"version": 0, "settings": {}}',
    "newer": '{"version": 99, "settings": {"site.name": "from the future"}}',
    "no table": '{"version": 1, "settings": []}',
    "foreign": '{"version": 1, "settings": {}, "users": {}}',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_not_understood_is_kept_aside(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    file = SettingsFile(tmp_path)
    settings, faults = file.load()
    assert settings == Settings.defaults()
    assert len(faults) == 1
    assert "settings.json.corrupt-1" in faults[0]
    assert (tmp_path / "settings.json.corrupt-1").read_text() == text
    file.save(settings.with_changes({"site.name": "anew"}))
    assert load_settings(tmp_path).settings["site.name"] == "anew"
    assert (tmp_path / "settings.json.corrupt-1").read_text() == text


def test_every_truncation_gives_good_settings_or_a_fault(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path)
    wanted = file.load().settings.with_changes({"site.name": "Hill", "test.type": 2})
    file.save(wanted)
    whole = file.path.read_bytes()
    for length in range(len(whole)):
        file.path.write_bytes(whole[:length])
        settings, faults = SettingsFile(tmp_path).load(aside=False)
        assert (settings, faults) == (wanted, ()) or (settings == Settings.defaults() and faults)


def test_a_refused_save_keeps_the_old_settings(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path)
    settings = file.load().settings.with_changes({"site.name": "old"})
    file.save(settings)
    with disk_limit(10), pytest.raises(StorageError, match=r"settings\.json"):
        file.save(settings.with_changes({"site.name": "new"}))
    assert load_settings(tmp_path) == (settings, ())


# --- migrations ----------------------------------------------------------------------------------


def test_the_migrations_lead_to_this_version() -> None:
    check_order(MIGRATIONS, VERSION)
    with pytest.raises(ValueError, match="migrations lead to"):
        check_order((Migration(3, "a gap", dict),), 3)


def test_migrations_run_in_order_from_the_version_of_the_file() -> None:
    steps = (
        Migration(2, "rename", lambda raw: {"b": raw["a"]}),
        Migration(3, "h to min", lambda raw: {"b": int(str(raw["b"])) * 60}),
    )
    check_order(steps, 3)
    old: dict[str, object] = {"a": 2}
    assert migrate(old, 1, steps, 3) == {"b": 120}
    assert old == {"a": 2}
    assert migrate({"b": 2}, 2, steps, 3) == {"b": 120}
    assert migrate({"b": 2}, 3, steps, 3) == {"b": 2}
    with pytest.raises(ValueError, match="version is 4"):
        migrate({}, 4, steps, 3)
