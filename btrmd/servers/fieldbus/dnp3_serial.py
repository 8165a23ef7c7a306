"""DNP3 over the serial line: one conversation on one port."""

from __future__ import annotations

from typing import Final

from .context import Endpoint, FieldbusContext
from .dnp3_connection import Dnp3Connection
from .dnp3_limits import SERIAL_READ_HOLD_S
from .dnp3_station import Dnp3Station
from .listener_config import ListenerConfig, SerialLine, can_adopt
from .serial_port import SerialPort

GAP_S: Final = 0.5  # longer than any pause inside a frame at 1200 baud


class Dnp3Serial(Endpoint):
    """The serial listener. Frames for other outstations on the line are not answered."""

    def __init__(self, context: FieldbusContext, plan: ListenerConfig) -> None:
        super().__init__(context, plan)
        line = plan.place
        assert isinstance(line, SerialLine)
        self._line = line
        self._port = SerialPort(line, self._on_data, self.lose)
        self._station: Dnp3Station | None = None
        self._dnp3_connection: Dnp3Connection | None = None

    async def start(self) -> str:
        station = Dnp3Station.of(self.context, self.plan)
        self._port.open()
        station.open()
        self._station = station
        self._dnp3_connection = Dnp3Connection(
            self.context,
            station,
            station.association("serial"),
            f"dnp3 {self._line.device}",
            self._port.write,
            lambda: None,  # the conversation has started anew; the line stays
            read_hold_s=SERIAL_READ_HOLD_S,
            gap_s=GAP_S,
        )
        return self._line.device

    def adopt(self, plan: ListenerConfig) -> bool:
        if self._dnp3_connection is None or not can_adopt(self.plan, plan):
            return False
        self.plan = plan
        self._dnp3_connection.adopt(Dnp3Station.of(self.context, plan).config)
        return True

    async def stop(self) -> None:
        if self._dnp3_connection is not None:
            self._dnp3_connection.close()
            self._dnp3_connection = None
        self._port.close()
        if self._station is not None:
            self._station.close()
            self._station = None

    @property
    def warning(self) -> str:
        return self._port.warning

    def _on_data(self, data: bytes, at: float) -> None:
        if self._dnp3_connection is not None:
            self._dnp3_connection.feed(data)
