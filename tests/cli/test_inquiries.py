"""`dispatcher inquiries …` as staff type it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import InquiryChannel, InquiryStatus
from dispatcher.cli import screen
from dispatcher.cli.app import build
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import Ledger
from dispatcher.logs import mask
from tests.cli.test_commands import Run, environment, home, run
from tests.flow.inquiring import ANNA, DAY, HEAD, PAVEL, Office, open_office

__all__ = ["environment", "home", "run"]

LONG = "anna.petrovna.konstantinopolskaya@otdel.energosbyt.example.com"
LONG_MASKED = "a***@otdel.energosbyt.example"
TEXT = "Добрый день!\nСвет будет завтра."
MAIL = {
    "DISPATCHER_SMTP_HOST": "127.0.0.1",
    "DISPATCHER_SMTP_TLS": "none",
    "DISPATCHER_MAIL_FROM": "info@energo.example.com",
    "DISPATCHER_SECRET": "a secret of the tests, long enough",
    "DISPATCHER_ACTOR": "marina",
}


@pytest.fixture
def office(home: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A ledger that commands find by the environment, today: they have no other clock. `answer.txt`
    lies in the folder."""
    (home / "answer.txt").write_text(TEXT, encoding="cp1251")
    for name, value in MAIL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DISPATCHER_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("DISPATCHER_DATA_DIR", str(home / "var"))
    monkeypatch.chdir(home)
    ledger = Ledger(sqlite_url)
    yield open_office(ledger, home, start_at=datetime.now(UTC))
    ledger.close()


def type_in(*words: str, typed: str | None = None) -> Result:
    """A command within this process: starting one takes seconds."""
    return CliRunner().invoke(build("inquiries"), ["inquiries", *words], input=typed)


def told(*words: str) -> object:
    done = type_in(*words, "--json")
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout)


def rows(*words: str) -> list[dict[str, object]]:
    found = told(*words)
    assert isinstance(found, list)
    return found


def test_strangers_words_are_harmless_on_the_screen_and_their_addresses_masked(
    office: Office, run: Run
) -> None:
    """In processes of their own, as it is typed."""
    ledger = {"DISPATCHER_DATABASE_URL": office.engine.settings.ledger_url}
    one = office.asked(text="Нет света [red]\x1b[2J\u202e", customer="\x1b[31mАнна", person="")
    office.wrote(one)
    listed = run("inquiries", "list", **ledger)
    assert listed.returncode == 0, listed.stderr
    assert one.number in listed.stdout
    assert all(len(line) <= 80 for line in listed.stdout.splitlines())
    shown = run("inquiries", "show", one.number, **ledger).stdout
    assert "[red]" in shown
    for told in (listed.stdout, shown):
        assert ANNA not in told
        assert not {"\x1b", "\u202e"} & set(told)


def test_what_waits_is_told_by_urgency_with_what_is_late_marked(office: Office) -> None:
    yesterday, later = office.today - DAY, office.today + 900 * DAY
    late = office.asked(respond_on=yesterday, topic=Topic.COMPLAINT, branch="Омск")
    calm = office.asked(respond_on=later, answer_on=later)
    done = type_in("list")
    assert done.stdout.index(late.number) < done.stdout.index(calm.number)
    assert f"  ! {yesterday.day} " in done.stdout or f"  ! {yesterday:%d.%m.%Y}" in done.stdout
    assert "Срок прошёл у 1 обращения" in done.stdout
    assert [row["number"] for row in rows("list", "--overdue")] == [late.number]
    assert [row["number"] for row in rows("list", "--topic", "complaint")] == [late.number]
    assert [row["number"] for row in rows("list", "--person", "olga", "--branch", "Омск")] == [
        late.number
    ]
    assert "--limit" in type_in("list", "--limit", "1").stdout
    type_in("close", calm.number, "--reason", "done")
    assert [row["number"] for row in rows("list", "--status", "closed")] == [calm.number]
    assert len(rows("list", "--all")) == 2


