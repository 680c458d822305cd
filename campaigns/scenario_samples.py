"""Made-up recipients with short, usual and long values: to try a text before customers get it."""

from dataclasses import dataclass

from campaigns.recipient import Recipient
from campaigns.scenario import SameContact, Scenario

SAMPLE_SUPPLIER = {
    "company": "Энергосбыт",
    "company_phone": "+78005553535",
    "company_site": "example.ru",
    "company_signer": "Мария Петрова",
    "company_signer_post": "Отдел обслуживания клиентов",
}
SAMPLE_LINK = "https://example.ru/link/0123456789abcdef0123456789abcdef"
SAMPLE_URL = "https://example.ru/u/0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Size:
    """How long the sample's values are."""

    account_number: str
    name: str
    patronymic: str
    kopecks: int
    clock: str
    word: str


SHORT = Size("1", "Ян", "", 100, "9:00", "да")
USUAL = Size("401234567", "Мария", "Ивановна", 254730, "09:30", "ул. Ленина, д. 10")
LONG = Size(
    "401234567890",
    "Александра",
    "Константиновна",
    123456789,
    "13:30",
    "ул. Красноармейская, д. 104",
)


def sample_accounts(scenario: Scenario, size: Size, language: str = "ru") -> list[Recipient]:
    """One account with everything the scenario requires."""
    return [_sample(scenario, size, language, 0)]


def merged_accounts(scenario: Scenario, size: Size, language: str = "ru") -> list[Recipient]:
    """Three accounts of one contact point that agree on nothing; none where nothing is merged."""
    if scenario.joins is not SameContact.MERGE:
        return []
    return [_sample(scenario, size, language, number) for number in range(3)]


def _sample(scenario: Scenario, size: Size, language: str, number: int) -> Recipient:
    return Recipient(
        row=2 + number,
        account_number=size.account_number[:-1] + str(number + 1),
        contact_points=(),
        name=size.name if number == 0 else f"{size.name} {number}",
        patronymic=size.patronymic,
        surname="Иванова",
        branch=f"Отделение {number}",
        region=f"Область {number}",
        language=language,
        fields={name: _value(name, size, number) for name in scenario.fields},
    )


def _value(name: str, size: Size, number: int) -> str | int:
    if name.endswith("_kopecks"):
        return size.kopecks + number
    if name.endswith("_on"):
        return f"2026-12-{21 + number}"
    if name.endswith("_at"):
        return f"2026-12-{21 + number}T10:30"
    if name.endswith("_until"):
        return f"{17 + number}:30"
    if name.endswith(("_from", "_time")):
        return size.clock if number == 0 else f"1{number}:15"
    if name.endswith("_count"):
        return number + 5
    if name.endswith("_phone"):
        return f"+7800555353{number}"
    return f"{size.word} {number}" if number else size.word
