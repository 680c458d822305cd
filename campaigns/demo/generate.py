"""Makes `billing-export.csv`: run `python -m campaigns.demo.generate` after changing this file.

Everything is invented and comes from one seed, so the file is always the same to the byte. E-mail
addresses are all under example.com, .org and .net (RFC 2606). Telephone numbers do not end in
0000 to 0099, but for those that the sandbox answers in a special way (its `patterns.toml`).
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SEED = 2026
RECIPIENTS = 1000
HEADER = (
    "Лицевой счёт;Абонент;Тип абонента;Филиал;Регион;Адрес;Телефон;Доп. телефон;E-mail;"
    "Период;Сумма долга, руб.;Пени, руб.;Оплатить до;Согласие на рекламу;Отказ от рассылки"
)


class Place(NamedTuple):
    region: str
    branch: str
    city: str
    code: str


PLACES = (
    Place("Калининградская обл.", "Западный", "г. Калининград", "4012"),
    Place("Тульская область", "Тульский", "г. Тула", "4872"),
    Place("г. Москва", "Столичный", "г. Москва", "495"),
    Place("Самарская обл.", "Волжский", "г. Самара", "846"),
    Place("Республика Удмуртия", "Волжский", "г. Ижевск", "3412"),
    Place("Свердловская область", "Уральский", "г. Екатеринбург", "343"),
    Place("ХМАО - Югра", "Уральский", "г. Сургут", "3462"),
    Place("Омская обл.", "Омский", "г. Омск", "3812"),
    Place("Томская область", "Томский", "г. Томск", "3822"),
    Place("Респ. Хакасия", "Енисейский", "г. Абакан", "3902"),
    Place("Иркутская обл.", "Байкальский", "г. Иркутск", "3952"),
    Place("Забайкальский край", "Читинский", "г. Чита", "3022"),
    Place("Якутия", "Якутский", "г. Якутск", "4112"),
    Place("Приморский край", "Приморский", "г. Владивосток", "423"),
    Place("Еврейская АО", "Приморский", "г. Биробиджан", "42622"),
    Place("Магаданская область", "Колымский", "г. Магадан", "4132"),
    Place("Сахалинская обл.", "Сахалинский", "г. Южно-Сахалинск", "4242"),
    Place("Камчатский край", "Камчатский", "г. Петропавловск-Камчатский", "4152"),
    Place("Чукотский АО", "Чукотский", "г. Анадырь", "42722"),
)
SURNAMES = (
    "Берёзкин", "Волошин", "Гаврилов", "Дорохов", "Ермолаев", "Жданов", "Зимин", "Калугин",
    "Ломакин", "Мельников", "Нечаев", "Островский", "Пахомов", "Родионов", "Сухарев", "Туманов",
    "Уваров", "Фомин", "Хохлов", "Чижов", "Шубин", "Щеглов",
)  # fmt: skip
MEN = (
    "Алексей", "Борис", "Виктор", "Глеб", "Денис", "Егор", "Захар", "Игорь", "Кирилл", "Леонид",
    "Матвей", "Роман",
)  # fmt: skip
WOMEN = (
    "Алла", "Вера", "Галина", "Дарья", "Елена", "Жанна", "Зоя", "Инна", "Ксения", "Лидия",
    "Марина", "Ольга",
)  # fmt: skip
FATHERS = ["Андрее", "Борисо", "Викторо", "Михайло", "Николае", "Павло", "Сергее", "Фёдоро"]
STREETS = (
    "Лесная", "Мира", "Садовая", "Заречная", "Речников", "Энергетиков", "Полевая", "Школьная",
)  # fmt: skip
COMPANIES = (
    'ООО "Заря"', 'АО "Хлебозавод №3"', "ИП Сухарев Глеб Павлович", 'ТСЖ "Уютный двор"',
    'ООО "Тёплый дом"', 'МУП "Водоканал"', 'СНТ "Берёзка"', 'ПАО "Северный мост"',
)  # fmt: skip
LATIN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z",
    "и": "i", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p",
    "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch",
    "ш": "sh", "щ": "sch", "ы": "y", "э": "e", "ю": "yu", "я": "ya",
}  # fmt: skip
SPECIAL_ENDINGS = tuple(f"{ending:04}" for ending in range(1, 13)) * 2
SPECIAL_EMAILS = ("bounce", "bounce", "bounce", "full", "full", "full")

Row = list[str]


class Town:
    """Draws people and everything about them from one source of chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - invented people, no secrets
        self.accounts = 0

    def account(self) -> str:
        self.accounts += 1
        return f"70{self.accounts * 37 % 100_000:05}{self.accounts:04}"

    def mobile(self, ending: str = "") -> str:
        code = self.chance.choice((902, 905, 909, 912, 914, 916, 923, 950, 961, 983))
        tail = ending or f"{self.chance.randrange(100, 10_000):04}"
        return f"{code}{self.chance.randrange(100, 1000)}{tail}"

    def landline(self, place: Place) -> str:
        length = 10 - len(place.code)
        first = str(self.chance.randrange(2, 8))
        return place.code + first + f"{self.chance.randrange(100, 9_900):0{length - 1}}"

    def written(self, number: str) -> str:
        """A number in one of the ways in which operators type it."""
        a, b, c, d = number[:3], number[3:6], number[6:8], number[8:]
        return self.chance.choice(
            (f"8 ({a}) {b}-{c}-{d}", f"+7{number}", f"8{number}", f"7{number}", number,
             f"8-{a}-{b}-{c}-{d}", f"+7 {a} {b} {c} {d}")
        )  # fmt: skip

    def person(self) -> str:
        surname, father = self.chance.choice(SURNAMES), self.chance.choice(FATHERS)
        if self.chance.random() < 0.5:
            ending = "вич"
            full = f"{surname} {self.chance.choice(MEN)} {father}{ending}"
        else:
            female = surname[:-2] + "ая" if surname.endswith("ий") else surname + "а"
            full = f"{female} {self.chance.choice(WOMEN)} {father}вна"
        return full.upper() if self.chance.random() < 0.1 else full

    def email(self, name: str, local: str = "") -> str:
        first = name.split(maxsplit=1)[0].casefold().replace("ё", "е")
        word = local or "".join(LATIN.get(letter, "") for letter in first)
        ending = self.chance.choice(("com", "org", "net"))
        return f"{word}{self.accounts}@example.{'com' if local else ending}"

    def amount(self) -> str:
        """Roubles as `1 234,56`, the thousands mostly apart by a no-break space."""
        kopecks = int(self.chance.lognormvariate(12.3, 1.0)) + 5_000
        roubles, rest = divmod(kopecks, 100)
        space = self.chance.choice(("\u00a0", "\u00a0", " ", ""))
        text = f"{roubles:,}".replace(",", space) + f",{rest:02}"
        return text + " руб." if self.chance.random() < 0.05 else text

    def customer(self, place: Place) -> Row:
        private = self.chance.random() < 0.93
        name = self.person() if private else self.chance.choice(COMPANIES)
        account = self.account()
        street = self.chance.choice(STREETS)
        address = f"{place.city}, ул. {street}, д. {self.chance.randrange(1, 90)}"
        if private:
            address += f", кв. {self.chance.randrange(1, 200)}"
        due = self.chance.choice(("10.12.2026", "10.12.2026", "15.12.2026", "5.12.26"))
        return [
            account,
            name,
            self.chance.choice(("Физ. лицо", "физ")) if private else "Юр. лицо",
            place.branch,
            place.region,
            address,
            *self.contacts(place, name),
            "ноябрь 2026",
            self.amount(),
            f"{self.chance.randrange(0, 300)},{self.chance.randrange(100):02}",
            due,
            self.chance.choice(("да", "да", "нет", "", "12.03.2024")),
            "",
        ]

    def contacts(self, place: Place, name: str) -> tuple[str, str, str]:
        """Telephone, further telephone, e-mail: most people have some of them."""
        luck = self.chance.random()
        if luck < 0.02:
            return "", "", ""
        if luck < 0.06:
            return "", "", self.email(name)
        if luck < 0.13:
            phone = self.written(self.landline(place))
        elif luck < 0.145:
            phone = f"8-800-{self.chance.randrange(200, 800)}-{self.chance.randrange(10, 99)}-55"
        elif luck < 0.19:
            phone = self.chance.choice((f"{self.mobile()},0", f"7{self.mobile()}.0"))
        elif luck < 0.26:
            phone = f"{self.written(self.mobile())}, {self.written(self.mobile())}"
        elif luck < 0.28:
            phone = f"{self.written(self.landline(place))} доб. {self.chance.randrange(10, 99)}"
        else:
            phone = self.written(self.mobile())
        further = self.written(self.mobile()) if self.chance.random() < 0.15 else ""
        return phone, further, self.email(name) if self.chance.random() < 0.45 else ""


