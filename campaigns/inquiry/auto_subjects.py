"""Is a letter an out-of-office answer, by its subject alone?

Programs that answer for people who are away mostly say so in headers; some do not. A subject is a
weak sign, and a customer who is not answered is lost, so it has to begin with one of the phrases
below, after «Re:», «Fwd:», «Ответ:», and go on as a program does: with the subject of the letter it
answers (after a colon), with a time («до 15 мая»), or not at all. «Автоответчик не работает»,
«Не отключайте, я в отпуске», "Out of office hours your phone is dead" are customers' words, and so
is a question after the colon: «Автоответ: почему мне не отвечает человек?». `Auto:` (RFC 3834,
section 3.1.5) is followed by the subject that is answered, with its "Re:"; alone it proves nothing,
and who keeps to that RFC says so in a header as well.
"""

import re
import unicodedata
from functools import cache

LONGEST = 400  # characters of a subject that are looked at
LONGEST_PHRASE = 6  # words
LONGEST_TAG = 8  # «[External]», as mail systems put it in front

_PREFIXES = frozenset({"re", "fw", "fwd", "aw", "wg", "ha", "отв", "ответ", "на", "пересл"})
_OPENING = frozenset("«»\"'“”„*<>().,-–—!~#")
_CLOSING = frozenset("»\"'”)]>*")
_SEPARATORS = frozenset(":|/([")
_DASHES = frozenset("-–—")
# After a dash these make a complaint of it: «Автоматический ответ – не то, что я спрашивал».
_COMPLAINING = "не нет ни зачем почему что no not nothing doesn isn why what"

# After a phrase and a colon these speak for a person, who asks or tells of themselves.
_ASKING = """
почему зачем когда сколько кто что где куда как какой какая какие какого вопрос у_меня мне нам меня
why when how who what where which question i_have i_need i_want i_cannot i_can
"""
# Words that may stand before a phrase: «я сейчас в отпуске», "I am currently out of office".
_STARTERS = """
я сейчас нахожусь временно меня в_настоящее_время в_данный_момент сотрудник сотрудница адресат
получатель i am will be currently now
"""
# Nobody but a program begins a subject so.
_PLAIN = """
автоответ авто_ответ автоматический_ответ автоответ_на_ваше_письмо автоответ_на_письмо
автоматический_ответ_на_ваше_письмо автоматический_ответ_на_письмо
автоматический_ответ_на_ваше_сообщение автоматический_ответ_на_ваше_обращение
ответ_автоответчика автоматична_відповідь автоматическое_уведомление_об_отсутствии
вне_офиса нет_на_месте
abwesenheitsnotiz automatische_antwort réponse_automatique respuesta_automática
risposta_automatica
automatic_reply automatic_response automated_reply automated_response automatic_answer
auto_reply autoreply auto_response autoresponse auto_responder autoresponder auto_answer
automatic_reply_to_your_message automatic_reply_to_your_email auto_reply_to_your_message
out_of_office out_of_the_office out_of_office_reply out_of_office_response out_of_office_message
out_of_office_notification out_of_office_notice out_of_office_auto_reply out_of_office_autoreply
out_of_office_automatic_reply out_of_office_assistant
out_of_the_office_reply out_of_the_office_message
vacation_reply vacation_response vacation_message vacation_notice vacation_notification
vacation_auto_reply vacation_autoreply vacation_responder
away_from_my_mail away_from_my_email away_from_mail away_from_email away_from_the_office
away_from_my_office away_from_office away_from_my_desk away_from_desk away_from_my_computer
away_from_my_inbox away_message
"""
# People begin so as well; only a time, or another of these phrases, may follow.
_HUMAN = """
в_отпуске в_отпуску в_командировке на_больничном в_декретном_отпуске в_ежегодном_отпуске
в_очередном_отпуске ушел_в_отпуск ушла_в_отпуск нет_на_рабочем_месте нет_в_офисе
не_на_рабочем_месте отсутствую_на_рабочем_месте отсутствую_в_офисе отсутствие_на_рабочем_месте
буду_отсутствовать_на_рабочем_месте автоответчик автоматическое_уведомление
автоматическое_сообщение больничный абсенс
vacation on_vacation on_holiday on_holidays on_leave on_annual_leave on_sick_leave
on_maternity_leave on_parental_leave on_business_trip on_a_business_trip annual_leave
away away_on_vacation away_on_holiday away_on_business away_on_leave
"""
# The same, but that programs put them before the subject that they answer, after a colon.
_TITLES = """
сообщение_об_отсутствии уведомление_об_отсутствии ooo absence_du_bureau
"""
_TIMES = """
с со по до от на в к и включительно год года г числа
января февраля марта апреля мая июня июля августа сентября октября ноября декабря
январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь
январе феврале марте апреле мае июне июле августе сентябре октябре ноябре декабре
понедельника вторника среды четверга пятницы субботы воскресенья
понедельник вторник среду четверг пятницу субботу воскресенье
день дня дней неделю недели недель месяц месяца утра вечера сегодня завтра
вернусь буду выйду возвращаюсь снова конца начала середины следующей следующего этой
from until untill till to through thru and the of on in at by back return returning returns will
be i am again end beginning next this today tomorrow week weeks day days month noon
further notice inclusive
january february march april may june july august september october november december
jan feb mar apr jun jul aug sep sept oct nov dec
monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun
"""
_NUMBER = re.compile(r"\d{1,4}(st|nd|rd|th|го|е|ое)?")
# With these a program, or its owner, goes on for as long as it likes.
_REFERRING = """
по_всем_вопросам по_срочным_вопросам по_срочным_делам в_срочных_случаях
срочные_вопросы for_urgent in_urgent if_urgent for_emergencies please_contact
"""


