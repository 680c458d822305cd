"""What a mail server answers to FETCH, as imaplib hands it over: in any order, with anything
between (RFC 3501, section 7.4.2)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

_UID = re.compile(rb"(?:^|[ (])UID (\d{1,10})(?![0-9])", re.IGNORECASE)
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,15})(?![0-9])", re.IGNORECASE)
_ARRIVED = re.compile(rb'INTERNALDATE "([^"]{1,40})"', re.IGNORECASE)
_BODY = re.compile(rb"BODY\[\](?:<\d{1,15}>)?", re.IGNORECASE)
_QUOTED = re.compile(rb'BODY\[\](?:<\d{1,15}>)? "((?:[^"\\]|\\.)*)"', re.IGNORECASE)

MAX_SIZE = 2**31 - 1  # more is nonsense, and no column holds it
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(r"\s?(\d{1,2})-([A-Za-z]{3})-(\d{4} \d\d:\d\d:\d\d [+-]\d{4})")


@dataclass(frozen=True, slots=True)
class Measure:
    """What is known of a message before it is fetched. `arrived_at` None: nothing usable."""

    size_bytes: int
    arrived_at: datetime | None


def measures(answer: Iterable[object]) -> Mapping[int, Measure]:
    """Sizes and arrivals by uid."""
    found = {}
    for item in answer:
        line = item[0] if isinstance(item, tuple) else item
        if not isinstance(line, bytes):
            continue
        uid, size, arrived = _UID.search(line), _SIZE.search(line), _ARRIVED.search(line)
        if uid and size:
            arrived_at = instant(arrived[1]) if arrived else None
            found[int(uid[1])] = Measure(min(int(size[1]), MAX_SIZE), arrived_at)
    return found


def bodies(answer: Iterable[object]) -> Mapping[int, bytes]:
    """Whole texts by uid. A message whose text the server cannot give (NIL) is left out."""
    found: dict[int, bytes] = {}
    uid: int | None = None
    body: bytes | None = None
    for item in answer:
        # A literal comes as a pair with what stood before it; a line that is no pair ends the
        # message, and may be the one that names its uid.
        line = item[0] if isinstance(item, tuple) else item
        if not isinstance(line, bytes):
            continue
        if named := _UID.search(line):
            uid = int(named[1])
        if isinstance(item, tuple):
            if _BODY.search(line):
                body = item[1]
            continue
        if body is None and (quoted := _QUOTED.search(line)):
            body = re.sub(rb"\\(.)", rb"\1", quoted[1])
        if uid is not None and body is not None:
            found.setdefault(uid, body)
        uid = body = None
    return found


def instant(internal_date: bytes) -> datetime | None:
    """An INTERNALDATE such as `17-Jul-1996 02:44:25 -0700`; the names of months are English
    whatever the locale."""
    parts = _DATE.fullmatch(internal_date.decode("ascii", "replace"))
    if not parts or parts[2].title() not in _MONTHS:
        return None
    month = _MONTHS.index(parts[2].title()) + 1
    try:
        return datetime.strptime(f"{parts[1]} {month} {parts[3]}", "%d %m %Y %H:%M:%S %z")
    except ValueError:
        return None


def search_day(at: datetime) -> str:
    """A day as SEARCH is asked about it: 1-Feb-2026, whatever the locale."""
    return f"{at.day}-{_MONTHS[at.month - 1]}-{at.year:04}"


def uid_set(uids: Iterable[int]) -> str:
    """`1:3,7`: short even where there are many."""
    runs: list[list[int]] = []
    for uid in sorted(set(uids)):
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in runs)
