"""Lists of customers: from a file of the billing system to a list one can look through."""

import csv
import io
from datetime import timedelta

import pytest

from dispatcher.access.roles import Role
from dispatcher.ledger import audience_lists, audiences, campaigns, jobs, scenarios, trail, uploads
from tests.ledger.making import scenario_file
from tests.web.audiences import BAD, EXPORT, GOOD, accept, bring, send
from tests.web.house import House, words_of


def test_a_file_of_the_billing_system_becomes_a_list(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    page = send(guest, EXPORT.encode("cp1251"), "Должники декабря.csv")
    read = words_of(page)
    assert "Windows-1251" in read
    assert "точка с запятой" in read
    assert "Должники декабря" in page.text  # what the list would be called
    assert "Иванова" in read
    assert "2 547,30 ₽" in read
    page = accept(guest, page, name="Декабрь")
    assert "Ждёт своей очереди" in words_of(page)
    house.do_jobs()
    told = words_of(guest.get(page.url.removeprefix(guest.url)))
    assert "Список готов: 3" in told
    assert "Строк не взято 2" in told
    lists = words_of(guest.get("/audiences"))
    assert "Декабрь" in lists
    assert "ещё не использован" in lists


def test_what_a_column_means_can_be_put_right(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    text = "Шифр;Тел;Итого\n70001;+79161234567;100,50\n"
    page = send(guest, text.encode(), "other.csv")
    assert "Укажите ниже, какой это столбец" in words_of(page)
    path = page.url.removeprefix(guest.url)
    fields = {
        "header": ["Шифр", "Тел", "Итого"],
        "meaning": ["account_number", "", "itogo_kopecks"],
    }
    part = guest.post(f"{path}/reading", fields, headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert "100,50 ₽" in words_of(part)
    guest.post(f"{path}/accept", {**fields, "name": "other"})
    house.do_jobs()
    with house.engine.ledger.read() as tx:
        stored = audiences.find(tx, "other")
        [person] = audiences.after(tx, stored.id, 0).values()
    assert (person.account_number, person.fields) == ("70001", {"itogo_kopecks": 10050})


def test_a_name_that_is_taken_is_told_at_its_field_with_what_was_typed(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    bring(house, guest, GOOD, "Декабрь")
    page = accept(guest, send(guest, GOOD.encode(), "b.csv"), name="Декабрь")
    assert page.status_code == 422
    assert "Список «Декабрь» уже есть" in words_of(page)
    assert 'value="Декабрь"' in page.text


def test_two_who_accept_the_same_file_make_one_list(house: House) -> None:
    first, second = house.visit(Role.EDITOR), house.visit(Role.APPROVER)
    page = send(first, GOOD.encode(), "a.csv")
    one = accept(first, page, name="Первый")
    other = accept(second, page, name="Второй")
    assert one.url == other.url
    assert "уже принял" in words_of(other)
    house.do_jobs()
    with house.engine.ledger.read() as tx:
        assert [a.name for a in audiences.all_ready(tx)] == ["Первый"]


def test_bad_rows_are_told_by_kind_and_row_taken_out_mended_and_brought_back(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    list_id = bring(house, guest, EXPORT, "Декабрь")
    told = words_of(guest.get(f"/audiences/{list_id}/errors"))
    assert "Это не лицевой счёт." in told
    assert BAD in told
    assert guest.get(f"/audiences/{list_id}/errors?code=nothing_such").status_code == 200
    answer = guest.post(f"/audiences/{list_id}/bad-rows")
    assert answer.headers["content-disposition"].endswith(f'"bad-rows-{list_id}.csv"')
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == 3
    assert rows[2][1].startswith("'=")  # a formula is text for whoever opens the file
    with house.engine.ledger.read() as tx:
        [act] = [a for a in trail.of(tx, f"audience:{list_id}") if a.action == "export.bad_rows"]
    assert (act.actor, act.details) == ("editor", {"rows": 2})
    mended = answer.content.replace(BAD.encode(), b"70000000004")
    page = send(guest, mended, "mended.csv", into=str(list_id))
    assert "Строки этого файла войдут в список" in words_of(page)
    accept(guest, page, into=str(list_id))
    house.do_jobs()
    with house.engine.ledger.read() as tx:
        assert audience_lists.get(tx, list_id).recipients == 4
        [listed] = audience_lists.lists(tx, None, 9)
    assert listed.figures is not None
    assert listed.figures.rows_refused == 1


def test_what_was_wrong_is_told_in_the_language_of_whoever_reads_it(house: House) -> None:
    clerk, reader = house.visit(Role.EDITOR), house.visit(Role.READER)
    list_id = bring(house, clerk, EXPORT, "Декабрь")
    with house.engine.ledger.read() as tx:
        path = f"/audiences/imports/{jobs.lately(tx, uploads.IMPORT, 1)[0].id}"
    paths = (f"/audiences/{list_id}", f"/audiences/{list_id}/errors", path)
    for page in map(clerk.get, paths):
        assert "Это не лицевой счёт." in words_of(page)
    assert reader.post("/language", {"language": "en", "next": "/"}).status_code == 200
    for page in map(reader.get, paths):
        assert "This is not an account number." in words_of(page)
        assert "лицевой счёт." not in words_of(page)


def test_who_may_not_export_takes_no_rows_out_and_sees_nobodys_data(house: House) -> None:
    list_id = bring(house, house.visit(Role.EDITOR), EXPORT, "Декабрь")
    reader = house.visit(Role.READER)
    assert reader.post(f"/audiences/{list_id}/bad-rows").status_code == 403
    assert reader.post(f"/audiences/{list_id}/search", {"whom": "Иванова"}).status_code == 403
    assert reader.post(f"/audiences/{list_id}/delete").status_code == 403
    for path in (f"/audiences/{list_id}", f"/audiences/{list_id}/errors"):
        page = reader.get(path).text
        assert not any(word in page for word in ("Иванова", "9161234567", "161-23", "70000000001"))


@pytest.mark.parametrize(
    ("whom", "found"),
    [
        ("70000000002", ["70000000002"]),
        ("иванова", ["70000000001"]),
        ("Мария ИВАН", ["70000000001"]),
        ("8 (916) 123-45-67", ["70000000001"]),
        ("IVAN@example.com", ["70000000002"]),
        ("Сидоров%", []),
        ("", []),
    ],
)
def test_anybody_is_found_by_what_one_knows_of_them(
    house: House, whom: str, found: list[str]
) -> None:
    guest = house.visit(Role.EDITOR)
    list_id = bring(house, guest, EXPORT, "Декабрь")
    page = guest.post(f"/audiences/{list_id}/search", {"whom": whom})
    with house.engine.ledger.read() as tx:
        people = audiences.after(tx, list_id, 0)
    links = {r.account_number for i, r in people.items() if f"/people/{i}" in page.text}
    assert sorted(links) == found
    assert page.url.endswith(f"/{list_id}/search")


def test_a_row_is_shown_as_it_is_stored_with_the_way_to_the_customer(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    list_id = bring(house, guest, EXPORT, "Декабрь")
    with house.engine.ledger.read() as tx:
        recipient_id = min(audiences.after(tx, list_id, 0))
    page = guest.get(f"/audiences/{list_id}/people/{recipient_id}")
    assert f'href="/recipients/{recipient_id}"' in page.text
    assert "2 547,30 ₽" in words_of(page)
    assert guest.get(f"/audiences/{list_id}/people/999999").status_code == 404


def test_a_list_that_nobody_used_is_deleted_with_all_its_people(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    list_id = bring(house, guest, EXPORT, "Декабрь")
    page = guest.post(f"/audiences/{list_id}/delete")
    assert "Список удалён" in words_of(page)
    assert guest.get(f"/audiences/{list_id}").status_code == 404
    house.do_jobs()
    with house.engine.ledger.read() as tx:
        assert audiences.after(tx, list_id, 0) == {}
    bring(house, guest, GOOD, "Декабрь")  # its name is free


def test_a_list_of_a_campaign_stays_and_takes_no_more_rows(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    list_id = bring(house, guest, EXPORT, "Декабрь")
    use(house, list_id)
    page = guest.post(f"/audiences/{list_id}/delete")
    assert page.status_code == 422
    page = accept(guest, send(guest, GOOD.encode(), "m.csv", into=str(list_id)), into=str(list_id))
    assert page.status_code == 422
    assert "Кампания 1" in words_of(guest.get(f"/audiences/{list_id}"))


def test_a_campaign_begun_while_a_list_goes_brings_it_back(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    list_id = bring(house, guest, EXPORT, "Декабрь")
    guest.post(f"/audiences/{list_id}/delete")
    use(house, list_id)
    house.do_jobs()
    with house.engine.ledger.read() as tx:
        assert len(audiences.after(tx, list_id, 0)) == 3
        assert audiences.find(tx, "Декабрь").id == list_id


def test_a_list_of_before_the_figures_is_shown_with_them(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    list_id = bring(house, guest, EXPORT, "Декабрь")
    with_kept = words_of(guest.get(f"/audiences/{list_id}"))
    with house.engine.ledger.write() as tx:
        tx.exec_driver_sql("UPDATE audiences SET figures = NULL")
    assert words_of(guest.get(f"/audiences/{list_id}")) == with_kept
    assert "Омская область 2" in with_kept


def test_people_are_leafed_through_each_once(house: House) -> None:
    guest = house.visit(Role.EDITOR)
    rows = [f"{70000 + n};Имя{n};+7916{n:07d}" for n in range(60)]
    list_id = bring(house, guest, "Лицевой счет;ФИО;Телефон\n" + "\n".join(rows), "Много")
    seen: list[int] = []
    after = None
    with house.engine.ledger.read() as tx:
        while page := audience_lists.people(tx, list_id, after, 25):
            seen += page
            after = list(page)[-1]
        names = audience_lists.search(tx, list_id, audience_lists.whom("имя"), 0, 25, looked_at=10)
    assert len(seen) == len(set(seen)) == 60
    assert (len(names.people), names.looked_to_the_end) == (10, False)
    assert guest.get(f"/audiences/{list_id}?after={seen[24]}").status_code == 200


def use(house: House, audience_id: int) -> None:
    """A campaign is made of a list."""
    now = house.engine.clock.now()
    with house.engine.ledger.write() as tx:
        stored = scenarios.add(tx, scenario_file(), "tests", now)
        campaigns.create(
            tx,
            scenario_id=stored.id,
            audience_id=audience_id,
            zone="Europe/Moscow",
            start_at=now,
            end_at=now + timedelta(days=3),
            actor="tests",
            now=now,
        )
