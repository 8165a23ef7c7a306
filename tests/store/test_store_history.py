"""The history as readers see it: events, tests, curves, state, numbers."""

from __future__ import annotations

import math
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_bench import Station, a_curve, a_record, an_event, disk_limit, station

from btrmd.model.discharge import CurveRow
from btrmd.model.events import Event, EventClass, Kind
from btrmd.model.readings import Value
from btrmd.store.curves import decode_rows, encode_rows, thinned
from btrmd.store.events import decode_value, encode_value
from btrmd.store.history_db import HistoryDb
from btrmd.store.write_queue import MAX_EVENTS


def test_events_come_back_as_they_were(tmp_path: Path) -> None:
    values: list[Value] = [1.5, 3, True, None, "text", ("sensor.0x4a", "io1")]
    sent = [
        Event(n, 1.0, 2.0, f"key{n % 2}", Kind.CHANGE, value, None, "web admin", "Grün.", n != 3)
        for n, value in enumerate(values, 1)
    ]
    with station(tmp_path) as unit:
        unit.writer.commit(events=sent)
        assert unit.writer.flush()
        assert unit.published == sent
    history = HistoryDb(tmp_path)
    assert history.events() == sent
    assert history.events(after=2, limit=2) == sent[2:4]
    assert history.events(key="key1") == [e for e in sent if e.key == "key1"]
    assert history.events(after=99) == []
    assert history.last_event() == 6
    history.close()


@given(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=50)
    | st.lists(st.text(max_size=5)).map(tuple)
)
def test_any_value_survives(value: Value) -> None:
    assert decode_value(encode_value(value)) == value


def test_a_value_that_is_no_number_is_null() -> None:
    assert decode_value(encode_value(math.nan)) is None
    assert decode_value(encode_value(-math.inf)) is None


