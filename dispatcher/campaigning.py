"""What staff do with campaigns: launch, pause, resume, cancel, say who has paid.

The command line and the pages call these; no rule lives in either.
"""

import contextlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from campaigns.audience import read_audience
from campaigns.audience.identity import read_account
from campaigns.channel import ChannelName
from campaigns.delivery import OPEN, Status
from campaigns.hourly import MOST_PER_HOUR
from campaigns.outcome import Outcome
from campaigns.recipient import Recipient
from campaigns.scenario import Scenario
from campaigns.scenario_description import channel_title
from dispatcher import planner
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.examination import Examination, TextsUnfit
from dispatcher.examining import examine, leave_out
from dispatcher.ledger import (
    Transaction,
    attempts,
    audience_lists,
    audiences,
    campaigns,
    deliveries,
    groups,
    launch_requests,
    planned,
    reports,
    scenarios,
    trail,
    webhooks,
)
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.ledger.campaign_limits import NONE, Limits
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from dispatcher.ledger.deliveries import Change
from dispatcher.ledger.planned import DueAlike
from dispatcher.ledger.reports import StatusCount
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.planner import HeldBack
from dispatcher.record import Finding, record, stop
from dispatcher.voices import Voice
from templates.i18n import _, ngettext

DEFAULT_LENGTH = timedelta(days=14)

# A settlement list is asked for by account: in pieces, so that no statement grows without limit.
PIECE = 500


def launch(
    engine: Engine,
    scenario_name: str,
    audience_name: str,
    actor: str,
    *,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
    zone: str | None = None,
    voice: Voice | None = None,
    leave_out_unfit: bool = False,
    again: bool = False,
    limits: Limits = NONE,
    told: Callable[[int], None] = lambda _done: None,
    told_held_back: Callable[[HeldBack], None] = lambda _held_back: None,
) -> Campaign:
    """Plan a campaign and schedule it; it runs from `start_at` (now) to `end_at` (14 days later).

    `voice` really speaks the longest calls to measure them. Raises NotFound, NotPossible when the
    audience lacks a column that the scenario needs, a channel is not set up or not used and yet
    limited, and TextsUnfit when a call or an SMS cannot go as it is: nothing is launched then,
    unless those who would get it are to be left out. `told_held_back` hears how many are contacted
    later, by channel, because they were contacted lately. `limits`: the campaign's own, in attempts
    an hour.

    Raises NotPossible, too, when the list is being told this already; unless that is meant:
    `again`.
    """
    campaign = _draft(
        engine,
        scenario_name,
        audience_name,
        actor,
        start_at,
        end_at,
        zone,
        again=again,
        limits=limits,
    )
    return _make_ready(
        engine,
        campaign,
        voice,
        leave_out_unfit=leave_out_unfit,
        told=told,
        told_held_back=told_held_back,
    )


def _draft(
    engine: Engine,
    scenario_name: str,
    audience_name: str,
    actor: str,
    start_at: datetime | None,
    end_at: datetime | None,
    zone: str | None,
    *,
    on_trial: bool = False,
    again: bool = False,
    limits: Limits = NONE,
) -> Campaign:
    with engine.ledger.write() as tx:
        audience = audiences.find(tx, audience_name)
        if not on_trial:
            audiences.hold(tx, audience.id)
        if not (on_trial or again):
            _check_untold(tx, scenario_name, audience)
        return begin(
            tx,
            engine,
            scenarios.find(tx, scenario_name),
            audience,
            actor,
            start_at=start_at,
            end_at=end_at,
            zone=zone,
            on_trial=on_trial,
            limits=limits,
        )


def _check_untold(tx: Transaction, scenario_name: str, audience: StoredAudience) -> None:
    """Two launches at once count, too, where the list is held."""
    told = launch_requests.told_already(tx, scenario_name, audience.id)
    known = campaigns.of_ids(tx, told.campaigns).values()
    drafts = [one.id for one in known if one.status is CampaignStatus.DRAFT]
    if drafts:
        raise NotPossible(
            _(
                "A launch of this to the list “{audience}” was begun and has not ended: campaign "
                "{id}. Wait for it; if it was broken off, go on with it (campaign resume {id}) or "
                "take it back (campaign cancel {id})."
            ).format(audience=audience.name, id=drafts[0])
        )
    if told:
        telling = ", ".join(map(str, told.campaigns)) or "—"
        raise NotPossible(
            _(
                "The list “{audience}” is being told this already (campaigns: {campaigns}). "
                "Launched once more, everybody gets every message twice: if that is meant, say "
                "--again."
            ).format(audience=audience.name, campaigns=telling)
        )


