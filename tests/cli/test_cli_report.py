"""`btrmd report N`: what an auditor gets without a browser, against a station on a real socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from control_station import FINISHED, Station

from btrmd.model.readings import GOOD, Reading

if TYPE_CHECKING:
    from conftest import Run


@pytest.fixture(autouse=True)
def serial(station: Station) -> None:
    """The fake station knows few points; the report names the unit's number."""
    station.show(points={"system.serial": Reading("BT-0042", GOOD, 1_780_000_000.0)})


def test_it_prints_the_report_with_lines_to_sign(
    run: Run, station: Station, state_dir: Path
) -> None:
    done = run("report", str(FINISHED.n), "--state-dir", state_dir)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith(f"Battery test {FINISHED.n}, Type {FINISHED.type}, 20")
    assert lines[2].startswith("Result: ")
    for line in ("Conditions", "Instrument"):
        assert line in lines
    assert [line.split("_")[0].strip() for line in lines[-3:]] == [
        "Tested by",
        "Checked by",
        "Date",
    ]
    assert "BT-0042" in done.out
    done.out.encode("ascii")  # for a console without a locale


def test_as_json_it_has_the_same_sections(run: Run, station: Station, state_dir: Path) -> None:
    text = run("report", str(FINISHED.n), "--state-dir", state_dir).out
    report = json.loads(run("report", str(FINISHED.n), "--json", "--state-dir", state_dir).out)
    assert report["title"] == text.splitlines()[0]
    for title, rows in report["sections"].items():
        assert f"\n{title}\n" in text
        for label, value in rows.items():
            assert f"{label}" in text
            assert str(value) in text


@pytest.mark.parametrize(
    ("n", "code", "text"),
    [
        ("99", 1, "There is no discharge 99."),
        ("x", 2, "x"),
        ("-1", 2, "-1"),
        ("\u0667", 2, "\u0667"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    run: Run, station: Station, state_dir: Path, n: str, code: int, text: str
) -> None:
    done = run("report", n, "--state-dir", state_dir)
    assert (done.code, done.out) == (code, "")
    assert done.err.count("\n") == 1
    assert text in done.err
