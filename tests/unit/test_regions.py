"""Where a customer's local time comes from."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from campaigns.regions import built_in_regions, load_regions, read_zone
from templates.problem import Refused

REGIONS = built_in_regions()


@pytest.mark.parametrize(
    ("spelling", "zone"),
    [
        ("Томская область", "Asia/Tomsk"),
        ("ТОМСКАЯ ОБЛ.", "Asia/Tomsk"),
        ("обл. Томская", "Asia/Tomsk"),
        ("г.Москва", "Europe/Moscow"),
        ("Московская обл", "Europe/Moscow"),
        ("Калининградская область", "Europe/Kaliningrad"),
        ("Волгоградская обл.", "Europe/Volgograd"),
        ("Республика Саха (Якутия)", "Asia/Yakutsk"),
        ("Якутия", "Asia/Yakutsk"),
        ("Сахалин", "Asia/Sakhalin"),
        ("Алтайский край", "Asia/Barnaul"),
        ("Респ. Алтай", "Asia/Krasnoyarsk"),
        ("ХМАО-Югра", "Asia/Yekaterinburg"),
        ("Ханты-Мансийский АО", "Asia/Yekaterinburg"),
        ("Орёл", "Europe/Moscow"),
        ("орел", "Europe/Moscow"),
        ("54", "Asia/Novosibirsk"),
        ("02", "Asia/Yekaterinburg"),
        ("2", "Asia/Yekaterinburg"),
    ],
)
def test_a_region_is_found_in_its_common_spellings(spelling: str, zone: str) -> None:
    assert REGIONS.zone_of(spelling) == zone


@pytest.mark.parametrize("text", ["", "Мордор", "область", "Томская Московская"])
def test_what_is_no_region_has_no_zone(text: str) -> None:
    assert REGIONS.zone_of(text) is None


def test_the_table_has_every_region_and_only_zones_that_exist() -> None:
    regions = {region.name: region for region in REGIONS.by_key.values()}
    assert len(regions) == 89
    for region in regions.values():
        ZoneInfo(region.zone)


def test_all_eleven_russian_offsets_have_a_region() -> None:
    from datetime import UTC, datetime

    winter = datetime(2026, 12, 1, tzinfo=UTC)
    offsets = {ZoneInfo(r.zone).utcoffset(winter) for r in REGIONS.by_key.values()}
    assert len(offsets) == 11


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Asia/Tomsk", "Asia/Tomsk"),
        ("asia/tomsk", "Asia/Tomsk"),
        ("UTC+7", "Asia/Krasnoyarsk"),
        ("GMT +7", "Asia/Krasnoyarsk"),
        ("+7", "Asia/Krasnoyarsk"),
        ("+03:00", "Europe/Moscow"),
        ("МСК", "Europe/Moscow"),
        ("мск+4", "Asia/Krasnoyarsk"),
        ("МСК-1", "Europe/Kaliningrad"),
        ("МСК−1", "Europe/Kaliningrad"),
        ("Томск", "Asia/Tomsk"),
    ],
)
def test_a_zone_column_is_read_in_all_usual_ways(text: str, zone: str) -> None:
    assert read_zone(text, REGIONS) == zone


@pytest.mark.parametrize("text", ["7", "", "UTC", "UTC+99", "Asia/Atlantis", "вечером"])
def test_a_zone_that_could_mean_two_things_or_none_is_not_guessed(text: str) -> None:
    assert read_zone(text, REGIONS) is None


def test_staff_may_add_a_spelling_and_correct_a_zone(tmp_path: Path) -> None:
    own = tmp_path / "regions.toml"
    own.write_text(
        '[[region]]\nname = "Восточная Якутия"\nzone = "Asia/Srednekolymsk"\n'
        '[[region]]\nname = "Якутия"\nzone = "Asia/Vladivostok"\n',
        encoding="utf-8",
    )
    regions = load_regions(own)
    assert regions.zone_of("Восточная Якутия") == "Asia/Srednekolymsk"
    assert regions.zone_of("Якутия") == "Asia/Vladivostok"
    assert regions.zone_of("Томск") == "Asia/Tomsk"


def test_a_table_with_replace_stands_alone(tmp_path: Path) -> None:
    own = tmp_path / "regions.toml"
    own.write_text('replace = true\n[[region]]\nname="А"\nzone="Asia/Omsk"\n', encoding="utf-8")
    regions = load_regions(own)
    assert (regions.zone_of("А"), regions.zone_of("Томск")) == ("Asia/Omsk", None)


@pytest.mark.parametrize(
    ("text", "code", "line", "field"),
    [
        ('\n\n[[region]]\nname = "А"\nzone = "Asia/Omskk"\n', "regions_value_error", 3, "zone"),
        ('[[region]]\nname = "А"\n', "regions_missing", 1, "zone"),
        ('[[region]]\nname="А"\nzone="Asia/Omsk"\ntz=1\n', "regions_extra_forbidden", 1, "tz"),
        (
            '[[region]]\nname="А"\nzone="Asia/Omsk"\n[[regoin]]\n',
            "regions_unknown_field",
            4,
            "regoin",
        ),
        ('[[region]]\nname = "А\n', "regions_not_toml", 2, None),
        (
            '[[region]]\nname="А обл"\nzone="UTC"\n[[region]]\nname="А край"\nzone="UTC"',
            "regions_spelling_twice",
            4,
            "also",
        ),
    ],
)
def test_a_mistake_in_the_table_is_named_with_file_and_line(
    tmp_path: Path, text: str, code: str, line: int, field: str | None
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load_regions(own)
    [problem] = refused.value.problems
    assert (problem.code, problem.file, problem.line) == (code, "own.toml", line)
    assert problem.field == field
    assert problem.advice


def test_a_table_that_is_not_there_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        load_regions(tmp_path / "nowhere.toml")
    assert refused.value.problems[0].code == "regions_unreadable"
