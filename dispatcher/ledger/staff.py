"""Members of staff, their invitations and their sessions.

Of links and sessions only digests are kept: who reads the table can do nothing with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.staff_tables import invitations, knocks, sessions, staff
from templates.i18n import _


@dataclass(frozen=True, slots=True)
class Member:
    """One member of staff. `password` is a hash; None until the invitation was accepted."""

    id: int
    login: str
    name: str
    role: str
    password: str | None
    language: str
    added_at: datetime
    added_by: str
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has come in, and until when."""

    member: Member
    began_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session of somebody, as its owner sees it."""

    digest: str
    began_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Presence:
    """When somebody was here last, and in how many sessions they are in now."""

    seen_at: datetime
    sessions: int


def add(
    tx: Transaction, login: str, name: str, role: str, language: str, actor: str, now: datetime
) -> int:
    """Raises NotPossible where somebody of that login is there, or is being added just now."""
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    row = dialect.insert(staff).values(
        login=login.casefold(),
        name=name,
        role=role,
        language=language,
        added_at=now,
        added_by=actor,
    )
    added = tx.execute(row.on_conflict_do_nothing().returning(staff.c.id)).scalar()
    if added is None:
        raise NotPossible(
            _("There is somebody with the login {login} already.").format(login=login)
        )
    return int(added)


def find(tx: Transaction, login: str) -> Member | None:
    row = tx.execute(select(staff).where(staff.c.login == login.casefold())).first()
    return _member(row) if row else None


def get(tx: Transaction, staff_id: int) -> Member:
    """Raises NotFound."""
    row = tx.execute(select(staff).where(staff.c.id == staff_id)).first()
    if row is None:
        raise NotFound(_("member of staff"), str(staff_id))
    return _member(row)


def everybody(tx: Transaction) -> Sequence[Member]:
    rows = tx.execute(select(staff).order_by(staff.c.disabled_at.is_not(None), staff.c.name))
    return [_member(row) for row in rows]


def hold_role(tx: Transaction, role: str) -> None:
    """Keep others from changing whoever has a role until this transaction ends: of two who count
    them at the same time one waits for the other."""
    of_role = select(staff.c.id).where(staff.c.role == role).order_by(staff.c.id)
    tx.execute(of_role.with_for_update()).all()


def count_active(tx: Transaction, role: str) -> int:
    """How many of a role can come in: who has a password and is not shut out."""
    query = select(func.count()).where(
        staff.c.role == role, staff.c.disabled_at.is_(None), staff.c.password.is_not(None)
    )
    return int(tx.execute(query).scalar_one())


def change(tx: Transaction, staff_id: int, **values: object) -> None:
    tx.execute(update(staff).where(staff.c.id == staff_id).values(**values))


# --- invitations -----------------------------------------------------------------------------


def invite(
    tx: Transaction, staff_id: int, digest: str, actor: str, now: datetime, expires_at: datetime
) -> None:
    """A new link; earlier ones of the same person do not work any more."""
    tx.execute(
        delete(invitations).where(
            invitations.c.staff_id == staff_id, invitations.c.used_at.is_(None)
        )
    )
    tx.execute(
        insert(invitations).values(
            digest=digest, staff_id=staff_id, made_at=now, made_by=actor, expires_at=expires_at
        )
    )


def invited(tx: Transaction, digest: str, now: datetime) -> Member | None:
    """Whom a link is for, if it can be used now."""
    row = tx.execute(
        select(staff)
        .join(invitations, invitations.c.staff_id == staff.c.id)
        .where(
            invitations.c.digest == digest,
            invitations.c.used_at.is_(None),
            invitations.c.expires_at > now,
            staff.c.disabled_at.is_(None),
        )
    ).first()
    return _member(row) if row else None


def use_invitation(tx: Transaction, digest: str, now: datetime) -> bool:
    """Use a link up; False where another request was quicker."""
    used = tx.execute(
        update(invitations)
        .where(
            invitations.c.digest == digest,
            invitations.c.used_at.is_(None),
            invitations.c.expires_at > now,
        )
        .values(used_at=now)
    )
    return used.rowcount == 1


def withdraw_invitations(tx: Transaction, staff_id: int) -> None:
    """Links of somebody that were not used work no more."""
    of_person = (invitations.c.staff_id == staff_id, invitations.c.used_at.is_(None))
    tx.execute(delete(invitations).where(*of_person))


def open_invitations(tx: Transaction, now: datetime) -> Mapping[int, datetime]:
    """Who has a link that can be used, and until when."""
    query = select(invitations.c.staff_id, func.max(invitations.c.expires_at)).where(
        invitations.c.used_at.is_(None), invitations.c.expires_at > now
    )
    return {row[0]: row[1] for row in tx.execute(query.group_by(invitations.c.staff_id))}


# --- sessions --------------------------------------------------------------------------------


def begin_session(
    tx: Transaction, digest: str, staff_id: int, now: datetime, expires_at: datetime
) -> None:
    tx.execute(
        insert(sessions).values(
            digest=digest, staff_id=staff_id, began_at=now, seen_at=now, expires_at=expires_at
        )
    )


def session(tx: Transaction, digest: str, now: datetime, seen_after: datetime) -> Session | None:
    """The session of a digest, if it is good now: not ended, not expired, not left alone since
    `seen_after`, and of somebody who is not shut out."""
    row = tx.execute(
        select(staff, sessions.c.began_at, sessions.c.seen_at, sessions.c.expires_at)
        .join(staff, staff.c.id == sessions.c.staff_id)
        .where(
            sessions.c.digest == digest,
            *_good(now, seen_after),
            staff.c.disabled_at.is_(None),
        )
    ).first()
    if row is None:
        return None
    return Session(_member(row), row.began_at, row.seen_at, row.expires_at)


def open_sessions(
    tx: Transaction, staff_id: int, now: datetime, seen_after: datetime
) -> Sequence[OpenSession]:
    """Where somebody is in just now, newest first."""
    c = sessions.c
    query = select(c.digest, c.began_at, c.seen_at).where(
        c.staff_id == staff_id, *_good(now, seen_after)
    )
    return [OpenSession(*row) for row in tx.execute(query.order_by(c.began_at.desc(), c.digest))]


def presence(tx: Transaction, now: datetime, seen_after: datetime) -> Mapping[int, Presence]:
    """When each member was here last, as far as sessions are kept, and how many are open."""
    c = sessions.c
    seen = select(c.staff_id, func.max(c.seen_at)).group_by(c.staff_id)
    open_now = select(c.staff_id, func.count()).where(*_good(now, seen_after)).group_by(c.staff_id)
    counts = {row[0]: int(row[1]) for row in tx.execute(open_now)}
    return {row[0]: Presence(row[1], counts.get(row[0], 0)) for row in tx.execute(seen)}


def _good(now: datetime, seen_after: datetime) -> tuple[ColumnElement[bool], ...]:
    c = sessions.c
    return c.ended_at.is_(None), c.expires_at > now, c.seen_at > seen_after


def touch(tx: Transaction, digest: str, now: datetime) -> None:
    tx.execute(update(sessions).where(sessions.c.digest == digest).values(seen_at=now))


def end_session(tx: Transaction, digest: str, now: datetime) -> None:
    tx.execute(
        update(sessions)
        .where(sessions.c.digest == digest, sessions.c.ended_at.is_(None))
        .values(ended_at=now)
    )


def end_sessions_of(tx: Transaction, staff_id: int, now: datetime, but: str = "") -> int:
    """Somebody is out everywhere, but in the session of the digest `but`; how many that ended."""
    of_person = (sessions.c.staff_id == staff_id, sessions.c.ended_at.is_(None))
    others = sessions.c.digest != but
    return tx.execute(update(sessions).where(*of_person, others).values(ended_at=now)).rowcount


def forget_old(tx: Transaction, before: datetime) -> None:
    """Sessions, knocks and links that say nothing any more."""
    ended = or_(sessions.c.expires_at < before, sessions.c.ended_at < before)
    tx.execute(delete(sessions).where(ended))
    tx.execute(delete(knocks).where(knocks.c.at < before))
    tx.execute(delete(invitations).where(invitations.c.expires_at < before))


# --- failed log-ins --------------------------------------------------------------------------


def knock(tx: Transaction, whom: str, now: datetime) -> int:
    """Count a try; its number, by which it can be taken back."""
    row = insert(knocks).values(whom=whom, at=now)
    return int(tx.execute(row.returning(knocks.c.id)).scalar_one())


def take_back_knocks(tx: Transaction, ids: Sequence[int]) -> None:
    tx.execute(delete(knocks).where(knocks.c.id.in_(ids)))


def knocked(tx: Transaction, whom: str, since: datetime) -> int:
    """How often since then."""
    query = select(func.count()).where(knocks.c.whom == whom, knocks.c.at > since)
    return int(tx.execute(query).scalar_one())


def forget_knocks(tx: Transaction, whom: str) -> None:
    tx.execute(delete(knocks).where(knocks.c.whom == whom))


def _member(row: Row[tuple[object, ...]]) -> Member:
    return Member(
        row.id,
        row.login,
        row.name,
        row.role,
        row.password,
        row.language,
        row.added_at,
        row.added_by,
        row.disabled_at,
    )
