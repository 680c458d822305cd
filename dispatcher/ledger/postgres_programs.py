"""PostgreSQL's own programs, `pg_dump`, `pg_restore` and `psql`, told where our database is.

The address and the password go to them through their environment, never as an argument: arguments
can be read by everybody on the machine. What they complain of may quote rows; only what stands
before such a quote is passed on.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from psycopg.pq import Conninfo

from dispatcher.errors import NotPossible
from dispatcher.ledger.connection import Ledger
from templates.i18n import _

# Where Debian and Ubuntu keep the programs of each version; the newest understands all servers.
_DEBIAN = Path("/usr/lib/postgresql")


class ProgramFailed(NotPossible):
    """One of the programs did not end well."""

    exit_code = 1

    def __init__(self, program: str, complaint: str) -> None:
        self.program = program
        super().__init__(
            _("{program} failed: {complaint}").format(program=program, complaint=complaint)
        )


def program(name: str) -> str:
    """The path of one of the programs. Raises NotPossible."""
    found = shutil.which(name)
    if found is None:
        versions = sorted(_DEBIAN.glob("*/bin"), key=lambda one: _number(one.parent.name))
        found = shutil.which(name, path=str(versions[-1])) if versions else None
    if found is None:
        raise NotPossible(
            _(
                "{name} is not found. Install PostgreSQL's client programs (Debian: "
                "postgresql-client), of the server's version."
            ).format(name=name)
        )
    return found


def _number(version: str) -> float:
    try:
        return float(version)
    except ValueError:
        return 0.0


def environment(ledger: Ledger) -> Mapping[str, str]:
    """What leads the programs to the ledger's database, just as it leads us there; none of our own
    settings is in it."""
    dialect = ledger.engine.dialect
    _args, asked = dialect.create_connect_args(ledger.engine.url)
    # Who does not name a database means that of the user's own name, here as there.
    names = {
        option.keyword.decode(): option.envvar.decode()
        for option in Conninfo.get_defaults()
        if option.envvar
    }
    told = {names[key]: str(value) for key, value in asked.items() if key in names}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCHER_")}
    return {**kept, **told, "LC_ALL": "C"}


def complaint_in(text: str) -> str:
    """The first complaint in what a program said, without what it quotes of rows."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = next((line for line in lines if "error:" in line or "ERROR:" in line), "")
    told = first.partition("error:")[2] or first.partition("ERROR:")[2]
    # `invalid input syntax for type integer: "…"`, `Key (…)=(…)`: the end may be a customer's.
    told = told.split(': "')[0].split("=(")[0].strip()
    return told[:300] or _("it did not say why")
