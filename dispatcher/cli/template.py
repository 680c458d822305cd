"""`dispatcher template …`: what a customer would hear and read, before anybody does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from campaigns.channel import ChannelName, Purpose
from campaigns.content import (
    CallContent,
    Content,
    MailContent,
    SmsContent,
    render_content,
)
from campaigns.recipient import Recipient
from campaigns.scenario import Scenario
from campaigns.scenario_samples import SAMPLE_LINK, SAMPLE_URL, USUAL, sample_accounts
from dispatcher.cli import screen, shared, texts
from dispatcher.cli.scenario import find_file
from dispatcher.cli.shared import AsJson
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.examination import unfit_of
from dispatcher.examining import phrases_with_seconds
from dispatcher.ledger import audiences, scenarios, sounds
from dispatcher.report.unfit_words import advice_on, why
from dispatcher.report.words import channels, word
from dispatcher.voices import Voice, find_voice
from templates.call import PAUSE_SECONDS, Action, CallScript, Say, SoundRef
from templates.errors import RenderError
from templates.i18n import _
from templates.sms import SmsShape, measure
from templates.speech import CALL_LIMIT_SECONDS, SENDING_LIMIT_SECONDS
from templates.tape import join

app = typer.Typer(no_args_is_help=True)


@app.callback()
def about() -> None:
    """Texts: to read, to measure, to hear."""


@app.command("preview", help=_("The texts of a scenario, filled in and measured."))
def preview(
    which: Annotated[str, typer.Argument(metavar="SCENARIO", help=_("A name, or a TOML file."))],
    audience: Annotated[
        str | None, typer.Option(help=_("An imported list; a made-up customer if left out."))
    ] = None,
    account: Annotated[
        str | None, typer.Option(help=_("The customer of the list; its first if left out."))
    ] = None,
    channel: Annotated[ChannelName | None, typer.Option(help=_("Only this channel."))] = None,
    language: Annotated[str, typer.Option(help=_("ru or en, for the made-up customer."))] = "ru",
    audio: Annotated[
        Path | None,
        typer.Option(help=_("A WAV file for the whole call.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    found = _find(engine, which)
    accounts = (
        [_customer(engine, audience, account)]
        if audience
        else sample_accounts(found.scenario, USUAL, language)
    )
    voice = find_voice()
    told: dict[str, Any] = {}
    for name in found.scenario.sequence():
        if channel not in {None, name}:
            continue
        content = _content(engine, found, name, accounts)
        told[name.value] = _facts(content, settings.sms_price_kopecks, voice)
        if not as_json:
            _show(name, content, settings.sms_price_kopecks, voice)
        if isinstance(content, CallContent) and audio is not None:
            told[name.value]["audio"] = _record(content.script, found, voice, audio)
    if as_json:
        screen.print_json(told)
    if audio is not None and ChannelName.PHONE.value not in told:
        raise NotPossible(_("This scenario has no call to record."))


@dataclass(frozen=True, slots=True)
class Found:
    """A scenario with its texts and sound files, stored or from a file."""

    scenario: Scenario
    templates: Mapping[ChannelName, Mapping[str, str]]
    sounds: Mapping[str, SoundRef]
    contents: Mapping[str, bytes]  # of the sound files, by name


def _find(engine: Engine, which: str) -> Found:
    with engine.ledger.read() as tx:
        stored = next((one for one in scenarios.newest(tx) if one.name == which), None)
        if stored is not None:
            contents = {
                name: sounds.content(tx, sound.digest) or b""
                for name, sound in stored.sounds.items()
            }
            return Found(stored.scenario, stored.templates, stored.sounds, contents)
    file = find_file(which, engine.settings.supplier())
    refs = {name: sound.ref for name, sound in file.sounds.items()}
    contents = {name: sound.content for name, sound in file.sounds.items()}
    return Found(file.scenario, file.templates, refs, contents)


def _customer(engine: Engine, audience: str, account: str | None) -> Recipient:
    with engine.ledger.read() as tx:
        found = audiences.find(tx, audience)
        if account is None:
            person = next(iter(audiences.after(tx, found.id, 0, 1).values()), None)
        else:
            known = audiences.by_account(tx, found.id, account)
            person = known[1] if known else None
    if person is None:
        raise NotFound(_("account"), account or "—")
    return person


def _content(
    engine: Engine, found: Found, channel: ChannelName, accounts: Sequence[Recipient]
) -> Content:
    extra = {"link_url": SAMPLE_LINK}
    if found.scenario.purpose is Purpose.MARKETING:
        extra["unsubscribe_url"] = SAMPLE_URL
    try:
        return render_content(
            found.scenario,
            channel,
            found.templates[channel],
            accounts,
            engine.settings.supplier(),
            extra,
            found.sounds,
            limit_seconds=SENDING_LIMIT_SECONDS,
        )
    except RenderError as error:
        unfit = unfit_of(channel, 0, accounts[0].account_number, error)
        told = [_("{channel}: {why}").format(channel=word(channels, channel), why=why(unfit))]
        raise NotPossible("\n  → ".join([*told, *advice_on([unfit])])) from None


def _facts(content: Content, prices: Mapping[str, int], voice: Voice | None) -> dict[str, Any]:
    match content:
        case SmsContent():
            shape = measure(content.text)
            return {
                "text": content.text,
                "characters": shape.characters,
                "encoding": shape.encoding.value,
                "parts": list(shape.parts),
                "offenders": list(shape.offenders),
                "cost_kopecks": {n: p * len(shape.parts) for n, p in prices.items()},
            }
        case CallContent():
            phrases = phrases_with_seconds(content.script, voice)
            return {
                "seconds": _call_seconds(phrases),
                "voice": voice.name if voice else None,
                "fragments": [{"text": text, "seconds": seconds} for text, seconds in phrases],
                "keys": [
                    {"digit": key.digit, "action": key.action.value, "answer": key.answer}
                    for key in content.script.keys
                ],
            }
        case MailContent():
            return {"subject": content.subject, "text": content.text, "html": content.html}


def _show(
    channel: ChannelName, content: Content, prices: Mapping[str, int], voice: Voice | None
) -> None:
    screen.console.rule(word(channels, channel), align="left", style="dim")
    match content:
        case SmsContent():
            screen.say(content.text)
            _show_shape(measure(content.text), prices)
        case CallContent():
            phrases = phrases_with_seconds(content.script, voice)
            texts.tell_phrases(phrases)
            _show_keys(content.script)
            screen.say(
                _("{seconds} s of {limit} ({measured})").format(
                    seconds=f"{_call_seconds(phrases):g}",
                    limit=f"{CALL_LIMIT_SECONDS:g}",
                    measured=_("spoken by {voice}").format(voice=voice.name)
                    if voice
                    else _("an estimate"),
                )
            )
        case MailContent():
            screen.say(_("Subject: {subject}").format(subject=content.subject))
            screen.say(content.text)


def _show_shape(shape: SmsShape, prices: Mapping[str, int]) -> None:
    screen.say(
        _("{characters} of 160 characters, {encoding}, parts: {parts}").format(
            characters=shape.characters, encoding=shape.encoding.value, parts=len(shape.parts)
        )
    )
    for provider, price in sorted(prices.items()):
        cost = texts.roubles(price * len(shape.parts))
        screen.say(_("cost by {provider}").format(provider=provider) + f": {cost}")


def _show_keys(script: CallScript) -> None:
    names = {
        Action.REPEAT: _("the message once more"),
        Action.OPERATOR: _("switch to an operator"),
        Action.HEARD: _("confirm that it was heard"),
        Action.STOP: _("never call again"),
        Action.ANSWER: _("an answer"),
    }
    if script.keys:
        rows = [
            (key.digit, f"{names[key.action]} {f'({key.answer})' if key.answer else ''}".strip())
            for key in script.keys
        ]
        screen.table("", [_("key"), _("what it does")], rows)


def _call_seconds(phrases: Sequence[tuple[str, float]]) -> float:
    spoken = sum(seconds for _text, seconds in phrases)
    return round(spoken + PAUSE_SECONDS * max(len(phrases) - 1, 0), 1)


def _record(
    script: CallScript, found: Found, voice: Voice | None, path: Path
) -> dict[str, Any] | None:
    """The whole call as one WAV file, as a silent listener would hear it."""
    if voice is None:
        screen.tell_error(
            _(
                "No voice is installed here, so nothing was recorded: install rhvoice and"
                " rhvoice-russian, or espeak-ng."
            )
        )
        return None
    pieces: list[bytes | float] = []
    for fragment in script.spoken:
        if pieces:
            pieces.append(PAUSE_SECONDS)
        if isinstance(fragment, Say):
            pieces.append(voice.speak(fragment.text, script.language))
        else:
            pieces.append(found.contents[fragment.name])
    try:
        path.write_bytes(join(pieces))
    except OSError as error:
        raise NotPossible(
            _("The file {path} cannot be written ({why}).").format(path=path, why=error.strerror)
        ) from None
    screen.tell_more(_("The call was recorded: {path}").format(path=path))
    return {"path": str(path), "voice": voice.name}
