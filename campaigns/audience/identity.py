"""Who the customer is: the account number, and whether a person or a company."""

from functools import lru_cache

from campaigns.audience.cells import Numeral, one_line
from campaigns.audience.complaints import no_account
from campaigns.audience.findings import CellError
from campaigns.contact import is_absent, is_scientific, whole_number
from campaigns.recipient import Segment
from templates.i18n import _

LONGEST_ACCOUNT = 64

_SEGMENTS = {
    Segment.BUSINESS: (
        "юр юл юрлицо юрлица юридическое юридический business company legal b2b ю бизнес "
        "организация прочие"
    ),
    Segment.PRIVATE: (
        "физ фл физлицо физлица физическое физический private person individual b2c ф население "
        "бытовой гражданин граждане"
    ),
}


def read_account(text: str) -> str:
    """The account number without what a spreadsheet added: `1234567.0`, a leading apostrophe, №.

    Leading zeros stay. Raises `CellError` when digits were lost or there are none: a line of totals
    at the foot of an export is no customer.
    """
    if text.isascii() and text.isalnum() and text.isdigit() and len(text) <= LONGEST_ACCOUNT:
        return str(text) if isinstance(text, Numeral) else text
    plain = one_line(text).lstrip("'№#").strip()
    number = whole_number(plain)
    if number is None and is_scientific(plain):
        raise CellError(
            "digits_lost",
            _("The spreadsheet has rounded this number, its last digits are lost."),
            _("Format the column as text in the spreadsheet and export the file again."),
        )
    plain = number or plain
    joined = "".join(plain.split())
    plain = joined if joined.isdigit() else plain
    if not any(c.isdigit() for c in plain) or len(plain) > LONGEST_ACCOUNT:
        if is_absent(plain):
            raise no_account()
        raise CellError(
            "account_unreadable",
            _("This is not an account number."),
            _("Write the customer's account number; delete rows of totals or remarks."),
        )
    return plain


@lru_cache(maxsize=256)
def read_segment(text: str) -> Segment | None:
    """`физ. лицо`, `ЮЛ`, `private` …; None for what says neither."""
    words = "".join(c if c.isalnum() else " " for c in text.casefold()).split()
    for segment, spellings in _SEGMENTS.items():
        if set(words) & set(spellings.split()):
            return segment
    return None
