"""Everything that people read exists in Russian, and no translation has lost a placeholder."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from templates.i18n import LOCALES, _, ngettext, speaking

ROOT = Path(__file__).parents[2]
METHODS = [("**.py", "python"), ("**.j2", "jinja2"), ("**.html", "jinja2")]
KEYWORDS = {"_": None, "ngettext": (1, 2)}
PLACEHOLDER = re.compile(r"\{(\w*)\}|%\((\w+)\)")


def spoken() -> dict[str, str]:
    """Every message of the code, with the place where it stands."""
    found: dict[str, str] = {}
    for package in ("dispatcher", "channels", "campaigns", "templates"):
        for file, line, message, _comments, _context in extract_from_dir(
            ROOT / package, method_map=METHODS, keywords=KEYWORDS
        ):
            text = message if isinstance(message, str) else message[0]
            found[text] = f"{package}/{file}:{line}"
    return found


def translated() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted((LOCALES / "ru").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="ru"):
                if message.id and message.string:
                    key = message.id if isinstance(message.id, str) else message.id[0]
                    texts = message.string
                    found[key] = (texts,) if isinstance(texts, str) else tuple(texts)
    return found


def test_every_message_has_a_russian_text() -> None:
    known = translated()
    missing = {text: place for text, place in spoken().items() if text not in known}
    assert not missing


def test_a_translation_names_only_what_the_message_fills() -> None:
    for text, forms in translated().items():
        filled = {name for pair in PLACEHOLDER.findall(text) for name in pair if name}
        for form in forms:
            named = {name for pair in PLACEHOLDER.findall(form) for name in pair if name}
            assert named <= filled | {"count"}


@pytest.mark.parametrize(
    ("number", "word"), [(1, "день"), (2, "дня"), (5, "дней"), (11, "дней"), (21, "день")]
)
def test_plurals_follow_the_russian_rule(number: int, word: str) -> None:
    text = ngettext(
        "{days} simulated day in {seconds} s.", "{days} simulated days in {seconds} s.", number
    )
    assert text.split()[2] == word


def test_another_language_is_spoken_for_a_while() -> None:
    assert _("The stop-list is empty.") == "Стоп-лист пуст."
    with speaking("en"):
        assert _("The stop-list is empty.") == "The stop-list is empty."
    assert _("The stop-list is empty.") == "Стоп-лист пуст."
