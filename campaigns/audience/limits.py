"""How much of a hostile or broken file is read before it is refused."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes that no honest billing export reaches.

    `row_characters` stays below the limit of a field in Python's own CSV reader (131,072), which is
    global to the program and not ours to move. `unpacked_bytes` and `unpacked_ratio` bound what
    an .xlsx file (a zip archive) may grow to; `sheet_cells` bounds the rectangle that its used
    cells span, for the whole of it is held in memory.
    """

    columns: int = 200
    cell_characters: int = 10_000
    row_characters: int = 120_000
    rows_in_quotes: int = 200
    unpacked_bytes: int = 768 * MIB
    unpacked_ratio: int = 250
    sheet_cells: int = 40_000_000
