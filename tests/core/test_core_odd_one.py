"""The odd one: how long a contradiction counts, and who of two that drift apart lies by what."""

from __future__ import annotations

import pytest
from core_scenes import blamed, drift, lie, rested, start, step_context, supply
from station import Station

from btrmd.core.machines.motion import Motion
from btrmd.core.machines.odd_one import count, judge, put
from btrmd.core.machines.plausible_state import Odd, Plausible
from btrmd.core.machines.recharge import Recharge
from btrmd.core.scan.relations import (
    BATTERY,
    CHARGER,
    LOAD,
    NOTHING,
    PAIRS,
    SUPPLY,
    Found,
    Relation,
    Tie,
)
from btrmd.hal.sim.keys import set_keys
from btrmd.model.commands import StopTest

# --- The odd one, step by step: how long a contradiction counts, and who of two lies by what -----

NEVER = float("-inf")
NOW = 1000.0
LIES = Odd("why")
DOUBT = Odd("who knows", doubted=True)
VOLTS = (12.9, 13.5, 13.0, 13.6)


def relation(tie: Tie, broken: bool | None) -> Found:
    return put(NOTHING, tie.value, Relation(0.0, broken))


def counted(memory: Plausible, tie: Tie, broken: bool | None, dt: float = 1.0) -> Plausible:
    return count(memory, relation(tie, broken), NOW, dt)


def timed(tie: Tie, seconds: float, **more: object) -> Plausible:
    """`tie` has been broken for `seconds`, since 990.0, the last time at 999.0."""
    empty = Plausible(volts=VOLTS)
    return empty._replace(
        broken_s=put(empty.broken_s, tie.value, seconds),
        broken_since=put(empty.broken_since, tie.value, 990.0),
        broken_at=put(empty.broken_at, tie.value, 999.0),
        **more,
    )  # type: ignore[arg-type]


TIE = Tie.SUPPLY_LOAD


def test_a_contradiction_counts_from_its_first_scan_to_6_s() -> None:
    made = counted(Plausible(), TIE, True)
    assert (made.broken_s[0], made.broken_since[0], made.broken_at[0]) == (1.0, NOW, NOW)
    assert made.broken_s[1:] == (0.0,) * (len(Tie) - 1)
    made = counted(timed(TIE, 3.0), TIE, True)
    assert (made.broken_s[0], made.broken_since[0], made.broken_at[0]) == (4.0, 990.0, NOW)
    assert counted(timed(TIE, 5.5), TIE, True).broken_s[0] == 6.0


def test_agreement_takes_it_back_at_half_the_pace_and_a_doubt_at_twice() -> None:
    made = counted(timed(TIE, 3.0), TIE, False)
    assert (made.broken_s[0], made.broken_at[0]) == (2.5, NEVER)
    assert counted(timed(TIE, 0.4), TIE, False).broken_s[0] == 0.0
    doubted = timed(TIE, 3.0, odd=(None, DOUBT, None, DOUBT))
    assert counted(doubted, TIE, False).broken_s[0] == 1.0
    half = timed(TIE, 3.0, odd=(None, DOUBT, None, None))
    assert counted(half, TIE, False).broken_s[0] == 2.5


def test_silence_forgets_it_slowly_but_no_doubt_unless_both_are_vouched_for() -> None:
    made = counted(timed(TIE, 3.0), TIE, None)
    assert made.broken_s[0] == pytest.approx(2.9)
    assert made.broken_at[0] == 999.0
    doubted = timed(TIE, 3.0, odd=(None, DOUBT, None, DOUBT))
    assert counted(doubted, TIE, None).broken_s[0] == 3.0
    one = doubted._replace(witness_at=(NEVER, 995.0, NEVER, 990.0))
    assert counted(one, TIE, None).broken_s[0] == 3.0
    both = doubted._replace(witness_at=(NEVER, 995.0, NEVER, 990.1))
    assert counted(both, TIE, None).broken_s[0] == 2.5
    assert counted(both._replace(broken_s=(0.3, *both.broken_s[1:])), TIE, None).broken_s[0] == 0.0
    # a doubt of one end alone, which another relation has raised, holds nothing up
    doubt = Odd("who knows", doubted=True)
    for odd in (put((None,) * 4, SUPPLY, doubt), put((None,) * 4, LOAD, doubt)):
        memory = timed(TIE, 3.0, odd=odd)
        assert counted(memory, TIE, None).broken_s[TIE.value] == pytest.approx(2.9)
        # nor is it taken back the sooner where the two agree otherwise: that is for a doubt of both
        made = counted(timed(Tie.SUPPLY_SILENT, 3.0, odd=odd), TIE, False)
        assert made.broken_s[Tie.SUPPLY_SILENT.value] == pytest.approx(2.9)


