"""What a visitor filled in, out of whatever a page or a program posted.

A form of ours, of somebody's site in any encoding, or JSON: everything becomes the same few fields,
each checked, each mistake told in words beside its field.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Annotated, NoReturn
from urllib.parse import parse_qsl

import email_validator
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidationInfo,
)
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from campaigns.contact import BadContact, classify_phone
from campaigns.inquiry.address import likeness
from campaigns.inquiry.rules import Topic
from templates.i18n import _
from templates.neutral import neutral, one_line

LONGEST_TEXT = 5000
LONGEST_LINE = 200
MOST_FIELDS = 50
FIELDS = ("name", "account", "email", "phone", "topic", "text", "consent")
_TICKED = frozenset({"on", "yes", "true", "1", "да"})  # how pages tell that a box is
TRAP = "website"  # hidden from people; robots fill in whatever is called like this
WHOLE = "form"  # the name of what is wrong with a form as a whole

Mistakes = Mapping[str, str]


class Unreadable(Exception):
    """A body out of which nobody can take a form; `status` says why in the words of HTTP."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__("unreadable form")


def read_fields(content_type: str, body: bytes) -> Mapping[str, object]:
    """The fields by name as they were posted. Of a form those that are not ours are left out: a
    site's button may have a name, too; a program that posts JSON is told of its mistake.

    Raises Unreadable.
    """
    media_type, options = parse_options_header(content_type.encode("latin-1", "replace"))
    match media_type.decode("latin-1").strip().lower():
        case "application/json":
            return _of_json(body)
        case "application/x-www-form-urlencoded":
            fields = _of_form(body)
        case "multipart/form-data":
            fields = _of_multipart(options.get(b"boundary", b""), body)
        case _:
            raise Unreadable(415)
    return _in_letters({name: raw for name, raw in fields.items() if name in (*FIELDS, TRAP)})


def _of_json(body: bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Unreadable(400) from None
    if not isinstance(fields, dict) or len(fields) > MOST_FIELDS:
        raise Unreadable(400)
    return fields


def _of_form(body: bytes) -> Mapping[str, bytes]:
    try:
        pairs = parse_qsl(
            body.decode("latin-1"),
            keep_blank_values=True,
            encoding="latin-1",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise Unreadable(400) from None
    return {name: value.encode("latin-1") for name, value in pairs}


def _of_multipart(boundary: bytes, body: bytes) -> Mapping[str, bytes]:
    """Raises Unreadable, with 415 for a file: nobody would look at it here."""
    if not boundary:
        raise Unreadable(400)
    taking = _Parts()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": taking.begin,
                "on_header_field": taking.header_name,
                "on_header_value": taking.header_value,
                "on_header_end": taking.header_end,
                "on_part_data": taking.content,
                "on_part_end": taking.end,
            },
        )
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError):
        raise Unreadable(400) from None
    return taking.fields


class _Parts:
    """The parts of a multipart form, as its parser comes upon them."""

    def __init__(self) -> None:
        self.fields: dict[str, bytes] = {}
        self.begin()

    def begin(self) -> None:
        self._header, self._value = b"", b""
        self._name, self._is_file = "", False
        self._content = bytearray()

    def header_name(self, piece: bytes, start: int, end: int) -> None:
        self._header += piece[start:end]

    def header_value(self, piece: bytes, start: int, end: int) -> None:
        self._value += piece[start:end]

    def header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _disposition, options = parse_options_header(self._value)
            self._name = options.get(b"name", b"").decode("latin-1")
            self._is_file = b"filename" in options
        self._header, self._value = b"", b""

    def content(self, piece: bytes, start: int, end: int) -> None:
        self._content += piece[start:end]

    def end(self) -> None:
        if self._is_file:
            if self._content:  # without, it is a field for a file that was left empty
                raise Unreadable(415)
            return
        self.fields[self._name] = bytes(self._content)
        if len(self.fields) > MOST_FIELDS:
            raise Unreadable(400)


def _in_letters(fields: Mapping[str, bytes]) -> Mapping[str, str]:
    """UTF-8, or what Russian sites that are not in UTF-8 are in: one encoding for the whole form,
    for a short word may be readable in both."""
    try:
        return {name: raw.decode("utf-8") for name, raw in fields.items()}
    except UnicodeDecodeError:
        return {name: raw.decode("cp1251", "replace") for name, raw in fields.items()}


def _wrong(message: str) -> NoReturn:
    raise ValueError(message)


