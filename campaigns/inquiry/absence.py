"""Under the subject of an out-of-office answer: does somebody ask for something all the same?

«В отпуске до 15 июля» is written by programs, and by customers who go away and want something done
before. A program says that its owner is away, until when, and whom to ask instead. Whatever goes
beyond that is for a person to read: a question, an account, words of asking, or simply more to say.
A program's answer that is taken for a request costs a clerk a glance; the other way round a
customer is lost.
"""

import re
from collections.abc import Iterator
from functools import cache

LONGEST = 4000  # characters that are looked at
MOST_SENTENCES = 2  # that say nothing of an absence: courtesies of a program
FEWEST_WORDS = 4  # a sentence; what is shorter greets or signs

_SENTENCES = re.compile(r"(?<=[.!?…])\s|\n")
_WORDS = re.compile(r"[^\W\d_]+")
_ENDS = (".", "!", "…")

# Beginnings of words. Whoever asks uses these, on leave or not.
_ASKS = """
прошу просим просьба хочу хотел требу пришлите вышлите отправьте сообщите подскажите скажите
объясните разъясните уточните проверьте пересчита перерасч верните вернуть примите передаю передать
показани включите отключите подключите заблокируйте приостанов помогите почему зачем сколько жалоб
претензи квитанци начислен refund complain invoice reading meter
"""
# And these, where the sentence does not speak of an absence: "please note that I am away".
_MAY_ASK = "пожалуйст нужн надо необходимо please could need want would"
# Whom to ask instead: «прошу обращаться к Петрову», "please contact my colleague".
_REFERS = """
обращ обрат связ свяж пишите писать направля звоните звонить перезвон позвон замеща contact reach
call forward redirect
"""
_IS_AWAY = """
отпуск отсутств командиров больничн декрет вернусь выйду возвращ отвечу ответить доступ автомат
автоответ уведомл vacation holiday leave office away absence absent return back urgent access
respond reply replies trip
"""


def asks_for_something(words: str, *, tells_account: bool = False) -> bool:
    """Whether the words under such a subject are a request, or may be one. `tells_account`: an
    account or a meter's reading was found in them."""
    text = words[:LONGEST]
    if tells_account or "?" in text:
        return True
    sentences = [(one, _spoken(one)) for one in _sentences(text)]
    if any(_asks(spoken) for _one, spoken in sentences):
        return True
    more = [
        one
        for one, spoken in sentences
        if one.endswith(_ENDS)
        and len(spoken) >= FEWEST_WORDS
        and not _begins(spoken, _IS_AWAY)
        and not _begins(spoken, _REFERS)
    ]
    return len(more) > MOST_SENTENCES


def _asks(spoken: list[str]) -> bool:
    if _begins(spoken, _REFERS):
        return False
    return _begins(spoken, _ASKS) or (_begins(spoken, _MAY_ASK) and not _begins(spoken, _IS_AWAY))


def _begins(spoken: list[str], beginnings: str) -> bool:
    return any(word.startswith(_each(beginnings)) for word in spoken)


@cache
def _each(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _sentences(text: str) -> Iterator[str]:
    return (one.strip() for one in _SENTENCES.split(text) if one.strip())


def _spoken(sentence: str) -> list[str]:
    return [word.replace("ё", "е") for word in _WORDS.findall(sentence.casefold())]
