"""What time it is in the house: at the ledger's server, or here where the ledger is a file."""

from datetime import UTC, datetime

from dispatcher.clock import Answer, SystemClock, uptime_seconds
from dispatcher.ledger.connection import Ledger

_QUESTION = "SELECT clock_timestamp()"


def ask_time(ledger: Ledger) -> Answer:
    """The wall clock of the PostgreSQL server at this very instant. Raises LedgerFault.

    To connect and to begin takes many steps, and the server looks at its clock in the last of
    them; so it is asked once before it counts.
    """
    with ledger.read() as tx:
        tx.exec_driver_sql(_QUESTION)
        asked_seconds = uptime_seconds()
        told = tx.exec_driver_sql(_QUESTION).scalar_one()
        return Answer(told, asked_seconds, uptime_seconds())


def time_of(ledger: Ledger) -> datetime:
    """The house's time, asked once: for a command that looks at a ledger and is over. Raises
    LedgerFault."""
    if ledger.is_sqlite:
        return SystemClock().now()
    return ask_time(ledger).told_at.astimezone(UTC)
