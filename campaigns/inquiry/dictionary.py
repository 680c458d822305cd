"""Words by their dictionary form: «жалобу», «жалобы» and «жалоба» are one, and so are "bills" and
"bill". Russian words by pymorphy3, English ones by their plural alone.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

LONGEST_WORD = 30  # letters; what is longer is no word that anybody looks for
MOST_WORDS = 3000
# Of one text so many different words are looked up in the dictionary, and of words that it does not
# know so many are guessed at, which is dearer: nobody's letter may hold up the others.
MOST_DIFFERENT = 300
MOST_GUESSED = 40
# So many characters hold as many words as are looked at, or are no words.
MOST_CHARACTERS = 60_000
# Readings of a word that are rarer than this do not count: «света» is the light, not a name.
_RARE = 0.05
_WORD = re.compile(r"[^\W\d_]+")
_RUSSIAN = re.compile(r"[а-я]+")
_VOWEL = re.compile(r"[аеиоуыэюя]")
_BREAK = re.compile(r"[.!?;:…—–()\"«»]|\n\s{0,9}\n")
# «Нет, свет есть»: the comma after such a word parts what follows from it.
_PARTED_BY_COMMA = frozenset({"да", "нет", "yes", "no"})
# Small words that change nothing about what is asked; they are not seen, in rules and in letters.
_SMALL_WORDS = """
    уже же ли бы то всё все еще ещё опять снова вообще просто очень так вот тоже также нам мне нас
    у меня мой моя моё мое мои мою моего моей моих наш наша наше наши нашу нашего нашей наших ваш
    ваша ваше ваши вашу вашего вашей ваших вам вас вы мы я этот эта это эту этого этой
    the a an our my your we i you me us it this that these those very so just still again already
"""
SMALL = frozenset(_SMALL_WORDS.split())


def words_of(text: str) -> Iterator[Sequence[str] | None]:
    """The words of a text by their forms, small ones left out; None where a phrase cannot go on."""
    count, last, before = 0, 0, ""
    text, reader = text[:MOST_CHARACTERS].lower().replace("ё", "е"), _Reader()
    for found in _WORD.finditer(text):
        between = text[last : found.start()]
        if _BREAK.search(between) or ("," in between and before in _PARTED_BY_COMMA):
            yield None
        last, before = found.end(), found[0]
        if found[0] in SMALL:
            continue
        count += 1
        if count > MOST_WORDS:
            return
        yield reader.forms(found[0])


def seen_words(text: str) -> Sequence[str]:
    """The words of a rule, small ones left out. Needs no dictionary."""
    words = _WORD.findall(text.lower().replace("ё", "е"))
    return [word for word in words if word not in SMALL]


def words_of_rule(text: str) -> Sequence[str]:
    """The same, each as its author means it: as written where that is a dictionary form, else in
    the likeliest one."""
    found = ((word, _forms(word)) for word in seen_words(text))
    return [word if word in forms else forms[0] for word, forms in found if forms]


class _Reader:
    """Looks up the words of one text, within what one text may cost."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, ...]] = {}
        self._different = self._guessed = 0

    def forms(self, word: str) -> tuple[str, ...]:
        found = self._seen.get(word)
        if found is None:
            found = self._seen[word] = _forms(word) if self._may_look_up(word) else (word,)
        return found

    def _may_look_up(self, word: str) -> bool:
        if len(word) > LONGEST_WORD or not _RUSSIAN.fullmatch(word):
            return True  # costs nothing
        if _is_known(word):
            self._different += 1
            return self._different <= MOST_DIFFERENT
        if not _VOWEL.search(word):
            return True
        self._guessed += 1
        return self._guessed <= MOST_GUESSED


@lru_cache(maxsize=50_000)
def _forms(word: str) -> tuple[str, ...]:
    if len(word) > LONGEST_WORD:
        return ()
    if word.isascii():
        return (_singular(word),)
    if not _RUSSIAN.fullmatch(word):
        return (word,)  # the dictionary fails on letters that have no name
    if not (_VOWEL.search(word) or _is_known(word)):
        return (word,)  # an abbreviation, or somebody's cat: there is nothing to guess by
    readings = _dictionary().parse(word)
    likely = [one.normal_form for one in readings if one.score >= _RARE]
    found = likely or [one.normal_form for one in readings[:1]]
    return tuple(dict.fromkeys(form.replace("ё", "е") for form in found[:4])) or (word,)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _is_known(word: str) -> bool:
    """Whether the dictionary has it; asked in a tenth of the time that its forms take."""
    return bool(_dictionary().word_is_known(word))


@cache
def _dictionary() -> Any:
    """Read once, when the first letter is sorted: it takes a tenth of a second."""
    import pymorphy3

    return pymorphy3.MorphAnalyzer(lang="ru")
