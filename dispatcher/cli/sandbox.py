"""`dispatcher sandbox`: the world to rehearse in, in a process of its own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher import inbound
from dispatcher.cli import screen, shared
from dispatcher.cli.lifetime import heed_signals, wait
from dispatcher.clock import SystemClock
from dispatcher.listening import need_free
from dispatcher.stop import Stop
from dispatcher.wiring import receipts_url_of
from templates.i18n import _

if TYPE_CHECKING:
    from channels.sandbox.mailbox_server import MailboxServer


def sandbox(
    smtp_port: Annotated[int, typer.Option(min=0, max=65535)] = 2525,
    http_port: Annotated[int, typer.Option(min=0, max=65535)] = 8025,
    imap_port: Annotated[int, typer.Option(min=0, max=65535)] = 1143,
    journal: Annotated[Path | None, typer.Option(help=_("Where to write what comes."))] = None,
) -> None:
    from channels.sandbox.mailbox_server import MailboxServer
    from dispatcher.rehearsal import account_of, open_sandbox

    settings = shared.settings()
    stop = heed_signals(Stop())
    need_free(
        "127.0.0.1",
        {"--smtp-port": smtp_port, "--http-port": http_port, "--imap-port": imap_port},
    )
    world = open_sandbox(
        settings,
        SystemClock(),
        journal=journal,
        simulated=False,
        smtp_port=smtp_port,
        http_port=http_port,
    )
    world.inbound_urls.update(
        inbound.addresses(receipts_url_of(settings), settings.signing_secret())
    )
    with world, MailboxServer(port=imap_port) as mailbox:
        screen.say_well(_("The sandbox listens. Settings that lead to it:"))
        for line in (
            f"DISPATCHER_SMTP_HOST={world.smtp_host}",
            f"DISPATCHER_SMTP_PORT={world.smtp_port}",
            "DISPATCHER_SMTP_TLS=none",
            "DISPATCHER_MAIL_FROM=info@example.com",
            f"DISPATCHER_SMSAERO_EMAIL={world.smsaero_email}",
            f"DISPATCHER_SMSAERO_API_KEY={world.smsaero_api_key}",
            f"DISPATCHER_SMSAERO_GATE={world.smsaero_gate}",
            "DISPATCHER_SMS_SIGN=Energosbyt",
            f"DISPATCHER_TWILIO_ACCOUNT_SID={world.twilio_account_sid}",
            f"DISPATCHER_TWILIO_AUTH_TOKEN={world.twilio_auth_token}",
            f"DISPATCHER_TWILIO_BASE_URL={world.twilio_base_url}",
            "DISPATCHER_CALLER_ID=+74951000000",
            f"DISPATCHER_MAILBOXES='{json.dumps([account_of(mailbox)])}'",
        ):
            print(line, flush=True)
        tell_mailbox(mailbox)
        wait(stop)


def tell_mailbox(mailbox: "MailboxServer") -> None:
    """Where a letter can be put by hand; nothing real is behind the password."""
    screen.say(
        "  "
        + _(
            "The sandbox's mailbox: {address} at {host}:{port} (IMAP), password {password}."
        ).format(
            address=mailbox.username,
            host=mailbox.host,
            port=mailbox.port,
            password=mailbox.password,
        )
    )
    screen.say("  " + _("To put a letter into it:"))
    # Whole on a line of its own, so that it can be copied.
    print(
        f"  curl --upload-file letter.eml --user {mailbox.username}:{mailbox.password} "
        f"imap://{mailbox.host}:{mailbox.port}/INBOX",
        flush=True,
    )
