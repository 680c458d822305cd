"""Settings and channels for a rehearsal: every provider is the sandbox on this machine."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from campaigns.channel import ChannelName
from channels.mailbox.account import MailboxAccount
from channels.routing import Providers, only
from channels.sandbox import Sandbox, load_patterns
from channels.sandbox.mailbox_server import MailboxServer
from dispatcher.clock import Clock, SystemClock
from dispatcher.settings import Settings

SANDBOX_MAILBOX = "sandbox"  # how the log and the screen call it


def open_sandbox(
    settings: Settings,
    clock: Clock,
    *,
    journal: Path | None,
    simulated: bool,
    smtp_port: int = 0,
    http_port: int = 0,
) -> Sandbox:
    """A sandbox by the settings' seed and table of outcomes; not started yet."""
    return Sandbox(
        clock.now,
        seed=settings.sandbox_seed,
        patterns=load_patterns(settings.sandbox_patterns),
        journal_path=journal,
        simulated=simulated,
        smtp_port=smtp_port,
        http_port=http_port,
        smsaero_signs=("SMS Aero", settings.sms_sign or "Energosbyt"),
    )


def toward(sandbox: Sandbox, settings: Settings) -> Settings:
    """The same settings with every provider replaced by the (started) sandbox."""
    return settings.model_copy(
        update={
            "smtp_host": sandbox.smtp_host,
            "smtp_port": sandbox.smtp_port,
            "smtp_username": "",
            "smtp_password": SecretStr(""),
            "smtp_tls": "none",
            "mail_from": settings.mail_from or "info@example.com",
            "smsaero_email": sandbox.smsaero_email,
            "smsaero_api_key": SecretStr(sandbox.smsaero_api_key),
            "smsaero_gate": sandbox.smsaero_gate,
            "sms_sign": settings.sms_sign or "Energosbyt",
            "twilio_account_sid": sandbox.twilio_account_sid,
            "twilio_auth_token": SecretStr(sandbox.twilio_auth_token),
            "twilio_base_url": sandbox.twilio_base_url,
            "caller_id": settings.caller_id or "+74951000000",
        }
    )


def account_of(mailbox: MailboxServer) -> dict[str, str | int]:
    """A row of the setting MAILBOXES that leads to the (started) sandbox's mailbox."""
    return {
        "name": SANDBOX_MAILBOX,
        "host": mailbox.host,
        "port": mailbox.port,
        "username": mailbox.username,
        "password": mailbox.password,
        "tls": "none",
    }


def with_mailbox(mailbox: MailboxServer, settings: Settings) -> Settings:
    """The same settings with the sandbox's mailbox in place of every real one: whoever rehearses
    must not take customers' letters out of theirs."""
    account = MailboxAccount.model_validate(account_of(mailbox))
    return settings.model_copy(update={"mailboxes": (account,)})


def stand_ins() -> Mapping[ChannelName, Providers]:
    """Channels by name only: enough to launch a rehearsal that another process will run."""
    from channels.email.smtp import SmtpChannel
    from channels.phone.twilio import TwilioChannel
    from channels.sms.smsaero import SmsAeroChannel

    sandbox = Sandbox(SystemClock().now)
    return {
        ChannelName.EMAIL: only(SmtpChannel(sandbox.smtp_host, 25, tls="none")),
        ChannelName.SMS: only(
            SmsAeroChannel(sandbox.smsaero_email, sandbox.smsaero_api_key, "sign")
        ),
        ChannelName.PHONE: only(
            TwilioChannel(sandbox.twilio_account_sid, sandbox.twilio_auth_token)
        ),
    }
