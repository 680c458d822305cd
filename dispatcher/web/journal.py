"""The journal: who did what, newest first; and as a file, which is an act itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Form, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Match

from dispatcher.access.roles import Right
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, journal, staff, trail
from dispatcher.ledger.journal import Entry, Wanted
from dispatcher.ledger.staff import Member
from dispatcher.report.tables import csv_bytes
from dispatcher.web import journal_words
from dispatcher.web.rendering import render
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import _

screens = Screens()

SHOWN = 50
PROGRAM = "program"
NOBODY = "0"  # is nobody's number
# Beyond them there is no midnight in every zone, and nothing in the journal.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for, as it stands in the address: people by number, never by name."""

    who: str = ""
    kind: str = ""
    day: date | None = None

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Asked":
        """What is no choice of ours is left out; but a person of whom we know nothing is not
        everybody: somebody might take all acts along who wanted those of one."""
        who, kind = given.get("who", ""), given.get("kind", "")
        if who not in ("", PROGRAM) and not (who.isascii() and who.isdigit() and len(who) < 10):
            who = NOBODY
        if kind not in journal_words.kinds():
            kind = ""
        try:
            day = date.fromisoformat(given.get("day", "")[:10])
        except ValueError:
            day = None
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            day = None
        return cls(who, kind, day)

    @property
    def query(self) -> str:
        day = self.day.isoformat() if self.day else ""
        given = {"who": self.who, "kind": self.kind, "day": day}
        return urlencode({name: value for name, value in given.items() if value})

    def wanted(self, members: Sequence[Member], zone: str) -> Wanted:
        logins = {str(member.id): member.login for member in members}
        since = _midnight(self.day, zone) if self.day else None
        until = _midnight(self.day + timedelta(days=1), zone) if self.day else None
        return Wanted(
            actor=logins.get(self.who, ""),
            by_program=self.who == PROGRAM,
            by_nobody=self.who not in ("", PROGRAM, *logins),
            actions=journal_words.acts_of(self.kind) if self.kind else (),
            since=since,
            until=until,
        )


@screens.page("/journal", Right.ADMINISTER)
def show(request: Request, engine: Engined) -> Response:
    asked = Asked.of(request.query_params)
    before = request.query_params.get("before", "")
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
    with engine.ledger.read() as tx:
        members = staff.everybody(tx)
        wanted = asked.wanted(members, engine.settings.zone)
        found = journal.entries(tx, wanted, SHOWN + 1, before_id)
        shown = found[:SHOWN]
        subject = _subjects(request, tx, shown, members)
    names = {member.login: member.name for member in members}
    older = f"before={shown[-1].id}" if len(found) > SHOWN else ""
    return render(
        request,
        "journal.html",
        asked=asked,
        entries=shown,
        is_first=before_id is None,
        newest=_path(asked.query),
        older=_path(asked.query, older) if older else "",
        members=members,
        program=PROGRAM,
        kinds=journal_words.kinds(),
        act_words=journal_words.act_words,
        actor_name=lambda actor: names.get(actor) or journal_words.actor_words(actor),
        details_words=lambda entry: journal_words.details_words(entry, engine.settings.zone),
        subject=subject,
    )


