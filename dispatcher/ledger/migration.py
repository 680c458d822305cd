"""Bringing a ledger's schema up to date, by the program itself: no ini file, no extra command."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from dispatcher.errors import NotPossible
from dispatcher.ledger.connection import Ledger, Transaction, limit_patience
from templates.i18n import _

if TYPE_CHECKING:
    from alembic.config import Config

# The newest script in `migrations`; a test keeps it true.
LATEST = "0018"
SCRIPTS = Path(__file__).parent / "migrations"
# Any number: it names our lock among the advisory locks of a PostgreSQL database.
MIGRATION_LOCK = 72_115_108
# In place of a version, while a copy is being restored: all its rows are there, and nothing is held
# back yet. Programs of any version refuse to start on it; it sorts before every version.
UNFINISHED = "(restoring)"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The way of a ledger from its version to this program's; `before` is None for an empty one.

    `beside_former`: programs of the former version that are at work may go on meanwhile and
    afterwards, because every script on the way says so of itself (`BESIDE_FORMER = True`).
    """

    before: str | None
    after: str = LATEST
    steps: Sequence[str] = ()
    beside_former: bool = True

    @property
    def is_needed(self) -> bool:
        return self.before != self.after


def migrate(ledger: Ledger) -> Upgrade:
    """Create the tables or upgrade them. Safe when several processes start at once: one does it,
    the others wait for it and find nothing to do.

    Raises NotPossible when the ledger was written by a newer program, or is only half restored.
    """
    with ledger.read() as tx:
        if version(tx) == LATEST:
            return Upgrade(LATEST)
    with ledger.write() as tx:
        if not ledger.is_sqlite:
            limit_patience(tx, 0, 0)  # a migration takes as long as it takes
            tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        return migrate_within(tx)


def migrate_within(tx: Transaction) -> Upgrade:
    """The same in a transaction of somebody who keeps all others out. Raises NotPossible."""
    found = way_from(version(tx))
    if found.is_needed:
        # Imported only when there is something to do: it takes longer than the rest of a start.
        from alembic import command

        config = _config()
        config.attributes["connection"] = tx
        command.upgrade(config, "head")
    return found


def upgrade_of(ledger: Ledger) -> Upgrade:
    """What `migrate` would do. Raises NotPossible as it does."""
    with ledger.read() as tx:
        return way_from(version(tx))


def version(tx: Transaction) -> str | None:
    """The version of the ledger; None for a database without one, UNFINISHED for half of a copy."""
    if not inspect(tx).has_table("alembic_version"):
        return None
    found: str | None = tx.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def way_from(before: str | None) -> Upgrade:
    """The way from a version. Raises NotPossible for one of a newer program, and for UNFINISHED."""
    if before == LATEST:
        return Upgrade(LATEST)
    refuse_unfinished(before)
    from alembic.script import ScriptDirectory

    known = ScriptDirectory.from_config(_config()).walk_revisions()
    scripts = {script.revision: script for script in known}
    if before is not None and before not in scripts:
        raise NotPossible(
            _("The ledger is of a newer version ({version}) than this program. Upgrade it.").format(
                version=before
            )
        )
    steps = [number for number in sorted(scripts) if before is None or number > before]
    beside = all(getattr(scripts[one].module, "BESIDE_FORMER", False) for one in steps)
    return Upgrade(before, LATEST, tuple(steps), beside or before is None)


def refuse_unfinished(found: str | None) -> None:
    """Raises NotPossible for the version of a ledger that is only half restored."""
    if found == UNFINISHED:
        raise NotPossible(
            _(
                "The ledger was only half restored from a copy: nothing may start on it. Run "
                "“dispatcher restore FILE” once more; it begins anew."
            )
        )


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config
