"""Coming in and going out: invitations, log-ins, sessions.

What a browser keeps is a random token of which the ledger has the digest; nothing can be made of
the one without the other. A session ends by itself after a night, or after an hour in which nobody
did anything.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from dispatcher.access import knocking
from dispatcher.access.knocking import Barred
from dispatcher.access.naming import LONGEST_LOGIN, checked_login, checked_name
from dispatcher.access.passwords import a_place, check_password, hashed, is_right
from dispatcher.access.roles import Person, Role
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, staff, trail
from dispatcher.ledger.staff import Member
from templates.i18n import _

log = structlog.get_logger()

SESSION_LASTS = timedelta(hours=12)
SESSION_IDLES = timedelta(hours=1)
# The ledger hears of a session's use no more often than this.
SEEN_EVERY = timedelta(minutes=1)
INVITATION_LASTS = timedelta(days=3)
# The first administrator sits before the console just now.
FIRST_LASTS = timedelta(hours=1)
FIRST_LOGIN = "admin"
OLD_KEPT = timedelta(days=30)


class WrongPassword(NotPossible):
    """The password that somebody has now is another one."""

    def __init__(self) -> None:
        super().__init__(_("The password that you have now is another one."))


@dataclass(frozen=True, slots=True)
class Entered:
    """Who has come in; `token` is for the browser alone."""

    person: Person
    token: str


def invite(
    engine: Engine, login: str, name: str, role: Role, actor: str, language: str = "ru"
) -> str:
    """Add a member of staff; the token of the link by which they choose their password.

    Raises NotPossible for a login that is taken, or that is none.
    """
    login, name = checked_login(login), checked_name(name)
    now, token = engine.clock.now(), _new_token()

    def act(tx: Transaction) -> None:
        staff_id = staff.add(tx, login, name, role.value, language, actor, now)
        staff.invite(tx, staff_id, digest_of(token), actor, now, now + INVITATION_LASTS)
        trail.note(tx, now, actor, "staff.invite", f"staff:{staff_id}", role=role.value)

    engine.ledger.insist(act)
    return token


def invite_again(engine: Engine, staff_id: int, actor: str) -> str:
    """A new link for somebody who lost theirs, or their password; the old one works no more.

    Raises NotFound, and NotPossible for somebody who is shut out.
    """
    now, token = engine.clock.now(), _new_token()

    def act(tx: Transaction) -> None:
        member = staff.get(tx, staff_id)
        if member.disabled_at is not None:
            raise NotPossible(_("This person is shut out. Let them in again first."))
        staff.invite(tx, member.id, digest_of(token), actor, now, now + INVITATION_LASTS)
        trail.note(tx, now, actor, "staff.invite_again", f"staff:{staff_id}")

    engine.ledger.insist(act)
    return token


def accept(engine: Engine, token: str, password: str) -> Entered:
    """Choose a password by an invitation, and come in. All other sessions of the person end.

    Raises NotPossible for a link that is used, expired or made up, and for a weak password, and
    TooMany.
    """
    now, session_token = engine.clock.now(), _new_token()
    with engine.ledger.read() as tx:
        member = staff.invited(tx, digest_of(token), now)
    if member is None:
        raise NotPossible(_("This link has been used or is too old. Ask for a new one."))
    check_password(password, member.login, member.name)
    with a_place():
        kept = hashed(password)

    def act(tx: Transaction) -> bool:
        if not staff.use_invitation(tx, digest_of(token), now):
            return False
        staff.change(tx, member.id, password=kept)
        staff.end_sessions_of(tx, member.id, now)
        _begin(tx, engine, member.id, session_token)
        trail.note(tx, now, member.login, "staff.accept", f"staff:{member.id}")
        return True

    if not engine.ledger.insist(act):
        raise NotPossible(_("This link has been used or is too old. Ask for a new one."))
    return Entered(person_of(member), session_token)


def log_in(
    engine: Engine, login: str, password: str, address: str, *, device: str = "", former: str = ""
) -> Entered | None:
    """Come in by a password; None where it is wrong.

    `address` is the visitor's of the network, `device` and `former` are what the browser brings of
    its log-ins before: that it is known here, and a session, which ends. The session that begins is
    a new one always. Raises Barred after too many tries and TooMany for too many at the same
    moment; neither says anything about who exists.
    """
    login = login.strip()[:LONGEST_LOGIN]
    now, token = engine.clock.now(), _new_token()
    doors = knocking.doors_of(login, address, device, engine.secret)

    def knock(tx: Transaction) -> tuple[Sequence[int], Member | None]:
        return knocking.try_doors(tx, doors, now), staff.find(tx, login)

    with a_place():
        try:
            counted, member = engine.ledger.insist(knock)
        except Barred:
            log.warning("login.barred")
            raise
        known = member.password if member and member.disabled_at is None else None
        right = is_right(password, known)
    if not right or member is None:
        log.warning("login.refused")
        return None
    known_id = member.id

    def come_in(tx: Transaction) -> Member | None:
        found = staff.get(tx, known_id)
        if found.disabled_at is not None or found.password != known:
            return None  # shut out, or a new password, while this one was looked at
        knocking.open_doors(tx, doors, counted)
        staff.forget_old(tx, now - OLD_KEPT)
        if former:
            staff.end_session(tx, digest_of(former), now)
        _begin(tx, engine, found.id, token)
        trail.note(tx, now, found.login, "staff.log_in", f"staff:{found.id}")
        return found

    found = engine.ledger.insist(come_in)
    return Entered(person_of(found), token) if found is not None else None


def change_password(
    engine: Engine, person: Person, token: str, former: str, wanted: str, address: str
) -> None:
    """Another password for oneself; whoever is in by the former one elsewhere is out.

    Raises NotPossible where the former one is wrong or the new one is weak, Barred and TooMany.
    """
    check_password(wanted, person.login, person.name)
    now = engine.clock.now()
    doors = knocking.doors_of(person.login, f"own {address}", "", engine.secret)[:1]

    def knock(tx: Transaction) -> tuple[Sequence[int], Member]:
        return knocking.try_doors(tx, doors, now), staff.get(tx, person.id)

    with a_place():
        counted, member = engine.ledger.insist(knock)
        if not is_right(former, member.password):
            raise WrongPassword
        kept = hashed(wanted)

    def act(tx: Transaction) -> None:
        knocking.open_doors(tx, doors, counted)
        staff.change(tx, person.id, password=kept)
        staff.withdraw_invitations(tx, person.id)
        ended = staff.end_sessions_of(tx, person.id, now, but=digest_of(token))
        trail.note(tx, now, person.login, "staff.password", f"staff:{person.id}", sessions=ended)

    engine.ledger.insist(act)


def log_out(engine: Engine, token: str, person: Person) -> None:
    now = engine.clock.now()

    def act(tx: Transaction) -> None:
        staff.end_session(tx, digest_of(token), now)
        trail.note(tx, now, person.login, "staff.log_out", f"staff:{person.id}")

    engine.ledger.insist(act)


def person_with(engine: Engine, token: str, *, by_itself: bool = False) -> Person | None:
    """Whose session a token is, if it is good now. What a page asks `by_itself` is no sign that
    anybody sits before it, and keeps no session open."""
    now, digest = engine.clock.now(), digest_of(token)
    with engine.ledger.read() as tx:
        session = staff.session(tx, digest, now, now - SESSION_IDLES)
    if session is None:
        return None
    if not by_itself and now - session.seen_at > SEEN_EVERY:
        engine.ledger.insist(lambda tx: staff.touch(tx, digest, now))
    return person_of(session.member)


def is_still_in(engine: Engine, token: str, person: Person) -> bool:
    """Whether somebody's session is good, and their role the same. Unlike a visit this is no sign
    of life: a page that refreshes itself keeps nobody in."""
    now = engine.clock.now()
    with engine.ledger.read() as tx:
        session = staff.session(tx, digest_of(token), now, now - SESSION_IDLES)
    return session is not None and session.member.role == person.role.value


def csrf_token(token: str) -> str:
    """What a form of this session carries: whoever cannot read the cookie cannot know it."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def is_csrf_token(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), csrf_token(token).encode())


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def person_of(member: Member) -> Person:
    return Person(member.id, member.login, member.name, Role(member.role), member.language)


