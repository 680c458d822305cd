"""Which time zone a customer lives in, by the region or the zone written in a billing export.

A Russian mobile number tells nothing about the place, and tables of landline codes are wrong for
Kaliningrad; only the subscriber's own region (or branch) counts. The table of regions is
`regions.toml`; staff may correct or extend it by a file of their own.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from templates.i18n import _
from templates.problem import Problem, Refused

BUILT_IN = Path(__file__).with_name("regions.toml")

ZONE_OF_OFFSET: Mapping[int, str] = {
    2: "Europe/Kaliningrad",
    3: "Europe/Moscow",
    4: "Europe/Samara",
    5: "Asia/Yekaterinburg",
    6: "Asia/Omsk",
    7: "Asia/Krasnoyarsk",
    8: "Asia/Irkutsk",
    9: "Asia/Yakutsk",
    10: "Asia/Vladivostok",
    11: "Asia/Magadan",
    12: "Asia/Kamchatka",
}
"""The zone that stands for a whole-hour offset from UTC; Russia has no summer time since 2014."""

_OFFSET = re.compile(r"(?:(UTC|GMT|МСК|MSK)\s*)?([+−-]\s*\d{1,2})?(?::?00)?", re.IGNORECASE)
_WORDS = re.compile(r"[^\W_]+")
_KINDS_OF_REGION = frozenset(
    [
        "область",
        "обл",
        "край",
        "кр",
        "республика",
        "респ",
        "автономная",
        "автономный",
        "ао",
        "округ",
        "окр",
        "г",
        "гор",
        "город",
        "oblast",
        "krai",
        "republic",
        "region",
        "okrug",
    ]
)
_TABLE = re.compile(r"^\s*\[\[\s*region\s*\]\]", re.MULTILINE)


def _known_zone(zone: str) -> str:
    if zone not in zone_names():
        raise ValueError(zone)
    return zone


class Region(BaseModel):
    """One row of the table: names on the left, an IANA zone on the right."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    zone: Annotated[str, AfterValidator(_known_zone)]
    code: str = ""
    also: tuple[str, ...] = ()

    def spellings(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.name, self.code, *self.also)))


@dataclass(frozen=True, slots=True)
class Regions:
    """The table, ready for looking up."""

    by_key: Mapping[str, Region]

    def find(self, text: str) -> Region | None:
        """The region a cell names in whatever common spelling, or None."""
        return self.by_key.get(_key(text))

    def zone_of(self, text: str) -> str | None:
        region = self.find(text)
        return region.zone if region else None


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=1)
def built_in_regions() -> Regions:
    """The table that comes with the product."""
    return _index(_read(BUILT_IN)[1])


def load_regions(path: Path | None = None) -> Regions:
    """The built-in table, corrected and extended by the staff's own file if there is one.

    Raises `Refused` with one `Problem` (file, line) per mistake.
    """
    if path is None:
        return built_in_regions()
    replace, own = _read(path)
    return _index(own, base={} if replace else built_in_regions().by_key)


def read_zone(text: str, regions: Regions) -> str | None:
    """The zone written in a time-zone column, or None if it cannot be told.

    Understood: an IANA name, `UTC+7`, `+7`, `МСК+4`, `МСК`, and the name of a region or city. A
    bare `7` is not: it may count from Moscow or from Greenwich.
    """
    text = text.strip()
    found = _OFFSET.fullmatch(text)
    if found and (found[1] or found[2]):
        base = 3 if (found[1] or "").upper() in ("МСК", "MSK") else 0
        hours = int(re.sub(r"\s", "", found[2]).replace("−", "-")) if found[2] else 0
        return ZONE_OF_OFFSET.get(base + hours)
    if "/" in text:
        return next((zone for zone in zone_names() if zone.casefold() == text.casefold()), None)
    return None if text.isdigit() else regions.zone_of(text)


