"""How a letter greets: by name and patronymic (the standard, chapter 8, section 5)."""

import unicodedata

from templates.neutral import one_line

LONGEST_NAME = 60
MOST_WORDS = 4
_WITHIN_NAMES = frozenset(" -'’")


def greet(name: str, patronymic: str, language: str = "ru") -> str:
    """«Здравствуйте, Мария Ивановна!», and without a name where there is none."""
    hello = "Здравствуйте" if language == "ru" else "Hello"
    if not name.strip():
        return f"{hello}!"
    return f"{hello}, {one_line(f'{as_written(name)} {as_written(patronymic)}')}!"


def as_written(name: str) -> str:
    """Billing systems shout: «МАРИЯ» is Мария."""
    return name.strip().title() if name.isupper() and len(name.strip()) > 2 else name.strip()


def looks_like_a_name(text: str) -> bool:
    """Whether a stranger's word for themselves may stand in a greeting: letters, and few of them.

    A form can be filled in with somebody else's address and an advertisement for a name.
    """
    name = unicodedata.normalize("NFC", text[: 2 * LONGEST_NAME])
    words = name.split(" ")
    return (
        0 < len(name) <= LONGEST_NAME
        and len(words) <= MOST_WORDS
        and all(character.isalpha() or character in _WITHIN_NAMES for character in name)
        and all(words)
    )
