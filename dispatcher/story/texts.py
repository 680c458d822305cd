"""The words of an attempt as they were sent: made again from the version of the scenario that its
campaign keeps, by the code that made them then.

What the ledger does not keep of that moment is the supplier's own name and telephone, which come
from the settings as they are now. Links of the customer's own are left out: who follows one acts
for them.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from campaigns.content import CallContent, MailContent, SmsContent
from campaigns.permission import account_party
from campaigns.recipient import Recipient
from dispatcher.compose import content_of
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, audiences, told
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.ledger.told import Told
from dispatcher.tokens import TokenFor, attempt_key, sign
from templates.call import Action, Say
from templates.errors import RenderError
from templates.speech import SENDING_LIMIT_SECONDS

_LEFT_OUT = "…"


class NoWords(StrEnum):
    """Why the words cannot be made again."""

    ERASED = "erased"  # the customer's data are gone
    OTHERS_ERASED = "others_erased"  # those of an account that the message spoke of as well
    UNFIT = "unfit"  # the row has changed since


@dataclass(frozen=True, slots=True)
class Words:
    """What was written, or said phrase by phrase; `subject` of letters."""

    text: str = ""
    subject: str = ""
    missing: NoWords | None = None
    accounts: int = 1  # of which it spoke


class Reading:
    """Makes words again for many attempts; what differs only in the customer's own links is made
    once."""

    def __init__(self, tx: Transaction, engine: Engine) -> None:
        self._tx, self._engine = tx, engine
        self._made: dict[tuple[object, ...], Words] = {}

    def words_of(self, one: Told, stored: StoredScenario) -> Words:
        attempt = one.attempt
        same = (
            stored.id,
            attempt.channel,
            attempt.contact_point,
            one.recipient_id,
            one.parties,
            attempt.offers_operator,
        )
        if same not in self._made:
            self._made[same] = self._make(one, stored)
        return self._made[same]

    def _make(self, one: Told, stored: StoredScenario) -> Words:
        accounts = self._accounts(one)
        if isinstance(accounts, NoWords):
            return Words(missing=accounts, accounts=max(len(one.parties), 1))
        try:
            words = self._written(one, stored, accounts)
        except (RenderError, ValueError, LookupError):
            return Words(missing=NoWords.UNFIT, accounts=len(accounts))
        return replace(words, accounts=len(accounts))

    def _accounts(self, one: Told) -> tuple[Recipient, ...] | NoWords:
        """The accounts of which it spoke, whose delivery it was first, as `judging` has them."""
        if not one.attempt.contact_point:
            return NoWords.ERASED
        ids = [one.recipient_id]
        if len(one.parties) > 1:
            ids += told.sharing(self._tx, one.recipient_id, one.attempt.contact_point)
        people = audiences.get_many(self._tx, sorted(set(ids)))
        lead = people[one.recipient_id]
        others = [
            person
            for recipient_id, person in sorted(people.items())
            if recipient_id != one.recipient_id
            and account_party(person.account_number) in one.parties
        ]
        known = {account_party(person.account_number) for person in (lead, *others)}
        if account_party(lead.account_number) not in one.parties:
            return NoWords.ERASED
        return (lead, *others) if known == one.parties else NoWords.OTHERS_ERASED

    def _written(self, one: Told, stored: StoredScenario, accounts: tuple[Recipient, ...]) -> Words:
        attempt = one.attempt
        key = attempt_key(attempt.delivery_id, attempt.number)
        content = content_of(
            self._engine, stored, attempt.channel, accounts, key, SENDING_LIMIT_SECONDS
        )
        match content:
            case CallContent(script):
                said = script if attempt.offers_operator else script.without(Action.OPERATOR)
                phrases = (
                    part.text if isinstance(part, Say) else f"[{part.name}]" for part in said.spoken
                )
                return Words("\n".join(phrases))
            case SmsContent(text):
                return Words(self._without_links(text, key))
            case MailContent(subject, text, _html):
                return Words(self._without_links(text, key), subject)

    def _without_links(self, text: str, key: str) -> str:
        for purpose in (TokenFor.LINK, TokenFor.UNSUBSCRIBE):
            text = text.replace(sign(self._engine.secret, purpose, key), _LEFT_OUT)
        return text
