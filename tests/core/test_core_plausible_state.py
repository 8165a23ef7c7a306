"""What the plausibility check remembers between two scans: moves, jumps, witnesses, ties."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from core_scenes import VOLTS, blamed, drift, joined, lie, rested, step_context, supply
from station import Station

from btrmd.core.machines.alarms import Seen, conditions
from btrmd.core.machines.backward import step_backward
from btrmd.core.machines.capacity import CapacityHealth
from btrmd.core.machines.digital import Digital
from btrmd.core.machines.odd_one import count, put
from btrmd.core.machines.plausible import step_plausible
from btrmd.core.machines.plausible_state import Backward, Odd, Plausible
from btrmd.core.machines.presence import Presence
from btrmd.core.machines.recharge import Recharge
from btrmd.core.machines.relaywatch import RelayWatch
from btrmd.core.scan.due import EVERY_SCAN, NO_TIME
from btrmd.core.scan.flows import measure_flows
from btrmd.core.scan.relations import BATTERY, CHARGER, LOAD, NOTHING, SUPPLY, Relation, Tie
from btrmd.model.board import Outputs
from btrmd.model.readings import Quality

# --- What the plausibility check remembers between two scans: moves, jumps, witnesses, ties ------

ON_BATTERY = {"battery_v": 12.5, "battery_a": -2.3, "load_v": 12.4, "supply_v": 0.0,
              "supply_a": 0.0, "charger_v": 0.0, "charger_a": 0.0}  # fmt: skip
DEAD = {**ON_BATTERY, "battery_a": 0.0, "load_a": 0.0, "load_v": 0.0}
NEVER = float("-inf")


def scan(
    memory: Plausible, now: float = 1000.0, *, k1: bool = False, k2: bool = False, volts: int = 12,
    guard: bool | None = False, path: bool | None = True, dt: float = 1.0, settled_s: float = 10.0,
    **channels: object,
) -> Plausible:  # fmt: skip
    ctx = step_context(now, volts=volts, guard=guard, batt_path=path, **channels)  # type: ignore[arg-type]
    flows = measure_flows(ctx.inputs, False)
    return step_plausible(
        memory, ctx.inputs, flows, Outputs(k1=k1, k2=k2), settled_s, Presence(), ctx.sp, now, dt,
        False, Recharge(), (), False,
    )  # fmt: skip


def test_two_that_are_never_near_vouch_for_each_other_after_30_s() -> None:
    charging = {"charger_a": 2.0, "battery_a": 2.0, "supply_a": 2.3, "battery_v": 13.1}
    memory = Plausible(jumped=(True, False, True, False))
    for n in range(29):
        memory = scan(memory, 1000.0 + n, **charging, charger_v=13.5)  # type: ignore[arg-type]
    assert memory.jumped == (True, False, True, False)
    broken = scan(memory, 1029.0, **charging, charger_v=13.7)  # type: ignore[arg-type]
    assert (broken.agreed_s[BATTERY], broken.agreed_s[CHARGER]) == (0.0, 0.0)
    assert not any(scan(memory, 1029.0, **charging, charger_v=13.5).jumped)  # type: ignore[arg-type]
    # nobody is vouched for by one that is not believed
    liar = memory._replace(odd=(None, None, Odd("why"), None))
    made = scan(liar, 1029.0, **charging, charger_v=13.5)  # type: ignore[arg-type]
    assert made.jumped == (True, False, False, False)


def test_what_is_tied_together_and_moves_together_has_not_jumped() -> None:
    charging = {"charger_a": 2.0, "battery_a": 2.0, "supply_a": 2.3}
    before = scan(Plausible(), **charging, battery_v=13.1, charger_v=13.5)  # type: ignore[arg-type]
    for charger_v, jumped in ((11.9, False), (12.1, False), (12.3, True), (13.5, True)):
        made = scan(before, 1001.0, **charging, battery_v=11.6, charger_v=charger_v)  # type: ignore[arg-type]
        assert made.jumped[BATTERY] is jumped, charger_v
    # nor do two readings jump alike where no current ties them in this scan
    still = {"charger_a": 0.0, "battery_a": 0.0}
    before = scan(Plausible(), **still, battery_v=13.1, charger_v=13.5)  # type: ignore[arg-type]
    assert not any(scan(before, 1001.0, **still, battery_v=11.6, charger_v=12.0).jumped)  # type: ignore[arg-type]
    dark = {**DEAD, "battery_v": 9.8}
    before = scan(Plausible(), **{**dark, "load_v": 11.3})
    for load_v, jumped in ((13.5, False), (11.4, True)):
        made = scan(before, 1001.0, **{**dark, "battery_v": 12.0, "load_v": load_v})
        assert made.jumped[BATTERY] is jumped, load_v


def jumped(before: dict[str, object], after: dict[str, object], volts: int = 12) -> str:
    """One letter a voltage that has jumped from one scan to the next: b l c s."""
    first = scan(Plausible(), 1000.0, volts=volts, **before)  # type: ignore[arg-type]
    flags = scan(first, 1001.0, volts=volts, **after).jumped  # type: ignore[arg-type]
    return "".join(letter if flag else "." for letter, flag in zip("blcs", flags, strict=True))


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_more_than_a_volt_a_block_from_scan_to_scan_is_a_jump(volts: int, sign: float) -> None:
    blocks = volts // 12

    def by(volts_each: float) -> str:
        return jumped({}, {"battery_v": (13.5 + sign * volts_each) * blocks}, volts)

    assert by(0.99) == "...."
    assert by(1.01) == "b..."


def test_every_reading_may_jump_but_not_from_or_to_nothing() -> None:
    assert jumped({}, {"load_v": 15.0}) == ".l.."
    assert jumped({}, {"supply_v": 15.0}) == "...s"
    assert jumped({"charger_v": 13.5}, {"charger_v": 15.0}) == "..c."
    assert jumped({"battery_v": None}, {"battery_v": 15.0}) == "...."
    assert jumped({}, {"battery_v": None}) == "...."


def test_what_comes_nearer_to_what_it_contradicted_has_not_jumped() -> None:
    """The first scan of an outage still read the bus at the supply's volts."""
    handed = {**ON_BATTERY, "load_v": 13.57, "battery_v": 11.0}
    for load_v, letters in ((11.0, "...."), (12.3, "...."), (9.0, "...."), (8.4, ".l..")):
        assert jumped(handed, {**handed, "load_v": load_v}) == letters, load_v
    # what agreed before jumps away; the other end stays where it was
    agreed = {**ON_BATTERY, "load_v": 12.4}
    assert jumped(agreed, {**agreed, "load_v": 11.2}) == ".l.."


