"""DNP3 events: queued with their time, read or sent unasked, kept until they are confirmed."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest
from dnp3_bench import Bench
from dnp3_wire import CLASS_2, Master, Response

from btrmd.servers.fieldbus import service
from btrmd.servers.fieldbus.dnp3_events import CAPACITY

ENABLE, DISABLE = 0x14, 0x15
IO1 = {"io1.config": 2, "io2.config": 2}  # above 2 V is an alarm
UNASKED = {**IO1, "dnp3.unsolicited": True, "dnp3.retry_s": 1}


def trip(bench: Bench, on: bool = True) -> None:
    """Raise or clear the alarm of CH1 and wait until the log has it."""
    before = bench.bus.last_event
    bench.io1(5.0 if on else 0.0)
    bench.wait(lambda: bench.bus.last_event > before)
    bench.wait_value("io1.alarm", on)


def clear_restart(master: Master) -> None:
    assert master.ask(2, "50 01 00 07 07 00").iin[1] == 0


def unasked(master: Master, seconds: float = 5.0) -> Response:
    """The next fragment, which must be an unsolicited response."""
    got = master.receive(seconds)
    assert got is not None, "nothing came"
    response = Response(got)
    assert response.is_unsolicited
    assert response.wants_confirm
    return response


def events_of(bench: Bench, key: str) -> list[int]:
    """The times of the events in the log, ms."""
    return [round(1000 * e.at) for e in bench.bus.events_after(0) if e.key == key]


@pytest.fixture
def quiet() -> Iterator[Bench]:
    with Bench(IO1) as made:
        yield made


@pytest.fixture
def loud() -> Iterator[Bench]:
    with Bench(UNASKED) as made:
        yield made


# --- polled --------------------------------------------------------------------------------------


def test_an_alarm_is_an_event_with_its_time_in_class_2(quiet: Bench) -> None:
    with Master(quiet.place) as master:
        clear_restart(master)
        trip(quiet)
        quiet.wait(lambda: master.ask(0x17).iin[0] == 0x04)  # IIN1.2: class 2 has something
        assert master.ask(1, "3C 02 06").body == b"", "nothing in class 1"
        response = master.ask(1, CLASS_2)
        (at,) = events_of(quiet, "io1")
        assert response.wants_confirm
        assert response.iin == (0, 0), "all there is is in this response"
        assert response.body == b"\x02\x02\x17\x01\x03\x81" + at.to_bytes(6, "little")
        trip(quiet, on=False)
        quiet.wait(lambda: len(master.ask(1, CLASS_2).body) == 4 + 2 * 8)
        both = master.ask(1, CLASS_2)
        assert [both.body[4], both.body[5], both.body[12], both.body[13]] == [3, 0x81, 3, 0x01]


def test_unconfirmed_events_stay_and_confirmed_ones_go(quiet: Bench) -> None:
    trip(quiet)
    with Master(quiet.place) as first:
        quiet.wait(lambda: first.ask(0x17).iin[0] & 0x04)
        body = first.ask(1, CLASS_2).body
    with Master(quiet.place) as second:
        response = second.ask(1, CLASS_2)
        assert response.body == body, "they survive the connection"
        second.send(bytes([0xC0 | (response.sequence + 1) & 15, 0]))  # not this one's confirm
        response = second.ask(1, CLASS_2)
        assert response.body == body
        second.confirm(response)
        assert second.ask(1, CLASS_2).body == b""


def test_binary_events_are_read_by_their_group_too(quiet: Bench) -> None:
    trip(quiet)
    with Master(quiet.place) as master:
        quiet.wait(lambda: master.ask(0x17).iin[0] & 0x04)
        assert master.ask(1, "02 01 06").body == b"\x02\x01\x17\x01\x03\x81"
        assert master.ask(1, "02 00 07 01").body[:6] == b"\x02\x02\x17\x01\x03\x81"
        relative = master.ask(1, "02 03 06").body
        assert relative[:4] == b"\x33\x01\x07\x01"  # g51v1, the common time
        assert relative[10:] == b"\x02\x03\x17\x01\x03\x81\x00\x00"


@pytest.mark.parametrize(
    ("settings", "header", "index"),
    [
        ({"dnp3.event_class": 1}, "3C 02 06", 3),
        ({"dnp3.event_class": 3}, "3C 04 06", 3),
        ({"dnp3.event_index_base": 1}, "3C 03 06", 4),  # the manual's printed table
    ],
)
def test_class_and_index_base_are_switches(
    settings: dict[str, object], header: str, index: int
) -> None:
    with Bench({**IO1, **settings}) as bench, Master(bench.place) as master:
        trip(bench)
        bench.wait(lambda: master.ask(1, header).body)
        assert master.ask(1, header).body[:6] == bytes([2, 2, 0x17, 1, index, 0x81])


def test_events_survive_a_listener_that_is_opened_anew(quiet: Bench) -> None:
    trip(quiet)
    with Master(quiet.place) as master:
        quiet.wait(lambda: master.ask(0x17).iin[0] & 0x04)
        body = master.ask(1, CLASS_2).body
        quiet.reopen(dnp3__event_class=1, dnp3__event_index_base=1, dnp3__master_ip="127.0.0.9")
        with pytest.raises(EOFError):
            master.receive()
    with Master(quiet.place) as master:
        moved = master.ask(1, "3C 02 06").body
    assert moved == body[:4] + b"\x04" + body[5:], "class 1 and index 4 now"


def test_a_full_buffer_drops_the_oldest_and_says_so(quiet: Bench) -> None:
    with Master(quiet.place) as master:
        clear_restart(master)
        count = CAPACITY // 2 + 1
        for _ in range(count):
            with quiet.lock:
                quiet.station.plant.io_v[0] = 5.0
                quiet.station.run(2.0)
                quiet.station.plant.io_v[0] = 0.0
                quiet.station.run(2.0)
                # what comes more than six times an hour is told as chattering
                quiet.station.now += 600.0
                quiet.station.wall += 600.0
        quiet.wait(lambda: len(events_of(quiet, "io1")) == 2 * count)
        quiet.wait(lambda: master.ask(0x17).iin[1] & 0x08)
        response = master.ask(1, CLASS_2)
        assert response.iin[1] & 0x08
        times = []
        while True:
            octets = response.body[4:]
            assert not len(octets) % 8
            times += [
                int.from_bytes(octets[k + 2 : k + 8], "little") for k in range(0, len(octets), 8)
            ]
            master.confirm(response)
            if response.octets[0] & 0x40:
                break
            response = master.response()
        assert times == events_of(quiet, "io1")[2:], "all but the two oldest"
        assert master.ask(0x17).iin == (0, 0)


def test_events_of_the_extended_profile() -> None:
    with Bench({**IO1, "dnp3.extended": True}) as bench, Master(bench.place) as master:
        bench.wait(lambda: master.ask(0x17).iin)
        assert master.ask(2, "0A 01 00 03 03 01").iin[1] == 0
        bench.wait(lambda: master.ask(1, "02 01 06").body == b"\x02\x01\x17\x01\x06\x81")
        with bench.lock:
            bench.station.plant.supply.on = False
        bench.wait(lambda: b"\x09\x81" in master.ask(1, "02 01 06").body, 20.0)


# --- unsolicited ---------------------------------------------------------------------------------


def test_nothing_is_sent_before_the_master_wants_it(loud: Bench) -> None:
    with Master(loud.place) as master:
        trip(loud)
        loud.wait(lambda: master.ask(0x17).iin[0] & 0x04)
        assert master.receive(0.5) is None
        assert master.ask(ENABLE, CLASS_2).iin[1] == 0
        response = unasked(master)
        assert response.body[:6] == b"\x02\x02\x17\x01\x03\x81"
        master.confirm(response)
        assert master.ask(1, CLASS_2).body == b""


def test_an_alarm_wakes_the_room_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "LOOK_S", 3600.0)
    monkeypatch.setattr(service, "ALONE_S", 3600.0)
    with Bench(UNASKED) as bench, Master(bench.place) as master:
        clear_restart(master)
        master.ask(ENABLE, CLASS_2)
        trip(bench)
        assert unasked(master, 20.0).body[:6] == b"\x02\x02\x17\x01\x03\x81"


def test_a_room_that_nobody_talks_to_hardly_wakes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    wakes = 0
    run_once = asyncio.BaseEventLoop._run_once  # type: ignore[attr-defined]

    def counted(loop: asyncio.BaseEventLoop) -> None:
        nonlocal wakes
        wakes += 1
        run_once(loop)

    monkeypatch.setattr(asyncio.BaseEventLoop, "_run_once", counted)
    with Bench(UNASKED) as bench, Master(bench.place) as master:  # connected, and silent
        clear_restart(master)
        before, start = wakes, time.monotonic()
        assert before > 0
        time.sleep(1.0)  # that so little happens has no condition to wait for
        seconds = time.monotonic() - start
        assert wakes - before <= 3 * (seconds / service.LOOK_S + 2)


def test_an_alarm_arrives_in_under_a_second_and_is_repeated_until_confirmed(loud: Bench) -> None:
    with Master(loud.place) as master:
        master.ask(ENABLE, CLASS_2)
        start = time.monotonic()
        loud.io1(5.0)
        response = unasked(master)
        assert time.monotonic() - start < 1.0
        repeats = [unasked(master) for _ in range(2)]
        assert {r.octets for r in repeats} == {response.octets}, "the same octets, the same number"
        master.confirm(repeats[-1])
        assert master.receive(1.5) is None


def test_retries_run_out_and_news_starts_again() -> None:
    with Bench({**UNASKED, "dnp3.retries": 1}) as bench, Master(bench.place) as master:
        master.ask(ENABLE, CLASS_2)
        trip(bench)
        first = unasked(master)
        assert unasked(master).octets == first.octets
        assert master.receive(2.0) is None, "one repeat was allowed"
        trip(bench, on=False)
        news = unasked(master)
        assert len(news.body) == 4 + 2 * 8, "the old event and the new one"
        bench.wait_count("unsolicited_not_confirmed")


def test_no_retries_and_retries_for_ever(loud: Bench) -> None:
    loud.reopen(dnp3__retries=0)
    with Master(loud.place) as master:
        master.ask(ENABLE, CLASS_2)
        trip(loud)
        unasked(master)
        assert master.receive(1.5) is None
    loud.reopen(dnp3__retries=255, dnp3__retry_s=0)
    with Master(loud.place) as master:
        start = time.monotonic()
        for _ in range(4):
            unasked(master)
        assert time.monotonic() - start > 2.5, "0 s is held to 1 s"


def test_other_traffic_goes_on_while_a_confirm_is_missing() -> None:
    settings = {**UNASKED, "dnp3.retry_s": 30}
    with Bench(settings) as bench, Master(bench.place) as master:
        master.ask(ENABLE, CLASS_2)
        trip(bench)
        unasked(master)
        start = time.monotonic()
        assert master.ask(2, "0A 01 00 01 01 01").iin[1] == 0, "a write is answered at once"
        assert time.monotonic() - start < 0.8
        assert master.ask(1, "1E 04 06").objects()[30, 4]
        assert time.monotonic() - start < 3.0, "a read waits a second, not thirty"
        assert master.receive(0.5) is None, "and brings no repeat before its time"


def test_the_confirm_lets_a_waiting_read_go(loud: Bench) -> None:
    with Master(loud.place) as master:
        master.ask(ENABLE, CLASS_2)
        trip(loud)
        response = unasked(master)
        master.send("C9 01 3C 03 06")
        assert master.receive(0.3) is None
        master.confirm(response)
        answer = master.response()
        assert (answer.sequence, answer.body) == (9, b"")


def test_disabling_stops_it_and_shows_in_binary_input_2(loud: Bench) -> None:
    def bi2(master: Master) -> bytes:
        return master.ask(1, "01 02 00 02 02").objects()[1, 2][2]

    with Master(loud.place) as master:
        assert bi2(master) == b"\x81"
        master.ask(ENABLE, "3C 02 06 3C 03 06 3C 04 06")
        assert bi2(master) == b"\x81"
        master.ask(DISABLE, "3C 02 06 3C 03 06 3C 04 06")
        assert bi2(master) == b"\x01"
        trip(loud)
        assert master.receive(0.5) is None
        assert master.ask(ENABLE, "3C 01 06").iin[1] == 0x02, "class 0 is no event class"
        assert bi2(master) == b"\x01"
        master.ask(ENABLE, CLASS_2)
        assert unasked(master).body[:6] == b"\x02\x02\x17\x01\x03\x81"
        master.confirm(Response(bytes([0xD0, 0x82, 0, 0])))
        assert bi2(master) == b"\x81"


def test_what_the_master_wants_outlives_the_connection(loud: Bench) -> None:
    with Master(loud.place) as master:
        clear_restart(master)
        master.ask(ENABLE, CLASS_2)
    with Master(loud.place) as master:
        trip(loud)
        response = unasked(master)
        assert response.iin[0] & 0x80 == 0, "no restart has happened"


def test_a_silent_stranger_does_not_get_the_alarms(loud: Bench) -> None:
    with Master(loud.place) as master:
        master.ask(ENABLE, CLASS_2)
        with Master(loud.place) as stranger:
            trip(loud)
            assert unasked(master).body
            assert stranger.receive(0.3) is None


def test_the_restart_message() -> None:
    with Bench({**UNASKED, "dnp3.restart_message": True}) as bench:
        with Master(bench.place) as master:
            null = unasked(master)
            assert null.octets[1:] == b"\x82\x80\x00", "IIN1.7 and nothing else"
            assert unasked(master).octets == null.octets
            master.ask(ENABLE, CLASS_2)
            trip(bench)
            again = unasked(master)
            assert again.body == b"", "no events before the restart is known"
            master.confirm(again)
            assert unasked(master).body[:6] == b"\x02\x02\x17\x01\x03\x81"
        with Master(bench.place) as master:
            assert unasked(master).body, "told once; what is sent now is the event"


def test_no_restart_message_unless_asked_for(loud: Bench) -> None:
    with Master(loud.place) as master:
        assert master.receive(0.5) is None
        assert master.ask(0x17).iin[0] & 0x80


# --- the call to the master ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("master_ip", "host"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("localhost", "127.0.0.1")]
)
def test_the_master_is_called_when_it_is_not_there(master_ip: str, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        listener.settimeout(10.0)
        port = listener.getsockname()[1]
        settings = {**UNASKED, "dnp3.master_ip": master_ip, "dnp3.port": port}
        with Bench(settings) as bench:
            with Master(bench.place) as master:
                master.ask(ENABLE, CLASS_2)
                trip(bench)
                master.confirm(unasked(master))
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.accept()
            listener.settimeout(10.0)
            trip(bench, on=False)
            connection, _ = listener.accept()
            with Master.over(connection) as called:
                response = unasked(called)
                assert response.body[:6] == b"\x02\x02\x17\x01\x03\x01"
                called.confirm(response)
                assert called.ask(1, CLASS_2).body == b"", "the connection serves polls too"


# --- functions 20 and 21 on a fresh unit (R106) --------------------------------------------------


def bi2_of(master: Master) -> bytes:
    return master.ask(1, "01 02 00 02 02").objects()[1, 2][2]


def test_a_masters_start_up_works_on_a_fresh_unit(quiet: Bench) -> None:
    """The tick is off: 21, 20, and the events come; input 2 and the point say so."""
    everything = "3C 02 06 3C 03 06 3C 04 06"
    with Master(quiet.place) as master:
        clear_restart(master)
        assert bi2_of(master) == b"\x01"
        assert master.ask(DISABLE, everything).iin[1] == 0
        assert bi2_of(master) == b"\x01"
        assert master.ask(ENABLE, everything).iin[1] == 0
        assert bi2_of(master) == b"\x81"
        quiet.wait(lambda: quiet.bus.snapshot.points["dnp3.unsolicited"].value is True)
        trip(quiet)
        response = unasked(master)
        assert response.body[:6] == b"\x02\x02\x17\x01\x03\x81"
        master.confirm(response)
        assert master.ask(DISABLE, everything).iin[1] == 0
        assert bi2_of(master) == b"\x01"
        quiet.wait(lambda: quiet.bus.snapshot.points["dnp3.unsolicited"].value is False)
        trip(quiet, on=False)
        assert master.receive(0.5) is None
    texts = [event.text for event in quiet.station.events]
    assert "The master has switched unsolicited responses on (function 20)." in texts
    assert "The master has switched unsolicited responses off (function 21)." in texts
    assert quiet.station.settings["dnp3.unsolicited"] is False, "the page's tick stays"


def test_the_pages_tick_overrules_what_the_master_has_switched(quiet: Bench) -> None:
    with Master(quiet.place) as master:
        master.ask(ENABLE, CLASS_2)
        quiet.wait(lambda: quiet.bus.snapshot.points["dnp3.unsolicited"].value is True)
    quiet.reopen(dnp3__unsolicited=True)
    with Master(quiet.place) as master:
        master.ask(DISABLE, CLASS_2)
        quiet.wait(lambda: quiet.bus.snapshot.points["dnp3.unsolicited"].value is False)
    quiet.reopen(dnp3__unsolicited=False)
    quiet.reopen(dnp3__unsolicited=True)
    with Master(quiet.place) as master:
        assert bi2_of(master) == b"\x81"
        quiet.wait(lambda: quiet.bus.snapshot.points["dnp3.unsolicited"].value is True)
