"""The site's time zone: names the system knows, and no way to open other files by one."""

from __future__ import annotations

import pytest

from btrmd.model.errors import SettingError
from btrmd.model.settings import Settings
from btrmd.model.timezone import find_zone, local_time

AT = 1_780_000_000.0  # 2026-05-28 20:26:40 UTC


def test_summer_and_winter() -> None:
    assert f"{local_time(AT, 'Europe/Berlin'):%H:%M}" == "22:26"
    assert f"{local_time(AT - 150 * 86400, 'Europe/Berlin'):%H:%M}" == "21:26"
    assert f"{local_time(AT, ''):%H:%M}" == "20:26"


@pytest.mark.parametrize(
    "name",
    ["Berlin/Europe", "../etc/passwd", "/etc/passwd", "x" * 60, "Europe/Bérlin", ".", "a\0b"],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    assert find_zone(name) is None
    with pytest.raises(SettingError, match="a time zone such as Europe/Berlin"):
        Settings.defaults().with_changes({"site.timezone": name[:48]})
