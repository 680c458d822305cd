"""What the commands share: options, the engine, instants as clerks write them."""

import getpass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, available_timezones

import typer

from campaigns.audience.targets import known_fields
from dispatcher import logs
from dispatcher.errors import NotPossible
from dispatcher.settings import Settings, load_settings
from templates.i18n import _, set_language

if TYPE_CHECKING:
    from dispatcher.engine import Engine  # a second that tools without a ledger need not wait

AsJson = Annotated[bool, typer.Option("--json", help=_("Facts as JSON, for programs."))]

Mapping = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help=_(
            "What a column is: “Header=field”; may be repeated. Fields: {names}; “-” leaves the "
            "column out; a field of your own is written in small Latin letters."
        ).format(names=", ".join(known_fields())),
    ),
]


def settings() -> Settings:
    """The settings, with logs and language set up by them. Raises BadSetting."""
    found = load_settings()
    set_language(found.language)
    logs.configure(found.log_level, found.log_format)
    return found


def engine(found: Settings | None = None) -> "Engine":
    """The engine over the configured ledger."""
    from dispatcher.wiring import make_engine

    found = found or settings()
    if found.is_embedded:
        found.open_data_dir()
    return make_engine(found)


def actor(found: Settings) -> str:
    """Who does this, for the audit trail."""
    if found.actor:
        return found.actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "staff"


def read_instant(text: str | None, zone: str, *, end_of_day: bool = False) -> datetime | None:
    """`2026-12-01`, `2026-12-01T10:00`, `01.12.2026 10:00` in the zone, or with an offset.

    A date alone is the beginning of the day, or with `end_of_day` its end. Raises NotPossible.
    """
    if text is None:
        return None
    for form in ("%d.%m.%Y %H:%M", "%d.%m.%Y"):
        try:
            parsed = datetime.strptime(text, form).replace(tzinfo=ZoneInfo(zone))
        except ValueError:
            continue
        return _day(parsed.date(), zone, end_of_day) if "%H" not in form else parsed.astimezone(UTC)
    try:
        if len(text) == 10:
            return _day(date.fromisoformat(text), zone, end_of_day)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise NotPossible(
            _("“{text}” is no date and time: write 2026-12-01T10:00 or 01.12.2026 10:00.").format(
                text=text
            )
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _day(day: date, zone: str, end_of_day: bool) -> datetime:
    day = day + timedelta(days=1) if end_of_day else day
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def read_zone(text: str | None) -> str | None:
    """An IANA zone that exists. Raises NotPossible."""
    if text is not None and text not in available_timezones():
        raise NotPossible(
            _("“{text}” is no time zone: write one such as Asia/Omsk.").format(text=text)
        )
    return text


def read_mapping(pairs: list[str] | None) -> dict[str, str]:
    """`--map "Header=field"`, any number of times. Raises NotPossible."""
    mapping: dict[str, str] = {}
    for pair in pairs or []:
        header, separator, field = pair.rpartition("=")
        if not separator or not header.strip() or not field.strip():
            raise NotPossible(
                _("“{pair}” is no mapping: write --map “Header=field”.").format(pair=pair)
            )
        mapping[header.strip()] = field.strip()
    return mapping


def existing(path: Path) -> Path:
    """A file that is there. Raises NotPossible."""
    if not path.is_file():
        raise NotPossible(_("There is no file {path}.").format(path=path))
    return path
