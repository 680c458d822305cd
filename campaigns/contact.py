"""Contact points out of what people type: phone numbers to E.164, e-mail addresses to a safe form.

A cell may hold several numbers or addresses, words around them ("моб.", "доб. 12") and the marks a
spreadsheet leaves (`9161234567.0`, `9.16E+09`). What is good comes back as a `ContactPoint`; what
is not comes back as a `BadContact` that a clerk can act on. Nothing is ever guessed: a number
without its area code is not given one.

An extension is dropped, for an auto-informer cannot dial through a switchboard. Whether a number
may be called or sent an SMS follows from its kind (`campaigns.channel.fits`).
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from campaigns.channel import ContactKind
from campaigns.recipient import ContactPoint
from templates.i18n import _

ABSENT = frozenset(
    "- -- — – . 0 н/д нд нет нету не\u00a0указан не\u00a0указано отсутствует пусто n/a na none "
    "null nil".replace("\u00a0", "_").split()
)
"""What people write into a cell that has no value (spaces as underscores)."""

_ORDINARY_MOBILE = re.compile(r"(?:\+7|7|8)?(9[0-24-9][0-9]{8})", re.ASCII)
_ONE_NUMBER = re.compile(r"\+?[0-9]{10,11}", re.ASCII)
_DECORATION = {
    ord(mark): None for mark in " ()-.\u00a0\u202f\u2010\u2011\u2012\u2013\u2014\u2212\t"
}
_FLOAT = re.compile(r"(\+?\d{5,15})[.,]0+")
_SCIENTIFIC = re.compile(r"(\d+(?:[.,]\d+)?)[eEеЕ]\+?(\d{1,3})")
_EXTENSION = re.compile(
    r"(?:\(?\s*(?:доб(?:авочный)?|вн(?:утр(?:енний)?)?|ext(?:ension)?|x)\b\.?|#)\s*:?\s*\d{1,6}\s*\)?",
    re.IGNORECASE,
)
_BETWEEN_NUMBERS = re.compile(r"[,;/|\\\n\r]+|[^\W\d_]+[.:]*|(?<=\d)\s*(?=\+)")
_BETWEEN_EMAILS = re.compile(r"[,;/|\s<>]+")
_PLAIN_EMAIL = re.compile(
    r"([a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*)"
    r"@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24})",
    re.ASCII | re.IGNORECASE,
)
_RESERVED_ENDINGS = (".test", ".local", ".invalid", ".localhost", ".internal", ".arpa", ".onion")


@dataclass(frozen=True, slots=True)
class BadContact:
    """A number or address that cannot be used, and what to write instead.

    `code` is stable; `value` is personal and therefore kept out of `repr`.
    """

    code: str
    value: str = field(repr=False)
    message: str
    advice: str


def is_absent(text: str) -> bool:
    """Whether the cell says, in one of the usual ways, that there is nothing."""
    return not text or (len(text) < 14 and "_".join(text.casefold().split()) in ABSENT)


def read_phones(cell: str) -> tuple[list[ContactPoint], list[BadContact]]:
    """The phone numbers of one cell, in order and without repetition, and what was no number."""
    if "." in cell:  # whose last digit may be a decimal, and none of the number's
        return _read_phones(cell)
    bare = cell.translate(_DECORATION)
    plain = _ORDINARY_MOBILE.fullmatch(bare)
    if plain:
        return [ContactPoint("+7" + plain[1], ContactKind.MOBILE)], []
    if _ONE_NUMBER.fullmatch(bare):
        return _sorted_out([classify_phone(cell.strip())])
    return _read_phones(cell)


def _read_phones(cell: str) -> tuple[list[ContactPoint], list[BadContact]]:
    """The same of a cell in which anything may stand."""
    text = cell.strip().lstrip("'")
    if is_absent(text):
        return [], []
    return _sorted_out([classify_phone(piece) for piece in _split_numbers(text)])


def read_emails(cell: str) -> tuple[list[ContactPoint], list[BadContact]]:
    """The e-mail addresses of one cell, in order and without repetition, and what was none."""
    plain = _plain_email(cell)
    if plain is not None:
        return [plain], []
    text = cell.strip().lstrip("'")
    if is_absent(text):
        return [], []
    pieces = [_without_scheme(piece) for piece in _BETWEEN_EMAILS.split(text) if piece]
    if any("@" in piece for piece in pieces) and "<" in text:
        pieces = [piece for piece in pieces if "@" in piece]  # "Имя <address>"
    return _sorted_out([classify_email(piece) for piece in pieces])


def classify_phone(text: str) -> ContactPoint | BadContact:
    """One number as a contact point in E.164 with its kind, or why it cannot be used."""
    scientific = _SCIENTIFIC.fullmatch(text.strip())
    if scientific:
        number = whole_number(text)
        if number is None:
            return _digits_lost(text)
        text = number
    bare = text.translate(_DECORATION)
    digits = bare.removeprefix("+")
    if not digits.isascii() or not digits.isdigit():
        return _not_a_number(text)
    national = _russian_national(bare, digits)
    if national:
        kind = _russian_kind(national[:7])
        if kind is None:
            return _impossible(text)
        if kind == "premium":
            return _premium(text)
        return ContactPoint("+7" + national, ContactKind(kind))
    return _foreign(text, digits)


def classify_email(text: str) -> ContactPoint | BadContact:
    """One address with a lower-case ASCII domain, or why it cannot be used.

    The local part must be ASCII: other servers need SMTPUTF8 (RFC 6531), which few offer.
    """
    return _plain_email(text) or _uncommon_email(text)


def _plain_email(text: str) -> ContactPoint | None:
    """An address of the usual shape, of which the library would say the same; None for others."""
    plain = _PLAIN_EMAIL.fullmatch(text)
    if not plain or len(text) > 254:
        return None
    local, domain = plain.groups()
    domain = domain.lower()
    # Two dashes in a row: an international domain, or one that nobody can have.
    if len(local) > 64 or "--" in domain or domain.endswith(_RESERVED_ENDINGS):
        return None
    return ContactPoint(f"{local}@{domain}", ContactKind.EMAIL)


def whole_number(text: str) -> str | None:
    """The digits behind a spreadsheet's `9161234567.0` or `9.161234567E+09`.

    None if the text is no such number, or if the scientific form has lost digits: `9.16123E+09`
    shows six of ten, the rest are zeros nobody typed.
    """
    text = text.strip()
    whole = _FLOAT.fullmatch(text)
    if whole:
        return whole[1]
    scientific = _SCIENTIFIC.fullmatch(text)
    if not scientific or int(scientific[2]) > 30:
        return None
    mantissa, exponent = scientific[1].replace(",", "."), int(scientific[2])
    shown = len(mantissa.replace(".", ""))
    if shown < exponent + 1 or shown > 15:
        return None
    exact = Decimal(mantissa).scaleb(exponent)
    return str(int(exact)) if exact == exact.to_integral_value() else None


def is_scientific(text: str) -> bool:
    """Whether the text is a number in a spreadsheet's scientific form."""
    return _SCIENTIFIC.fullmatch(text.strip()) is not None


