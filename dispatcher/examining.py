"""Before a launch: every call and SMS of the plan is worded and measured.

What cannot be said within a minute, does not fit into 160 characters or cannot be worded at all is
found here, by staff, with the account and the reason; not later, by a customer.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from campaigns.channel import ChannelName
from campaigns.content import CallContent, SmsContent
from campaigns.recipient import Recipient
from campaigns.scenario import SameContact
from dispatcher.compose import content_of
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, audiences, deliveries, groups
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.deliveries import Delivery
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.tokens import attempt_key
from dispatcher.voices import Voice, VoiceBroken
from templates.call import CallScript, Fragment, Say, seconds_of
from templates.errors import EmptyText, MissingValue, RenderError, TooLong, TooManyAccounts
from templates.i18n import ngettext
from templates.sms import measure
from templates.speech import CALL_LIMIT_SECONDS, SENDING_LIMIT_SECONDS

CHUNK = 1000
# Texts that cannot go are counted all and listed up to here.
LISTED = 10_000
# How many of the longest calls are really spoken to be measured.
SPOKEN = 5
EXAMINED = (ChannelName.PHONE, ChannelName.SMS)


@dataclass(frozen=True, slots=True)
class Unfit:
    """One message of the plan that cannot go as it is.

    `code` is too_long, missing_value, unfit_value, empty_text or too_many_accounts. `measured` are
    characters or seconds; `fields` name what makes the text long, longest first, with characters.
    """

    channel: ChannelName
    account_number: str
    code: str
    measured: float | None = None
    name: str = ""
    fields: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class SmsFigures:
    """The plan's SMS in numbers."""

    texts: int = 0
    longest: int = 0
    encodings: Counter[str] = field(default_factory=Counter)
    parts: Counter[int] = field(default_factory=Counter)  # how many texts go in so many parts

    @property
    def parts_in_all(self) -> int:
        return sum(parts * texts for parts, texts in self.parts.items())

    def cost_kopecks(self, price_kopecks: int) -> int:
        return self.parts_in_all * price_kopecks


@dataclass(slots=True)
class CallFigures:
    """The plan's calls in numbers; `phrases` are those of the longest, with their seconds."""

    texts: int = 0
    longest_seconds: float = 0.0
    phrases: tuple[tuple[str, float], ...] = ()
    voice: str = ""  # the engine that spoke it; empty: an estimate


@dataclass(slots=True)
class Examination:
    sms: SmsFigures = field(default_factory=SmsFigures)
    calls: CallFigures = field(default_factory=CallFigures)
    unfit: list[Unfit] = field(default_factory=list)
    unfit_count: int = 0

    def complain(self, one: Unfit) -> None:
        self.unfit_count += 1
        if len(self.unfit) < LISTED:
            self.unfit.append(one)


class TextsUnfit(NotPossible):
    """A launch that was refused for what it would have said; `examination` lists whom and why."""

    def __init__(self, examination: Examination) -> None:
        self.examination = examination
        super().__init__(
            ngettext(
                "{count} message cannot go as it is. Nothing was launched.",
                "{count} messages cannot go as they are. Nothing was launched.",
                examination.unfit_count,
            ).format(count=examination.unfit_count)
        )


def examine(
    engine: Engine,
    campaign: Campaign,
    voice: Voice | None,
    told: Callable[[int], None] = lambda _done: None,
) -> Examination:
    """Word and measure what the campaign plans to say. `told` hears how many texts are done."""
    found = Examination()
    longest: list[tuple[float, int, str, CallScript]] = []
    done = 0
    with engine.ledger.read() as tx:
        stored = engine.scenario(tx, campaign.scenario_id)
    for channel in (c for c in EXAMINED if c in stored.scenario.channels):
        last_id = 0
        while True:
            with engine.ledger.read() as tx:
                rows = deliveries.pending_after(tx, campaign.id, channel, last_id, CHUNK)
                if not rows:
                    break
                people = _accounts(tx, stored, campaign, channel, rows)
            for row in rows:
                _examine_one(engine, stored, channel, row, people[row.id], voice, found, longest)
            last_id = rows[-1].id
            done += len(rows)
            told(done)
    _measure_calls(longest, voice, found)
    return found


