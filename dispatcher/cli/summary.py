"""A campaign's figures on the screen and in files: one way for every command that shows them."""

import json
from collections.abc import Iterator
from pathlib import Path

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from campaigns.channel import ChannelName
from campaigns.delivery import SkipReason, Status
from dispatcher.audit import AuditResult
from dispatcher.cli import screen
from dispatcher.engine import Engine
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.circuits import Circuit
from dispatcher.report import export, html, words, workbook
from dispatcher.report.figures import CampaignReport, ChannelFigures
from dispatcher.report.standing import ChannelStanding, Standing
from dispatcher.retention.books import audit_of
from templates.i18n import _

BAR_WIDTH = 14


def campaign_status(status: str) -> str:
    return words.word(words.campaign_statuses, status)


def campaign_facts(campaign: Campaign) -> dict[str, object]:
    return {
        "campaign": campaign.id,
        "scenario": campaign.scenario_name,
        "version": campaign.scenario_version,
        "audience": campaign.audience_name,
        "status": campaign.status,
        "zone": campaign.zone,
        "start_at": campaign.start_at,
        "end_at": campaign.end_at,
        "created_by": campaign.created_by,
        "closed_at": campaign.closed_at,
        "note": campaign.note,
    }


def facts(report: CampaignReport) -> dict[str, object]:
    """The whole report for programs."""
    return standing_facts(report) | {
        "without_own_zone": report.without_own_zone,
        "channels": {c.channel.value: _channel_standing(c) | _channel(c) for c in report.channels},
        "row_errors": _by_code(report),
    }


def standing_facts(standing: Standing) -> dict[str, object]:
    """How a campaign stands, for programs."""
    return campaign_facts(standing.campaign) | {
        "recipients": standing.recipients,
        "attempts": standing.attempts,
        "adds_up": standing.adds_up,
        "channels": {c.channel.value: _channel_standing(c) for c in standing.channels},
        "away": [circuit_facts(circuit) for circuit in standing.away],
    }


def _by_code(report: CampaignReport) -> dict[str, int]:
    """Findings by code; one code may both have refused rows and been let pass in others."""
    counts: dict[str, int] = {}
    for error in report.row_errors:
        counts[error.code] = counts.get(error.code, 0) + error.rows
    return counts


def _channel(c: ChannelFigures) -> dict[str, object]:
    return {
        "merged_messages": c.merged_messages,
        "spoken_of": c.spoken_of,
        "duplicates": c.duplicates,
        "first_local": c.hours.earliest.isoformat() if c.hours.earliest else None,
        "last_local": c.hours.latest.isoformat() if c.hours.latest else None,
    }


def _channel_standing(c: ChannelStanding) -> dict[str, object]:
    return {
        "recipients": c.recipients,
        "planned": c.planned,
        "skipped": dict(c.skipped),
        "statuses": {status.value: count for status, count in c.statuses.items()},
        "attempts": c.attempts,
        "outcomes": {
            one.outcome.value: {"attempts": one.attempts, "positive": one.positive}
            for one in c.outcomes
        },
        "positive": c.positive,
        "given_up": dict(c.given_up),
        "expired": c.ended_as(Status.EXPIRED),
        "uncertain": c.ended_as(Status.UNCERTAIN),
        "open": c.at_work,
        "retrying": c.retrying,
    }


def one_line(standing: Standing) -> str:
    return json.dumps(standing_facts(standing), ensure_ascii=False, default=str)


def panel(standing: Standing, zone: str) -> Group:
    """How a campaign stands, within 80 columns; redrawn while it runs."""
    campaign = standing.campaign
    head = Text()
    head.append(f"{campaign.title} · ", style="bold")
    head.append(campaign_status(campaign.status))
    head.append(f" · {screen.moment(standing.made_at, zone)}", style="dim")
    grid = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True)
    titles = ("", _("planned"), _("attempts"), _("reached"), "", _("waiting"), _("ended"))
    for index, title in enumerate(titles):
        grid.add_column(title, justify="left" if index in (0, 4) else "right", style=None)
    for c in standing.channels:
        share = c.positive / c.planned if c.planned else 0.0
        filled = round(share * BAR_WIDTH)
        others = c.planned - c.positive - c.at_work
        bar = f"[green]{'━' * filled}[/green][dim]{'─' * (BAR_WIDTH - filled)}[/dim]"
        grid.add_row(
            words.word(words.channels, c.channel),
            screen.number(c.planned),
            screen.number(c.attempts),
            screen.number(c.positive),
            f"{bar} {share:>4.0%}",
            screen.number(c.at_work),
            screen.number(others),
        )
    return Group(head, *_troubles(standing, zone), grid)


def _troubles(standing: Standing, zone: str) -> Iterator[Text]:
    """Why a campaign stands, and which providers it waits for."""
    campaign = standing.campaign
    if campaign.note:
        why = words.note(campaign.note)
        advice = _("Mend it, then: dispatcher campaign resume {id}").format(id=campaign.id)
        yield Text(f"{why}. {advice}", style="red")
    for circuit in standing.away:
        yield Text(circuit_words(circuit, zone), style="yellow")


