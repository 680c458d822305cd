"""The text of a cell: harmless, trimmed, and aware of having been a number."""

FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
"""First characters that make a spreadsheet take a text for a formula (OWASP, "CSV Injection")."""


class Numeral(str):
    """The text of a cell that really held a number: its dot is a decimal dot, beyond doubt."""

    __slots__ = ()


def shielded(text: str) -> str:
    """The text with an apostrophe before anything a spreadsheet would run as a formula."""
    return "'" + text if text[:1] in FORMULA_STARTS and text else text


def unshielded(text: str) -> str:
    """The text without the apostrophe that `shielded` (or a spreadsheet) put before it."""
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA_STARTS and text[1:2] else text


def one_line(text: str) -> str:
    """The text without control characters, every run of white space being one space.

    Names go into mail headers, so no line break survives.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split()) if "  " in text else text.strip()
    text = " ".join(text.split())
    return text if text.isprintable() else "".join(filter(str.isprintable, text))