def _accounts(
    tx: Transaction,
    stored: StoredScenario,
    campaign: Campaign,
    channel: ChannelName,
    rows: Sequence[Delivery],
) -> Mapping[int, Sequence[Recipient]]:
    """The accounts each message speaks of, its lead first: as at the instant of sending."""
    leads = [row.recipient_id for row in rows]
    merges = stored.scenario.joins is SameContact.MERGE
    members = groups.members(tx, campaign.id, channel, leads) if merges else {}
    joined = [member.recipient_id for group in members.values() for member in group]
    people = audiences.get_many(tx, [*leads, *joined])
    return {
        row.id: [
            people[row.recipient_id],
            *(people[m.recipient_id] for m in members.get(row.recipient_id, ())),
        ]
        for row in rows
    }


def _examine_one(
    engine: Engine,
    stored: StoredScenario,
    channel: ChannelName,
    row: Delivery,
    accounts: Sequence[Recipient],
    voice: Voice | None,
    found: Examination,
    longest: list[tuple[float, int, str, CallScript]],
) -> None:
    account_number = accounts[0].account_number
    try:
        content = content_of(
            engine, stored, channel, accounts, attempt_key(row.id, 1), SENDING_LIMIT_SECONDS
        )
    except RenderError as error:
        found.complain(_unfit(channel, account_number, error))
        return
    if isinstance(content, SmsContent):
        shape = measure(content.text)
        found.sms.texts += 1
        found.sms.longest = max(found.sms.longest, shape.characters)
        found.sms.encodings[shape.encoding.value] += 1
        found.sms.parts[len(shape.parts)] += 1
    elif isinstance(content, CallContent):
        seconds = content.script.total_seconds
        found.calls.texts += 1
        if voice is None and seconds > CALL_LIMIT_SECONDS:
            found.complain(Unfit(channel, account_number, "too_long", seconds))
        entry = (seconds, row.id, account_number, content.script)
        if len(longest) < SPOKEN:
            heapq.heappush(longest, entry)
        else:
            heapq.heappushpop(longest, entry)


def _unfit(channel: ChannelName, account_number: str, error: RenderError) -> Unfit:
    if isinstance(error, TooLong):
        fields = tuple(getattr(error, "fields", ()))
        return Unfit(channel, account_number, "too_long", error.measured, fields=fields)
    if isinstance(error, MissingValue):
        return Unfit(channel, account_number, "missing_value", name=error.name)
    if isinstance(error, EmptyText):
        return Unfit(channel, account_number, "empty_text")
    if isinstance(error, TooManyAccounts):
        return Unfit(channel, account_number, "too_many_accounts", float(error.accounts))
    return Unfit(channel, account_number, "unfit_value", name=getattr(error, "filter_name", ""))


def _measure_calls(
    longest: Sequence[tuple[float, int, str, CallScript]], voice: Voice | None, found: Examination
) -> None:
    """Speak the calls that are the longest by the estimate, where there is a voice."""
    for estimate, _id, account_number, script in sorted(longest, reverse=True):
        seconds, used = estimate, ""
        if voice is not None:
            try:
                seconds, used = spoken_seconds(script, voice), voice.name
            except VoiceBroken:
                voice = None
            if seconds > CALL_LIMIT_SECONDS:
                found.complain(Unfit(ChannelName.PHONE, account_number, "too_long", seconds))
        if seconds > found.calls.longest_seconds:
            found.calls.longest_seconds, found.calls.voice = seconds, used
            found.calls.phrases = phrases_with_seconds(script, voice)


def spoken_seconds(script: CallScript, voice: Voice) -> float:
    """How long the call lasts in this voice. Raises VoiceBroken."""
    return seconds_of(script.spoken, lambda text: voice.seconds(text, script.language))


def phrases_with_seconds(script: CallScript, voice: Voice | None) -> tuple[tuple[str, float], ...]:
    """What is said and played, piece by piece, with how long it lasts. Raises VoiceBroken."""
    return tuple((words(one), _seconds(one, script, voice)) for one in script.spoken)


def _seconds(fragment: Fragment, script: CallScript, voice: Voice | None) -> float:
    if voice is None:
        return seconds_of([fragment])
    return round(seconds_of([fragment], lambda text: voice.seconds(text, script.language)), 1)


def words(fragment: Fragment) -> str:
    """A fragment as a list shows it."""
    return fragment.text if isinstance(fragment, Say) else f"♪ {fragment.name}"
