"""An audience from a file into the ledger: a stream, in pieces, each of them whole or absent."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from campaigns.audience import RowError, export_errors, read_audience
from campaigns.recipient import Recipient
from campaigns.regions import load_regions
from dispatcher.engine import Engine
from dispatcher.ledger import audiences
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.ledger.reports import RowErrorCount, by_row_error

CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import, for the person who asked for it."""

    audience: StoredAudience
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    unmapped: tuple[str, ...]
    rows_refused: int
    rows_warned: int
    errors: Sequence[RowErrorCount]


def import_audience(
    engine: Engine,
    path: Path,
    name: str,
    actor: str,
    *,
    mapping: Mapping[str, str],
    into: bool = False,
    told: Callable[[int], None] = lambda _done: None,
) -> Imported:
    """Read a file into an audience of that name; the good rows go in, the bad ones are kept apart.

    With `into` the rows are added to an audience that is there: how mended rows come back.
    Interrupted, nothing of it can be used, and the next import of that name begins anew. Raises
    Refused for a file that cannot be used at all, NotPossible for a name that is taken.
    """
    settings, clock = engine.settings, engine.clock
    file = read_audience(
        path,
        mapping=mapping,
        regions=load_regions(settings.regions_file),
        branches=settings.branches,
    )
    with engine.ledger.write() as tx:
        audience_id = (
            audiences.find(tx, name).id
            if into
            else audiences.begin(tx, name, path.name, file.header, actor, clock.now())
        )
    rows = refused = warned = 0
    columns: set[str] = set()
    for piece in _pieces(file):
        people = [item for item in piece if isinstance(item, Recipient)]
        errors = [item for item in piece if isinstance(item, RowError)]
        with engine.ledger.write() as tx:
            errors += audiences.add_recipients(tx, audience_id, people)
            audiences.add_errors(tx, audience_id, errors)
        lost = {error.row for error in errors if error.fatal}
        rows += len(people) + len(lost - {person.row for person in people})
        refused += len(lost)
        warned += len({error.row for error in errors if not error.fatal} - lost)
        for person in people:
            columns.update(person.fields)
        told(rows)
    with engine.ledger.write() as tx:
        audience = audiences.finish(tx, audience_id, rows, sorted(columns), actor, clock.now())
        counts = by_row_error(tx, audience_id)
    return Imported(
        audience=audience,
        encoding=file.encoding,
        delimiter=file.delimiter,
        sheet=file.sheet,
        unmapped=file.unmapped,
        rows_refused=refused,
        rows_warned=warned,
        errors=counts,
    )


def _pieces(
    items: Iterable[Recipient | RowError],
) -> Iterator[list[Recipient | RowError]]:
    piece: list[Recipient | RowError] = []
    for item in items:
        piece.append(item)
        if len(piece) >= CHUNK:
            yield piece
            piece = []
    if piece:
        yield piece


def write_errors(engine: Engine, audience: StoredAudience, path: Path) -> int:
    """The bad rows as a file that can be mended and imported again; how many lines it has."""
    with engine.ledger.read() as tx:
        return export_errors(audiences.errors_of(tx, audience.id), path, audience.header)
