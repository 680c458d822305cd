"""What everything else stands on: settings, the ledger, Redis, the disk, clocks."""

from collections.abc import Iterator
from datetime import timedelta

from babel.numbers import format_decimal

from dispatcher.doctor.facts import Facts
from dispatcher.doctor.finding import Finding, Severity, span
from dispatcher.ledger.migration import UNFINISHED
from templates.i18n import _, current_language

GIGABYTE = 1024**3
LITTLE_DISK = 2 * GIGABYTE
NO_DISK = GIGABYTE // 4
# Calling hours are kept by the database's clock, and nobody here knows which of two is right: a
# minute is a minute past 21:00.
CLOCKS_DIFFER = timedelta(seconds=2)
CLOCKS_ARE_WRONG = timedelta(seconds=60)


def of_ground(facts: Facts) -> Iterator[Finding]:
    """What can be told without the ledger."""
    if facts.channels_trouble:
        advice = _("Mend it; dispatcher check tells when it is in order.")
        yield Finding("channels", Severity.SERIOUS, facts.channels_trouble, advice)
    elif not facts.channels:
        yield Finding(
            "no_channels",
            Severity.NOTICE,
            _("No provider is set up: nothing can be sent."),
            _("Fill in the settings: see .env.example. To rehearse: dispatcher up --sandbox"),
        )
    if facts.reports_cannot_come:
        yield Finding(
            "no_receipts_url",
            Severity.SERIOUS,
            _("Providers outside are not told where to report: receipts and calls cannot work."),
            _("Set DISPATCHER_RECEIPTS_URL to the public https address of the endpoint."),
        )
    if facts.queue_trouble:
        yield Finding(
            "redis_away",
            Severity.SERIOUS,
            _("Redis does not answer ({kind}): nothing is sent, nothing is lost.").format(
                kind=facts.queue_trouble
            ),
            _("Start Redis, or mend DISPATCHER_REDIS_URL. What was in it need not come back."),
        )
    if facts.disk is not None and facts.disk.free_bytes < LITTLE_DISK:
        yield Finding(
            "disk",
            Severity.SERIOUS if facts.disk.free_bytes < NO_DISK else Severity.WARNING,
            _("The disk with the data folder is nearly full: {free} GB are left.").format(
                free=_gigabytes(facts.disk.free_bytes)
            ),
            _("Make room. Without it nothing can be written down, and so nothing is sent."),
        )


def of_ledger(facts: Facts) -> Iterator[Finding]:
    """Whether the ledger can be asked, and by which clock."""
    if facts.ledger_trouble:
        yield Finding(
            "ledger_away",
            Severity.SERIOUS,
            _("The database does not answer ({kind}): nothing is sent, nothing is lost.").format(
                kind=facts.ledger_trouble
            ),
            _("Start the database, or mend DISPATCHER_DATABASE_URL. The roles then go on."),
        )
    elif facts.version is None:
        yield Finding(
            "no_ledger",
            Severity.NOTICE,
            _("There is no ledger here yet: nothing was ever started with these settings."),
            _("Start it: dispatcher up. Or do the settings lead to another place than before?"),
        )
    elif facts.version != facts.newest_version:
        yield _versions(facts.version, facts.newest_version)
    if facts.ledger is not None and abs(facts.ledger.clock_ahead) > CLOCKS_DIFFER:
        yield _clocks(facts.ledger.clock_ahead)


def _versions(present: str, newest: str) -> Finding:
    if present == UNFINISHED:
        return Finding(
            "ledger_half_restored",
            Severity.SERIOUS,
            _("The ledger was only half restored from a copy: nothing starts on it."),
            _("dispatcher restore FILE once more; it begins anew."),
        )
    if present < newest:
        return Finding(
            "ledger_old",
            Severity.SERIOUS,
            _("The ledger is of version {present}, this program needs {newest}.").format(
                present=present, newest=newest
            ),
            _("dispatcher migrate brings it up to date; so does the start of any role."),
        )
    return Finding(
        "ledger_new",
        Severity.SERIOUS,
        _("The ledger is of version {present}, this program knows {newest} at most.").format(
            present=present, newest=newest
        ),
        _("Install the newer program on this machine, and restart what runs here."),
    )


def _clocks(ahead: timedelta) -> Finding:
    if ahead > timedelta():
        told = _("The clock of this machine is {span} before the database's.")
    else:
        told = _("The clock of this machine is {span} behind the database's.")
    return Finding(
        "clocks",
        Severity.SERIOUS if abs(ahead) > CLOCKS_ARE_WRONG else Severity.WARNING,
        told.format(span=span(abs(ahead))),
        _("Calling hours are kept by the database's. Set both by NTP: timedatectl set-ntp true"),
    )


def _gigabytes(size: int) -> str:
    return str(format_decimal(round(size / GIGABYTE, 1), locale=current_language()))
