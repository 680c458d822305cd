"""The form of the site: over HTTP into the ledger, with its letters, whatever visitors send."""

import http.client
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from sqlalchemy import Row, select
from structlog.testing import capture_logs

from campaigns.channel import ContactKind
from campaigns.inquiry.rules import InquiryRules, Route, Topic, TopicRule
from campaigns.recipient import ContactPoint, Recipient
from dispatcher.clock import SimulatedClock
from dispatcher.endpoint import Endpoint
from dispatcher.engine import Engine
from dispatcher.form import routes as form_routes
from dispatcher.ledger import Ledger, audiences, connection, trail
from dispatcher.ledger import tables as t
from dispatcher.wiring import make_engine
from tests.flow.rehearsing import ACTOR, DAY, HOUR, settings_for

MONDAY = datetime(2026, 9, 7, 7, 0, tzinfo=UTC)  # 10:00 in Moscow
DESK = "desk@example.com"
ANNA: Mapping[str, str] = {
    "name": "Анна Петровна",
    "account": "4012345678",
    "email": "anna@example.org",
    "phone": "8 916 123-45-67",
    "topic": "complaint",
    "text": "Третий день нет света. Подробности на http://spam.example",
}
JSON = {"Accept": "application/json"}


@dataclass(slots=True)
class Site:
    """The endpoint as visitors see it, and what came of their forms."""

    engine: Engine
    clock: SimulatedClock
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/form"

    def post(
        self, fields: Mapping[str, str], *, headers: Mapping[str, str] = JSON, query: str = ""
    ) -> requests.Response:
        return requests.post(self.url + query, data=fields, headers=dict(headers), timeout=20)

    def post_from(self, visitor: str, number: int) -> int:
        """A form of its own, through a proxy that tells who sent it; the status."""
        form = {**ANNA, "text": f"вопрос {number}", "email": f"a{number}@example.org"}
        return self.post(form, headers={**JSON, "X-Forwarded-For": visitor}).status_code

    def registered(self) -> Sequence[Row[tuple[object, ...]]]:
        with self.engine.ledger.read() as tx:
            return tx.execute(select(t.inquiries).order_by(t.inquiries.c.id)).all()

    def letters(self, recipient: str) -> Sequence[EmailMessage]:
        """What is owed to this address."""
        with self.engine.ledger.read() as tx:
            rows = tx.execute(
                select(t.outbox.c.content)
                .where(t.outbox.c.recipient == recipient)
                .order_by(t.outbox.c.id)
            ).scalars()
            return [message_from_bytes(one, EmailMessage, policy=policy.default) for one in rows]

    def known(self, account: str, name: str, *addresses: str) -> None:
        """A customer of the base."""
        person = Recipient(
            row=2,
            account_number=account,
            contact_points=tuple(ContactPoint(one, ContactKind.EMAIL) for one in addresses),
            name=name,
            patronymic="Ивановна",
        )
        now = self.clock.now()
        with self.engine.ledger.write() as tx:
            audience = audiences.begin(tx, f"a{account}", "a.csv", (), ACTOR, now)
            audiences.add_recipients(tx, audience, [person])
            audiences.finish(tx, audience, 1, (), ACTOR, now)


@pytest.fixture
def open_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    endpoints: list[Endpoint] = []

    def open_one(ledger: Ledger, **settings: object) -> Site:
        clock = SimulatedClock(MONDAY)
        values = {
            "smtp_host": "127.0.0.1",
            "smtp_tls": "none",
            "mail_from": "info@example.com",
            "company": "Энергосбыт",
            **settings,
        }
        engine = make_engine(
            settings_for(tmp_path, str(ledger.engine.url), **values), clock=clock, ledger=ledger
        )
        engine.inquiry_rules = InquiryRules(
            topics=(TopicRule(Topic.OUTAGE, phrases=("нет света",)),), routes=(Route(person=DESK),)
        )
        endpoint = Endpoint("127.0.0.1", 0).start(engine)
        endpoints.append(endpoint)
        return Site(engine, clock, endpoint.port)

    yield open_one
    for one in endpoints:
        one.stop()


@pytest.fixture
def site(open_site: Callable[..., Site], ledger: Ledger) -> Site:
    """On both databases."""
    return open_site(ledger)