def _words(value: object) -> str:
    """Text with its line ends and nothing else that could disturb a screen or a header."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**20 else "?"  # an account number, in JSON
    if not isinstance(value, str):
        _wrong(_("Text is expected here."))
    return _harmless(value).strip()


def _harmless(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(neutral(line).rstrip() for line in lines)


def typed(fields: Mapping[str, object]) -> Mapping[str, str]:
    """What is shown again where something is wrong: what was typed, as far as it is text."""
    return {
        name: _harmless(fields[name])  # type: ignore[arg-type]
        for name in FIELDS
        if isinstance(fields.get(name), str)
    }


def _line(value: object) -> str:
    line = one_line(_words(value))
    if len(line) > LONGEST_LINE:
        _wrong(_("At most {count} characters, please.").format(count=LONGEST_LINE))
    return line


def _name(line: str) -> str:
    return line or _wrong(_("Write what we may call you."))


def _account(line: str, place: ValidationInfo) -> str:
    """Without the spaces and hyphens that bills group the digits with, where it fits so."""
    pattern = str((place.context or {}).get("account_pattern", ""))
    for spelling in (line, line.translate({ord(mark): None for mark in " -\u2013\u00a0"})):
        if not spelling or (spelling.isascii() and re.fullmatch(pattern, spelling)):
            return spelling
    _wrong(_("An account number looks different: copy it from a bill, or leave this empty."))


def _email(line: str, place: ValidationInfo) -> str:
    """In small letters: who writes an address in capitals has no second mailbox."""
    if not line:
        _wrong(_("Write your e-mail address: the answer goes there."))
    try:
        found = email_validator.validate_email(line, check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError:
        _wrong(_("Mail cannot be sent to this address: write it as name@example.com."))
    address = f"{found.local_part}@{found.ascii_domain}".lower()
    if likeness(address) in (place.context or {}).get("ours", ()):
        _wrong(_("This address is one of ours: write your own, the answer goes there."))
    return address


def _consent(value: object, place: ValidationInfo) -> bool:
    """Asked for where the house has a policy on personal data."""
    is_given = value is True or (isinstance(value, str) and value.strip().lower() in _TICKED)
    if not is_given and (place.context or {}).get("asks_consent"):
        _wrong(_("Tick the box: without your consent we may not use what you write."))
    return is_given


def _phone(line: str) -> str:
    point = classify_phone(line) if line else None
    if isinstance(point, BadContact):
        _wrong(_("Write the number as +7 916 123-45-67, or leave this empty."))
    return point.address if point else ""


def _topic(value: object) -> Topic | None:
    word = _line(value)
    try:
        return Topic(word) if word else None
    except ValueError:
        _wrong(_("Choose a topic from the list."))


def _text(words: str) -> str:
    if not words:
        _wrong(_("Write what happened or what you would like to know."))
    if len(words) > LONGEST_TEXT:
        _wrong(
            _("{count} characters are too many: {most} at most, please.").format(
                count=len(words), most=LONGEST_TEXT
            )
        )
    return words


class Form(BaseModel):
    """A form that can be taken in. Without `topic` the rules choose one."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )

    name: Annotated[str, BeforeValidator(_line), AfterValidator(_name)] = ""
    account: Annotated[str, BeforeValidator(_line), AfterValidator(_account)] = ""
    email: Annotated[str, BeforeValidator(_line), AfterValidator(_email)] = ""
    phone: Annotated[str, BeforeValidator(_line), AfterValidator(_phone)] = ""
    topic: Annotated[Topic | None, BeforeValidator(_topic)] = None
    text: Annotated[str, BeforeValidator(_words), AfterValidator(_text)] = ""
    consent: Annotated[bool, BeforeValidator(_consent)] = False


def checked(
    fields: Mapping[str, object],
    account_pattern: str,
    *,
    ours: Collection[str] = (),
    asks_consent: bool = False,
) -> Form | Mistakes:
    """The form, or everything that is wrong with it, by field, in the current language. `ours` are
    likenesses of addresses that no customer has."""
    context = {"account_pattern": account_pattern, "ours": ours, "asks_consent": asks_consent}
    own = {name: value for name, value in fields.items() if name != TRAP}
    try:
        return Form.model_validate(own, context=context)
    except ValidationError as error:
        return {
            _place(one["loc"]): str(one["ctx"]["error"])
            if one["type"] == "value_error"
            else _("There is no such field.")
            for one in error.errors(include_input=False, include_url=False)
        }


def _place(location: tuple[int | str, ...]) -> str:
    return one_line(str(location[0]))[:LONGEST_LINE] if location else WHOLE
