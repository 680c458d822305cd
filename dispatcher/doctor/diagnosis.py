"""Facts → findings, the worst first. No clock, no network, no ledger of its own."""

from collections.abc import Iterator, Sequence

from dispatcher.doctor.at_work import of_processes, of_roles
from dispatcher.doctor.facts import Facts
from dispatcher.doctor.finding import Finding, Severity
from dispatcher.doctor.ground import of_ground, of_ledger
from dispatcher.doctor.messages import of_messages
from templates.i18n import _

_ORDER = tuple(Severity)


def diagnose(facts: Facts) -> Sequence[Finding]:
    """Everything that is wrong; nothing: all is well."""
    return sorted(_all(facts), key=lambda finding: _ORDER.index(finding.severity))


def _all(facts: Facts) -> Iterator[Finding]:
    yield from of_ground(facts)
    yield from of_ledger(facts)
    if facts.ledger is None:
        return
    yield from of_roles(facts, facts.ledger)
    yield from of_processes(facts, facts.ledger)
    yield from of_messages(facts, facts.ledger)


def bad_setting(told: str) -> Finding:
    """Nothing else can be found out without settings."""
    return Finding(
        "settings", Severity.SERIOUS, told, _("Mend the setting; .env.example explains each.")
    )
