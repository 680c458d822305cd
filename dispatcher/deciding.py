"""What only people know of a running campaign: which message in doubt arrived, and who has paid.

`campaigning` writes down what they decide; here they see what there is to decide, and hand over
lists of accounts as they have them.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from campaigns.audience.findings import CellError
from campaigns.audience.identity import read_account
from campaigns.channel import ChannelName
from dispatcher import campaigning
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, campaigns, deliveries, doubts, trail
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.doubts import Doubt
from templates.i18n import _, ngettext
from templates.problem import Refused

# Who has more of them decides about all of a channel at once.
SHOWN = 200
PIECE = 500
# One settlement; it takes some seconds. A longer list comes in parts.
MOST_ACCOUNTS = 50_000
# So many lines that are no accounts are named.
NAMED = 5
KINDS = frozenset({".csv", ".xlsx", ".txt"})


@dataclass(frozen=True, slots=True)
class Doubts:
    """`more`: others besides these are in doubt."""

    campaign: Campaign
    asked: tuple[Doubt, ...]  # the provider is asked about them, again and again for a day
    ours: tuple[Doubt, ...]  # nobody but staff can tell
    more: bool

    @property
    def channels(self) -> tuple[ChannelName, ...]:
        found = {one.channel for one in (*self.asked, *self.ours)}
        return tuple(channel for channel in ChannelName if channel in found)


def doubts_of(engine: Engine, campaign_id: int) -> Doubts:
    """Raises NotFound."""
    with engine.ledger.read() as tx:
        campaign = campaigns.get(tx, campaign_id)
        found = list(islice(doubts.of_campaign(tx, campaign_id), SHOWN + 1))
    shown = found[:SHOWN]
    return Doubts(
        campaign,
        tuple(one for one in shown if one.ask_at is not None),
        tuple(one for one in shown if one.ask_at is None),
        len(found) > SHOWN,
    )


def ask_now(engine: Engine, campaign_id: int, actor: str) -> int:
    """Have providers asked at once about all that is in doubt, also what was given up asking about;
    how many those are. The loop does it within seconds. Raises NotFound."""
    now = engine.clock.now()

    def act(tx: Transaction) -> int:
        campaign = campaigns.get(tx, campaign_id)
        ids = [
            one
            for channel in (ChannelName.PHONE, ChannelName.SMS)
            for one in deliveries.uncertain(tx, campaign_id, channel, None)
        ]
        for start in range(0, len(ids), PIECE):
            due: dict[int, datetime | None] = dict.fromkeys(ids[start : start + PIECE], now)
            doubts.ask_next(tx, due)
        trail.note(tx, now, actor, "campaign.ask", campaign.subject, attempts=len(ids))
        return len(ids)

    return engine.ledger.insist(act)


def paid_accounts(text: str, file_name: str, content: bytes) -> Sequence[str]:
    """The accounts of a list as staff have it: pasted, a file (CSV, XLSX, TXT), or both.

    Raises NotPossible for what cannot be read, for nothing at all, and for too many.
    """
    found = dict.fromkeys(_pasted(text))
    if file_name:
        found |= dict.fromkeys(_from_file(file_name, content))
    if not found:
        raise NotPossible(_("There are no accounts here. Paste them, or choose a file."))
    if len(found) > MOST_ACCOUNTS:
        raise NotPossible(
            _(
                "These are too many accounts for one time. Send at most {count}, then the rest."
            ).format(count=MOST_ACCOUNTS)
        )
    return list(found)


def _pasted(text: str) -> Sequence[str]:
    """One account a line; a line may hold several, with commas or semicolons between them."""
    accounts: list[str] = []
    unreadable = 0
    for line in text.splitlines():
        for piece in line.replace(";", ",").replace("\t", ",").split(","):
            if not piece.strip():
                continue
            try:
                accounts.append(read_account(piece))
            except CellError:
                unreadable += 1
    if unreadable:
        raise NotPossible(
            ngettext(
                "{count} entry is no account number. Leave only numbers, one a line.",
                "{count} entries are no account numbers. Leave only numbers, one a line.",
                unreadable,
            ).format(count=unreadable)
        )
    return accounts


def _from_file(name: str, content: bytes) -> Sequence[str]:
    suffix = Path(name).suffix.lower()
    if suffix not in KINDS:
        raise NotPossible(_("This kind of file cannot be read: take CSV, XLSX or TXT."))
    if suffix == ".txt":
        try:
            return _pasted(content.decode("utf-8-sig"))
        except UnicodeDecodeError:
            return _pasted(content.decode("cp1251", "replace"))
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(content)
        file.flush()
        try:
            return campaigning.read_accounts(Path(file.name))
        except Refused as error:
            raise NotPossible(str(error)) from error