def test_what_a_transfer_moves_has_not_jumped() -> None:
    """Another source feeds the load than in the scan before."""
    on = {"k1": True, **ON_BATTERY, "load_v": 11.0, "battery_v": 11.1, "supply_v": 13.6}
    assert jumped({}, on) == "...."
    assert jumped(on, {"load_v": 13.5}) == "...."


def test_a_load_that_nobody_feeds_falls_by_right() -> None:
    assert jumped({**DEAD, "load_v": 12.0}, DEAD) == "...."


def test_a_source_that_is_switched_jumps_by_right() -> None:
    dead = {**DEAD, "load_v": 0.0}
    assert jumped(dead, {**dead, "supply_v": 13.6}) == "...."
    assert jumped({**dead, "supply_v": 13.6}, dead) == "...."
    assert jumped(dead, {**dead, "charger_v": 13.6}) == "...."
    # below its level it was or is no source; above it a jump is a jump
    assert jumped({**dead, "supply_v": 11.5}, {**dead, "supply_v": 13.6}) == "...s"
    assert jumped({**dead, "supply_v": 11.4}, {**dead, "supply_v": 13.6}) == "...."
    assert jumped({**dead, "charger_v": 12.6}, {**dead, "charger_v": 14.0}) == "..c."
    assert jumped({**dead, "charger_v": 12.5}, {**dead, "charger_v": 14.0}) == "...."
    # while it delivers, it does not become absent
    assert jumped({}, {"supply_v": 0.0}) == "...s"


def test_a_charger_that_begins_or_ends_to_deliver_jumps_by_right() -> None:
    charges = {"charger_a": 2.5, "battery_a": 2.5, "battery_v": 13.0, "charger_v": 13.1}
    rests = {"charger_a": 0.0, "battery_a": 0.0, "battery_v": 13.0, "charger_v": 14.4}
    assert jumped(charges, rests) == "...."
    assert jumped(rests, charges) == "...."
    assert jumped(charges, {**charges, "charger_v": 14.4}) == "..c."


def test_two_that_are_near_vouch_for_each_other_and_forgive_a_jump() -> None:
    all_jumped = Plausible(jumped=(True,) * 4)
    made = scan(all_jumped)
    assert made.witness_at == (NEVER, 1000.0, NEVER, 1000.0)
    assert made.jumped == (True, False, True, False)
    # half a volt apart they agree, and prove nothing
    made = scan(all_jumped, supply_v=13.9)
    assert made.witness_at == (NEVER,) * 4
    assert made.jumped == (True,) * 4
    # one that is not believed vouches for nobody
    for place, witnesses in ((SUPPLY, (NEVER, NEVER, NEVER, 1000.0)),
                             (LOAD, (NEVER, 1000.0, NEVER, NEVER))):  # fmt: skip
        memory = all_jumped._replace(odd=put((None,) * 4, place, Odd("why")))
        assert scan(memory).witness_at == witnesses
    # one that must only not be higher is no witness
    charger = scan(Plausible(), charger_a=0.0, battery_a=0.0)
    assert charger.witness_at[BATTERY] == charger.witness_at[CHARGER] == NEVER


