"""Where the answer to a letter goes: to one address, or nowhere.

RFC 3834 section 4 sends automatic answers to the Return-Path; a service that people write to on
purpose may take From instead, and should leave Reply-To alone. We are such a service. So: the
Return-Path where it is a person's; From where it is not; Reply-To and Sender only where From does
not say who of several, or nobody, is to be answered. docs/mailrobot.md has the reasons.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from campaigns.inquiry.address import (
    domain_of,
    is_account,
    is_for_bounces,
    is_mail_system,
    is_no_reply,
    is_usable,
    likeness,
    related,
    tidy,
    written,
)
from campaigns.inquiry.letter import Letter, Mailbox
from campaigns.inquiry.public_mail import is_public

MOST_ADDRESSES = 50  # of one header that are looked at


def reply_address(letter: Letter, own: frozenset[str] = frozenset()) -> Mailbox | None:
    """The one address to answer, never one of our `own`; None where there is nobody to answer."""
    path = bare_path(letter)
    if path == "":
        return None
    authors = _answerable(letter.senders, own)
    answered = _by_path(path, authors, letter.recipients, own) if path else None
    if answered is None and len(authors) == 1:
        answered = authors[0]
    return (
        answered
        or _only(_answerable(letter.reply_to, own))
        or _only(_answerable(map(written, letter.values("sender")[:MOST_ADDRESSES]), own))
        or (authors[0] if authors else None)
    )


def bare_path(letter: Letter) -> str | None:
    """The Return-Path without its brackets: "" is the null path, None that nobody told."""
    if letter.return_path is None:
        return None
    return letter.return_path.strip().removeprefix("<").removesuffix(">").strip()


@lru_cache(maxsize=16)
def likenesses(addresses: frozenset[str]) -> frozenset[str]:
    return frozenset(likeness(one) for one in addresses)


def _by_path(
    path: str, authors: Sequence[Mailbox], recipients: tuple[str, ...], own: frozenset[str]
) -> Mailbox | None:
    """The Return-Path where it is a person's, and not that of somebody who only passes letters on.

    Web sites and mailing services send in their own name what others wrote: their domain then has
    nothing to do with the author's. At a public provider another mailbox is another person.
    """
    if is_for_bounces(path, recipients):
        return None
    for author in authors:
        if likeness(author.address) == likeness(path):
            return author
    domain = domain_of(path)
    firms = {domain_of(one.address) for one in authors}
    if authors and not any(
        related(domain, firm) and not is_public(domain) and not is_public(firm) for firm in firms
    ):
        return None
    return _only(_answerable((Mailbox(tidy(path)),), own))


def _answerable(mailboxes: Iterable[Mailbox], own: frozenset[str]) -> Sequence[Mailbox]:
    """Those that a person may read, each once."""
    ours = likenesses(own)
    found: dict[str, Mailbox] = {}
    for _, mailbox in zip(range(MOST_ADDRESSES), mailboxes, strict=False):
        address = mailbox.address
        if (
            is_usable(address)
            and likeness(address) not in ours
            and not is_mail_system(address)
            and not is_no_reply(address)
            and not is_account(address)
        ):
            found.setdefault(likeness(address), mailbox)
    return list(found.values())


def _only(mailboxes: Sequence[Mailbox]) -> Mailbox | None:
    return mailboxes[0] if len(mailboxes) == 1 else None
