"""What is said to the clerk about a row: the words of the findings of `campaigns.audience.rows`."""

from campaigns.audience.csv_rows import RawRow
from campaigns.audience.findings import CellError, RowError, shown
from templates.i18n import _


def trouble(raw: RawRow) -> RowError:
    messages = {
        "row_too_long": (
            _("The row is far too long and was not read."),
            _("Look for a missing line break or a cell with foreign content in it."),
        ),
        "quote_not_closed": (
            _("A quotation mark in this row is not closed."),
            _('Close it, or write quotation marks within a text twice: "".'),
        ),
        "undecodable": (
            _("The row has characters that do not belong to the file's encoding."),
            _("Type the damaged words anew and save the file as UTF-8."),
        ),
    }
    message, advice = messages[raw.trouble]
    cells = tuple(cell[:1000] for cell in raw.cells)
    return RowError(raw.row, "", raw.trouble, "", message, advice, cells)


def too_many_cells(raw: RawRow, width: int) -> RowError:
    return RowError(
        raw.row,
        "",
        "too_many_cells",
        shown(raw.cells[width]),
        _("The row has {count} cells, the header only {width}.").format(
            count=len(raw.cells), width=width
        ),
        _("Put a cell that contains the delimiter into quotation marks."),
        tuple(cell[:1000] for cell in raw.cells),
    )


def no_account() -> CellError:
    return CellError(
        "no_account_number",
        _("The row has no account number."),
        _("Write it, or delete the row."),
    )


def no_result() -> CellError:
    return CellError(
        "formula_without_result",
        _("The cell holds a formula without a result, or with an error."),
        _("Replace the formula by its value and save the workbook again."),
    )


def cell_too_long(longest: int) -> CellError:
    return CellError(
        "cell_too_long",
        _("The cell is longer than {longest} characters.").format(longest=longest),
        _("Shorten it."),
    )


def nobody() -> CellError:
    return CellError(
        "no_contact_point",
        _("The row has neither a telephone number nor an e-mail address that can be used."),
        _("Add one; until then this customer will be skipped."),
    )


def unknown_zone() -> CellError:
    return CellError(
        "zone_unknown",
        _("This is not a time zone."),
        _("Write it as UTC+7, МСК+4 or Asia/Novosibirsk, or leave the cell empty."),
    )


def unknown_region() -> CellError:
    return CellError(
        "region_unknown",
        _("This region is not in the table of regions; its time zone is not known."),
        _("Correct the spelling, or add it to the table of regions."),
    )


def unknown_segment() -> CellError:
    return CellError(
        "segment_unknown",
        _("It is not clear whether this is a private or a business customer."),
        _("Write “private” or “business”; a private customer is assumed."),
    )


def unknown_language() -> CellError:
    return CellError(
        "language_unknown",
        _("Messages are not available in this language."),
        _("Write ru or en; Russian is used."),
    )
