"""A test message to oneself: a scenario's words through the real provider, without a campaign.

Told with the values of a real customer, it takes their data out of the house, to wherever somebody
has typed: that needs the right to export, and the journal names the customer.

It counts nowhere, but the stop-list, the hours of SMS and a provider's trouble hold for it, too. It
is written down before it goes: of what a crash leaves behind at least the trail tells.

Calls are not sent so: what a call says is asked for by the provider while it lasts, and belongs to
an attempt.
"""

import asyncio
import secrets
from datetime import timedelta

import structlog

from campaigns.calendar import NeverAllowed, is_allowed, next_allowed, zone_named
from campaigns.channel import ChannelName, fits
from campaigns.contact import read_emails, read_phones
from campaigns.permission import Facts, may_be_used, point_party
from campaigns.recipient import Recipient
from campaigns.scenario_samples import USUAL, sample_accounts
from channels.base import Channel, Handover, HandoverKind, Message, uncertain
from channels.routing import Providers
from dispatcher import health
from dispatcher.access.roles import Person, Right
from dispatcher.compose import compose
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, circuits, suppressions, trail, trial_sends
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.logs import mask
from dispatcher.tokens import NO_DELIVERY
from templates.errors import RenderError
from templates.i18n import _

log = structlog.get_logger()

MOST, WITHIN = 10, timedelta(hours=1)
CHANNELS = (ChannelName.SMS, ChannelName.EMAIL)
# No campaign of ours: what its turn at a provider is counted under.
NO_CAMPAIGN = 0


def send_trial(
    engine: Engine,
    stored: StoredScenario,
    channel: ChannelName,
    typed: str,
    person: Person,
    customer: tuple[int, Recipient] | None = None,
) -> None:
    """Send the scenario's words to what a member of staff has typed, with the values of `customer`,
    who is known by an id, or of nobody. Raises NotPossible when it may not go, or did not."""
    if customer is not None and not person.may(Right.EXPORT):
        raise NotPossible(_("Your role does not allow this."))
    recipient = customer[1] if customer else None
    point = _point(channel, typed)
    if channel not in CHANNELS or channel not in stored.scenario.channels:
        raise NotPossible(_("This scenario says nothing by that channel that could be tried."))
    providers = engine.channels.get(channel)
    if providers is None:
        raise NotPossible(_("No provider is set up for this channel."))
    message = _message(engine, stored, channel, point, recipient)
    now = engine.clock.now()

    def act(tx: Transaction) -> str:
        provider = _allowed(tx, engine, stored, channel, providers, point)
        details = {
            "scenario": stored.name,
            "version": str(stored.version),
            "channel": channel.value,
            "contact_point": mask(point),
        }
        if not trial_sends.note(tx, person.id, person.login, now, now - WITHIN, MOST, **details):
            raise NotPossible(_("That is enough for this hour: ten test messages a person."))
        if customer is not None:
            subject = f"recipient:{customer[0]}"
            trail.note(tx, now, person.login, "export.trial", subject, **details)
        return provider

    provider = engine.ledger.insist(act)
    handover = asyncio.run(_hand_over(engine, channel, providers[provider], message))
    log.info("trial.sent", channel=channel.value, provider=provider, kind=handover.kind.value)
    if handover.kind is HandoverKind.UNCERTAIN:
        raise NotPossible(_("Nobody knows whether it went: the provider did not answer."))
    if handover.kind is not HandoverKind.ACCEPTED:
        raise NotPossible(_("The provider did not take it: {why}").format(why=handover.detail))


def _point(channel: ChannelName, typed: str) -> str:
    """The one number or address that was typed. Raises NotPossible."""
    read = read_emails if channel is ChannelName.EMAIL else read_phones
    points, bad = read(typed.strip()[:254])
    fitting = [point.address for point in points if fits(point.kind, channel)]
    if len(fitting) != 1 or bad:
        if channel is ChannelName.EMAIL:
            raise NotPossible(_("Write one e-mail address: your own."))
        raise NotPossible(_("Write one mobile number: your own."))
    return fitting[0]


def _allowed(
    tx: Transaction,
    engine: Engine,
    stored: StoredScenario,
    channel: ChannelName,
    providers: Providers,
    point: str,
) -> str:
    """The provider that would carry it. Raises NotPossible."""
    now, zone = engine.clock.now(), engine.settings.zone
    facts = Facts(suppressions.of_parties(tx, [point_party(point)], now))
    if not may_be_used(stored.scenario, channel, point, facts, now):
        raise NotPossible(_("This contact is on the stop-list."))
    window, holidays = stored.scenario.policy(channel).window, engine.rules(tx).holidays
    if not is_allowed(now, zone, window, holidays):
        try:
            next_at = next_allowed(now, zone, window, holidays)
        except NeverAllowed as error:
            raise NotPossible(str(error)) from None
        local = next_at.astimezone(zone_named(zone))
        raise NotPossible(
            _("At this hour nothing may be sent by this channel. Try again from {at}.").format(
                at=f"{local:%d.%m.%Y %H:%M}"
            )
        )
    closed = [
        name
        for (where, name), circuit in circuits.standing(tx).items()
        if where is channel and circuit.retry_at > now
    ]
    purpose = stored.scenario.purpose
    provider = providers.choose(point, purpose, secrets.token_hex(4), closed=closed)
    if provider is None:
        raise NotPossible(_("The provider is out of order just now. Try again later."))
    return provider


def _message(
    engine: Engine,
    stored: StoredScenario,
    channel: ChannelName,
    point: str,
    recipient: Recipient | None,
) -> Message:
    """Its words, marked as a test. Raises NotPossible when they cannot be made."""
    accounts = [recipient] if recipient else sample_accounts(stored.scenario, USUAL)
    try:
        return compose(
            engine,
            stored,
            channel,
            accounts,
            contact_point=point,
            delivery_id=NO_DELIVERY,
            # Names no attempt and no reply, and no other test: mail systems drop what they know.
            number=-1 - secrets.randbelow(2**31 - 1),
            now=engine.clock.now(),
            mark=_("[TEST] "),
        )
    except RenderError as error:
        raise NotPossible(
            _("The message cannot be worded: {why}").format(why=error.__class__.__name__)
        ) from None


async def _hand_over(
    engine: Engine, channel: ChannelName, way: Channel, message: Message
) -> Handover:
    async with way:
        wait_seconds = await engine.pacer(channel, way.provider).turn(NO_CAMPAIGN, urgent=True)
        if wait_seconds is not None:
            raise NotPossible(_("The provider is busy with campaigns. Try again in a minute."))
        began = asyncio.get_running_loop().time()
        try:
            handover = await way.deliver(message)
        except Exception:
            # A bug in a channel is told like an answer that did not come.
            log.exception("channel.broken", provider=way.provider)
            return uncertain("internal error")
        seconds = asyncio.get_running_loop().time() - began
    key, now = (channel, way.provider), engine.clock.now()
    event = health.note(engine, key, handover, now, seconds, None)
    if event is not None:
        await asyncio.to_thread(health.tell, engine, event)
    return handover
