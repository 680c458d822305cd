"""The stop-list on the screen."""

import csv
import io
from collections.abc import Sequence

import pytest
from playwright.sync_api import Browser

from campaigns.channel import ChannelName
from campaigns.consent import Suppression
from dispatcher.access.roles import Role
from dispatcher.ledger import Ledger, suppressions, trail
from dispatcher.ledger.suppressions import party_of
from dispatcher.stop_list import import_lines
from tests.ledger.making import LATER, NOW
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import House, words_of

NUMBER = "+79161234567"


def fill(house: House, count: int) -> None:
    with house.engine.ledger.write() as tx:
        stops = [Suppression("staff", contact_point=f"+7916{n:07}") for n in range(count)]
        suppressions.add_many(tx, stops, "olga", house.engine.clock.now())


def standing(house: House) -> Sequence[Suppression]:
    with house.engine.ledger.read() as tx:
        return [one.suppression for one in suppressions.standing(tx, house.engine.clock.now())]


def test_one_leafs_through_it_from_end_to_end_and_back(house: House) -> None:
    fill(house, 120)
    guest = house.visit(Role.EDITOR)
    shown: list[int] = []
    page = guest.get("/stop-list")
    while True:
        shown.append(page.text.count("/lift"))
        if 'rel="next"' not in page.text:
            break
        older = page.text.split('rel="next" href="')[1].split('"')[0]
        page = guest.get(older)
    assert shown == [50, 50, 20]
    newer = page.text.split('rel="prev" href="')[1].split('"')[0]
    assert guest.get(newer).text.count("/lift") == 50


def test_it_is_searched_by_any_spelling_of_a_number(house: House) -> None:
    fill(house, 3)
    guest = house.visit(Role.EDITOR)
    page = guest.post("/stop-list/search", {"wanted": "8 (916) 000-00-01"})
    assert page.text.count("/lift") == 1
    assert "В стоп-листе нет" in words_of(guest.post("/stop-list/search", {"wanted": "777"}))


def test_somebody_is_added_with_all_that_was_said(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    form = {"kind": "point", "party": "8 916 123-45-67", "channel": "sms", "purpose": "marketing"}
    form |= {"until": "2099-12-31", "reason": "просил  не писать"}
    assert "Внесено в стоп-лист" in words_of(guest.post("/stop-list/add", form))
    (stop,) = standing(house)
    assert (stop.contact_point, stop.channel, stop.purpose) == (NUMBER, "sms", "marketing")
    assert stop.reason == "просил не писать"
    assert stop.until_at is not None
    assert stop.until_at.isoformat() == "2099-12-31T21:00:00+00:00"  # Moscow's midnight
    assert "Уже было" in words_of(guest.post("/stop-list/add", form))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"party": "12"}, "12"),
        ({"party": ""}, "Напишите лицевой счёт"),
        ({"reason": " "}, "Напишите причину"),
        ({"until": "2020-01-01"}, "Этот день уже прошёл"),
        ({"until": "31.12.2099"}, "Это не дата"),
        ({"until": "9999-12-31"}, "Это не дата"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(
    house: House, changed: dict[str, str], words: str
) -> None:
    form = {"kind": "point", "party": NUMBER, "reason": "просил"} | changed
    answer = house.visit(Role.EDITOR).post("/stop-list/add", form)
    assert answer.status_code == 422
    assert words in words_of(answer)
    assert standing(house) == []


def test_a_file_is_taken_line_by_line_and_what_is_bad_is_told(house: House) -> None:
    text = f"{NUMBER}\nкто-то\n\n8 916 123 45 67;Иван\nivan@example.com\n"
    answer = house.visit(Role.EDITOR).post(
        "/stop-list/import",
        {"kind": "point", "channel": "email", "reason": "отписка"},
        files={"file": ("stop.csv", text.encode("cp1251"))},
    )
    page = words_of(answer)
    assert "Внесено: 2; уже было: 1." in page
    assert "строка 2" in page
    assert {stop.channel for stop in standing(house)} == {ChannelName.EMAIL}


def test_a_file_that_is_too_long_or_missing_is_refused_whole(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    long = {"file": ("stop.csv", b"1\n" * 20_001)}
    assert guest.post("/stop-list/import", {}, files=long).status_code == 422
    assert guest.post("/stop-list/import", {}).status_code == 422
    assert standing(house) == []


def test_the_export_can_be_taken_in_again_and_runs_no_formula(house: House) -> None:
    fill(house, 2)
    with house.engine.ledger.write() as tx:
        stop = Suppression("=1+1", contact_point="a@example.com")
        suppressions.add(tx, stop, "olga", house.engine.clock.now())
    guest = house.visit(Role.EDITOR)
    answer = guest.post("/stop-list/export")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert {row["party"] for row in rows} == {"+79160000000", "+79160000001", "a@example.com"}
    assert rows[0]["reason"] == "'=1+1"
    with house.engine.ledger.read() as tx:
        (act,) = trail.of(tx, "stop-list")
    assert (act.actor, act.action, act.details) == ("editor", "export.stop_list", {"rows": 3})
    again = guest.post("/stop-list/import", {}, files={"file": ("x.csv", answer.content)})
    assert "Внесено: 0; уже было: 3." in words_of(again)


def test_an_entry_is_lifted_once_and_only_with_a_reason(house: House) -> None:
    fill(house, 1)
    guest = house.visit(Role.EDITOR)
    assert guest.post("/stop-list/1/lift", {"reason": ""}).status_code == 422
    assert "Убрано" in words_of(guest.post("/stop-list/1/lift", {"reason": "ошибка"}))
    assert "Записи уже не было" in words_of(guest.post("/stop-list/1/lift", {"reason": "ошибка"}))


def test_many_at_once_are_added_as_one_by_one(ledger: Ledger) -> None:
    """On both databases: the same entries, each with its line in the journal."""
    lines = [f"+7916{n:07}" for n in range(40)]
    with ledger.write() as tx:
        suppressions.add(tx, Suppression("staff", contact_point=lines[3]), "olga", NOW)
        found = import_lines(
            tx,
            "\n".join([*lines, lines[7]]),
            are_accounts=False,
            channel=None,
            purpose=None,
            reason="file",
            actor="olga",
            now=LATER,
        )
        assert (found.added, found.known, found.bad) == (39, 2, [])
        entries = suppressions.standing(tx, LATER)
        assert sorted(party_of(one.suppression) for one in entries) == lines
        for one in entries:
            (act,) = trail.of(tx, one.subject)
            assert (act.actor, act.action) == ("olga", "suppress.add")
            assert act.details == {"reason": one.suppression.reason}


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_everybody_can_read_it(browser: Browser, house: House, size: tuple[int, int]) -> None:
    fill(house, 60)
    with window(browser, house, size=size, dark=size == PHONE) as page:
        page.goto("/stop-list")
        assert faults_of(page) == []
        assert overflow_of(page) == 0
