"""Bringing a ledger's schema up to date, by the program itself: no ini file, no extra command."""

from pathlib import Path

from sqlalchemy import inspect, text

from dispatcher.errors import NotPossible
from dispatcher.ledger.connection import Ledger, limit_patience
from templates.i18n import _

# The newest script in `migrations`; a test keeps it true.
LATEST = "0004"
SCRIPTS = Path(__file__).parent / "migrations"
# Any number: it names our lock among the advisory locks of a PostgreSQL database.
MIGRATION_LOCK = 72_115_108


def migrate(ledger: Ledger) -> None:
    """Create the tables or upgrade them. Safe when several processes start at once.

    Raises NotPossible when the ledger was written by a newer program.
    """
    with ledger.read() as tx:
        if inspect(tx).has_table("alembic_version"):
            present = tx.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if present == LATEST:
                return
    # Imported only when there is something to do: it takes longer than all the rest of a start.
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    with ledger.write() as tx:
        if not ledger.is_sqlite:
            limit_patience(tx, 0, 0)  # a migration takes as long as it takes
            tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        present = MigrationContext.configure(tx).get_current_revision()
        if present is not None and present not in {s.revision for s in scripts.walk_revisions()}:
            raise NotPossible(
                _(
                    "The ledger is of a newer version ({version}) than this program. Upgrade it."
                ).format(version=present)
            )
        config.attributes["connection"] = tx
        command.upgrade(config, "head")
