"""Each provider's channel beside its twin in the sandbox, in one shape for the suite."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from channels.base import (
    CallMessage,
    Channel,
    Handover,
    MailMessage,
    Message,
    Payload,
    Receipt,
    SmsMessage,
    Sought,
)
from channels.email.smtp import SmtpChannel
from channels.phone.twilio import TwilioChannel
from channels.sandbox import Sandbox
from channels.sandbox.twilio_rest import Account
from channels.sms.smsaero import SmsAeroChannel
from channels.sms.twilio_messages import TwilioMessagesChannel
from templates.call import CallScript, Say

NOON = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
TIMEOUT_SECONDS = 1.0
RECEIPTS_URL = "https://receipts.example.com"
SMS_KEY = "secret-key-of-the-gate-0123"
TWILIO_SID = "AC" + "0f" * 16
TWILIO_TOKEN = "secret-token-of-twilio"
MAIL_PASSWORD = "secret-password-of-mail"


class Twin(Protocol):
    """A provider under test. `points` are contact points of the sandbox by what happens there."""

    @property
    def name(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def points(self) -> dict[str, str]: ...

    def at(self, port: int) -> Channel: ...
    def beside(self, sandbox: Sandbox) -> Channel: ...
    def message(self, contact_point: str, receipts_url: str = RECEIPTS_URL) -> Message: ...


@dataclass(frozen=True)
class PhoneTwin:
    name: str = "twilio"
    secret: str = TWILIO_TOKEN

    @property
    def points(self) -> dict[str, str]:
        return _numbers(good="0020", dead="0007", throttled="0012", silent="0013", cut="0008")

    def at(self, port: int) -> TwilioChannel:
        return TwilioChannel(
            TWILIO_SID,
            TWILIO_TOKEN,
            base_url=f"http://127.0.0.1:{port}",
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def beside(self, sandbox: Sandbox) -> TwilioChannel:
        return self.at(sandbox.http_port)

    def message(self, contact_point: str, receipts_url: str = RECEIPTS_URL) -> CallMessage:
        return CallMessage(
            token="1-1-abc",
            contact_point=contact_point,
            sender="+74951234567",
            script=CallScript(
                (Say("Здравствуйте."), Say("Ваша задолженность сто рублей. Просим оплатить."))
            ),
            receipts_url=receipts_url,
        )


@dataclass(frozen=True)
class SmsTwin:
    name: str = "smsaero"
    secret: str = SMS_KEY

    @property
    def points(self) -> dict[str, str]:
        return _numbers(good="0020", dead="0016", throttled="0012", silent="0013", cut="0008")

    def at(self, port: int) -> SmsAeroChannel:
        return SmsAeroChannel(
            "energy@example.com",
            SMS_KEY,
            "Energo",
            url_gate=f"@127.0.0.1:{port}/v2/",
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def beside(self, sandbox: Sandbox) -> SmsAeroChannel:
        return self.at(sandbox.http_port)

    def message(self, contact_point: str, receipts_url: str = RECEIPTS_URL) -> SmsMessage:
        return SmsMessage("1-1-abc", contact_point, "Energo", "Долг 100 руб.", receipts_url)


@dataclass(frozen=True)
class TwilioSmsTwin:
    name: str = "twilio-sms"
    secret: str = TWILIO_TOKEN

    @property
    def points(self) -> dict[str, str]:
        return SmsTwin().points

    def at(self, port: int) -> TwilioMessagesChannel:
        return TwilioMessagesChannel(
            TWILIO_SID,
            TWILIO_TOKEN,
            "+74951234567",
            base_url=f"http://127.0.0.1:{port}",
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def beside(self, sandbox: Sandbox) -> TwilioMessagesChannel:
        return self.at(sandbox.http_port)

    def message(self, contact_point: str, receipts_url: str = RECEIPTS_URL) -> SmsMessage:
        return SmsTwin().message(contact_point, receipts_url)


@dataclass(frozen=True)
class MailTwin:
    name: str = "smtp"
    secret: str = MAIL_PASSWORD

    @property
    def points(self) -> dict[str, str]:
        local = {"good": "good", "dead": "bounce", "throttled": "later", "silent": "timeout"}
        return {what: f"{name}@example.com" for what, name in {**local, "cut": "drop"}.items()}

    def at(self, port: int) -> SmtpChannel:
        return SmtpChannel("127.0.0.1", port, tls="none", timeout_seconds=TIMEOUT_SECONDS)

    def beside(self, sandbox: Sandbox) -> SmtpChannel:
        return SmtpChannel(
            "127.0.0.1",
            sandbox.smtp_port,
            tls="none",
            timeout_seconds=TIMEOUT_SECONDS,
            username="energy",
            password=MAIL_PASSWORD,
        )

    def message(self, contact_point: str, receipts_url: str = RECEIPTS_URL) -> MailMessage:
        return letter(contact_point)


def letter(contact_point: str, body: bytes = b"Text\r\n", name: str = "1") -> MailMessage:
    message_id = f"<{name}@mail.example.com>"
    head = f"Message-ID: {message_id}\r\nSubject: Reminder\r\n\r\n".encode()
    return MailMessage("1-1-abc", contact_point, "energy@example.com", message_id, head + body)


def _numbers(**endings: str) -> dict[str, str]:
    return {what: f"+7916123{ending}" for what, ending in endings.items()}


def rehearsal(**options: object) -> Sandbox:
    """A sandbox in simulated time that stands still, with the credentials the twins use."""
    return Sandbox(
        lambda: NOON,
        simulated=True,
        smtp_username="energy",
        smtp_password=MAIL_PASSWORD,
        smsaero_email="energy@example.com",
        smsaero_api_key=SMS_KEY,
        smsaero_signs=("SMS Aero", "Energo"),
        twilio_account_sid=TWILIO_SID,
        twilio_auth_token=TWILIO_TOKEN,
        **options,  # type: ignore[arg-type]
    )


def strangers() -> Sandbox:
    """A sandbox whose accounts are somebody else's."""
    return Sandbox(
        lambda: NOON, simulated=True, smtp_username="somebody", smtp_password="another-password"
    )


def sought(message: Message, sent_at: datetime = NOON) -> Sought:
    text = message.text if isinstance(message, SmsMessage) else ""
    return Sought(message.contact_point, sent_at, text)


def signed_by_twilio(url: str, form: dict[str, str], token: str = TWILIO_TOKEN) -> Payload:
    signature = Account(TWILIO_SID, token).signature(url, form)
    return Payload(url, form, {"x-twilio-signature": signature})


def find(channel: Channel, wanted: Sought) -> Sequence[Receipt] | None:
    """Ask a provider for its list, in a batch of its own."""

    async def ask() -> Sequence[Receipt] | None:
        async with channel:
            return await channel.find(wanted)

    return asyncio.run(ask())


def deliver(channel: Channel, *messages: Message) -> list[Handover]:
    """Hand messages over one after the other, in one batch."""

    async def batch() -> list[Handover]:
        async with channel:
            return [await channel.deliver(message) for message in messages]

    return asyncio.run(batch())


def deliver_together(channel: Channel, messages: Sequence[Message]) -> list[Handover]:
    async def batch() -> list[Handover]:
        async with channel:
            return list(await asyncio.gather(*(channel.deliver(one) for one in messages)))

    return asyncio.run(batch())
