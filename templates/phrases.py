"""Ready answers to what customers ask most: where staff begin from, not what is sent by itself.

    phrases/<topic>-<number>.txt       the title, an empty line, the text
    phrases/<topic>-<number>.en.txt    its English twin

`{for_account}` becomes « по лицевому счёту …», or nothing where the account is not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PHRASES = Path(__file__).parent / "phrases"
_FOR_ACCOUNT = {"ru": " по лицевому счёту {account}", "en": " of account {account}"}


@dataclass(frozen=True, slots=True)
class Phrase:
    key: str  # the topic and a number: billing-1
    title: str
    text: str


def phrases(language: str, topic: str, account: str = "") -> Sequence[Phrase]:
    """Those of a topic first, then all others; filled with what is known of the inquiry."""
    for_account = _FOR_ACCOUNT[language].format(account=account) if account else ""
    known = sorted(_read(language), key=lambda one: not one.key.startswith(f"{topic}-"))
    return [
        Phrase(one.key, one.title, one.text.replace("{for_account}", for_account)) for one in known
    ]


@cache
def _read(language: str) -> Sequence[Phrase]:
    ending = ".txt" if language == "ru" else f".{language}.txt"
    found = []
    for path in sorted(PHRASES.iterdir()):
        key, dot, rest = path.name.partition(".")
        if dot + rest == ending:
            title, _empty, text = path.read_text("utf-8").partition("\n\n")
            found.append(Phrase(key, title.strip(), text.strip()))
    return found
