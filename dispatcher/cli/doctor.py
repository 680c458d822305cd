"""`dispatcher doctor`: what is wrong with the running system, and what to do?"""

import typer
from rich.markup import escape
from rich.table import Table

from dispatcher import logs
from dispatcher.cli import screen
from dispatcher.cli.shared import AsJson
from dispatcher.doctor import Finding, Severity, diagnose, read_facts
from dispatcher.doctor.diagnosis import bad_setting
from dispatcher.errors import BadSetting
from dispatcher.settings import load_settings
from templates.i18n import _, set_language

_SIGNS = {
    Severity.SERIOUS: "[red]✗[/red]",
    Severity.WARNING: "[yellow]![/yellow]",
    Severity.NOTICE: "[dim]·[/dim]",
}


def doctor(as_json: AsJson = False) -> None:
    """Exit code 1 when anything serious is wrong."""
    findings = _examine()
    is_well = all(one.severity is not Severity.SERIOUS for one in findings)
    if as_json:
        screen.print_json(
            {
                "well": is_well,
                "findings": [
                    {
                        "code": one.code,
                        "severity": one.severity,
                        "what": one.what,
                        "advice": one.advice,
                    }
                    for one in findings
                ],
            }
        )
    else:
        _show(findings)
    if not is_well:
        raise typer.Exit(1)


def _examine() -> list[Finding]:
    try:
        settings = load_settings()
    except BadSetting as error:
        return [bad_setting(str(error))]
    set_language(settings.language)
    logs.configure(settings.log_level, settings.log_format)
    return list(diagnose(read_facts(settings)))


def _show(findings: list[Finding]) -> None:
    if not findings:
        screen.say_well(_("Nothing is wrong."))
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    for one in findings:
        grid.add_row(_SIGNS[one.severity], escape(screen.printable(one.what)))
        grid.add_row("", f"→ {escape(screen.printable(one.advice))}")
    screen.console.print(grid)
    counts = {severity: sum(one.severity is severity for one in findings) for severity in Severity}
    screen.say(
        _("Serious: {serious}, to look at: {warnings}, good to know: {notices}.").format(
            serious=counts[Severity.SERIOUS],
            warnings=counts[Severity.WARNING],
            notices=counts[Severity.NOTICE],
        )
    )
