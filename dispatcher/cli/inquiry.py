"""`dispatcher inquiry …`: what customers answered by SMS"""

import unicodedata
from typing import Annotated

import typer

from campaigns.channel import ChannelName
from campaigns.inquiry.status import CloseReason, InquiryChannel, InquiryStatus
from campaigns.outcome import Outcome
from campaigns.stop_words import Wish
from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.ledger import inquiries, inquiry_lists, replies
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.inquiry_lists import ALL, Wanted
from dispatcher.ledger.replies import ReplyStatus
from dispatcher.logs import mask
from dispatcher.report.words import channels, outcomes, word
from templates.i18n import _

app = typer.Typer(no_args_is_help=True)

SHOWN = 60  # characters of a text in the list

Number = Annotated[int, typer.Argument(metavar="INQUIRY", help=_("The inquiry's number."))]
Full = Annotated[bool, typer.Option("--full", help=_("Do not mask contact points."))]


@app.command("list", help=_("What waits for an answer; the oldest first."))
def list_(
    everything: Annotated[
        bool, typer.Option("--all", help=_("Those that are done and the stops, too."))
    ] = False,
    full: Full = False,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    with shared.engine(settings).ledger.read() as tx:
        found = inquiry_lists.found(tx, Wanted(ALL) if everything else Wanted())
    if as_json:
        screen.print_json([_facts(one, full=full) for one in found])
    elif not found:
        screen.say(_("No inquiries yet.") if everything else _("No inquiries wait for an answer."))
    else:
        screen.table(
            "",
            [_("no."), _("received"), _("from"), _("account"), _("kind"), _("text")],
            [
                (
                    str(one.id),
                    screen.moment(one.received_at, settings.zone),
                    _point(one, full=full),
                    one.account_number or "—",
                    f"{_kind(one)}, {_status(one)}" if everything else _kind(one),
                    _shortened(printable(one.text)),
                )
                for one in found
            ],
        )


@app.command("show", help=_("One inquiry in full."))
def show(number: Number, full: Full = False, as_json: AsJson = False) -> None:
    settings = shared.settings()
    with shared.engine(settings).ledger.read() as tx:
        one = inquiries.get(tx, number)
        reply = replies.statuses(tx, [number]).get(number)
        is_sms = one.channel is InquiryChannel.SMS
        known = replies.of_inquiry(tx, number, ChannelName.SMS, one.provider) if is_sms else None
    arrival = known if isinstance(known, Outcome) else None
    if as_json:
        screen.print_json(_facts(one, full=full) | {"reply": reply, "reply_outcome": arrival})
        return
    received = screen.moment(one.received_at, settings.zone)
    account = one.account_number or _("unknown account")
    channel = word(channels, ChannelName(one.channel))
    screen.say(
        f"{one.id} · {channel} · {_point(one, full=full)} · {account} · "
        f"{received} · {_kind(one)} · {_status(one)}"
    )
    if one.done_at is not None:
        done_at = screen.moment(one.done_at, settings.zone)
        screen.say(_("done by {actor}, {at}").format(actor=one.done_by, at=done_at))
    if reply is not None:
        status = word(outcomes, arrival).lower() if arrival else _said(reply)
        screen.say(_("Confirmation by SMS: {status}.").format(status=status))
    screen.say("")
    screen.say(printable(one.text))


@app.command("done", help=_("An inquiry is dealt with."))
def done(number: Number, as_json: AsJson = False) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    with engine.ledger.write() as tx:
        actor, now = shared.actor(settings), engine.clock.now()
        changed = inquiries.close(tx, number, actor, now, CloseReason.DONE)
    if as_json:
        screen.print_json({"inquiry": number, "done": changed})
    elif changed:
        screen.say_well(_("Inquiry {id} is done.").format(id=number))
    else:
        screen.say_badly(_("Inquiry {id} was done already.").format(id=number))
    if not changed:
        raise typer.Exit(1)


def printable(text: str) -> str:
    """A stranger's text without what would move the cursor or change the terminal's colours."""
    return "".join(
        c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co") else "\ufffd"
        for c in text
    )


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


def _point(one: Inquiry, *, full: bool) -> str:
    if not one.contact_point:
        return "—"
    return one.contact_point if full else mask(one.contact_point)


def _kind(one: Inquiry) -> str:
    words = {
        Wish.STOP: _("stop"),
        Wish.QUESTION: _("question"),
        Wish.UNREADABLE: _("unreadable"),
    }
    return words[one.kind]


def _status(one: Inquiry) -> str:
    return _("done") if one.status is InquiryStatus.CLOSED else _("new")


def _said(status: ReplyStatus) -> str:
    return {
        ReplyStatus.WAITING: _("waits to be sent"),
        ReplyStatus.SENDING: _("being sent"),
        ReplyStatus.SENT: _("sent"),
        ReplyStatus.FAILED: _("could not be sent"),
        ReplyStatus.UNCERTAIN: _("unknown whether it was sent"),
    }[status]


def _facts(one: Inquiry, *, full: bool) -> dict[str, object]:
    return {
        "inquiry": one.id,
        "channel": one.channel,
        "provider": one.provider,
        "contact_point": _point(one, full=full),
        "account_number": one.account_number,
        "attempt": one.attempt_id,
        "kind": one.kind,
        "text": one.text,
        "received_at": one.received_at,
        "status": one.status,
        "done_at": one.done_at,
        "done_by": one.done_by,
    }