@pytest.mark.parametrize("liar", [LOAD, SUPPLY])
@pytest.mark.parametrize("broken", [True, False, None])
def test_what_is_explained_by_a_liar_does_not_count(liar: int, broken: bool | None) -> None:
    known = timed(TIE, 3.0, odd=put((None,) * 4, liar, LIES))
    assert counted(known, TIE, broken).broken_s[0] == 0.0
    # nor is it a word against the other end, when the liar is believed again
    assert counted(known, TIE, broken).broken_at[0] == NEVER
    doubted = timed(TIE, 3.0, odd=put((None,) * 4, liar, DOUBT))
    assert counted(doubted, TIE, True).broken_s[0] == 4.0


def test_a_scan_after_a_pause_counts_for_a_second() -> None:
    """It shows one moment of it; 4 s at once named a reading by a single scan."""
    assert counted(Plausible(), TIE, True, dt=4.0).broken_s[0] == 1.0
    assert counted(timed(TIE, 3.0), TIE, False, dt=4.0).broken_s[0] == 2.5
    assert counted(Plausible(), TIE, True, dt=0.1).broken_s[0] == pytest.approx(0.1)


# --- who lies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tie", [Tie.SUPPLY_LOAD, Tie.CHARGER_BATTERY, Tie.CHARGER_SILENT])
@pytest.mark.parametrize("end", [0, 1])
def test_what_reads_below_0_v_lies_whatever_else_is_known(tie: Tie, end: int) -> None:
    """A charger at -54 V was believed, and the battery beside it blamed."""
    liar, other = PAIRS[tie.value][end], PAIRS[tie.value][1 - end]
    memory = timed(tie, 1.5, witness_at=put((NEVER,) * 4, liar, NOW))
    for volts in (-1.1, -54.0):
        read = memory._replace(volts=put(put(VOLTS, liar, volts), other, 13.5))
        assert named(read)[liar] == "x"
        assert named(read)[other] == "."


MAY_BE_OPEN = Recharge(taken_as=20.0, came_back=True)


def judged(
    memory: Plausible, recharge: Recharge = MAY_BE_OPEN, *, misfit: bool = False, **site: object
) -> Plausible:
    """`site`: as of step_context."""
    ctx = step_context(NOW, **site)  # type: ignore[arg-type]
    return judge(memory, ctx.inputs, ctx.sp, NOW, misfit, recharge, False)


def named(memory: Plausible, *, may: bool = True, guard: bool | None = True, **site: object) -> str:
    """One letter a voltage: x is not believed, ? is doubted; battery, load, charger, supply."""
    odd = judged(memory, MAY_BE_OPEN if may else Recharge(), guard=guard, **site).odd  # type: ignore[arg-type]
    return "".join("." if one is None else "?" if one.doubted else "x" for one in odd)


JUMPED = {"jumped": (False, True, False, False)}
VOUCHED = {"witness_at": (NEVER, NEVER, NEVER, 995.0)}


def test_it_is_decided_after_1_5_s_where_it_is_clear_and_after_5_s_it_is_a_doubt() -> None:
    assert named(timed(TIE, 1.4, **JUMPED)) == "...."
    assert named(timed(TIE, 1.5, **JUMPED)) == ".x.."
    assert named(timed(TIE, 4.9)) == "...."
    assert named(timed(TIE, 5.0)) == ".?.?"
    # it has agreed since, and says nothing now
    agreed = timed(TIE, 3.0, **JUMPED)
    assert named(agreed._replace(broken_at=(NEVER,) * len(Tie))) == "...."


def test_the_words_say_what_contradicts_what() -> None:
    assert judged(timed(TIE, 1.5, **JUMPED)).odd[LOAD] == Odd(
        "The load voltage reads 13.50 V, but the supply feeds the load and the supply voltage is "
        "13.60 V: the reading is not believed."
    )
    odd = judged(timed(TIE, 5.0)).odd[SUPPLY]
    assert odd is not None
    assert odd.reason == (
        "The supply voltage (13.60 V) and the load voltage (13.50 V) contradict each other; it "
        "cannot be told which is wrong."
    )


