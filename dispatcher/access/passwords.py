"""Passwords: what is asked of one, and how it is kept (argon2id, RFC 9106)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dispatcher.errors import NotPossible
from templates.i18n import _

# NIST SP 800-63B-4: length is what counts; nobody is made to use signs of four kinds.
SHORTEST, LONGEST = 12, 200
# A hash takes 64 MiB and four threads on purpose. So many at once in a process, and so many more
# that wait for their turn: strangers can take neither its memory nor the threads that pages need.
AT_ONCE, PLACES = 2, 10
_turns, _places = threading.BoundedSemaphore(AT_ONCE), threading.BoundedSemaphore(PLACES)


class TooMany(NotPossible):
    """Too many people, or one who is none, send passwords at this moment."""

    def __init__(self) -> None:
        super().__init__(_("Too many people are logging in just now. Try again in a few seconds."))


@contextmanager
def a_place() -> Iterator[None]:
    """Stand in the line of those whose passwords are looked at. Raises TooMany."""
    if not _places.acquire(blocking=False):
        raise TooMany
    try:
        yield
    finally:
        _places.release()


def check_password(password: str, login: str, name: str) -> None:
    """Raises NotPossible with what to do for one that is too easily guessed."""
    if len(password) < SHORTEST:
        raise NotPossible(
            _("A password has at least {count} characters; several words do well.").format(
                count=SHORTEST
            )
        )
    if len(password) > LONGEST:
        raise NotPossible(_("A password has at most {count} characters.").format(count=LONGEST))
    plain = password.casefold()
    known = {login.casefold(), login.partition("@")[0].casefold(), name.casefold()}
    if len(set(plain)) < 5 or any(len(word) > 3 and plain == word * 2 for word in known):
        raise NotPossible(_("This password is too easily guessed. Take several words."))
    if plain in known or plain.isdigit():
        raise NotPossible(_("This password is too easily guessed. Take several words."))


def hashed(password: str) -> str:
    """About 0.15 s of work, which is meant so."""
    with _turns:
        return _hasher().hash(password)


def is_right(password: str, known: str | None) -> bool:
    """Whether it is this password. Takes the same time for somebody who is not there."""
    against = known or _nobodys()
    try:
        with _turns:
            return _hasher().verify(against, password[:LONGEST]) and known is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys() -> str:
    return hashed("nobody has this one")
