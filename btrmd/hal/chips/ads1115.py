"""ADS1115, ADS1015: four voltages, single-shot, with a read-back that shows a frozen chip.

Source: TI data sheet SBAS444, section 8.1 (registers). Our own driver: started on two chips at
once, four rounds of conversions cost one pause each instead of eight.

The ADS1015 (SBAS473) is the same with 12 bits, left-aligned in the same registers: a count of
ours is still 125 uV, since the lower four bits read 0, in steps of 2 mV at the pin, which is 40 mV
behind the reference HAT's divider of 20.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...model.errors import BusError
from .chip import Chip, FrozenError, ImplausibleError
from .i2c import I2CBus

CONVERSION, CONFIG = 0, 1
VOLTS_PER_COUNT = 4.096 / 32768
PAUSE = 0.0014  # s: one conversion at 860 SPS takes 1.16 ms, its clock may be 10 % slow
FULL_SCALE = 32767
LOWEST = -200  # counts, -25 mV: a single-ended input never measures below ground by more

# start, AIN0 to ground (+1 << 12 for the next), +-4.096 V, single-shot, 860 SPS, no comparator.
# Bit 15 reads 0 while the conversion runs, so a finished one reads back exactly as written.
START = 0xC3E3
# COMP_LAT, without effect while the comparator is off, changes from scan to scan: a chip that has
# frozen reads back the last scan's value and is found out at once.
TAG = 0x0004
MUX = tuple(START + (channel << 12) for channel in range(4))


class Ads1115(Chip):
    """One ADS1115. `counts[i]` is the last scan's conversion of input i, None when it failed."""

    KIND = "ADS1115"
    full_scale = FULL_SCALE

    def __init__(self, bus: I2CBus, address: int, inputs: Sequence[int]) -> None:
        super().__init__(bus, address)
        self.inputs = tuple(sorted(inputs))
        self.counts: list[int | None] = [None] * 4
        self.error: BusError | None = None  # why the last scan failed
        self.odd: ImplausibleError | None = None  # an input of the last scan was implausible
        self.tag = 0
        self._turn = 0

    def begin(self) -> int:
        """A new scan; returns the input whose conversion is audited in it: each in turn.

        -1 while the chip is not believed: then every conversion is audited.
        """
        self.counts[:] = (None, None, None, None)
        self.error = None
        self.odd = None
        self.tag ^= TAG
        self._turn = (self._turn + 1) % len(self.inputs)
        return -1 if self.fails else self.inputs[self._turn]

    def start(self, channel: int) -> None:
        """Start a conversion of input `channel`. Raises BusError."""
        self.bus.write_register(self.address, CONFIG, MUX[channel] | self.tag)

    def result(self) -> int:
        """The finished conversion in counts, signed. Raises BusError, ImplausibleError."""
        count = self.bus.read_register(self.address, CONVERSION)
        if count & 0x8000:
            count -= 0x10000
        if not LOWEST <= count < self.full_scale:
            raise ImplausibleError(f"The {self.KIND} at {self.key} delivered {count} counts.")
        return count

    def audit(self, channel: int) -> bool:
        """Whether the chip has taken and finished the conversion it was told. Raises BusError."""
        return self.bus.read_register(self.address, CONFIG) == MUX[channel] | self.tag

    def convert(self, channel: int, pause: Callable[[], None]) -> int:
        """One conversion by itself, audited. Raises BusError, FrozenError, ImplausibleError."""
        self.start(channel)
        pause()
        if not self.audit(channel):
            raise FrozenError(
                f"The {self.KIND} at {self.key} is frozen: it takes no configuration."
            )
        return self.result()


def scan(chips: Sequence[Ads1115], pause: Callable[[], None]) -> None:
    """Convert every input in use of all `chips`, the same input on each at the same time.

    Never raises: a chip that fails has None in `counts` for what it did not deliver and the reason
    in `error`, and is left alone for the rest of the scan. An implausible value fails its own
    input only and is kept in `odd`.
    """
    audits = [chip.begin() for chip in chips]
    for channel in range(4):
        started = False
        for chip in chips:
            if chip.error is None and channel in chip.inputs:
                try:
                    chip.start(channel)
                    started = True
                except BusError as error:
                    chip.error = error
        if not started:
            continue
        pause()
        for chip, audited in zip(chips, audits, strict=True):
            if chip.error is None and channel in chip.inputs:
                try:
                    chip.counts[channel] = _collect(chip, channel, audited in (channel, -1), pause)
                except ImplausibleError as error:
                    chip.odd = error
                except BusError as error:
                    chip.error = error


Round = tuple[int, tuple[Ads1115, ...]]  # an input and the chips on which it is in use


def rounds(chips: Sequence[Ads1115]) -> tuple[Round, ...]:
    """The rounds of one `peek` at `chips`: for each input in use the chips that convert it."""
    users = (tuple(chip for chip in chips if channel in chip.inputs) for channel in range(4))
    return tuple((channel, using) for channel, using in enumerate(users) if using)


def peek(rounds: Sequence[Round], pause: Callable[[], None], counts: list[int]) -> None:
    """Convert as `scan` does, but audit and judge nothing. Raises BusError.

    Appends the signed count of every chip of every round to `counts`, in that order.
    """
    for channel, chips in rounds:
        mux = MUX[channel]
        for chip in chips:
            chip.bus.write_register(chip.address, CONFIG, mux | chip.tag)
        pause()
        for chip in chips:
            count = chip.bus.read_register(chip.address, CONVERSION)
            counts.append(count - 0x10000 if count & 0x8000 else count)


def _collect(chip: Ads1115, channel: int, audited: bool, pause: Callable[[], None]) -> int:
    """The started conversion; on the first doubt one more, so that one flipped bit costs nothing.

    Raises BusError, FrozenError, ImplausibleError.
    """
    if audited and not chip.audit(channel):
        return chip.convert(channel, pause)
    try:
        return chip.result()
    except ImplausibleError:
        return chip.convert(channel, pause)


class Ads1015(Ads1115):
    """As an ADS1115. The data rate bits 111 mean 3300 samples/s here: a conversion is ready
    within the pause of the slower chip."""

    KIND = "ADS1015"
    full_scale = 0x7FF0
