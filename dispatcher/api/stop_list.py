"""The stop-list, as other systems put customers on it and take them off."""

from datetime import datetime

from starlette.responses import Response

from campaigns.consent import Suppression
from dispatcher.access.keys import Scope
from dispatcher.api.payloads import StopIn, StopOut
from dispatcher.api.problems import Problem, invalid
from dispatcher.api.routes import Caller, Engined, Number, Routes
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import Transaction, suppressions
from dispatcher.ledger.suppressions import StoredSuppression
from dispatcher.stop_list import read_contact

routes = Routes("Stop-list")


@routes.on("POST", "/stop-list", Scope.STOP_LIST, response_model=StopOut)
def stop(engine: Engined, caller: Caller, asked: StopIn) -> StopOut:
    """Contact this customer no more. Said again, it is the entry that stands already."""
    if (asked.account is None) == (asked.contact_point is None):
        raise invalid("", "one_of", "Give either an account or a contact_point.")
    point = None
    if asked.contact_point is not None:
        try:
            point = read_contact(asked.contact_point)
        except NotPossible as error:
            raise invalid("/contact_point", "unreadable", str(error)) from None
    now = engine.clock.now()
    if asked.until_at is not None and asked.until_at <= now:
        raise invalid("/until_at", "too_early", "The end lies in the past.")
    account = asked.account.strip() if asked.account is not None else None
    if asked.account is not None and not account:
        raise invalid("/account", "missing", "An account number is expected.")
    wanted = Suppression(
        reason=asked.reason,
        account_number=account,
        contact_point=point,
        channel=asked.channel,
        purpose=asked.purpose,
        until_at=asked.until_at,
    )

    def act(tx: Transaction) -> StoredSuppression:
        suppressions.add(tx, wanted, caller.actor, now)
        entries = suppressions.all_of(tx, [suppressions.party_of(wanted)])
        return next(one for one in entries if _says_as_much(one, wanted, now))

    return _told(engine.ledger.insist(act))


@routes.on(
    "GET",
    "/stop-list/{entry_id}",
    Scope.STOP_LIST,
    response_model=StopOut,
    problems=("not-found",),
)
def read_stop(engine: Engined, entry_id: Number) -> StopOut:
    """Whom an entry is about, and whether it stands."""
    with engine.ledger.read() as tx:
        try:
            return _told(suppressions.get(tx, entry_id))
        except NotFound:
            raise Problem("not-found") from None


@routes.on("DELETE", "/stop-list/{entry_id}", Scope.STOP_LIST, status=204, problems=("not-found",))
def lift_stop(engine: Engined, caller: Caller, entry_id: Number) -> Response:
    """The entry ends; one that had ended stays so."""

    def act(tx: Transaction) -> None:
        try:
            suppressions.get(tx, entry_id)
        except NotFound:
            raise Problem("not-found") from None
        suppressions.lift(tx, entry_id, "api", caller.actor, engine.clock.now())

    engine.ledger.insist(act)
    return Response(status_code=204)


def _says_as_much(one: StoredSuppression, wanted: Suppression, now: datetime) -> bool:
    kept = one.suppression
    same = (kept.channel, kept.purpose) == (wanted.channel, wanted.purpose)
    return same and one.stands_at(now) and kept.until_at in (None, wanted.until_at)


def _told(entry: StoredSuppression) -> StopOut:
    kept = entry.suppression
    return StopOut(
        id=entry.id,
        account=kept.account_number,
        contact_point=kept.contact_point,
        channel=kept.channel,
        purpose=kept.purpose,
        reason=kept.reason,
        since_at=entry.since_at,
        until_at=kept.until_at,
        removed_at=entry.removed_at,
    )
