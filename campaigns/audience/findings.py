"""What is wrong with a row of an audience file, for the clerk who will mend it."""

from dataclasses import dataclass, field

from templates.retelling import retold

SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class RowError:
    """One coded finding about one row.

    `fatal` means that the row did not go in; otherwise the recipient went in without the value
    that is named (a warning). `row` is the row as a spreadsheet shows it (the header is row 1),
    `column` the header as the file writes it. `cells` are the row's own cells, unchanged, for the
    file of errors; they, `value` and `account_number` are personal and kept out of `repr`.
    """

    row: int
    column: str
    code: str
    value: str = field(repr=False)
    message: str
    advice: str
    cells: tuple[str, ...] = field(default=(), repr=False)
    fatal: bool = True
    account_number: str = field(default="", repr=False)

    def __str__(self) -> str:
        """The finding without the customer's own value, fit for a log."""
        return f"{self.row} [{self.column}]: {self.message} {self.advice}"


def finding_words(text: str) -> str:
    """A message or an advice, kept in whatever language, in that of the reader."""
    return retold(text, "audience")


def shown(value: str) -> str:
    """As much of a value as helps to recognise it."""
    return value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…"


class CellError(ValueError):
    """A cell that cannot be read as what its column holds; says what to write instead."""

    def __init__(self, code: str, message: str, advice: str) -> None:
        self.code = code
        self.message = message
        self.advice = advice
        super().__init__(message)