@pytest.fixture
def quick(open_site: Callable[..., Site], sqlite_url: str) -> Iterator[Callable[..., Site]]:
    """On one database, for what does not depend on it."""
    opened = Ledger(sqlite_url)
    yield lambda **settings: open_site(opened, **settings)
    opened.close()


def text_of(letter: EmailMessage, kind: str = "plain") -> str:
    body = letter.get_body((kind,))
    assert body is not None
    return str(body.get_content())


# The page ---------------------------------------------------------------------------------------


def test_the_page_needs_no_script_and_fetches_nothing(quick: Callable[..., Site]) -> None:
    answer = requests.get(quick().url, timeout=20)
    page = answer.text
    assert answer.status_code == 200
    assert 'lang="ru"' in page
    assert "в течение 3\u00a0рабочих дней" in page
    assert not re.search(r"<script|<link|<img|@import|url\(|src=|https?://| on\w+=| style=", page)
    for name in ("name", "account", "email", "phone", "topic", "text"):
        assert page.count(f'<label for="{name}"') == page.count(f'id="{name}"') == 1
    policy_header = answer.headers["Content-Security-Policy"]
    assert policy_header.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy_header
    assert "frame-ancestors 'none'" in policy_header
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_the_page_speaks_english_when_asked(quick: Callable[..., Site]) -> None:
    page = requests.get(f"{quick().url}?lang=en", timeout=20).text
    assert 'lang="en"' in page
    assert "within 3 working days" in page
    assert not re.search(r"[а-яё]", page.replace("По-русски", "").replace("Энергосбыт", ""), re.I)


@pytest.mark.parametrize("language", ["", "de", "ru'", "%00", "en&lang=ru"])
def test_any_other_language_is_russian(quick: Callable[..., Site], language: str) -> None:
    assert 'lang="ru"' in requests.get(f"{quick().url}?lang={language}", timeout=20).text


