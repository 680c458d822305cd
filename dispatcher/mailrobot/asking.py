"""What a letter asks, as far as sorting it needs to know."""

from campaigns.inquiry.address import written
from campaigns.inquiry.findings import find_account
from campaigns.inquiry.letter import Flaw, Letter, Mailbox
from campaigns.inquiry.sorting import Asked
from campaigns.inquiry.status import InquiryChannel
from dispatcher.engine import Engine


def asked_by(engine: Engine, letter: Letter, recipient: Mailbox | None, mailbox: str) -> Asked:
    """`recipient` is whom the answer would go to; `mailbox` the name of the one that it came by."""
    return Asked(
        InquiryChannel.EMAIL,
        subject=letter.subject,
        words=letter.words,
        sender=letter.sender.address if letter.sender else "",
        mailbox=_written_to(engine, letter, mailbox),
        has_contact=recipient is not None,
        is_readable=Flaw.UNREADABLE not in letter.flaws,
        account_number=_signed_with(engine, letter),
    )


def _signed_with(engine: Engine, letter: Letter) -> str:
    """The account that a signature names, or a quoted letter, where the words name none."""
    pattern = engine.inquiry_rules.account_pattern
    if find_account(f"{letter.subject}\n{letter.words}", pattern).number:
        return ""
    found = find_account(letter.text, pattern)
    return found.number or "" if found.is_labelled else ""


def _written_to(engine: Engine, letter: Letter, mailbox: str) -> str:
    """The address of the mailbox that a letter came by; where only the mail server knows it, as
    that server wrote it down."""
    for box in engine.settings.mailboxes:
        if box.name == mailbox:
            return box.address or box.username
    delivered = (written(value).address for value in letter.values("delivered-to")[:1])
    return next(delivered, "")
