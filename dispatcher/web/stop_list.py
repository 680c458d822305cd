"""The stop-list: who must not be contacted, since when, and who said so."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import File, Form, Request, UploadFile
from starlette.responses import Response

from campaigns.consent import Suppression
from dispatcher.access.roles import Right
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import suppressions, trail
from dispatcher.ledger.suppressions import StoredSuppression
from dispatcher.stop_list import (
    STAFF,
    Imported,
    import_lines,
    party_named,
    read_contact,
    read_text,
    reason_title,
    written,
)
from dispatcher.story import words
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from dispatcher.web.stop_form import (
    LONGEST_PARTY,
    LONGEST_REASON,
    StopForm,
    Typed,
    channel_options,
    purpose_options,
)
from templates.i18n import _, ngettext

screens = Screens()
PAGE = 50
# More would keep the page, and on SQLite everybody who writes, waiting for longer than a second.
MOST_LINES = 20_000


@screens.page("/stop-list", Right.SEE_PERSONS)
def stop_list(request: Request, engine: Engined, before: int = 0, after: int = 0) -> Response:
    return _page(request, engine, StopForm(), before=before, after=after)


@screens.act("/stop-list/search", Right.SEE_PERSONS)
def found(
    request: Request, engine: Engined, person: Asker, wanted: Annotated[str, Form()] = ""
) -> Response:
    """By an account, a number or an address. Everything that ever stood there for it."""
    wanted, now = wanted.strip()[:LONGEST_PARTY], engine.clock.now()
    if not wanted:
        return go(request, "/stop-list")
    with engine.ledger.read() as tx:
        entries = suppressions.all_of(tx, _parties(wanted))
    engine.ledger.insist(
        lambda tx: trail.note(
            tx, now, person.login, "stop_list.search", "stop-list", found=len(entries)
        )
    )
    return _page(request, engine, StopForm(), entries=entries, wanted=wanted)


@screens.act("/stop-list/add", Right.EDIT)
def add(request: Request, engine: Engined, person: Asker, typed: Typed) -> Response:
    now = engine.clock.now()
    typed.check_reason()
    until_at = typed.until_at(engine.settings.zone, now)
    is_account = typed.kind == "account"
    point = None
    try:
        party_named(typed.party, is_account=is_account)
        point = None if is_account else read_contact(typed.party)
    except NotPossible as error:
        typed.wrong["party"] = str(error)
    if typed.wrong:
        return _page(request, engine, typed, status=422)
    entry = Suppression(
        reason=typed.reason,
        account_number=typed.party if is_account else None,
        contact_point=point,
        channel=typed.on_channel,
        purpose=typed.for_purpose,
        until_at=until_at,
    )
    added = engine.ledger.insist(lambda tx: suppressions.add(tx, entry, person.login, now))
    told = _("On the stop-list.") if added else _("It was on the stop-list already.")
    return go(request, "/stop-list", told)


@screens.act("/stop-list/{entry_id}/lift", Right.EDIT)
def lift(
    request: Request,
    engine: Engined,
    person: Asker,
    entry_id: int,
    reason: Annotated[str, Form()] = "",
) -> Response:
    why, now = " ".join(reason.split())[:LONGEST_REASON], engine.clock.now()
    if not why:
        wrong = {f"lift-{entry_id}": _("Write why: somebody will ask.")}
        return _page(request, engine, StopForm(wrong=wrong), before=entry_id + 1, status=422)
    lifted = engine.ledger.insist(
        lambda tx: suppressions.lift(tx, entry_id, why, person.login, now)
    )
    return go(request, "/stop-list", _("Off the stop-list.") if lifted else _("It stood no more."))


@screens.act("/stop-list/import", Right.EDIT)
def import_file(
    request: Request,
    engine: Engined,
    person: Asker,
    typed: Typed,
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """A file as `dispatcher suppress import` takes it: whole, or not at all."""
    text = read_text(file.file.read()) if file else ""
    if not text.strip():
        typed.wrong["file"] = _("Choose a file.")
    elif text.count("\n") > MOST_LINES:
        typed.wrong["file"] = ngettext(
            "At most {count} line at once: divide the file.",
            "At most {count} lines at once: divide the file.",
            MOST_LINES,
        ).format(count=MOST_LINES)
    if typed.wrong:
        return _page(request, engine, typed, status=422)
    imported = engine.ledger.insist(
        lambda tx: import_lines(
            tx,
            text,
            are_accounts=typed.kind == "account",
            channel=typed.on_channel,
            purpose=typed.for_purpose,
            reason=typed.reason or STAFF,
            actor=person.login,
            now=engine.clock.now(),
        )
    )
    return _page(request, engine, StopForm(), imported=imported)


@screens.act("/stop-list/export", Right.EXPORT)
def export(engine: Engined, person: Asker) -> Response:
    now = engine.clock.now()
    with engine.ledger.read() as tx:
        entries = suppressions.standing(tx, now)
    engine.ledger.insist(
        lambda tx: trail.note(
            tx, now, person.login, "export.stop_list", "stop-list", rows=len(entries)
        )
    )
    name = f"stop-list-{now:%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(written(entries), media_type="text/csv", headers=headers)


def _parties(wanted: str) -> list[str]:
    """Under every name that it may be: an account's, and a contact point's if it is one."""
    found = [party_named(wanted, is_account=True)]
    try:
        found.append(party_named(wanted, is_account=False))
    except NotPossible:
        return found
    return found


def _page(
    request: Request,
    engine: Engine,
    typed: StopForm,
    *,
    status: int = 200,
    before: int = 0,
    after: int = 0,
    entries: Sequence[StoredSuppression] | None = None,
    wanted: str = "",
    imported: Imported | None = None,
) -> Response:
    now = engine.clock.now()
    newer = older = ""
    if entries is None:
        with engine.ledger.read() as tx:
            entries = suppressions.page(
                tx, now, before_id=before or None, after_id=after or None, limit=PAGE
            )
            ends = (entries[0].id, entries[-1].id) if entries else (before, after)
            if entries and suppressions.page(tx, now, after_id=ends[0], limit=1):
                newer = f"/stop-list?after={ends[0]}"
            if entries and suppressions.page(tx, now, before_id=ends[1], limit=1):
                older = f"/stop-list?before={ends[1]}"
    return render(
        request,
        "stop_list.html",
        status,
        entries=entries,
        typed=typed,
        wanted=wanted,
        imported=imported,
        newer=newer,
        older=older,
        channels=channel_options(),
        purposes=purpose_options(),
        words=words,
        reason_title=reason_title,
    )
