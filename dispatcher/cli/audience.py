"""`dispatcher audience …`"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.engine import Engine
from dispatcher.importing import Imported, NoRowTaken, import_audience, write_errors
from dispatcher.ledger import audiences
from dispatcher.ledger.reports import RowErrorCount, by_row_error
from templates.i18n import _, ngettext

app = typer.Typer(no_args_is_help=True)

ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "cp1251": "Windows-1251",
    "koi8_r": "KOI8-R",
    "cp866": "DOS (866)",
}


@app.command("import", help=_("Read a CSV or XLSX file of recipients."))
def import_(
    file: Annotated[Path, typer.Argument(help=_("A CSV or XLSX file."))],
    name: Annotated[str, typer.Option(help=_("The list's name; the file's own if left out."))] = "",
    mapping: shared.Mapping = None,
    errors: Annotated[
        Path | None, typer.Option(help=_("Where to write the bad rows, to be mended."))
    ] = None,
    into: Annotated[
        bool, typer.Option("--into", help=_("Add to a list that is there (mended rows)."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    pairs = shared.read_mapping(mapping)
    shared.existing(file)
    try:
        imported = _import(engine, file, name or file.stem, pairs, errors, into=into)
    except NoRowTaken as failed:
        imported = failed.imported
    if as_json:
        screen.print_json(facts(imported))
    elif imported.audience.recipients:
        tell(imported, errors)
    else:
        tell_refused(imported, errors)
    if imported.rows_refused or not imported.audience.recipients:
        raise typer.Exit(1)


def _import(
    engine: Engine,
    file: Path,
    name: str,
    mapping: Mapping[str, str],
    errors: Path | None,
    *,
    into: bool,
) -> Imported:
    """Import with a line that tells how far it has come. Raises what `import_audience` raises."""
    with screen.errors.status(_("Reading {file} …").format(file=file.name)) as status:
        return import_audience(
            engine,
            file,
            name,
            shared.actor(engine.settings),
            mapping=mapping,
            into=into,
            errors_path=errors,
            told=lambda rows: status.update(
                _("Reading {file}: {rows} rows").format(file=file.name, rows=screen.number(rows))
            ),
        )


def facts(imported: Imported) -> dict[str, object]:
    """What came of an import, for programs."""
    return {
        "audience": imported.audience.name,
        "rows": imported.audience.rows,
        "recipients": imported.audience.recipients,
        "rows_refused": imported.rows_refused,
        "rows_warned": imported.rows_warned,
        "encoding": imported.encoding,
        "delimiter": imported.delimiter,
        "sheet": imported.sheet,
        "further_columns": imported.unmapped,
        "errors": [
            {"code": error.code, "refused": error.fatal, "count": error.rows}
            for error in imported.errors
        ],
    }


def tell(imported: Imported, errors: Path | None) -> None:
    """What came of an import, for a clerk."""
    count = imported.audience.recipients
    screen.say_well(
        ngettext(
            "List “{name}”: {count} recipient.", "List “{name}”: {count} recipients.", count
        ).format(name=imported.audience.name, count=screen.number(count))
    )
    screen.say("  " + _("Read as: {how}").format(how=_how(imported)))
    if imported.unmapped:
        screen.say("  " + _("Further columns: {names}").format(names=", ".join(imported.unmapped)))
    if imported.errors:
        _tell_errors(imported.errors)
        _tell_path(errors)
    elif errors is not None:
        screen.say_well(_("No mistakes left."))


def tell_refused(imported: Imported, errors: Path | None) -> None:
    """Why nobody of a file is in a list."""
    file = imported.audience.file_name
    screen.say_badly(_("No row of {file} could be taken, no list is stored.").format(file=file))
    screen.say("  " + _("Read as: {how}").format(how=_how(imported)))
    _tell_errors(imported.errors)
    _tell_path(errors)


def _tell_path(errors: Path | None) -> None:
    if errors is not None:
        screen.say(
            "  "
            + _("The bad rows are in {path}. Mend them there and import that file.").format(
                path=errors
            )
        )


def _how(imported: Imported) -> str:
    """`UTF-8, delimiter “;”`, or the sheet of a workbook."""
    if imported.encoding is None or imported.delimiter is None:
        return _("sheet “{name}”").format(name=imported.sheet)
    encoding = ENCODINGS.get(imported.encoding, imported.encoding)
    if imported.delimiter == "\t":
        return _("{encoding}, delimiter: tab").format(encoding=encoding)
    return _("{encoding}, delimiter “{delimiter}”").format(
        encoding=encoding, delimiter=imported.delimiter
    )


def _tell_errors(found: Sequence[RowErrorCount]) -> None:
    screen.table(
        _("Rows with mistakes"),
        [_("mistake"), _("rows"), _("what became of the row")],
        [
            (error.message, error.rows, _what_became(error))
            for error in sorted(found, key=lambda error: (not error.fatal, -error.rows))
        ],
    )


def _what_became(error: RowErrorCount) -> str:
    if error.code == "duplicate_account":
        return _("the other row counts")
    if error.fatal:
        return _("left out")
    return {
        "no_contact_point": _("taken, but will be skipped"),
        "region_unknown": _("taken, the time zone is not known"),
        "segment_unknown": _("taken as a private customer"),
        "language_unknown": _("taken, Russian is used"),
    }.get(error.code, _("taken without it"))


@app.command("list", help=_("The stored lists."))
def list_(as_json: AsJson = False) -> None:
    engine = shared.engine()
    with engine.ledger.read() as tx:
        found = audiences.all_ready(tx)
    if as_json:
        screen.print_json(
            [
                {
                    "name": a.name,
                    "file": a.file_name,
                    "rows": a.rows,
                    "recipients": a.recipients,
                    "imported_at": a.imported_at,
                    "imported_by": a.imported_by,
                }
                for a in found
            ]
        )
    elif not found:
        screen.say(_("No lists yet. Import one: dispatcher audience import FILE"))
    else:
        screen.table(
            "",
            [_("name"), _("file"), _("recipients"), _("imported")],
            [
                (
                    a.name,
                    a.file_name,
                    a.recipients,
                    screen.moment(a.imported_at, engine.settings.zone),
                )
                for a in found
            ],
        )


@app.command("show", help=_("One list: its columns and its bad rows."))
def show(
    name: str,
    errors: Annotated[
        Path | None, typer.Option(help=_("Where to write the bad rows, to be mended."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    engine = shared.engine()
    with engine.ledger.read() as tx:
        audience = audiences.find(tx, name)
        counts = by_row_error(tx, audience.id)
    if errors is not None:
        write_errors(engine, audience, errors)
    if as_json:
        screen.print_json(
            {
                "name": audience.name,
                "file": audience.file_name,
                "rows": audience.rows,
                "recipients": audience.recipients,
                "columns": audience.columns,
                "imported_at": audience.imported_at,
                "imported_by": audience.imported_by,
                "errors": [
                    {"code": error.code, "refused": error.fatal, "count": error.rows}
                    for error in counts
                ],
            }
        )
        return
    screen.table(
        audience.name,
        ["", ""],
        [
            (_("file"), audience.file_name),
            (_("rows"), screen.number(audience.rows)),
            (_("recipients"), screen.number(audience.recipients)),
            (_("columns for templates"), ", ".join(audience.columns) or "—"),
            (_("imported"), screen.moment(audience.imported_at, engine.settings.zone)),
        ],
    )
    if counts:
        _tell_errors(counts)
    else:
        screen.say_well(_("No mistakes left."))
