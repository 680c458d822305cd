"""Window decisions per second: `next_allowed` over eleven zones and a month of instants.

    python benchmarks/windows.py [--decisions 1000000]

Prints one JSON line: decisions, seconds, decisions per second, and the share of instants that had
to move (so that a run which only measured the easy case shows it).
"""

import argparse
import json
import random
import time
from datetime import UTC, datetime, timedelta

from campaigns.calendar import Holidays, next_allowed
from campaigns.scenario import STANDARD_WINDOW

ZONES = (
    "Europe/Kaliningrad",
    "Europe/Moscow",
    "Europe/Samara",
    "Asia/Yekaterinburg",
    "Asia/Omsk",
    "Asia/Novosibirsk",
    "Asia/Irkutsk",
    "Asia/Yakutsk",
    "Asia/Vladivostok",
    "Asia/Magadan",
    "Asia/Kamchatka",
)
START_AT = datetime(2026, 12, 15, tzinfo=UTC)


def measure(decisions: int, seed: int = 1) -> dict[str, float]:
    """Decide for `decisions` seeded random instants; the first call of each day fills the cache."""
    chance = random.Random(seed)
    instants = [START_AT + timedelta(seconds=chance.uniform(0, 30 * 86400)) for _ in range(10_000)]
    cases = [(at, chance.choice(ZONES)) for at in instants]
    holidays = Holidays()
    moved = 0
    started = time.perf_counter()
    for number in range(decisions):
        at, zone = cases[number % len(cases)]
        moved += next_allowed(at, zone, STANDARD_WINDOW, holidays) is not at
    seconds = time.perf_counter() - started
    return {
        "decisions": decisions,
        "seconds": round(seconds, 3),
        "decisions_per_second": round(decisions / seconds),
        "moved_share": round(moved / decisions, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    print(json.dumps(measure(parser.parse_args().decisions)))


if __name__ == "__main__":
    main()