@pytest.mark.parametrize(
    ("tie", "liar", "what"),
    [
        (Tie.BATTERY_LOAD, BATTERY, "the battery feeds the load and the load voltage is 13.50 V"),
        (Tie.CHARGER_BATTERY, CHARGER, "the charger delivers and the battery voltage is 12.90 V"),
        (Tie.SUPPLY_SILENT, SUPPLY, "the supply gives nothing to a load at 13.50 V"),
        (Tie.SUPPLY_SILENT, LOAD, "the supply is at 13.60 V and gives nothing"),
        (Tie.CHARGER_SILENT, CHARGER,
         "the charger gives little or nothing and the battery voltage is 12.90 V"),
        (Tie.SUPPLY_HAT, SUPPLY,
         "this unit lives on the supply and the battery voltage is 12.90 V"),
        (Tie.SUPPLY_BATTERY, SUPPLY,
         "the supply feeds the load and the battery voltage is 12.90 V"),
        (Tie.CHARGER_LOAD, LOAD, "the charger feeds the load and the charger voltage is 13.00 V"),
    ],
)  # fmt: skip
def test_every_relation_has_words_of_its_own(tie: Tie, liar: int, what: str) -> None:
    odd = judged(timed(tie, 2.0, jumped=put((False,) * 4, liar, True))).odd[liar]
    assert odd is not None
    assert f", but {what}: the reading is not believed." in odd.reason


def test_whom_somebody_else_vouches_for_since_does_not_lie() -> None:
    assert named(timed(TIE, 2.0, **VOUCHED)) == ".x.."
    before = {"witness_at": (NEVER, NEVER, NEVER, 989.9)}
    assert named(timed(TIE, 2.0, **before)) == "...."
    at = {"witness_at": (NEVER, NEVER, NEVER, 990.0)}
    assert named(timed(TIE, 2.0, **at)) == ".x.."
    both = {"witness_at": (NEVER, 995.0, NEVER, 995.0)}
    assert named(timed(TIE, 2.0, **both)) == "...."
    # it goes before a jump: who was vouched for has jumped by right
    assert named(timed(TIE, 2.0, jumped=(False, False, False, True), **VOUCHED)) == ".x.."


def test_who_contradicts_a_third_one_as_well_lies() -> None:
    def second(tie: Tie, at: float, since: float = 990.0) -> Plausible:
        memory = timed(TIE, 2.0)
        return memory._replace(
            broken_at=put(memory.broken_at, tie.value, at),
            broken_since=put(memory.broken_since, tie.value, since),
        )

    assert named(second(Tie.SUPPLY_BATTERY, 999.0)) == "...x"
    assert named(second(Tie.BATTERY_LOAD, 999.0)) == ".x.."
    # the same two ends are no third one
    assert named(second(Tie.SUPPLY_SILENT, 999.0)) == "...."
    # a charger and a battery tell nothing of the others
    assert named(second(Tie.CHARGER_BATTERY, 999.0)) == "...."
    # 10 s ago at most, and for more than one scan
    assert named(second(Tie.BATTERY_LOAD, 990.0, 980.0)) == ".x.."
    assert named(second(Tie.BATTERY_LOAD, 989.9, 980.0)) == "...."
    assert named(second(Tie.BATTERY_LOAD, 999.0, 999.0)) == "...."


@pytest.mark.parametrize("volts", [12, 48])
def test_an_idle_guard_says_that_the_load_and_what_feeds_it_are_above_its_level(volts: int) -> None:
    blocks = volts // 12

    def memory(tie: Tie, first: int, low: float) -> Plausible:
        values = put(tuple(v * blocks for v in VOLTS), first, low * blocks)
        return timed(tie, 2.0, found=relation(tie, True))._replace(volts=values)

    def idle(memory: Plausible) -> str:
        return named(memory, volts=volts, guard=False)

    assert idle(memory(TIE, LOAD, 10.29)) == ".x.."
    assert idle(memory(TIE, LOAD, 10.31)) == "...."
    assert idle(memory(TIE, SUPPLY, 10.29)) == "...x"
    assert idle(memory(Tie.BATTERY_LOAD, BATTERY, 10.29)) == "x..."
    assert idle(memory(Tie.SUPPLY_SILENT, LOAD, 10.29)) == ".x.."
    for guard in (True, None):
        assert named(memory(TIE, LOAD, 10.29), volts=volts, guard=guard) == "...."
    # what does not end at the load says nothing of it
    assert idle(memory(Tie.CHARGER_BATTERY, BATTERY, 10.0)) == "...."
    # both below it: nothing can be told; and one without a reading is not low
    low = memory(TIE, LOAD, 10.0)
    assert idle(low._replace(found=relation(TIE, None))) == "....", "nor does one of before"
    assert idle(low._replace(volts=put(low.volts, SUPPLY, 9.0 * blocks))) == "...."
    assert idle(low._replace(volts=put(low.volts, LOAD, None))) == "...."


