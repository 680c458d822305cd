"""All commands in one tree, of which only the branch that is asked for is imported.

SQLAlchemy, the providers' SDKs and the sandbox take a second to import; `--help` and a slip of the
pen should not wait for them.
"""

from importlib import import_module

import typer

from templates.i18n import _


def build(wanted: str | None) -> typer.Typer:
    """The tree with the branch `wanted` in full; of the others only what the help says of them."""
    app = typer.Typer(
        name="dispatcher",
        help=_("Notification of customers by phone, SMS and e-mail."),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name, (place, told) in _branches().items():
        module, _colon, function = place.partition(":")
        if name != wanted:
            app.command(name, help=told)(_unasked)
        elif function:
            app.command(name, help=told)(getattr(import_module(module), function))
        else:
            app.add_typer(import_module(module).app, name=name, help=told)
    return app


def _unasked() -> None:
    """Stands in the help for a branch that was not imported; never called."""


def _branches() -> dict[str, tuple[str, str]]:
    """Each command: where its function is (or its own tree of commands), and what it does."""
    here = "dispatcher.cli"
    return {
        "demo": (
            f"{here}.demo:demo",
            _("Two simulated weeks of a campaign, from file to report."),
        ),
        "up": (f"{here}.roles:up", _("Everything in one process.")),
        "check": (
            f"{here}.check:check",
            _("Are the settings, the ledger and the channels in order?"),
        ),
        "doctor": (
            f"{here}.doctor:doctor",
            _("What is wrong with the running system, and what to do? (check: before the start)"),
        ),
        "audience": (f"{here}.audience", _("Lists of recipients.")),
        "scenario": (f"{here}.scenario", _("What is said, and by which rules.")),
        "template": (f"{here}.template", _("Texts: to read, to measure, to hear.")),
        "sms": (f"{here}.sms", _("What a text costs as an SMS.")),
        "speech": (f"{here}.speech", _("How a call says a number, a date, a sum.")),
        "campaign": (f"{here}.campaign", _("Launch, watch, stop, prove.")),
        "audit": (f"{here}.campaign:audit", _("Prove the books of a campaign.")),
        "provider": (f"{here}.provider", _("Who carries messages, and who is out of order.")),
        "inquiries": (f"{here}.inquiries", _("What customers write to us.")),
        "mailrobot": (f"{here}.mailrobot", _("Takes letters in and answers them.")),
        "suppress": (f"{here}.suppress", _("The stop-list.")),
        "key": (f"{here}.key", _("Keys by which other systems come in.")),
        "calendar": (f"{here}.calendar", _("Public holidays as staff corrected them.")),
        "staff": (f"{here}.staff", _("Who may use the staff's screen.")),
        "retention": (f"{here}.retention", _("What is old: archive, erase, find again.")),
        "migrate": (f"{here}.migrate:migrate", _("Bring the ledger's schema up to date.")),
        "backup": (f"{here}.backup:backup", _("Copy the ledger, while everybody works on.")),
        "restore": (f"{here}.backup:restore", _("Bring an empty ledger back from a copy.")),
        "loop": (f"{here}.roles:loop", _("Only the loop: claims what is due.")),
        "worker": (f"{here}.roles:worker", _("Only a worker: carries out batches.")),
        "receipts": (
            f"{here}.roles:receipts",
            _("Only the endpoint that providers report to."),
        ),
        "web": (f"{here}.web:web", _("Only the pages of the staff.")),
        "sandbox": (
            f"{here}.sandbox:sandbox",
            _("Only the sandbox: local servers to rehearse with."),
        ),
    }
