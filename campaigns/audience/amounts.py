"""Amounts of money as billing systems and clerks write them, to whole kopecks."""

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from campaigns.audience.cells import Numeral
from campaigns.audience.findings import CellError
from campaigns.contact import is_scientific
from templates.i18n import _

LARGEST_KOPECKS = 10**15

_PLAIN = re.compile(
    r"(-?)(\d{1,3}(?:[ \u00a0\u202f]\d{3}){1,3}|\d{1,13})(?:[.,](\d{2}))?", re.ASCII
)
_BETWEEN_THOUSANDS = {ord(mark): None for mark in " \u00a0\u202f"}
_SPACES = re.compile(r"(?<=\d)[\s\u00a0\u202f\u2009'](?=\d{3}(?!\d))")
_UNIT = re.compile(r"(?:₽|руб(?:лей|ля|ль)?\.?|р\.|rub|rur)", re.IGNORECASE)
_IN_WORDS = re.compile(
    r"(-?\d+)(?:₽|руб(?:лей|ля|ль)?\.?|р\.?)(\d{1,2})(?:коп(?:еек|ейки|ейка)?\.?|к\.?)",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"(\d{1,3}(?:([.,])\d{3})+)(?:(?!\2)[.,](\d+))?", re.ASCII)
_DECIMAL = re.compile(r"(\d+)[.,](\d+)", re.ASCII)


def plain_kopecks(text: str) -> int | None:
    """What `parse_kopecks` makes of an amount written in the usual way; None for all others."""
    found = _PLAIN.fullmatch(text)
    if not found:
        return None
    sign, whole, fraction = found.groups()
    roubles = int(whole if whole.isdigit() else whole.translate(_BETWEEN_THOUSANDS))
    kopecks = roubles * 100 + int(fraction or 0)
    return -kopecks if sign else kopecks


def parse_kopecks(text: str) -> int:
    """`1 234,56`, `1 234,56 ₽`, `1234.5`, `-12,00`, `1,234.56` as kopecks.

    A number typed into a spreadsheet (`Numeral`) is rounded half up to a kopeck as the screen shows
    it. Raises `CellError`: `amount_ambiguous` for `1,234`, which is 1234 to one reader and 1.234 to
    another; `amount_unreadable` otherwise.
    """
    quick = plain_kopecks(text)
    if quick is not None:
        return quick
    if isinstance(text, Numeral):
        return _rounded(text)
    words = _IN_WORDS.fullmatch("".join(text.split()))
    if words:
        text = f"{words[1]},{int(words[2]):02}"
    bare = _UNIT.sub("", text.replace("−", "-").strip().lstrip("'")).strip()
    bare = _SPACES.sub("", bare)
    sign = -1 if bare.startswith("-") else 1
    bare = bare.removeprefix("-").lstrip()
    if is_scientific(bare):
        raise _unreadable()
    return sign * _within(_unsigned(bare))


def parse_whole_kopecks(text: str) -> int:
    """The value of a column that is in kopecks already."""
    bare = "".join(text.replace("−", "-").split()).removesuffix(".0")
    if not re.fullmatch(r"-?\d{1,16}", bare, re.ASCII):
        raise CellError(
            "amount_unreadable",
            _("This is not a whole number of kopecks."),
            _("Write digits only, for example 123456 for 1 234,56 roubles."),
        )
    return _within(int(bare))


def _unsigned(bare: str) -> int:
    if bare.isascii() and bare.isdigit():
        return int(bare) * 100
    if re.fullmatch(r"0*[1-9]\d{0,2}[.,]\d{3}", bare, re.ASCII):
        raise CellError(
            "amount_ambiguous",
            _("It is not clear whether this is thousands or a fraction of a rouble."),
            _("Write the amount with kopecks, for example 1234,00 or 1,23."),
        )
    grouped = _GROUPED.fullmatch(bare)
    if grouped and (grouped[3] is not None or len(re.findall(r"[.,]", bare)) > 1):
        whole, fraction = re.sub(r"[.,]", "", grouped[1]), grouped[3] or ""
    else:
        decimal = _DECIMAL.fullmatch(bare)
        if not decimal:
            raise _unreadable()
        whole, fraction = decimal[1], decimal[2]
    fraction = fraction.rstrip("0")
    if len(fraction) > 2:
        raise _unreadable()
    return int(whole) * 100 + int(fraction.ljust(2, "0"))


def _rounded(text: str) -> int:
    try:
        return _within(int((Decimal(text) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)))
    except InvalidOperation as error:
        raise _unreadable() from error


def _within(kopecks: int) -> int:
    if abs(kopecks) > LARGEST_KOPECKS:
        raise _unreadable()
    return kopecks


def _unreadable() -> CellError:
    return CellError(
        "amount_unreadable",
        _("This is not an amount of money."),
        _("Write it as 1234,56, or leave the cell empty."),
    )
