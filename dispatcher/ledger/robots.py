"""Mail-robots that are alive, and the letters in the hands of those that are not.

A robot counts its own beats, and each robot watches the counts of the others by a clock of its own:
hosts need not agree on the time, and nobody's clock may be put forward to kill others.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.outbox import IS_UNSENT, MailStatus, set_free
from dispatcher.ledger.tables import outbox, robots


def beat(tx: Transaction, robot: str, now: datetime) -> None:
    """A robot is alive."""
    made = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(robots)
    tx.execute(
        made.values(id=robot, started_at=now, beats=1).on_conflict_do_update(
            index_elements=[robots.c.id], set_={"beats": robots.c.beats + 1}
        )
    )


def beats(tx: Transaction) -> Mapping[str, int]:
    """How often each robot has given a sign of life."""
    return {row.id: row.beats for row in tx.execute(select(robots.c.id, robots.c.beats))}


def is_anything_lost(tx: Transaction, robot: str) -> bool:
    """Whether letters are in the hands of nobody known. Whoever asks is alive."""
    return tx.execute(select(outbox.c.id).where(_is_lost(robot)).limit(1)).first() is not None


def free(tx: Transaction, robot: str, dead: Mapping[str, int]) -> int:
    """What dead robots were sending waits again; how many letters. Whoever asks is alive.

    `dead` are forgotten, each unless it has given a sign of life since that beat.
    """
    for one, last in dead.items():
        tx.execute(robots.delete().where(robots.c.id == one, robots.c.beats == last))
    return set_free(tx, _is_lost(robot), "robot lost")


def leave(tx: Transaction, robot: str) -> None:
    """A robot stops, with nothing in its hands that it would still send."""
    set_free(tx, outbox.c.robot == robot, "stopped")
    tx.execute(robots.delete().where(robots.c.id == robot))


def _is_lost(robot: str) -> ColumnElement[bool]:
    known = select(robots.c.id)
    is_nobodys = and_(outbox.c.robot != robot, outbox.c.robot.not_in(known))
    is_lost = or_(outbox.c.robot.is_(None), is_nobodys)
    return and_(IS_UNSENT, outbox.c.status == MailStatus.SENDING, is_lost)
