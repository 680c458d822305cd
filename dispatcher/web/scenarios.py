"""Scenarios: what is said, by which rules, in which versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from campaigns.channel import ChannelName
from campaigns.scenario import Scenario
from campaigns.scenario_description import purpose_title
from campaigns.scenario_file import library, restore_scenario
from dispatcher.access.roles import Right
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import Transaction, scenarios
from dispatcher.ledger.scenarios import VersionLine
from dispatcher.previewing import Letter, Message, speak
from dispatcher.rewording import (
    Draft,
    Recordings,
    built_in,
    draft_of,
    played,
    recordings_for,
)
from dispatcher.voices import Voice, find_voice
from dispatcher.web.rendering import render
from dispatcher.web.scenarios_changes import changes, plain_texts
from dispatcher.web.scenarios_look import (
    Chosen,
    Wish,
    choose,
    look,
    message_of,
    offered,
    script_of,
)
from dispatcher.web.scenarios_words import in_words, page_words
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import _

screens = Screens()

Wished = Annotated[Wish, Depends()]

# A letter is shown as it is, with its own colours, and can do nothing: no script, no form, no
# picture from elsewhere; only a page of ours may frame it.
LETTER_HEADERS = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A scenario in the list; version 0 is one that nobody has changed yet."""

    name: str
    title: str
    purpose: str
    channels: tuple[str, ...]
    version: int
    added_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Version:
    """A version as one opens it. `line` is None for the built-in one."""

    draft: Draft
    scenario: Scenario
    recordings: Recordings
    line: VersionLine | None
    versions: Sequence[VersionLine]

    @property
    def numbers(self) -> list[int]:
        """All that can be compared, the newest first."""
        built = [0] if self.draft.origin in library() else []
        return [line.version for line in self.versions] + built

    @property
    def is_newest(self) -> bool:
        return self.draft.base == (self.versions[0].version if self.versions else 0)


@screens.page("/scenarios", Right.LOOK)
def listing(request: Request, engine: Engined) -> Response:
    with engine.ledger.read() as tx:
        stored = {one.name: one for one in scenarios.newest(tx)}
        used = scenarios.last_used(tx)
    lines = []
    for name in {*stored, *library()}:
        one = stored.get(name)
        scenario = one.scenario if one else built_in(name).scenario
        lines.append(
            Line(
                name,
                scenario.title,
                purpose_title(scenario.purpose),
                tuple(channel.value for channel in scenario.sequence()),
                one.version if one else 0,
                one.added_at if one else None,
                used.get(name),
            )
        )
    lines.sort(key=lambda line: line.title.casefold())
    return render(request, "scenarios.html", lines=lines, **page_words())


@screens.page("/scenarios/{name}", Right.LOOK)
def scenario(
    request: Request,
    engine: Engined,
    person: Asker,
    name: str,
    wish: Wished,
    version: str = "",
) -> Response:
    with engine.ledger.read() as tx:
        found = _open(tx, name, version)
        chosen = choose(tx, person, found.scenario, wish)
        seen = look(
            engine, tx, found.scenario, found.draft.templates, found.recordings.refs, chosen
        )
        audiences = offered(tx, person)
    return render(
        request,
        "scenario.html",
        found=found,
        look=seen,
        chosen=chosen,
        audiences=audiences,
        words=in_words(engine, found.scenario),
        texts=plain_texts(found.draft.templates),
        **page_words(),
    )


@screens.page("/scenarios/{name}/differences", Right.LOOK)
def differences(
    request: Request, engine: Engined, name: str, old: str = "", new: str = ""
) -> Response:
    with engine.ledger.read() as tx:
        after = _open(tx, name, new)
        before = _open(tx, name, old)
    return render(
        request,
        "scenario_differences.html",
        found=after,
        before=before,
        changes=changes(before.draft, after.draft),
        **page_words(),
    )


@screens.page("/scenarios/{name}/letter", Right.LOOK)
def letter(engine: Engined, person: Asker, name: str, wish: Wished, version: str = "") -> Response:
    """The letter as HTML, for a frame of the scenario's page."""
    with engine.ledger.read() as tx:
        found = _open(tx, name, version)
        chosen = choose(tx, person, found.scenario, wish)
    message = _message(engine, found, chosen, ChannelName.EMAIL)
    return framed(message.html if isinstance(message, Letter) else "")


@screens.page("/scenarios/{name}/call.wav", Right.LOOK)
def recording(
    engine: Engined, person: Asker, name: str, wish: Wished, version: str = ""
) -> Response:
    """The call as a silent listener hears it."""
    with engine.ledger.read() as tx:
        found = _open(tx, name, version)
        chosen = choose(tx, person, found.scenario, wish)
        contents = played(tx, found.recordings, found.draft.templates)
    message = _message(engine, found, chosen, ChannelName.PHONE)
    script = script_of(message)
    if script is None:
        raise NotFound(_("call"), name)
    return spoken(speak(script, contents, voice_of_this_machine()))


def voice_of_this_machine() -> Voice:
    """Raises NotPossible where there is none."""
    voice = find_voice()
    if voice is None:
        raise NotPossible(
            _("No voice is installed on this server, so the call cannot be heard here.")
        )
    return voice


def framed(html: str) -> Response:
    return Response(html, media_type="text/html", headers=LETTER_HEADERS)


def spoken(wave: bytes) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="call.wav"'}
    return Response(wave, media_type="audio/wav", headers=headers)


def _message(engine: Engine, found: Version, chosen: Chosen, channel: ChannelName) -> Message:
    return message_of(
        engine, found.scenario, found.draft.templates, found.recordings.refs, chosen, channel
    )


def _open(tx: Transaction, name: str, version: str) -> Version:
    """A version, or the newest. Raises NotFound."""
    number = int(version) if version.isdecimal() and len(version) < 10 else None
    draft = draft_of(tx, name, number)
    versions = scenarios.versions(tx, name)
    line = next((line for line in versions if line.version == draft.base), None)
    return Version(
        draft,
        restore_scenario(draft.source, draft.templates).scenario,
        recordings_for(tx, name),
        line,
        versions,
    )