def test_a_battery_is_tied_once_it_or_the_guard_has_shown_that_s2_is_closed() -> None:
    on = {"k1": True, **ON_BATTERY}
    idle = {"k1": True, "battery_a": 0.0, "charger_a": 0.0, "charger_v": 0.0}
    tied = scan(Plausible(), **on)  # type: ignore[arg-type]
    assert tied.battery_is_tied
    assert not scan(Plausible(), **idle).battery_is_tied  # type: ignore[arg-type]
    assert scan(Plausible(), **idle, guard=True).battery_is_tied  # type: ignore[arg-type]
    assert scan(tied, **idle).battery_is_tied  # type: ignore[arg-type]
    assert not scan(tied, **{**idle, "k1": False}).battery_is_tied  # type: ignore[arg-type]
    assert not scan(tied, **idle, path=False).battery_is_tied  # type: ignore[arg-type]
    assert scan(tied, **idle, path=None).battery_is_tied  # type: ignore[arg-type]
    # where battery and load contradict each other, it is not shown
    assert not scan(Plausible(), **{**on, "load_v": 11.0}).battery_is_tied  # type: ignore[arg-type]


# --- believed again ------------------------------------------------------------------------------


def healed(place: int, well_s: float, *, odd: Odd | None = None, **put_: object) -> Odd | None:
    """What is left of a reading that is not believed and has been well for `well_s`."""
    one = odd or Odd("why", well_s=well_s)
    memory = scan(Plausible(), 999.0)._replace(odd=put((None,) * 4, place, one))
    return scan(memory, 1000.0, **put_).odd[place]  # type: ignore[arg-type]


def well(place: int, **put_: object) -> float:
    """Seconds that one scan of 1 s adds to 1 s of being well; 0: begun anew."""
    left = healed(place, 1.0, **put_)
    assert left is not None
    return left.well_s - 1.0 if left.well_s else -1.0


def test_5_s_of_agreement_and_it_is_believed() -> None:
    assert healed(SUPPLY, 3.9) == Odd("why", well_s=4.9)
    assert healed(SUPPLY, 4.0) is None
    assert healed(LOAD, 4.0) is None


def test_a_charger_that_feeds_the_load_vouches_for_it() -> None:
    """Beside a battery that floats and says nothing."""
    alone = {"battery_a": 0.0, "charger_a": 2.3, "supply_v": 0.0, "supply_a": 0.0, "k1": True}
    assert well(LOAD, **alone) == 1.0
    assert well(CHARGER, **alone) == 1.0
    assert well(LOAD, **{**alone, "load_v": 12.9}) == -1.0


def test_a_k1_that_was_let_go_ties_nothing_any_more() -> None:
    """After a hang: the load, whose reading lies, is on a weak supply, and the battery is on its
    charger, above it."""
    on = scan(Plausible(battery_is_tied=True), k1=True, **ON_BATTERY)  # type: ignore[arg-type]
    charged = {"battery_v": 11.5, "battery_a": 2.0, "charger_v": 11.5, "charger_a": 2.0}
    feeds = {"supply_v": 10.7, "supply_a": 2.0, "load_v": 0.0, "load_a": 2.0}
    assert on.battery_is_tied
    tie = Tie.SUPPLY_BATTERY.value
    assert scan(on, 1001.0, k1=True, **charged, **feeds).found[tie].broken  # type: ignore[arg-type]
    after = scan(on, 1001.0, **charged, **feeds)  # type: ignore[arg-type]
    assert after.found[tie].broken is None
    assert after.found[Tie.SUPPLY_LOAD.value].broken


def test_the_time_of_a_scan_counts() -> None:
    one = Odd("why", well_s=1.0)
    memory = scan(Plausible(), 999.0)._replace(odd=(None, None, None, one))
    assert scan(memory, 1000.0, dt=2.0).odd[SUPPLY] == Odd("why", well_s=3.0)
    assert scan(memory, 1000.0, dt=0.1).odd[SUPPLY] == Odd("why", well_s=1.1)


