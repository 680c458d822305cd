"""The books of a campaign: open, counted anew each time; or closed, as they once were.

They are closed before the first attempt moves and before the first name is erased. From then on the
report is the one that was made then, and so are the checks of the audit that need what has gone;
what is still there is counted anew all the same.

They are read years later, by a program that knows of more: what is kept bears the number of its
format, and each change of the format brings along the step from the one before.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from dispatcher import audit
from dispatcher.audit import AuditResult, Check
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, archive
from dispatcher.report import figures
from dispatcher.report.figures import CampaignReport
from templates.i18n import _

_REPORT = TypeAdapter(CampaignReport)
_AUDIT = TypeAdapter(AuditResult)
Document = Mapping[str, Any]
# The first makes report and audit of format 1 those of format 2, and so on. Whoever changes a field
# of what is kept adds a step, and in tests/corpora/books what books of the new format look like.
_STEPS: Sequence[Callable[[Document, Document], tuple[Document, Document]]] = ()
FORMAT = len(_STEPS) + 1


def close_books(engine: Engine, campaign_id: int, now: datetime) -> bool:
    """Make report and audit, and keep them; False where they were kept before. Reads for as long as
    it takes, and locks nothing."""
    with engine.ledger.read() as tx:
        if archive.books_of(tx, campaign_id) is not None:
            return False
        # Which providers are out of order tonight is no matter of a campaign of last year.
        found = replace(figures.of_campaign(tx, campaign_id, now), away=())
        result = audit.examine(tx, campaign_id, engine.rules(tx), now)
    report, audited = written(found, result)
    engine.ledger.insist(lambda tx: archive.keep_books(tx, campaign_id, report, audited, now))
    return True


def written(report: CampaignReport, result: AuditResult) -> tuple[Document, Document]:
    """Report and audit as they are kept."""
    return (
        {"format": FORMAT, **_REPORT.dump_python(report, mode="json")},
        _AUDIT.dump_python(result, mode="json"),
    )


def read(report: Document, audited: Document) -> tuple[CampaignReport, AuditResult]:
    """What was written, by this program or a former one. Raises NotPossible for books of a later
    one."""
    newest = _brought_up(report, audited)
    return (
        _REPORT.validate_python(newest[0], strict=False),
        _AUDIT.validate_python(newest[1], strict=False),
    )


def _brought_up(report: Document, audited: Document) -> tuple[Document, Document]:
    made_as = report.get("format", 1)
    if made_as > FORMAT:
        raise NotPossible(_("The books of this campaign were closed by a newer program."))
    for step in _STEPS[made_as - 1 :]:
        report, audited = step(report, audited)
    return {**report, "format": FORMAT}, audited


def report_of(tx: Transaction, campaign_id: int, now: datetime) -> CampaignReport:
    """The report, as it was kept or as it is now. Raises NotFound."""
    kept = archive.books_of(tx, campaign_id)
    if kept is None:
        return figures.of_campaign(tx, campaign_id, now)
    return read(*kept)[0]


def audit_of(tx: Transaction, engine: Engine, campaign_id: int, now: datetime) -> AuditResult:
    """The audit, as it was kept and as far as it can be made anew. Raises NotFound."""
    kept = archive.books_of(tx, campaign_id)
    if kept is None:
        return audit.examine(tx, campaign_id, engine.rules(tx), now)
    result = read(*kept)[1]
    anew = {check.name: check for check in audit.count_anew(tx, campaign_id, engine.rules(tx))}
    return replace(result, is_kept=True, checks=tuple(_newest(result.checks, anew)))


def _newest(checks: Iterable[Check], anew: Mapping[str, Check]) -> Iterable[Check]:
    for check in checks:
        yield anew.get(check.name, check)


def forget_people(
    tx: Transaction,
    campaign_id: int,
    accounts: frozenset[str] | None,
    points: frozenset[str] = frozenset(),
) -> None:
    """Take customers out of closed books, these accounts (None: all) and contact points: out of
    the list of who is uncertain, and out of findings."""
    kept = archive.books_of(tx, campaign_id)
    if kept is None:
        return

    def is_gone(row: Mapping[str, Any]) -> bool:
        known = accounts is None or row["account_number"] in accounts
        return known or row["contact_point"].lower() in points

    report, audited = map(dict, _brought_up(*kept))
    report["uncertain"] = [row for row in report["uncertain"] if not is_gone(row)]
    audited["checks"] = [
        {
            **check,
            "findings": [
                {**row, "account_number": "", "contact_point": ""} if is_gone(row) else row
                for row in check["findings"]
            ],
        }
        for check in audited["checks"]
    ]
    archive.rewrite_books(tx, campaign_id, report, audited)
