"""The books of a campaign: open, counted anew each time; or closed, as they once were.

They are closed before the first attempt moves and before the first name is erased. From then on the
report is the one that was made then, and so are the checks of the audit that need what has gone;
what is still there is counted anew all the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from dispatcher import audit
from dispatcher.audit import AuditResult, Check
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, archive
from dispatcher.report import figures
from dispatcher.report.figures import CampaignReport

_REPORT = TypeAdapter(CampaignReport)
_AUDIT = TypeAdapter(AuditResult)


def close_books(engine: Engine, campaign_id: int, now: datetime) -> bool:
    """Make report and audit, and keep them; False where they were kept before. Reads for as long as
    it takes, and locks nothing."""
    with engine.ledger.read() as tx:
        if archive.books_of(tx, campaign_id) is not None:
            return False
        # Which providers are out of order tonight is no matter of a campaign of last year.
        found = replace(figures.of_campaign(tx, campaign_id, now), away=())
        report = _REPORT.dump_python(found, mode="json")
        result = audit.examine(tx, campaign_id, engine.rules(tx), now)
    audited = _AUDIT.dump_python(result, mode="json")
    engine.ledger.insist(lambda tx: archive.keep_books(tx, campaign_id, report, audited, now))
    return True


def report_of(tx: Transaction, campaign_id: int, now: datetime) -> CampaignReport:
    """The report, as it was kept or as it is now. Raises NotFound."""
    kept = archive.books_of(tx, campaign_id)
    if kept is None:
        return figures.of_campaign(tx, campaign_id, now)
    return _REPORT.validate_python(kept[0], strict=False)


def audit_of(tx: Transaction, engine: Engine, campaign_id: int, now: datetime) -> AuditResult:
    """The audit, as it was kept and as far as it can be made anew. Raises NotFound."""
    kept = archive.books_of(tx, campaign_id)
    if kept is None:
        return audit.examine(tx, campaign_id, engine.rules(tx), now)
    result = _AUDIT.validate_python(kept[1], strict=False)
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

    report, audited = dict(kept[0]), dict(kept[1])
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
