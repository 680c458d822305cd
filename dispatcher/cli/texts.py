"""How what a campaign would say is shown: in numbers, with what does not fit and why."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from campaigns.delivery import Status
from dispatcher.campaigning import Preview
from dispatcher.cli import screen
from dispatcher.examination import CallFigures, Examination, SmsFigures, TextsUnfit, Unfit
from dispatcher.ledger.reports import StatusCount
from dispatcher.planner import HeldBack
from dispatcher.report.unfit_words import advice_on, why
from dispatcher.report.words import channels, skip_reasons, word
from templates.filters import money
from templates.i18n import _, current_language, ngettext
from templates.speech import CALL_LIMIT_SECONDS

SHOWN = 20


def tell_unfit(found: Examination, *, may_leave_out: bool = True) -> None:
    """The messages that cannot go, on standard error, and what to do about them."""
    for one in found.unfit[:SHOWN]:
        screen.tell_more(f"  {unfit_line(one)}")
    more = found.unfit_count - min(len(found.unfit), SHOWN)
    if more:
        screen.tell_more(
            "  " + ngettext("… and {count} more", "… and {count} more", more).format(count=more)
        )
    for advice in advice_on(found.unfit):
        screen.tell_more(f"  → {advice}")
    if may_leave_out:
        screen.tell_more("  → " + _("To launch without these messages: --leave-out-unfit."))


def unfit_line(one: Unfit) -> str:
    """One message that cannot go, in a line."""
    return _("{channel}, account {account}: {why}").format(
        channel=word(channels, one.channel), account=one.account_number, why=why(one)
    )


def write_unfit(found: Examination, path: Path) -> None:
    """All of them as a file that a spreadsheet opens."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["account_number", "channel", "code", "measured", "name", "fields"])
        for one in found.unfit:
            fields = " ".join(f"{name}={length}" for name, length in one.fields)
            writer.writerow(
                [one.account_number, one.channel.value, one.code, one.measured, one.name, fields]
            )


def tell_sms(figures: SmsFigures, prices: dict[str, int]) -> None:
    """How long the SMS are, how many parts they take, what they cost."""
    if not figures.texts:
        return
    rows: list[tuple[str, object]] = [
        (_("SMS"), figures.texts),
        (_("the longest, characters"), figures.longest),
        (_("alphabet"), ", ".join(f"{name}: {n}" for name, n in sorted(figures.encodings.items()))),
        (_("in so many parts"), ", ".join(f"{p}: {n}" for p, n in sorted(figures.parts.items()))),
        (_("parts in all"), figures.parts_in_all),
    ]
    for provider, price in sorted(prices.items()):
        cost = roubles(figures.cost_kopecks(price))
        rows.append((_("cost by {provider}").format(provider=provider), cost))
    screen.table("", ["", ""], rows)


def roubles(kopecks: int) -> str:
    return money(kopecks, current_language())


def tell_calls(figures: CallFigures) -> None:
    """How long the longest call lasts, phrase by phrase."""
    if not figures.texts:
        return
    measured = (
        _("spoken by {voice}").format(voice=figures.voice) if figures.voice else _("an estimate")
    )
    screen.say(
        _("Calls: {count}. The longest lasts {seconds} s of 60 ({measured}):").format(
            count=figures.texts, seconds=f"{figures.longest_seconds:g}", measured=measured
        )
    )
    tell_phrases(figures.phrases)


def tell_phrases(phrases: Sequence[tuple[str, float]]) -> None:
    screen.table(
        "", [_("seconds"), _("what is said")], [(seconds, text) for text, seconds in phrases]
    )


def tell_preview(found: Preview, prices: dict[str, int], *, as_json: bool) -> None:
    """The plan in numbers, who is skipped and why, and the texts."""
    if as_json:
        plan = [
            {
                "channel": one.channel.value,
                "status": one.status.value,
                "reason": one.reason,
                "recipients": one.deliveries,
            }
            for one in found.statuses
        ]
        told = {
            "recipients": found.recipients,
            "plan": plan,
            "held_back": held_back_facts(found.held_back),
            **facts(found.examination, prices),
        }
        screen.print_json(told)
        return
    screen.table(
        "",
        [_("channel"), _("what happens"), _("recipients")],
        [(word(channels, one.channel), _fate(one), one.deliveries) for one in found.statuses],
    )
    tell_held_back(found.held_back)
    tell_sms(found.examination.sms, prices)
    tell_calls(found.examination.calls)
    if found.examination.unfit_count:
        screen.tell_error(str(TextsUnfit(found.examination)))
        tell_unfit(found.examination)


def tell_held_back(found: HeldBack) -> None:
    """How many are contacted later than the campaign begins; an emergency had better not wait."""
    for channel, count in found.items():
        screen.say(
            ngettext(
                "{channel}: {count} recipient is contacted later, having been reached lately.",
                "{channel}: {count} recipients are contacted later, having been reached lately.",
                count,
            ).format(channel=word(channels, channel), count=screen.number(count))
        )


def held_back_facts(found: HeldBack) -> dict[str, int]:
    return {channel.value: count for channel, count in found.items()}


def _fate(one: StatusCount) -> str:
    if one.status is Status.SKIPPED:
        return _("skipped: {reason}").format(reason=word(skip_reasons, one.reason))
    return _("will be contacted")


def facts(found: Examination, prices: dict[str, int]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "sms": {
            "texts": found.sms.texts,
            "longest_characters": found.sms.longest,
            "encodings": dict(found.sms.encodings),
            "texts_by_parts": {str(parts): n for parts, n in sorted(found.sms.parts.items())},
            "parts": found.sms.parts_in_all,
            "cost_kopecks": {name: found.sms.cost_kopecks(p) for name, p in prices.items()},
        },
        "calls": {
            "texts": found.calls.texts,
            "longest_seconds": found.calls.longest_seconds,
            "limit_seconds": CALL_LIMIT_SECONDS,
            "voice": found.calls.voice or None,
            "phrases": [{"text": t, "seconds": s} for t, s in found.calls.phrases],
        },
        "unfit": {
            "count": found.unfit_count,
            "listed": [
                {
                    "account_number": one.account_number,
                    "channel": one.channel.value,
                    "code": one.code,
                    "measured": one.measured,
                    "name": one.name,
                    "fields": dict(one.fields),
                }
                for one in found.unfit
            ],
        },
    }
