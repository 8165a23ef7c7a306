"""An opendnp3 master in a process of its own: orders in on stdin, what it sees out as JSON lines.

opendnp3_master.py HOST:PORT|DEVICE; orders: `setpoint INDEX VALUE`, `select INDEX VALUE`,
`latch INDEX 0|1`, `scan`, `restart`, `status`. It does what opendnp3 does at the start of a
session: switch unsolicited responses off, clear the restart bit, poll everything, switch them on.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import opendnp3

_LOCK = threading.Lock()


def say(what: str, **fields: Any) -> None:
    with _LOCK:
        sys.stdout.write(json.dumps({"what": what, **fields}) + "\n")
        sys.stdout.flush()


class Soe(opendnp3.ISOEHandler):
    """Measurements."""

    def BeginFragment(self, info: Any) -> None:  # noqa: N802
        pass

    def EndFragment(self, info: Any) -> None:  # noqa: N802
        pass

    def OnRawAPDU(self, *data: Any) -> None:  # noqa: N802
        pass

    def OnDeviceAttribute(self, *data: Any) -> None:  # noqa: N802
        pass

    def Process(self, info: Any, values: Any) -> None:  # noqa: N802
        points = {}
        for item in values:
            value = item.value
            flags = getattr(getattr(value, "flags", None), "value", None)
            at = getattr(getattr(value, "time", None), "value", None)
            points[item.index] = [getattr(value, "value", None), flags, at]
        say("points", kind=str(info.gv).split(".")[-1], event=info.isEventVariation, points=points)


class Application(opendnp3.IMasterApplication):
    """What the session does."""

    def OnReceiveIIN(self, iin: Any) -> None:  # noqa: N802
        say("iin", iin=str(iin))

    def OnTaskStart(self, *data: Any) -> None:  # noqa: N802
        pass

    def OnTaskComplete(self, info: Any) -> None:  # noqa: N802
        say("task", task=str(info))

    def OnOpen(self) -> None:  # noqa: N802
        say("open")

    def OnClose(self) -> None:  # noqa: N802
        say("close")

    def AssignClassDuringStartup(self) -> bool:  # noqa: N802
        return False


def done(result: Any) -> None:
    points = [[p.index, str(p.state).split(".")[-1], int(p.status)] for p in result.to_list()]
    say("command", summary=str(result.summary).split(".")[-1], points=points)


def main(place: str) -> None:
    manager = opendnp3.DNP3Manager(1)
    retry = opendnp3.ChannelRetry(
        opendnp3.TimeDuration.Milliseconds(200), opendnp3.TimeDuration.Milliseconds(500)
    )
    levels = opendnp3.levels.NOTHING
    if place.startswith("/"):
        serial = opendnp3.SerialSettings()
        serial.deviceName, serial.baud = place, 9600
        channel = manager.AddSerial("line", levels, retry, serial, None)
    else:
        host, _, port = place.rpartition(":")
        ends = [opendnp3.IPEndpoint(host, int(port))]
        channel = manager.AddTCPClient("tcp", levels, retry, ends, "0.0.0.0", None)
    config = opendnp3.MasterStackConfig()
    config.link.LocalAddr, config.link.RemoteAddr = 1, 10
    soe, application = Soe(), Application()
    master = channel.AddMaster("master", soe, application, config)
    master.Enable()
    for line in sys.stdin:
        order, *words = line.split()
        if order == "setpoint":
            master.DirectOperate(opendnp3.AnalogOutputInt16(int(words[1])), int(words[0]), done)
        elif order == "select":
            master.SelectAndOperate(opendnp3.AnalogOutputInt16(int(words[1])), int(words[0]), done)
        elif order == "latch":
            kinds = opendnp3.OperationType
            kind = kinds.LATCH_ON if words[1] == "1" else kinds.LATCH_OFF
            block = opendnp3.ControlRelayOutputBlock(kind)
            master.DirectOperate(block, int(words[0]), done)
        elif order == "scan":
            master.ScanClasses(opendnp3.ClassField.AllClasses(), soe)
        elif order == "restart":
            master.Restart(
                opendnp3.RestartType.COLD,
                lambda result: say("restart", summary=str(result.summary).split(".")[-1]),
            )
    manager.Shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
