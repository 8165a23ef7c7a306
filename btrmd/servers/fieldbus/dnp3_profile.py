"""The DNP3 device profile as Markdown: what a master's engineer has to know, from the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ...docgen.markdown import markdown_table
from ...docgen.point_text import number_text
from ...model.point import AnalogInput, AnalogOutput, BinaryInput, BinaryOutput, Write
from ...model.points import dnp3_map
from ...model.service import LIMITS
from .dnp3_attributes import ALL, ATTRIBUTES, LIST
from .dnp3_limits import (
    ANSWER_S,
    CAPACITY,
    CONFIRM_S,
    DEFAULTS,
    FOR_EVER,
    FRAGMENT,
    MOST_CONTROLS,
    MOST_HEADERS,
    RESTART_MS,
    RESUME_S,
    SELECT_S,
    SERIAL_READ_HOLD_S,
    SHORTEST_RETRY_S,
    TCP_READ_HOLD_S,
)

Row = tuple[str, str]

DEVICE: Final[tuple[Row, ...]] = (
    ("Device function", "outstation"),
    ("Subset level", "Level 1, with the objects and functions of the tables below"),
    ("Connections", f"TCP server (`dnp3.port`, at most {LIMITS['dnp3'].most} connections; "
     "when all are taken, the address with the most gives one up to an address with fewer, the "
     "longest silent first, the master's own last; closed after "
     f"{LIMITS['dnp3'].idle_s / 60:g} minutes without a sound frame), TCP call to "
     "`dnp3.master_ip` when there is something to report and no master is connected, serial line "
     "(RS-232, 8 data bits, 1 stop bit, `serial.baud`, `serial.parity`); TCP and serial may be "
     "used at once"),
    ("Who is answered", "the link address `dnp3.master` only, over TCP only from `dnp3.allow`; "
     "frames of others, for others and with DIR = 0 are ignored and counted"),
    ("Addresses", "`dnp3.address`, `dnp3.master`: 0..65519, different from each other; "
     "no self-address"),
    ("Authentication", "none (no SAv5 or SAv6): restrict `dnp3.allow`, or put a TLS tunnel before "
     "it; `dnp3.writes` = false refuses every write and control"),
)  # fmt: skip
LINK: Final[tuple[Row, ...]] = (
    ("Link confirmation", "never asked for; confirmed user data of the master is acknowledged "
     "once the link is reset"),
    ("Link functions", "reset link states, test link states, (un)confirmed user data, request "
     "link status"),
    ("Broadcasts", "time and g10v1 writes are obeyed and never answered; controls are not; "
     "IIN1.0 tells of one"),
)  # fmt: skip
APPLICATION: Final[tuple[Row, ...]] = (
    ("Fragments", f"at most {FRAGMENT} octets both ways; longer responses in several fragments, "
     f"confirmed one by one ({CONFIRM_S:g} s)"),
    ("Object headers in a read", f"at most {MOST_HEADERS}"),
    ("Controls in a request", f"at most {MOST_CONTROLS}, else status 8 for all"),
    ("Select timeout", f"{SELECT_S:g} s"),
    ("Time to answer a write", f"0.1 to 0.3 s as a rule (the change is durable then), at most "
     f"{ANSWER_S:g} s; a later answer is a refusal"),
    ("Clock", "the host's (NTP or RTC). IIN1.4 is never set; a time write is answered and stands "
     "in the event log, the clock stays as it is"),
    ("Log of writes", "every accepted write and control is an event with the master's address, "
     "also one that changes nothing; of many such a line every 10 s, the rest as a number once a "
     "minute"),
    ("IIN1.6", "the control loop does not tick; values lose ONLINE after 2 s and are not known "
     "after 10 s"),
    ("Cold restart", f"restarts the daemon (g52v2 says {RESTART_MS[0]} to {RESTART_MS[1]} ms, by "
     "what the last start took); `dnp3.cold_restart`; IIN2.2 in a test"),
    ("Repeated requests", "a control repeated octet for octet gets the same answer and acts once"),
)  # fmt: skip
EVENTS: Final[tuple[Row, ...]] = (
    ("Event class", "`dnp3.event_class` (2)"),
    ("Event index", "`dnp3.event_index_base` (0): 0 = index of the binary input, 1 = as the "
     "manual's table 12.3.10 prints it"),
    ("Event time", "wall time of the edge, g2v2; g2v1 and g2v3 when asked for"),
    ("Event buffer", f"{CAPACITY} events; full: the oldest goes, IIN2.3 until a response with it "
     "is confirmed; kept over listener restarts and settings changes, not over a restart of the "
     "daemon; TCP and serial share it"),
    ("Unsolicited responses", "for the classes the master has enabled since the daemon started "
     "(function 20), on a new unit too; `dnp3.unsolicited` is the state at the start, binary input "
     "2 shows whether they are on"),
    ("Repeats", f"`dnp3.retries` (0..254, {FOR_EVER} = for ever) every `dnp3.retry_s` (0 counts as "
     f"{SHORTEST_RETRY_S:g} s); after the last one a new event, a request or a connection "
     f"begins again, or {RESUME_S:g} s (ten times the retry time if that is longer)"),
    ("Reads meanwhile", f"wait for the confirmation at most {TCP_READ_HOLD_S:g} s over TCP, "
     f"{SERIAL_READ_HOLD_S:g} s over the serial line; other requests do not wait"),
    ("Which connection", "the one the master spoke on last"),
    ("Restart message", "with `dnp3.restart_message` an empty unsolicited response with IIN1.7 at "
     "the start, repeated until it is confirmed"),
)  # fmt: skip
FUNCTIONS: Final[tuple[tuple[str, str, str], ...]] = (
    ("0", "Confirm", "clears what was reported"),
    ("1", "Read", ""),
    ("2", "Write", "g10v1 q00 start = stop, value 1 or 0; g50v1; g50v3; g80v1 index 7 = 0"),
    ("3, 4", "Select, Operate", "extension; g12v1, g41"),
    (
        "5",
        "Direct operate",
        "g41v2, also with qualifier 00 (start = stop); g41v1, v3, v4 and g12v1 as an extension",
    ),
    ("6", "Direct operate, no response", "extension"),
    ("13", "Cold restart", "`dnp3.cold_restart`"),
    ("15", "Initialize data", "obsolete in IEEE 1815; null response, nothing happens"),
    (
        "20, 21",
        "Enable, disable unsolicited",
        "always; until the next start, or until `dnp3.unsolicited` is set",
    ),
    ("23", "Delay measurement", "extension"),
    ("24", "Record current time", "extension"),
    ("129, 130", "Response, unsolicited response", ""),
)
OBJECTS: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        "0",
        ", ".join(str(v) for v in (*ATTRIBUTES, ALL, LIST)),
        "Device attributes: "
        + ", ".join(f"v{v} {name.lower()}" for v, (name, _) in ATTRIBUTES.items()),
        "extension; read 00 (set 0), 06",
    ),
    ("1", "2", "Binary input", "read 00 01 06 07 08 17 28"),
    ("2", "1, 2, 3", "Binary input event", "read 06 07 08"),
    ("10", "2", "Binary output status", "read 00 01 06 07 08 17 28"),
    ("10", "1", "Binary output", "write 00"),
    ("12", "1", "Control relay output block", "3 4 5 6, qualifiers 17 28"),
    ("30", "1, 2, 3, 4", "Analog input", "read 00 01 06 07 08 17 28"),
    ("40", "1, 2", "Analog output status", "read 00 01 06 07 08 17 28"),
    ("41", "1, 2, 3, 4", "Analog output", "3 4 5 6, qualifiers 17 28"),
    ("50", "1, 3", "Time", "read 06 07 (v1), write 07"),
    ("51", "1, 2", "Common time of occurrence", "before g2v3"),
    ("52", "2", "Time delay", "answer to functions 13 and 23"),
    ("60", "1", "Class 0: groups 1, 10, 30, 40", "read 06"),
    ("60", "2, 3, 4", "Class 1, 2, 3", "read 06 07 08; functions 20, 21"),
    ("80", "1", "Internal indications", "write 00 01, index 7 = 0"),
)


def profile_markdown() -> str:
    """The tables of docs/dnp3-device-profile.md."""
    parts = [
        "## Before you trend\n",
        "Read analog inputs as g30v2 or g30v1: they have flags, and a value that is not known (a "
        "dead sensor, a run time before the first test) is COMM_LOST there, which a master shows "
        "as bad. g30v4, with which class 0 and variation 0 answer as the manual has it, has no "
        "flags: not known is -32768 there, and a master that is told nothing else trends it as a "
        "value. Where the master can ask for nothing else, make -32768 bad in its scaling.\n\n"
        "At 36 and 48 V read them as g30v1 (or g30v3): millivolts do not fit in 16 bits, 54.17 V "
        "reads 32767 there (in g30v2 with OVER_RANGE).\n",
    ]
    parts += ["## Device\n", _pairs(DEVICE), "## Link layer\n", _pairs(LINK)]
    parts += ["## Application layer\n", _pairs(APPLICATION), "## Events\n", _pairs(EVENTS)]
    parts += ["## Functions\n", markdown_table(("Code", "Function", "Notes"), FUNCTIONS)]
    parts.append(
        "Every other function is answered with IIN2.0, an unknown object with IIN2.1, a wrong "
        "qualifier, range or value with IIN2.2. What the unit refuses (a test runs, an interlock) "
        "is IIN2.2 for a write of g10v1; for controls status 3 when a value is out of range and 4 "
        "otherwise.\n"
    )
    parts += [
        "## Objects\n",
        markdown_table(("Group", "Variations", "Object", "Requests"), OBJECTS),
    ]
    defaults = ", ".join(f"g{group}v{variation}" for group, variation in DEFAULTS.items())
    parts.append(
        f"Variation 0 and class 0 answer with {defaults}; a range or index list names existing "
        "points only, else IIN2.2 and nothing.\n"
    )
    parts.extend(_points())
    return "\n".join(parts)


def _points() -> Iterable[str]:
    yield "## Points\n"
    yield (
        "Flags: 0x81 set, 0x01 clear or good, 0x04 (COMM_LOST) not known, value 0. Without flags "
        "not known is the most negative number. 16-bit values saturate at +-32767; g30v2 and "
        "g40v2 then set OVER_RANGE (0x20). Points marked *extended* are served with "
        "`dnp3.extended` only.\n"
    )
    yield "### Binary inputs\n"
    yield markdown_table(
        ("Index", "Point", "Meaning", "Events", "Profile"),
        (
            (str(i), f"`{p.key}`", p.help, _yes(b.event), "extended" if b.extended else "")
            for i, (p, b) in dnp3_map(BinaryInput, extended=True).items()
        ),
    )
    yield "### Binary outputs\n"
    yield markdown_table(
        ("Index", "Point", "Meaning", "Written"),
        (
            (str(i), f"`{p.key}`", p.help, _written(b.write))
            for i, (p, b) in dnp3_map(BinaryOutput, extended=True).items()
        ),
    )
    yield "### Analog inputs\n"
    yield markdown_table(
        ("Index", "Point", "Unit", "Encoding", "Profile"),
        (
            (
                str(i),
                f"`{p.key}`",
                p.unit,
                number_text(b.number),
                "extended" if b.extended else "",
            )
            for i, (p, b) in dnp3_map(AnalogInput, extended=True).items()
        ),
    )
    yield "### Analog outputs\n"
    yield markdown_table(
        ("Index", "Point", "Unit", "Encoding", "Written"),
        (
            (
                str(i),
                f"`{p.key}`",
                p.unit,
                number_text(b.number),
                f"{b.write.low}..{b.write.high} to `{b.write.setting}`, within its range",
            )
            for i, (p, b) in dnp3_map(AnalogOutput, extended=True).items()
        ),
    )


def _written(write: Write) -> str:
    if write.command == "reset_data":
        return "1 clears the test data, 0 does nothing"
    if write.command == "start_stop":
        return "1 starts a test, 0 stops it; the interlocks of the web apply"
    return f"1 or 0 to `{write.setting}`"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else ""


def _pairs(rows: Sequence[Row]) -> str:
    return markdown_table(("Subject", "What this unit does"), rows)
