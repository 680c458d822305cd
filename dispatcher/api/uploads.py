"""A file of recipients, sent for a campaign: streamed into the ledger, piece by piece."""

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from dispatcher.access.keys import Scope
from dispatcher.api.payloads import UploadOut
from dispatcher.api.problems import Problem
from dispatcher.api.routes import Caller, Engined, Routes, seats_of
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import uploads

routes = Routes("Campaigns", seated=False)
PIECE_BYTES = 1024 * 1024
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@routes.on(
    "POST",
    "/uploads",
    Scope.LAUNCH,
    status=201,
    response_model=UploadOut,
    problems=("too-large", "wrong-media-type", "malformed"),
    more_of_document=_BODY,
)
async def send_file(request: Request, engine: Engined, caller: Caller) -> UploadOut:
    """Send a list as the billing system exports it: CSV in any usual encoding, with a header. Kept
    for a day; POST /campaigns names it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/csv":
        raise Problem("wrong-media-type", "text/csv is expected.")
    seats = seats_of(request)
    upload_id: int | None = None
    size = number = 0
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        size += len(chunk)
        if len(held) >= PIECE_BYTES:
            async with seats.one():
                upload_id = await run_in_threadpool(
                    _keep, engine, upload_id, number, bytes(held), caller.actor
                )
            number, held = number + 1, bytearray()
    if not size:
        raise Problem("malformed", "The file is empty.")
    async with seats.one():
        whole = await run_in_threadpool(
            _finish, engine, upload_id, number, held, size, caller.actor
        )
    return UploadOut(id=whole, size=size)


def _keep(engine: Engine, upload_id: int | None, number: int, piece: bytes, actor: str) -> int:
    """Store a piece; the first one begins the upload. What is broken off is swept away later."""
    now = engine.clock.now()
    with engine.ledger.write() as tx:
        known = upload_id if upload_id is not None else uploads.begin(tx, "api.csv", actor, now)
        try:
            uploads.add_piece(tx, known, number, piece, now)
        except NotPossible as error:
            raise Problem("malformed", str(error)) from None
    return known


def _finish(
    engine: Engine, upload_id: int | None, number: int, rest: bytearray, size: int, actor: str
) -> int:
    known = upload_id
    if rest or known is None:
        known = _keep(engine, upload_id, number, bytes(rest), actor)
    now = engine.clock.now()
    whole = known
    with engine.ledger.write() as tx:
        uploads.finish(tx, whole, size, now)
    return whole
