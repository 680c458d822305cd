"""One message to one customer now, because another system asks for it.

The customer joins the standing campaign of the scenario and the day, which is planned, judged,
sent, repeated, reported and audited like any other. Everything is one transaction: a message is
accepted whole, or was never asked for. Its words are made before: while a message joins the
campaign, all others of its scenario wait.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from campaigns.channel import ChannelName
from campaigns.content import CallContent
from campaigns.delivery import SkipReason
from campaigns.plan import Planned
from campaigns.recipient import Recipient
from campaigns.scenario import Scenario
from dispatcher import planner
from dispatcher.compose import content_of
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.foreign_lists import name_of_day
from dispatcher.ledger import Transaction, audiences, campaigns, deliveries, standing, trail
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.tokens import attempt_key
from templates.errors import RenderError
from templates.i18n import _
from templates.speech import CALL_LIMIT_SECONDS, SENDING_LIMIT_SECONDS

# How long a message is tried, like a campaign that nobody gave an end.
LASTS = timedelta(days=14)
# Whoever asks before midnight may be written down a little after it.
MARGIN = timedelta(minutes=10)
# So often a day one scenario speaks to one customer; more is a fault of whoever asks.
MOST_A_DAY = 20


class TooOften(NotPossible):
    """This customer was told as much by this scenario today as anybody may be."""

    def __init__(self) -> None:
        super().__init__(
            _("This scenario has spoken to this customer {count} times today already.").format(
                count=MOST_A_DAY
            )
        )


class CalledOff(NotPossible):
    """Staff have cancelled what this scenario says today."""

    def __init__(self) -> None:
        super().__init__(_("Staff have cancelled today's campaign of this scenario."))


class Lacks(NotPossible):
    """The customer's fields are not all that the scenario needs. `names`: the missing ones."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(_("The scenario needs: {names}.").format(names=", ".join(names)))


class NoWords(NotPossible):
    """The message cannot be made of what was given. `where`: its channel."""

    def __init__(self, where: ChannelName, why: str) -> None:
        self.where = where
        super().__init__(why)