def _split_numbers(text: str) -> list[str]:
    whole = _FLOAT.fullmatch(text)
    if whole:
        return [whole[1]]
    if is_scientific(text):
        return [text]
    pieces = _BETWEEN_NUMBERS.split(_EXTENSION.sub(" ; ", text))
    numbers = [
        number
        for piece in pieces
        if any(c.isdigit() for c in piece)
        for number in _split_run(piece.strip())
    ]
    return numbers or [text]


def _split_run(piece: str) -> list[str]:
    """`89161234567 89031234567` is two numbers, `8 916 123 45 67` is one."""
    if sum(c.isdigit() for c in piece) <= 15:
        return [piece]
    numbers: list[str] = []
    current = ""
    for token in piece.split():
        current = f"{current} {token}".strip()
        digits = "".join(c for c in current if c.isdigit())
        if len(digits) >= (11 if digits[0] in "78" else 10):
            numbers.append(current)
            current = ""
    return [*numbers, current] if current else numbers


def _russian_national(bare: str, digits: str) -> str | None:
    """The ten digits after the country code, if the number is written as a Russian one."""
    if bare.startswith("+"):
        return (
            digits[1:] if len(digits) == 11 and digits[0] == "7" and digits[1] not in "67" else None
        )
    if len(digits) == 11 and digits[0] == "8" and not digits.startswith("810"):
        return digits[1:]
    if len(digits) == 11 and digits[0] == "7" and digits[1] not in "67":
        return digits[1:]
    return digits if len(digits) == 10 else None


