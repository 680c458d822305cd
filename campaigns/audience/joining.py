"""The same account twice in one file is one recipient."""

from dataclasses import replace

from campaigns.audience.findings import RowError, shown
from campaigns.recipient import Recipient
from templates.i18n import _

DUPLICATE_ACCOUNT = "duplicate_account"


def join_rows(first: Recipient, again: Recipient) -> tuple[Recipient, RowError | None]:
    """The first row enriched by the second, and what the two disagree about.

    Contact points and consents are united in the order of the file; where both rows say something,
    the first one counts, and what only the second knows is added. Amounts that differ cannot both
    be right, and adding them up would be a guess: that is the error `duplicate_account`, which
    names both rows. It is fatal for the second row only. Joining the same row again changes
    nothing.
    """
    fields = {**again.fields, **first.fields}
    joined = replace(
        first,
        contact_points=tuple(dict.fromkeys((*first.contact_points, *again.contact_points))),
        name=first.name or (again.name if not first.surname else ""),
        surname=first.surname or (again.surname if not first.name else ""),
        patronymic=first.patronymic or (again.patronymic if _same_person(first, again) else ""),
        branch=first.branch or again.branch,
        region=first.region or again.region,
        zone=first.zone or again.zone,
        zone_source=first.zone_source if first.zone else again.zone_source,
        consents=tuple(dict.fromkeys((*first.consents, *again.consents))),
        fields=fields,
    )
    for name, value in again.fields.items():
        if name.endswith("_kopecks") and first.fields.get(name, value) != value:
            return joined, _differing(first, again, name, value)
    return joined, None


def _same_person(first: Recipient, again: Recipient) -> bool:
    return not first.name or first.name == again.name


def _differing(first: Recipient, again: Recipient, name: str, value: str | int) -> RowError:
    return RowError(
        row=again.row,
        column=name,
        code=DUPLICATE_ACCOUNT,
        value=shown(str(value)),
        message=_("The same account stands in another row with a different amount."),
        advice=_(
            "It is row {first}, this one is row {again}. Write the right amount; until then row "
            "{first} counts."
        ).format(first=first.row, again=again.row),
        account_number=again.account_number,
    )
