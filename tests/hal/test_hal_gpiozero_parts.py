"""Parts of libraries: what is not needed stays out, and what is asked for later is there."""

from __future__ import annotations

import pytest

from tests.support.fresh_interpreter import run


def test_a_board_does_not_load_lights_motors_or_what_is_behind_them() -> None:
    run(
        "import sys, btrmd.hal.gpio, btrmd.hal.sim.pins, btrmd.hal.chips.ina219 as chip\n"
        "unwanted = {'gpiozero.boards', 'gpiozero.spi_devices', 'colorzero', 'statistics',\n"
        "            'importlib.metadata', 'email', 'zipfile', 'typing_extensions'}\n"
        "assert not unwanted & set(sys.modules), unwanted & set(sys.modules)\n"
    )


def test_who_asks_gpiozero_for_the_rest_gets_it() -> None:
    run(
        "import btrmd.hal.sim.pins\n"
        "import gpiozero\n"
        "from gpiozero import LEDBoard, PWMLED, RGBLED, Device, pi_info\n"
        "import gpiozero.pins.mock, gpiozero.output_devices as o, gpiozero.input_devices as i\n"
        "assert gpiozero.OutputDevice is o.OutputDevice and gpiozero.boards.LEDBoard is LEDBoard\n"
        "assert type(gpiozero).__name__ == 'module'\n"
        "Device.pin_factory = gpiozero.pins.mock.MockFactory(pin_class='mockpwmpin')\n"
        "light = RGBLED(1, 2, 3); light.color = (1, 0, 0)\n"
        "import colorzero\n"
        "assert light.color == colorzero.Color('red')\n"
        "assert i.median([1, 3, 2]) == 2 and i.mean([1, 3]) == 2\n"
    )


def test_gpiozero_still_finds_factories_by_their_names() -> None:
    run(
        "import os, btrmd.hal.sim.pins\n"
        "os.environ['GPIOZERO_PIN_FACTORY'] = 'mock'\n"
        "from gpiozero import Device, OutputDevice\n"
        "OutputDevice(4).close()\n"
        "assert type(Device.pin_factory).__name__ == 'MockFactory'\n"
    )


@pytest.mark.parametrize("name", ["nothing_of_that_name", "__all__"])
def test_a_name_that_a_library_does_not_have_is_an_attribute_error(name: str) -> None:
    run(
        "import btrmd.hal.sim.pins, gpiozero\n"
        f"try: gpiozero.{name}\n"
        "except AttributeError as error: assert 'gpiozero' in str(error)\n"
        f"else: assert {name == '__all__'}\n"
    )


def test_the_current_driver_runs_without_the_types_it_names() -> None:
    run(
        "import sys\n"
        "from btrmd.hal.chips.busio_shim import ensure_circuitpython, names_of_types\n"
        "ensure_circuitpython()\n"
        "with names_of_types(): import adafruit_ina219\n"
        "assert 'circuitpython_typing' not in sys.modules\n"
        "import circuitpython_typing\n"
        "assert circuitpython_typing.__file__, 'the real one, for whoever wants it'\n"
    )
