"""What a storm prints: the schedule before it, the table after it."""

import argparse
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

from tests.chaos.books import read_received
from tests.chaos.faults import FAULTS, Blow
from tests.chaos.storm import Course
from tests.chaos.town import Town
from tests.chaos.verdict import Verdict, standstills

SHOWN = 12


def print_schedule(
    given: argparse.Namespace, town: Town, blows: Sequence[Blow], lacking: Mapping[str, str]
) -> None:
    """Everything that a replay needs."""
    ground = "a machine for each" if town.ground.separate else "one machine"
    print(
        f"{given.form}: {given.recipients} recipients, seed {given.seed}, "
        f"{len(town.roles)} roles on {ground}, speed {given.speed:g}"
    )
    for name, why in lacking.items():
        print(f"  not run: {name}: {why}")
    for blow in blows:
        print(f"  {blow.after_seconds:6.1f} s  {blow.fault.name}")


def print_verdict(town: Town, course: Course, verdict: Verdict, lacking: Mapping[str, str]) -> None:
    received = ", ".join(f"{count} {name}" for name, count in sorted(verdict.received.items()))
    statuses = ", ".join(f"{count} {name}" for name, count in verdict.statuses.most_common())
    took = course.ended_at - course.began_at
    print(f"\n{verdict.recipients} recipients in {took.total_seconds():.0f} s; received {received}")
    print(f"deliveries: {statuses}")
    print(
        f"uncertain: {verdict.uncertain} at the end, all listed; {verdict.settled_doubts} settled; "
        f"{verdict.given_up} of both by the death of a process; "
        f"{verdict.hung_in_the_air} hung in the air at a blow"
    )
    print(f"letters that came again under their own Message-ID: {verdict.repeated_letters}")
    if course.writers:
        print(
            f"letters to us: {len(course.writers)}, the slowest answer after "
            f"{verdict.slowest_answer.total_seconds():.0f} s"
        )
    print(f"lists brought in by a clerk: {len(course.brought)}")
    fell = Counter({role.name: len(role.fell) for role in town.roles.values() if role.fell})
    if fell:
        print(f"roles that ended by themselves: {dict(fell)}")
    _print_by_kind(town, course, verdict, lacking)
    for name, lines in verdict.failures.items():
        print(f"\nBROKEN, {name}: {len(lines)}")
        for line in lines[:SHOWN]:
            print(f"  {line}")
    if not verdict.failures:
        print("\nthe books add up")


def _print_by_kind(
    town: Town, course: Course, verdict: Verdict, lacking: Mapping[str, str]
) -> None:
    strikes: Counter[str] = Counter(one.blow.fault.name for one in course.strikes)
    in_flight: defaultdict[str, int] = defaultdict(int)
    for one in course.strikes:
        in_flight[one.blow.fault.name] += one.leaves_doubt
    still = standstills(read_received(town.journal), course.strikes, course.ended_at)
    print(f"\n{'fault':<18}{'strikes':>8}{'in flight':>11}{'standstill':>12}  what it is")
    for name, fault in FAULTS.items():
        if name in lacking:
            print(f"{name:<18}{'-':>8}{'':>23}  not run: {lacking[name]}")
        elif strikes[name]:
            hung, stood = in_flight[name], still.get(name, timedelta()).total_seconds()
            print(f"{name:<18}{strikes[name]:>8}{hung:>11}{stood:>10.1f} s  {fault.about}")
    found = {name: verdict.count(name) for name in ("lost", "doubled", "outside the window")}
    found["uncertain"] = verdict.uncertain
    told = ", ".join(f"{name} {count}" for name, count in found.items())
    print(f"{'all':<18}{sum(strikes.values()):>8}   {told}")
