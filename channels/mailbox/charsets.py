"""Bytes into text, whatever their charset is said to be.

A declared charset is a claim. UTF-8 proves itself; among single-byte charsets the one is taken in
which the text looks most like Russian (or, failing that, like a Western language). By frequency of
letters, because programs that guess for all languages of the world are wrong about two or three
words in koi8-r, which is all that a subject has: of 58 short undeclared texts charset-normalizer
misread eleven, this three.
"""

import codecs
import re
from encodings.aliases import aliases

_CYRILLIC = ("cp1251", "koi8_r", "cp866")
_CANDIDATES = (*_CYRILLIC, "cp1252")
_DOUBTED = frozenset({*_CANDIDATES, "koi8_u", "iso8859_5", "mac_cyrillic"})
# Text that is ASCII on the wire and something else when read.
_SEVEN_BIT = frozenset({"utf_7", "hz", "utf_16", "utf_16_le", "utf_16_be", "utf_32"}) | {
    f"iso2022_{kind}" for kind in ("jp", "jp_1", "jp_2", "jp_3", "jp_ext", "kr")
}
_MULTIBYTE = frozenset(
    {"utf_8", "gb18030", "big5", "big5hkscs", "cp950", "shift_jis", "cp932"}
    | {"euc_jp", "euc_kr", "cp949"}
)
_SINGLE_BYTE = (
    _DOUBTED
    | {f"cp125{number}" for number in (0, 3, 4, 5, 6, 7, 8)}
    | {f"iso8859_{number}" for number in (*range(2, 12), *range(13, 17))}
    | {"koi8_t", "cp437", "cp850", "cp852", "cp855", "tis_620", "ptcp154", "kz1048", "mac_roman"}
)
_KNOWN = _SEVEN_BIT | _MULTIBYTE | _SINGLE_BYTE
# Names are looked up here and never in the registry of codecs: that one also knows codecs that
# unpack archives, and remembers for ever each unknown name that a stranger makes up.
_NAMES = {alias: codec for alias, codec in aliases.items() if codec in _KNOWN}
_NAMES |= {codec: codec for codec in _KNOWN}
_NAMES |= {
    "iso_8859_1": "cp1252", "iso8859_1": "cp1252", "latin1": "cp1252", "latin_1": "cp1252",
    "l1": "cp1252", "cp819": "cp1252", "iso_8859_15": "iso8859_15", "iso_8859_8_i": "iso8859_8",
    "cp_1251": "cp1251", "win1251": "cp1251", "win_1251": "cp1251", "x_cp1251": "cp1251",
    "win": "cp1251", "koi8r": "koi8_r", "koi_8r": "koi8_r", "koi8": "koi8_r", "koi8u": "koi8_u",
    "dos": "cp866", "x_mac_cyrillic": "mac_cyrillic", "utf8mb4": "utf_8", "utf_8_sig": "utf_8",
    "unicode_1_1_utf_7": "utf_7", "unicode_1_1_utf_8": "utf_8", "gb2312": "gb18030",
    "gbk": "gb18030", "cp936": "gb18030", "ks_c_5601_1987": "cp949", "macintosh": "mac_roman",
}  # fmt: skip
_MARKS = (
    (codecs.BOM_UTF8, "utf_8"),
    (codecs.BOM_UTF16_LE, "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf_16_be"),
)

_LETTERS = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"  # by how often Russian uses them
_WEIGHTS = {letter: 3.0 - 6.0 * place / 32 for place, letter in enumerate(_LETTERS)}
_SIGNS = frozenset("№«»—–…“”„’‘•·§°\xa0€₽±×")
_WORDS_BEYOND_ASCII = re.compile(rb"[A-Za-z]?[\x80-\xff]+[A-Za-z]?")
_SAMPLE_WORDS = 150
_SAMPLE_BYTES = 900


