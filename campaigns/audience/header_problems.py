"""What is said to the clerk about a header that cannot be used."""

from collections.abc import Mapping, Sequence

from campaigns.audience.headers import Column, normalised
from campaigns.audience.targets import field_of, known_fields, near_fields
from templates.i18n import _
from templates.problem import Problem


def twice(column: Column, first: Column, file: str | None, row: int) -> Problem:
    return Problem(
        "duplicate_header",
        _("Columns {first} and {second} have the same header “{header}”.").format(
            first=first.index + 1, second=column.index + 1, header=column.header[:100]
        ),
        _("Rename or remove one of them."),
        file=file,
        row=row,
        field=column.header[:100],
    )


def same_field(column: Column, first: Column, name: str, file: str | None, row: int) -> Problem:
    return Problem(
        "duplicate_field",
        _("Columns “{first}” and “{second}” both mean {field}.").format(
            first=first.header[:100], second=column.header[:100], field=name
        ),
        _('Say which one counts: --map "{header}=-" leaves the other out.').format(
            header=column.header[:100]
        ),
        file=file,
        row=row,
        field=column.header[:100],
    )


def mistaken_mapping(
    header: Sequence[str], mapping: Mapping[str, str], file: str | None
) -> list[Problem]:
    present = {normalised(text) for text in header}
    problems = []
    for name, field in mapping.items():
        if normalised(name) not in present:
            problems.append(
                Problem(
                    "mapped_column_missing",
                    _("The file has no column “{header}” to map.").format(header=name),
                    _("Its columns are: {headers}.").format(headers=listed(header)),
                    file=file,
                    field=name,
                )
            )
        if field_of(field) is None:
            problems.append(_no_such_field(name, field, file))
    return problems


def _no_such_field(header: str, target: str, file: str | None) -> Problem:
    near = near_fields(target)
    message = (
        _("“{field}” is no name of a field; did you mean {near}?").format(
            field=target[:100], near=", ".join(near)
        )
        if near
        else _("“{field}” cannot be the name of a field.").format(field=target[:100])
    )
    return Problem(
        "mapped_field_invalid",
        message,
        _(
            "Known names: {names}. “-” leaves the column out. A field of your own is written in "
            "small Latin letters: works_kind, or with an ending for what it holds: "
            "fine_kopecks (money), paid_on (date), visit_at (date and time)."
        ).format(names=", ".join(known_fields())),
        file=file,
        field=header[:100],
    )


def listed(header: Sequence[str]) -> str:
    names = [text.strip()[:40] for text in header if text.strip()]
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")


def no_account(header: Sequence[str], file: str | None, row: int) -> Problem:
    return Problem(
        "no_account_column",
        _("The file has no column with the account number. Its columns: {headers}.").format(
            headers=listed(header)
        ),
        _('Name it “Лицевой счёт”, or say which one it is: --map "Header=account_number".'),
        file=file,
        row=row,
    )


def too_many(count: int, limit: int, file: str | None, row: int) -> Problem:
    return Problem(
        "too_many_columns",
        _("The file has {count} columns, at most {limit} are read.").format(
            count=count, limit=limit
        ),
        _("Export only the columns that the messages need."),
        file=file,
        row=row,
    )
