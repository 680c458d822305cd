"""One message to one customer, now; and what came of it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from campaigns.delivery import Status
from dispatcher import feeding
from dispatcher.access.keys import Scope
from dispatcher.api.customers import recipient_of
from dispatcher.api.payloads import ChannelOut, MessageIn, MessageOut
from dispatcher.api.problems import FieldError, Problem, invalid, pointer_to
from dispatcher.api.repeating import Act, Repeatable
from dispatcher.api.routes import Caller, Engined, Facts, Routes
from dispatcher.engine import Engine
from dispatcher.errors import NotFound
from dispatcher.feeding import CalledOff, Fed, Lacks, NoSuchChannel, NoWords, Prepared, TooOften
from dispatcher.ledger import Transaction, scenarios, standing
from dispatcher.ledger.standing import Sent
from dispatcher.ledger.webhooks import message_state

routes = Routes("Messages")
_MARK = "msg_"


@routes.on(
    "POST",
    "/messages",
    Scope.SEND,
    status=202,
    response_model=MessageOut,
    problems=("unfit", "under-way", "key-used-before", "not-possible", "too-often", "too-large"),
)
def send_message(engine: Engined, caller: Caller, once: Repeatable, message: MessageIn) -> Response:
    """Send one message by a scenario. Accepted means: written down, to be sent within a second
    where its hour has come; it is repeated as the scenario says until the customer is reached."""

    def prepare() -> Act:
        ready = _prepared(engine, message)

        def act(tx: Transaction) -> Facts:
            fed = _feed(tx, engine, ready, caller.actor)
            return _told(fed.recipient_id, standing.message(tx, fed.recipient_id))

        return act

    return once.do(message, 202, prepare)


def _prepared(engine: Engine, message: MessageIn) -> Prepared:
    """What was asked for, looked at from all sides. Raises Problem."""
    recipient, errors = recipient_of(message.customer, engine.settings, 1, ("customer",))
    if recipient is None:
        raise Problem("invalid", errors=errors)
    try:
        with engine.ledger.read() as tx:
            stored = scenarios.find(tx, message.scenario)
    except NotFound:
        raise invalid("/scenario", "unknown", "There is no such scenario.") from None
    try:
        return feeding.prepare(engine, stored, recipient, message.channels)
    except NoSuchChannel as error:
        raise invalid("/channels", "not_there", str(error)) from None
    except Lacks as error:
        missing = [
            FieldError(str(error), "missing", pointer_to(("customer", "fields", name)))
            for name in error.names
        ]
        raise Problem("invalid", errors=missing) from None


def _feed(tx: Transaction, engine: Engine, message: Prepared, actor: str) -> Fed:
    """Raises Problem."""
    try:
        return feeding.feed(tx, engine, message, actor, engine.clock.now())
    except NoWords as error:
        raise Problem("unfit", str(error), more={"channel": error.where.value}) from None
    except TooOften as error:
        raise Problem("too-often", str(error), headers={"Retry-After": "3600"}) from None
    except CalledOff as error:
        raise Problem("not-possible", str(error)) from None


@routes.on(
    "GET",
    "/messages/{message_id}",
    Scope.SEND,
    Scope.RESULTS,
    response_model=MessageOut,
    problems=("not-found",),
)
def read_message(
    engine: Engined, message_id: Annotated[str, Path(pattern=r"^msg_[1-9][0-9]{0,8}$")]
) -> Facts:
    """How a message stands, channel by channel."""
    recipient_id = int(message_id.removeprefix(_MARK))
    with engine.ledger.read() as tx:
        found = standing.message(tx, recipient_id)
    if not found:
        raise Problem("not-found")
    return _told(recipient_id, found)


def _told(recipient_id: int, channels: Sequence[Sent]) -> Facts:
    return MessageOut(
        id=f"{_MARK}{recipient_id}",
        state=message_state([one.status for one in channels], is_closed=channels[0].is_closed),
        campaign_id=channels[0].campaign_id,
        channels=[
            ChannelOut(
                channel=one.channel,
                status=one.status.value,
                reason=one.reason.partition(":")[0],
                outcome=one.outcome.value if one.outcome else None,
                attempts=one.attempts,
                due_at=one.due_at if one.status is Status.PENDING else None,
                attempted_at=one.attempted_at,
            )
            for one in channels
        ],
    ).model_dump(mode="json")
