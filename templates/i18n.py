"""The language of the screen: Russian first, English second.

Messages are written in English in the code and translated by gettext catalogues, one `.po` file a
subject, in `templates/locale/<language>/`. The catalogues are read as text (Babel), so that a
translation can be mended without a build step.
"""

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = Path(__file__).parent / "locale"
LANGUAGES = ("ru", "en")

_language: ContextVar[str] = ContextVar("language", default="ru")


@cache
def _translations(language: str) -> gettext.NullTranslations:
    merged = Catalog(locale=language, charset="utf-8")
    for path in sorted((LOCALES / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id and message.string:
                    merged[message.id] = message
    if not len(merged):
        return gettext.NullTranslations()
    from io import BytesIO

    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _(message: str) -> str:
    """The message in the current language; the English original where no translation exists."""
    return _translations(_language.get()).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The right plural form for `number` in the current language."""
    return _translations(_language.get()).ngettext(singular, plural, number)


def current_language() -> str:
    return _language.get()


def set_language(language: str) -> None:
    """Choose the language for the rest of this context; unknown ones mean Russian."""
    _language.set(language if language in LANGUAGES else "ru")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak another language for the length of a `with` block."""
    token = _language.set(language if language in LANGUAGES else "ru")
    try:
        yield
    finally:
        _language.reset(token)