def is_automatic_subject(subject: str) -> bool:
    """Whether nobody but an out-of-office program would have written this subject."""
    return _answers_for_somebody(_words(subject))


def _answers_for_somebody(words: list[str]) -> bool:
    while True:
        words = _without_prefixes(words)
        if words[:2] == ["auto", ":"]:
            return _is_prefix(words[2:])
        begun = _without_starters(words)
        if length := _begins(begun, _phrases(_PLAIN)):
            return _goes_on(begun[length:], is_plain=True)
        if length := _begins(begun, _phrases(_TITLES)):
            rest = begun[length:]
            is_answering = rest[:1] == [":"] and _single(_COMPLAINING).isdisjoint(rest)
            return _goes_on(rest, is_plain=is_answering)
        if length := _begins(begun, _phrases(_HUMAN)):
            return _goes_on(begun[length:], is_plain=False)
        tag = _tag_length(words)
        if not tag:
            return False
        inner = tuple(words[1 : tag - 1])
        if inner in _phrases(_PLAIN):
            return True
        if inner in _phrases(_HUMAN):
            return _goes_on(words[tag:], is_plain=False)
        words = words[tag:]


def _goes_on(rest: list[str], *, is_plain: bool) -> bool:
    """Whether a subject goes on as a program's does, after a phrase of absence."""
    while rest and rest[0] in _CLOSING:
        rest = rest[1:]
    if _is_time(rest) or _is_prefix(rest):
        return True
    after = rest[1:]
    if rest[0] in _SEPARATORS:
        if _is_prefix(after) or _is_absence(after):
            return True
        return is_plain and not _asks(after)
    if rest[0] in _DASHES and is_plain:
        return "?" not in after and _single(_COMPLAINING).isdisjoint(after)
    return False


def _asks(words: list[str]) -> bool:
    return bool(_begins(words, _phrases(_ASKING)))


def _is_absence(words: list[str]) -> bool:
    """Whether it names an absence once more: «Автоответчик: я в отпуске»."""
    begun = _without_starters(words)
    length = _begins(begun, _phrases(_PLAIN)) or _begins(begun, _phrases(_HUMAN))
    return bool(length) and _is_time(begun[length:])


def _is_time(words: list[str]) -> bool:
    """Whether nothing is said but when, and whom else to ask."""
    for at, word in enumerate(words):
        if _begins(words[at:], _phrases(_REFERRING)):
            return True
        if word in _single(_TIMES) or _NUMBER.fullmatch(word):
            continue
        if word == "?" or word[0].isalnum():
            return False
    return True


def _is_prefix(words: list[str]) -> bool:
    """«Re:», «RE[2]:», «Fwd(3):», "Re2:"."""
    return bool(_prefix_length(words))


def _prefix_length(words: list[str]) -> int:
    if not words or words[0].rstrip("0123456789") not in _PREFIXES:
        return 0
    colon = 4 if words[1:2] in (["["], ["("]) and words[3:4] in (["]"], [")"]) else 1
    return colon + 1 if words[colon : colon + 1] == [":"] else 0


def _without_prefixes(words: list[str]) -> list[str]:
    at = 0
    while at < len(words):
        if words[at] in _OPENING:
            at += 1
        elif length := _prefix_length(words[at : at + 5]):
            at += length
        else:
            break
    return words[at:]


def _without_starters(words: list[str]) -> list[str]:
    at = 0
    while length := _begins(words[at : at + LONGEST_PHRASE], _phrases(_STARTERS)):
        at += length
    return words[at:]


def _tag_length(words: list[str]) -> int:
    """How many words a «[…]» at the beginning has, with its brackets."""
    if words[:1] != ["["] or "]" not in words[:LONGEST_TAG]:
        return 0
    return words.index("]") + 1


def _words(subject: str) -> list[str]:
    """Words and signs in small letters, without what cannot be seen; "auto-reply" is two words."""
    known = unicodedata.normalize("NFKC", subject[:LONGEST]).casefold().replace("ё", "е")
    seen = "".join(c for c in known if unicodedata.category(c) != "Cf")
    plain = re.sub(r"\bi['’`]m\b", "i am", seen).replace("_", " ")
    plain = re.sub(r"\bi['’`]ll\b", "i will", plain)
    plain = re.sub(r"\be-mail", "email", plain)
    return re.findall(r"\w+|[^\w\s]", re.sub(r"(?<=[^\W\d])-(?=[^\W\d])", " ", plain))


def _begins(words: list[str], phrases: frozenset[tuple[str, ...]]) -> int:
    """How many words at the beginning are one of the phrases, the longest that fits."""
    longest = range(LONGEST_PHRASE, 0, -1)
    return next((n for n in longest if tuple(words[:n]) in phrases and len(words) >= n), 0)


@cache
def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(phrase.split("_")) for phrase in text.split())


@cache
def _single(text: str) -> frozenset[str]:
    return frozenset(text.split())
