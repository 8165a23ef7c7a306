"""The HAT's power circuit at one instant: which source feeds what, and at which volts.

Everything is piecewise linear: sources are volts behind ohms, diodes drop 30 mV, the charger has
a current limit, the load takes constant amps. Volts are whole-bank.
"""

from __future__ import annotations

DIODE_V = 0.03
PATH_OHMS = 0.004  # S1 or S2 with its wiring
COLLAPSE_OHMS = 200.0  # supply or charger alone, beyond its current limit
NO_SOURCE = -1.0
NO_LIMIT = float("inf")


class Circuit:
    """Set the inputs, call `solve`, read the results. One object, reused at every solution."""

    __slots__ = (
        "battery_a", "battery_e", "battery_r", "battery_v", "bus_v", "charger_a", "charger_e",
        "charger_limit", "charger_r", "charger_v", "has_charger", "has_fuse", "has_k3", "has_s1",
        "has_s2", "has_supply", "hat_a", "hat_supply", "load_a", "node_v", "path_a", "supply_a",
        "supply_e", "supply_limit", "supply_load", "supply_r", "supply_v",
    )  # fmt: skip

    def __init__(self) -> None:
        self.supply_e = self.battery_e = self.charger_e = 0.0
        self.supply_r = self.charger_r = 0.003
        self.battery_r = 0.01
        self.charger_limit = 0.0
        self.supply_limit = NO_LIMIT
        self.has_supply = self.has_charger = False  # charger: live and K2 closed
        self.has_fuse = self.has_s1 = self.has_k3 = True
        self.has_s2 = False
        self.load_a = 0.0
        self.hat_a = 0.0
        self.hat_supply = 0.0  # of hat_a, from SUPPLY+; the rest comes from BATTERY+
        # results
        self.bus_v = NO_SOURCE  # where the sources would hold LOAD+; NO_SOURCE: none can
        self.supply_v = self.battery_v = self.charger_v = self.node_v = 0.0
        self.supply_a = self.battery_a = self.charger_a = 0.0
        self.path_a = 0.0  # from node N through K3, S2, D2 to LOAD+
        self.supply_load = 0.0  # from SUPPLY+ through S1, D1 to LOAD+

    def solve(self, load_a: float) -> float:
        """Settle with `load_a` A drawn from LOAD+; returns bus_v."""
        hat_supply = self.hat_supply
        has_path = self.has_k3 and self.has_s2 and (self.has_fuse or self.has_charger)
        share = 0.0
        if self.has_s1 and self.has_supply:
            bus = self._supply_bus(load_a, hat_supply)
            if has_path and self._path_bus(0.0) > bus:
                share = load_a
                bus = self._path_bus(load_a)
                open_v = self._supply_at(hat_supply) - DIODE_V
                if open_v > bus:
                    share = self._share(load_a, hat_supply)
                    bus = self._path_bus(share)
            supply_load = load_a - share
        elif has_path:
            share = load_a
            bus = self._path_bus(load_a)
            supply_load = 0.0
        else:
            bus = NO_SOURCE
            supply_load = 0.0
        self.bus_v = bus
        self._book(share, supply_load, hat_supply)
        return bus

    def fall(self, bus_v: float) -> float:
        """LOAD+'s capacitor stands at `bus_v` above where the sources would hold it. Returns the A
        that come to it all the same: a supply at its limit goes on giving that."""
        given = 0.0
        if self.has_supply and bus_v <= self.limit_v:
            given = max(self.supply_limit - self.hat_supply, 0.0)
        self._book(0.0, given, self.hat_supply)
        if given > 0.0:
            self.supply_v = bus_v + DIODE_V + PATH_OHMS * given
        return given

    @property
    def limit_v(self) -> float:
        """Volts of LOAD+ from which down the supply is at its limit; NO_SOURCE: it has none, or
        does not feed LOAD+."""
        if not (self.has_s1 and self.has_supply) or self.supply_limit == NO_LIMIT:
            return NO_SOURCE
        return self._supply_bus(max(self.supply_limit - self.hat_supply, 0.0), self.hat_supply)

    def supply_could(self, load_a: float) -> float:
        """Volts at LOAD+ if the supply alone fed `load_a` A through S1."""
        if not self.has_supply:
            return NO_SOURCE
        return self._supply_bus(load_a, self.hat_supply)

    def battery_could(self, load_a: float) -> float:
        """Volts at LOAD+ if the battery alone fed `load_a` A through K3 and S2."""
        if not self.has_fuse:
            return NO_SOURCE
        drawn = load_a + self.hat_battery
        return self.battery_e - self.battery_r * drawn - PATH_OHMS * load_a - DIODE_V

    @property
    def hat_battery(self) -> float:
        """What the HAT takes from BATTERY+, A."""
        return self.hat_a - self.hat_supply

    def power_hat(self, hat_a: float) -> None:
        """The HAT takes `hat_a` A through its diodes from the higher of SUPPLY+ and BATTERY+, at
        the volts of a moment ago, and from both where it would draw the supply below the battery.
        """
        open_v = self.supply_open_v  # what is left of it beside the load
        battery_v = self.battery_v or self.battery_e
        self.hat_a, on_battery = hat_a, self.hat_battery
        if open_v < battery_v:
            self.hat_supply = 0.0
        elif self._supply_at(self.supply_load + hat_a) >= battery_v:
            self.hat_supply = hat_a
        elif self.supply_load + hat_a > self.supply_limit:
            self.hat_supply = hat_a  # its volts collapse
        else:
            # what the supply gives lets it fall, and the battery rise from where it gives all
            alone_v = battery_v + self.battery_r * (on_battery - hat_a)
            given = (open_v - alone_v) / (self.supply_r + self.battery_r)
            self.hat_supply = min(max(given, 0.0), hat_a)

    @property
    def supply_open_v(self) -> float:
        """Volts at SUPPLY+ beside the HAT's own draw, as the load was shared out last."""
        return self._supply_at(self.supply_load) if self.has_supply else 0.0

    def _supply_at(self, amps: float) -> float:
        """Volts at SUPPLY+ when the supply gives `amps` A; beyond its limit they collapse."""
        excess = amps - self.supply_limit
        volts = self.supply_e - self.supply_r * amps
        return volts if excess <= 0.0 else volts - COLLAPSE_OHMS * excess

    def _supply_bus(self, load_a: float, hat_a: float) -> float:
        return self._supply_at(load_a + hat_a) - PATH_OHMS * load_a - DIODE_V

    def _path_bus(self, path_a: float) -> float:
        return self._node(path_a)[0] - PATH_OHMS * path_a - DIODE_V

    def _node(self, path_a: float) -> tuple[float, float]:
        """(volts of node N, charger amps) when `path_a` A leave it towards the load."""
        if self.has_fuse:
            drawn = path_a + self.hat_battery
            e, r = self.battery_e, self.battery_r
            alone = e - r * drawn
            if not self.has_charger:
                return alone, 0.0
            charger_e = self.charger_e - DIODE_V
            if charger_e <= alone:
                return alone, 0.0
            ohms = self.charger_r
            node = (charger_e * r + alone * ohms) / (r + ohms)
            amps = (charger_e - node) / ohms
            if amps > self.charger_limit:
                amps = self.charger_limit
                node = alone + r * amps
            return node, amps
        if not self.has_charger:
            return 0.0, 0.0
        node = self.charger_e - DIODE_V - self.charger_r * path_a
        excess = path_a - self.charger_limit
        return (node if excess <= 0.0 else node - COLLAPSE_OHMS * excess), path_a

    def _share(self, load_a: float, hat_a: float) -> float:
        """Amps of the path when supply and path feed the bus together.

        Regula falsi, every other step a bisection: a supply at its limit is a sharp bend.
        """
        low, high = 0.0, load_a
        f_low = self._path_bus(low) - self._supply_bus(load_a - low, hat_a)
        f_high = self._path_bus(high) - self._supply_bus(load_a - high, hat_a)
        share = low
        for turn in range(80):
            if high - low < 1e-12 or f_low - f_high < 1e-12:
                break
            part = 0.5 if turn % 2 else f_low / (f_low - f_high)
            share = low + (high - low) * part
            f = self._path_bus(share) - self._supply_bus(load_a - share, hat_a)
            if -1e-6 < f < 1e-6:
                break
            if f > 0.0:
                low, f_low = share, f
            else:
                high, f_high = share, f
        return share

    def _book(self, path_a: float, supply_load: float, hat_supply: float) -> None:
        """Volts and amps of every terminal for the amps that flow to LOAD+."""
        node, charger_a = self._node(path_a)
        hat_battery = self.hat_battery
        self.node_v = node
        self.path_a = path_a
        self.charger_a = charger_a
        if self.has_fuse:
            self.battery_a = charger_a - path_a - hat_battery
            self.battery_v = node
        else:
            self.battery_a = -hat_battery
            self.battery_v = self.battery_e - self.battery_r * hat_battery
        self.supply_load = supply_load
        self.supply_a = supply_load + hat_supply
        self.supply_v = max(self._supply_at(self.supply_a), 0.0) if self.has_supply else 0.0
        if charger_a > 0.0:
            self.charger_v = node + DIODE_V
        else:
            self.charger_v = self.charger_e
