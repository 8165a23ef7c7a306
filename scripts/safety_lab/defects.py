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
    # held by tests/core/test_core_remembered.py.
    Defect(
        "a carried outage is forgotten over a restart",
        "core/persist.py",
        'if data.get("carried") is True or interrupted:',
        "if False:",
        "dropped",
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
        "core/lvd.py",
        "if abs(battery.value - load.value) <= apart:",
        "if True:",
        "dropped",
        story="doubt",
    ),
    Defect(
        "an idle battery is cut off by one witness",
        "core/lvd.py",
        "return charger.good and abs(charger.value - battery.value) <= apart",
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
        "core/lvd.py",
        "OPEN_S = 10.0",
        "OPEN_S = 60.0",
        "LVD lets",
        story="lvd",
    ),
    Defect(
        "the LVD never closes",
        "core/lvd.py",
        "if now - lvd.high_since >= CLOSE_S:",
        "if False:",
        "dropped",
        story="lvd",
    ),
    Defect(
        "the LVD believes a bad reading",
        "core/lvd.py",
        "if not battery.good:\n        return None",
        "if False:\n        return None",
        "bad reading",
        story="lvd",
    ),
    # --- UPS mode and the way back ---
    Defect(
        "K3 is pulled without proof",
        "core/outputs.py",
        "return proven or outputs.k3",
        "return True",
        "dropped",
        story="path",
    ),
    Defect(
        "the load is proven without its current",
        "core/outputs.py",
        "return inputs.load_a.value < 0.2 or inputs.supply_a.value >= 0.8 * inputs.load_a.value",
        "return True",
        "dropped",
        story="path",
    ),
    Defect(
        "the load is proven with the guard up",
        "core/outputs.py",
        "or outputs.k1 or inputs.guard is not False:",
        "or outputs.k1:",
        "dropped",
        story="path",
    ),
    Defect(
        "the supply is never tried again",
        "core/transfer.py",
        ">= transfer.wait_s:\n",
        ">= 1e9:\n",
        "left on the battery",
        story="outage",
    ),
    Defect(
        "the wait after a failed return does not grow",
        "core/transfer.py",
        "wait = min(2.0 * waited_s, LONGEST_WAIT_S)",
        "wait = 10.0",
        "",
        story="outage",
    ),
    Defect(
        "UPS mode does not move the load",
        "core/transfer.py",
        "    if guarded or unseen or (low >= LOW_TICKS and helps):",
        "    if False:",
        "",
        story="outage",
    ),
    Defect(
        "a test that ends in an outage lets go",
        "core/test/sequence.py",
        "return Moved(IDLE, Handover.CARRY, closed=close(test, judge(test, ctx), ctx))\n",
        "return Moved(IDLE, Handover.RETURN, closed=close(test, judge(test, ctx), ctx))\n",
        "",
        story="test",
    ),
    Defect(
        "K2 stays on after a test",
        "core/test/sequence.py",
        "since=ctx.now, k2=False)\n    if lasted",
        "since=ctx.now)\n    if lasted",
        "",
        story="test",
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
        "core/onbattery.py",
        "    if _for(flows_since, FLOWS_S, now) or lately or still:",
        "    if False:",
        "is false",
        story="outage",
    ),
    Defect(
        "on battery sticks",
        "core/onbattery.py",
        "    made = OnBattery(on, flows_since",
        "    on = on or was.on\n    made = OnBattery(on, flows_since",
        "K1 is off",
        story="outage",
    ),
    Defect(
        "no outage is recorded",
        "core/outage_record.py",
        "    lasting = state.on_battery or state.in_outage",
        "    lasting = False",
        "no outage",
        story="outage",
    ),
    # --- relays ---
    Defect(
        "K1's evidence is turned around",
        "core/evidence.py",
        "    return path >= 0.6 * load and supply <= 0.4 * load + flows.hat"
        " and path - supply > doubt",
        "    return supply > 2.0 * load",
        "relay.k1",
        story="outage",
    ),
    Defect(
        "K2 is watched by a wide gap only",
        "core/evidence.py",
        "    return gap > GAP_V * sp.blocks or recharge.is_overdue",
        "    return gap > 4.0 * sp.blocks",
        "relay.k2",
        story="test",
    ),
    Defect(
        "K3's line is not looked at",
        "core/evidence.py",
        "    return not inputs.batt_path and not ctx.flows.carries",
        "    return False",
        "relay.k3",
        story="path",
    ),
    Defect(
        "a relay fault is not latched",
        "core/relaywatch.py",
        "faulty = contact.faulty or seconds >= CONFIRM_S - 1e-6",
        "faulty = False",
        "relay.k",
        story="outage",
    ),
    # --- readings ---
    Defect(
        "nobody judges the readings",
        "core/odd_one.py",
        "            if liar is not None:\n                odd =",
        "            if False:\n                odd =",
        "",
        story="lie",
    ),
    Defect(
        "the honest end is blamed",
        "core/odd_one.py",
        "        return first if is_first else second\n",
        "        return second if is_first else first\n",
        "",
        story="lie",
    ),
    Defect(
        "what is odd stays believed",
        "core/plausible_state.py",
        "                    changed[name] = Measurement(measured.value, BAD, measured.at)\n",
        "                    pass\n",
        "",
        story="doubt",
    ),
    Defect(
        "a doubt does not end a test",
        "core/test/state.py",
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
        "core/alarms.py",
        "return _flag(alarm, seen.lvd.is_open)",
        "return _flag(alarm, False)",
        "lvd.open",
        story="lvd",
    ),
    Defect(
        "alarms may flood",
        "core/flood.py",
        "len(times) > MOST)",
        "False)",
        "raised",
        story="outage",
    ),
    Defect(
        "a test is judged by an aborted one",
        "core/verdict.py",
        "        made = Judgement(TestResult.ABORTED, test.reason)\n",
        "        made = Judgement(TestResult.NONE, test.reason)\n",
        "without a result",
        story="test",
    ),
    Defect(
        "an abort gives no reason",
        "core/test/sequence.py",
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
)