def first_invitation(engine: Engine) -> str | None:
    """A link for the first administrator, as long as nobody can invite anybody; each start makes a
    new one, and the one before works no more. None where somebody can."""
    now, token = engine.clock.now(), _new_token()

    def act(tx: Transaction) -> bool:
        if not needs_first_administrator(tx):
            return False
        known = staff.find(tx, FIRST_LOGIN)  # from a start before
        name, role = _("Administrator"), Role.ADMINISTRATOR.value
        staff_id = (
            known.id
            if known is not None
            else staff.add(tx, FIRST_LOGIN, name, role, engine.settings.language, "console", now)
        )
        staff.change(tx, staff_id, role=role, disabled_at=None)
        staff.invite(tx, staff_id, digest_of(token), "console", now, now + FIRST_LASTS)
        trail.note(tx, now, "console", "staff.invite_first", f"staff:{staff_id}")
        return True

    try:
        return token if engine.ledger.insist(act) else None
    except NotPossible:
        return None  # another process of this moment has made one


def needs_first_administrator(tx: Transaction) -> bool:
    """Whether nobody can invite anybody."""
    return staff.count_active(tx, Role.ADMINISTRATOR.value) == 0


def _begin(tx: Transaction, engine: Engine, staff_id: int, token: str) -> None:
    now = engine.clock.now()
    staff.begin_session(tx, digest_of(token), staff_id, now, now + SESSION_LASTS)


def _new_token() -> str:
    return secrets.token_urlsafe(32)
