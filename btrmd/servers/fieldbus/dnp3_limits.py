"""The limits of the DNP3 outstation: every number its device profile tells, in one place."""

from __future__ import annotations

from typing import Final

FRAGMENT: Final = 2048  # octets, both ways
SELECT_S: Final = 10.0
CONFIRM_S: Final = 10.0
MOST_HEADERS: Final = 64  # of one read; a real master sends a dozen
MOST_CONTROLS: Final = 16  # of one request; the map has ten points
ANSWER_S: Final = 2.0  # a settings change waits for the disk; opendnp3 gives up after 5 s
RESTART_MS: Final = (5_000, 30_000)  # what function 13 announces; back within 30 s

CAPACITY: Final = 200  # events; a full buffer drops its oldest and says so (IIN2.3)
FOR_EVER: Final = 255  # dnp3.retries, manual 10.1.2
SHORTEST_RETRY_S: Final = 1.0  # the setting's 0 would be a flood
RESUME_S: Final = 60.0  # after the last retry: the events are not forgotten, but there is no hurry

TCP_READ_HOLD_S: Final = 1.0  # a read behind an unconfirmed unsolicited response waits so long
SERIAL_READ_HOLD_S: Final = 3.0  # a confirmation takes longer over a slow line

# Group -> variation of a read that names none, and of class 0 (manual 12.3.3).
DEFAULTS: Final = {1: 2, 10: 2, 30: 4, 40: 2}
