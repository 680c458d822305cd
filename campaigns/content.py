"""What templates see, and the content of one message on one channel.

The names a template may use:

    account_number name patronymic surname segment branch region language
    every further column of the audience   debt_kopecks, due_on, …
    every entry of the scenario's [values]
    greeting         «Здравствуйте, Мария Ивановна!», without a name where none is certain
    accounts         rows for {% for account in accounts %}, each with the names above
    accounts_count
    total_kopecks    the sum of debt_kopecks, or of the first amount the scenario requires
    total_<column>   the sum of any …_kopecks column all the accounts have
    company company_phone company_site company_signer company_signer_post
    link_url         a page of ours that notes the visit: the outcome `link_followed`
    unsubscribe_url  in marketing letters

Where accounts are merged, a column is there by its plain name only if all of them agree on it; what
differs is said in the loop. A customer must never be told one account's amount as if it were all.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from campaigns.channel import ChannelName
from campaigns.recipient import Recipient
from campaigns.scenario import SameContact, Scenario
from campaigns.sms_text import sms_text
from templates import speech
from templates.call import CallScript, SoundRef
from templates.call_file import call_script
from templates.errors import EmptyText, TooLong, TooManyAccounts
from templates.folder import texts_for
from templates.greeting import as_written, greet
from templates.neutral import one_line
from templates.render import compile_template, make_safe

RECIPIENT_NAMES = (
    *("account_number", "name", "patronymic", "surname"),
    *("segment", "branch", "region", "language"),
)
SUPPLIER_NAMES = (
    *("company", "company_phone", "company_site"),
    *("company_signer", "company_signer_post"),
)
COMPUTED_NAMES = (
    *("greeting", "accounts", "accounts_count", "total_kopecks"),
    *("link_url", "unsubscribe_url"),
)
RESERVED_NAMES = frozenset((*RECIPIENT_NAMES, *SUPPLIER_NAMES, *COMPUTED_NAMES, "loop"))
ACCOUNTS_LIMIT = 500

_SIGNER = {
    "ru": {"company_signer": "", "company_signer_post": "Отдел обслуживания клиентов"},
    "en": {"company_signer": "", "company_signer_post": "Customer service"},
}


@dataclass(frozen=True, slots=True)
class CallContent:
    script: CallScript


@dataclass(frozen=True, slots=True)
class SmsContent:
    text: str


@dataclass(frozen=True, slots=True)
class MailContent:
    subject: str
    text: str
    html: str


Content = CallContent | SmsContent | MailContent


def render_content(
    scenario: Scenario,
    channel: ChannelName,
    template_texts: Mapping[str, str],
    accounts: Sequence[Recipient],
    supplier: Mapping[str, str],
    extra: Mapping[str, str] | None = None,
    sounds: Mapping[str, SoundRef] = MappingProxyType({}),
    *,
    limit_seconds: float = speech.CALL_LIMIT_SECONDS,
) -> Content:
    """The content of one message to the accounts of one contact point.

    `template_texts` are the channel's files by name, as the ledger keeps them, `sounds` the sound
    files of its call; `limit_seconds` is how long a call may last by the estimate. Raises a
    RenderError (MissingValue, UnfitValue, TooLong, EmptyText, TooManyAccounts) when this customer
    cannot be told this; its words hold no personal data. Raises KeyError when a file is missing.
    """
    texts, language = texts_for(channel, template_texts, _common_language(accounts))
    seen = context(scenario, accounts, supplier, extra or {}, language)
    if channel is ChannelName.PHONE:
        return _call(texts["call.txt"], seen, language, sounds, limit_seconds)
    if channel is ChannelName.SMS:
        return SmsContent(sms_text(texts["sms.txt"], seen, language, scenario.channels[channel]))
    return _mail(texts, seen, language)


def context(
    scenario: Scenario,
    accounts: Sequence[Recipient],
    supplier: Mapping[str, str],
    extra: Mapping[str, str],
    language: str = "ru",
) -> dict[str, object]:
    """Everything a template sees; later sources win, and no column can take a reserved name."""
    if not accounts:
        raise ValueError("a message speaks of one account at least")
    if len(accounts) > ACCOUNTS_LIMIT:
        raise TooManyAccounts(len(accounts), ACCOUNTS_LIMIT)
    spoken_of = accounts if scenario.joins is SameContact.MERGE else accounts[:1]
    rows = [_row(account, scenario.values) for account in spoken_of]
    return {
        **_shared(rows),
        **_SIGNER[language],
        **supplier,
        **extra,
        **_totals(rows, scenario.fields),
        "greeting": greeting(accounts, language),
        "accounts": rows,
        "accounts_count": len(rows),
    }


def greeting(accounts: Sequence[Recipient], language: str = "ru") -> str:
    """By name and patronymic (the standard, chapter 8, section 5); neutral unless all agree."""
    first = accounts[0]
    if len(accounts) > 1:
        people = {
            (a.name.casefold(), a.patronymic.casefold(), a.surname.casefold()) for a in accounts
        }
        if len(people) > 1:
            return greet("", "", language)
    return greet(first.name, first.patronymic, language)


def _call(
    text: str,
    seen: Mapping[str, object],
    language: str,
    sounds: Mapping[str, SoundRef],
    limit_seconds: float,
) -> CallContent:
    script = call_script(text, seen, language, sounds)
    if script.total_seconds > limit_seconds:
        raise TooLong("seconds", script.total_seconds, limit_seconds)
    return CallContent(script)


def _mail(texts: Mapping[str, str], seen: Mapping[str, object], language: str) -> MailContent:
    safe = make_safe(seen, language)
    subject = one_line(compile_template(texts["subject.txt"], file="subject.txt").render_safe(safe))
    body = compile_template(texts["body.txt"], file="body.txt").render_safe(safe)
    body = re.sub(r"\n\s*\n", "\n\n", body).strip()  # what a condition left out leaves no hole
    html = compile_template(texts["body.html"], file="body.html", html=True).render_safe(safe)
    for file, text in (("subject.txt", subject), ("body.txt", body), ("body.html", html)):
        if not text or text.isspace():
            raise EmptyText(file)
    return MailContent(subject, body + "\n", html)


def _row(account: Recipient, values: Mapping[str, str]) -> dict[str, object]:
    columns = {
        name: value
        for name, value in account.fields.items()
        if name not in RESERVED_NAMES and value != ""
    }
    return {
        **values,
        **columns,
        "account_number": account.account_number,
        "name": as_written(account.name),
        "patronymic": as_written(account.patronymic),
        "surname": as_written(account.surname),
        "segment": str(account.segment),
        "branch": account.branch,
        "region": account.region,
        "language": account.language,
    }


def _shared(rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """What all rows agree on; the names of people and places are empty where they differ."""
    first, others = rows[0], rows[1:]
    if not others:
        return dict(first)  # a row has all those names
    shared = {
        name: value
        for name, value in first.items()
        if all(name in row and row[name] == value for row in others)
    }
    for name in ("name", "patronymic", "surname", "branch", "region", "segment"):
        shared.setdefault(name, "")
    return shared


def _totals(rows: Sequence[Mapping[str, object]], required: Sequence[str]) -> dict[str, object]:
    totals: dict[str, object] = {}
    for name in (name for name in rows[0] if name.endswith("_kopecks")):
        amounts = [row.get(name) for row in rows]
        if all(isinstance(amount, int) for amount in amounts):
            totals[f"total_{name}"] = sum(a for a in amounts if isinstance(a, int))
    main = main_amount(required)
    if f"total_{main}" in totals:
        totals["total_kopecks"] = totals[f"total_{main}"]
    return totals


def main_amount(required: Sequence[str]) -> str:
    """The column that `total_kopecks` adds up."""
    amounts = [name for name in required if name.endswith("_kopecks")]
    return amounts[0] if amounts and "debt_kopecks" not in amounts else "debt_kopecks"


def _common_language(accounts: Sequence[Recipient]) -> str:
    if len(accounts) == 1:
        return accounts[0].language
    languages = {account.language for account in accounts}
    return languages.pop() if len(languages) == 1 else "ru"
