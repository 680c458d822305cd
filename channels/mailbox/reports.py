"""Reports of mail systems about letters of ours: bounces, delays and receipts.

RFC 3464 and RFC 8098 tell the form; what has no form is looked at by `free_bounces`.
"""

from collections.abc import Iterator

from campaigns.inquiry.letter import Letter
from campaigns.inquiry.report import MailReport, ReportKind
from channels.mailbox.addresses import usable_address
from channels.mailbox.charsets import text_of
from channels.mailbox.free_bounces import read_free_bounce
from channels.mailbox.header_block import HeaderBlock, read_header_block
from channels.mailbox.identifiers import identifiers
from channels.mailbox.plain import plain_line
from channels.mailbox.report_codes import kind_of_failure, status_in
from channels.mailbox.structure import Part
from channels.mailbox.transfer import decoded

_DELIVERY = frozenset({"message/delivery-status", "message/global-delivery-status"})
_DISPOSITION = frozenset(
    {"message/disposition-notification", "message/global-disposition-notification"}
)
_HEADERS = frozenset({"text/rfc822-headers", "message/global-headers"})
_MOST_BYTES = 256 * 1024
_MOST_BLOCKS = 100
_MOST_PARTS = 50
_MOST_IDENTIFIERS = 20
_FINALITY = (
    ReportKind.HARD,
    ReportKind.REJECTED,
    ReportKind.FULL,
    ReportKind.SOFT,
    ReportKind.DELAYED,
    ReportKind.DELIVERED,
    ReportKind.UNKNOWN,
)


def read_report(raw: bytes, root: Part, letter: Letter) -> MailReport | None:
    """What the letter reports; None: it is no report.

    Where it tells of several recipients, which happens when ours forwards, the most final fate
    counts: a letter that came back from one of them may have been read by another, but nobody can
    know that.
    """
    parts = [part for part, _ in zip(_outer_parts(root), range(_MOST_PARTS), strict=False)]
    kinds = {part.media_type for part in parts}
    if kinds & _DELIVERY:
        found = [
            report
            for part in parts
            if part.media_type in _DELIVERY
            for report in _delivery_reports(raw, part)
        ]
    elif kinds & _DISPOSITION:
        found = [
            _disposition_report(raw, part) for part in parts if part.media_type in _DISPOSITION
        ]
    elif root.media_type == "multipart/report":
        found = []
    else:
        return read_free_bounce(letter, _quoted_identifiers(raw, parts, letter))
    if not found and (free := read_free_bounce(letter, _quoted_identifiers(raw, parts, letter))):
        return free
    report = min(found, key=lambda one: _place(one.kind), default=MailReport(ReportKind.UNKNOWN))
    own = [one for found_one in found for one in found_one.message_ids]
    named = dict.fromkeys([*own, *_quoted_identifiers(raw, parts, letter)])
    return MailReport(
        report.kind, report.recipient, report.status, tuple(named)[:_MOST_IDENTIFIERS]
    )


def _place(kind: ReportKind) -> int:
    return _FINALITY.index(kind) if kind in _FINALITY else -1


def _outer_parts(part: Part) -> Iterator[Part]:
    """The parts of this letter, without those of letters within it."""
    yield part
    if not part.is_message or part.start == 0:
        for inner in part.parts:
            yield from _outer_parts(inner)


def _delivery_reports(raw: bytes, part: Part) -> Iterator[MailReport]:
    """One for each recipient in a delivery-status part."""
    for block in _blocks(raw, part):
        action = _said(block, "action").lower().partition(" ")[0]
        status = status_in(_said(block, "status"))
        diagnostic = _said(block, "diagnostic-code")
        recipient = _recipient(block)
        if not (action or status or recipient):
            continue
        if not status or status.endswith(".0.0"):
            status = status_in(diagnostic) or status
        yield MailReport(_kind(action, status, diagnostic), recipient, status)


def _kind(action: str, status: str, diagnostic: str) -> ReportKind:
    if action.startswith(("delivered", "relayed", "expanded")):
        return ReportKind.DELIVERED
    if action.startswith("delayed") or (not action and status.startswith("4")):
        return ReportKind.DELAYED
    if action.startswith(("fail", "error")) or status.startswith("5"):
        return kind_of_failure(status, diagnostic)
    return ReportKind.DELIVERED if status.startswith("2") else ReportKind.UNKNOWN


def _disposition_report(raw: bytes, part: Part) -> MailReport:
    block = next(_blocks(raw, part), HeaderBlock())
    # manual-action/MDN-sent-manually; displayed/error
    disposition = _said(block, "disposition").lower().rpartition(";")[2]
    kind = {
        "displayed": ReportKind.READ,
        "deleted": ReportKind.DELETED,
    }.get(disposition.partition("/")[0].partition(",")[0].strip(), ReportKind.UNKNOWN)
    named = identifiers(_said(block, "original-message-id"), _MOST_IDENTIFIERS)
    return MailReport(kind, _recipient(block), "", named)


def _blocks(raw: bytes, part: Part) -> Iterator[HeaderBlock]:
    """The blocks of headers that such a part consists of."""
    end = min(part.end, part.start + _MOST_BYTES)
    content, _ = decoded(raw[part.start : end], part.encoding)
    at = 0
    for _ in range(_MOST_BLOCKS):
        if at >= len(content):
            return
        block = read_header_block(content, at, most_bytes=_MOST_BYTES, most_fields=100)
        if not block.fields:
            return
        yield block
        at = block.body_at


def _recipient(block: HeaderBlock) -> str:
    """The address we wrote to, or else the one that the letter ended at."""
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        value = _said(block, name)
        # A type stands before it: rfc822; ivan@example.com
        address = usable_address(value.rpartition(";")[2].strip().strip("<>"))
        if address:
            return address.lower()
    return ""


def _said(block: HeaderBlock, name: str) -> str:
    return plain_line(text_of(block.first(name)[:4000])[0], 1000)


def _quoted_identifiers(raw: bytes, parts: list[Part], letter: Letter) -> list[str]:
    """Message-IDs of letters that this one returns or answers."""
    found: list[str] = []
    for part in parts:
        if part.is_message and part.parts:
            blocks = [part.parts[0].headers]
        elif part.media_type in _HEADERS:
            blocks = list(_blocks(raw, part))[:1]
        else:
            blocks = []
        for block in blocks:
            found += identifiers(_said(block, "message-id"), 1)
    headers = (
        value
        for name in ("x-original-message-id", "original-message-id")
        for value in letter.values(name)
    )
    found += [one for value in headers for one in identifiers(value, 1)]
    return [*found, *letter.in_reply_to, *reversed(letter.references)]