@pytest.mark.parametrize(("columns", "shown"), [("80", "a***@"), ("120", LONG_MASKED)])
def test_a_masked_address_never_breaks_over_two_lines(
    office: Office, monkeypatch: pytest.MonkeyPatch, columns: str, shown: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(screen, "console", Console(highlight=False))
    one = office.asked(contact_point=LONG, person="konstantinopolskaya.o@energo.example.com")
    other = office.asked()
    listed = type_in("list").stdout.splitlines()
    told = [line for line in listed if line.strip()]
    assert len(told) == 4, listed  # a line of names, one below it, and a line each
    assert {line.split()[0] for line in told[2:]} == {one.number, other.number}
    assert shown in next(line for line in told if line.startswith(one.number))
    assert max(map(len, told)) <= int(columns)
    monkeypatch.setattr(screen, "console", Console(highlight=False, width=300))
    assert LONG in type_in("list", "--full").stdout


def test_staff_see_where_an_answer_goes_before_and_after(office: Office) -> None:
    one, other = office.asked(), office.asked()
    office.wrote(one, "Reply-To: home@example.org")
    shown = told("show", one.number)
    assert isinstance(shown, dict)
    assert shown["answer_to"] == mask("home@example.org")
    assert mask("home@example.org") in type_in("show", one.number).stdout
    assert "Ответ уйдёт на" in type_in("show", one.number).stdout
    done = type_in("answer", one.number, "--text", "answer.txt", "--full")
    assert "home@example.org" in done.stdout
    assert "Ответ уйдёт на" not in type_in("show", one.number).stdout
    sms = office.asked(channel=InquiryChannel.SMS, contact_point="+79160000001")
    assert "Ответ уйдёт на" not in type_in("show", sms.number).stdout
    assert ANNA in type_in("show", other.number, "--full").stdout


def test_an_empty_list_says_what_that_means(office: Office) -> None:
    assert "Обращений, которые ждут ответа, нет" in type_in("list").stdout
    assert "Обращений пока нет" in type_in("list", "--all").stdout
    office.asked()
    assert "--all" in type_in("list", "--channel", "phone").stdout


def test_what_staff_do_is_told_and_kept(office: Office) -> None:
    one = office.asked(person="")
    office.wrote(one)
    assert "передано" in type_in("assign", one.number, PAVEL, "--head", HEAD).stdout
    until = (office.today + 20 * DAY).isoformat()
    assert told("interim", one.number, "--until", until, "--text", "answer.txt") == {
        "inquiry": one.id,
        "number": one.number,
        "status": "interim",
        "to": mask(ANNA),
    }
    done = type_in("answer", str(one.id), "--text", "-", typed=TEXT)
    assert "дан ответ" in done.stdout
    assert mask(ANNA) in done.stdout
    assert ANNA not in done.stdout
    assert len(office.owed(ANNA)) == 2
    again = type_in("answer", one.number, "--text", "answer.txt")
    assert isinstance(again.exception, NotPossible)
    shown = type_in("show", one.number).stdout
    for words in ("marina", "передано специалисту", "дан промежуточный ответ", "что сделал робот"):
        assert words in shown
    assert PAVEL not in shown.split("Что мы написали")[1]
    type_in("reopen", one.number)
    assert office.see(one).status is InquiryStatus.ROUTED
    type_in("close", one.number, "--reason", "answered")
    assert office.see(one).status is InquiryStatus.CLOSED
    assert {act.actor for act in office.acts(one)} == {"marina"}


def test_everything_about_an_inquiry_is_there_for_programs_and_masked(office: Office) -> None:
    one = office.asked(customer="Анна Петровна", respond_on=office.today)
    office.wrote(one)
    type_in("assign", one.number, PAVEL)
    whole = told("show", one.number)
    assert isinstance(whole, dict)
    assert (whole["number"], whole["topic"], whole["overdue"]) == (one.number, "outage", False)
    assert [letter["verdict"] for letter in whole["letters"]] == ["answer"]
    assert [letter["kind"] for letter in whole["written"]] == ["route"]
    assert [act["action"] for act in whole["acts"]] == ["inquiry.assign"]
    assert ANNA not in json.dumps(whole)
    assert whole["customer"] is None
    full = told("show", one.number, "--full")
    assert isinstance(full, dict)
    assert (full["contact_point"], full["customer"]) == (ANNA, "Анна Петровна")


def test_a_list_for_programs_holds_the_beginning_of_a_text_and_all_of_it_on_request(
    office: Office,
) -> None:
    text = f"Пишите на {ANNA},\nзвоните +79161234567. " + "Нет света. " * 20
    one = office.asked(text=text)
    [listed] = rows("list")
    beginning = str(listed["text"])
    assert beginning.startswith(f"Пишите на {mask(ANNA)}, звоните +7916***67. ")
    assert (len(beginning), beginning[-1]) == (60, "…")
    assert [row["text"] for row in rows("list", "--full")] == [text]
    whole = told("show", one.number)
    assert isinstance(whole, dict)
    assert whole["text"] == text
    assert "тексты и без того целиком" in " ".join(type_in("show", "--help").stdout.split())


def test_letters_are_saved_as_they_came_for_their_reader_alone_and_nothing_is_overwritten(
    office: Office, home: Path
) -> None:
    one, form = office.asked(), office.asked(channel=InquiryChannel.FORM)
    first, second = office.wrote(one), office.wrote(one, is_whole=False)
    done = type_in("show", one.number, "--save", "kept.eml")
    assert "начало" in done.stdout
    assert (home / "kept.eml").read_bytes() == first
    assert (home / "kept-2.eml").read_bytes() == second
    assert (home / "kept.eml").stat().st_mode & 0o777 == 0o600
    (home / "other-2.eml").write_text("mine")
    for number, name in ((one.number, "kept.eml"), (one.number, "other.eml"), (form.number, "f")):
        again = type_in("show", number, "--save", name)
        assert isinstance(again.exception, NotPossible)
    assert not (home / "other.eml").exists()
    assert (home / "other-2.eml").read_text() == "mine"


@pytest.mark.parametrize(
    "words",
    [
        ("assign", "1", "nobody"),
        ("interim", "1", "--until", "завтра", "--text", "answer.txt"),
        ("interim", "1", "--until", "31.02.2026", "--text", "answer.txt"),
        ("answer", "1", "--text", "nowhere.txt"),
        ("answer", "1", "--text", "large.txt"),
        ("answer", "1", "--text", "binary.txt"),
        ("export", "inquiries.pdf"),
        ("totals", "--from", "2026-09-02", "--to", "2026-09-01"),
    ],
)
def test_bad_use_is_refused_in_words_and_changes_nothing(
    office: Office, home: Path, words: tuple[str, ...]
) -> None:
    one = office.asked()
    (home / "large.txt").write_bytes(b"x" * (1024 * 1024 + 1))
    (home / "binary.txt").write_bytes(bytes(range(256)))
    assert isinstance(type_in(*words).exception, NotPossible)
    assert office.see(one) == one
    assert isinstance(type_in("show", "2026-999999").exception, NotFound)


def test_a_reason_that_nobody_knows_is_bad_use(office: Office) -> None:
    one = office.asked()
    assert type_in("close", one.number, "--reason", "bored").exit_code == 2
    assert type_in("close", one.number).exit_code == 2
    assert office.see(one) == one


def test_lists_and_totals_are_written_for_the_days_asked_for(office: Office, home: Path) -> None:
    office.asked(topic=Topic.COMPLAINT, segment="private")
    today, tomorrow = str(office.today), f"{office.today + DAY:%d.%m.%Y}"
    made = told("export", "a.csv", "--from", today, "--to", tomorrow)
    assert made == {"file": "a.csv", "inquiries": 1}
    assert "-000001,2" in (home / "a.csv").read_text()
    made = told("export", "b.csv", "--from", tomorrow)
    assert made == {"file": "b.csv", "inquiries": 0}
    assert "1 обращение" in type_in("export", "a.xlsx").stdout
    period = ("totals", "--from", today, "--to", today)
    found = told(*period)
    assert isinstance(found, dict)
    assert found["inquiries"] == {"now": 1, "before": 0}
    assert found["before_to"] == str(office.today - DAY)
    assert found["complaints"] == [
        {"channel": "email", "segment": "private", "now": 1, "before": 0}
    ]
    shown = type_in(*period).stdout
    assert "Жалобы" in shown
    assert "частные лица" in shown
