"""What a specialist is told of a letter: an order, or what is new about one that they have."""

from dataclasses import replace

from campaigns.inquiry.address import likeness
from campaigns.inquiry.findings import find_account
from campaigns.inquiry.letter import Letter
from campaigns.inquiry.status import InquiryStatus
from dispatcher.engine import Engine
from dispatcher.inquiries.letters import wished
from dispatcher.ledger import Transaction, inquiry_lists
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.mailrobot.deciding import Decided
from templates.answers import AnswerValues, PassedOn


def told_to_specialist(
    tx: Transaction, engine: Engine, decided: Decided, number: str
) -> AnswerValues:
    """Of the letter, which is in the ledger already, and of the inquiry that it belongs to."""
    words = decided.values(number)
    if decided.inquiry is not None:
        return _more(tx, engine, decided, decided.inquiry, words)
    sender = decided.letter.sender
    to = wished(engine, decided.letter) or sender
    former = decided.former
    return replace(
        words,
        contact_point=to.address if to is not None else "",
        follows=former.number if former is not None else "",
    )


def _more(
    tx: Transaction, engine: Engine, decided: Decided, inquiry: Inquiry, words: AnswerValues
) -> AnswerValues:
    """The facts are the inquiry's, whoever wrote the letter; `answer` writes to its customer."""
    is_interim = inquiry.status is InquiryStatus.INTERIM
    stranger = _stranger(decided.letter, inquiry)
    return replace(
        words,
        passed_on=PassedOn.REPEATED if decided.is_repeated else PassedOn.ADDED,
        letters=inquiry_lists.letters_about(tx, inquiry.id),
        first_question=inquiry.text.strip() or inquiry.subject,
        stranger=stranger,
        channel=inquiry.channel,
        customer=inquiry.customer if stranger else inquiry.customer or words.customer,
        contact_point=inquiry.contact_point,
        account_number=account_told(engine, decided, inquiry) or inquiry.account_number or "",
        branch=inquiry.branch or words.branch,
        respond_on=None if is_interim else words.respond_on,  # was given
    )


def account_told(engine: Engine, decided: Decided, inquiry: Inquiry) -> str | None:
    """The account that a further letter tells. Somebody else's own, which the base knows by their
    address, is not the customer's."""
    account, letter = decided.sorted.account_number, decided.letter
    if not _stranger(letter, inquiry):
        return account
    found = find_account(f"{letter.subject}\n{letter.words}", engine.inquiry_rules.account_pattern)
    return account if account == found.number else None


def _stranger(letter: Letter, inquiry: Inquiry) -> str:
    """The sender, where the inquiry's own address is another one."""
    sender = letter.sender
    if sender is None or not inquiry.contact_point:
        return ""
    is_same = likeness(sender.address) == likeness(inquiry.contact_point)
    return "" if is_same else sender.address