def test_how_much_a_scan_speaks_for_a_reading() -> None:
    assert well(SUPPLY) == 1.0
    charging = {"battery_v": 13.1, "battery_a": 2.5, "charger_v": 13.2, "charger_a": 2.5}
    assert well(BATTERY, **charging) == well(CHARGER, **charging) == 1.0
    # apart as two sensors at the ends of their tolerance: it takes 30 s
    assert well(SUPPLY, supply_v=13.9) == pytest.approx(1.0 / 6.0)
    # against it
    assert well(SUPPLY, supply_v=15.0) == -1.0
    assert well(LOAD, load_v=11.0) == -1.0
    # nothing: the load's current and the battery's are not known
    assert well(SUPPLY, load_a=None, battery_a=None) == 0.0
    # S1 closed and no current: not above the load is well for a supply, not for a load
    silent = {**ON_BATTERY, "guard": True, "battery_v": None}
    assert well(SUPPLY, **silent) == 1.0
    assert well(LOAD, **silent) == 0.0


def test_a_resting_battery_near_its_charger_is_well_slowly() -> None:
    rest = {"battery_a": 0.0, "charger_a": 0.0, "battery_v": 13.5}
    assert well(BATTERY, **rest, charger_v=13.79) == pytest.approx(1.0 / 6.0)
    assert well(BATTERY, **rest, charger_v=13.81) == 0.0
    assert well(BATTERY, **rest, charger_v=13.21) == pytest.approx(1.0 / 6.0)
    assert well(BATTERY, **rest, charger_v=13.5, k2=True) == 0.0
    assert well(BATTERY, **rest, charger_v=None) == 0.0
    assert well(CHARGER, **rest, charger_v=13.5) == pytest.approx(1.0 / 6.0)
    assert well(SUPPLY, load_a=None, battery_a=None, charger_v=13.5) == 0.0
    # exactly 0.3 V is too far
    away = {**rest, "battery_v": 0.0}
    assert well(BATTERY, **away, charger_v=0.3) == 0.0
    assert well(BATTERY, **away, charger_v=0.29) == pytest.approx(1.0 / 6.0)
    # nobody vouches for one liar by another
    memory = Plausible(odd=(Odd("a", well_s=1.0), None, Odd("b", well_s=1.0), None))
    made = scan(memory, **rest, charger_v=13.5).odd
    assert made[BATTERY] == Odd("a", well_s=1.0)


@pytest.mark.parametrize(("charger_v", "share"), [(13.2, 1.0 / 6.0), (13.43, 1.0 / 12.0)])
def test_two_that_were_named_vouch_for_each_other_where_a_current_ties_them(
    charger_v: float, share: float
) -> None:
    """Each was named by somebody else's word. (With the LVD open nobody else is tied to either:
    both stayed so for ever, and the LVD stayed open.)"""
    memory = Plausible(odd=(Odd("a", well_s=1.0), None, Odd("b", well_s=1.0), None))
    charging = {"battery_v": 13.1, "battery_a": 2.5, "charger_v": charger_v, "charger_a": 2.5}
    made = scan(memory, **charging).odd  # type: ignore[arg-type]
    for place in (BATTERY, CHARGER):
        assert made[place].well_s == pytest.approx(1.0 + share)  # type: ignore[union-attr]
    # no more while they contradict each other, or read what feeds nothing
    for volts in ({"charger_v": 11.0}, {"battery_v": 0.0, "charger_v": 0.1}):
        made = scan(memory, **{**charging, **volts}).odd  # type: ignore[arg-type]
        assert all(made[place].well_s <= 1.0 for place in (BATTERY, CHARGER))  # type: ignore[union-attr]


def test_what_the_hardware_itself_calls_bad_needs_no_word_of_ours() -> None:
    assert healed(SUPPLY, 1.0, supply_v=None) is None
    assert healed(SUPPLY, 1.0, odd=Odd("why", doubted=True), supply_v=None) is None
    assert healed(BATTERY, 1.0, odd=Odd("why", doubted=True), battery_v=None) is None


def test_a_battery_reading_that_was_named_and_leaves_its_chips_range_stays_named() -> None:
    """What it is tied to goes on speaking for it, as while it lied."""
    left = healed(BATTERY, 1.0, battery_v=None)
    assert left is not None
    assert not left.doubted


def test_a_doubt_ends_with_that_of_the_other_one() -> None:
    """One of two that cannot be told apart has been named since, or has no reading any more."""
    doubt = Odd("who knows", doubted=True)
    unknown = {"load_a": None, "battery_a": None}
    pair = Plausible(odd=(doubt, None, doubt, None), broken_s=(0.0, 0.0, 3.0, *(0.0,) * 5))
    assert scan(pair, **unknown).odd == (doubt, None, doubt, None)  # type: ignore[arg-type]
    for left in (None, Odd("named since")):
        memory = pair._replace(odd=(left, None, doubt, None))
        assert scan(memory, **unknown).odd[CHARGER] is None  # type: ignore[arg-type]
    # supply and charger have nothing to do with each other
    apart = pair._replace(odd=(None, None, doubt, doubt))
    assert scan(apart, **unknown).odd == (None,) * 4  # type: ignore[arg-type]