def test_one_that_hangs_while_the_other_moves_lies() -> None:
    def memory(tie: Tie, end: int, moves: int = 5) -> Plausible:
        motion = Motion(
            moved_at=put((NOW,) * 4, end, NOW - 4.0), moves=put((moves,) * 4, end, 0),
            lively=(1.0,) * 4, swings=(0.65,) * 4, stands=(5,) * 4,
        )  # fmt: skip
        return timed(tie, 2.0, motion=motion, found=relation(tie, True))

    for tie, end, names in (
        (Tie.BATTERY_LOAD, BATTERY, "x..."), (Tie.CHARGER_BATTERY, BATTERY, "x..."),
        (Tie.BATTERY_LOAD, LOAD, ".x.."), (Tie.CHARGER_BATTERY, CHARGER, "..x."),
        (TIE, SUPPLY, "...."),  # a supply may hold its volts for hours
    ):  # fmt: skip
        assert named(memory(tie, end)) == names
        assert named(memory(tie, end, 4)) == "...."
        # what no current flows through any more may stand still
        assert named(memory(tie, end)._replace(found=NOTHING)) == "...."


def test_who_was_vouched_for_longer_ago_lies_no_more_for_that() -> None:
    """Nobody may have been able to: while a current lies, or the source was off."""
    for load_at, supply_at in ((930.0, NEVER), (NEVER, 930.0), (930.0, 500.0)):
        memory = timed(TIE, 5.0, witness_at=(NEVER, load_at, NEVER, supply_at))
        assert named(memory) == ".?.?"


def test_beside_one_that_hangs_as_like_as_not_no_jump_is_named() -> None:
    for battery_at, answer in ((989.9, "...."), (990.0, ".x..")):
        motion = Motion(moved_at=(battery_at, NOW, NOW, NOW), leapt_at=(990.0,) * 4)
        assert named(timed(Tie.BATTERY_LOAD, 2.0, **JUMPED, motion=motion)) == answer


def test_a_charger_that_gives_nothing_lies_only_if_it_has_jumped() -> None:
    """As a rule K2 is open then, which the relay watch tells."""
    tie = Tie.CHARGER_SILENT
    assert named(timed(tie, 6.0)) == "...."
    assert named(timed(tie, 6.0, witness_at=(995.0, NEVER, NEVER, NEVER))) == "...."
    assert named(timed(tie, 2.0, jumped=(False, False, True, False))) == "..x."
    assert named(timed(tie, 2.0, jumped=(True, False, False, False))) == "x..."
    assert named(timed(tie, 2.0, jumped=(True, False, True, False))) == "...."


def test_a_charger_beside_a_battery_that_takes_what_any_charger_gives_has_k2_open() -> None:
    """It has jumped; but were it wrong, there would be no charger either. One thing is wrong."""
    tie = Tie.CHARGER_SILENT

    def lies(battery: float, *, told: bool = True, both: bool = False) -> bool:
        memory = timed(tie, 2.0, jumped=(both, False, True, False))
        memory = memory._replace(volts=(battery, 13.5, 13.6, 13.6))
        recharge = Recharge(parted=True) if told else MAY_BE_OPEN
        return judged(memory, recharge).is_odd("charger.voltage")

    assert not lies(12.59)
    assert lies(12.6)
    assert lies(12.59, told=False), "no contact does that that was not told to move"
    assert not lies(12.59, both=True)
    memory = timed(tie, 2.0, jumped=(True, False, False, False))
    memory = memory._replace(volts=(11.0, 13.5, 13.6, 13.6))
    made = judged(memory, Recharge(parted=True))
    assert made.is_odd("battery.voltage"), "that it takes is what it reads itself"