def circuit_words(circuit: Circuit, zone: str) -> str:
    """A provider that is out of order, on one line."""
    return _(
        "{channel}, {provider}: out of order since {since}: {why}; tried again at {retry}"
    ).format(
        channel=words.word(words.channels, circuit.channel),
        provider=circuit.provider,
        since=screen.moment(circuit.opened_at, zone),
        why=words.word(words.troubles, circuit.reason),
        retry=screen.moment(circuit.retry_at, zone),
    )


def circuit_facts(circuit: Circuit) -> dict[str, object]:
    return {
        "channel": circuit.channel,
        "provider": circuit.provider,
        "reason": circuit.reason,
        "opened_at": circuit.opened_at,
        "retry_at": circuit.retry_at,
        "openings": circuit.openings,
    }


def print_report(report: CampaignReport) -> None:
    """Everything a clerk asks after a campaign, in a few tables."""
    channels = [words.word(words.channels, c.channel) for c in report.channels]
    endings = [
        (_("recipients"), [c.recipients for c in report.channels]),
        (_("skipped"), [c.skipped_total for c in report.channels]),
        (_("planned"), [c.planned for c in report.channels]),
        *(
            (words.word(words.statuses, status), [c.ended_as(status) for c in report.channels])
            for status in Status
            if status is not Status.SKIPPED and report.total(status)
        ),
        (_("attempts"), [c.attempts for c in report.channels]),
    ]
    screen.table(_("What became of them"), ["", *channels], [(n, *v) for n, v in endings])
    reasons = [
        reason for reason in SkipReason if any(c.skipped.get(reason) for c in report.channels)
    ]
    if reasons:
        screen.table(
            _("Skipped, by reason"),
            ["", *channels],
            [
                (
                    words.word(words.skip_reasons, reason),
                    *(c.skipped.get(reason, 0) for c in report.channels),
                )
                for reason in reasons
            ],
        )
    timed = [c for c in report.channels if c.channel is not ChannelName.EMAIL and c.hours.earliest]
    for c in timed:
        if c.hours.earliest and c.hours.latest:
            screen.say(
                _("{channel}: the earliest at {first}, the latest at {last}, local time").format(
                    channel=words.word(words.channels, c.channel),
                    first=words.clock(c.hours.earliest),
                    last=words.clock(c.hours.latest),
                )
            )
    if report.without_own_zone:
        screen.say(
            _("Without a zone of their own (the campaign's is used): {count}").format(
                count=screen.number(report.without_own_zone)
            )
        )
    merged = sum(c.merged_messages for c in report.channels)
    if merged:
        screen.say(
            _(
                "Messages that speak of several accounts: {merged}, accounts joined: {joined}"
            ).format(merged=merged, joined=sum(c.spoken_of for c in report.channels))
        )
    if report.adds_up:
        screen.say_well(_("The figures add up."))
    else:
        for balance in report.balances:
            if not balance.holds:
                name = words.word(words.balances, balance.name)
                screen.say_badly(f"{name}: {balance.expected} ≠ {balance.found}")


def examine(engine: Engine, campaign_id: int) -> AuditResult:
    """Prove the books of a campaign."""
    with engine.ledger.read() as tx:
        return audit_of(tx, engine, campaign_id, engine.clock.now())


def print_audit(result: AuditResult) -> None:
    screen.console.print(f"[bold]{escape(_('Audit of the books'))}[/bold]")
    if result.is_kept:
        screen.say(
            _("The books were closed on {date}; what the rows still tell is counted anew.").format(
                date=f"{result.made_at:%d.%m.%Y}"
            )
        )
    for check in result.checks:
        line = f"{check.title} ({screen.number(check.examined)})"
        if check.passed:
            screen.say_well(line)
            continue
        screen.say_badly(_("{line}: broken {count} times").format(line=line, count=check.total))
        for finding in check.findings:
            screen.say(f"    {finding}")


def audit_facts(result: AuditResult) -> dict[str, object]:
    return {
        "passed": result.passed,
        "checks": [
            {
                "name": check.name,
                "passed": check.passed,
                "examined": check.examined,
                "broken": check.total,
                "findings": [str(finding) for finding in check.findings],
            }
            for check in result.checks
        ],
    }


def write_files(engine: Engine, report: CampaignReport, out: Path, *, full: bool = False) -> None:
    """report.html, report.xlsx, attempts.csv and skips.csv in a folder."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.html").write_text(html.render(report), encoding="utf-8")
    with engine.ledger.read() as tx:
        workbook.write(out / "report.xlsx", tx, report, full=full)
        with (out / "attempts.csv").open("w", encoding="utf-8", newline="") as file:
            export.write_csv(export.attempts(tx, report.campaign.id, full=full), file)
        with (out / "skips.csv").open("w", encoding="utf-8", newline="") as file:
            export.write_csv(export.skips(tx, report.campaign.id), file, export.SKIP_COLUMNS)
