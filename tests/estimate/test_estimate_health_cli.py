"""`btrmd health`: its JSON and exit codes, and one sentence for every history that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from estimate_histories import AMPS, RATING

from btrmd.cli.main import main

HEADER = "ended_at,type,start,estimate_s,low_s,high_s,load_a,temp_c"
KEYS = [
    "soh_pct", "soh_low", "soh_high", "change", "replace_by",
    "risk_3m", "risk_6m", "risk_12m", "rests_on",
]  # fmt: skip
NEW_S = RATING.run_s(AMPS, 25.0)
FIRST = datetime(2026, 1, 10, 4, 0, tzinfo=UTC)
Write = Callable[..., Path]


def line(k: int, soh: float, kind: str = "1", start: str = "full") -> str:
    run = soh * NEW_S
    at = FIRST + timedelta(days=91 * k)
    return (
        f"{at:%Y-%m-%dT%H:%M:%SZ},{kind},{start},{run:.0f},{run / 1.16:.0f},{run * 1.16:.0f},4,25"
    )


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def writer(*lines: str, header: str = HEADER, end: str = "\n") -> Path:
        path = tmp_path / "history.csv"
        path.write_bytes((end.join([header, *lines]) + end).encode())
        return path

    return writer


def ask(
    capsys: pytest.CaptureFixture[str], path: Path, *options: str
) -> tuple[int, dict[str, Any], str]:
    code = main(["health", "--history", str(path), "--json", *options])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


def minutes(part: float) -> str:
    return f"{part * NEW_S / 60.0:.0f}"


def test_a_history(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    path = write(*(line(k, 0.95 - 0.02 * k) for k in range(4)), line(4, 0.86, "outage"))
    code, answer, err = ask(capsys, path, "--rated-ah", "40", "--mrt", minutes(0.7))
    assert (code, err) == (0, "")
    assert list(answer) == KEYS
    assert answer["soh_low"] < answer["soh_pct"] < answer["soh_high"]
    assert answer["soh_pct"] == pytest.approx(87.0, abs=3.0)
    assert answer["change"] == "none"
    assert answer["rests_on"] == "4 tests and 1 outage"
    assert 0.0 <= answer["risk_3m"] <= answer["risk_6m"] <= answer["risk_12m"] <= 1.0
    assert date(2027, 1, 1) <= date.fromisoformat(answer["replace_by"]) <= date(2029, 1, 10)


def test_a_drop(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    some = [line(k, 0.95) for k in range(4)]
    after = [line(4, 0.65), line(5, 0.65)]
    for count, word in ((0, "none"), (1, "suspected"), (2, "confirmed")):
        path = write(*some, *after[:count])
        code, answer, _ = ask(capsys, path, "--rated-ah", "40", "--mrt", minutes(0.7))
        assert code == 0
        assert answer["change"] == word
        if count:
            assert answer["soh_low"] <= 65.0 <= answer["soh_high"]
    assert answer["replace_by"] == "2027-04-10"  # at once: the day of the last test


def test_null_rather_than_a_guess(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    path = write(line(0, 0.95))
    code, answer, _ = ask(capsys, path)
    assert code == 0
    assert [answer[key] for key in KEYS if answer[key] is not None] == ["none", "1 test"]
    code, answer, _ = ask(capsys, path, "--rated-ah", "40", "--mrt", minutes(0.7))
    assert answer["soh_pct"] is not None
    assert answer["replace_by"] is answer["risk_12m"] is None
    code, answer, _ = ask(capsys, write(line(0, 0.95), line(1, 0.95)), "--mrt", minutes(0.3))
    assert code == 0
    assert answer["soh_pct"] is None
    assert answer["risk_12m"] < 0.05


def test_a_measured_discharge(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    run = f"{0.7 * NEW_S:.0f}"
    full = f"2027-01-10T04:00:00Z,2,full,{run},{run},{run},4,25"
    some = (line(k, 0.95) for k in range(4))
    code, answer, _ = ask(capsys, write(*some, full), "--rated-ah", "40")
    assert code == 0
    assert answer["soh_pct"] == pytest.approx(70.0, abs=3.0)
    assert answer["change"] == "confirmed"


def test_starts_below_full(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    some = [line(0, 0.98), line(1, 0.6, "outage", "unknown"), line(2, 0.7, "outage", "0.7")]
    code, answer, _ = ask(capsys, write(*some), "--rated-ah", "40")
    assert code == 0
    assert answer["soh_high"] >= 98.0
    assert answer["soh_pct"] > 88.0
    assert answer["rests_on"] == (
        "1 test and 2 outages (1 from a part of the charge, 1 from an unknown charge)"
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_how_a_file_may_be_written(
    capsys: pytest.CaptureFixture[str], write: Write, end: str
) -> None:
    """A byte-order mark, comments, blank lines, other columns, no temperature, other zones."""
    row = f'"2026-03-01T04:00:00+02:00", 1 ,full,note,{NEW_S:.0f},{NEW_S:.0f},{NEW_S:.0f},4'
    header = "ended_at,type,start,remark,estimate_s,low_s,high_s,load_a"
    path = write("# made by hand", "", row, header="\ufeff" + header, end=end)
    code, answer, err = ask(capsys, path, "--rated-ah", "40")
    assert (code, err) == (0, "")
    assert answer["soh_pct"] == pytest.approx(100.0, abs=1.0)


def spreadsheet(text: str, separator: str) -> str:
    return text.replace(",", separator).replace(".", ",")


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("first", [(), ("sep=;",)])
def test_as_a_spreadsheet_writes_it(
    capsys: pytest.CaptureFixture[str], write: Write, separator: str, first: tuple[str, ...]
) -> None:
    """Where a comma marks decimals; rows that were emptied stay behind as separators."""
    some = [line(k, 0.9).replace(",4,25", ",4.0,25.5") for k in range(3)]
    _, plain, _ = ask(capsys, write(*some), "--rated-ah", "40")
    header, *rows = (spreadsheet(text, separator) for text in (HEADER, *some))
    lines = [header, *rows, separator * 7]
    path = write(*[*first, *lines][1:], header=[*first, *lines][0], end="\r\n")
    code, answer, err = ask(capsys, path, "--rated-ah", "40")
    assert (code, err) == (0, "")
    assert answer == plain
    path = write(spreadsheet(line(0, 0.9), ";").replace(";4;", ";4,x;"), header=header)
    if separator == ";":
        code, _, err = ask(capsys, path)
        assert code == 2
        assert "line 2: load_a = '4,x' is not a number." in err


def test_rows_of_separators_only_are_empty(
    capsys: pytest.CaptureFixture[str], write: Write
) -> None:
    code, answer, _ = ask(capsys, write(line(0, 0.9), ",,,,,,,", " , ,,,,,,"), "--rated-ah", "40")
    assert code == 0
    assert answer["rests_on"] == "1 test"


def test_more_than_a_battery_of_that_rating_holds_is_no_health(
    capsys: pytest.CaptureFixture[str], write: Write
) -> None:
    """Told as 150 % (150 to 150 %), surer than anything: the rated Ah is wrong, or the bank is."""
    path = write(*(line(k, 2.2) for k in range(3)))
    code, answer, _ = ask(capsys, path, "--rated-ah", "40")
    assert code == 0
    assert answer["soh_pct"] is answer["soh_low"] is answer["soh_high"] is None
    assert main(["health", "--history", str(path), "--rated-ah", "40"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        "State of health not known, from 3 tests: that is more charge than a battery of the rated"
        " Ah holds. Check the rated Ah."
    )


def test_in_words(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    path = write(*(line(k, 0.9) for k in range(3)))
    words = ["health", "--history", str(path), "--rated-ah", "40", "--mrt", minutes(0.7)]
    assert main(words) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("State of health 9")
    assert said[0].endswith("from 3 tests.")
    assert said[1] == "No change beyond ageing."
    assert "Replace the battery by" in said[2]
    assert main(words[:3]) == 0
    assert "not known: no --rated-ah" in capsys.readouterr().out


def test_not_enough(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    for lines, why in (
        ((), "there is no discharge in it"),
        ((line(0, 0.9, "outage", "unknown"),), "began with a charge that is known"),
    ):
        code, answer, err = ask(capsys, write(*lines), "--rated-ah", "40")
        assert code == 3
        assert why in answer["reason"]
        assert err.count("\n") == 1


GOOD = line(0, 0.9)


def row(**more: str) -> str:
    fields = dict(zip(HEADER.split(","), line(1, 0.9).split(","), strict=True))
    return ",".join({**fields, **more}.values())


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (row(ended_at="2025-12-01T00:00:00Z"), "line 3: ended_at goes back from 2026-01-10"),
        (row(ended_at="2026-01-10T04:00:00Z"), "line 3: ended_at is the same as in line 2"),
        (GOOD, "line 3: ended_at is the same as in line 2"),
        (row(ended_at="2026-04-11T04:00:00"), "ended_at has no time zone where line 2 has one"),
        (row(ended_at="1970-01-01T00:00:00Z"), "allowed is an ISO time from 2000 to 2099"),
        (row(ended_at="11.04.2026"), "ended_at = '11.04.2026' is refused: allowed is an ISO time"),
        (row(ended_at="-5"), "ended_at = '-5' is refused"),
        (row(ended_at=""), "ended_at = '' is refused"),
        (row(ended_at="٢٠٢٦-04-11T04:00:00Z"), "is refused: allowed is an ISO time"),
        (row(type="3"), "line 3: type = '3' is refused: allowed is 1, 2 or outage"),
        (row(type="Outage"), "type = 'Outage' is refused: allowed is 1, 2 or outage"),
        (row(start="half"), "start = 'half' is refused: allowed is full, unknown or 0..1"),
        (row(start="1.2"), "start = '1.2' is refused: allowed is full, unknown or 0..1"),
        (row(start="80"), "start = '80' is refused"),
        (row(start="nan"), "start = 'nan' is refused"),
        (row(start=""), "start = '' is refused"),
        (row(estimate_s="-7200"), "estimate_s = -7200 is refused: allowed is 1..1e+07 s"),
        (row(estimate_s="0"), "estimate_s = 0 is refused: allowed is 1..1e+07 s"),
        (row(estimate_s="nan"), "estimate_s = 'nan' is not a number"),
        (row(estimate_s="inf"), "estimate_s = 'inf' is not a number"),
        (row(estimate_s="1_000"), "estimate_s = '1_000' is not a number"),
        (row(estimate_s="٧٢٠٠"), "is not a number"),
        (row(estimate_s="1e999"), "estimate_s = 1e999 is refused: allowed is"),
        (row(estimate_s=""), "estimate_s = '' is not a number"),
        (row(low_s="99999"), "estimate_s = 28386 is refused: allowed is low_s..high_s"),
        (row(high_s="9"), "allowed is low_s..high_s"),
        (row(low_s="400"), "low_s = 400 is refused: allowed is up to 30 times off estimate_s"),
        (row(load_a="-4"), "load_a = -4 is refused: allowed is 0.01..1000 A"),
        (row(load_a="4000"), "load_a = 4000 is refused: allowed is 0.01..1000 A"),
        (row(temp_c="77"), "temp_c = 77 is refused: allowed is -40..65 degC"),
        (row(temp_c="warm"), "temp_c = 'warm' is not a number"),
        (row(temp_c="25,1"), "line 3: 9 fields where the header has 8"),
        ("2026-04-11T04:00:00Z,1,full", "line 3: 3 fields where the header has 8"),
        (row(type='"1'), "this is not a CSV file"),
        (
            row(estimate_s="510", low_s="440", high_s="592"),
            "line 3: estimate_s = 510 makes the charge about 60 times less than in the other rows;"
            " allowed are seconds in every row",
        ),
    ],
)
def test_bad_rows(capsys: pytest.CaptureFixture[str], write: Write, second: str, why: str) -> None:
    code, answer, err = ask(capsys, write(GOOD, second, line(2, 0.9)))
    assert code == 2
    assert answer == {}
    assert why in err
    assert err.startswith("btrmd health: ")
    assert err.count("\n") == 1


def test_a_load_in_milliamps_is_refused(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    some = [f"2026-0{k}-01T00:00:00Z,1,full,9000,8000,10000,0.4,20" for k in (1, 2, 4)]
    odd = "2026-03-01T00:00:00Z,1,full,9000,8000,10000,400,20"
    code, _, err = ask(capsys, write(*some[:2], odd, some[2]))
    assert code == 2
    assert "line 4: load_a = 400 makes the charge about 1000 times more" in err


def test_all_in_minutes_is_refused(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    some = [f"2026-0{k}-01T00:00:00Z,1,full,510,450,590,4,25" for k in (1, 2, 3)]
    code, _, err = ask(capsys, write(*some), "--rated-ah", "40")
    assert code == 2
    assert "estimate_s = 510 does not fit --rated-ah 40" in err


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (HEADER.replace("start,", ""), "line 1: the column start is missing"),
        (HEADER + ",start", "line 1: the column start stands there more than once"),
        ("a,b", "line 1: the column ended_at is missing; the header must be ended_at,type,start"),
        ("", "the file is empty"),
    ],
)
def test_bad_headers(
    capsys: pytest.CaptureFixture[str], write: Write, header: str, why: str
) -> None:
    code, _, err = ask(capsys, write(*([GOOD] if header else []), header=header))
    assert code == 2
    assert why in err


def test_bad_files(capsys: pytest.CaptureFixture[str], tmp_path: Path, write: Write) -> None:
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00h\x00i")
    huge = tmp_path / "huge.csv"
    huge.write_bytes(b"0" * 4_000_001)
    for path, why in (
        (tmp_path / "no.csv", "No such file"),
        (tmp_path, "Is a directory"),
        (binary, "not a text file in UTF-8"),
        (huge, "larger than 4 MB"),
    ):
        code, _, err = ask(capsys, path)
        assert code == 2
        assert why in err
        assert err.count("\n") == 1


def test_too_many_rows(capsys: pytest.CaptureFixture[str], write: Write) -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    some = [
        f"{at + timedelta(hours=k):%Y-%m-%dT%H:%M:%SZ},1,full,9000,8000,10000,4,20"
        for k in range(5001)
    ]
    code, _, err = ask(capsys, write(*some))
    assert code == 2
    assert "line 5002: more than 5000 discharges" in err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--rated-ah", "0"], "'0' is refused: allowed is 1..2000"),
        (["--rated-ah", "nan"], "'nan' is refused"),
        (["--rated-ah", "٤٠"], "is refused: allowed is 1..2000"),
        (["--mrt", "-1"], "'-1' is refused: allowed is 0..100000"),
    ],
)
def test_bad_options(
    capsys: pytest.CaptureFixture[str], write: Write, options: list[str], why: str
) -> None:
    code, answer, err = ask(capsys, write(GOOD), *options)
    assert (code, answer) == (2, {})
    assert why in err