class NoSuchChannel(NotPossible):
    """A channel that the scenario does not use, or for which no provider is set up."""

    def __init__(self, names: Sequence[ChannelName]) -> None:
        self.names = tuple(names)
        super().__init__(
            _("Not on these channels: {names}.").format(names=", ".join(c.value for c in names))
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message that may be asked for. `scenario` is the stored one on the channels that were asked
    for; `faults` tells where its words cannot be made."""

    stored: StoredScenario
    scenario: Scenario
    recipient: Recipient
    faults: Mapping[ChannelName, NoWords]


@dataclass(frozen=True, slots=True)
class Fed:
    """A message that was accepted, and what is planned for it on each channel."""

    recipient_id: int
    campaign_id: int
    planned: Sequence[Planned]


def prepare(
    engine: Engine,
    stored: StoredScenario,
    recipient: Recipient,
    channels: Collection[ChannelName],
) -> Prepared:
    """What can be done before anybody has to wait; `channels` empty: all of the scenario's. Raises
    NoSuchChannel and Lacks."""
    scenario = narrowed(engine, stored.scenario, channels)
    lacking = [name for name in scenario.fields if name not in recipient.fields]
    if lacking:
        raise Lacks(lacking)
    faults: dict[ChannelName, NoWords] = {}
    for channel in scenario.channels:
        if recipient.reachable_on(channel):
            fault = _fault(engine, stored, channel, recipient)
            if fault is not None:
                faults[channel] = fault
    return Prepared(stored, scenario, recipient, faults)


def feed(tx: Transaction, engine: Engine, message: Prepared, actor: str, now: datetime) -> Fed:
    """Take one customer in.

    Whom the rules forbid to tell is taken in, too, and skipped with the reason. Raises NoWords,
    TooOften and CalledOff: nothing was taken in then.
    """
    stored, scenario, recipient = message.stored, message.scenario, message.recipient
    standing.one_at_a_time(tx, stored.id)
    campaign = _campaign_of(tx, engine, stored, recipient.account_number, actor, now)
    row = audiences.get(tx, campaign.audience_id).rows + 1
    audiences.add_recipients(tx, campaign.audience_id, [replace(recipient, row=row)])
    standing.count_in(tx, campaign.audience_id, recipient.fields)
    known = audiences.by_account(tx, campaign.audience_id, recipient.account_number)
    assert known is not None  # noqa: S101 - it was stored just now
    recipient_id = known[0]
    planned = [
        *planner.plan_alone(tx, engine, campaign, scenario, recipient_id, now),
        *_unasked(stored.scenario, scenario, recipient_id, recipient.zone or campaign.zone),
    ]
    for one in planned:
        # Where nothing is said, the words do not matter.
        if one.skipped is None and one.channel in message.faults:
            raise message.faults[one.channel]
    desk = engine.desks.name_of(recipient.branch)
    deliveries.insert_planned(
        tx, campaign.id, planned, urgent=scenario.urgent, desks={recipient_id: desk}
    )
    trail.note(tx, now, actor, "message.send", f"message:{recipient_id}", campaign=campaign.id)
    return Fed(recipient_id, campaign.id, planned)


def narrowed(engine: Engine, scenario: Scenario, channels: Collection[ChannelName]) -> Scenario:
    """The scenario on these channels alone. Raises NoSuchChannel."""
    wanted = [c for c in scenario.sequence() if not channels or c in channels]
    absent = [c for c in channels if c not in scenario.channels]
    absent += [c for c in wanted if c not in engine.channels]
    if absent:
        raise NoSuchChannel(absent)
    if len(wanted) == len(scenario.channels):
        return scenario
    order = scenario.order.model_copy(update={"channels": tuple(wanted)})
    kept = {channel: scenario.channels[channel] for channel in wanted}
    return scenario.model_copy(update={"channels": kept, "order": order})


def _unasked(scenario: Scenario, asked: Scenario, recipient_id: int, zone: str) -> list[Planned]:
    """The books know of everybody on every channel of a scenario."""
    return [
        Planned(recipient_id, channel, zone, skipped=SkipReason.NOT_ASKED)
        for channel in scenario.sequence()
        if channel not in asked.channels
    ]


def _campaign_of(
    tx: Transaction,
    engine: Engine,
    stored: StoredScenario,
    account_number: str,
    actor: str,
    now: datetime,
) -> Campaign:
    """The first of the day's campaigns in which the customer does not stand yet."""
    zone = ZoneInfo(engine.settings.zone)
    today = now.astimezone(zone).date()
    ends_at = datetime.combine(today + timedelta(days=1), time(), zone)
    feeds_until = ends_at + MARGIN
    parts = standing.parts(tx, stored.id, feeds_until)
    for part in parts:
        # Held: who cancels it just now either comes first, or ends this message with the others.
        status = campaigns.hold(tx, part.id)
        if status is CampaignStatus.CANCELLED:
            raise CalledOff
        if status is CampaignStatus.COMPLETED:
            continue
        if audiences.by_account(tx, part.audience_id, account_number) is None:
            return part
    if len(parts) >= MOST_A_DAY:
        raise TooOften
    number = len(parts) + 1
    return standing.begin(
        tx,
        scenario_id=stored.id,
        feeds_until=feeds_until,
        part=number,
        list_name=name_of_day(tx, engine.settings, stored, today, number),
        zone=engine.settings.zone,
        end_at=ends_at + LASTS,
        actor=actor,
        now=now,
    )


def _fault(
    engine: Engine, stored: StoredScenario, channel: ChannelName, recipient: Recipient
) -> NoWords | None:
    """Why the words cannot be made: whoever asks hears of it now, and not the customer's silence
    later."""
    try:
        content = content_of(
            engine, stored, channel, [recipient], attempt_key(0, 1), SENDING_LIMIT_SECONDS
        )
    except RenderError as error:
        return NoWords(channel, str(error))
    except ValueError as error:
        return NoWords(channel, type(error).__name__)
    if isinstance(content, CallContent) and content.script.total_seconds > CALL_LIMIT_SECONDS:
        return NoWords(channel, _("The call would last longer than a minute."))
    return None
