"""One finding about somebody's input: where it is, what is wrong, and what to do instead."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """A coded finding in a file that a person wrote.

    `code` is stable and snake_case (tests and exports rely on it); `message` and `advice` are
    written in the reader's language for a clerk, not a programmer. Lines and rows count from 1;
    a row is the row of the file as a spreadsheet shows it, its header being row 1.
    """

    code: str
    message: str
    advice: str
    file: str | None = None
    line: int | None = None
    row: int | None = None
    field: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line or self.row) if part)
        field = f" [{self.field}]" if self.field else ""
        return f"{place}{field}{': ' if place or field else ''}{self.message} {self.advice}".strip()


class Refused(Exception):
    """Input that cannot be used; carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