@pytest.mark.parametrize("who", ["charger", "battery"])
def test_what_has_crept_up_or_down_is_doubted_though_k2_may_be_open(who: str) -> None:
    """The relay watch tells of what is above the battery without that."""

    def doubted(charger: float | None, drift_v: float) -> bool:
        crept_v, fell_v = (drift_v, 0.0) if who == "charger" else (0.0, drift_v)
        memory = timed(Tie.CHARGER_SILENT, 5.0, crept_v=crept_v)
        memory = memory._replace(volts=(12.9, 13.5, charger, 13.6))
        return judged(memory, Recharge(parted=True, fell_v=fell_v)).is_doubtful

    assert not doubted(None, 0.2)
    assert not doubted(13.42, 0.03)
    assert not doubted(13.42, 0.14)
    assert doubted(13.42, 0.16)
    assert not doubted(13.6, 0.2)
    assert doubted(13.6, 0.34)


def test_a_charger_that_gives_nothing_is_doubted_with_the_battery_where_k2_has_not_moved() -> None:

    def at(volts: float, *, misfit: bool = False, may: bool = False) -> Plausible:
        memory = timed(Tie.CHARGER_SILENT, 5.0)._replace(volts=(12.9, 13.5, volts, 13.6))
        return judged(memory, Recharge(parted=may), misfit=misfit, guard=True)

    doubted = at(13.6)
    assert doubted.odd[BATTERY] == doubted.odd[CHARGER]
    assert doubted.reasons["battery.voltage"] == (
        "The charger voltage (13.60 V) and the battery voltage (12.90 V) contradict each other, "
        "and the charger gives little or nothing: one of them is wrong, or relay K2 is open; it "
        "cannot be told which."
    )
    assert not any(at(13.6, may=True).odd), "the relay watch tells"
    # no charger comes to more than 16 V a block
    assert at(16.1).is_odd("charger.voltage")
    assert at(15.9).is_doubtful
    assert not at(16.1, misfit=True).is_odd("charger.voltage")


@pytest.mark.parametrize("volts", [12, 48])
def test_what_gives_or_takes_current_is_not_at_volts_at_which_no_bank_is(volts: int) -> None:
    tie, blocks = Tie.BATTERY_LOAD, volts // 12

    def named_at(battery: float, load: float, *, now: bool = True, misfit: bool = False) -> str:
        memory = timed(tie, 2.0)._replace(volts=(battery * blocks, load * blocks, None, None))
        memory = memory._replace(found=relation(tie, True if now else None))
        return named(memory, volts=volts, misfit=misfit)

    assert named_at(7.9, 11.0) == "x..."
    assert named_at(8.0, 11.0) == "...."
    assert named_at(16.1, 11.0) == "x..."
    assert named_at(16.0, 11.0) == "...."
    assert named_at(11.0, 16.1) == ".x.."
    assert named_at(16.1, 17.0) == "....", "both: another bank"
    assert named_at(7.9, 11.0, now=False) == "....", "nothing flows now"
    assert named_at(7.9, 11.0, misfit=True) == "...."


def test_a_doubt_that_stands_is_a_contradiction_with_a_third_one_however_long_ago() -> None:
    """The charger went with the supply; the battery now contradicts the load as well."""
    both = timed(Tie.BATTERY_LOAD, 2.0, odd=(DOUBT, None, DOUBT, None))
    place = Tie.CHARGER_SILENT.value
    both = both._replace(
        broken_s=put(both.broken_s, place, 5.0), broken_since=put(both.broken_since, place, 900.0),
        broken_at=put(both.broken_at, place, 950.0),
    )  # fmt: skip
    assert named(both)[:2] == "x."
    alone = both._replace(odd=(None, None, DOUBT, None))
    assert named(alone)[:2] == ".."
    # what is weighed no more stands no more
    for seconds, letters in ((0.5, "x."), (0.0, "..")):
        ended = both._replace(broken_s=put(both.broken_s, place, seconds))
        assert named(ended)[:2] == letters
    # lately: of a K2 that may be open it says nothing
    lately = alone._replace(broken_at=put(both.broken_at, place, NOW - 5.0))
    assert named(lately)[:2] == ".."
    assert named(lately, may=False)[:2] == "x."