@lru_cache(maxsize=65_536)
def _russian_kind(prefix: str) -> str | None:
    """The kind by the first seven national digits; Google's tables look no deeper."""
    import phonenumbers
    from phonenumbers import PhoneNumberType

    number = phonenumbers.PhoneNumber(country_code=7, national_number=int(prefix + "234"))
    kind = phonenumbers.number_type(number)
    if prefix[0] == "0" or kind == PhoneNumberType.UNKNOWN:
        return None
    return "premium" if kind == PhoneNumberType.PREMIUM_RATE else _kinds().get(kind, "other")


@lru_cache(maxsize=1)
def _kinds() -> dict[int, str]:
    from phonenumbers import PhoneNumberType

    return {
        PhoneNumberType.MOBILE: ContactKind.MOBILE.value,
        PhoneNumberType.FIXED_LINE: ContactKind.FIXED.value,
        PhoneNumberType.TOLL_FREE: ContactKind.TOLL_FREE.value,
    }


def _foreign(text: str, digits: str) -> ContactPoint | BadContact:
    import phonenumbers

    international = digits[3:] if digits.startswith("810") else digits
    if len(international) < 10:
        return BadContact(
            "phone_too_short",
            text,
            _("The phone number has too few digits."),
            _("Write it with the area code, for example +7 495 123-45-67."),
        )
    try:
        number = phonenumbers.parse("+" + international)
    except phonenumbers.NumberParseException:
        return _impossible(text)
    if not phonenumbers.is_valid_number(number):
        return _impossible(text)
    kind = phonenumbers.number_type(number)
    if kind == phonenumbers.PhoneNumberType.PREMIUM_RATE:
        return _premium(text)
    address = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return ContactPoint(address, ContactKind(_kinds().get(kind, "other")))


def _uncommon_email(text: str) -> ContactPoint | BadContact:
    import email_validator

    try:
        found = email_validator.validate_email(
            text, check_deliverability=False, allow_smtputf8=False
        )
    except email_validator.EmailNotValidError:
        return _bad_email(text)
    if found.ascii_email is None or "'" in found.local_part[:1]:
        return _bad_email(text)
    return ContactPoint(f"{found.local_part}@{found.ascii_domain.lower()}", ContactKind.EMAIL)


def _without_scheme(text: str) -> str:
    return text[7:] if text[:7].casefold() == "mailto:" else text


def _sorted_out(
    found: list[ContactPoint | BadContact],
) -> tuple[list[ContactPoint], list[BadContact]]:
    good = dict.fromkeys(one for one in found if isinstance(one, ContactPoint))
    return list(good), [one for one in found if isinstance(one, BadContact)]


def _not_a_number(text: str) -> BadContact:
    return BadContact(
        "phone_unreadable",
        text,
        _("This is not a phone number."),
        _("Write digits only, for example +7 916 123-45-67, or leave the cell empty."),
    )


def _impossible(text: str) -> BadContact:
    return BadContact(
        "phone_impossible",
        text,
        _("There is no such phone number: the code or the count of digits is wrong."),
        _("Check the number; a Russian one has ten digits after +7 or 8."),
    )


def _digits_lost(text: str) -> BadContact:
    return BadContact(
        "digits_lost",
        text,
        _("The spreadsheet has rounded this number, its last digits are lost."),
        _("Format the column as text in the spreadsheet and export the file again."),
    )


def _premium(text: str) -> BadContact:
    return BadContact(
        "phone_premium",
        text,
        _("This is a premium-rate number: calling it would cost money."),
        _("Write the customer's own number, or leave the cell empty."),
    )


def _bad_email(text: str) -> BadContact:
    return BadContact(
        "email_unreadable",
        text,
        _("This is not an e-mail address mail can be sent to."),
        _("Write it as name@domain.ru in Latin letters, or leave the cell empty."),
    )