def _key(text: str) -> str:
    """What two spellings of one region have in common."""
    words = _WORDS.findall(text.casefold().replace("ё", "е"))
    telling = [word.lstrip("0") or word for word in words if word not in _KINDS_OF_REGION]
    return " ".join(telling or words)


def _index(regions: Iterable[Region], base: Mapping[str, Region] | None = None) -> Regions:
    keys = dict(base or {})
    for region in regions:
        keys.update((_key(spelling), region) for spelling in region.spellings())
    return Regions(keys)


def _read(path: Path) -> tuple[bool, list[Region]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise Refused([_unreadable(path, error.strerror or "")]) from error
    except UnicodeDecodeError as error:
        raise Refused([_unreadable(path, "UTF-8")]) from error
    except tomllib.TOMLDecodeError as error:
        raise Refused([_broken(path, str(error))]) from error
    replace = document.pop("replace", False)
    rows = document.pop("region", [])
    problems = [_unknown(path, text, name) for name in document]
    lines = [text.count("\n", 0, found.end()) + 1 for found in _TABLE.finditer(text)]
    regions: list[Region] = []
    seen: dict[str, str] = {}
    for number, row in enumerate(rows if isinstance(rows, list) else []):
        line = lines[number] if number < len(lines) else None
        try:
            region = Region.model_validate(row)
        except ValidationError as error:
            problems += [_mistake(path, line, one["loc"], one["type"]) for one in error.errors()]
            continue
        regions.append(region)
        for key in {_key(spelling) for spelling in region.spellings()}:
            if seen.setdefault(key, region.name) != region.name:
                problems.append(_claimed_twice(path, line, key, seen[key], region.name))
    if problems:
        raise Refused(problems)
    return bool(replace), regions


def _unreadable(path: Path, reason: str) -> Problem:
    return Problem(
        "regions_unreadable",
        _("The table of regions cannot be read ({reason}).").format(reason=reason),
        _("Check that the file exists and is a text file in UTF-8."),
        file=path.name,
    )


def _broken(path: Path, reason: str) -> Problem:
    line = re.search(r"line (\d+)", reason)
    return Problem(
        "regions_not_toml",
        _("The table of regions is not valid TOML: {reason}.").format(reason=reason),
        _('Each region looks like: [[region]], name = "…", zone = "Europe/Moscow".'),
        file=path.name,
        line=int(line[1]) if line else None,
    )


def _unknown(path: Path, text: str, name: str) -> Problem:
    place = re.search(rf"^\s*\[*\s*{re.escape(name)}\b", text, re.MULTILINE)
    return Problem(
        "regions_unknown_field",
        _("The table of regions has no setting “{name}”.").format(name=name),
        _("Only `replace` and [[region]] with name, code, zone, also are known."),
        file=path.name,
        line=text.count("\n", 0, place.end()) + 1 if place else None,
        field=name,
    )


def _mistake(path: Path, line: int | None, place: tuple[int | str, ...], kind: str) -> Problem:
    field = ".".join(map(str, place))
    if field == "zone" and kind == "value_error":
        message = _("There is no such time zone.")
        advice = _("Write an IANA name such as Asia/Novosibirsk.")
    elif kind == "missing":
        message = _("The region has no “{field}”.").format(field=field)
        advice = _("Add it: a region needs a name and a zone.")
    elif kind == "extra_forbidden":
        message = _("A region has no “{field}”.").format(field=field)
        advice = _("Only name, code, zone and also are known; check the spelling.")
    else:
        message = _("“{field}” has a value of a wrong kind.").format(field=field)
        advice = _('name, code and zone are texts in quotes, also is a list: ["…", "…"].')
    return Problem("regions_" + kind, message, advice, file=path.name, line=line, field=field)


def _claimed_twice(path: Path, line: int | None, key: str, first: str, second: str) -> Problem:
    return Problem(
        "regions_spelling_twice",
        _("The spelling “{key}” stands for two regions: {first} and {second}.").format(
            key=key, first=first, second=second
        ),
        _("Leave it with one of them."),
        file=path.name,
        line=line,
        field="also",
    )