def test_mistakes_stand_beside_their_fields_and_what_was_typed_is_kept(
    quick: Callable[..., Site],
) -> None:
    site = quick()
    wrong = {**ANNA, "email": '"><b>anna', "text": "<script>alert(1)</script>\n</textarea> нет"}
    answer = site.post({**wrong, "account": "12"}, headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 422
    assert answer.headers["Content-Security-Policy"]
    page = answer.text
    assert 'value="Анна Петровна"' in page
    assert '<option value="complaint" selected>' in page
    assert "&#34;&gt;&lt;b&gt;anna" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\n&lt;/textarea&gt; нет" in page
    assert "<script" not in page
    assert page.count('aria-invalid="true"') == 2
    assert page.count("autofocus") == 1
    assert 'id="email-error"' in page
    assert 'aria-describedby="email-hint email-error"' in page
    assert not site.registered()


# Taking in --------------------------------------------------------------------------------------


def test_a_form_is_registered_answered_and_passed_on(site: Site) -> None:
    answer = site.post(ANNA)
    assert answer.status_code == 200
    assert answer.json() == {"number": "2026-000001", "respond_on": "2026-09-10"}
    [row] = site.registered()
    assert (row.channel, row.contact_point, row.account_number) == (
        "form", "anna@example.org", "4012345678"
    )  # fmt: skip
    assert (row.topic, row.person, row.status) == ("complaint", DESK, "routed")
    assert (row.customer, row.respond_on) == ("Анна Петровна", date(2026, 9, 10))
    assert row.text.startswith(ANNA["text"])
    assert "+79161234567" in row.text
    [thanks] = site.letters("anna@example.org")
    assert thanks["Auto-Submitted"] == "auto-replied"
    assert "2026-000001" in thanks["Subject"]
    told = text_of(thanks)
    assert "Здравствуйте, Анна Петровна!" in told
    assert "10 сентября 2026" in told
    assert "Третий день нет света" in told
    assert "spam.example" not in told
    assert "spam.example" not in text_of(thanks, "html")
    [route] = site.letters(DESK)
    assert "http://spam.example" in text_of(route)
    assert "+79161234567" in text_of(route)
    with site.engine.ledger.read() as tx:
        senders = dict(tx.execute(select(t.outbox.c.recipient, t.outbox.c.sender)).all())
    assert senders == {"anna@example.org": "", DESK: "info@example.com"}


def test_a_page_is_answered_with_a_page_that_tells_number_and_day(
    quick: Callable[..., Site],
) -> None:
    answer = quick().post(ANNA, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status_code == 200
    assert "2026-000001" in answer.text
    assert "10\u00a0сентября\u00a02026" in answer.text
    assert not re.search(r"anna|Анна|4012345678|9161234567", answer.text + answer.url)


def test_the_day_is_counted_by_the_production_calendar(quick: Callable[..., Site]) -> None:
    site = quick()
    site.clock.move_to(datetime(2026, 12, 30, 7, 0, tzinfo=UTC))
    # New Year's holidays last longer than the fourteen days of an answer would wait.
    assert date(2027, 1, 11) <= date.fromisoformat(site.post(ANNA).json()["respond_on"])


def test_who_chooses_no_topic_is_sorted_by_the_rules(quick: Callable[..., Site]) -> None:
    site = quick()
    site.post({**ANNA, "topic": "", "text": "Нет света с самого утра, весь дом обесточен."})
    [row] = site.registered()
    assert row.topic == Topic.OUTAGE
    assert 0 < row.confidence <= 1


def test_who_writes_on_the_english_page_is_answered_in_english(quick: Callable[..., Site]) -> None:
    site = quick()
    answer = site.post({**ANNA, "name": "Anna"}, query="?lang=en", headers={"Accept": "text/html"})
    assert "Thank you" in answer.text
    [letter] = site.letters("anna@example.org")
    assert "Hello, Anna!" in text_of(letter)
    assert site.registered()[0].language == "en"


def test_an_account_alone_tells_nobody_whose_it_is(site: Site) -> None:
    site.known("4012345678", "Мария", "maria@example.org")
    site.post({**ANNA, "name": "Аноним"})
    [letter] = site.letters("anna@example.org")
    assert "Здравствуйте, Аноним!" in text_of(letter)
    assert "Мари" not in letter.as_string() + text_of(letter) + text_of(letter, "html")
    site.post({**ANNA, "name": "Аноним", "email": "Maria@example.org"})
    [own] = site.letters("maria@example.org")
    assert "Здравствуйте, Мария Ивановна!" in text_of(own)


def test_without_a_mail_server_a_form_is_registered_all_the_same(
    quick: Callable[..., Site],
) -> None:
    site = quick(smtp_host="", mail_from="")
    assert site.post(ANNA).status_code == 200
    assert len(site.registered()) == 1
    assert not site.letters("anna@example.org")


# Once -------------------------------------------------------------------------------------------


def test_the_same_form_within_minutes_is_one_inquiry_with_one_number(site: Site) -> None:
    first = site.post(ANNA).json()
    site.clock.move_to(MONDAY + timedelta(minutes=9))
    assert site.post(ANNA).json() == first
    assert len(site.registered()) == len(site.letters("anna@example.org")) == 1
    site.clock.move_to(MONDAY + timedelta(minutes=10))
    assert site.post(ANNA).json()["number"] == "2026-000002"
    assert len(site.letters("anna@example.org")) == 2


def test_other_words_are_another_inquiry(site: Site) -> None:
    assert site.post(ANNA).json() != site.post({**ANNA, "text": "и ещё"}).json()
    assert len(site.registered()) == 2


def test_a_form_that_is_sent_many_times_at_once_is_registered_once(site: Site) -> None:
    with ThreadPoolExecutor(6) as hands:
        answers = list(hands.map(lambda _time: site.post(ANNA).text, range(6)))
    assert len(set(answers)) == 1
    assert len(site.registered()) == len(site.letters(DESK)) == 1


# Misuse -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_who_walks_into_the_trap_gets_a_friendly_answer_and_nothing_is_registered(
    quick: Callable[..., Site], accept: str
) -> None:
    site = quick()
    answer = site.post({**ANNA, "website": "http://spam.example"}, headers={"Accept": accept})
    assert answer.status_code == 200
    assert "2026-000000" in answer.text
    assert not site.registered()
    assert not site.letters("anna@example.org")
    honest = site.post(ANNA, headers={"Accept": accept}).text
    assert honest.replace("2026-000001", "2026-000000") == answer.text


def test_one_visitor_is_held_back_and_told_for_how_long(quick: Callable[..., Site]) -> None:
    site = quick(form_per_hour=2)
    assert [site.post_from("203.0.113.7", n) for n in range(2)] == [200, 200]
    site.clock.move_to(MONDAY + timedelta(minutes=15))
    answer = site.post({**ANNA, "text": "ещё"}, headers={**JSON, "X-Forwarded-For": "203.0.113.7"})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == str(45 * 60)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert site.post_from("203.0.113.8", 3) == 200
    # A network of IPv6 is one visitor.
    assert [site.post_from(f"2001:db8::{n}", n) for n in range(4, 7)] == [200, 200, 429]
    site.clock.move_to(MONDAY + HOUR)
    assert site.post_from("203.0.113.7", 8) == 200
    assert len(site.registered()) == 6


def test_what_a_visitor_says_of_itself_is_not_believed(quick: Callable[..., Site]) -> None:
    """The proxy adds the address it sees at the end; and who is no proxy is not asked."""
    site = quick(form_per_hour=1)
    assert site.post_from("198.51.100.1, 203.0.113.7", 1) == 200
    assert site.post_from("198.51.100.2, 203.0.113.7", 2) == 429
    answers = []
    for number in (3, 4):
        direct = http.client.HTTPConnection(
            "127.0.0.1", site.port, timeout=20, source_address=("127.0.0.2", 0)
        )
        form = urlencode({**ANNA, "text": str(number)})
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Forwarded-For": f"198.51.100.{number}",
        }
        direct.request("POST", "/form", form, headers)
        answers.append(direct.getresponse().status)
        direct.close()
    assert answers == [200, 429]


