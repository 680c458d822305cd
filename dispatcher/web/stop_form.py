"""The form that puts somebody on the stop-list, as two screens show it."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Form

from campaigns.channel import ChannelName, Purpose
from campaigns.scenario_description import channel_title, purpose_title
from templates.i18n import _

LONGEST_REASON = 300
LONGEST_PARTY = 320


@dataclass(slots=True)
class StopForm:
    """What was typed; `wrong` says by field what is wrong with it."""

    party: str = ""
    kind: str = "point"  # or account
    channel: str = ""
    purpose: str = ""
    until: str = ""
    reason: str = ""
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def on_channel(self) -> ChannelName | None:
        return ChannelName(self.channel) if self.channel in set(ChannelName) else None

    @property
    def for_purpose(self) -> Purpose | None:
        return Purpose(self.purpose) if self.purpose in set(Purpose) else None

    def check_reason(self) -> None:
        if not self.reason:
            self.wrong["reason"] = _("Write why: somebody will ask.")

    def until_at(self, zone: str, now: datetime) -> datetime | None:
        """The first instant after the last day, on the house's clock; None: for good."""
        if not self.until:
            return None
        try:
            last = date.fromisoformat(self.until)
            until_at = datetime.combine(last + timedelta(days=1), time(), ZoneInfo(zone))
        except (ValueError, OverflowError):
            self.wrong["until"] = _("This is no date.")
            return None
        if until_at <= now:
            self.wrong["until"] = _("This day is over.")
        return until_at


def stop_form(
    party: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "point",
    channel: Annotated[str, Form()] = "",
    purpose: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> StopForm:
    return StopForm(
        party.strip()[:LONGEST_PARTY],
        "account" if kind == "account" else "point",
        channel,
        purpose,
        until.strip(),
        " ".join(reason.split())[:LONGEST_REASON],
    )


Typed = Annotated[StopForm, Depends(stop_form)]


def channel_options() -> list[tuple[str, str]]:
    every = [("", _("every channel"))]
    return every + [(channel.value, channel_title(channel)) for channel in ChannelName]


def purpose_options() -> list[tuple[str, str]]:
    every = [("", _("every purpose"))]
    return every + [(purpose.value, purpose_title(purpose)) for purpose in Purpose]
