"""When reps in 12 zones are at work around both changes of the clocks, as Python's zoneinfo sees it.

    hours.py            writes expected.csv, which daemon/routing's unit tests compare with minute by minute
    hours.py --check    fails when the committed file is not what this machine's zoneinfo gives

A row: zone, hours (`day from until;...`, ISO days, minutes of the day), the start of the window around a
change (UTC), its length in minutes, whether the rep is at work in the first minute, and the minutes after the
start at which that turns.
"""

import csv
import io
import pathlib
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

HERE = pathlib.Path(__file__).parent
YEAR = 2026
WINDOW = 3 * 24 * 60

# Hours at which something happens: through the skipped and the repeated hour, over midnight, short
# stretches on both sides of the change, an office day, and a Sunday shift.
OFFICE = [(day, 540, 1020) for day in range(1, 6)]
NIGHT = [(day, 1320, 360) for day in range(1, 8)]
REPS = [
    ("Europe/Berlin", NIGHT),
    ("Europe/London", [(7, 60, 120), (1, 0, 30)] + OFFICE),
    ("Europe/Dublin", [(6, 1380, 90), (7, 91, 119)]),
    ("America/New_York", [(7, 90, 150), (7, 180, 181)] + OFFICE),
    ("America/St_Johns", [(6, 1439, 61), (7, 120, 180)]),
    ("America/Havana", [(6, 1410, 30), (7, 30, 90)]),
    ("America/Santiago", [(6, 1380, 75), (7, 75, 1440)]),
    ("Australia/Sydney", NIGHT),
    ("Australia/Lord_Howe", [(7, 105, 135), (7, 140, 150)]),
    ("Pacific/Auckland", [(6, 720, 180), (7, 185, 600)]),
    ("Pacific/Chatham", [(7, 160, 170), (7, 165 + 30, 240)]),
    ("Africa/Cairo", [(day, 0, 1440) for day in (4, 5)] + [(6, 0, 60)]),
]


def at_work(zone, hours, instant):
    local = instant.astimezone(zone)
    day, minute = local.isoweekday(), local.hour * 60 + local.minute
    for begin_day, start, end in hours:
        if end > start and day == begin_day and start <= minute < end:
            return True
        if end <= start and day == begin_day and minute >= start:
            return True
        if end <= start and day == begin_day % 7 + 1 and minute < end:
            return True
    return False


def changes(zone):
    """The UTC minutes of YEAR at which the offset changes."""
    instant, found = datetime(YEAR, 1, 1, tzinfo=timezone.utc), []
    while instant.year == YEAR:
        after = instant + timedelta(hours=1)
        if instant.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            found.append(after)
        instant = after
    return found


def rows():
    for name, hours in REPS:
        zone = ZoneInfo(name)
        found = changes(zone)
        assert len(found) == 2, (name, found)
        for change in found:
            start = change - timedelta(minutes=WINDOW // 2)
            states = [at_work(zone, hours, start + timedelta(minutes=n)) for n in range(WINDOW)]
            turns = [n for n in range(1, WINDOW) if states[n] != states[n - 1]]
            assert turns, name
            yield [
                name,
                ";".join(" ".join(map(str, stretch)) for stretch in hours),
                start.strftime("%Y-%m-%dT%H:%M:%SZ"),
                WINDOW,
                int(states[0]),
                " ".join(map(str, turns)),
            ]


def text():
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["zone", "hours", "start", "minutes", "first", "turns"])
    writer.writerows(rows())
    return out.getvalue()


if __name__ == "__main__":
    expected, now = HERE / "expected.csv", text()
    if sys.argv[1:] == ["--check"]:
        if expected.read_text() != now:
            sys.exit("expected.csv is not what zoneinfo gives here: look at the tz releases, then write it anew")
        print("24 passed, 0 failed")
    else:
        expected.write_text(now)
