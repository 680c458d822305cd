"""What an audit says: one check per rule, and for each what breaks it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dispatcher.ledger.books import Entry
from dispatcher.logs import mask
from dispatcher.report.words import channels, word
from templates.i18n import _

SHOWN = 100  # findings kept of each check; the rest is only counted


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that breaks a rule. The contact point is masked; `text` is for a person."""

    account_number: str
    channel: str
    contact_point: str
    attempt: int | None
    at: datetime | None
    text: str

    def __str__(self) -> str:
        """A line for a person: `12345, Phone +7916***4567, attempt 2, 02.11.2026 07:00:05 UTC: …`.

        What does not apply (an account, an attempt) is left out.
        """
        point = f"{word(channels, self.channel)} {self.contact_point}".strip()
        attempt = "" if self.attempt is None else _("attempt {n}").format(n=self.attempt)
        at = "" if self.at is None else f"{self.at.astimezone(UTC):%d.%m.%Y %H:%M:%S} UTC"
        place = ", ".join(part for part in (self.account_number, point, attempt, at) if part)
        return f"{place}: {self.text}" if place else self.text


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. `examined` says how many rows were held against it: 0 proves nothing."""

    name: str
    title: str
    examined: int
    total: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return self.total == 0


@dataclass(frozen=True, slots=True)
class AuditResult:
    campaign_id: int
    made_at: datetime
    checks: tuple[Check, ...]
    is_kept: bool = False  # made when the books were closed; only what stays is counted anew

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


@dataclass(slots=True)
class Rule:
    """A check that is being made."""

    name: str
    title: str
    examined: int = 0
    total: int = 0
    _findings: list[Finding] = field(default_factory=list)

    def find(self, finding: Finding) -> None:
        self.total += 1
        if len(self._findings) < SHOWN:
            self._findings.append(finding)

    def against(self, entry: Entry, text: str | None) -> None:
        """Count an attempt as examined, and as a finding when there is a text."""
        self.examined += 1
        if text is not None:
            self.find(
                Finding(
                    entry.account_number,
                    entry.channel.value,
                    mask(entry.contact_point),
                    entry.number,
                    entry.started_at,
                    text,
                )
            )

    def extend(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.find(finding)

    def check(self) -> Check:
        return Check(self.name, self.title, self.examined, self.total, tuple(self._findings))
