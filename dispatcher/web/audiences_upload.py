"""A list comes in: a file is sent, looked into, accepted, imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Form, Request
from starlette.responses import Response

from campaigns.audience import Column, FirstLook, RowError
from campaigns.audience.headers import normalised
from campaigns.recipient import Recipient
from dispatcher import uploading
from dispatcher.access.roles import Right
from dispatcher.errors import NotFound
from dispatcher.ledger import audience_lists, jobs, uploads
from dispatcher.ledger.reports import RowErrorCount
from dispatcher.ledger.uploads import Upload
from dispatcher.uploading import BadName, advice_of
from dispatcher.web import audiences_words as words
from dispatcher.web.audiences_sending import take_in
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, May, Screens
from templates.i18n import _, current_language
from templates.problem import Refused

screens = Screens()


@dataclass(frozen=True, slots=True)
class Meant:
    """What somebody says of a file before it is accepted. `mapping`: what a column means; those
    that speak for themselves are not in it."""

    mapping: Mapping[str, str]
    name: str
    into: int | None  # the list it joins


def _meant(
    header: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies it
    meaning: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies it
    name: Annotated[str, Form()] = "",
    into: Annotated[int | None, Form()] = None,
) -> Meant:
    pairs = zip(header, meaning, strict=False)
    return Meant({column: means for column, means in pairs if column.strip() and means}, name, into)


Said = Annotated[Meant, Depends(_meant)]


# The token is looked for before the file is taken in, and not after the whole of it was read.
@screens.post("/audiences/upload", dependencies=[Depends(May(Right.EDIT))], response_model=None)
async def send(request: Request, engine: Engined, person: Asker) -> Response:
    upload_id, fields = await take_in(request, engine, person)
    into = fields.get("into", "")
    return go(
        request, f"/audiences/uploads/{upload_id}" + (f"?into={into}" if into.isdigit() else "")
    )


@screens.page("/audiences/uploads/{upload_id}", Right.EDIT)
def first_look(
    request: Request, engine: Engined, upload_id: int, into: int | None = None
) -> Response:
    with engine.ledger.read() as tx:
        known = uploads.import_of(tx, upload_id)
        mapping = uploading.mapping_of_last_import(tx, into) if into is not None else {}
    if known is not None and not uploading.took_nobody(known):
        return go(request, f"/audiences/imports/{known.id}")
    if known is not None:
        mapping = dict(known.asked["mapping"])  # what it came to was not what was meant
    return _page(request, engine, upload_id, mapping, into)


@screens.act("/audiences/uploads/{upload_id}/reading", Right.EDIT)
def read_again(request: Request, engine: Engined, upload_id: int, said: Said) -> Response:
    """The same with other meanings of the columns."""
    return _page(request, engine, upload_id, said.mapping, said.into, name=said.name)


@screens.act("/audiences/uploads/{upload_id}/accept", Right.EDIT)
def accept(
    request: Request, engine: Engined, person: Asker, upload_id: int, said: Said
) -> Response:
    try:
        accepted = uploading.accept(
            engine,
            upload_id,
            name=said.name,
            mapping=said.mapping,
            into=said.into,
            actor=person.login,
            language=current_language(),
        )
    except BadName as bad:
        told = str(bad)
        return _page(
            request, engine, upload_id, said.mapping, said.into, name=said.name, wrong=told
        )
    notice = "" if accepted.is_new else _("Somebody has accepted this file already.")
    return go(request, f"/audiences/imports/{accepted.job_id}", notice)


@screens.act("/audiences/uploads/{upload_id}/discard", Right.EDIT)
def discard(request: Request, engine: Engined, upload_id: int) -> Response:
    """Nobody wants the file any more. One that is being imported stays."""
    engine.ledger.insist(lambda tx: uploads.discard_unaccepted(tx, upload_id))
    return go(request, "/audiences", _("The file has been thrown away."))


@screens.page("/audiences/imports/{job_id}", Right.LOOK)
def importing(request: Request, engine: Engined, job_id: int) -> Response:
    """How far an import is, and what came of it."""
    with engine.ledger.read() as tx:
        job = jobs.get(tx, job_id)
    if job.kind != uploads.IMPORT:
        raise NotFound(_("job"), str(job_id))
    is_part = bool(request.headers.get("hx-request"))
    return render(
        request,
        "audiences_import_part.html" if is_part else "audiences_import.html",
        job=job,
        told=_reworded(job.told),
        is_underway=uploading.is_underway(job),
        took_nobody=uploading.took_nobody(job),
    )


def _reworded(told: Mapping[str, Any]) -> Mapping[str, Any]:
    errors = [RowErrorCount(**error).reworded() for error in told.get("errors", ())]
    return {**told, "errors": errors}


def _page(
    request: Request,
    engine: Engined,
    upload_id: int,
    mapping: Mapping[str, str],
    into: int | None,
    *,
    name: str | None = None,
    wrong: str = "",
) -> Response:
    audience = None
    if into is not None:
        with engine.ledger.read() as tx:
            audience = audience_lists.get(tx, into)
    try:
        upload, look = uploading.look(engine, upload_id, mapping)
    except Refused as refused:
        return render(
            request, "audiences_refused.html", 422, problems=refused.problems, upload_id=upload_id
        )
    is_part = request.headers.get("hx-request") and not wrong
    return render(
        request,
        "audiences_look_part.html" if is_part else "audiences_look.html",
        422 if wrong else 200,
        upload=upload,
        look=look,
        columns=_columns(look, mapping),
        people=_people(look),
        problems=[(one.message, advice_of(one.code, one.advice)) for one in look.problems],
        encoding=words.ENCODINGS.get(look.encoding or "", look.encoding),
        delimiter=words.delimiter_title(look.delimiter) if look.delimiter else None,
        into=into,
        audience=audience,
        name=_name(upload, name),
        wrong=wrong,
    )


def _name(upload: Upload, given: str | None) -> str:
    return uploading.name_for(upload.file_name) if given is None else given


def _columns(look: FirstLook, mapping: Mapping[str, str]) -> list[dict[str, object]]:
    """Each column with what stands in it, what it is taken for, and what else it could be."""
    said = {normalised(header): meaning for header, meaning in mapping.items()}
    found: list[dict[str, object]] = []
    for guess in look.guesses:
        chosen = said.get(normalised(guess.header), "")
        column: Column = look.columns[guess.index] if len(look.columns) > guess.index else guess
        groups = words.meanings(guess)
        known = {meaning.value for group in groups.values() for meaning in group}
        found.append(
            {
                "header": guess.header,
                "guess": words.meaning_of(guess),
                "chosen": chosen,
                "is_strange": bool(chosen) and chosen not in known,
                "groups": groups,
                "field": column.field,
                "examples": [
                    row.cells[guess.index][:60]
                    for row in look.rows[:3]
                    if guess.index < len(row.cells) and row.cells[guess.index].strip()
                ],
            }
        )
    return found


def _people(look: FirstLook) -> list[dict[str, object]]:
    """The first rows: who would be in the list, and what is wrong."""
    headers = {column.field: column.header for column in look.columns if column.field}
    found: list[dict[str, object]] = []
    for row in look.rows if not look.problems else ():
        items = [item for item in look.read if item.row == row.row]
        person = next((item for item in items if isinstance(item, Recipient)), None)
        found.append(
            {
                "row": row.row,
                "person": person,
                "fields": words.fields_of(person, headers) if person else (),
                "errors": [item for item in items if isinstance(item, RowError)],
            }
        )
    return found
