"""The one line of an SMS, and what is done when it is too long (the scenario's `too_long`).

    refuse         this customer cannot be told this: TooLong
    shorten        the field named by `shorten` loses its last words
    transliterate  Latin letters: 160 of them are one part

Before any of these a long name gives way: it is no reason for silence, and «Здравствуйте!» is a
greeting too.
"""

import re
from collections.abc import Mapping

from campaigns.scenario import ChannelRules, TooLongSms
from templates.errors import EmptyText, TooLong
from templates.filled import filled_lengths
from templates.neutral import one_line
from templates.render import CompiledTemplate, compile_template
from templates.sms import LIMIT_CHARACTERS, Encoding, SmsShape, measure
from templates.transliteration import transliterate

FILE = "sms.txt"
_LEAST_CHARACTERS = 2  # SMS Aero takes no shorter one

# What belongs together is not cut: «1 000 000», «+7 (916) 123-45-67», «50 %», «300 руб.», «№ 7».
_NUMBER = re.compile(r"[+(]*\d[\d()+.,:/–—-]*")
_UNIT = re.compile(r"[%‰₽€$°]|руб|коп|тыс|млн|млрд", re.IGNORECASE)
_LOOSE_END = re.compile(r"[\s,;:.!?…–—\-«\"(]+$")
# Where the template ends its sentence right after a field that was cut: «…» ends it already.
_STOP_AFTER_MARK = re.compile(r"(…|(?<!\.)\.\.\.)\.(?!\.)")

Values = Mapping[str, object]


def sms_text(text: str, seen: Values, language: str, rules: ChannelRules) -> str:
    """The text of one SMS, of at most 160 characters.

    `text` is the template, `seen` what it may name. Raises TooLong with what makes it long,
    EmptyText, and what rendering raises.
    """
    template = compile_template(text, file=FILE)
    greetings = _greetings(template, seen, language)
    shape = _shape(template, seen, language)
    if not shape.fits:
        seen = greetings[-1]
        shape = _shape(template, seen, language)
    if rules.too_long is TooLongSms.TRANSLITERATE and (not shape.fits or len(shape.parts) > 1):
        return _in_latin(text, template, greetings, language)
    if not shape.fits and rules.too_long is TooLongSms.SHORTEN and rules.shorten:
        seen = _shortened(template, seen, language, rules.shorten)
        shape = _cut_shape(template, seen, language)
    if not shape.fits:
        lengths = filled_lengths(text, seen, language)
        raise TooLong("characters", shape.characters, LIMIT_CHARACTERS, lengths)
    return _not_empty("".join(shape.parts))


def cut_at_word(value: str, kept: int, mark: str) -> str:
    """The first `kept` words of a value and the mark; the whole value if it has no more.

    A number with its sign is one word. What stays has a letter or a digit in it, even if that takes
    more words than were asked for.
    """
    words = words_of(value)
    while kept < len(words):
        left = _LOOSE_END.sub("", " ".join(words[:kept]))
        if any(character.isalnum() for character in left):
            return left + mark
        kept += 1
    return " ".join(words)


def words_of(value: str) -> list[str]:
    """The words of a value, where a number of several groups and its sign are one."""
    words: list[str] = []
    former = ""
    for word in one_line(value).split(" "):
        number_goes_on = _NUMBER.fullmatch(former) and _NUMBER.match(word)
        unit_of_number = _UNIT.match(word) and (_NUMBER.fullmatch(former) or _UNIT.match(former))
        if words and (former in ("№", "#", "N") or number_goes_on or unit_of_number):
            words[-1] += f" {word}"
        else:
            words.append(word)
        former = word
    return words


def _in_latin(
    text: str, template: CompiledTemplate, greetings: tuple[Values, ...], language: str
) -> str:
    """The text in Latin letters, with the longest greeting that leaves room for the rest."""
    latin = ""
    for seen in greetings:
        latin = _latin(template.render(seen, language))
        if len(latin) <= LIMIT_CHARACTERS:
            return _not_empty(latin)
    lengths = filled_lengths(text, greetings[-1], language, as_sent=_latin)
    raise TooLong("characters", len(latin), LIMIT_CHARACTERS, lengths)


def _latin(text: str) -> str:
    return one_line(transliterate(one_line(text)))


def _shortened(template: CompiledTemplate, seen: Values, language: str, name: str) -> Values:
    """The same values with the field cut so that the text fits; as short as may be if it cannot.

    Found by halving: whoever has the longest value of an audience is no slower than the others.
    """
    is_gsm = _shape(template, seen, language).encoding is Encoding.GSM7
    mark = "..." if is_gsm else "…"  # in a Latin text «…» alone would cost two more parts
    least, most = 1, max((len(words_of(value)) for value in _values_of(seen, name)), default=1) - 1
    best = _with_cut(seen, name, 1, mark)
    while least <= most:
        middle = (least + most) // 2
        tried = _with_cut(seen, name, middle, mark)
        if _cut_shape(template, tried, language).fits:
            best, least = tried, middle + 1
        else:
            most = middle - 1
    return best


def _values_of(seen: Values, name: str) -> list[str]:
    """Every text that a field has: the one all accounts agree on, and those of the accounts."""
    found = [seen.get(name), *(row.get(name) for row in _rows(seen))]
    return [value for value in found if isinstance(value, str)]


def _with_cut(seen: Values, name: str, kept: int, mark: str) -> Values:
    def cut(values: Values) -> dict[str, object]:
        value = values.get(name)
        changed = {name: cut_at_word(value, kept, mark)} if isinstance(value, str) else {}
        return {**values, **changed}

    return {**cut(seen), "accounts": [cut(row) for row in _rows(seen)]}


def _rows(seen: Values) -> list[Values]:
    accounts = seen.get("accounts")
    return accounts if isinstance(accounts, list) else []


def _greetings(template: CompiledTemplate, seen: Values, language: str) -> tuple[Values, ...]:
    """The values with the greeting as it is, and without the name if the text greets at all."""
    if "greeting" not in template.names:
        return (seen,)
    return (seen, {**seen, "greeting": "Здравствуйте!" if language == "ru" else "Hello!"})


def _shape(template: CompiledTemplate, seen: Values, language: str) -> SmsShape:
    return measure(one_line(template.render(seen, language)))


def _cut_shape(template: CompiledTemplate, seen: Values, language: str) -> SmsShape:
    """The shape of a text in which a field was cut."""
    return measure(_STOP_AFTER_MARK.sub(r"\1", one_line(template.render(seen, language))))


def _not_empty(text: str) -> str:
    if len(text) < _LEAST_CHARACTERS:
        raise EmptyText(FILE)
    return text