def recipients(town: Town) -> list[Row]:
    """The good rows: a thousand accounts, then the same mended into special cases."""
    rows = [town.customer(PLACES[number % len(PLACES)]) for number in range(RECIPIENTS)]
    for row in rows[40:1000:45]:
        row[14] = "да"  # refused every message
    for row in rows[17:1000:61]:
        row[4] = ""  # region unknown: the campaign's own zone
    rows[33][4] = "Заречье"
    for number, ending in enumerate(SPECIAL_ENDINGS):
        rows[100 + 7 * number][6:8] = [town.written(town.mobile(ending)), ""]
    for number, local in enumerate(SPECIAL_EMAILS):
        rows[300 + 11 * number][8] = f"{local}{number + 1}@example.com"
    for number in range(8):  # landlords: one number and address, several accounts
        flats = rows[500 + 10 * number : 502 + 10 * number + number % 3]
        for flat in flats[1:]:
            flat[1:3], flat[6:9] = flats[0][1:3], flats[0][6:9]
    rows[270][6] = "23-45-67"  # warnings: the rows go in
    rows[271][8] = "voloshin@example"
    rows[272][6] = "9,16123E+09"
    rows[273][2] = "прочее"
    return rows


def repeated(rows: list[Row], town: Town) -> Iterator[tuple[int, Row]]:
    """The same accounts again further down: with another number, the same, another amount."""
    for number in range(6):
        again = list(rows[50 + number * 20])
        again[7] = town.written(town.mobile())
        yield 80 + number * 140, again
    differing = list(rows[60])
    differing[10] = "99 999,99"
    yield 950, differing