def begin(
    tx: Transaction,
    engine: Engine,
    stored: StoredScenario,
    audience: StoredAudience,
    actor: str,
    *,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
    zone: str | None = None,
    on_trial: bool = False,
    limits: Limits = NONE,
) -> Campaign:
    """Write a draft down, of exactly this version and list: `resume` makes a campaign of it, and
    `try_out` tells what it would do. Raises NotPossible as `launch` does."""
    now = engine.clock.now()
    start_at = start_at or now
    _check(engine, stored.scenario, audience)
    for channel, count in limits.items():
        if wrong := limit_fault(stored.scenario, channel, count):
            raise NotPossible(wrong)
    if audience_lists.find_launchable(tx, audience.id) is None:
        raise NotPossible(
            _(
                "The list “{audience}” is filled by another system, message by message; no "
                "campaign can be made of it. Choose another one."
            ).format(audience=audience.name)
        )
    return campaigns.create(
        tx,
        scenario_id=stored.id,
        audience_id=audience.id,
        zone=zone or engine.settings.zone,
        start_at=start_at,
        end_at=end_at or start_at + DEFAULT_LENGTH,
        actor=actor,
        now=now,
        on_trial=on_trial,
        limits=limits,
    )


def limit_fault(scenario: Scenario, channel: ChannelName, per_hour: int) -> str:
    """What is wrong with a limit of attempts an hour, in words; empty if nothing."""
    if channel not in scenario.channels:
        return _("The scenario does not use this channel ({channel}): it needs no limit.").format(
            channel=channel_title(channel)
        )
    if not 1 <= per_hour <= MOST_PER_HOUR:
        return _("An hour's limit is a whole number from 1 to {most}.").format(most=MOST_PER_HOUR)
    return ""


def _make_ready(
    engine: Engine,
    campaign: Campaign,
    voice: Voice | None,
    *,
    leave_out_unfit: bool,
    told: Callable[[int], None],
    told_held_back: Callable[[HeldBack], None] = lambda _held_back: None,
) -> Campaign:
    """Plan a draft, look at all its texts, and schedule it. Raises TextsUnfit: no draft is left."""
    held_back = planner.fill(engine, campaign, told)
    found = examine(engine, campaign, voice)
    if found.unfit_count and not leave_out_unfit:
        if _discard(engine, campaign, found.unfit_count):
            raise TextsUnfit(found)
        return planner.schedule(engine, campaign)  # somebody else did: told as not possible
    engine.ledger.insist(lambda tx: leave_out(tx, found))
    scheduled = planner.schedule(engine, campaign)
    told_held_back(held_back)
    return scheduled