@screens.act("/journal/export", Right.ADMINISTER)
def export(
    engine: Engined,
    person: Asker,
    who: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    day: Annotated[str, Form()] = "",
) -> Response:
    """What is looked for as a file. That it was taken stands in the journal before its first line
    goes."""
    asked = Asked.of({"who": who, "kind": kind, "day": day})
    now = engine.clock.now()
    with engine.ledger.write() as tx:
        members = staff.everybody(tx)
        chosen = {"kind": asked.kind, "day": asked.day.isoformat() if asked.day else ""}
        trail.note(tx, now, person.login, "export.journal", "journal", **chosen)
    wanted = asked.wanted(members, engine.settings.zone)
    lines = csv_bytes(_lines(engine, wanted))
    headers = {"Content-Disposition": f'attachment; filename="journal-{now:%Y-%m-%d}.csv"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def _lines(engine: Engine, wanted: Wanted) -> Iterator[Sequence[str]]:
    zone = ZoneInfo(engine.settings.zone)
    yield [_("When"), _("Who"), _("What was done"), _("Act"), _("Of what"), _("Details")]
    for entry in journal.every(engine.ledger, wanted):
        yield [
            f"{entry.at.astimezone(zone):%d.%m.%Y %H:%M:%S}",
            entry.actor,
            journal_words.act_words(entry.action),
            entry.action,
            entry.subject,
            journal_words.details_words(entry, engine.settings.zone),
        ]


@dataclass(frozen=True, slots=True)
class Subject:
    """What an act was done to, and the page of it, if there is one."""

    title: str
    path: str = ""


def _subjects(
    request: Request, tx: Transaction, entries: Sequence[Entry], members: Sequence[Member]
) -> Callable[[Entry], Subject]:
    """What the entries of a page are about. A path that leads nowhere is not shown as one."""
    ids = {int(key) for kind, key in map(_parts, entries) if kind == "inquiry" and key.isdigit()}
    numbers = journal.inquiry_numbers(tx, ids)
    names = {str(member.id): member.name for member in members}
    names_by_login = {member.login: member.name for member in members}

    def subject(entry: Entry) -> Subject:
        kind, key = _parts(entry)
        match kind:
            case "inquiry":
                number = numbers.get(int(key), key) if key.isdigit() else key
                found = Subject(_("Inquiry {number}").format(number=number), f"/inquiries/{number}")
            case "staff":
                found = Subject(names.get(key, key), f"/people/{key}")
            case "trial":
                found = Subject(names_by_login.get(key, key))
            case "scenario":
                found = Subject(_("Scenario {name}").format(name=key), f"/scenarios/{key}")
            case "provider":
                title = " ".join(map(journal_words.channel_or, key.split(":")))
                found = Subject(title, "/settings")
            case "day":
                found = Subject(key, "/calendar")
            case _:
                found = _numbered(kind, key) or _places().get(kind) or Subject(entry.subject)
        return found if _leads_somewhere(request, found.path) else Subject(found.title)

    return subject


def _numbered(kind: str, number: str) -> Subject | None:
    """What is known by its number."""
    title, path = {
        "campaign": (_("Campaign {number}"), "/campaigns/"),
        "audience": (_("List {number}"), "/audiences/"),
        "upload": (_("File {number}"), ""),
        "launch": (_("Request {number}"), "/launch/requests/"),
        "recipient": (_("Customer {number}"), "/recipients/"),
        "message": (_("Customer {number}"), "/recipients/"),
        "key": (_("Key {number}"), ""),
        "webhook": (_("Notification {number}"), "/settings/webhooks/"),
    }.get(kind, ("", ""))
    return Subject(title.format(number=number), path + number if path else "") if title else None


def _places() -> Mapping[str, Subject]:
    """What there is one of."""
    return {
        "suppression": Subject(_("Stop-list"), "/stop-list"),
        "stop-list": Subject(_("Stop-list"), "/stop-list"),
        "recipients": Subject(_("Recipients"), "/recipients"),
        "journal": Subject(_("Journal"), "/journal"),
        "retention": Subject(_("Retention of data")),
        "ledger": Subject(_("The ledger")),
    }


def _parts(entry: Entry) -> tuple[str, str]:
    kind, _colon, key = entry.subject.partition(":")
    return kind, key


def _leads_somewhere(request: Request, path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    routes = request.app.router.routes
    return bool(path) and any(route.matches(scope)[0] is Match.FULL for route in routes)


def _path(*queries: str) -> str:
    query = "&".join(filter(None, queries))
    return f"/journal?{query}" if query else "/journal"


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))