def test_one_that_reads_between_two_others_is_not_named_for_both() -> None:
    place, other = Tie.BATTERY_LOAD, Tie.CHARGER_BATTERY

    def also(memory: Plausible, tie: Tie) -> Plausible:
        return memory._replace(
            broken_s=put(memory.broken_s, tie.value, 2.0),
            broken_since=put(memory.broken_since, tie.value, NOW - 2.0),
            broken_at=put(memory.broken_at, tie.value, NOW),
        )

    memory = also(timed(place, 2.0), other)
    for battery_load, charger_battery, letters in (
        (10.0, 2.3, ".."), (10.0, -2.3, "x."), (-10.0, 2.3, "x."), (-10.0, -2.3, ".."),
    ):  # fmt: skip
        gaps = put(put(memory.gap_v, place.value, battery_load), other.value, charger_battery)
        assert named(memory._replace(gap_v=gaps), may=False)[:2] == letters
        # the charger contradicts the load too: it may be the one that lies
        three = also(memory._replace(gap_v=gaps), Tie.CHARGER_LOAD)
        assert named(three, may=False)[:2] == ".."
    # what it was is remembered
    broken = put(NOTHING, place.value, Relation(10.0, True))
    assert count(Plausible(), broken, NOW, 1.0).gap_v[place.value] == 10.0
    agreed = put(NOTHING, place.value, Relation(0.1, False))
    assert count(Plausible(), agreed, NOW, 1.0).gap_v[place.value] == 0.0


def test_a_doubt_ends_where_the_same_two_are_tied_by_a_current_and_agree() -> None:
    doubted = timed(Tie.CHARGER_SILENT, 5.0, odd=(DOUBT, None, DOUBT, None))
    for dt, left in ((1.0, 3.0), (0.5, 4.0)):
        agreed = counted(doubted, Tie.CHARGER_BATTERY, False, dt)
        assert agreed.broken_s[Tie.CHARGER_SILENT.value] == left
    half = counted(doubted._replace(odd=(DOUBT, None, None, None)), Tie.CHARGER_BATTERY, False)
    assert half.broken_s[Tie.CHARGER_SILENT.value] == 4.9, "the charger is believed: slowly"
    other = counted(doubted, Tie.BATTERY_LOAD, False)
    assert other.broken_s[Tie.CHARGER_SILENT.value] == 5.0


def test_a_doubt_ends_when_it_is_known_who_lies_or_when_nothing_is_weighed() -> None:
    doubted = {"odd": (None, DOUBT, None, DOUBT)}
    assert named(timed(TIE, 5.0, **doubted)) == ".?.?"
    assert named(timed(TIE, 5.0, **doubted, **VOUCHED)) == ".x.."
    assert named(timed(TIE, 0.0, **doubted)) == "...."
    # the other relation between the two is still weighed
    assert named(timed(Tie.SUPPLY_SILENT, 1.0, **doubted)) == ".?.?"
    # one end only: that doubt belongs to another pair
    assert named(timed(TIE, 0.0, odd=(DOUBT, DOUBT, None, None))) == "...."
    assert named(timed(TIE, 5.0, odd=(None, LIES, None, None), **JUMPED)) == ".x.."
    assert named(timed(TIE, 5.0, odd=(None, None, None, LIES), **JUMPED)) == "...x"


# --- Readings that drift away slowly: told as what they are, or all that it may be is named ------

SYSTEM_V = (12, 48)
BOTH = ["reading.battery.voltage", "reading.charger.voltage"]


def on_float(volts: int) -> Station:
    station = rested(volts, load_a=5.0, rated_ah=7.0, lvd__enabled=True)
    station.run(1800.0)
    assert 0.0 < station.inputs.charger_a.value < 0.05
    assert not station.plant.relays.k2_open
    return station


# --- on float, where no current tells ------------------------------------------------------------


@pytest.mark.parametrize("volts", SYSTEM_V)
@pytest.mark.parametrize(
    ("point", "volts_per_h"),
    [("battery.voltage", -6), ("battery.voltage", -60), ("charger.voltage", 6)],
)
def test_a_reading_that_drifts_on_float_is_never_told_as_an_open_k2(
    volts: int, point: str, volts_per_h: float
) -> None:
    station = on_float(volts)
    drift(station, point, volts_per_h)
    assert station.until(lambda s: blamed(s) != [], 600.0)
    assert blamed(station) == BOTH
    for key in BOTH:
        text = station.state.alarms.raised[key].text
        assert "one of them is wrong, or relay K2 is open; it cannot be told which" in text
    station.run(600.0)
    assert station.state.relays.faulty == ()
    lie(station, point, "off")
    station.run(30.0)
    assert blamed(station) == []


