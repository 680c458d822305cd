"""How long what is kept: the house's terms, and whether they are over. Pure decisions.

Federal law 152-FZ, article 5 part 7: personal data are kept no longer than their purpose asks for;
article 21 part 4: then they are destroyed or made anonymous. The purpose of a service notice
outlives the campaign by the three years in which its customer or the supplier may still go to court
over it (Civil Code, article 196); that of an advertisement by the year in which its lawfulness may
be questioned (Code of Administrative Offences, article 4.5).
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.channel import Purpose
from dispatcher.ledger.erasure import Used

DEFAULT_MONTHS: Mapping[Purpose, int] = {
    Purpose.SERVICE: 36,
    Purpose.EMERGENCY: 36,
    Purpose.MARKETING: 12,
    Purpose.SURVEY: 12,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """In months. `archive` and `letters` may be 0: never.

    `quiet` is the longest time for which a scenario leaves alone whom it has reached. Nobody can
    tell who that was once attempts have moved or a customer was erased, so both wait for it.
    """

    purposes: Mapping[Purpose, int]
    letters: int
    archive: int
    quiet: timedelta = timedelta(0)

    def months_of(self, purpose: Purpose) -> int:
        return self.purposes.get(purpose, DEFAULT_MONTHS[purpose])

    def closed_before(self, now: datetime, months: int) -> datetime:
        """Campaigns that ended before then are old by a term of so many months."""
        return min(months_before(now, months), now - self.quiet)


def months_before(at: datetime, months: int) -> datetime:
    """The same day and hour so many months earlier; the last day of a shorter month."""
    year, month = divmod(at.year * 12 + at.month - 1 - months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return at.replace(year=year, month=month + 1, day=min(at.day, last))


def is_over(used: Used, purposes: Mapping[int, Purpose], terms: Terms, now: datetime) -> bool:
    """Whether the terms of all that a list was used for are over; `purposes` by scenario.

    One that was never used is kept as for a service: nobody knows what it was for.
    """
    if not used.campaigns:
        return used.imported_at < months_before(now, terms.months_of(Purpose.SERVICE))
    return all(
        closed_at is not None
        and closed_at < terms.closed_before(now, terms.months_of(purposes[scenario_id]))
        for _campaign, scenario_id, closed_at in used.campaigns
    )