def test_mistakes_cost_no_visit(quick: Callable[..., Site]) -> None:
    site = quick(form_per_hour=1)
    assert [site.post({**ANNA, "text": ""}).status_code for _time in range(3)] == [422] * 3
    assert site.post(ANNA).status_code == 200


def test_everybody_together_is_held_back(
    quick: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form_routes, "MOST_FORMS_PER_HOUR", 3)
    site = quick()
    assert [site.post_from(f"203.0.113.{n}", n) for n in range(4)] == [200, 200, 200, 429]
    site.clock.move_to(MONDAY + HOUR)
    assert site.post_from("203.0.113.9", 9) == 200


def test_nobody_s_mailbox_is_filled(site: Site) -> None:
    site.engine.settings = site.engine.settings.model_copy(update={"robot_answers_per_day": 2})
    emails = ("anna@example.org", "ANNA@example.org", "Anna@EXAMPLE.org")
    for number, email in enumerate(emails):
        assert site.post({**ANNA, "email": email, "text": f"{number}"}).status_code == 200
    assert len(site.registered()) == 3
    assert len(site.letters("anna@example.org")) == 2
    assert len(site.letters(DESK)) == 3
    site.clock.move_to(MONDAY + DAY)
    site.post(ANNA)
    assert len(site.letters("anna@example.org")) == 3


def test_one_mailbox_under_many_addresses_is_not_filled_either(
    quick: Callable[..., Site],
) -> None:
    site = quick(robot_answers_per_day=2)
    emails = [f"anna+{number}@example.org" for number in range(4)]
    for email in emails:
        assert site.post({**ANNA, "email": email}).status_code == 200
    assert [len(site.letters(email)) for email in emails] == [1, 1, 0, 0]
    assert len(site.registered()) == 4


# Hostile input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"text=" + b"a" * 65_536, 413),
        ("application/json", b"[" * 65_000, 400),
        ("application/json", b'{"text": ' + b"[" * 60_000, 400),
        ("application/json", b'{"text": {"a": {"b": []}}, "email": [1]}', 422),
        ("application/json", b'"text"', 400),
        ("application/octet-stream", b"text=1", 415),
        ("multipart/form-data", b"--x\r\n", 400),
        ("application/x-www-form-urlencoded", b"%ff%fe=%00&text=%ed%a0%80", 422),
        ("application/x-www-form-urlencoded", b"", 422),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_what_is_no_form_gets_a_refusal_and_nothing_else_happens(
    quick: Callable[..., Site], content_type: str, body: bytes, status: int, accept: str
) -> None:
    site = quick()
    headers = {"Content-Type": content_type, "Accept": accept}
    answer = requests.post(site.url, data=body, headers=headers, timeout=20)
    assert answer.status_code == status
    if accept == "text/html":
        assert "Обращение пока не отправлено" in answer.text
    else:
        told = answer.json()
        assert told["status"] == status
        assert told["title"]
        assert bool(told["errors"]) == (status == 422)
    assert not site.registered()


