"""Prints, for each time zone named, the minutes of work around each change of its clocks in 2026.

A line is: zone, the first minute (minutes since 1970), and a character for each minute of three days:
1 when the wall clock is in working hours, 0 when it is not.
"""

import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

# Every day, by the wall clock: minute of the day from, until; the last goes into the next day.
STRETCHES = [(10, 50), (90, 135), (160, 200), (540, 1020), (1395, 1445)]
MINUTE = timedelta(minutes=1)


def at_work(local):
    minute = local.hour * 60 + local.minute
    return any(start <= minute < end or start <= minute + 1440 < end for start, end in STRETCHES)


def changes(zone):
    at = datetime(2026, 1, 1, tzinfo=timezone.utc)
    while at.year == 2026:
        following = at + timedelta(hours=1)
        if at.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            yield at
        at = following


for name in sys.argv[1:]:
    zone = ZoneInfo(name)
    for change in changes(zone):
        first = change - timedelta(hours=36)
        bits = (at_work((first + n * MINUTE).astimezone(zone)) for n in range(3 * 1440))
        print(name, int(first.timestamp()) // 60, "".join("1" if bit else "0" for bit in bits))
