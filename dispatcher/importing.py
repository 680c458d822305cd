"""An audience from a file into the ledger: a stream, in pieces, each of them whole or absent."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from campaigns.audience import AudienceFile, RowError, export_errors, read_audience
from campaigns.audience.headers import normalised
from campaigns.recipient import Recipient
from campaigns.regions import load_regions
from dispatcher.engine import Engine
from dispatcher.errors import DispatcherError
from dispatcher.ledger import audiences, mending
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.mending import Reopened
from dispatcher.ledger.reports import RowErrorCount, by_row_error
from templates.i18n import _

CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import, for the person who asked for it.

    `rows_refused` and `rows_warned` count rows of this file; `errors` is what is wrong with the
    whole list now.
    """

    audience: StoredAudience
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    unmapped: tuple[str, ...]
    rows_refused: int
    rows_warned: int
    errors: Sequence[RowErrorCount]


class NoRowTaken(DispatcherError):
    """Every row of a file was refused: no audience came of it. `imported` says why."""

    exit_code = 1

    def __init__(self, imported: Imported) -> None:
        self.imported = imported
        super().__init__(
            _("No row of {file} could be taken, no list is stored.").format(
                file=imported.audience.file_name
            )
        )


@dataclass(slots=True)
class _Tally:
    """Rows of one import, as they come."""

    rows: int = 0
    taken: int = 0
    refused: int = 0
    warned: int = 0


def import_audience(
    engine: Engine,
    path: Path,
    name: str,
    actor: str,
    *,
    mapping: Mapping[str, str],
    into: bool = False,
    errors_path: Path | None = None,
    told: Callable[[int], None] = lambda _done: None,
    at_end: Callable[[Transaction, Imported], None] = lambda _tx, _imported: None,
) -> Imported:
    """Read a file into an audience of that name; the good rows go in, the bad ones are kept apart.

    With `into` the rows are added to an audience that is there: how mended rows come back, and
    what was wrong with them is forgotten. The bad rows are written to `errors_path`. Interrupted,
    nothing of a new audience can be used, and the next import of that name begins anew; of rows
    that come back none has come. `at_end` is called in the transaction that makes the import whole,
    and not when nobody was taken. Raises
    Refused for a file that cannot be used at all, NotPossible for a name that is taken or an
    audience that has a campaign, NoRowTaken when nobody would be in the list.
    """
    settings, clock = engine.settings, engine.clock
    file = read_audience(
        path,
        mapping=mapping,
        regions=load_regions(settings.regions_file),
        branches=settings.branches,
    )
    tally = _Tally()
    columns: set[str] = set()
    done = 0
    with _transactions(engine, whole=into) as begin:
        reopened = None
        with begin() as tx:
            if into:
                reopened = mending.reopen(tx, name, file.header)
                audience_id = reopened.audience_id
            else:
                audience_id = audiences.begin(tx, name, path.name, file.header, actor, clock.now())
        for piece in _pieces(file):
            people = [item for item in piece if isinstance(item, Recipient)]
            errors = [item for item in piece if isinstance(item, RowError)]
            with begin() as tx:
                if reopened is not None:
                    _take_back(tx, reopened, file, people, errors, tally)
                else:
                    _take(tx, audience_id, file, people, errors, tally)
            for person in people:
                columns.update(person.fields)
            done += len({item.row for item in piece})
            told(done)
        with begin() as tx:
            if reopened is not None or tally.taken:
                audience = audiences.finish(
                    tx, audience_id, tally.rows, sorted(columns), actor, clock.now()
                )
            else:
                audience = replace(audiences.get(tx, audience_id), rows=tally.rows)
            imported = Imported(
                audience=audience,
                encoding=file.encoding,
                delimiter=file.delimiter,
                sheet=file.sheet,
                unmapped=file.unmapped,
                rows_refused=tally.refused,
                rows_warned=tally.warned,
                errors=by_row_error(tx, audience_id),
            )
            if audience.recipients:
                at_end(tx, imported)
    if errors_path is not None:
        write_errors(engine, audience, errors_path)
    if not audience.recipients:
        with engine.ledger.write() as tx:
            audiences.discard(tx, audience_id)
        raise NoRowTaken(imported)
    return imported


@contextmanager
def _transactions(
    engine: Engine, *, whole: bool
) -> Iterator[Callable[[], AbstractContextManager[Transaction]]]:
    """How each piece of an import is written: by itself, or all of them in one transaction, where
    what was begun could not be told from what was there before."""
    if not whole:
        yield engine.ledger.write
        return
    with engine.ledger.write() as tx:
        yield lambda: nullcontext(tx)


def _take(
    tx: Transaction,
    audience_id: int,
    file: AudienceFile,
    people: Sequence[Recipient],
    errors: Sequence[RowError],
    tally: _Tally,
) -> None:
    """A piece of a new audience."""
    joined = audiences.add_recipients(tx, audience_id, people)
    found = [*errors, *(_in_the_files_words(error, file, file.header) for error in joined)]
    audiences.add_errors(tx, audience_id, found)
    lost = {error.row for error in found if error.fatal}
    tally.taken += len(people)
    tally.rows += len(people) + len(lost - {person.row for person in people})
    tally.refused += len(lost)
    tally.warned += len({error.row for error in found if not error.fatal} - lost)


def _take_back(
    tx: Transaction,
    into: Reopened,
    file: AudienceFile,
    people: Sequence[Recipient],
    errors: Sequence[RowError],
    tally: _Tally,
) -> None:
    """A piece of rows for an audience that was there."""
    places = [_place(file.header, header) for header in into.header]
    errors = [replace(error, cells=_moved(error.cells, places)) for error in errors]
    fields = {column.header: column.field for column in file.columns if column.field}
    settled = mending.settle(tx, into, people, errors, file.returned_rows, fields)
    found = [_in_the_files_words(error, file, into.header) for error in settled.errors]
    audiences.add_errors(tx, into.audience_id, found)
    lost = {error.row for error in found if error.fatal} | settled.undecided
    tally.rows += settled.fresh_rows
    tally.refused += len(lost)
    tally.warned += len({error.row for error in found if not error.fatal} - lost)


def _in_the_files_words(error: RowError, file: AudienceFile, header: Sequence[str]) -> RowError:
    """A finding about two rows, made without their cells, as the file would put it."""
    if error.cells:
        return error
    named = next((c.header for c in file.columns if c.field == error.column), error.column)
    account = file.account_header
    cells = tuple(error.account_number if text == account else "" for text in header)
    return replace(error, column=named, cells=cells)


def _place(header: Sequence[str], wanted: str) -> int | None:
    key = normalised(wanted)
    return next((i for i, text in enumerate(header) if normalised(text) == key), None)


def _moved(cells: Sequence[str], places: Sequence[int | None]) -> tuple[str, ...]:
    """The cells of a file under the header of the audience, whose columns may stand elsewhere."""
    return tuple(
        cells[place] if place is not None and place < len(cells) else "" for place in places
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