def test_json_with_lone_surrogates_and_a_page_for_an_answer_is_survived(
    quick: Callable[..., Site],
) -> None:
    site = quick()
    body = json.dumps({**ANNA, "email": "\ud800", "name": "a\ud800", "x\ud800": [[[]]]})
    headers = {"Content-Type": "application/json", "Accept": "text/html"}
    answer = requests.post(site.url, data=body.encode(), headers=headers, timeout=20)
    assert answer.status_code == 422
    assert 'value="a"' in answer.text


def test_no_field_can_add_a_header_or_markup_to_a_letter(site: Site) -> None:
    evil = "Анна\r\nBcc: victim@example.net\r\n\r\n<h1>Win</h1>"
    assert site.post({**ANNA, "name": evil, "text": f"{evil} <img src=x> www.win.example"}).ok
    assert site.post({**ANNA, "email": f"a@example.org\r\n{evil}"}).status_code == 422
    with site.engine.ledger.read() as tx:
        assert set(tx.execute(select(t.outbox.c.recipient)).scalars()) == {
            "anna@example.org", DESK
        }  # fmt: skip
    for letter in (*site.letters("anna@example.org"), *site.letters(DESK)):
        assert letter["Bcc"] is None
        assert not letter.defects
        assert "<h1>Win" not in text_of(letter, "html")
        assert "<img src=x" not in text_of(letter, "html")
    [thanks] = site.letters("anna@example.org")
    assert "Здравствуйте!" in text_of(thanks)
    assert "win.example" not in text_of(thanks) + text_of(thanks, "html")


def test_logs_tell_what_happened_and_nothing_personal(quick: Callable[..., Site]) -> None:
    site = quick()
    with capture_logs() as lines:
        site.post(ANNA)
        site.post({**ANNA, "website": "x"})
    assert [line["effect"] for line in lines if line["event"] == "form.in"] == [
        "registered", "trap"
    ]  # fmt: skip
    assert not re.search(r"anna@|Анна|4012345678|9161234567|Третий", str(lines))


def test_a_ledger_that_is_away_is_told_and_what_was_typed_is_kept(
    open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.0)
    away = Ledger("postgresql://nobody@127.0.0.1:1/nothing")
    answer = open_site(away).post(ANNA, headers={"Accept": "text/html"})
    away.close()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "Третий день нет света" in answer.text


# Other sites ------------------------------------------------------------------------------------


def test_a_site_that_may_post_with_a_script_is_told_so_and_no_other(
    quick: Callable[..., Site],
) -> None:
    site = quick(form_origins=("https://www.example.com",))
    own, other = {"Origin": "https://www.example.com"}, {"Origin": "https://evil.example"}
    asked = requests.options(site.url, headers=own, timeout=20)
    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == own["Origin"]
    assert asked.headers["Access-Control-Allow-Headers"] == "Content-Type"
    posted = requests.post(site.url, json=dict(ANNA), headers=own, timeout=20)
    assert posted.json()["number"] == "2026-000001"
    assert posted.headers["Access-Control-Allow-Origin"] == own["Origin"]
    assert "Origin" in posted.headers["Vary"]
    refused = requests.post(site.url, json={}, headers=own, timeout=20)
    assert refused.status_code == 422
    assert refused.headers["Access-Control-Allow-Origin"] == own["Origin"]
    for answer in (
        requests.options(site.url, headers=other, timeout=20),
        requests.get(site.url, headers=other, timeout=20),
    ):
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
    framed = requests.get(site.url, timeout=20).headers["Content-Security-Policy"]
    assert framed.endswith("frame-ancestors https://www.example.com")