def test_a_doubt_ends_with_the_last_relation_that_is_weighed_for_an_end() -> None:
    """Supply and load, charger and battery; supply and battery do not contradict each other."""
    seconds = {Tie.SUPPLY_LOAD: 6.0, Tie.CHARGER_SILENT: 6.0}
    for gone, left in (((), 4), ((Tie.SUPPLY_LOAD,), 2), (tuple(seconds), 0)):
        broken = tuple(0.0 if tie in gone else seconds.get(tie, 0.0) for tie in Tie)
        memory = timed(Tie.SUPPLY_LOAD, 0.0)._replace(broken_s=broken, odd=(DOUBT,) * 4)
        assert named(memory, may=False).count("?") == left, gone
    # of a relation to one that is believed, or named, nothing is weighed for a doubt
    beside = put((0.0,) * len(Tie), Tie.BATTERY_LOAD.value, 1.0)
    for other, letter in ((None, "."), (LIES, "x")):
        memory = memory._replace(broken_s=beside, odd=(other, DOUBT, None, DOUBT))
        assert named(memory, may=False) == f"{letter}..."


@pytest.mark.parametrize("volts", SYSTEM_V)
@pytest.mark.parametrize("fault", ["off", "welded"])
def test_a_load_reading_that_jumped_while_the_supplys_was_dead_is_the_odd_one_in_the_outage(
    volts: int, fault: str
) -> None:
    """Nobody else read who feeds the load; the currents told that it is fed. With K2 open after a
    test the charger contradicts the battery too, and that is K2's."""
    station = rested(volts, load_a=2.0, lvd__enabled=True)
    start(station, "2")
    station.run(75.0)
    station.plant.relay_faults["k2"] = fault
    station.ask(StopTest("test"))
    station.run(10.0)
    station.lies["supply_v"] = None
    station.run(5.0)
    lie(station, "load.voltage", "x0.78")
    station.run(10.0)
    supply(station, False)
    station.run(60.0)
    assert "reading.load.voltage" in blamed(station)
    assert "reading.battery.voltage" not in blamed(station)
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", SYSTEM_V)
def test_the_load_tells_in_an_outage_that_it_is_the_batterys_reading(volts: int) -> None:
    station = on_float(volts)
    drift(station, "battery.voltage", -20)
    assert station.until(lambda s: blamed(s) == BOTH, 600.0)
    supply(station, False)
    station.run(20.0)
    assert blamed(station) == ["reading.battery.voltage"]
    assert station.state.relays.faulty == ()
    assert station.plant.dropped_s == 0.0
    lie(station, "battery.voltage", "off")
    supply(station, True)
    station.run(60.0)
    assert blamed(station) == []


@pytest.mark.parametrize("volts", SYSTEM_V)
def test_a_doubt_of_the_charger_blames_no_k2_after_an_outage_and_ends_when_it_delivers(
    volts: int,
) -> None:
    station = on_float(volts)
    drift(station, "charger.voltage", 6)
    assert station.until(lambda s: blamed(s) == BOTH, 600.0)
    station.run(300.0)
    supply(station, False)
    station.run(60.0)
    assert station.state.relays.faulty == ()
    lie(station, "charger.voltage", "off")
    supply(station, True)
    station.run(60.0)
    assert blamed(station) == []


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("outage_s", [60.0, 300.0])
def test_a_k2_that_stays_open_is_named_after_a_crash_in_an_outage_too(
    volts: int, outage_s: float
) -> None:
    """The daemon dies in the outage; supply and charger are back before it is. Without the charger
    that was gone at its end, its volts might as well be a reading that hangs."""
    station = on_float(volts)
    supply(station, False)
    station.plant.relays.k2_open = True  # stuck, though its coil was never driven
    station.plant.relay_faults["k2"] = "welded"
    station.plant.touch()
    station.run(outage_s)
    supply(station, True)  # unseen: it has died
    station.crash(5.0)
    assert station.plant.relays.k2_open
    assert station.until(lambda s: "relay.k2" in blamed(s), 180.0)
    assert station.plant.dropped_s == 0.0


def test_a_charger_that_reads_what_none_gives_is_named_for_that() -> None:
    station = on_float(12)
    drift(station, "charger.voltage", 60)
    assert station.until(lambda s: s.inputs.charger_v.value > 16.1, 300.0)
    station.run(3.0)
    assert blamed(station) == ["reading.charger.voltage"]


