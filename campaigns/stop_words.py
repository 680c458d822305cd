"""Does a customer's answer by SMS say "stop"?

A message is a stop when every word of it is understood: words that say stop, and around them a few
polite ones. One word more that we do not know, and it is a question for staff: «нет света с утра»,
«стоп-кран сломан», «нет, я уже оплатил». Words of refusal that people also use otherwise (нет,
отмена, no) stand alone or with «спасибо»; «не надо» may also name what is not needed: «не надо
смс», and «отключите» what is to be switched off: «отключите рассылку», but never «отключите свет».
Beside the words that are made for it («стоп», «отписка») our name, an «ок» and one short number
change nothing: «стоп 12», «СТОП!!!111», «СТОП СМС ОТ ЭНЕРГОСБЫТ». With a question mark only these
words are a stop: «СТОП?» is one, «нет?» and «хватит?» ask us something.

People write so in capitals, with spaces between the letters, in Latin letters that look like
Cyrillic ones, with the keyboard in the other layout (cnjg = стоп) or in transliteration. Each of
these readings is tried on the whole message; letters that are doubled count once.
"""

import re
import unicodedata
from enum import StrEnum
from functools import cache

LONGEST = 120  # characters; who writes more says more than stop
MOST_WORDS = 9
SHORT_NUMBER = 5  # digits; what is longer is a telephone number or an account


class Wish(StrEnum):
    """What an answer is, as far as a program may decide it."""

    STOP = "stop"
    QUESTION = "question"
    UNREADABLE = "unreadable"  # nobody could tell what was written, or by whom


# Made for it, and nothing else.
_PURE = """
стоп стор стап stop stopall стопсмс stopsms
отписка отписки отписку отписаться отписатся отписаца unsubscribe
otpiska otpisatsya otpisatsia otpisatca otpisatsa
"""
# Says stop wherever nothing but polite words stand around it.
_STOP = (
    _PURE
    + """
отписать отпишите отпишитесь отписывайте отпишитеменя хочу_отписаться желаю_отписаться
отказаться отказатся хочу_отказаться желаю_отказаться
отстаньте отстань отвяжитесь отвалите отвали оставьте_в_покое оставьте_меня_в_покое
остановите_рассылку остановить_рассылку отмените_рассылку отменить_рассылку отмена_рассылки
отмените_подписку отменить_подписку отмена_подписки снимите_с_рассылки снимите_меня_с_рассылки
исключите_мой_номер исключите_номер исключите_этот_номер исключите_из_рассылки
удалите_мой_телефон удалите_телефон удалите_этот_номер удалите_из_рассылки
уберите_мой_телефон уберите_телефон уберите_этот_номер уберите_из_рассылки
удалить_номер удалить_мой_номер удалить_мой_телефон удалить_меня снимите_с_рассылки
не_пишите непишите не_писать не_пиши не_пишете
не_надо_больше больше_не_надо не_звоните незвоните не_звонить не_звони
не_шлите не_слать не_присылайте не_присылать не_отправляйте не_отправлять не_беспокойте
не_беспокоить не_тревожьте не_надо_писать не_надо_звонить не_надо_слать не_надо_присылать
не_нужно_писать не_нужно_звонить не_нужно_присылать не_хочу_получать не_желаю_получать
не_хочу_больше_получать
хватит довольно отказ отказываюсь откажусь прекратите прекратить перестаньте
удалите_номер удалите_мой_номер уберите_номер уберите_мой_номер удалите_меня уберите_меня
исключите_меня уберите_рассылку убрать_рассылку
unsubscribed cancel end quit optout opt_out revoke remove_me remove leave_me_alone
do_not_text dont_text don_t_text do_not_call dont_call don_t_call do_not_send dont_send don_t_send
no_more_sms no_more_messages no_more_texts
otpisat otpisatj otpishite otpishites
ne_pishite nepishite ne_pisat ne_pishi ne_zvonite nezvonite ne_zvonit ne_shlite ne_prisylayte
ne_prisylaite ne_bespokoyte hvatit khvatit xvatit otkaz otkazyvayus prekratite perestante
"""
)

