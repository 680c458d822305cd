"""The words by which billing systems head their columns, and what such a column is to us."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from campaigns.audience.consents import ConsentColumn


class Role(StrEnum):
    ACCOUNT = "account_number"
    FULL_NAME = "full_name"
    SURNAME = "surname"
    NAME = "name"
    PATRONYMIC = "patronymic"
    PHONE = "phone"
    EMAIL = "email"
    SEGMENT = "segment"
    BRANCH = "branch"
    REGION = "region"
    ZONE = "zone"
    LANGUAGE = "language"
    CONSENT = "consent"
    MONEY = "money"
    KOPECKS = "kopecks"
    DATE = "date"
    MOMENT = "moment"
    TEXT = "text"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where it is, what its header says, and what its cells become."""

    index: int
    header: str
    role: Role
    field: str = ""
    consent: ConsentColumn | None = None


SYNONYMS: Mapping[Role, str] = {
    Role.ACCOUNT: (
        "account number, account no, account, personal account, contract number, лицевой счет, "
        "номер лицевого счета, лиц счет, л с, лс, ls, номер лс, номер л с, счет, номер счета, "
        "абонентский номер, номер абонента, код абонента, абонент номер, номер договора, договор, "
        "договор номер, номер лиц счета, лицевой, номер лицевой счет, лицсчет"
    ),
    Role.FULL_NAME: (
        "full name, customer, fio, фио, ф и о, фио абонента, фио потребителя, фио клиента, "
        "абонент, потребитель, клиент, плательщик, наименование, наименование потребителя, "
        "наименование абонента, наименование организации, фамилия имя отчество"
    ),
    Role.SURNAME: "surname, last name, family name, фамилия",
    Role.NAME: "name, first name, given name, имя",
    Role.PATRONYMIC: "patronymic, middle name, отчество",
    Role.PHONE: (
        "phone, phones, phone number, telephone, mobile, mobile phone, cell phone, телефон, "
        "телефоны, тел, номер телефона, моб телефон, мобильный, мобильный телефон, моб, моб тел, "
        "сотовый, сотовый телефон, сот телефон, дом телефон, домашний телефон, домашний, "
        "городской телефон, раб телефон, рабочий телефон, контактный телефон, контактные телефоны, "
        "телефон абонента, доп телефон, дополнительный телефон, телефон моб, телефон дом, "
        "телефон мобильный, телефон домашний, телефон рабочий, стационарный телефон"
    ),
    Role.EMAIL: (
        "email, emails, e mail, email address, mail, почта, эл почта, электронная почта, "
        "адрес электронной почты, эл адрес, емейл, имейл, адрес эл почты, электронный адрес"
    ),
    Role.SEGMENT: (
        "segment, customer type, сегмент, тип, лицо, тип лица, вид лица, тип клиента, "
        "тип абонента, тип потребителя, "
        "категория, категория потребителя, физ юр, физ юр лицо, вид потребителя, "
        "группа потребителей"
    ),
    Role.BRANCH: (
        "branch, office, филиал, отделение, участок, подразделение, центр обслуживания, офис"
    ),
    Role.REGION: (
        "region, регион, область, субъект, субъект рф, субъект федерации, край, регион рф, "
        "код региона, область край"
    ),
    Role.ZONE: "zone, time zone, timezone, часовой пояс, час пояс, временная зона, пояс, таймзона",
    Role.LANGUAGE: "language, lang, язык, язык общения",
}

NAMED_FIELDS: Mapping[str, str] = {
    "долг": "debt_kopecks",
    "сумма долга": "debt_kopecks",
    "задолженность": "debt_kopecks",
    "сумма задолженности": "debt_kopecks",
    "дебиторская задолженность": "debt_kopecks",
    "общая задолженность": "debt_kopecks",
    "задолженность всего": "debt_kopecks",
    "дз": "debt_kopecks",
    "debt": "debt_kopecks",
    "срок оплаты": "due_on",
    "оплатить до": "due_on",
    "срок платежа": "due_on",
    "дата оплаты до": "due_on",
    "крайний срок оплаты": "due_on",
    "due date": "due_on",
    "due": "due_on",
    "к оплате": "amount_kopecks",
    "сумма к оплате": "amount_kopecks",
    "amount": "amount_kopecks",
    "адрес": "address",
    "адрес объекта": "address",
    "адрес помещения": "address",
    "адрес поставки": "address",
    "период": "period",
    "расчетный период": "period",
    "тариф": "tariff",
    "дата ограничения": "restriction_on",
    "дата ограничения режима потребления": "restriction_on",
    "дата отключения": "outage_on",
    "начало отключения": "outage_from",
    "время отключения с": "outage_from",
    "отключение с": "outage_from",
    "отключение от": "outage_from",
    "время начала отключения": "outage_from",
    "окончание отключения": "outage_until",
    "конец отключения": "outage_until",
    "время отключения до": "outage_until",
    "отключение до": "outage_until",
    "отключение по": "outage_until",
    "время окончания отключения": "outage_until",
    "время восстановления": "restore_at",
    "восстановление": "restore_at",
    "дата тарифа": "tariff_on",
    "дата изменения тарифа": "tariff_on",
    "дата работ": "works_on",
    "дата выполнения работ": "works_on",
    "вид работ": "works",
    "работы": "works",
    "цена": "price_kopecks",
    "стоимость": "price_kopecks",
}

MONEY_STEMS = (
    "сумм", "долг", "задолж", "начислен", "пени", "пеня", "штраф", "оплачен", "переплат",
    "недоплат", "сальдо", "стоимост", "amount", "debt", "balance", "charge", "penalty",
)  # fmt: skip
NOT_MONEY = (
    "прописью",
    "дата",
    "срок",
    "период",
    "месяц",
    "статус",
    "кол во",
    "количество",
    "дней",
)
ROUBLES = frozenset(["руб", "р", "рублей", "рубли", "рублях", "rub", "rur", "₽"])
KOPECKS = frozenset(["коп", "копеек", "копейки", "копейках"])

_WORDS = re.compile(r"[^\W_]+|₽")
_LOANS = str.maketrans("ё", "е", "\ufeff\u200b\u200e\u00ad")
FIELD = re.compile(r"[^\W\d]\w{0,62}")


def normalised(header: str) -> str:
    """A header in lower case, words only, one space between them; `№` reads as a number."""
    text = header.translate(_LOANS).casefold().replace("ё", "е").replace("№", " номер ")
    return " ".join(_WORDS.findall(text))