def test_the_store_numbers_events_for_ever(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        first = unit.writer.commit(events=[an_event(), an_event()])
        assert [e.n for e in first] == [1, 2]
        assert [e.n for e in unit.writer.commit(events=[an_event(10), an_event()])] == [10, 11]
    with station(tmp_path) as unit:
        assert unit.recovered.last_event == 11
        assert unit.writer.commit(events=[an_event()])[0].n == 12


def test_what_was_seen_stays_readable_in_order_while_more_is_written(tmp_path: Path) -> None:
    unit = Station(tmp_path)
    seen: set[int] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            found = [e.n for e in unit.history.events(limit=10_000)]
            assert found == list(range(1, len(found) + 1))
            rows = [r.time_s for r in unit.history.curve(1)]
            assert rows == [float(i) for i in range(len(rows))]
            seen.add(len(found))

    reader = threading.Thread(target=read)
    reader.start()
    curve = a_curve(300)
    for n in range(1, 301):
        unit.writer.commit(events=[an_event(n)], curve=(1, [curve[n - 1]]))
        assert unit.history.last_event() <= n  # not before it is durable
    assert unit.writer.flush()
    assert unit.history.last_event() == 300
    stop.set()
    reader.join()
    assert len(unit.history.events()) == 300
    assert len(list(unit.history.curve(1))) == 300
    assert seen, "the reader ended early"
    unit.stop()


def test_a_test_is_updated_listed_and_cleared(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        history, writer = unit.history, unit.writer
        writer.commit(test=a_record(1, "running", "none"))
        writer.commit(test=a_record(2))
        writer.flush()
        assert [t.n for t in history.tests()] == [2, 1]
        writer.commit(test=a_record(1, result="low"))
        writer.flush()
        assert history.test(1) == a_record(1, result="low")
        assert history.tests() == [a_record(2), a_record(1, result="low")]
        writer.commit(clear_tests=2)
        assert history.tests() == []
        writer.commit(test=a_record(3))
        writer.flush()
        assert [t.n for t in history.tests()] == [3]
        assert [t.n for t in history.tests(include_cleared=True, limit=2)] == [3, 2]
        assert history.test(1) is not None
        assert history.test(99) is None


# --- curves --------------------------------------------------------------------------------------


ROWS = st.builds(
    CurveRow,
    st.floats(0, 200_000),
    st.floats(-100, 100),
    st.floats(-100, 100),
    st.none() | st.floats(-50, 120),
    st.none() | st.floats(-100, 100),
)
BLOCK_V = st.none() | st.floats(-60, 60)
STEPS = (0.001, 0.001, 0.001, 0.01, 0.001)


@given(
    st.integers(0, 4).flatmap(
        lambda n: st.lists(
            st.builds(
                lambda row, volts: row._replace(block_v=tuple(volts)),
                ROWS,
                st.lists(BLOCK_V, min_size=n, max_size=n),
            ),
            max_size=40,
        )
    )
)
def test_a_curve_survives_packing_within_its_resolution(rows: list[CurveRow]) -> None:
    found = list(decode_rows(encode_rows(rows), len(rows)))
    assert len(found) == len(rows)
    for old, new in zip(rows, found, strict=True):
        assert len(old.block_v) == len(new.block_v)
        steps = (*STEPS, *(0.001 for _ in old.block_v))
        pairs = zip((*old[:5], *old.block_v), (*new[:5], *new.block_v), steps, strict=True)
        for was, now, step in pairs:
            assert (was is None) == (now is None)
            assert was is None or now is None or abs(was - now) <= step * 0.51


def test_a_curve_takes_few_bytes_and_damage_is_found() -> None:
    rows = a_curve(1800)
    packed = encode_rows(rows)
    assert len(packed) < 8 * len(rows)
    for data in (b"", b"\x07" + packed[1:], packed[:-20], packed[:1] + b"\0" + packed[2:]):
        with pytest.raises(ValueError, match="a curve"):
            list(decode_rows(data, 1800))
    with pytest.raises(ValueError, match="wrong length"):
        list(decode_rows(packed, 1799))


def test_thinning_keeps_the_beginning_and_the_end() -> None:
    rows = a_curve(3601)
    kept = thinned(rows)
    assert kept[:301] == rows[:301]
    assert kept[-1] == rows[-1]
    assert len(kept) == 301 + 330
    assert max(b.time_s - a.time_s for a, b in pairwise(kept)) <= 10.0


def test_a_whole_test_comes_back_packed(tmp_path: Path) -> None:
    rows = a_curve(5000)
    with station(tmp_path) as unit:
        for start in range(0, 5000, 60):
            unit.writer.commit(curve=(7, rows[start : start + 60]))
            if start % 600 == 0:
                assert unit.writer.flush()
        unit.writer.commit(test=a_record(7), finish=True, on_done=unit.answer)
        assert unit.wait_answers(1) == [None]
        assert list(unit.history.curve(7)) == rows
        unit.writer.flush()  # packing comes after the answer
    history = HistoryDb(tmp_path)
    assert list(history.curve(7)) == rows
    assert list(history.curve(6)) == []
    chunks = history.database.reader().execute("SELECT rows FROM curves").fetchall()
    assert chunks == [(1800,), (1800,), (1400,)]
    history.close()


# --- recovery ------------------------------------------------------------------------------------


def test_the_interrupted_test_is_found_with_its_curve_and_the_state(tmp_path: Path) -> None:
    rows = a_curve(130)
    with station(tmp_path) as unit:
        unit.writer.commit(test=a_record(1), state={"next_n": 2})
        unit.writer.commit(
            events=[an_event(41)],
            test=a_record(2, "running", "none"),
            curve=(2, rows),
            state={"next_n": 3, "capacity": "low", "latched": ["battery.low_capacity"]},
        )
    with station(tmp_path) as unit:
        found = unit.recovered
        assert found.unfinished == a_record(2, "running", "none")
        assert found.curve == tuple(rows)
        assert found.state == {
            "next_n": 3,
            "capacity": "low",
            "latched": ["battery.low_capacity"],
        }
        assert (found.last_event, found.last_test, found.faults) == (41, 2, ())
        unit.writer.commit(test=a_record(2, result="aborted"), finish=True)
    with station(tmp_path) as unit:
        assert unit.recovered.unfinished is None
        assert unit.recovered.curve == ()


def test_a_fresh_folder_has_nothing(tmp_path: Path) -> None:
    with station(tmp_path / "new" / "state") as unit:
        assert unit.recovered == (None, (), None, 0, 0, (), (), "", "")
        assert unit.history.events() == []
        assert unit.history.tests() == []
        assert unit.history.last_event() == 0


def test_state_that_is_no_json_is_refused_before_anything_is_taken(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        with pytest.raises(TypeError):
            unit.writer.commit(events=[an_event(1)], state={"a": object()})
        assert unit.writer.flush()
        assert unit.history.events() == []


def test_numbers_are_not_used_twice_when_the_history_is_deleted(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        unit.writer.commit(events=[an_event(300)], test=a_record(12))
    (tmp_path / "history.db").unlink()
    with station(tmp_path) as unit:
        assert unit.recovered.last_event >= 300
        assert unit.recovered.last_test == 12


def test_numbers_that_went_out_unstored_are_not_used_again(tmp_path: Path) -> None:
    unit = Station(tmp_path)
    unit.writer.commit(events=[an_event(1)])
    assert unit.writer.flush()
    with disk_limit(1024):  # the numbers fit, the history does not
        unit.writer.commit(events=[an_event(2)])
        assert not unit.writer.flush()
        assert [e.n for e in unit.published] == [1, 2]
        # as after a kill: another process finds only what is on the disk
        found = HistoryDb(tmp_path)
        assert found.recover().last_event >= 2
        found.close()
    assert unit.stop()
    found = HistoryDb(tmp_path)
    assert found.recover().last_event == 2
    found.close()


@pytest.mark.parametrize("slot", [0, 1])
def test_a_torn_slot_of_the_numbers_is_passed_over(tmp_path: Path, slot: int) -> None:
    with station(tmp_path) as unit:
        unit.writer.commit(events=[an_event(5)])
        unit.writer.flush()
        unit.writer.commit(events=[an_event(900)])
    path = tmp_path / "numbers"
    data = bytearray(path.read_bytes())
    data[slot * 512 + 3] ^= 0x55
    path.write_bytes(data)
    (tmp_path / "history.db").unlink()
    with station(tmp_path) as unit:
        assert unit.recovered.last_event >= 5


def test_a_long_text_cannot_fill_the_disk(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        big = an_event(1)._replace(text="x" * 10_000, source="y" * 10_000, value="z" * 10_000)
        unit.writer.commit(events=[big])
        assert unit.writer.flush()
        row = unit.history.database.reader().execute(
            "SELECT length(text) + length(source) + length(value) FROM events"
        )
        assert row.fetchone()[0] < 2000


def test_memory_is_bounded_when_the_disk_refuses(tmp_path: Path) -> None:
    unit = Station(tmp_path)
    assert unit.writer.flush()
    most = MAX_EVENTS[EventClass.ALARMS]
    with disk_limit(1):
        for n in range(1, most + 101):
            unit.writer.commit(events=[an_event(n)])
        assert not unit.writer.flush()
        assert len(unit.history.pending.events) == most
        assert unit.history.pending.losses.number == 100
        assert len(unit.published) == most + 100
    assert unit.stop()
    history = HistoryDb(tmp_path)
    assert history.events()[0].n == 101
    history.close()


def test_a_reset_spares_what_still_goes_on(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        unit.writer.commit(test=a_record(1, "finished", "good"))
        unit.writer.commit(test=a_record(2, "delayed", "none"))
        assert unit.writer.flush()
        unit.writer.commit(clear_tests=2)
        assert [record.n for record in unit.history.tests()] == [2]
        assert unit.writer.flush()
        assert [record.n for record in unit.history.tests()] == [2]
        assert unit.history.test(2**70) is None


def test_an_outage_and_a_delayed_test_are_both_recovered(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        unit.writer.commit(test=a_record(1, "running", "none"))
        unit.writer.commit(test=a_record(2, "delayed", "none"))
        assert unit.writer.flush()
    with station(tmp_path) as unit:
        found = unit.recovered
        assert found.unfinished is not None
        assert (found.unfinished.n, [record.n for record in found.waiting]) == (1, [2])