# Says stop alone or with a word of thanks, and something else in most sentences.
_REFUSAL = "нет не_надо не_нужно отмена отменить no net nein ne_nado ne_nuzhno otmena"
# Says stop when what is not needed is what we send or do.
_NEEDLESS = "не_надо не_нужно не_нужны не_нужна не_хочу ne_nado ne_nuzhno ne_nuzhny ne_hochu"
# Says stop when what is to be switched off is what we send; the light of a neighbour is not.
_SWITCH_OFF = """
отключите отключить отключи выключите выключить выключи остановите остановить
заблокируйте заблокировать otklyuchite otkluchite
"""
_SENT = """
рассылка рассылку рассылки рассылок смс смски сообщение сообщения сообщений уведомление уведомления
уведомлений реклама рекламы рекламу спам спама писать звонить слать присылать отправлять беспокоить
звонки звонков sms pisat zvonit rassylka rassylki rassylku
"""
# Beside a word that is made for it these say nothing.
_AGREED = "ок ok okay окей да yes хорошо ладно ага da horosho"
_THANKS = """
пожалуйста пожалуста пожалста плиз плз пж пжл пжлст спасибо спс благодарю прошу заранее
please pls plz thanks thank you pozhaluysta pozhaluista pojaluista pozhalujsta spasibo sps
"""
_POLITE = (
    _THANKS
    + """
здравствуйте добрый день вечер утро уважаемые
я больше bolshe и из базы списка меня мне мой мою на от с а вас
просьба убедительная убедительно ничего ваш ваша ваши ваших вашу вашей нам нас это этот эту эти этой
номер номера телефон телефона никогда уже всё все всю срочно немедленно сюда сейчас
рассылка рассылку рассылки рассылок рассылке рассылкам сообщение сообщения сообщений смс смски
сообщениями сообщениям смскам уведомление уведомления уведомлений уведомлениям реклама рекламе
рекламу рекламы спам спама спаму спамить
писать звонить слать присылать отправлять получать беспокоить звонки звонков
me my from this number sms messages mailing list all it
menya mne moy moi nomer ot rassylki rassylku na etot vas i mnye
"""
)
_CALLS = re.compile(r"звон|zvon|^cal$")  # letters that are doubled count once
# Whoever writes so means us, under the name of whichever company of the trade.
_SUPPLIER = re.compile(r"\w*(энергосбыт(а|у|ом|е)?|energosbyt(a|u|om|e)?)")

# «Отпишите мне» asks for an answer: "write back to me".
_ASKS_FOR_AN_ANSWER = frozenset({"отпишите", "отпишитесь", "otpishite", "otpishites"})
_TO_ME = frozenset({"мне", "mne", "нам", "на", "na", "сюда"})

# «Не надо меня отписывать», «не хочу отказаться», «не надо отключать рассылку».
_WANTS_TO_STAY = re.compile(
    r"\b(не|ne) \w+ ((\w+ )*(отпис|отпиш|otpis)"
    r"|((меня|мне|мой|пока|больше) )*(отказыват|отказат|отключат|выключат|удалят|убират))"
)

_KEYS_LATIN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
_KEYS_CYRILLIC = "йцукенгшщзхъфывапролджэячсмитьбюё"
_TO_CYRILLIC_KEYS = str.maketrans(_KEYS_LATIN, _KEYS_CYRILLIC)
_TO_LATIN_KEYS = str.maketrans(_KEYS_CYRILLIC, _KEYS_LATIN)
# By the shapes of small and capital letters; digits as they are used for letters.
_LOOKS_CYRILLIC = str.maketrans("aбbcehkmnoptxyru036і", "абвсенкмпортхугиозбі")
_LOOKS_LATIN = str.maketrans("авсенкмортхуѕі01", "abcehkmoptxysiol")

_GLUED_NUMBER = re.compile(r"(?<=[^\W\d_])(?=\d+\b)|(?<=\d)(?=[^\W\d_]{4,}\b)")  # «стоп1», «1стоп»


def wish_of(text: str, company: str = "") -> Wish:
    """What the answer says; anything not understood to the last word is a question.

    `company` is our own name, which may stand beside a stop.
    """
    return Wish.STOP if _stops(text, company) else Wish.QUESTION


def means_calls(text: str, company: str = "") -> bool:
    """Whether a stop speaks of calls («не звоните»): who writes so does not mean SMS alone."""
    return any(_CALLS.search(word) for words in _stops(text, company) for word in words)


def _stops(text: str, company: str) -> list[tuple[str, ...]]:
    """The readings of the message that say stop."""
    plain, ours = _plain(text), _words(_plain(company))
    stops = [words for words in _readings(plain) if _says_stop(words, ours)]
    if "?" in plain:
        return [words for words in stops if not _single(_PURE).isdisjoint(words)]
    return stops


