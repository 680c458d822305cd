"""Where a page of a list begins: opaque to whoever keeps it, and of that list alone."""

import base64
import binascii
import json

from dispatcher.api.problems import FieldError, Problem

_LONGEST = 300


def cursor(kind: str, *place: str | int) -> str:
    """A cursor that leads behind this place."""
    return base64.urlsafe_b64encode(json.dumps([kind, *place]).encode()).decode().rstrip("=")


def place_of(text: str | None, kind: str, shape: tuple[type, ...]) -> tuple[str | int, ...] | None:
    """The place behind which a page begins; None for the first page. Raises Problem."""
    if text is None:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        is_ours = len(text) <= _LONGEST and isinstance(found, list) and found[:1] == [kind]
    except (ValueError, binascii.Error, RecursionError):
        is_ours = False
    if not is_ours or [type(one) for one in found[1:]] != list(shape):
        why = "Not a cursor of this list: give the one of the page before, or none."
        raise Problem("invalid", errors=[FieldError(why, "cursor", parameter="cursor")])
    return tuple(found[1:])