def spoilt(rows: list[Row]) -> Iterator[tuple[int, Row | str]]:
    """A dozen rows that cannot be read, each in a way of its own."""
    mistakes = (
        (0, ""), (10, "уточняется"), (10, "1,234"), (10, "#ЗНАЧ!"), (12, "31.11.2026"),
        (12, "до конца месяца"), (0, "7,00012E+10"), (13, "?"), (5, "г. Тула; ул. Мира, д. 1"),
    )  # fmt: skip
    for number, (column, text) in enumerate(mistakes):
        row = list(rows[70 + number])
        row[0] = f"709999900{number:02}" if column else text
        row[column] = text
        yield 90 + number * 95, row
    open_quote = list(rows[85])
    open_quote[0], open_quote[1] = "70999990020", 'ООО "Открытая кавычка'
    yield 333, _line(open_quote).replace('""', "").replace('вычка"', "вычка")
    damaged = list(rows[86])
    damaged[0], damaged[5] = "70999990021", "г. Том\N{REPLACEMENT CHARACTER}к"
    yield 777, damaged
    yield 9999, ["Итого", "", "", "", "", "", "", "", "", "", "3 456 789,00", "", "", "", ""]


def _line(row: Row | str) -> str:
    if isinstance(row, str):
        return row
    quoted = ('"' + c.replace('"', '""') + '"' if '"' in c else c for c in row)
    return ";".join(quoted)


def export_bytes() -> bytes:
    """The whole file."""
    town = Town(SEED)
    rows: list[Row | str] = [*recipients(town)]
    good = [row for row in rows if not isinstance(row, str)]
    for place, row in sorted([*repeated(good, town), *spoilt(good)], key=lambda pair: pair[0]):
        rows.insert(place, row)
    text = "".join(f"{line}\r\n" for line in (HEADER, *map(_line, rows)))
    # 0x98 is the one byte that cp1251 does not know
    return b"\x98".join(part.encode("cp1251") for part in text.split("\N{REPLACEMENT CHARACTER}"))


if __name__ == "__main__":
    Path(__file__).with_name("billing-export.csv").write_bytes(export_bytes())
