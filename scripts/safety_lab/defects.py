"""Planted defects: one wrong line each, of the kinds that have hurt or could hurt a load.

The judge of the chaos runs must find every one (scripts/planted-defects). `find` occurs exactly
once in the file; `says` is a word of the rule that is expected to break, "" where several may.
"""

from __future__ import annotations

from typing import NamedTuple


class Defect(NamedTuple):
    name: str
    file: str  # below btrmd/
    find: str
    put: str
    says: str = ""
    story: str = ""  # the one that is most likely to show it (tests/support/chaos_stories.py)


DEFECTS = (
    # --- what is remembered ---
    Defect(
        "a remembered LVD is driven at once",
        "core/persist.py",
        "Lvd(is_open=True, remembered=True)",
        "Lvd(is_open=True)",
        "dropped",
        story="lvd",
    ),
    Defect(
        "a hang does not undo an open LVD",
        "core/recover.py",
        "Lvd(True, remembered=True) if",
        "Lvd(True) if",
        "dropped",
        story="lvd",
    ),
    # No defect of a remembered LVD that is kept on a fed load: between 10.5 and 12.5 V a block an
    # open LVD is within its rights, so the judge cannot call it one. What the core does there is
    # held by tests/core/test_core_recover.py.
    Defect(
        "a carried outage is forgotten over a restart",
        "core/persist.py",
        'if data.get("carried") is True or interrupted:',
        "if False:",
        "no longer carried",
        story="test",
    ),
    Defect(
        "the coils are not taken as released after a hang",
        "core/recover.py",
        "        outputs=SAFE_OUTPUTS,\n",
        "",
        "",
        story="test",
    ),
    # --- LVD ---
    Defect(
        "the LVD needs no second witness",
        "core/machines/lvd.py",
        "alone\n            return load.value < limit",
        "alone\n            return True",
        "dropped",
        story="doubt",
    ),
    Defect(
        "an idle battery is cut off by one witness",
        "core/machines/lvd.py",
        "return sees and abs(charger.value - battery.value) <= apart",
        "return True",
        "dropped",
        story="doubt",
    ),
    Defect(
        "the LVD opens without a supply that is proven or absent",
        "core/step.py",
        "may_open = not state.test.is_on and (proven or unfed)",
        "may_open = not state.test.is_on and proven",
        "LVD lets",
        story="lvd",
    ),
    Defect(
        "the LVD opens at 11.5 V",
        "model/chemistry.py",
        "    lvd_open_v=10.5,",
        "    lvd_open_v=11.5,",
        "dropped",
        story="lvd",
    ),
    Defect(
        "the LVD waits a minute",
        "core/machines/lvd.py",
        "OPEN_S = 10.0",
        "OPEN_S = 60.0",
        "LVD lets",
        story="lvd",
    ),
    Defect(
        "the LVD never closes",
        "core/machines/lvd.py",
        "if now - lvd.high_since >= CLOSE_S:\n        return _close(ctx, why)",
        "if False:\n        return _close(ctx, why)",
        "stays open",
        story="lvd",
    ),
    Defect(
        "the LVD believes a bad reading",
        "core/machines/lvd.py",
        # twice it is asked: a lone reading that is bad is no good witness, nor one of 0 V
        (
            "    if not battery.good:\n"
            "        return None\n"
            "    limit, apart = sp.th.lvd_open_v, APART_V * sp.blocks\n"
            "    if battery.value >= limit:\n"
            "        return False\n"
            "    is_alone = not (inputs.battery_v.good and inputs.load_v.good)\n"
        ),
        (
            "    if False:\n"
            "        return None\n"
            "    limit, apart = sp.th.lvd_open_v, APART_V * sp.blocks\n"
            "    if battery.value >= limit:\n"
            "        return False\n"
            "    is_alone = False\n"
        ),
        "dropped",
        story="lvd",
    ),
    # --- UPS mode and the way back ---
    Defect(
        "K3 is pulled without proof",
        "core/outputs.py",
        "return proven or outputs.k3",
        "return True",
        "K3 is pulled",
        story="path",
    ),
    Defect(
        "the load is proven without its current",
        "core/outputs.py",
        "if inputs.supply_a.value < least_a:\n        return False\n    return ",
        "return True or ",
        "K3 is pulled",
        story="path",
    ),
    Defect(
        "the load is proven with the guard up",
        "core/outputs.py",
        "or outputs.k1 or inputs.guard is not False:",
        "or outputs.k1:",
        "K3 is pulled",
        story="path",
    ),
    Defect(
        "the supply is never tried again",
        "core/machines/transfer.py",
        ">= transfer.wait_s:\n",
        ">= 1e9:\n",
        "left on the battery",
        story="outage",
    ),
    Defect(
        "the wait after a failed return does not grow",
        "core/machines/transfer.py",
        "wait = min(2.0 * waited_s, LONGEST_WAIT_S)",
        "wait = 10.0",
        "",
        story="outage",
    ),
    Defect(
        "UPS mode does not move the load",
        "core/machines/transfer.py",
        "    if guarded or unseen or falls:",
        "    if False:",
        "",
        story="outage",
    ),
    Defect(
        "a supply that is doubted is never tried",
        "core/machines/transfer.py",
        "ctx.doubted_s if is_held else 0.0",
        "0.0",
        "held on the battery by a supply reading that lies",
        story="doubt",
    ),
    Defect(
        "a test that ends in an outage lets go",
        "core/capacity_test/sequence.py",
        "return Moved(IDLE, Handover.CARRY, closed=close(test, judge(test, ctx), ctx))\n",
        "return Moved(IDLE, Handover.RETURN, closed=close(test, judge(test, ctx), ctx))\n",
        "",
        story="test",
    ),
    Defect(
        "K2 stays on after a test",
        "core/capacity_test/sequence.py",
        "since=ctx.now, k2=False)\n    if lasted",
        "since=ctx.now)\n    if lasted",
        "",
        story="test",
    ),
    Defect(
        "the guard's edge is armed with UPS mode off",
        "core/machines/transfer.py",
        "        return ctx.sp.ups_enabled or (transfer.carried and not presence.supply.present)",
        "        return True",
        "edge",
        story="path",
    ),
    Defect(
        "the guard's edge is armed while the LVD is open",
        "core/machines/transfer.py",
        "    if test_holds or lvd_open or ctx",
        "    if test_holds or ctx",
        "edge",
        story="lvd",
    ),
    Defect(
        "K2 follows K1",
        "core/outputs.py",
        "        k2=test.k2,",
        "        k2=test.k1 or transfer.where is Where.BATTERY,",
        "charger",
        story="outage",
    ),
    # --- who feeds the load ---
    Defect(
        "a discharge under the guard is not on battery",
        "core/machines/onbattery.py",
        "    if _for(flows_since, FLOWS_S, now) or lately or still:",
        "    if False:",
        "is false",
        story="outage",
    ),
    Defect(
        "on battery sticks",
        "core/machines/onbattery.py",
        "    made = OnBattery(on, flows_since",
        "    on = on or was.on\n    made = OnBattery(on, flows_since",
        "K1 is off",
        story="outage",
    ),
    Defect(
        "no outage is recorded",
        "core/records.py",
        "    lasting = state.on_battery or state.in_outage",
        "    lasting = False",
        "no outage",
        story="outage",
    ),
    # --- relays ---
    Defect(
        "K1's evidence is turned around",
        "core/machines/evidence.py",
        "    return path - supply > doubt or (load <= SMALL_A and flows.trickles(past))",
        "    return supply > 2.0 * load",
        "relay.k1",
        story="outage",
    ),
    Defect(
        "K2 is watched by a wide gap only",
        "core/machines/evidence.py",
        "(gap > recharge.open_gap_v(sp.blocks) and recharge.may_be_open) or recharge.is_overdue",
        "gap > 4.0 * sp.blocks",
        "relay.k2",
        story="test",
    ),
    Defect(
        "a contact that has not moved is blamed for a reading that drifts",
        "core/machines/evidence.py",
        "(gap > recharge.open_gap_v(sp.blocks) and recharge.may_be_open) or recharge.is_overdue",
        "gap > recharge.open_gap_v(sp.blocks) or recharge.is_overdue",
        "without a cause",
        story="doubt",
    ),
    Defect(
        "K3's line is not looked at",
        "core/machines/evidence.py",
        "    return not inputs.batt_path and not ctx.flows.carries",
        "    return False",
        "relay.k3",
        story="path",
    ),
    Defect(
        "a relay fault is not latched",
        "core/machines/relaywatch.py",
        "faulty = contact.faulty or seconds >= CONFIRM_S - 1e-6",
        "faulty = False",
        "relay.k",
        story="outage",
    ),
    # --- readings ---
    Defect(
        "nobody judges the readings",
        "core/machines/odd_one.py",
        "            if liar is not None:\n                off_v =",
        "            if False:\n                off_v =",
        "",
        story="doubt",  # a doubt of both ends saves most of what one lie alone could spoil
    ),
    Defect(
        "the honest end is blamed",
        "core/machines/odd_one.py",
        "        return first if is_first else second\n",
        "        return second if is_first else first\n",
        "",
        story="lie",
    ),
    Defect(
        "what is odd stays believed",
        "core/machines/plausible_state.py",
        "                    changed[name] = Measurement(measured.value, BAD, measured.at)\n",
        "                    pass\n",
        "",
        story="doubt",
    ),
    Defect(
        "a doubt does not end a test",
        "core/capacity_test/state.py",
        "    elif watch.doubt is not None:",
        "    elif False:",
        "",
        story="test",
    ),
    Defect(
        "a bad reading is taken for good",
        "model/readings.py",
        "        return self.quality is GOOD\n\n\nNO_MEASUREMENT",
        "        return True\n\n\nNO_MEASUREMENT",
        "bad reading",
        story="outage",
    ),
    # --- alarms and records ---
    Defect(
        "supply.lost is late",
        "model/alarms.py",
        '"The supply is lost.",\n        unit="V",\n        delay_s=10.0',
        '"The supply is lost.",\n        unit="V",\n        delay_s=100.0',
        "supply.lost",
        story="outage",
    ),
    Defect(
        "battery.low_voltage at 10 V",
        "model/chemistry.py",
        "    low_battery_v=11.0,",
        "    low_battery_v=10.0,",
        "low_voltage",
        story="lvd",
    ),
    Defect(
        "charger.lost never",
        "model/alarms.py",
        '"The charger is lost.",\n        unit="V",\n        delay_s=60.0',
        '"The charger is lost.",\n        unit="V",\n        delay_s=1e9',
        "charger.lost",
        story="limits",
    ),
    Defect(
        "guard.active never",
        "model/alarms.py",
        'alone does not.",\n        delay_s=60.0',
        'alone does not.",\n        delay_s=1e9',
        "guard.active",
        story="outage",
    ),
    Defect(
        "temperature.high never",
        "model/alarms.py",
        'hot.",\n        unit="°C",\n        delay_s=60.0',
        'hot.",\n        unit="°C",\n        delay_s=1e9',
        "temperature",
        story="limits",
    ),
    Defect(
        "lvd.open is no alarm",
        "core/machines/alarms.py",
        "return _flag(alarm, seen.lvd.is_open)",
        "return _flag(alarm, False)",
        "lvd.open",
        story="lvd",
    ),
    Defect(
        "alarms may flood",
        "core/machines/flood.py",
        "len(times) > MOST)",
        "False)",
        "raised",
        story="outage",
    ),
    Defect(
        "a test is judged by an aborted one",
        "core/capacity_test/verdict.py",
        "        made = Judgement(TestResult.ABORTED, test.reason)\n",
        "        made = Judgement(TestResult.NONE, test.reason)\n",
        "without a result",
        story="test",
    ),
    Defect(
        "an abort gives no reason",
        "core/capacity_test/sequence.py",
        "closed = abort(moved.test, moved.test.reason, ctx)",
        'closed = abort(moved.test, "", ctx)',
        "without a reason",
        story="test",
    ),
    # --- tests ---
    Defect(
        "the cutoff is at 9 V",
        "model/chemistry.py",
        "    cutoff_v=11.0,",
        "    cutoff_v=9.0,",
        "",
        story="test",
    ),
    Defect(
        "a test starts while a restart is due",
        "core/requests.py",
        "    if state.restart_at is None or isinstance(command, Note",
        "    if True or isinstance(command, Note",
        "restart",
        story="restart",
    ),
    Defect(
        "a change lands in a test",
        "core/requests.py",
        "    changes = {key: new[key] for key in new.differing(old)}",
        "    changes = {}",
        "shape",
        story="shape",
    ),
    Defect(
        "the plant's shape may change on battery",
        "core/requests.py",
        "        if state.test.is_on or state.on_battery:\n            where",
        "        if state.test.is_on:\n            where",
        "shape",
        story="shape",
    ),
    Defect(
        "battery and load are compared by half a volt only",
        "core/machines/plausible.py",
        "if drop.is_odd and feeds and battery is not None and load is not None:",
        "if False and battery is not None and load is not None:",
        "moved apart",
        story="mended",
    ),
    Defect(
        "a reading hangs when it has stood for four scans",
        "core/machines/motion.py",
        "        return chance <= CHANCE",
        "        return True",
        "",
        story="doubt",
    ),
)
