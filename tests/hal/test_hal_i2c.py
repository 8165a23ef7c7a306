"""The bus object: shapes on the wire, retries, counts; under the real I2CDevice and driver."""

from __future__ import annotations

import errno
import importlib
import subprocess
import sys
from typing import Any

import pytest
from hal_bench import Bench, StillPlant
from smbus2 import i2c_msg

from btrmd.hal.chips.busio_shim import ensure_circuitpython
from btrmd.hal.chips.i2c import I2CBus
from btrmd.hal.config import REFERENCE, load_hardware
from btrmd.hal.sim.wires import SimWires
from btrmd.model.errors import BtrmError, BusError


class Adapter:
    """Wires that log each transfer and fail the next ones as told."""

    def __init__(self) -> None:
        self.plant = StillPlant()
        self._wires = SimWires(self.plant, load_hardware(REFERENCE))  # type: ignore[arg-type]
        self.log: list[tuple[Any, ...]] = []
        self.failures: list[int] = []
        self.closed = False

    def _enter(self, *entry: Any) -> None:
        self.log.append(entry)
        if self.failures:
            code = self.failures.pop(0)
            raise OSError(code, f"errno {code}")

    def read_word_data(self, i2c_addr: int, register: int, force: bool | None = None) -> int:
        self._enter("read", i2c_addr, register)
        return self._wires.read_word_data(i2c_addr, register)

    def write_word_data(
        self, i2c_addr: int, register: int, value: int, force: bool | None = None
    ) -> None:
        self._enter("write", i2c_addr, register, value)
        self._wires.write_word_data(i2c_addr, register, value)

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        self._enter("rdwr", *[(message.addr, message.flags, message.len) for message in i2c_msgs])
        self._wires.i2c_rdwr(*i2c_msgs)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def adapter() -> Adapter:
    return Adapter()


@pytest.fixture
def bus(adapter: Adapter) -> I2CBus:
    bus = I2CBus(lambda: adapter)
    bus.tend(0.0)
    return bus


def test_two_byte_registers_travel_as_swapped_smbus_words(bus: I2CBus, adapter: Adapter) -> None:
    into = bytearray(4)
    bus.writeto_then_readfrom(0x40, bytes([0]), into, in_start=1, in_end=3)
    assert into == bytes([0, 0x39, 0x9F, 0])  # the INA219's configuration after power-on
    bus.writeto(0x40, bytearray([9, 5, 0x12, 0x34]), start=1)
    assert adapter.log == [("read", 0x40, 0), ("write", 0x40, 5, 0x3412)]
    assert bus.read_register(0x40, 5) == 0x1234


def test_other_shapes_travel_as_i2c_messages(bus: I2CBus, adapter: Adapter) -> None:
    bus.writeto(0x40, b"\x00")
    one = bytearray(1)
    bus.readfrom_into(0x40, one)
    three = bytearray(3)
    bus.writeto_then_readfrom(0x49, b"\x01", three)
    assert one == b"\x39"
    assert three[:2] == b"\x60\xa0"
    assert [entry[0] for entry in adapter.log] == ["rdwr"] * 3


def test_an_empty_write_probes(bus: I2CBus, adapter: Adapter) -> None:
    bus.writeto(0x40, b"")
    assert adapter.log == [("read", 0x40, 0)]
    with pytest.raises(BusError, match="0x42"):
        bus.writeto(0x42, b"")


def test_the_lock_is_exclusive(bus: I2CBus) -> None:
    assert bus.try_lock()
    assert not bus.try_lock()
    bus.unlock()
    assert bus.try_lock()


@pytest.mark.parametrize("failures", [1, 2])
def test_a_transfer_is_tried_three_times(bus: I2CBus, adapter: Adapter, failures: int) -> None:
    adapter.failures = [errno.EREMOTEIO] * failures
    assert bus.read_register(0x40, 0) == 0x399F
    assert len(adapter.log) == failures + 1
    assert bus.errors == {}


