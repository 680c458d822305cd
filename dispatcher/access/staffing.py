"""Who belongs to the staff, and what becomes of them: roles, names, who is shut out.

Whatever is decided here holds from the next request of the person on: a session is looked up in the
ledger each time, with the role as it is then. There is always an administrator who can come in, and
nobody shuts themselves out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatcher.access.entering import SESSION_IDLES
from dispatcher.access.naming import checked_name
from dispatcher.access.roles import Role
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import Transaction, staff, trail
from dispatcher.ledger.staff import Member, OpenSession, Presence
from templates.i18n import _


@dataclass(frozen=True, slots=True)
class Roll:
    """Everybody, and how each of them stands at `now`."""

    members: Sequence[Member]
    presence: Mapping[int, Presence]
    invited_until: Mapping[int, datetime]


def roll(engine: Engine) -> Roll:
    now = engine.clock.now()
    with engine.ledger.read() as tx:
        return Roll(
            staff.everybody(tx),
            staff.presence(tx, now, now - SESSION_IDLES),
            staff.open_invitations(tx, now),
        )


def change_role(engine: Engine, staff_id: int, role: Role, actor: str) -> bool:
    """False where it was that one already. Raises NotFound, NotPossible."""
    now = engine.clock.now()

    def act(tx: Transaction) -> bool:
        member = _hold(tx, staff_id)
        if member.role == role.value:
            return False
        if role is not Role.ADMINISTRATOR:
            _keep_an_administrator(tx, member)
        staff.change(tx, member.id, role=role.value)
        told = {"role": role.value, "was": member.role}
        trail.note(tx, now, actor, "staff.role", f"staff:{member.id}", **told)
        return True

    return engine.ledger.insist(act)


def rename(engine: Engine, staff_id: int, name: str, actor: str) -> bool:
    """False where it was that one already. Raises NotFound, NotPossible."""
    now, name = engine.clock.now(), checked_name(name)

    def act(tx: Transaction) -> bool:
        member = staff.get(tx, staff_id)
        if member.name == name:
            return False
        staff.change(tx, member.id, name=name)
        trail.note(tx, now, actor, "staff.rename", f"staff:{member.id}")
        return True

    return engine.ledger.insist(act)


def shut_out(engine: Engine, staff_id: int, actor: str) -> bool:
    """Whoever it is comes in no more, and is out at once: no session, no link works. False where
    that was so. Raises NotFound, NotPossible."""
    now = engine.clock.now()

    def act(tx: Transaction) -> bool:
        member = _hold(tx, staff_id)
        if member.login == actor:
            raise NotPossible(_("Nobody shuts themselves out. Ask another administrator."))
        if member.disabled_at is not None:
            return False
        _keep_an_administrator(tx, member)
        staff.change(tx, member.id, disabled_at=now)
        staff.withdraw_invitations(tx, member.id)
        ended = staff.end_sessions_of(tx, member.id, now)
        trail.note(tx, now, actor, "staff.shut_out", f"staff:{member.id}", sessions=ended)
        return True

    return engine.ledger.insist(act)


def let_in(engine: Engine, staff_id: int, actor: str) -> bool:
    """Whoever was shut out may come in again, by the password of before. Raises NotFound."""
    now = engine.clock.now()

    def act(tx: Transaction) -> bool:
        member = staff.get(tx, staff_id)
        if member.disabled_at is None:
            return False
        staff.change(tx, member.id, disabled_at=None)
        trail.note(tx, now, actor, "staff.let_in", f"staff:{member.id}")
        return True

    return engine.ledger.insist(act)


def end_sessions(engine: Engine, staff_id: int, actor: str, but: str = "") -> int:
    """Somebody is out wherever they have come in, but in the session of the digest `but`; how many
    sessions that ended. Raises NotFound."""
    now = engine.clock.now()

    def act(tx: Transaction) -> int:
        member = staff.get(tx, staff_id)
        ended = staff.end_sessions_of(tx, member.id, now, but)
        if ended:
            subject = f"staff:{member.id}"
            trail.note(tx, now, actor, "staff.end_sessions", subject, sessions=ended)
        return ended

    return engine.ledger.insist(act)


def open_sessions(engine: Engine, staff_id: int) -> Sequence[OpenSession]:
    """Where somebody is in just now, newest first."""
    now = engine.clock.now()
    with engine.ledger.read() as tx:
        return staff.open_sessions(tx, staff_id, now, now - SESSION_IDLES)


def end_own_session(engine: Engine, staff_id: int, mark: str, actor: str) -> bool:
    """End the session that `mark` stands for (`mark_of`); False where there is none such."""
    now = engine.clock.now()

    def act(tx: Transaction) -> bool:
        found = staff.open_sessions(tx, staff_id, now, now - SESSION_IDLES)
        marked = [one for one in found if mark_of(one) == mark]
        for one in marked:
            staff.end_session(tx, one.digest, now)
            trail.note(tx, now, actor, "staff.end_sessions", f"staff:{staff_id}", sessions=1)
        return bool(marked)

    return engine.ledger.insist(act)


def mark_of(session: OpenSession) -> str:
    """Tells the sessions of a person apart on a page; nobody comes in by it."""
    return session.digest[:16]


def member_of(engine: Engine, login: str) -> Member:
    """Raises NotFound, naming who there is."""
    with engine.ledger.read() as tx:
        member = staff.find(tx, login.strip())
        if member is None:
            known = tuple(one.login for one in staff.everybody(tx))
            raise NotFound(_("member of staff"), login, known)
    return member


def _hold(tx: Transaction, staff_id: int) -> Member:
    """A member as they are now, while nobody else changes who the administrators are."""
    staff.hold_role(tx, Role.ADMINISTRATOR.value)
    return staff.get(tx, staff_id)


def _keep_an_administrator(tx: Transaction, member: Member) -> None:
    """Raises NotPossible where the member is the last administrator who can come in."""
    can_come_in = member.password is not None and member.disabled_at is None
    if member.role != Role.ADMINISTRATOR.value or not can_come_in:
        return
    if staff.count_active(tx, Role.ADMINISTRATOR.value) <= 1:
        raise NotPossible(
            _("This is the last administrator. Make somebody else one first, who has come in.")
        )
