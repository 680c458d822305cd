"""Who comes in, and who does not."""

import pytest

from dispatcher import metrics
from dispatcher.access import entering, knocking
from dispatcher.access.roles import Role
from tests.web.house import PASSWORD, House, words_of


def test_whoever_has_not_come_in_is_sent_to_the_log_in_and_then_back(house: House) -> None:
    house.token(Role.EDITOR)
    guest = house.guest()
    answer = guest.get("/campaigns?page=2", allow_redirects=False)
    assert answer.headers["location"] == "/login?next=%2Fcampaigns%3Fpage%3D2"
    answer = guest.post(
        "/login",
        {"login": " Editor ", "password": PASSWORD, "next": "/calendar"},
        allow_redirects=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/calendar")


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example/", "/\\evil", "x"])
def test_a_log_in_leads_to_no_other_site(house: House, wanted: str) -> None:
    house.token(Role.EDITOR)
    fields = {"login": "editor", "password": PASSWORD, "next": wanted}
    answer = house.guest().post("/login", fields, allow_redirects=False)
    assert answer.headers["location"] == "/"


def test_answers_are_counted_by_who_asked_and_files_are_not(house: House) -> None:
    def counted(door: str, status: str) -> float:
        labels = {"door": door, "status": status}
        return metrics.REGISTRY.get_sample_value("dispatcher_page_seconds_count", labels) or 0

    answers = (("staff", "2xx"), ("staff", "3xx"), ("staff", "4xx"), ("api", "4xx"))
    before = [counted(*one) for one in answers]
    guest = house.guest()
    for path in ("/login", "/", "/health", "/static/style.css", "/999999999999", "/api/v1/openapi"):
        guest.get(path, allow_redirects=False)
    after = [counted(*one) for one in answers]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 1, 1]


def test_after_ten_wrong_passwords_the_right_one_does_not_help_for_a_while(house: House) -> None:
    house.token(Role.EDITOR)
    guest = house.guest()
    for _try in range(knocking.MOST_OF_ONE):
        assert guest.post("/login", {"login": "editor", "password": "wrong"}).status_code == 403
    answer = guest.post("/login", {"login": "editor", "password": PASSWORD})
    assert answer.status_code == 429
    assert "15 минут" in words_of(answer)


def test_who_logs_out_is_out_also_with_the_cookie_of_before(house: House) -> None:
    guest = house.visit(Role.READER)
    guest.post("/logout")
    guest.session.cookies.set("session", house.token(Role.READER))
    assert guest.get("/", allow_redirects=False).status_code == 303


def test_an_act_without_the_token_of_the_session_is_refused(house: House) -> None:
    guest = house.visit()
    guest.csrf = "made up"
    assert guest.post("/logout").status_code == 403
    assert guest.get("/", allow_redirects=False).status_code == 200


def test_a_form_that_another_site_sends_is_refused_before_it_is_read(house: House) -> None:
    guest = house.visit()
    answer = guest.post("/logout", headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer.text) == (403, "not from here")


def test_the_first_start_makes_one_link_that_works_once(house: House) -> None:
    token = entering.first_invitation(house.engine)
    guest = house.guest()
    fields = {"password": PASSWORD, "again": PASSWORD}
    assert guest.post(f"/invitation/{token}", fields).url == f"{house.url}/"
    assert house.guest().post(f"/invitation/{token}", fields).status_code == 410
    assert entering.first_invitation(house.engine) is None