def test_the_third_failure_is_final_and_counted(bus: I2CBus, adapter: Adapter) -> None:
    adapter.failures = [errno.EREMOTEIO] * 3
    with pytest.raises(BusError, match="0x40") as caught:
        bus.write_register(0x40, 5, 1)
    assert isinstance(caught.value, BtrmError)
    assert caught.value.errno == errno.EREMOTEIO
    assert len(adapter.log) == 3
    assert bus.errors == {0x40: 1}
    assert bus.read_register(0x40, 5) == 0


def test_a_chip_that_is_down_gets_one_try_until_it_answers(bus: I2CBus, adapter: Adapter) -> None:
    for _ in range(3):
        adapter.failures = [errno.EREMOTEIO] * 3
        with pytest.raises(BusError):
            bus.read_register(0x40, 0)
        bus.read_register(0x41, 0)  # others' success does not hide it
    adapter.log.clear()
    adapter.failures = [errno.EREMOTEIO]
    with pytest.raises(BusError):
        bus.read_register(0x40, 0)
    assert len(adapter.log) == 1
    bus.read_register(0x40, 0)
    adapter.failures = [errno.EREMOTEIO]
    assert bus.read_register(0x40, 0) == 0x399F  # well again: retried again


def test_a_timeout_is_not_retried_and_two_give_the_bus_up(bus: I2CBus, adapter: Adapter) -> None:
    adapter.failures = [errno.ETIMEDOUT] * 2
    for address in (0x40, 0x41):
        with pytest.raises(BusError):
            bus.read_register(address, 0)
    assert len(adapter.log) == 2
    assert adapter.closed
    with pytest.raises(BusError, match="hangs"):
        bus.read_register(0x44, 0)
    assert len(adapter.log) == 2
    bus.tend(0.5)
    assert not bus.is_open
    bus.tend(1.1)
    assert bus.is_open
    assert bus.fault == ""


def test_one_chip_that_times_out_does_not_take_the_bus(bus: I2CBus, adapter: Adapter) -> None:
    for _ in range(5):
        adapter.failures = [errno.ETIMEDOUT]
        with pytest.raises(BusError):
            bus.read_register(0x40, 0)
        bus.read_register(0x41, 0)
    assert bus.is_open


def test_a_closed_bus_raises(bus: I2CBus, adapter: Adapter) -> None:
    bus.close()
    assert adapter.closed
    for transfer in (
        lambda: bus.read_register(0x40, 0),
        lambda: bus.write_register(0x40, 0, 0),
        lambda: bus.readfrom_into(0x40, bytearray(1)),
    ):
        with pytest.raises(BusError, match="closed"):
            transfer()


def test_the_real_driver_runs_on_it_without_i2c_rdwr(bus: I2CBus, adapter: Adapter) -> None:
    ensure_circuitpython()
    ina219 = importlib.import_module("adafruit_ina219")
    driver = ina219.INA219(bus, 0x41)
    driver.gain = ina219.Gain.DIV_2_80MV
    adapter.plant.put(load_a=12.5)
    assert driver.raw_shunt_voltage == 2500  # 12.5 A x 2 mOhm / 10 uV
    assert driver.shunt_voltage == pytest.approx(0.025)
    adapter.plant.put(load_a=-40.5)
    assert driver.raw_shunt_voltage == -8000  # saturated at gain /2
    assert driver.gain == 1
    assert "rdwr" not in {entry[0] for entry in adapter.log}
    with pytest.raises(ValueError, match="0x43"):
        ina219.INA219(bus, 0x43)


def test_the_stand_in_modules_appear_only_where_the_real_ones_are_absent() -> None:
    code = (
        "import sys, types\n"
        "real = types.ModuleType('busio'); sys.modules['busio'] = real\n"
        "from btrmd.hal.chips.busio_shim import ensure_circuitpython\n"
        "assert 'micropython' not in sys.modules\n"
        "ensure_circuitpython()\n"
        "assert sys.modules['busio'] is real\n"
        "import micropython; assert micropython.const(7) == 7\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_whole_scan_needs_no_i2c_rdwr(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: SimWires, *messages: i2c_msg) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(SimWires, "i2c_rdwr", refuse)
    bench = Bench()
    bench.scans(1.5)
    assert bench.board.findings() == []