# --- what is left --------------------------------------------------------------------------------


def test_the_scan_that_is_believed_lacks_what_is_not() -> None:
    inputs = step_context().inputs
    assert Plausible().believed(inputs) is inputs
    memory = Plausible(
        odd=(Odd("b"), None, Odd("c", doubted=True), Odd("s")),
        backward={"load_a": Backward(5.0, "l"), "charger_a": Backward(0.5)},
    )
    made = memory.believed(inputs)
    bad = {name for name in inputs._fields[:9] if getattr(made, name).quality is Quality.BAD}
    assert bad == {"battery_v", "supply_v", "load_a"}
    assert made.battery_v.value == 13.5
    assert memory.reasons == {
        "battery.voltage": "b", "charger.voltage": "c", "supply.voltage": "s",
        "load.current": "l",
    }  # fmt: skip
    assert memory.is_odd("battery.voltage")
    assert not memory.is_odd("charger.voltage")
    assert not memory.is_odd("load.voltage")
    assert memory.is_doubtful
    assert not Plausible(odd=(Odd("b"), None, None, None)).is_doubtful
    alone = Plausible(backward={"load_a": Backward(5.0, "l")}).believed(inputs)
    assert alone.load_a.quality is Quality.BAD
    missing = inputs._replace(supply_v=inputs.supply_v._replace(quality=Quality.MISSING))
    assert memory.believed(missing).supply_v.quality is Quality.MISSING


def test_a_line_that_is_not_believed_cannot_be_read() -> None:
    inputs = step_context(guard=True, batt_path=False).inputs
    lines = Plausible().lines
    guard = Plausible(lines=lines._replace(guard_reason="g")).believed(inputs)
    assert (guard.guard, guard.batt_path) == (None, False)
    path = Plausible(lines=lines._replace(path_reason="p")).believed(inputs)
    assert (path.guard, path.batt_path) == (True, None)


def test_what_is_being_weighed_keeps_the_core_awake() -> None:
    memory = Plausible()
    assert memory.next_due(0.0) == NO_TIME
    assert memory._replace(broken_s=(0.0,) * 7 + (0.5,)).next_due(0.0) == EVERY_SCAN
    assert memory._replace(lines=memory.lines._replace(guard_s=0.1)).next_due(0.0) == EVERY_SCAN
    assert memory._replace(lines=memory.lines._replace(path_s=0.1)).next_due(0.0) == EVERY_SCAN


def test_there_is_a_place_for_each_voltage_and_each_relation() -> None:
    new = Plausible()
    by_voltage = (
        new.volts,
        new.motion.moved_at,
        new.motion.moves,
        new.jumped,
        new.witness_at,
        new.odd,
    )
    assert [len(values) for values in by_voltage] == [4] * 6
    by_relation = (new.found, new.broken_s, new.broken_since, new.broken_at)
    assert [len(values) for values in by_relation] == [8] * 4


# --- Currents against a diode: -0.206 A for 1.5 s is not believed, until 5 s forward -------------

ALL = ("load_a", "charger_a", "supply_a")


def looked(memory: Mapping[str, Backward], name: str, amps: object, dt: float = 0.5) -> Backward:
    """What is remembered of one current; Backward(-1.0): nothing."""
    inputs = step_context(**{name: amps}).inputs  # type: ignore[arg-type]
    return step_backward(memory, inputs, dt).get(name, Backward(-1.0))


@pytest.mark.parametrize("name", ALL)
def test_a_current_against_its_diode_is_not_believed_after_1_5_s(name: str) -> None:
    memory: dict[str, Backward] = {}
    for seconds in (0.5, 1.0):
        one = looked(memory, name, -0.3)
        assert one == Backward(seconds)
        memory = {name: one}
    one = looked(memory, name, -0.3)
    word = name.removesuffix("_a")
    assert one == Backward(
        5.0,
        f"The {word} current reads -0.30 A, backward through a diode: the reading is not believed.",
    )
    assert looked({name: one}, name, -0.4) == one


def test_the_tolerance_of_a_sensor_is_no_current() -> None:
    assert looked({}, "load_a", -0.206) == Backward(-1.0)
    assert looked({}, "load_a", -0.207) == Backward(0.5)


