"""All commands in one tree."""

import typer

from dispatcher.cli import audience, calendar, campaign, check, demo, roles, scenario, suppress
from templates.i18n import _

app = typer.Typer(
    name="dispatcher",
    help=_("Notification of customers by phone, SMS and e-mail."),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(scenario.app, name="scenario", help=_("What is said, and by which rules."))
app.add_typer(audience.app, name="audience", help=_("Lists of recipients."))
app.add_typer(campaign.app, name="campaign", help=_("Launch, watch, stop, prove."))
app.add_typer(suppress.app, name="suppress", help=_("The stop-list."))
app.add_typer(calendar.app, name="calendar", help=_("Public holidays as staff corrected them."))
app.command("demo", help=_("Two simulated weeks of a campaign, from file to report."))(demo.demo)
app.command("audit", help=_("Prove the books of a campaign."))(campaign.audit)
app.command("check", help=_("Are the settings, the ledger and the channels in order?"))(check.check)
app.command("up", help=_("Everything in one process."))(roles.up)
app.command("loop", help=_("Only the loop: claims what is due."))(roles.loop)
app.command("worker", help=_("Only a worker: carries out batches."))(roles.worker)
app.command("receipts", help=_("Only the endpoint that providers report to."))(roles.receipts)
app.command("sandbox", help=_("Only the sandbox: local servers to rehearse with."))(roles.sandbox)