def known_charset(name: str) -> str:
    """The codec behind a charset's name; empty for one that says nothing: unknown, or ASCII."""
    plain = name.strip(" \t\"'").lower()[:60].partition("*")[0]
    return _NAMES.get("".join(c if c.isalnum() else "_" for c in plain), "")


def text_of(raw: bytes, declared: str = "", likely: str = "") -> tuple[str, bool]:
    """The text, and whether it is what its sender declared (False: guessed).

    `likely` is a codec to prefer where there is too little to judge by: the one of the letter that
    a header stands in.
    """
    codec = known_charset(declared)
    if raw.isascii() and codec not in _SEVEN_BIT:
        return raw.decode("ascii"), True
    for mark, marked in _MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(marked, "replace"), True
    if codec in _SEVEN_BIT:
        text = _strictly(raw, codec)
        return (text, True) if text is not None else (raw.decode(codec, "replace"), False)
    text = _strictly(raw, "utf_8")
    if text is not None:
        return text, codec == "utf_8"
    if codec in _MULTIBYTE and codec != "utf_8":
        text = _strictly(raw, codec)
        if text is not None:
            return text, True
    mostly = _mostly(raw, codec if codec in _MULTIBYTE else "utf_8")
    if mostly is not None:
        return mostly, False
    if codec in _SINGLE_BYTE and codec not in _DOUBTED:
        return raw.decode(codec, "replace"), True
    best = _best(raw, codec, known_charset(likely))
    return raw.decode(best, "replace"), best == codec


def _strictly(raw: bytes, codec: str) -> str | None:
    """The text if every byte fits, but for a last character that was cut in two."""
    try:
        return raw.decode(codec)
    except UnicodeDecodeError as wrong:
        if 0 < len(raw) - 3 <= wrong.start and wrong.reason.startswith(("unexp", "incompl")):
            return raw[: wrong.start].decode(codec, "replace")
        return None
    except UnicodeError:
        return None


def _mostly(raw: bytes, codec: str) -> str | None:
    """The text with a few marks of what was spoiled, if it is only a few."""
    text = raw.decode(codec, "replace")
    spoiled = text.count("\ufffd")
    beyond_ascii = len(text.encode("ascii", "ignore"))
    return text if len(text) - beyond_ascii > 5 * spoiled else None


def _best(raw: bytes, declared: str, likely: str) -> str:
    found = _WORDS_BEYOND_ASCII.finditer(raw)
    words = [word.group() for word, _ in zip(found, range(_SAMPLE_WORDS), strict=False)]
    sample = b" ".join(words)[:_SAMPLE_BYTES]
    scores = {codec: _likeness(sample, codec) for codec in _CANDIDATES}
    scores["cp1251"] += 3  # the most common of them, where there is little to tell them by
    if likely in scores:
        scores[likely] += 6
    if declared in _DOUBTED:
        # What was declared has to be beaten clearly: names and abbreviations look like nothing.
        # Latin-1 is what programs say that were never told of another.
        doubt = 3 if declared == "cp1252" else 1
        scores[declared] = _likeness(sample, declared) + (10 + len(sample) / 2) / doubt
    return max(scores, key=lambda codec: scores[codec])


def _likeness(sample: bytes, codec: str) -> float:
    """How much the sample, read so, looks like words that people write."""
    total = 0.0
    before = " "
    for letter in sample.decode(codec, "replace"):
        if letter > "\x7f":
            total += _weight(letter, before)
        before = letter
    return total


def _weight(letter: str, before: str) -> float:
    low = letter.lower()
    follows_latin = "a" <= before.lower() <= "z"
    weight = _WEIGHTS.get(low)
    if weight is None:
        if letter in _SIGNS:
            return 0.0
        if not letter.isalpha():
            return -4.0
        return 0.5 if follows_latin else -2.0
    if follows_latin:
        weight -= 3
    if letter != low and before.isalpha():
        # A capital within a word: whole words are written so, but none begins small.
        weight -= 0 if before.isupper() else 4
    return weight
