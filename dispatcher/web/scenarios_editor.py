"""The editor of a scenario: its rules and each text in a field of its own, checked and shown to a
customer as one types; stored as a new version."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import Response

from campaigns.channel import ChannelName
from dispatcher.access.roles import Person, Right
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.previewing import Letter, Message, speak
from dispatcher.rewording import (
    SOURCE,
    Draft,
    Examined,
    Recordings,
    StoredMeanwhile,
    copy_of,
    draft_of,
    examine,
    played,
    recordings_for,
    store,
)
from dispatcher.web.rendering import go, render
from dispatcher.web.scenarios import (
    framed,
    spoken,
    voice_of_this_machine,
)
from dispatcher.web.scenarios_changes import Change, changes, plain_texts
from dispatcher.web.scenarios_look import (
    Chosen,
    Look,
    Wish,
    choose,
    look,
    message_of,
    offered,
    script_of,
)
from dispatcher.web.scenarios_words import file_titles, page_words
from dispatcher.web.screens import Asker, Engined, Screens
from templates.folder import FILES, LANGUAGES, twin
from templates.i18n import _
from templates.problem import Problem, Refused

screens = Screens()

MOST_PROBLEMS = 30


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form of the editor brought."""

    draft: Draft
    wish: Wish


@dataclass(frozen=True, slots=True)
class Told:
    """A mistake as the page tells it: `file` names the field it is in, `where` says so in words."""

    problem: Problem
    file: str
    where: str


async def typed(request: Request) -> Typed:
    """Fields that were left empty are texts that are not there."""
    form = await request.form()

    def field(name: str) -> str:
        value = form.get(name)
        return value if isinstance(value, str) else ""

    def text(name: str) -> str:
        # A browser sends the lines of a field as in a letter, whatever they were.
        return field(name).replace("\r\n", "\n").replace("\r", "\n")

    templates: dict[ChannelName, dict[str, str]] = {}
    for channel in ChannelName:
        texts = {name: text(name) for name in _files(channel)}
        kept = {name: value for name, value in texts.items() if value.strip()}
        if kept:
            templates[channel] = kept
    base = field("base")
    draft = Draft(
        field("origin")[:63],
        int(base) if base.isdecimal() and len(base) < 10 else 0,
        text("source"),
        templates,
        is_copy=field("copy") == "yes",
    )
    return Typed(draft, Wish(field("audience"), field("recipient"), field("step")))


Given = Annotated[Typed, Depends(typed)]


@screens.page("/scenarios/{name}/edit", Right.EDIT)
def edit(
    request: Request, engine: Engined, person: Asker, name: str, version: str = ""
) -> Response:
    """The editor with the newest wording, or with that of an older version."""
    with engine.ledger.read() as tx:
        draft = draft_of(tx, name)
        if version.isdecimal() and len(version) < 10:
            older = draft_of(tx, name, int(version))
            draft = Draft(name, draft.base, older.source, older.templates)
    return _editor(request, engine, person, Typed(draft, Wish()))


@screens.page("/scenarios/{name}/copy", Right.EDIT)
def copy(request: Request, engine: Engined, person: Asker, name: str) -> Response:
    with engine.ledger.read() as tx:
        draft = copy_of(draft_of(tx, name))
    return _editor(request, engine, person, Typed(draft, Wish()))


@screens.act("/scenarios/check", Right.EDIT)
def check(request: Request, engine: Engined, person: Asker, given: Given) -> Response:
    """The whole page anew, for a browser without scripts."""
    return _editor(request, engine, person, given)


@screens.act("/scenarios/look", Right.EDIT)
def look_again(request: Request, engine: Engined, person: Asker, given: Given) -> Response:
    """What stands beside the fields, as one types."""
    return render(request, "scenario_look.html", live=True, **_seen(engine, person, given))


@screens.act("/scenarios/letter", Right.EDIT)
def letter(engine: Engined, person: Asker, given: Given) -> Response:
    """The letter as HTML, for the frame of the editor."""
    message = _message(engine, person, given, ChannelName.EMAIL)
    return framed(message.html if isinstance(message, Letter) else "")


@screens.act("/scenarios/voice", Right.EDIT)
def voice(engine: Engined, person: Asker, given: Given) -> Response:
    """The call, spoken."""
    message = _message(engine, person, given, ChannelName.PHONE)
    script = script_of(message) if message else None
    if script is None:
        raise NotPossible(_("The call cannot be worded yet: mend the mistakes in it first."))
    with engine.ledger.read() as tx:
        found = recordings_for(tx, given.draft.origin)
        contents = played(tx, found, given.draft.templates)
    return spoken(speak(script, contents, voice_of_this_machine()))


