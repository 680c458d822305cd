"""What a person sees in the terminal: tables within 80 columns, numbers with thin spaces, words in
their language. What a program sees is JSON on standard output, and nothing else there."""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from templates.i18n import _, current_language
from templates.problem import Problem

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def number(value: float) -> str:
    return str(format_decimal(value, locale=current_language()))


def moment(at: datetime, zone: str) -> str:
    """An instant as the reader's calendar and clock show it."""
    return str(
        format_datetime(at.astimezone(ZoneInfo(zone)), "d MMM y, HH:mm", locale=current_language())
    )


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; columns whose cells are numbers are set to the right."""
    cells = [list(row) for row in rows]
    grid = Table(title=escape(title) or None, title_justify="left", title_style="bold")
    for index, name in enumerate(columns):
        numeric = bool(cells) and all(isinstance(row[index], int | float) for row in cells)
        grid.add_column(escape(name), justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        grid.add_row(
            *(number(cell) if isinstance(cell, int | float) else escape(str(cell)) for cell in row)
        )
    console.print(grid)


def say(text: str) -> None:
    console.print(escape(text))


def say_well(text: str) -> None:
    console.print(f"[green]✓[/green] {escape(text)}")


def say_badly(text: str) -> None:
    console.print(f"[red]✗[/red] {escape(text)}")


def printable(text: str) -> str:
    """A stranger's text without what would move the cursor or change the terminal's colours."""
    return "".join(
        c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co") else "\ufffd"
        for c in text
    )


def tell_error(message: str, *problems: Problem) -> None:
    """An error for people, on standard error; problems one by one with what to do."""
    if not problems:
        errors.print(f"[red]{escape(_('Error'))}:[/red] {escape(message)}")
    _tell(errors, problems)


def tell_more(text: str) -> None:
    """A further line of an error."""
    errors.print(escape(text))


def tell_problems(*problems: Problem) -> None:
    """Problems that are themselves the answer, on standard output."""
    _tell(console, problems)


def _tell(where: Console, problems: Sequence[Problem]) -> None:
    for problem in problems:
        place = ":".join(str(part) for part in (problem.file, problem.line or problem.row) if part)
        field = f" [{problem.field}]" if problem.field else ""
        where.print(f"[bold]{escape(place + field)}[/bold] {escape(problem.message)}")
        if problem.advice:
            where.print(f"  → {escape(problem.advice)}")


def print_json(facts: object) -> None:
    """Facts for a program."""
    print(json.dumps(facts, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)
