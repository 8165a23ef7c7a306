"""A false alarm is a defect: honest sites stand for hours without one."""

from __future__ import annotations

import pytest
from honest_sites import SITES, HonestSite, noisy, quiet

from btrmd.model.events import Kind

pytestmark = pytest.mark.long  # begun first


@pytest.mark.parametrize(
    ("name", "volts", "days"), [("quiet", 48, 0.12), ("generator", 12, 0.6), ("noisy", 24, 0.12)]
)
def test_an_honest_site_raises_nothing_without_a_cause(name: str, volts: int, days: float) -> None:
    site: HonestSite = SITES[name](5, volts)
    assert site.run(days) == []
    if name == "generator":
        raised = {event.key for event in site.station.events if event.kind is Kind.RAISE}
        assert raised == set(site.caused)


def test_a_site_that_is_not_honest_is_told_of() -> None:
    site = quiet(5, 12)
    site.put(fault__relay__k3="chatter")
    assert any(line.startswith("relay.k3") for line in site.run(0.01))
    site = noisy(5, 12)
    site.put(fault__reading__load__voltage="x0.78")
    assert any(line.startswith("reading.load.voltage") for line in site.run(0.01))
