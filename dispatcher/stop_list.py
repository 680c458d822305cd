"""The stop-list as staff keep it: who is put on it and taken off, by hand and by file; what its
reasons are called."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.audience.cells import unshielded
from campaigns.channel import ChannelName, Purpose
from campaigns.consent import Suppression
from campaigns.contact import BadContact, classify_email, classify_phone
from campaigns.inquiry.bounce_rules import BOUNCED
from campaigns.permission import account_party, point_party
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, suppressions
from dispatcher.ledger.suppressions import BY_KEY, StoredSuppression
from dispatcher.refusing import BY_MAIL, BY_SMS, CUSTOMER, UNSUBSCRIBED
from dispatcher.report.export import shielded
from dispatcher.report.words import outcomes, word
from templates.i18n import _

# The reason where staff give none.
STAFF = "staff"
# The head of the file that `written` makes: what comes back is known by it.
COLUMNS = ("party", "kind", "channel", "purpose", "reason", "since_at", "until_at", "added_by")


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file. `bad`: lines that could not be read, each with what to write instead."""

    added: int
    known: int
    bad: Sequence[tuple[int, str]]


def read_contact(text: str) -> str:
    """A contact point in its one spelling. Raises NotPossible with what to write instead."""
    found = classify_email(text) if "@" in text else classify_phone(text)
    if isinstance(found, BadContact):
        raise NotPossible(f"{found.message} {found.advice}")
    return found.address


def party_named(text: str, *, is_account: bool) -> str:
    """Under which name somebody stands on the list. Raises NotPossible."""
    text = text.strip()
    if not text:
        raise NotPossible(_("Write an account number, a phone number or an e-mail address."))
    return account_party(text) if is_account else point_party(read_contact(text))


def import_lines(
    tx: Transaction,
    text: str,
    *,
    are_accounts: bool,
    channel: ChannelName | None,
    purpose: Purpose | None,
    reason: str,
    actor: str,
    now: datetime,
) -> Imported:
    """Put everybody of a file on the list, one in the first cell of each line; what cannot be read
    is told, line by line, and the rest goes on."""
    wanted: list[Suppression] = []
    bad: list[tuple[int, str]] = []
    for line, first in _first_cells(text):
        try:
            point = None if are_accounts else read_contact(first)
        except NotPossible as error:
            bad.append((line, str(error)))
            continue
        wanted.append(
            Suppression(
                reason=reason,
                account_number=first if are_accounts else None,
                contact_point=point,
                channel=channel,
                purpose=purpose,
            )
        )
    added, known = suppressions.add_many(tx, wanted, actor, now)
    return Imported(added, known, bad)


def _first_cells(text: str) -> Iterator[tuple[int, str]]:
    for line, cells in enumerate(csv.reader(text.splitlines(), delimiter=";"), start=1):
        first = unshielded(cells[0]).strip() if cells else ""
        if first and not (line == 1 and first == COLUMNS[0]):
            yield line, first


def read_text(raw: bytes) -> str:
    """A file of the office: UTF-8, or else the old encoding of Windows."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1251", errors="replace")


def written(entries: Sequence[StoredSuppression]) -> bytes:
    """The list as a file that a spreadsheet opens and `import_lines` takes in again; instants are
    ISO 8601 in UTC, an empty channel or purpose is every one. No cell is taken for a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        stop = entry.suppression
        cells = (
            stop.account_number or stop.contact_point or "",
            "account" if stop.account_number else "contact",
            stop.channel or "",
            stop.purpose or "",
            stop.reason,
            entry.since_at.isoformat(),
            stop.until_at.isoformat() if stop.until_at else "",
            entry.added_by,
        )
        writer.writerow(map(shielded, cells))
    return text.getvalue().encode("utf-8-sig")


def reason_title(reason: str) -> str:
    """Why somebody is on the list, where the program itself wrote the reason; else as staff did."""
    told = {
        STAFF: _("decision of staff"),
        CUSTOMER: _("the customer asked for it"),
        UNSUBSCRIBED: _("unsubscribed in a letter"),
        BY_SMS: _("stopped by SMS"),
        BY_KEY: _("stopped by a key in a call"),
        BY_MAIL: _("stopped by e-mail"),
        BOUNCED: _("letters come back"),
    }
    return told.get(reason) or word(outcomes, reason)
