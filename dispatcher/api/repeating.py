"""A request that may come again: carried out once, answered alike each time.

The header `Idempotency-Key` names it, as in the draft of the IETF (httpapi-idempotency-key-header).
The act and the memory of its answer are one transaction. Whoever dies in the middle has done
nothing, and the next try does it; whoever died after it has done it, and the next try is told so.
What can be made ready without a lock is made ready before.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse

from dispatcher.api.problems import FieldError, Problem
from dispatcher.api.routes import caller_of, engine_of
from dispatcher.ledger import Transaction, idempotency
from dispatcher.ledger.idempotency import Remembered

REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")

# A system that waits for longer has given up: it comes again, under the same key.
PATIENCE_SECONDS = 10.0

Act = Callable[[Transaction], Mapping[str, Any]]
# Outside of any transaction: what is asked for is made ready, or refused with a Problem.
Preparation = Callable[[], Act]


class Once:
    """What a route is given to do its act with. Raises Problem for a key that is missing, used for
    another request, or under way."""

    def __init__(self, request: Request, key: str | None) -> None:
        if key is None or not _KEY.fullmatch(key):
            why = "1 to 200 printable ASCII characters that name this request."
            error = FieldError(why, "idempotency_key", parameter="Idempotency-Key")
            raise Problem("invalid", errors=[error])
        self._request, self._key = request, key

    def do(self, asked: BaseModel, status: int, prepare: Preparation) -> JSONResponse:
        """Prepare what was asked and carry it out, or give the answer that was given before.

        Raises LedgerAway when others stand in the way for too long.
        """
        engine, caller = engine_of(self._request), caller_of(self._request)
        digest = _digest(self._request.url.path, asked)
        with engine.ledger.read() as tx:
            known = idempotency.recall(tx, caller.id, self._key)
        if known is not None:
            return _again(known, digest)
        act = prepare()

        def once(tx: Transaction) -> tuple[Remembered, bool]:
            if not idempotency.hold(tx, caller.id, self._key):
                raise Problem("under-way", headers={"Retry-After": "1"})
            known = idempotency.recall(tx, caller.id, self._key)
            if known is not None:
                return known, True
            answered = Remembered(digest, status, act(tx))
            idempotency.remember(tx, caller.id, self._key, answered, engine.clock.now())
            return answered, False

        answered, was_there = engine.ledger.insist(once, PATIENCE_SECONDS)
        if was_there:
            return _again(answered, digest)
        return JSONResponse(answered.answer, answered.status)


def _again(known: Remembered, digest: str) -> JSONResponse:
    """What was answered before. Raises Problem when that was to another request."""
    if known.request_digest != digest:
        raise Problem("key-used-before")
    return JSONResponse(known.answer, known.status, headers={REPLAYED: "true"})


def once_of(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Names this request: sent again under the same key, it is carried out "
            "once and answered alike. Kept for 7 days. Required.",
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
        ),
    ] = None,
) -> Once:
    return Once(request, key)


Repeatable = Annotated[Once, Depends(once_of)]


def _digest(path: str, asked: BaseModel) -> str:
    """What was asked, however it was written down. What is not asked is left out: a program that
    knows of more that can be asked finds the same."""
    told = asked.model_dump_json(exclude_defaults=True)
    return hashlib.sha256(f"{path} {told}".encode()).hexdigest()
