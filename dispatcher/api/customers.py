"""A customer as another system tells of one, made a recipient: by the very functions that read the
cells of a list, so that a number means the same however it came."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from campaigns.audience.findings import CellError
from campaigns.audience.identity import read_account
from campaigns.contact import BadContact, classify_email, classify_phone
from campaigns.recipient import Consent, ContactPoint, Recipient, ZoneSource
from campaigns.regions import Regions, load_regions, read_zone
from dispatcher.api.payloads import CustomerIn
from dispatcher.api.problems import FieldError, pointer_to
from dispatcher.settings import Settings

Place = tuple[str | int, ...]


def recipient_of(
    customer: CustomerIn, settings: Settings, row: int, place: Sequence[str | int] = ()
) -> tuple[Recipient | None, Sequence[FieldError]]:
    """The recipient, or all that is wrong; `place` is where the customer stands in the body."""
    errors: list[FieldError] = []

    def wrong(code: str, detail: str, *where: str | int) -> None:
        errors.append(FieldError(detail, code, pointer_to((*place, *where))))

    account = ""
    try:
        account = read_account(customer.account)
    except CellError as error:
        wrong(error.code, f"{error.message} {error.advice}", "account")
    points: dict[ContactPoint, None] = {}
    for name, values, read in (
        ("phones", customer.phones, classify_phone),
        ("emails", customer.emails, classify_email),
    ):
        for index, text in enumerate(values):
            found = _point(read, text)
            if isinstance(found, BadContact):
                wrong(found.code, f"{found.message} {found.advice}", name, index)
            else:
                points[found] = None
    zone, source = _zone(customer, settings, wrong)
    fields: dict[str, str | int] = {}
    for name, value in customer.fields.items():
        try:
            fields[name] = _field(name, value)
        except ValueError as error:
            wrong("field_unreadable", str(error), "fields", name)
    if errors:
        return None, errors
    consents = tuple(
        Consent(c.granted, c.purpose, c.channel, c.basis, c.since_on) for c in customer.consents
    )
    recipient = Recipient(
        row=row,
        account_number=account,
        contact_points=tuple(points),
        name=customer.name.strip(),
        patronymic=customer.patronymic.strip(),
        surname=customer.surname.strip(),
        segment=customer.segment,
        branch=customer.branch.strip(),
        region=customer.region.strip(),
        zone=zone,
        zone_source=source,
        language=customer.language,
        consents=consents,
        fields=fields,
    )
    return recipient, ()


def _point(
    read: Callable[[str], ContactPoint | BadContact], text: str
) -> ContactPoint | BadContact:
    return read(text.strip())


def _zone(
    customer: CustomerIn, settings: Settings, wrong: Callable[..., None]
) -> tuple[str | None, ZoneSource]:
    """Where the customer lives: the zone as given, else by the region, else by the branch."""
    regions = _regions(settings.regions_file)
    if customer.zone.strip():
        zone = read_zone(customer.zone, regions)
        if zone is None:
            wrong("zone_unknown", "A zone such as Asia/Omsk or UTC+6 is expected.", "zone")
        return zone, ZoneSource.COLUMN
    by_region = regions.zone_of(customer.region) if customer.region.strip() else None
    if by_region:
        return by_region, ZoneSource.REGION
    by_branch = _branches(settings).get(_folded(customer.branch))
    if by_branch:
        return by_branch, ZoneSource.BRANCH
    return None, ZoneSource.DEFAULT


def _field(name: str, value: str | int) -> str | int:
    """A value in the form that texts expect of such a name. Raises ValueError."""
    if name.endswith("_kopecks"):
        if isinstance(value, int):
            return value
        raise ValueError("A whole number of kopecks is expected.")
    text = " ".join(str(value).split())
    if name.endswith("_on"):
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise ValueError("A date such as 2026-12-01 is expected.") from None
    if name.endswith("_at"):
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            at = None
        if at is None or at.tzinfo is not None:
            raise ValueError("A local date and time such as 2026-12-01T10:00 is expected.")
        return at.isoformat(timespec="minutes")
    if not text:
        raise ValueError("Leave out a field that has no value.")
    return text


@lru_cache(maxsize=4)
def _regions(path: Path | None) -> Regions:
    return load_regions(path)


def _branches(settings: Settings) -> Mapping[str, str]:
    return {_folded(name): zone for name, zone in settings.branches.items()}


def _folded(branch: str) -> str:
    return " ".join(branch.casefold().replace("ё", "е").split())