def test_the_battery_may_go_both_ways() -> None:
    assert step_backward({}, step_context(battery_a=-5.0).inputs, 1.0) == {}


def test_it_is_believed_again_after_5_s_forward() -> None:
    one = Backward(5.0, "why")
    for left in (3.0, 1.0):
        one = looked({"load_a": one}, "load_a", 1.0, 2.0)
        assert one == Backward(left, "why")
    assert looked({"load_a": one}, "load_a", 1.0, 2.0) == Backward(-1.0)
    assert looked({"load_a": Backward(2.0, "why")}, "load_a", 1.0, 2.0) == Backward(-1.0)
    # and once more backward, it begins anew
    assert looked({"load_a": Backward(0.5, "why")}, "load_a", -1.0) == Backward(5.0, "why")


def test_a_reading_that_is_bad_is_forgotten_and_the_others_are_not() -> None:
    memory = {"load_a": Backward(3.0, "a"), "charger_a": Backward(3.0, "b")}
    inputs = step_context(load_a=None, charger_a=-1.0).inputs
    assert step_backward(memory, inputs, 0.5) == {"charger_a": Backward(5.0, "b")}


def test_a_scan_without_news_changes_nothing() -> None:
    memory: dict[str, Backward] = {}
    assert step_backward(memory, step_context().inputs, 0.5) is memory


# --- charger and battery on float: what has been is no ground for ever ---------------------------

BOTH = ["reading.battery.voltage", "reading.charger.voltage"]


def until_lvd(station: Station) -> bool:
    """Whether the LVD opens before the battery is at 10.3 V a block."""
    low_v = 10.3 * station.state.setpoints.blocks
    station.until(lambda s: s.state.lvd.is_open or s.plant.circuit.battery_v < low_v, 20000.0)
    return station.state.lvd.is_open


# --- a reading that has jumped, and is well again ------------------------------------------------


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("seconds", [1.0, 20.0])
def test_a_battery_reading_that_once_jumped_on_float_has_its_lvd(
    volts: int, seconds: float
) -> None:
    """A spike of one scan, a day ago: with the load's reading gone the LVD never opened."""
    station = rested(volts, load_a=2.0, rated_ah=2.5, lvd__enabled=True)
    station.run(60.0)
    lie(station, "battery.voltage", f"{1.5 * volts / 12:+g}")
    station.run(seconds)
    lie(station, "battery.voltage", "off")
    station.run(200.0)
    station.lies["load_v"] = None
    station.run(60.0)
    supply(station, False)
    assert until_lvd(station)


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize(
    ("first", "second", "text"), [("battery", "charger", "+0.7"), ("charger", "battery", "-0.7")]
)
def test_a_reading_that_was_mended_on_float_is_not_blamed_for_the_next_one(
    volts: int, first: str, second: str, text: str
) -> None:
    station = rested(volts, load_a=2.0, rated_ah=17.0)
    blocks = volts // 12
    station.run(60.0)
    lie(station, f"{first}.voltage", f"{1.5 * blocks:+g}")
    station.run(20.0)
    lie(station, f"{first}.voltage", "off")
    station.run(600.0)
    assert blamed(station) == []
    lie(station, f"{second}.voltage", f"{float(text) * blocks:+g}")
    station.run(60.0)
    assert blamed(station) == BOTH


