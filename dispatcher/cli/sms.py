"""`dispatcher sms …`: what a text costs as an SMS, for those who write texts."""

import sys
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.cells import cell_len
from rich.text import Text

from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.errors import NotPossible
from templates import filters
from templates.i18n import _, current_language, ngettext
from templates.sms import LIMIT_CHARACTERS, Encoding, SmsShape, measure
from templates.sms_offenders import Offender, instead_of, is_latin, name_of, offenders_of, visible

app = typer.Typer(no_args_is_help=True)

_LARGEST_BYTES = 1_000_000
_COLUMNS = 76  # of a text's line, beside its margin
_MARGIN = "│ "
_LISTED = 20

Line = list[tuple[int, str]]  # positions in the text with the characters that stand for them


@app.callback()
def sms() -> None:
    """Keeps `measure` a command of its own although it is the only one."""


@app.command(
    "measure",
    help=_("Characters, alphabet, parts and cost of a text."),
    # A text may begin with a dash.
    context_settings={"ignore_unknown_options": True},
)
def measure_(
    text: Annotated[str, typer.Argument(help=_("The text; “-” reads it from standard input."))],
    as_json: AsJson = False,
) -> None:
    text = _from_input() if text == "-" else _whole(text)
    shape = measure(text)
    if as_json:
        screen.print_json(
            {
                "characters": shape.characters,
                "encoding": shape.encoding.value,
                "parts": len(shape.parts),
                "offenders": list(shape.offenders),
            }
        )
        return
    prices = shared.settings().sms_price_kopecks
    _tell_figures(text, shape)
    _draw(shape, offenders_of(text))
    _tell_offenders(text, shape)
    for provider, kopecks in sorted(prices.items()):
        _tell_price(provider, kopecks, len(shape.parts))


def _from_input() -> str:
    """Standard input without the line end that closes it. Raises NotPossible."""
    given = sys.stdin.buffer.read(_LARGEST_BYTES + 1)
    if len(given) > _LARGEST_BYTES:
        raise NotPossible(_("This is far too long for an SMS: check what is being read."))
    try:
        text = given.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotPossible(_not_utf8()) from None
    return text.removesuffix("\n").removesuffix("\r")


def _whole(text: str) -> str:
    """An argument whose bytes are UTF-8; others reach us as lone surrogates. Raises NotPossible."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise NotPossible(_not_utf8())
    return text


def _not_utf8() -> str:
    return _("The text is not in the encoding UTF-8.")


def _tell_figures(text: str, shape: SmsShape) -> None:
    screen.say(
        _("Characters: {characters} of {limit}").format(
            characters=shape.characters, limit=LIMIT_CHARACTERS
        )
    )
    if not shape.fits:
        over = shape.characters - LIMIT_CHARACTERS
        screen.say_badly(
            ngettext(
                "{n} character too many: the standard allows {limit}.",
                "{n} characters too many: the standard allows {limit}.",
                over,
            ).format(n=over, limit=LIMIT_CHARACTERS)
        )
    if shape.encoding is Encoding.GSM7:
        alphabet = _("GSM-7: 160 places in one part, 153 in each of several")
    elif is_latin(text):
        alphabet = _("UCS-2, because of the characters pointed at: 70 places, 67 of several")
    else:
        alphabet = _("UCS-2, as for every Russian text: 70 places, 67 in each of several")
    screen.say(_("Encoding: {encoding}").format(encoding=alphabet))
    screen.say(_("Parts: {parts}").format(parts=len(shape.parts)))


def _draw(shape: SmsShape, offenders: tuple[Offender, ...]) -> None:
    """The parts of the text in lines of the screen, with a caret under every offender."""
    pointed = {offender.position for offender in offenders}
    begin = 0
    for number, part in enumerate(shape.parts, start=1):
        heading = _("part {number}, characters: {characters}").format(
            number=number, characters=len(part)
        )
        screen.console.print(Text(f"── {heading} ──", style="dim"))
        for line in _lines(part, begin):
            _print(_MARGIN + "".join(shown for _position, shown in line))
            if any(position in pointed for position, _shown in line):
                _print(" " * len(_MARGIN) + _carets(line, pointed), "red")
        begin += len(part)


def _lines(part: str, begin: int) -> Iterator[Line]:
    """A part cut to the width of the screen; `begin` is its position in the whole text."""
    line: Line = []
    width = 0
    for position, character in enumerate(part, start=begin):
        shown = _on_screen(character)
        if line and width + cell_len(shown) > _COLUMNS:
            yield line
            line, width = [], 0
        line.append((position, shown))
        width += cell_len(shown)
    if line:
        yield line


def _carets(line: Line, pointed: set[int]) -> str:
    marks = ""
    for position, shown in line:
        width = cell_len(shown)
        marks += ("^" * max(width, 1)) if position in pointed else " " * width
    return marks.rstrip()


def _on_screen(character: str) -> str:
    """What stands for a character: line ends, no-break spaces and controls are made visible, for a
    terminal would obey some of them."""
    if character in "\r\n":
        return "↵"
    if character == " " or (visible(character) == character and character.isprintable()):
        return character
    return "␣" if character.isspace() else "·"


def _print(line: str, style: str = "") -> None:
    """A line exactly as it is: no markup, no emoji by name, no wrapping."""
    screen.console.print(Text(line, style=style), soft_wrap=True)


def _tell_offenders(text: str, shape: SmsShape) -> None:
    if not shape.offenders or not is_latin(text):
        return
    for character in shape.offenders[:_LISTED]:
        instead = instead_of(character)
        # What stands for an invisible character may be its very name.
        told = " ".join(dict.fromkeys(("^", visible(character), name_of(character))))
        if instead is None:
            advice = _("leave it out")
        elif instead == " ":
            advice = _("write a plain space")
        else:
            advice = _("write {instead}").format(instead=instead)
        _print(f"{told}: {advice}")
    if len(shape.offenders) > _LISTED:
        _print("…")
    better = measure("".join(instead_of(c) or "" if c in shape.offenders else c for c in text))
    screen.say(
        _("Without them: {encoding}, parts: {parts}.").format(
            encoding=better.encoding.value, parts=len(better.parts)
        )
    )


def _tell_price(provider: str, kopecks: int, parts: int) -> None:
    language = current_language()
    screen.say(
        _("Cost at {provider}: {parts} × {price} = {total}").format(
            provider=provider,
            parts=parts,
            price=filters.money(kopecks, language),
            total=filters.money(kopecks * parts, language),
        )
    )