def _discard(engine: Engine, campaign: Campaign, unfit: int) -> bool:
    return engine.ledger.insist(
        lambda tx: campaigns.discard(tx, campaign, engine.clock.now(), unfit_texts=unfit)
    )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a campaign would do: its plan in numbers, and its texts measured."""

    recipients: int
    statuses: Sequence[StatusCount]
    examination: Examination
    held_back: HeldBack  # of those who will be contacted: later, for they were contacted lately
    turns: Sequence[DueAlike]  # when they are due first


def preview(
    engine: Engine,
    scenario_name: str,
    audience_name: str,
    actor: str,
    *,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
    zone: str | None = None,
    voice: Voice | None = None,
    told: Callable[[int], None] = lambda _done: None,
) -> Preview:
    """Plan and measure a campaign as `launch` does, and leave nothing behind."""
    campaign = _draft(
        engine, scenario_name, audience_name, actor, start_at, end_at, zone, on_trial=True
    )
    return try_out(engine, campaign, voice, told=told)


def try_out(
    engine: Engine,
    draft: Campaign,
    voice: Voice | None = None,
    *,
    without_unfit: bool = False,
    told: Callable[[int], None] = lambda _done: None,
) -> Preview:
    """Plan and measure a draft that was begun on trial, and take it back, whatever happens.

    `without_unfit`: those whose message cannot go have no turn.
    """
    try:
        held_back = planner.fill(engine, draft, told)
        found = examine(engine, draft, voice)
        with engine.ledger.read() as tx:
            audience = audiences.get(tx, draft.audience_id)
            statuses = reports.by_status(tx, draft.id)
        if without_unfit:
            engine.ledger.insist(lambda tx: leave_out(tx, found))
        with engine.ledger.read() as tx:
            turns = planned.due_alike(tx, draft.id)
    finally:
        take_back(engine, draft)
    return Preview(audience.recipients, statuses, found, held_back, turns)


def take_back(engine: Engine, draft: Campaign) -> None:
    """Leave nothing of a draft that was begun on trial. Another one that has got its number since
    is left alone."""

    def act(tx: Transaction) -> None:
        with contextlib.suppress(NotFound):
            if campaigns.get(tx, draft.id).created_at == draft.created_at:
                campaigns.discard(tx, draft, engine.clock.now(), unfit_texts=0, on_trial=True)

    engine.ledger.insist(act)


def _check(engine: Engine, scenario: Scenario, audience: StoredAudience) -> None:
    missing = [name for name in scenario.fields if name not in audience.columns]
    if missing:
        raise NotPossible(
            ngettext(
                "The audience “{audience}” has no column {missing}, which the scenario needs. "
                "It has: {columns}. Import the file again and name the column: {maps}.",
                "The audience “{audience}” has no columns {missing}, which the scenario needs. "
                "It has: {columns}. Import the file again and name the columns: {maps}.",
                len(missing),
            ).format(
                audience=audience.name,
                missing=", ".join(missing),
                columns=", ".join(audience.columns) or "—",
                maps=" ".join(_('--map "Header={field}"').format(field=name) for name in missing),
            )
        )
    absent = [
        channel_title(channel) for channel in scenario.channels if channel not in engine.channels
    ]
    if absent:
        raise NotPossible(
            _(
                "No provider is set up for: {channels}. Fill in the settings (see .env.example), "
                "or rehearse with --sandbox."
            ).format(channels=", ".join(absent))
        )


def pause(engine: Engine, campaign_id: int, actor: str) -> Campaign:
    """Nothing more is sent; what is in flight ends as it ends."""
    return _change(engine, campaign_id, CampaignStatus.PAUSED, actor)


def resume(
    engine: Engine,
    campaign_id: int,
    actor: str,
    leave_out_unfit: bool = False,
    told: Callable[[int], None] = lambda _done: None,
    voice: Voice | None = None,
) -> Campaign:
    """Go on: with a paused campaign, or with the plan of one whose launch was interrupted.

    The latter raises TextsUnfit as `launch` does.
    """
    with engine.ledger.read() as tx:
        campaign = campaigns.get(tx, campaign_id)
        is_on_trial = campaigns.is_on_trial(tx, campaign_id)
    if is_on_trial:
        raise NotPossible(_("This is a rehearsal: it is looked at, and never launched."))
    if campaign.status is CampaignStatus.DRAFT:
        return _make_ready(engine, campaign, voice, leave_out_unfit=leave_out_unfit, told=told)
    return _change(engine, campaign_id, CampaignStatus.RUNNING, actor)


def finish_launch(
    engine: Engine,
    draft: Campaign,
    *,
    leave_out_unfit: bool,
    voice: Voice | None,
    told: Callable[[int], None] = lambda _done: None,
) -> Campaign:
    """Make a campaign of a draft that somebody else may be launching, too: staff, or a process that
    was thought to be dead. Whoever is quicker launches it; then it stands, and that is no failure.

    The campaign as it is then. Raises NotFound when it was taken back, and TextsUnfit as `launch`.
    """
    if draft.status is not CampaignStatus.DRAFT:
        return draft
    try:
        return _make_ready(engine, draft, voice, leave_out_unfit=leave_out_unfit, told=told)
    except NotPossible:
        with engine.ledger.read() as tx:
            present = _still(tx, draft)
        if present is None or present.status is CampaignStatus.DRAFT:
            raise
        return present


def give_up_draft(tx: Transaction, engine: Engine, draft: Campaign) -> Campaign | None:
    """Take a draft back, unless a campaign has been made of it: that one. Afterwards nobody who
    still works on the draft can launch it."""
    is_draft = campaigns.hold_draft(tx, draft.id)  # whoever launches it now is waited for
    present = _still(tx, draft)
    if present is None or not is_draft:
        return present
    campaigns.discard(tx, present, engine.clock.now(), unfit_texts=0)
    return None


def _still(tx: Transaction, draft: Campaign) -> Campaign | None:
    """A draft as it is now; None when it was taken back, though another one may have its number."""
    try:
        present = campaigns.get(tx, draft.id)
    except NotFound:
        return None
    return present if present.created_at == draft.created_at else None


def cancel(engine: Engine, campaign_id: int, actor: str) -> Campaign:
    """End a campaign for good: what was not begun is never begun."""

    def act(tx: Transaction) -> Campaign:
        campaign = campaigns.get(tx, campaign_id)
        now = engine.clock.now()
        cancelled = campaigns.change(tx, campaign, CampaignStatus.CANCELLED, actor, now)
        messages = webhooks.open_messages(tx, [campaign_id])
        deliveries.cancel(tx, campaign_id)
        webhooks.messages_ended(tx, messages, now)
        return cancelled

    return engine.ledger.insist(act)


def _change(engine: Engine, campaign_id: int, to: CampaignStatus, actor: str) -> Campaign:
    with engine.ledger.write() as tx:
        campaign = campaigns.get(tx, campaign_id)
        if to is CampaignStatus.RUNNING and campaign.status is not CampaignStatus.PAUSED:
            raise NotPossible(_("Campaign {id} is not paused.").format(id=campaign_id))
        return campaigns.change(tx, campaign, to, actor, engine.clock.now())


def settle(
    engine: Engine, campaign_id: int, accounts: Collection[str], actor: str
) -> tuple[int, int]:
    """Billing says that these accounts have paid: nobody reminds them any more.

    What is in flight ends with its outcome, or as settled. An account that another one's message
    speaks of is left out of it. Returns (deliveries that end, accounts that were not found).
    """
    now = engine.clock.now()
    wanted = sorted(set(accounts))

    def act(tx: Transaction) -> tuple[int, int]:
        ended, found = 0, set[int]()
        campaign = campaigns.get(tx, campaign_id)
        for start in range(0, len(wanted), PIECE):
            rows = deliveries.of_accounts(tx, campaign_id, wanted[start : start + PIECE])
            found |= {row.recipient_id for row in rows.values()}
            # The joined ones first: who has paid must not inherit another's message.
            joined = [
                row
                for row in rows.values()
                if row.status is Status.SKIPPED and row.reason in groups.JOINED
            ]
            deliveries.change(
                tx, [Change(row.id, row.status, Status.SETTLED, row.reason) for row in joined]
            )
            still_open = [row for row in rows.values() if row.status in OPEN]
            ended += len(joined) + stop(tx, still_open, Status.SETTLED, now)
        trail.note(
            tx,
            now,
            actor,
            "campaign.settle",
            campaign.subject,
            accounts=len(wanted),
            deliveries=ended,
        )
        return ended, len(wanted) - len(found)

    return engine.ledger.insist(act)


_DECIDED_REACHED = {
    ChannelName.PHONE: Outcome.HEARD,
    ChannelName.SMS: Outcome.DELIVERED,
    ChannelName.EMAIL: Outcome.ACCEPTED,
}


def resolve(
    engine: Engine,
    campaign_id: int,
    actor: str,
    *,
    channel: ChannelName,
    account: str | None,
    reached: bool,
) -> int:
    """Staff decide about uncertain attempts, having asked the provider or the customer.

    `account` None means every uncertain one on the channel. Who was not reached is tried again by
    the cadence. How many were decided. Raises NotFound for an account that is not in the campaign.
    """
    now = engine.clock.now()

    def act(tx: Transaction) -> int:
        campaign = campaigns.get(tx, campaign_id)
        if account is not None and not deliveries.of_accounts(tx, campaign_id, [account]):
            raise NotFound(_("account in this campaign"), account[:40])
        ids = deliveries.uncertain(tx, campaign_id, channel, account)
        findings = [
            Finding(
                attempt.id,
                _DECIDED_REACHED[channel] if reached else Outcome.FAILED,
                attempt.started_at,
                f"decided by {actor}",
            )
            for attempt in attempts.latest(tx, ids).values()
            if attempt.outcome is Outcome.UNCERTAIN
        ]
        decided = len(record(tx, engine, findings, now))
        trail.note(
            tx,
            now,
            actor,
            "campaign.resolve",
            campaign.subject,
            channel=channel.value,
            reached=reached,
            attempts=decided,
        )
        return decided

    return engine.ledger.insist(act)


def read_accounts(path: Path) -> list[str]:
    """The account numbers of a file: a billing export with that column, or one number a line."""
    if path.suffix.lower() == ".txt":
        lines = path.read_text("utf-8-sig").splitlines()
        return [read_account(line) for line in lines if line.strip()]
    return [item.account_number for item in read_audience(path) if isinstance(item, Recipient)]
