"""What columns of a list mean, and what a list is made of, in the words of the screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from campaigns.audience import Column, Role
from campaigns.audience.headers import normalised
from campaigns.audience.targets import field_of
from campaigns.channel import ChannelName, Purpose
from campaigns.recipient import Consent, Recipient, Segment, ZoneSource
from dispatcher.watching.hours import place_of
from dispatcher.web import formats
from dispatcher.web.field_words import field_title, field_titles
from templates.i18n import _
from templates.transliteration import transliterate

ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "cp1251": "Windows-1251",
    "koi8_r": "KOI8-R",
    "cp866": "DOS (866)",
}
_LONGEST_FIELD = 40


@dataclass(frozen=True, slots=True)
class Meaning:
    """One line of the select beside a column: what it stores, and how it reads."""

    value: str
    title: str


def role_titles() -> Mapping[Role, str]:
    """What a column may say of a customer."""
    return {
        Role.ACCOUNT: _("account number"),
        Role.FULL_NAME: _("surname, name, patronymic or firm"),
        Role.SURNAME: _("surname"),
        Role.NAME: _("first name"),
        Role.PATRONYMIC: _("patronymic"),
        Role.PHONE: _("phone"),
        Role.EMAIL: _("e-mail address"),
        Role.SEGMENT: _("private or business"),
        Role.BRANCH: _("branch"),
        Role.REGION: _("region"),
        Role.ZONE: _("time zone"),
        Role.LANGUAGE: _("language"),
        Role.CONSENT: _("consent or refusal"),
    }


def meaning_of(column: Column) -> str:
    """What a column is taken for."""
    known = role_titles().get(column.role) or field_titles().get(column.field)
    if known is not None:
        return known
    return {
        Role.MONEY: _("an amount, in roubles"),
        Role.KOPECKS: _("an amount, in kopecks"),
        Role.DATE: _("a date"),
        Role.MOMENT: _("a date with a time"),
        Role.IGNORED: _("not taken"),
    }.get(column.role, _("a text for messages"))


def meanings(column: Column) -> Mapping[str, Sequence[Meaning]]:
    """All that may be said of a column, by groups; its own guess is not among them."""
    own = _own_name(column)
    return {
        _("About the customer"): [
            Meaning(role.value, title) for role, title in role_titles().items()
        ],
        _("For the texts"): [Meaning(name, title) for name, title in field_titles().items()],
        _("Something else"): [
            Meaning(own, _("a text for messages")),
            Meaning(f"{own}_kopecks", _("an amount, in roubles")),
            Meaning(f"{own}_on", _("a date")),
            Meaning(f"{own}_at", _("a date with a time")),
            Meaning("-", _("not taken")),
        ],
    }


def _own_name(column: Column) -> str:
    """A name for a field that nobody has named: the header in Latin letters."""
    latin = transliterate(normalised(column.header)).replace("rub.", "")
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in latin.casefold()).split()
    name = "_".join(words)[:_LONGEST_FIELD].strip("_")
    fits = all(
        field_of(name + ending) == name + ending for ending in ("", "_kopecks", "_on", "_at")
    )
    return name if fits else f"column_{column.index + 1}"


def delimiter_title(delimiter: str) -> str:
    return {"\t": _("tab"), ";": _("semicolon"), ",": _("comma")}.get(delimiter, delimiter)


def segment_title(segment: str) -> str:
    return {
        Segment.PRIVATE.value: _("private customers"),
        Segment.BUSINESS.value: _("business customers"),
    }.get(segment, segment)


def zone_title(zone: str) -> str:
    """«Омск» rather than Asia/Omsk."""
    return place_of(zone)


def channel_title(channel: str) -> str:
    return {
        ChannelName.PHONE.value: _("Calls"),
        ChannelName.SMS.value: _("SMS"),
        ChannelName.EMAIL.value: _("E-mail"),
    }[channel]


def zone_source_title(source: ZoneSource) -> str:
    """How we know what time it is where somebody lives."""
    return {
        ZoneSource.COLUMN: _("from the file"),
        ZoneSource.REGION: _("by the region"),
        ZoneSource.BRANCH: _("by the branch"),
        ZoneSource.DEFAULT: _("not known: the company's own"),
    }[source]


def consent_words(consent: Consent) -> str:
    """«Marketing, SMS: refused, since 1 March 2026»."""
    purpose = {
        None: _("every purpose"),
        Purpose.SERVICE: _("service notices"),
        Purpose.MARKETING: _("marketing"),
        Purpose.EMERGENCY: _("emergencies"),
        Purpose.SURVEY: _("surveys"),
    }[consent.purpose]
    where = channel_title(consent.channel.value) if consent.channel else _("every channel")
    words = (
        _("{purpose}, {channel}: agreed") if consent.granted else _("{purpose}, {channel}: refused")
    )
    text = words.format(purpose=purpose, channel=where)
    if consent.since_on:
        text += _(", since {day}").format(day=formats.day(consent.since_on))
    return text


def fields_of(recipient: Recipient, headers: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """What texts may say of somebody: title and value. `headers`: what the file calls a field."""
    return [
        (headers.get(name) or field_title(name), _value(name, value))
        for name, value in recipient.fields.items()
    ]


def _value(name: str, value: str | int) -> str:
    if isinstance(value, int):
        return formats.money(value)
    if name.endswith("_on"):
        try:
            return formats.day(date.fromisoformat(value))
        except ValueError:
            return value
    return value
