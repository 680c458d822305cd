"""People's names: one cell with everything, split; capitals made readable; companies recognised."""

import re
from functools import lru_cache

ORGANISATION = re.compile(
    r"(?:^|[\s\"«(])(?:ООО|ОАО|ЗАО|ПАО|АО|НАО|ИП|ТСЖ|ТСН|СНТ|ЖСК|ГСК|УК|МУП|ГУП|ФГУП|МКУ|МБУ|МБОУ|ГБУ|"
    r"ГБОУ|ФГБУ|НКО|КФХ|ЧОУ|LLC|LTD)(?=[\s\"»«)]|$)",
    re.IGNORECASE,
)
_PATRONYMIC_ENDINGS = ("вич", "ьич", "мич", "вна", "чна", "оглы", "кызы", "оглу", "угли", "улы")


def is_organisation(name: str) -> bool:
    """Whether a name carries a legal form such as ООО or ИП."""
    return len(name) > 2 and ORGANISATION.search(name) is not None


def readable(name: str) -> str:
    """`ИВАНОВ` as `Иванов`: billing systems shout, letters should not."""
    return name.title() if len(name) > 2 and name.isupper() else name


@lru_cache(maxsize=4096)
def split_full_name(full: str) -> tuple[str, str, str]:
    """Surname, name, patronymic of `Иванов Иван Иванович` or `Иван Иванович Иванов`.

    The name of an organisation is not taken apart and comes back as the name; so does what
    stands alone. Initials are left in the surname: nobody wants to be greeted as "И. И.".
    """
    if is_organisation(full):
        return "", full, ""
    words = full.split()
    if len(words) == 1:
        return "", readable(full), ""
    if "." in "".join(words[1:]):
        return full, "", ""
    words = [readable(word) for word in words]
    if len(words) == 3 and _is_patronymic(words[1]) and not _is_patronymic(words[2]):
        return words[2], words[0], words[1]
    return words[0], words[1], " ".join(words[2:])


def _is_patronymic(word: str) -> bool:
    return word.casefold().endswith(_PATRONYMIC_ENDINGS)
