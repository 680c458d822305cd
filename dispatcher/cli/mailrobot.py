"""`dispatcher mailrobot …`: the role, how it stands, and letters tried out"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from campaigns.inquiry.verdict import Verdict
from dispatcher.cli import robot_letters, roles, screen, shared
from dispatcher.cli.screen import printable
from dispatcher.cli.shared import AsJson
from dispatcher.engine import Engine
from dispatcher.mailrobot.reasons import reason_words
from dispatcher.mailrobot.trial import Trial, letters_in, try_out
from dispatcher.mailrobot.wellbeing import MailboxWellbeing, Wellbeing, wellbeing
from dispatcher.wiring import make_engine
from templates.answers import topic_words
from templates.i18n import _, ngettext

app = typer.Typer()
app.command("letters", help=_("What came in and what was done with it; the newest first."))(
    robot_letters.letters
)


@app.callback(invoke_without_command=True)
def run(context: typer.Context) -> None:
    """Takes letters in and answers them, until it is stopped."""
    if context.invoked_subcommand is None:
        roles.mailrobot()


@app.command(help=_("Does it keep the minute? Exit code 1 when it does not."))
def status(as_json: AsJson = False) -> None:
    found = wellbeing(shared.engine())
    if as_json:
        screen.print_json({**asdict(found), "is_well": found.is_well})
    else:
        screen.table(
            "",
            [_("mailbox"), _("last look, s"), _("letters waiting"), _("oldest, s"), _("trouble")],
            [
                (
                    box.name,
                    _seconds(box.seconds_since_look),
                    str(box.waiting),
                    _seconds(box.oldest_seconds),
                    box.trouble or "—",
                )
                for box in found.mailboxes
            ],
        )
        for box in found.mailboxes:
            if box.left_alone:
                screen.say(_left_alone(box))
        screen.say(_on_the_way(found))
        for alarm in found.alarms:
            screen.say_badly(alarm)
        if found.is_well:
            screen.say_well(_("The minute is kept."))
    if not found.is_well:
        raise typer.Exit(1)


@app.command(
    "test", help=_("What would be done with a letter; nothing is sent and nothing written.")
)
def try_letters(
    letters: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help=_("Letters (.eml), or folders of them."))
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help=_("One line of JSON for each letter."))
    ] = False,
) -> None:
    paths = list(letters_in(letters))
    with _looking_only() as engine, engine.ledger.read() as tx:
        for path in paths:
            trial = try_out(engine, tx, path)
            if as_json:
                print(json.dumps(_facts(trial), ensure_ascii=False), flush=True)
            elif len(paths) == 1:
                _show(trial)
            else:
                _show_line(trial)


@contextmanager
def _looking_only() -> Iterator[Engine]:
    """The engine over the ledger that is there; where none is yet, over an empty one that leaves
    nothing behind."""
    settings = shared.settings()
    with tempfile.TemporaryDirectory(prefix="dispatcher-") as folder:
        if settings.is_embedded and not settings.ledger_file.exists():
            settings = settings.model_copy(update={"data_dir": Path(folder)})
        engine = make_engine(settings)
        try:
            yield engine
        finally:
            engine.ledger.close()


def _left_alone(box: MailboxWellbeing) -> str:
    return ngettext(
        "Mailbox {name}: {count} letter lay there long before the robot first looked, "
        "and is left alone.",
        "Mailbox {name}: {count} letters lay there long before the robot first looked, "
        "and are left alone.",
        box.left_alone,
    ).format(name=box.name, count=screen.number(box.left_alone))


def _on_the_way(found: Wellbeing) -> str:
    if not found.unanswered:
        return _("No answers are on the way.")
    return _("Answers on the way: {count}, the oldest for {seconds} s.").format(
        count=found.unanswered, seconds=_seconds(found.oldest_unanswered_seconds)
    )


def _seconds(seconds: float | None) -> str:
    return "—" if seconds is None else str(round(seconds))


def _facts(trial: Trial) -> dict[str, object]:
    decided, answer = trial.decided, trial.answer
    return {
        # The name of a file is bytes, and those may be no letters.
        "file": str(trial.path).encode("utf-8", "replace").decode(),
        "verdict": decided.judged.verdict,
        "reason": decided.judged.reason,
        "topic": decided.sorted.topic,
        "confidence": round(decided.sorted.confidence, 2),
        "route": decided.sorted.person or None,
        "answer": None
        if answer is None
        else {
            "to": decided.recipient.address if decided.recipient else None,
            "subject": answer.subject,
            "text": answer.text,
        },
        "language": decided.letter.language,
        "account_number": decided.sorted.account_number,
        "missing": list(decided.sorted.missing),
        "report": decided.report.kind if decided.report else None,
        "flaws": sorted(decided.letter.flaws),
    }


def _show(trial: Trial) -> None:
    decided = trial.decided
    judged, found = decided.judged, decided.sorted
    say = screen.say_well if judged.is_answered else screen.say_badly
    say(f"{_verdict(judged.verdict)}: {reason_words(judged.reason)}")
    screen.say(
        _("Topic: {topic} ({confidence} %)").format(
            topic=topic_words(found.topic), confidence=round(100 * found.confidence)
        )
    )
    screen.say(
        _("Goes to: {person}").format(
            person=found.person or _("nobody yet: it waits in the list of inquiries")
        )
    )
    if decided.letter.flaws:
        screen.say(_("Hard to read: {flaws}").format(flaws=", ".join(sorted(decided.letter.flaws))))
    if trial.answer is None or decided.recipient is None:
        return
    screen.say("")
    screen.say(printable(_("To: {address}").format(address=decided.recipient.address)))
    screen.say(printable(_("Subject: {subject}").format(subject=trial.answer.subject)))
    screen.say("")
    screen.say(printable(trial.answer.text))


def _show_line(trial: Trial) -> None:
    decided = trial.decided
    screen.say(
        f"{printable(trial.path.name)}: {_verdict(decided.judged.verdict)}, "
        f"{reason_words(decided.judged.reason)}; {topic_words(decided.sorted.topic)}"
    )


def _verdict(verdict: Verdict) -> str:
    return _("answer") if verdict is Verdict.ANSWER else _("silence")