def test_a_form_with_parts_is_taken_like_any_other(quick: Callable[..., Site]) -> None:
    site = quick()
    parts: list[tuple[str, tuple[str | None, str | bytes]]] = [
        (name, (None, value)) for name, value in ANNA.items()
    ]
    assert requests.post(site.url, files=parts, headers=JSON, timeout=20).status_code == 200
    parts.append(("scan", ("a.pdf", b"%PDF")))
    assert requests.post(site.url, files=parts, headers=JSON, timeout=20).status_code == 415
    assert len(site.registered()) == 1


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        ("text/html,application/json;q=0.5", True),
        ("application/json, text/html;q=0.1", False),
        ("application/json, text/plain, */*", False),
        ("application/problem+json", False),
        ("*/*", True),
        ("", True),
    ],
)
def test_who_asks_for_json_gets_it_and_everybody_else_a_page(
    quick: Callable[..., Site], accept: str, is_page: bool
) -> None:
    answer = quick().post(ANNA, headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith("text/html") == is_page


# Whose address, whose wish, whose data -----------------------------------------------------------


@pytest.mark.parametrize("email", ["info@example.com", "Desk+1@example.com"])
def test_our_own_addresses_and_our_specialists_are_refused(
    quick: Callable[..., Site], email: str
) -> None:
    site = quick()
    refused = site.post({**ANNA, "email": email})
    assert refused.status_code == 422
    assert set(refused.json()["errors"]) == {"email"}
    assert not site.registered()


def test_a_stop_in_a_form_is_shown_to_staff_and_how_to_stop_is_told(site: Site) -> None:
    site.post({**ANNA, "text": "СТОП", "topic": "complaint"})
    [row] = site.registered()
    assert (row.kind, row.topic, row.person) == ("question", "other", DESK)
    [thanks] = site.letters("anna@example.org")
    for kind in ("plain", "html"):
        assert "ответьте на это письмо одним словом «СТОП»" in text_of(thanks, kind)
    assert len(site.letters(DESK)) == 1
    with site.engine.ledger.read() as tx:
        assert not tx.execute(select(t.suppressions)).all()


def test_who_does_not_ask_to_be_left_alone_is_not_told_how(quick: Callable[..., Site]) -> None:
    site = quick()
    site.post(ANNA)
    assert "СТОП" not in text_of(site.letters("anna@example.org")[0])


def test_the_page_says_what_personal_data_are_used_for(quick: Callable[..., Site]) -> None:
    page = requests.get(quick().url, timeout=20).text
    assert "Ваши персональные данные нужны нам только для ответа" in page
    assert "consent" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_where_there_is_a_policy_consent_is_asked_for_and_kept(
    open_site: Callable[..., Site], ledger: Ledger
) -> None:
    policy = "https://www.example.com/privacy?a=1&b=2"
    site = open_site(ledger, form_policy_url=policy)
    page = requests.get(site.url, timeout=20).text
    assert 'href="https://www.example.com/privacy?a=1&amp;b=2"' in page
    assert '<label for="consent">' in page
    assert " checked" not in page
    refused = site.post(ANNA, headers={"Accept": "text/html"})
    assert refused.status_code == 422
    assert 'id="consent-error"' in refused.text
    assert '<a href="#consent">' in refused.text
    assert not site.registered()
    again = site.post({**ANNA, "consent": "yes", "name": ""}, headers={"Accept": "text/html"})
    assert " checked" in again.text
    assert requests.post(site.url, json={**ANNA, "consent": True}, timeout=20).status_code == 200
    [row] = site.registered()
    with site.engine.ledger.read() as tx:
        [act] = [act for act in trail.of(tx, f"inquiry:{row.id}") if "consent" in act.action]
    assert (act.actor, act.details) == ("form", {"policy": policy})


@pytest.mark.parametrize(
    "url",
    [
        "http://www.example.com/privacy",
        "javascript:alert(1)",
        "//www.example.com",
        "https://user@www.example.com",
        "https://www.example.com/политика",
        'https://www.example.com/"onclick="x',
        "https://www.example.com/a b",
        "https://?www.example.com",
    ],
)
def test_a_policy_that_is_no_page_is_a_wrong_setting(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="privacy"):
        settings_for(tmp_path, "sqlite://", form_policy_url=url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/p", "https://example.com/%D0%9F?a=1#b"])
def test_a_policy_may_be_any_page_that_is_safe_on_its_way(tmp_path: Path, url: str) -> None:
    assert settings_for(tmp_path, "sqlite://", form_policy_url=url).form_policy_url == url