def _readings(plain: str) -> list[tuple[str, ...]]:
    """The message's words in every way it may be meant."""
    if not plain or len(plain) > LONGEST:
        return []
    unpunctuated = re.sub(r"[.,;:!?'\"]+(?=\s|$)", " ", plain)
    ways = [
        plain,
        _GLUED_NUMBER.sub(" ", plain),
        plain.translate(_LOOKS_CYRILLIC),
        plain.translate(_LOOKS_LATIN),
        unpunctuated.translate(_TO_CYRILLIC_KEYS),
        _GLUED_NUMBER.sub(" ", unpunctuated).translate(_TO_CYRILLIC_KEYS),
        unpunctuated.translate(_TO_LATIN_KEYS),
    ]
    readings: list[tuple[str, ...]] = []
    for way in ways:
        words = _words(way)
        readings.append(words)
        readings.append(("".join(words),))  # «ст оп», «не пишите» as one word
    return readings


def _plain(text: str) -> str:
    """Small letters, without what only decorates them or cannot be seen."""
    known = unicodedata.normalize("NFKC", text[:2000]).casefold().replace("ё", "е")
    seen = "".join(c for c in known if unicodedata.category(c) not in ("Mn", "Me", "Cf"))
    return " ".join(seen.split())


def _words(text: str) -> tuple[str, ...]:
    """Words as they count: letters doubled by mistake once, single letters in a row as a word."""
    words: list[str] = []
    spelt: list[str] = []
    for word in (*re.findall(r"[^\W_]+", text), ""):
        if len(word) == 1 and word.isalpha():
            spelt.append(word)
            continue
        if len(spelt) > 2:
            words.append(_once("".join(spelt)))
        else:
            words.extend(spelt)
        spelt.clear()
        if word:
            words.append(_once(word))
    return tuple(words)


def _once(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)


def _says_stop(words: tuple[str, ...], ours: tuple[str, ...]) -> bool:
    if not words or len(words) > MOST_WORDS:
        return False
    if not _ASKS_FOR_AN_ANSWER.isdisjoint(words) and not _TO_ME.isdisjoint(words):
        return False
    if _WANTS_TO_STAY.search(" ".join(words)):
        return False
    is_pure = not _single(_PURE).isdisjoint(words)
    if is_pure:
        words = _without_what_says_nothing(words, ours)
    left, stops, needless, off, refusals, polite = list(words), 0, 0, 0, 0, 0
    while left:
        if length := _begins(left, _phrases(_STOP)):
            stops += 1
        elif length := _begins(left, _phrases(_NEEDLESS)):
            needless += 1
            refusals += tuple(left[:length]) in _phrases(_REFUSAL)
        elif length := _begins(left, _phrases(_SWITCH_OFF)):
            off += 1
        elif length := _begins(left, _phrases(_REFUSAL)):
            refusals += 1
        elif left[0] in _single(_THANKS):
            length = 1
        elif left[0] in _single(_POLITE) or (left[0].isdigit() and len(left[0]) > 5):
            length, polite = 1, polite + 1
        else:
            return False
        del left[:length]
    if (needless or off) and not _single(_SENT).isdisjoint(words):
        stops += 1
    return bool(stops) or bool(refusals and refusals >= needless and not polite and not off)


def _without_what_says_nothing(words: tuple[str, ...], ours: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out an «ок», our name, and one short number; a second one is a date or a sum."""
    numbers = [word for word in words if word.isdigit() and len(word) <= SHORT_NUMBER]
    idle = _single(_AGREED) | frozenset(numbers if len(numbers) == 1 else ())
    return tuple(word for word in words if word not in idle and not _is_our_name(word, ours))


def _is_our_name(word: str, ours: tuple[str, ...]) -> bool:
    """Also in another case: «Энергосбыта»."""
    if _SUPPLIER.fullmatch(word):
        return True
    return any(
        word == name
        or (len(name) > 4 and word.startswith(name[:-1]) and len(word) <= len(name) + 2)
        for name in ours
    )


def _begins(words: list[str], phrases: frozenset[tuple[str, ...]]) -> int:
    """How many words at the beginning are one of the phrases, the longest that fits."""
    return max((n for n in range(1, 5) if tuple(words[:n]) in phrases), default=0)


@cache
def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(
        tuple(_once(word) for word in phrase.replace("ё", "е").split("_"))
        for phrase in text.split()
    )


@cache
def _single(text: str) -> frozenset[str]:
    return frozenset(_once(word) for word in text.replace("ё", "е").split())
