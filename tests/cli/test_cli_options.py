"""What may be written behind `btrmd`, and what is a matter of usage (exit code 2)."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from btrmd.cli.main import VERBS, build_parser
from btrmd.cli.place import Folders, find_place
from btrmd.cli.run_options import (
    decode_address,
    decode_serial,
    decode_speed,
)
from btrmd.cli.verbs_run import decode_options
from btrmd.net import split_address
from btrmd.paths import run_dir
from btrmd.run_options import RunOptions, SerialOption

if TYPE_CHECKING:
    from conftest import Run


def options(*words: str) -> RunOptions:
    return decode_options(build_parser("run").parse_args(["run", *words]))


def test_run_without_options_is_the_installed_daemon() -> None:
    assert options() == RunOptions()
    assert options().run_dir == Path("/run/btrm")


def test_run_takes_every_promised_option(tmp_path: Path) -> None:
    scenario = tmp_path / "s.toml"
    scenario.write_text("")
    got = options(
        *("--simulate", "--fresh", "--scenario", str(scenario), "--speed", "3600"),
        *("--config-dir", str(tmp_path / "c"), "--state-dir", str(tmp_path / "s")),
        *("--http", "127.0.0.1:0", "--https", "none", "--modbus", "0.0.0.0:5020"),
        *("--dnp3", "[::1]:20000", "--snmp", "localhost:1161", "--serial", "/dev/ttyS0"),
    )
    assert got == RunOptions(
        simulate=True,
        fresh=True,
        scenario=scenario,
        speed=3600.0,
        config_dir=tmp_path / "c",
        state_dir=tmp_path / "s",
        http="127.0.0.1:0",
        https="none",
        modbus="0.0.0.0:5020",
        dnp3="[::1]:20000",
        snmp="localhost:1161",
        serial=SerialOption("/dev/ttyS0", "modbus", 9600, "even"),
    )
    assert got.run_dir == tmp_path / "s" / "run"


def test_a_relative_folder_is_made_absolute(elsewhere: Path) -> None:
    assert options("--state-dir", "x/../s").state_dir == elsewhere / "s"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("/dev/ttyS0", SerialOption("/dev/ttyS0", "modbus", 9600, "even")),
        ("/dev/ttyS0,dnp3", SerialOption("/dev/ttyS0", "dnp3", 9600, "none")),
        ("/dev/ttyS0,modbus,19200", SerialOption("/dev/ttyS0", "modbus", 19200, "even")),
        ("/dev/ttyS0,dnp3,115200,8o1", SerialOption("/dev/ttyS0", "dnp3", 115200, "odd")),
        ("/dev/ttyS0,modbus,1200,8N1", SerialOption("/dev/ttyS0", "modbus", 1200, "none")),
    ],
)
def test_serial(text: str, line: SerialOption) -> None:
    assert decode_serial(text) == line


@pytest.mark.parametrize(
    "text",
    ["", ",modbus", "/dev/x,profibus", "/dev/x,modbus,9601", "/dev/x,modbus,9600,7E1", "a,b,c,d,e"],
)
def test_serial_refuses(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="allowed is"):
        decode_serial(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("btrm.local:80", ("btrm.local", 80)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert decode_address(text) == text
    assert split_address(text) == address


@pytest.mark.parametrize(
    "text", ["80", ":80", "host:", "host:65536", "host:-1", "::1:80", "a b:80", "host:8o", "host:٣"]
)
def test_addresses_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="HOST:PORT"):
        decode_address(text)


@pytest.mark.parametrize("text", ["0", "0.5", "3601", "nan", "fast", "-1"])
def test_speed_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"allowed is 1\.\.3600"):
        decode_speed(text)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["fly"],
        ["run", "--speed", "0", "--simulate"],
        ["run", "--speed", "60"],
        ["run", "--fresh"],
        ["run", "--scenario", "/nowhere/x.toml", "--simulate"],
        ["run", "--http", "8080"],
        ["run", "--serial", "/dev/x,morse"],
        ["run", "--sim"],
        ["set"],
        ["set", "system.voltage"],
        ["set", "=12"],
        ["set", "test.type=1", "test.type=2"],
        ["sim", "supply.on"],
        ["test"],
        ["test", "start", "--type", "3"],
        ["test", "start", "--delay-h", "soon"],
        ["test", "wait", "six"],
        ["test", "wait", "--timeout", "-1"],
        ["ack"],
        ["import"],
        ["calibrate"],
        ["calibrate", "battery.voltage", "--low", "1", "--high", "2"],
        ["capacity", "full"],
        ["points", "--json", "--markdown"],
        ["get", "--nonsense"],
    ],
)
def test_usage_is_exit_code_2_and_one_line(run: Run, words: list[str]) -> None:
    result = run(*words)
    assert result.code == 2
    assert result.out == ""
    if words:
        assert result.err.count("\n") == 1
        assert result.err.startswith("btrmd")


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_has_its_help(run: Run, verb: str) -> None:
    result = run(verb, "--help")
    assert result.code == 0
    assert f"btrmd {verb}" in result.out


def test_help_lists_every_verb_and_version_is_told(run: Run) -> None:
    result = run("--help")
    assert result.code == 0
    for verb, (_, text) in VERBS.items():
        assert verb in result.out
        assert text.split()[0] in result.out
    assert run("--version").out.startswith("btrmd ")


def test_place_by_option_environment_demo_and_installation(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed = find_place()
    assert installed == Folders(Path("/etc/btrm"), Path("/var/lib/btrm"))
    assert installed.socket == Path("/run/btrm/control.sock")
    assert run_dir(Path("/var/lib/btrm/")) == Path("/run/btrm")

    socket = elsewhere / ".demo" / "state" / "run" / "control.sock"
    socket.parent.mkdir(parents=True)
    socket.touch()
    demo = find_place()
    assert demo == Folders(Path(".demo/config"), Path(".demo/state"))
    assert find_place(config_dir=".demo/config").state_dir == elsewhere / ".demo" / "state"
    assert find_place(demo=False) == installed

    monkeypatch.setenv("BTRM_STATE_DIR", str(tmp_path / "s"))
    assert find_place() == Folders(Path("/etc/btrm"), tmp_path / "s", False, True)
    assert find_place(state_dir="/other").state_dir == Path("/other")
    assert find_place(state_dir="/other").socket == Path("/other/run/control.sock")
    monkeypatch.setenv("BTRM_CONFIG_DIR", str(tmp_path / "c"))
    assert find_place() == Folders(tmp_path / "c", tmp_path / "s", True, True)


@pytest.mark.parametrize("text", ["1_0", "٣", "\uff13", "inf", "nan", "0x1"])
@pytest.mark.parametrize(
    "words",
    [
        ("run", "--simulate", "--speed"),
        ("test", "start", "--delay-h"),
        ("test", "wait", "--timeout"),
        ("calibrate", "battery.voltage", "--low"),
        ("estimate", "--csv", "x", "--system-voltage"),
    ],
    ids=" ".join,
)
def test_a_number_on_the_command_line_is_ascii(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], text: str
) -> None:
    from btrmd.cli.main import main

    assert main([*words, text]) == 2
    assert f"{text!r} is refused" in capsys.readouterr().err
