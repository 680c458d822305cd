"""The words and small decisions that the pages of campaigns and of the day ask for."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from campaigns.calendar import zone_named
from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.ledger.campaign_lists import Progress
from dispatcher.ledger.campaigns import LEGAL, Campaign, CampaignStatus, Stopped
from dispatcher.report import words
from dispatcher.watching.advice import advice
from dispatcher.watching.hours import place_of
from dispatcher.web import formats
from dispatcher.web.launch_words import limits_words
from templates.i18n import _

_BADGES: Mapping[CampaignStatus, str] = {
    CampaignStatus.DRAFT: "",
    CampaignStatus.SCHEDULED: "",
    CampaignStatus.RUNNING: "busy",
    CampaignStatus.PAUSED: "warn",
    CampaignStatus.COMPLETED: "good",
    CampaignStatus.CANCELLED: "",
}
STEPS: Mapping[str, CampaignStatus] = {
    "pause": CampaignStatus.PAUSED,
    "resume": CampaignStatus.RUNNING,
    "cancel": CampaignStatus.CANCELLED,
}


def can(campaign: Campaign, step: str) -> bool:
    """Whether a step is open to staff now. A plan that was broken off goes on where it was begun,
    not here: that takes minutes."""
    if campaign.status is CampaignStatus.DRAFT:
        return step == "cancel"
    if step == "resume":
        return campaign.status is CampaignStatus.PAUSED
    return STEPS[step] in LEGAL[campaign.status]


def named() -> dict[str, Any]:
    """The words and small decisions that these templates ask for."""
    return {
        "status_word": _word(words.campaign_statuses),
        "badge_of": _BADGES.__getitem__,
        "channel_word": _word(words.channels),
        "outcome_word": _word(words.outcomes),
        "trouble_word": trouble_word,
        "advice": advice,
        "skip_word": _word(words.skip_reasons),
        "away_word": _word(words.troubles),
        "note_word": words.note,
        "hours_word": words.hours_of,
        "place_of": place_of,
        "act_word": act_word,
        "actor_word": actor_word,
        "bar_of": bar_of,
        "can": can,
        "soon": soon,
        "limits_words": limits_words,
        "channels_word": channels_word,
        "has_stopped": lambda campaign: Stopped.read(campaign.note) is not None,
        "wrong": "",
        "Status": Status,
    }


def _word(table: Callable[[], words.Words]) -> Callable[[str], str]:
    return lambda key: words.word(table, key)


def trouble_word(kind: str) -> str:
    """An outcome, or the reason of an ending."""
    return words.outcomes().get(kind) or words.word(words.end_reasons, kind)


def bar_of(progress: Progress) -> Sequence[tuple[int, str, str]]:
    """Parts of a bar: how many, of which kind, and what they are called."""

    def count(*statuses: Status) -> int:
        return sum(progress.get(one, 0) for one in statuses)

    return (
        (count(Status.POSITIVE), "good", _("reached")),
        (count(Status.SENDING, Status.AWAITING), "busy", _("on the way")),
        (count(Status.UNCERTAIN), "warn", _("uncertain")),
        (count(Status.GIVEN_UP, Status.EXPIRED), "bad", _("in vain")),
        (
            count(Status.SETTLED, Status.SUPERSEDED, Status.WITHDRAWN, Status.CANCELLED),
            "off",
            _("not needed any more"),
        ),
        (count(Status.PENDING, Status.QUEUED), "idle", _("waiting")),
    )


def act_word(action: str) -> str:
    """What was done, as the history of a campaign tells it."""
    return {
        "campaign.launch": _("launched"),
        "campaign.scheduled": _("planned and scheduled"),
        "campaign.running": _("began, or went on"),
        "campaign.paused": _("paused"),
        "campaign.completed": _("completed"),
        "campaign.cancelled": _("cancelled"),
        "campaign.settle": _("paid accounts were left out"),
        "campaign.resolve": _("uncertain messages were decided"),
        "campaign.ask": _("the provider was asked about uncertain messages"),
        "campaign.export": _("attempts were exported in full"),
    }.get(action, action)


def actor_word(actor: str) -> str:
    """Who did it: a login, or the program itself."""
    return _("the program itself") if actor in ("loop", "worker") else actor


def channels_word(channels: Sequence[ChannelName]) -> str:
    """Several channels at once: «calls and SMS»."""
    names = {
        ChannelName.PHONE: _("calls"),
        ChannelName.SMS: _("SMS"),
        ChannelName.EMAIL: _("letters"),
    }
    return _(" and ").join(names[one] for one in channels)


def soon(at: datetime, zone: str, now: datetime) -> str:
    """An instant of these days on the clock of a zone, as short as can be."""
    days = (at.astimezone(zone_named(zone)).date() - now.astimezone(zone_named(zone)).date()).days
    time = formats.clock(at, zone)
    if days == 0:
        return time
    if days == 1:
        return _("tomorrow {time}").format(time=time)
    day = formats.short_day(at.astimezone(zone_named(zone)).date())
    return f"{day} {time}"
