"""From a scenario's words to the message of one attempt, ready for its channel."""

from collections.abc import Sequence
from datetime import datetime

from campaigns.channel import ChannelName, Purpose
from campaigns.content import CallContent, Content, MailContent, SmsContent, render_content
from campaigns.recipient import Recipient
from channels.base import CallMessage, MailMessage, Message, SmsMessage
from dispatcher.engine import Engine
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.tokens import TokenFor, attempt_key, sign
from templates.call import Action
from templates.mail import ascii_domain, build_letter, mailto
from templates.speech import CALL_LIMIT_SECONDS, SENDING_LIMIT_SECONDS

LONGEST_LOCAL_PART = 64  # octets, RFC 5321, section 4.5.3.1.1


def content_of(
    engine: Engine,
    stored: StoredScenario,
    channel: ChannelName,
    accounts: Sequence[Recipient],
    key: str,
    limit_seconds: float = CALL_LIMIT_SECONDS,
) -> Content:
    """The words of the attempt with this key. Raises RenderError when they cannot be made.

    `limit_seconds` is how long a call may last by the estimate.
    """
    link = sign(engine.secret, TokenFor.LINK, key)
    return render_content(
        stored.scenario,
        channel,
        stored.templates[channel],
        accounts,
        engine.settings.supplier(),
        {
            "unsubscribe_url": _unsubscribe_url(engine, stored, channel, key),
            "link_url": f"{engine.receipts_url}/link/{link}",
        },
        stored.sounds,
        limit_seconds=limit_seconds,
    )


def _unsubscribe_url(engine: Engine, stored: StoredScenario, channel: ChannelName, key: str) -> str:
    """Where one click ends letters of this purpose; nothing but marketing letters has it."""
    if channel is not ChannelName.EMAIL or stored.scenario.purpose is not Purpose.MARKETING:
        return ""
    return f"{engine.receipts_url}/unsubscribe/{sign(engine.secret, TokenFor.UNSUBSCRIBE, key)}"


def _unsubscribe_mailto(
    engine: Engine, stored: StoredScenario, channel: ChannelName, key: str
) -> str:
    """The same by a letter (RFC 2369), where somebody reads what comes to that address."""
    settings = engine.settings
    is_read = settings.mailboxes or settings.lmtp_port
    if not is_read or not _unsubscribe_url(engine, stored, channel, key):
        return ""
    token = sign(engine.secret, TokenFor.UNSUBSCRIBE, key)
    return mailto(settings.mail_reply_to or settings.mail_from, f"unsubscribe {token}")


def return_path(engine: Engine, key: str, address: str) -> str:
    """The envelope sender of an attempt's letter: `local+TOKEN@domain` where there is an address
    for bounces (VERP), so that a report tells its letter even when it quotes nothing of it.

    A local part that would grow beyond what RFC 5321 allows stays as it is.
    """
    bounces_to = engine.settings.mail_bounces_to
    local, at, domain = bounces_to.rpartition("@")
    marked = f"{local}+{sign(engine.secret, TokenFor.BOUNCE, key)}"
    if not at or len(marked.encode()) > LONGEST_LOCAL_PART:
        return bounces_to or address
    return f"{marked}@{domain}"


def compose(
    engine: Engine,
    stored: StoredScenario,
    channel: ChannelName,
    accounts: Sequence[Recipient],
    *,
    contact_point: str,
    delivery_id: int,
    number: int,
    now: datetime,
    operator_is_there: bool = True,
    mark: str = "",
) -> Message:
    """The message of one attempt. Raises RenderError when the words cannot be made.

    `mark` stands before what is written: of a test that no customer gets.

    Everything in it follows from the attempt, so that a letter that is sent once more is the same
    letter under the same Message-ID.
    """
    settings, secret = engine.settings, engine.secret
    key = attempt_key(delivery_id, number)
    content = content_of(engine, stored, channel, accounts, key, SENDING_LIMIT_SECONDS)
    token = sign(secret, TokenFor.RECEIPT, key)
    sender = stored.scenario.channels[channel].sender
    match content:
        case CallContent():
            return CallMessage(
                token=token,
                contact_point=contact_point,
                sender=sender or settings.caller_id,
                # Nobody is offered an operator who could not be reached now.
                script=content.script
                if operator_is_there
                else content.script.without(Action.OPERATOR),
                receipts_url=engine.receipts_url,
            )
        case SmsContent():
            return SmsMessage(
                token=token,
                contact_point=contact_point,
                sender=sender or settings.sms_sign,
                text=mark + content.text,
                receipts_url=engine.receipts_url,
            )
        case MailContent():
            address = sender or settings.mail_from
            domain = ascii_domain(address, "From").rpartition("@")[2]
            message_id = f"<{sign(secret, TokenFor.MESSAGE_ID, key)}@{domain}>"
            first = accounts[0]
            return MailMessage(
                token=token,
                contact_point=contact_point,
                sender=return_path(engine, key, address),
                message_id=message_id,
                content=build_letter(
                    sender=address,
                    sender_name=settings.mail_from_name or settings.company,
                    to=contact_point,
                    to_name=" ".join(filter(None, (first.name, first.patronymic))),
                    subject=mark + content.subject,
                    text=content.text,
                    html=content.html,
                    message_id=message_id,
                    sent_at=now,
                    reply_to=settings.mail_reply_to or None,
                    unsubscribe_url=_unsubscribe_url(engine, stored, channel, key) or None,
                    unsubscribe_mailto=_unsubscribe_mailto(engine, stored, channel, key) or None,
                ),
            )