@pytest.mark.parametrize("volts", [12, 48])
def test_a_doubt_ends_on_float_when_its_cause_is_mended(volts: int) -> None:
    """It stood for ever, forbade tests, and took an outage its LVD where the load's lies."""
    station = rested(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    supply(station, False)
    station.run(20.0)
    supply(station, True)
    station.run(60.0)
    drift(station, "charger.voltage", -12.0)
    station.run(600.0)
    assert blamed(station) == BOTH
    lie(station, "charger.voltage", "off")
    assert station.until(lambda s: blamed(s) == [], 600.0)
    lie(station, "load.voltage", f"{-0.7 * volts / 12:g}")
    station.run(60.0)
    supply(station, False)
    station.plant.battery.set_soc(0.15)  # type: ignore[union-attr]
    assert until_lvd(station)


def test_a_doubt_of_charger_and_battery_is_over_after_30_s_in_which_they_read_alike() -> None:
    doubt = Odd("who knows", doubted=True)
    for tie in (Tie.CHARGER_BATTERY, Tie.CHARGER_SILENT):
        memory = Plausible(
            odd=(doubt, None, doubt, None), broken_s=put(Plausible().broken_s, tie.value, 6.0)
        )

        def left_s(near: bool, memory: Plausible = memory, tie: Tie = tie) -> float:
            silent = put(NOTHING, Tie.CHARGER_SILENT.value, Relation(0.2, None, near))
            return count(memory, silent, 1000.0, 1.0).broken_s[tie.value]

        assert left_s(True) == pytest.approx(5.8)
        assert left_s(False) == 6.0
        one = memory._replace(odd=(doubt, None, None, None))
        assert left_s(True, one) == pytest.approx(5.9), "another relation's doubt: as any silence"
    load = memory._replace(odd=(doubt, doubt, None, None), broken_s=(0.0, 6.0, *[0.0] * 6))
    near = put(NOTHING, Tie.CHARGER_SILENT.value, Relation(0.2, None, True))
    assert count(load, near, 1000.0, 1.0).broken_s[Tie.BATTERY_LOAD.value] == 6.0


# --- what so little current says -----------------------------------------------------------------


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("is_joined", [False, True])
@pytest.mark.parametrize("rated_ah", [32.0, 65.0])
def test_a_battery_reading_that_sinks_while_little_charges_it_raises_no_low_battery(
    volts: int, is_joined: bool, rated_ah: float
) -> None:
    """F5: between 0.05 and 0.3 A nothing was asked; "Low battery voltage", 85 s, and for good."""
    station = joined(volts, is_joined=is_joined, load_a=5.0, rated_ah=rated_ah, lvd__enabled=True)
    station.run(200.0)
    assert 0.05 < station.inputs.battery_a.value < 0.2
    lie(station, "battery.voltage", "x0.78")
    assert station.until(lambda s: blamed(s) == ["reading.battery.voltage"], 5.0)
    station.run(300.0)
    assert station.state.alarms.keys == ("reading.battery.voltage",)
    assert station.kinds("battery.low_voltage") == []


@pytest.mark.parametrize("is_joined", [False, True])
@pytest.mark.parametrize("rated_ah", [7.0, 17.0, 40.0, 100.0])
@pytest.mark.parametrize("text", ["+1.5", "-2.0", "x0.78", "x1.2"])
def test_a_battery_reading_that_jumps_on_float_is_named_whatever_the_float_current(
    text: str, rated_ah: float, is_joined: bool
) -> None:
    station = joined(12, is_joined=is_joined, load_a=2.0, rated_ah=rated_ah)
    station.run(200.0)
    lie(station, "battery.voltage", text)
    assert station.until(lambda s: blamed(s) != [], 10.0)
    assert blamed(station) == ["reading.battery.voltage"]


def test_a_battery_above_its_charger_by_a_charge_that_has_ended_is_no_contradiction() -> None:
    station = rested(12, load_a=2.0, rated_ah=17.0)
    station.run(60.0)
    station.errors = {"battery_v": (1.0, 0.9)}  # as after a boost charge, by no jump
    station.run(60.0)
    assert blamed(station) == []


@pytest.mark.parametrize("volts", [12, 48])
def test_a_charger_that_gives_a_tenth_of_an_ampere_is_not_below_the_battery(volts: int) -> None:
    station = rested(volts, load_a=5.0, rated_ah=65.0)
    station.run(200.0)
    assert 0.12 < station.inputs.charger_a.value < 0.15
    lie(station, "charger.voltage", f"{-2.0 * volts / 12:g}")
    station.run(10.0)
    assert blamed(station) in (["reading.charger.voltage"], BOTH)


def test_a_low_battery_that_a_belied_reading_told_of_is_taken_back() -> None:
    """It sinks while nothing else tells of the battery, and is named when the charger is back."""
    station = rested(12, load_a=5.0, rated_ah=17.0)
    station.run(30.0)
    station.plant.charger.switch(False)
    station.plant.touch()
    station.run(100.0)
    lie(station, "battery.voltage", "x0.78")
    assert station.until(lambda s: "battery.low_voltage" in s.state.alarms.keys, 30.0)
    station.plant.charger.switch(True)
    station.plant.touch()
    station.run(60.0)
    assert station.state.alarms.keys == ("reading.battery.voltage",)
    # where nobody else tells of the battery either: not by a reading that is not believed
    ctx = step_context(battery_v=None)
    for is_odd, on, off in ((True, False, True), (False, None, False)):
        ctx.battery_is_odd = is_odd
        seen = Seen(station.state.presence, RelayWatch(), Digital(), CapacityHealth())
        found = {one.key: one for one in conditions(seen, ctx)}
        low, misfit = found["battery.low_voltage"], found["system.voltage_mismatch"]
        assert (low.on, low.off) == (misfit.on, misfit.off) == (on, off)
        told = "Low battery voltage. The reading that said so is not believed."
        assert (low.text == told) is is_odd


@pytest.mark.parametrize("text", ["-1.5", "+1.5"])
def test_a_charger_that_dies_after_its_reading_was_named_is_told_as_lost(text: str) -> None:
    """Mended, it reads 0.00 V, gives 0.00 A, and never agrees with a battery again."""
    station = rested(12, load_a=2.0, rated_ah=17.0)
    supply(station, False)
    station.run(60.0)
    supply(station, True)
    station.run(60.0)
    lie(station, "charger.voltage", text)
    station.run(10.0)
    assert blamed(station) == ["reading.charger.voltage"]
    station.plant.charger.switch(False)
    station.plant.touch()
    station.run(60.0)
    lie(station, "charger.voltage", "off")
    station.run(100.0)
    assert station.state.alarms.keys == ("charger.lost",)


@pytest.mark.parametrize("later_s", [60.0, 600.0])
@pytest.mark.parametrize("text", ["-0.7", "+0.7"])
@pytest.mark.parametrize("point", ["battery.voltage", "load.voltage"])
def test_a_contradiction_of_long_ago_names_nobody_when_the_supply_returns(
    point: str, text: str, later_s: float
) -> None:
    """A load that the supply feeds "reads 13.57 V, but the battery feeds the load"."""
    station = rested(12, load_a=2.0, rated_ah=17.0, lvd__enabled=True)
    supply(station, False)
    station.run(20.0)
    station.plant.battery.set_soc(0.05)  # type: ignore[union-attr]
    lie(station, point, text)
    assert station.until(lambda s: s.state.lvd.is_open, 6000.0)
    lie(station, point, "off")
    station.run(later_s)
    supply(station, True)
    for _ in range(60):
        station.tick()
        assert not station.state.plausible.is_odd("load.voltage")


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("text", ["+0.7", "+1.5", "-1.5"])
def test_the_doubt_of_a_charger_that_is_gone_is_no_word_against_the_battery(
    volts: int, text: str
) -> None:
    """It stood for the whole outage, and made the honest battery the odd one beside a load reading
    that lies: the LVD went by the liar."""
    station = rested(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    blocks = volts // 12
    station.run(60.0)
    lie(station, "charger.voltage", f"{0.7 * blocks:+g}")
    station.run(60.0)
    assert blamed(station) == BOTH
    supply(station, False)
    station.run(20.0)
    lie(station, "charger.voltage", "off")
    station.run(100.0)
    assert blamed(station) == []
    lie(station, "load.voltage", f"{float(text) * blocks:+g}")
    station.run(60.0)
    assert "reading.load.voltage" in blamed(station)


def test_a_battery_that_is_doubted_for_reading_too_low_is_there_whoever_lies() -> None:
    doubt = Odd("one of them", doubted=True)

    def above(tie: Tie, gap_v: float, seconds: float = 6.0, odd: Odd | None = doubt) -> bool:
        new = Plausible()
        return new._replace(
            odd=(odd,) * 4, gap_v=put(new.gap_v, tie.value, gap_v),
            broken_s=put(new.broken_s, tie.value, seconds),
        ).may_be_above  # fmt: skip

    assert above(Tie.BATTERY_LOAD, -0.1)
    assert not above(Tie.BATTERY_LOAD, 0.0)
    assert not above(Tie.BATTERY_LOAD, 0.1)
    assert above(Tie.CHARGER_BATTERY, 0.1)
    assert not above(Tie.CHARGER_BATTERY, -0.1)
    assert not above(Tie.SUPPLY_LOAD, -0.1), "it is not about the battery"
    assert not above(Tie.BATTERY_LOAD, -0.1, 0.0), "no longer"
    assert not above(Tie.BATTERY_LOAD, -0.1, odd=None)
    assert not above(Tie.BATTERY_LOAD, -0.1, odd=Odd("named"))
    both = Plausible(odd=(doubt,) * 4, gap_v=(0.0, -1.0, -1.0) + (0.0,) * 5)
    assert not both._replace(broken_s=(0.0, 6.0, 6.0) + (0.0,) * 5).may_be_above
    assert both._replace(broken_s=(0.0, 6.0, 0.0) + (0.0,) * 5).may_be_above


def test_one_that_rises_in_a_discharge_has_jumped_unless_somebody_vouches_for_it() -> None:
    rest = scan(Plausible())
    for load_v, jumped in ((13.59, False), (13.4, True)):
        given = {**ON_BATTERY, "battery_v": 13.78, "load_v": load_v}
        made = scan(rest, 1001.0, guard=True, **given)
        assert made.jumped == (jumped, False, False, False), load_v


def test_what_is_remembered_by_voltage_is_of_four() -> None:
    assert len(Plausible().agreed_s) == len(Plausible().jumped) == len(Plausible().odd) == 4
