"""`btrmd estimate`: its JSON, its exit codes, and one sentence for every file that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from estimate_discharges import steady

from btrmd.cli.main import main
from btrmd.model.discharge import CurveRow

HEADER = "time_s,battery_v,battery_a,temp_c"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def writer(lines: list[str] | list[CurveRow], header: str = HEADER) -> Path:
        path = tmp_path / "run.csv"
        text = [
            f"{r.time_s:.0f},{r.battery_v:.3f},{r.battery_a:.3f},{r.temp_c}"
            if isinstance(r, CurveRow)
            else r
            for r in lines
        ]
        path.write_text("\n".join([header, *text]) + "\n")
        return path

    return writer


def ask(
    capsys: pytest.CaptureFixture[str], path: Path, *options: str, volts: int = 12
) -> tuple[int, Any, str]:
    """Exit code, JSON (None without), stderr."""
    words = ["estimate", "--csv", str(path), "--system-voltage", str(volts), "--json", *options]
    code = main(words)
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def test_an_estimate(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    path = write(steady(18_000.0, 3.0, 0.4))
    code, answer, err = ask(capsys, path, "--rated-ah", "20", "--mrt", "100")
    assert (code, err) == (0, "")
    assert answer["ert_low"] < 300.0 < answer["ert_high"]
    assert answer["ert_low"] < answer["ert_minutes"] < answer["ert_high"]
    assert answer["verdict"] == "good"
    assert answer["method"] == "curve family"
    assert answer["warnings"] == []
    assert 60.0 < answer["capacity_pct"] < 140.0


@pytest.mark.parametrize(
    ("minimum", "verdict"), [("60", "good"), ("300", "marginal"), ("900", "low")]
)
def test_the_verdict(
    capsys: pytest.CaptureFixture[str], write: Write, minimum: str, verdict: str
) -> None:
    path = write(steady(18_000.0, 3.0, 0.4))
    assert ask(capsys, path, "--mrt", minimum)[1]["verdict"] == verdict


def test_what_is_not_known_is_left_out(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    rows = [f"{r.time_s},{r.battery_v},{r.battery_a},x" for r in steady(18_000.0, 3.0, 0.4)]
    code, answer, _ = ask(capsys, write(rows, "time_s,battery_v,battery_a,remark"), "--mrt", "0")
    assert code == 0
    assert "capacity_pct" not in answer
    assert "verdict" not in answer
    assert len(answer["warnings"]) == 2  # no rating, no temperature


def test_the_cutoff_reached_is_the_estimate(
    capsys: pytest.CaptureFixture[str], write: Write
) -> None:
    path = write(steady(18_000.0, 3.0, 1.05, blocks=2))
    code, answer, _ = ask(capsys, path, "--mrt", "290", volts=24)
    assert code == 0
    assert answer["ert_low"] == answer["ert_minutes"] == answer["ert_high"]
    assert answer["ert_minutes"] == pytest.approx(300.0, abs=1.5)
    assert (answer["method"], answer["verdict"]) == ("measured", "good")


def test_leading_charger_rows_do_not_count(
    capsys: pytest.CaptureFixture[str], write: Write
) -> None:
    rows = steady(18_000.0, 3.0, 0.4)
    plain = ask(capsys, write(rows))[1]
    lead = [CurveRow(30.0 * k, 13.6, 0.2, 22.0, None) for k in range(20)]
    later = [row._replace(time_s=row.time_s + 600.0) for row in rows]
    assert ask(capsys, write(lead + later))[1] == plain


def test_rows_after_the_recharge_are_left_out(
    capsys: pytest.CaptureFixture[str], write: Write
) -> None:
    rows = steady(18_000.0, 3.0, 0.4)
    after = [CurveRow(7230.0 + 30.0 * k, 13.4, 2.0, 22.0, None) for k in range(20)]
    code, answer, _ = ask(capsys, write(rows + after), "--rated-ah", "20")
    assert code == 0
    assert answer["ert_minutes"] == ask(capsys, write(rows), "--rated-ah", "20")[1]["ert_minutes"]
    assert "charged again at 7230 s; 20 rows" in answer["warnings"][0]


def test_a_rest_at_the_end_is_left_out(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    """Once taken for a new load of 0.03 A, under which the battery would last for weeks."""
    discharge = steady(18_000.0, 3.0, 0.4)
    rest = [
        CurveRow(discharge[-1].time_s + 30.0 * k, 12.3, -0.03, 22.0, 0.03) for k in range(1, 80)
    ]
    plain = ask(capsys, write(discharge), "--rated-ah", "20")[1]
    code, answer, _ = ask(capsys, write([*discharge, *rest]), "--rated-ah", "20")
    assert code == 0
    assert answer["ert_minutes"] == plain["ert_minutes"]
    assert "not discharged any more from 7230 s on; 79 rows" in answer["warnings"][0]


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
@pytest.mark.parametrize("until", [0.15, 0.9])
def test_volts_must_fit_the_system(
    capsys: pytest.CaptureFixture[str], write: Write, blocks: int, until: float
) -> None:
    path = write(steady(18_000.0, 3.0, until, blocks=blocks))
    for volts in (12, 24, 36, 48):
        code, _, err = ask(capsys, path, volts=volts)
        assert code == (0 if volts == 12 * blocks else 2)
        assert ("--system-voltage" in err) == (code == 2)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["0,12.6,-1,20", "nan,12.6,-1,20"], "line 3: time_s = nan is refused"),
        (["0,12.6,-1,20", "60,nan,-1,20"], "line 3: battery_v = nan is refused: allowed is 1..100"),
        (["0,12.6,-inf,20"], "line 2: battery_a = -inf is refused"),
        (["0,twelve,-1,20"], "line 2: battery_v = 'twelve' is not a number"),
        (["0,12.6,-1,20", "60,0.0,-1,20"], "line 3: battery_v = 0.0 is refused"),
        (["0,12.6,-1,20", "60,12.6,-1,20", "50,12.6,-1,20"], "line 4: time_s goes back"),
        (["0,12,6,-1,0,20"], "line 2: 6 fields where the header has 4"),
        (["0,12.6"], "line 2: 2 fields where the header has 4"),
    ],
)
def test_a_wrong_row_is_named(
    capsys: pytest.CaptureFixture[str], write: Write, lines: list[str], said: str
) -> None:
    path = write(lines)
    code, answer, err = ask(capsys, path)
    assert (code, answer) == (2, None)
    assert f"{path}, {said}" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"t,v,a\n1,2,3\n", "the column time_s is missing"),
        (b"time_s,battery_v\n0,12\n", "the column battery_a is missing"),
        (b"time_s,battery_v,battery_a,battery_v\n", "battery_v stands there more than once"),
        (b"\x00\xff\xfe\x01" * 40, "not a text file in UTF-8"),
    ],
)
def test_a_wrong_file_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "run.csv"
    path.write_bytes(content)
    code, _, err = ask(capsys, path)
    assert code == 2
    assert str(path) in err
    assert said in err


def test_a_missing_file_and_a_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        code, _, err = ask(capsys, path)
        assert code == 2
        assert str(path) in err


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["0,12.6,-1.0,20"],
        [f"{60 * k},12.6,1.0,20" for k in range(100)],
        [f"{k},12.6,-1.0,20" for k in range(100)],
    ],
    ids=["no rows", "one row", "charging only", "100 s"],
)
def test_not_enough_data(
    capsys: pytest.CaptureFixture[str], write: Write, lines: list[str]
) -> None:
    code, answer, err = ask(capsys, write(lines))
    assert code == 3
    assert list(answer) == ["reason"]
    assert answer["reason"] in err


@pytest.mark.parametrize(
    "options",
    [
        ["--system-voltage", "13"],
        ["--rated-ah", "0"],
        ["--rated-ah", "nan"],
        ["--cutoff", "48"],
        ["--mrt", "-1"],
    ],
)
def test_a_wrong_option_is_usage(
    capsys: pytest.CaptureFixture[str], write: Write, options: list[str]
) -> None:
    code, _, err = ask(capsys, write(steady(18_000.0, 3.0, 0.4)), *options)
    assert code == 2
    assert options[1] in err


def test_for_people(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    path = write(steady(18_000.0, 3.0, 0.4))
    words = ["estimate", "--csv", str(path), "--system-voltage", "12", "--mrt", "60"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith("Run time ")
    assert "9 times of 10" in out
    assert "Verdict good." in out
