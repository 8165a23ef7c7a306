"""Losses: settings and a history that are gone are told until somebody acts on it."""

from __future__ import annotations

import pytest
from core_scenes import Bench, rested

from btrmd.core.losses import restored, without
from btrmd.model.commands import AckAlarm, NoteLoss, StartTest
from btrmd.model.events import Kind


@pytest.mark.parametrize("key", ["storage", "settings.defaults"])
def test_what_the_disk_has_lost_is_an_alarm_until_somebody_acknowledges_it(key: str) -> None:
    station = rested()
    station.settings_ok = key != "settings.defaults"
    assert station.ask(NoteLoss(key, "A is gone.")).ok
    station.run(2.0)
    assert station.state.alarms.raised[key].text == "A is gone."
    assert [e.text for e in station.events if e.key == key and e.notify] == ["A is gone."]
    refused = station.ask(StartTest("1", source="x"))
    assert refused.ok is not (key == "storage")  # a relay that had failed forbids none any more
    station.settings_ok = True
    station.crash(5.0)
    assert station.state.losses == {key: "A is gone."}
    station.run(30.0)
    assert station.state.alarms.keys == (key,)
    assert len([e for e in station.events if e.key == key and e.kind is Kind.RAISE]) == 1
    assert station.ask(AckAlarm(key, "x")).ok
    station.run(5.0)
    assert station.state.alarms.keys == ()
    assert station.events[-1].text == "Cleared: A is gone."
    station.crash(5.0)
    station.run(30.0)
    assert station.state.alarms.keys == ()


def test_another_loss_is_told_anew_and_a_disk_that_refuses_hides_none() -> None:
    bench = Bench()
    bench.run(20.0)
    for text in ("A is gone.", "A is gone.", "B is gone."):
        bench.ask(NoteLoss("storage", text))
        bench.run(2.0)
    raised = [event.text for event in bench.reported("storage") if event.kind is Kind.RAISE]
    assert raised == ["A is gone.", "B is gone."]
    bench.put(storage_ok=False)
    bench.ask(AckAlarm("storage", "x"))
    bench.run(2.0)
    assert bench.alarms == ("storage",), "the disk still refuses"
    bench.free("storage_ok")
    bench.run(2.0)
    assert bench.alarms == ()


def test_a_changed_setting_is_an_act_on_lost_settings_only() -> None:
    bench = Bench()
    bench.put(settings_ok=False)
    bench.ask(NoteLoss("settings.defaults", "Lost."))
    bench.ask(NoteLoss("storage", "Gone."))
    bench.run(2.0)
    assert set(bench.alarms) == {"storage", "settings.defaults"}
    assert not bench.state.has_settings_file
    bench.change(site__location="Shed")
    bench.run(2.0)
    assert bench.alarms == ("storage",)
    assert bench.state.has_settings_file


def test_what_is_stored_of_losses_is_read_with_care() -> None:
    assert restored({"storage": "A.", "settings.defaults": 5, "x": "B."}) == {"storage": "A."}
    assert restored(None) == restored([1]) == {}
    losses = {"storage": "A."}
    assert without(losses, "storage") == {}
    assert without(losses, "clock") is losses
