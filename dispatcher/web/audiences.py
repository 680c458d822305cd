"""Audiences: the lists there are, what one is made of, who is in it, and what was wrong with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response, StreamingResponse

from campaigns.recipient import Recipient
from dispatcher import uploading
from dispatcher.access.roles import Right
from dispatcher.importing import write_errors
from dispatcher.ledger import Transaction, audience_lists, composition, trail, uploads
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.ledger.composition import Composition
from dispatcher.private_folder import private_folder
from dispatcher.web import audiences_words as words
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import _

screens = Screens()

LISTS, PEOPLE, ROWS = 25, 25, 50
# The figures of a list from before they were kept are counted for the page, if that is quick.
QUICKLY_COUNTED = 50_000
_LONGEST_QUERY = 200
_BLOCK_BYTES = 64 * 1024


@screens.page("/audiences", Right.LOOK)
def lists(request: Request, engine: Engined, person: Asker, before: int | None = None) -> Response:
    now = engine.clock.now()
    with engine.ledger.read() as tx:
        found = audience_lists.lists(tx, before, LISTS + 1)
        underway = uploads.open_imports(tx)
        waiting = uploads.unaccepted(tx, person.login, now) if person.may(Right.EDIT) else ()
    shown = found[:LISTS]
    older = f"/audiences?before={shown[-1].id}" if len(found) > LISTS else ""
    return render(
        request,
        "audiences.html",
        lists=shown,
        older=older,
        newer="/audiences" if before is not None else "",
        underway=underway,
        waiting=waiting,
        most_bytes=uploading.MOST_BYTES,
    )


@screens.page("/audiences/{audience_id}", Right.LOOK)
def one(request: Request, engine: Engined, audience_id: int, after: int | None = None) -> Response:
    with engine.ledger.read() as tx:
        audience = audience_lists.get(tx, audience_id)
        people = audience_lists.people(tx, audience_id, after, PEOPLE + 1)
        figures = _figures(tx, audience)
        uses = audience_lists.uses(tx, audience_id)
        is_used = bool(uses) or audience_lists.is_used(tx, audience_id)
    shown = dict(list(people.items())[:PEOPLE])
    more = len(people) > PEOPLE
    return render(
        request,
        "audience.html",
        audience=audience,
        figures=figures,
        uses=uses,
        is_used=is_used,
        people=shown,
        after=after,
        older=f"/audiences/{audience_id}?after={list(shown)[-1]}#people" if more else "",
        newer=f"/audiences/{audience_id}#people" if after is not None else "",
        words=words,
        most_bytes=uploading.MOST_RETURNING_BYTES,
    )


@screens.act("/audiences/{audience_id}/search", Right.SEE_PERSONS)
def search(
    request: Request,
    engine: Engined,
    audience_id: int,
    whom: Annotated[str, Form()] = "",
    after: Annotated[int, Form()] = 0,
) -> Response:
    """Who in a list is meant. A POST, so that no name and no number stands in an address."""
    whom = " ".join(whom.split())[:_LONGEST_QUERY]
    sought = audience_lists.whom(whom)
    with engine.ledger.read() as tx:
        audience = audience_lists.get(tx, audience_id)
        found = audience_lists.search(tx, audience_id, sought, after, PEOPLE)
    return render(
        request, "audience_search.html", audience=audience, whom=whom, found=found, after=after
    )


@screens.page("/audiences/{audience_id}/people/{recipient_id}", Right.SEE_PERSONS)
def person_of(request: Request, engine: Engined, audience_id: int, recipient_id: int) -> Response:
    """A row, as it is stored."""
    with engine.ledger.read() as tx:
        audience = audience_lists.get(tx, audience_id)
        recipient = audience_lists.person(tx, audience_id, recipient_id)
    return render(
        request,
        "audience_person.html",
        audience=audience,
        recipient=recipient,
        recipient_id=recipient_id,
        full_name=_full_name(recipient),
        fields=words.fields_of(recipient, {}),
        consents=[words.consent_words(consent) for consent in recipient.consents],
        segment=words.segment_title(recipient.segment.value),
        zone_source=words.zone_source_title(recipient.zone_source),
    )


@screens.page("/audiences/{audience_id}/errors", Right.LOOK)
def errors(
    request: Request,
    engine: Engined,
    audience_id: int,
    code: str = "",
    after: str = "",
) -> Response:
    """What was wrong with the file, row by row."""
    with engine.ledger.read() as tx:
        audience = audience_lists.get(tx, audience_id)
        rows = audience_lists.bad_rows(tx, audience_id, _place(after), code, ROWS + 1)
        figures = _figures(tx, audience)
    shown = rows[:ROWS]
    kind = f"code={code}&" if code.isidentifier() else ""
    path = f"/audiences/{audience_id}/errors?{kind}"
    last_id, last = shown[-1] if shown else (0, None)
    return render(
        request,
        "audience_errors.html",
        audience=audience,
        rows=[error for _id, error in shown],
        figures=figures,
        code=code,
        older=f"{path}after={last.row}-{last_id}" if last and len(rows) > ROWS else "",
        newer=path.rstrip("?&") if after else "",
    )


@screens.act("/audiences/{audience_id}/bad-rows", Right.EXPORT)
def take_bad_rows(engine: Engined, person: Asker, audience_id: int) -> Response:
    """The bad rows as a file to be mended. Cells that a spreadsheet would run are shielded."""
    now = engine.clock.now()
    with engine.ledger.read() as tx:
        audience = audience_lists.get(tx, audience_id)
    content = _file_of_bad_rows(engine, audience)
    count = next(content)

    def note(tx: Transaction) -> None:
        subject = f"audience:{audience_id}"
        trail.note(tx, now, person.login, "export.bad_rows", subject, rows=int(count))

    engine.ledger.insist(note)
    headers = {"Content-Disposition": f'attachment; filename="bad-rows-{audience_id}.csv"'}
    return StreamingResponse(content, media_type="text/csv; charset=utf-8", headers=headers)


@screens.act("/audiences/{audience_id}/delete", Right.EDIT)
def delete(request: Request, engine: Engined, person: Asker, audience_id: int) -> Response:
    """A list that was never used goes."""
    uploading.withdraw(engine, audience_id, person.login)
    return go(request, "/audiences", _("The list has been deleted."))


def _file_of_bad_rows(engine: Engined, audience: StoredAudience) -> Iterator[bytes]:
    """First how many rows there are, then the file."""
    with private_folder() as folder:
        path: Path = folder / "bad-rows.csv"
        yield str(write_errors(engine, audience, path)).encode()
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                yield block


def _figures(tx: Transaction, audience: StoredAudience) -> Composition | None:
    """What a list is made of; None where nobody has counted a large one."""
    kept = composition.of(tx, audience.id)
    if kept is None and audience.recipients <= QUICKLY_COUNTED:
        return composition.count(tx, audience.id)
    return kept


def _full_name(recipient: Recipient) -> str:
    return " ".join(filter(None, (recipient.surname, recipient.name, recipient.patronymic)))


def _place(after: str) -> tuple[int, int]:
    """A row and the id of a finding, from `12-345`."""
    row, _dash, number = after.partition("-")
    in_range = row.isdecimal() and number.isdecimal() and max(len(row), len(number)) < 10
    return (int(row), int(number)) if in_range else (0, 0)