@screens.act("/scenarios/save", Right.EDIT)
def save(request: Request, engine: Engined, person: Asker, given: Given) -> Response:
    """A new version, or the page again with what stands in its way."""
    draft = given.draft
    try:
        stored = store(engine, draft, person.login)
    except StoredMeanwhile as meanwhile:
        newest = meanwhile.newest
        theirs = Draft(draft.origin, newest.version, newest.source, newest.templates)
        ours = Typed(Draft(draft.origin, newest.version, draft.source, draft.templates), given.wish)
        return _editor(
            request,
            engine,
            person,
            ours,
            status=409,
            why=str(meanwhile),
            conflict=changes(theirs, ours.draft),
        )
    except Refused:
        why = _("It is not stored yet: mend the mistakes first.")
        return _editor(request, engine, person, given, status=422, why=why)
    except NotPossible as error:
        return _editor(request, engine, person, given, status=422, why=str(error))
    if stored.version == draft.base and not draft.is_copy:
        notice = _("Nothing has changed: this is version {version} still.")
    else:
        notice = _("Version {version} is stored. New campaigns will use it.")
    return go(request, f"/scenarios/{stored.name}", notice.format(version=stored.version))


def _editor(
    request: Request,
    engine: Engine,
    person: Person,
    given: Typed,
    *,
    status: int = 200,
    why: str = "",
    conflict: Sequence[Change] = (),
) -> Response:
    with engine.ledger.read() as tx:
        audiences = offered(tx, person)
    seen = _seen(engine, person, given)
    return render(
        request,
        "scenario_editor.html",
        status,
        live=False,
        draft=given.draft,
        texts=plain_texts(given.draft.templates),
        groups=_groups(given.draft),
        audiences=audiences,
        why=why,
        conflict=conflict,
        **seen,
    )


def _groups(draft: Draft) -> Sequence[tuple[ChannelName, bool, Sequence[str], Sequence[str]]]:
    """For each channel: whether it has any text, its files, and those in English."""
    return [
        (
            channel,
            bool(draft.templates.get(channel)),
            FILES[channel],
            [twin(file, "en") for file in FILES[channel]],
        )
        for channel in ChannelName
    ]


def _seen(engine: Engine, person: Person, given: Typed) -> dict[str, Any]:
    """Mistakes, messages and the cadence: what the fields come to."""
    examined, chosen, found = _examined(engine, person, given)
    seen: Look | None = None
    if examined.scenario is not None and chosen is not None:
        with engine.ledger.read() as tx:
            seen = look(engine, tx, examined.scenario, given.draft.templates, found.refs, chosen)
    told = [_told(problem) for problem in examined.problems]
    return {
        "may_be_stored": examined.file is not None,
        "told": told[:MOST_PROBLEMS],
        "more": max(len(told) - MOST_PROBLEMS, 0),
        "wrong": {one.file for one in told} if examined.file is None else set(),
        "look": seen,
        "chosen": chosen,
        "wish": chosen.wish if chosen else given.wish,
        **page_words(),
    }


def _message(engine: Engine, person: Person, given: Typed, channel: ChannelName) -> Message | None:
    """The draft's message on a channel; None where its rules do not tell yet that there is one."""
    examined, chosen, found = _examined(engine, person, given)
    if chosen is None or examined.scenario is None or channel not in examined.scenario.channels:
        return None
    return message_of(engine, examined.scenario, given.draft.templates, found.refs, chosen, channel)


def _examined(
    engine: Engine, person: Person, given: Typed
) -> tuple[Examined, Chosen | None, Recordings]:
    with engine.ledger.read() as tx:
        found = recordings_for(tx, given.draft.origin)
    examined = examine(given.draft, found, engine.settings.supplier())
    if examined.scenario is None:
        return examined, None, found
    with engine.ledger.read() as tx:
        return examined, choose(tx, person, examined.scenario, given.wish), found


def _told(problem: Problem) -> Told:
    file = (problem.file or SOURCE).rpartition("/")[2]
    title = file_titles().get(file, file)
    if problem.line:
        title = _("{title}, line {line}").format(title=title, line=problem.line)
    return Told(problem, file, title)


def _files(channel: ChannelName) -> Sequence[str]:
    return [twin(file, language) for file in FILES[channel] for language in LANGUAGES]
