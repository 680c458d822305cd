"""When a window opens with 100,000 waiting before it: the first message, and none outside.

    python benchmarks/opening_hour.py [--waiting 100000] [--channel email|sms]

PostgreSQL, Redis, one loop and two workers, each a process of the command line. A campaign waits
for a window of one minute, which opens at the next full minute but one. The receiving server, a
process of its own, notes when each message came: its MAIL FROM, or its request. Told are the first
and the last one, how many came before the opening and after the close, and what the ledger says of
its attempts. An SMS is answered after `--latency` seconds, a letter at once.

The customers live where it is about noon: SMS may go there, but not on a public holiday.

The close is looked at on our side, an instant before a message goes; what was under way then may be
read by the server a moment later. Such messages are counted, and by how much the latest was late.
Exit code 1 when a limit is not kept.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from house import (
    add_scenario,
    analyse,
    daytime_zone,
    house,
    look,
    mail_settings,
    waiting_in,
    write_audience,
)
from measuring import Stopwatch, show
from receiving import Came, Receiver, came_to, running_receiver, sms_settings

FIRST_SECONDS = 1.0
# From the last look at the clock to the instant at which a busy server has read the first line.
ON_THE_WAY_SECONDS = 0.1
# What is under way at the close is answered and written down within so long.
AFTERWARDS_SECONDS = 10.0

SCENARIO = """
name = "opening"
title = "Час открытия"
purpose = "service"
same_contact = "separate"
fields = ["debt_kopecks"]

[channels.{channel}]
template = "debt-reminder"
window = {{ from = "{opens:%H:%M}", until = "{closes:%H:%M}" }}
"""


@dataclass(frozen=True)
class Minute:
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True)
class Found:
    """Seconds are counted from the opening."""

    planning_seconds: float
    came: Sequence[Came]
    begun_early: int  # attempts, as the ledger says
    begun_late: int
    answered_late: int
    attempts: int
    waiting: int
    first_judged: float | None  # when the first attempt was written down


def next_minute(now: datetime) -> Minute:
    """The next full minute but one: there is at least a minute to plan in."""
    opens_at = now.replace(second=0, microsecond=0) + timedelta(minutes=2)
    return Minute(opens_at, opens_at + timedelta(minutes=1))


def measure(folder: Path, receiver: Receiver, channel: str, waiting: int) -> Found:
    from dispatcher import campaigning
    from dispatcher.importing import import_audience

    is_sms, zone = channel == "sms", daytime_zone()
    settings = (
        sms_settings("twilio", receiver.http_port) if is_sms else mail_settings(receiver.smtp_port)
    )
    with house(folder, settings | {"DISPATCHER_ZONE": zone}) as home:
        engine = home.engine()
        people = folder / "people.csv"
        contact = "Телефон" if is_sms else "E-mail"
        write_audience(people, waiting, contact=contact, zone=zone)
        import_audience(engine, people, "people", "b", mapping={})
        analyse(engine)
        home.start("loop", "loop")
        for number in (1, 2):
            home.start(f"worker {number}", "worker", "--queue", f"send-{channel}")
        minute = next_minute(datetime.now(UTC))
        opens, closes = (
            at.astimezone(ZoneInfo(zone)) for at in (minute.opens_at, minute.closes_at)
        )
        add_scenario(engine, folder, SCENARIO.format(channel=channel, opens=opens, closes=closes))
        with Stopwatch() as planning:
            campaign = campaigning.launch(engine, "opening", "people", "b")
        if datetime.now(UTC) >= minute.opens_at:
            raise SystemExit(f"planning took {planning.seconds:.0f} s: the window is open already")
        print(
            f"planned in {planning.seconds:.1f} s; the window opens at {opens:%H:%M} in {zone}",
            flush=True,
        )
        while (left := _seconds_until(minute.closes_at) + AFTERWARDS_SECONDS) > 0:
            time.sleep(min(left, 1.0))
            home.need_all()
        opened, closed = (f"'{at.isoformat()}'" for at in (minute.opens_at, minute.closes_at))
        found = Found(
            planning.seconds,
            [_counted_from(minute.opens_at, one) for one in came_to(receiver.http_port)],
            begun_early=_attempts(engine, f"started_at < {opened}"),
            begun_late=_attempts(engine, f"started_at >= {closed}"),
            answered_late=_attempts(engine, f"handed_at >= {closed}"),
            attempts=_attempts(engine, "true"),
            waiting=waiting_in(engine, campaign.id),
            first_judged=look(
                engine,
                f"SELECT CAST(extract(epoch FROM min(started_at) - {opened}) AS float)"
                " FROM attempts",
            ),
        )
        engine.ledger.close()
    return found


def _attempts(engine: Any, condition: str) -> int:
    return int(look(engine, f"SELECT count(*) FROM attempts WHERE {condition}"))


def _seconds_until(instant: datetime) -> float:
    return (instant - datetime.now(UTC)).total_seconds()


def _counted_from(instant: datetime, one: Came) -> Came:
    """From the monotonic clock to seconds since an instant of the wall clock."""
    zero = time.monotonic() + _seconds_until(instant)
    return Came(one.begun - zero, None if one.ended is None else one.ended - zero)


def tell(found: Found, channel: str, waiting: int) -> bool:
    """A table, and whether every limit was kept."""
    begun = sorted(one.begun for one in found.came)
    if not begun:
        print("BROKEN  no message came at all")
        return False
    minute_seconds = 60.0
    early = sum(at < 0 for at in begun)
    after = [at - minute_seconds for at in begun if at >= minute_seconds]
    first_whole = min((one.ended for one in found.came if one.ended is not None), default=None)
    row: dict[str, Any] = {
        "channel": channel,
        "first judged s": "" if found.first_judged is None else round(found.first_judged, 3),
        "first begun s": round(begun[0], 3),
        "first whole s": "" if first_whole is None else round(first_whole, 3),
        "last begun s": round(begun[-1], 3),
        "in the minute": len(begun) - early - len(after),
        "early": early,
        "after the close": len(after),
        "still waiting": found.waiting,
    }
    show(f"{waiting:,} wait for a window of one minute", [row])
    latest_ms = max(after, default=0.0) * 1000
    verdicts = {
        f"first message {begun[0]:.3f} s after the opening, {FIRST_SECONDS:.0f} at most": (
            0 <= begun[0] <= FIRST_SECONDS
        ),
        f"messages before the opening: {early}": not early,
        f"messages begun after the close: {sum(at > ON_THE_WAY_SECONDS for at in after)}; "
        f"on their way when it closed: {len(after)}, the latest read {latest_ms:.0f} ms later": (
            latest_ms <= ON_THE_WAY_SECONDS * 1000
        ),
        f"attempts begun outside, by the ledger: {found.begun_early} early, "
        f"{found.begun_late} late": not (found.begun_early or found.begun_late),
        f"messages that came and attempts written down: {len(begun)} and {found.attempts}": (
            len(begun) == found.attempts
        ),
    }
    print(f"answered after the close, by the ledger: {found.answered_late}")
    for verdict, is_kept in verdicts.items():
        print(f"{'kept  ' if is_kept else 'BROKEN'}  {verdict}")
    return all(verdicts.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, default=100_000)
    parser.add_argument("--channel", choices=("email", "sms"), default="email")
    parser.add_argument("--latency", type=float, default=0.2)
    options = parser.parse_args()
    with running_receiver(options.latency) as receiver, tempfile.TemporaryDirectory() as name:
        found = measure(Path(name), receiver, options.channel, options.waiting)
    if not tell(found, options.channel, options.waiting):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
