"""Before a launch: every call and SMS of the plan is worded and measured.

What cannot be said within a minute, does not fit into 160 characters or cannot be worded at all is
found here, by staff, with the account and the reason; not later, by a customer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from campaigns.channel import ChannelName
from campaigns.content import CallContent, Content, SmsContent
from campaigns.delivery import Status
from campaigns.recipient import Recipient
from campaigns.scenario import SameContact
from dispatcher.compose import content_of
from dispatcher.engine import Engine
from dispatcher.examination import Examination, SmsFigures, Unfit, unfit_of
from dispatcher.ledger import Transaction, audiences, deliveries, groups
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.deliveries import Change, Delivery
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.tokens import attempt_key
from dispatcher.voices import Voice, VoiceBroken
from templates.call import CallScript, Fragment, Say, seconds_of
from templates.errors import RenderError
from templates.sms import measure
from templates.speech import CALL_LIMIT_SECONDS, SENDING_LIMIT_SECONDS

log = structlog.get_logger()

CHUNK = 1000
UNFIT = "words: unfit"  # why a delivery ended that was left out of a launch
# Besides the longest, calls below this by the estimate are not measured: no voice is so slow.
WORTH_SPEAKING = 0.5 * CALL_LIMIT_SECONDS
# So many calls are spoken at most; what they teach of the voice's pace goes for the others.
SPOKEN = 100
# The estimate orders the calls roughly: so many short ones in a row end the search.
SHORT_IN_A_ROW = 5
EXAMINED = (ChannelName.PHONE, ChannelName.SMS)


def examine(
    engine: Engine,
    campaign: Campaign,
    voice: Voice | None,
    told: Callable[[int], None] = lambda _done: None,
) -> Examination:
    """Word and measure what the campaign plans to say. `told` hears how many texts are done."""
    found = Examination()
    done = 0
    with engine.ledger.read() as tx:
        stored = engine.scenario(tx, campaign.scenario_id)
    calls = _Calls(engine, stored, campaign, voice, found)
    for channel in (c for c in EXAMINED if c in stored.scenario.channels):
        last_id = 0
        while True:
            with engine.ledger.read() as tx:
                rows = deliveries.pending_after(tx, campaign.id, channel, last_id, CHUNK)
                if not rows:
                    break
                people = _accounts(tx, stored, campaign, channel, rows)
            for row in rows:
                content = _worded(engine, stored, row, people[row.id], found)
                if isinstance(content, SmsContent):
                    _count_sms(content, found.sms)
                elif isinstance(content, CallContent):
                    calls.take(row, people[row.id][0].account_number, content.script)
            last_id = rows[-1].id
            done += len(rows)
            told(done)
    calls.measure()
    return found


def leave_out(tx: Transaction, found: Examination) -> None:
    """Those whose message cannot go get none: their deliveries end before they begin."""
    for start in range(0, len(found.unfit_ids), CHUNK):
        rows = deliveries.lock(tx, found.unfit_ids[start : start + CHUNK]).values()
        deliveries.change(
            tx,
            [
                Change(row.id, row.status, Status.GIVEN_UP, UNFIT)
                for row in rows
                if row.status is Status.PENDING
            ],
        )


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


def _worded(
    engine: Engine,
    stored: StoredScenario,
    row: Delivery,
    accounts: Sequence[Recipient],
    found: Examination,
) -> Content | None:
    """The words of a planned message; None, and a complaint, when they cannot be made."""
    key = attempt_key(row.id, 1)
    try:
        return content_of(engine, stored, row.channel, accounts, key, SENDING_LIMIT_SECONDS)
    except RenderError as error:
        found.complain(unfit_of(row.channel, row.id, accounts[0].account_number, error))
        return None


def _count_sms(content: SmsContent, figures: SmsFigures) -> None:
    shape = measure(content.text)
    figures.texts += 1
    figures.longest = max(figures.longest, shape.characters)
    figures.encodings[shape.encoding.value] += 1
    figures.parts[len(shape.parts)] += 1


@dataclass(slots=True)
class _Calls:
    """The plan's calls: the long ones are remembered by their estimate, and then spoken."""

    engine: Engine
    stored: StoredScenario
    campaign: Campaign
    voice: Voice | None
    found: Examination
    _long: list[tuple[float, int]] = field(default_factory=list)  # seconds, delivery
    _longest: CallScript | None = None

    def take(self, row: Delivery, account_number: str, script: CallScript) -> None:
        figures, seconds = self.found.calls, script.total_seconds
        figures.texts += 1
        is_longest = seconds > figures.longest_seconds
        if is_longest:
            figures.longest_seconds, self._longest = seconds, script
        if self.voice is not None and (is_longest or seconds > WORTH_SPEAKING):
            self._long.append((seconds, row.id))
        elif self.voice is None and seconds > CALL_LIMIT_SECONDS:
            self._complain(row.id, account_number, seconds)

    def measure(self) -> None:
        """Speak the calls from the longest on, until several in a row are short enough."""
        if self._longest is None:
            return
        if self.voice is not None:
            try:
                self.found.calls.longest_seconds = spoken_seconds(self._longest, self.voice)
                self.found.calls.voice = self.voice.name
            except VoiceBroken as error:
                log.warning("voice.broken", voice=str(error))
                self.voice = None
            self._judge(self.voice)
        self.found.calls.phrases = phrases_with_seconds(self._longest, self.voice)

    def _judge(self, voice: Voice | None) -> None:
        """Complain of the calls that are too long: as they were spoken, or by the voice's pace."""
        assert self._longest is not None  # noqa: S101 - there is a call
        figures, short, spoken = self.found.calls, 0, 0
        pace = figures.longest_seconds / self._longest.total_seconds
        self._long.sort(reverse=True)
        for estimate, delivery_id in self._long:
            seconds = round(estimate * pace, 1)
            if voice is not None and spoken < SPOKEN and short < SHORT_IN_A_ROW:
                try:
                    seconds, pace = self._spoken(voice, delivery_id)
                except VoiceBroken as error:
                    log.warning("voice.broken", voice=str(error))
                    voice = None
                spoken += 1
                short = short + 1 if seconds <= CALL_LIMIT_SECONDS else 0
            if seconds > CALL_LIMIT_SECONDS:
                account_number, _script = self._word_again(delivery_id)
                self._complain(delivery_id, account_number, seconds)

    def _spoken(self, voice: Voice, delivery_id: int) -> tuple[float, float]:
        """How long a call lasts in the voice, and that over the estimate. Raises VoiceBroken."""
        _account, script = self._word_again(delivery_id)
        seconds = spoken_seconds(script, voice)
        if seconds > self.found.calls.longest_seconds:
            self.found.calls.longest_seconds, self._longest = seconds, script
        return seconds, seconds / script.total_seconds

    def _word_again(self, delivery_id: int) -> tuple[str, CallScript]:
        with self.engine.ledger.read() as tx:
            [row] = deliveries.load(tx, [delivery_id]).values()
            accounts = _accounts(tx, self.stored, self.campaign, row.channel, [row])[row.id]
        key = attempt_key(row.id, 1)
        content = content_of(
            self.engine, self.stored, row.channel, accounts, key, SENDING_LIMIT_SECONDS
        )
        assert isinstance(content, CallContent)  # noqa: S101 - only calls are remembered
        return accounts[0].account_number, content.script

    def _complain(self, delivery_id: int, account_number: str, seconds: float) -> None:
        one = Unfit(ChannelName.PHONE, delivery_id, account_number, "too_long", seconds)
        self.found.complain(one)


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