@pytest.mark.parametrize("volts", SYSTEM_V)
@pytest.mark.parametrize("point", ["battery.voltage", "charger.voltage"])
def test_a_reading_that_drifts_is_doubted_where_a_fifth_of_an_ampere_charges(
    volts: int, point: str
) -> None:
    """What is given and what is taken say that the two are tied; it is no word on K2."""
    station = rested(volts, load_a=2.0, rated_ah=100.0)
    station.plant.battery.set_soc(1.0)
    station.run(900.0)
    assert 0.15 < station.inputs.charger_a.value < 0.3
    drift(station, point, 12)
    assert station.until(lambda s: blamed(s) != [], 300.0)
    assert blamed(station) == BOTH
    assert "K2" not in station.state.alarms.raised[BOTH[0]].text
    lie(station, point, "off")
    station.run(30.0)
    assert blamed(station) == []


# --- in an outage, until the chip has nothing to say any more ------------------------------------


@pytest.mark.parametrize("volts", SYSTEM_V)
@pytest.mark.parametrize("volts_per_h", [-12, -60, 12, 60])
def test_a_battery_reading_that_drifts_out_of_its_chips_range_leaves_the_lvd_its_say(
    volts: int, volts_per_h: float
) -> None:
    """F5. At volts at which no battery feeds a load it is named; the load tells the battery then,
    also when the chip has come to its end."""
    station = rested(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.7 if abs(volts_per_h) < 20 else 0.5)
    station.run(20.0)
    supply(station, False)
    station.run(30.0)
    drift(station, "battery.voltage", volts_per_h)

    def tick_to(done: bool) -> bool:
        if not 0.0 <= station.inputs.battery_v.value <= 80.0:
            station.lies["battery_v"] = None
        return done

    assert station.until(lambda s: tick_to(s.state.lvd.is_open), 9000.0)
    assert blamed(station) == ["reading.battery.voltage"]
    assert 10.4 < station.plant.circuit.battery_v / station.plant.blocks < 10.6
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", SYSTEM_V)
@pytest.mark.parametrize("volts_per_h", [-60, 60])
def test_a_load_reading_that_drifts_away_in_an_outage_cuts_off_nobody(
    volts: int, volts_per_h: float
) -> None:
    station = rested(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    supply(station, False)
    station.run(30.0)
    drift(station, "load.voltage", volts_per_h)
    station.run(600.0)
    assert blamed(station) == ["reading.load.voltage"]
    assert not station.state.lvd.is_open
    assert station.until(lambda s: s.state.lvd.is_open, 9000.0)
    assert 10.4 < station.plant.circuit.battery_v / station.plant.blocks < 10.6
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", SYSTEM_V)
def test_a_battery_chip_that_dies_in_an_outage_leaves_one_witness_which_is_too_few(
    volts: int,
) -> None:
    """Nothing has told that the load's reading is the true one: it may be the next that lies."""
    station = rested(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    supply(station, False)
    station.run(30.0)
    station.lies["battery_v"] = None
    lie(station, "load.voltage", "x0.8")
    station.run(600.0)
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


def test_readings_that_move_together_have_not_jumped() -> None:
    """Two sensors at opposite ends of their tolerance are never near: a battery that is set to
    another charge took the charger along, which was blamed for a K2 that stayed open."""
    station = rested(12, load_a=5.0)
    station.errors = {"battery_v": (0.99, -0.02), "charger_v": (1.01, 0.02)}
    station.run(60.0)
    for soc in (0.03, 0.9):
        station.plant.battery.set_soc(soc)
        station.run(10.0)
        assert not station.state.plausible.jumped[CHARGER]
    start(station, "2")
    set_keys(station.plant, {"fault.relay.k2": "welded"})
    station.run(60.0)
    station.ask(StopTest("test"))
    assert station.until(lambda s: s.state.relays.faulty == ("k2",), 90.0)
    assert blamed(station) == ["relay.k2"]


def test_a_charger_that_lies_is_named_under_the_limits_of_another_bank() -> None:
    """0.8 V are no more than half a volt a block of 24 V, which the bank is not."""
    station = rested(12, load_a=5.0)
    station.run(30.0)
    station.settings = station.settings.with_changes({"system.voltage": 24})
    station.crash(1.0)
    station.run(30.0)
    assert station.state.bank_fit.is_wrong
    station.plant.battery.set_soc(0.2)
    station.run(30.0)
    assert blamed(station) == []
    supply(station, False)
    station.plant.charger.on = True
    station.plant.touch()
    station.run(30.0)
    lie(station, "charger.voltage", "-0.8")
    station.run(12.0)
    assert blamed(station) == ["reading.charger.voltage"]
    assert station.plant.dropped_s == 0.0
