"""The proof of notification: what a customer was told, line by line, for paper.

Every value is the ledger's own; nothing is rounded, counted from a counter, or filled in. What the
ledger does not know stays empty and is said to be unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.channel import ChannelName
from dispatcher.ledger.lookup import Row
from dispatcher.logs import mask
from dispatcher.report.words import channels, outcomes, word
from dispatcher.story.customer import Said
from dispatcher.story.texts import Words
from dispatcher.story.times import exact_local, exact_utc
from dispatcher.story.words import no_words
from templates.i18n import _


@dataclass(frozen=True, slots=True)
class Line:
    """One attempt. Empty: the ledger does not know it. `text_number` is the words' in the annex."""

    number: int
    campaign_id: int
    campaign_title: str
    scenario: str
    channel: str
    contact_point: str
    began_local: str
    began_utc: str
    ended_local: str
    ended_utc: str
    result: str
    is_positive: bool
    is_known: bool  # whether anything is known of what came of it
    provider: str
    reference: str
    sends: int
    text_number: int


@dataclass(frozen=True, slots=True)
class Annex:
    """The words of some attempts. `missing` says why they are not there."""

    number: int
    channel: str
    scenario: str
    words: Words
    missing: str


@dataclass(frozen=True, slots=True)
class Paper:
    row: Row
    lines: Sequence[Line]
    annexes: Sequence[Annex]
    is_masked: bool
    campaign_id: int | None

    @property
    def positive(self) -> int:
        return sum(line.is_positive for line in self.lines)


def paper_of(
    rows: Sequence[Row], said: Sequence[Said], *, campaign_id: int | None, is_masked: bool
) -> Paper:
    """What was said to a customer, the oldest first; of one campaign only, if that is asked for."""
    lines: list[Line] = []
    numbers: dict[tuple[int, ChannelName, Words], int] = {}
    chosen = [one for one in said if campaign_id in (None, one.campaign.id)]
    for one in reversed(chosen):
        key = (one.campaign.scenario_id, one.told.attempt.channel, one.words)
        text_number = numbers.setdefault(key, len(numbers) + 1)
        lines.append(_line(len(lines) + 1, one, text_number, is_masked=is_masked))
    scenarios = {one.campaign.scenario_id: _scenario(one) for one in chosen}
    annexes = [
        Annex(
            number,
            word(channels, channel),
            scenarios[scenario_id],
            words,
            no_words(words.missing) if words.missing else "",
        )
        for (scenario_id, channel, words), number in numbers.items()
    ]
    return Paper(rows[0], lines, annexes, is_masked, campaign_id)


def _line(number: int, one: Said, text_number: int, *, is_masked: bool) -> Line:
    attempt, campaign = one.told.attempt, one.campaign
    point = attempt.contact_point
    ended_at = attempt.ended_at
    return Line(
        number=number,
        campaign_id=campaign.id,
        campaign_title=campaign.title,
        scenario=_scenario(one),
        channel=word(channels, attempt.channel),
        contact_point=(mask(point) if is_masked else point) if point else _("erased"),
        began_local=exact_local(attempt.started_at, attempt.zone),
        began_utc=exact_utc(attempt.started_at),
        ended_local=exact_local(ended_at, attempt.zone) if ended_at else "",
        ended_utc=exact_utc(ended_at) if ended_at else "",
        result=word(outcomes, attempt.outcome),
        is_positive=attempt.positive is True,
        is_known=attempt.outcome is not None,
        provider=attempt.provider,
        reference=attempt.reference or "",
        sends=attempt.sends,
        text_number=text_number,
    )


def _scenario(one: Said) -> str:
    return _("{name}, version {version}").format(
        name=one.campaign.scenario_name, version=one.campaign.scenario_version
    )
