"""The journal: in words, newest first, page by page, and as a file that is noted itself."""

import ast
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import dispatcher
from dispatcher.access.keys import Scope
from dispatcher.access.roles import Role
from dispatcher.ledger import trail, trial_sends
from dispatcher.web import journal_words
from templates.i18n import speaking
from tests.web.browser import DESK, PHONE, faults_of, overflow_of, window
from tests.web.house import House, open_house, words_of

NOON = datetime(2026, 12, 1, 9, tzinfo=UTC)
NOTES = ("trail.note", "trail.note_many", "_note")
CODE = Path(dispatcher.__file__).parent


def note(house: House, actor: str, action: str, subject: str, **details: object) -> None:
    with house.engine.ledger.write() as tx:
        trail.note(tx, NOON, actor, action, subject, **details)


def named_acts() -> set[str]:
    """Every act that the code writes into the trail under a name that stands there in full."""
    found = set()
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            is_note = node.func.attr in ("note", "note_many") and len(node.args) > 3
            if is_note and ast.unparse(node.func.value) == "trail":
                action = node.args[3]
                if isinstance(action, ast.Constant):
                    found.add(str(action.value))
    found.add(trial_sends.SEND)
    return found


def named_details() -> set[str]:
    """Whatever the code tells of an act besides."""
    found = set()
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in NOTES:
                found |= {one.arg for one in node.keywords if one.arg}
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "details":
                assert isinstance(node.value, ast.Dict | ast.Call)
                keys = node.value.keys if isinstance(node.value, ast.Dict) else ()
                found |= {str(ast.literal_eval(key)) for key in keys if key}
    return found


def test_whatever_is_told_of_an_act_has_words_for_a_clerk() -> None:
    assert len(named_details()) > 30
    assert named_details() - set(journal_words.labels()) == set()
    with speaking("ru"):
        told = [one for one in journal_words.labels().values() if re.search("[a-zA-Z]", one)]
    assert told == ["SMS в час, не больше"]


def test_values_are_told_as_people_read_them(house: House) -> None:
    note(house, "loop", "provider.away", "provider:sms:smsaero", reason="no_money",
         retry_at="2026-12-01T09:05:00+00:00")  # fmt: skip
    note(house, "loop", "campaign.paused", "campaign:7", reason="failures:57/100")
    note(house, "olga", "audience.upload", "upload:3", bytes=1_400_000)
    note(house, "olga", "key.make", "key:1", scopes=[Scope.SETTLE.value])
    note(house, "olga", "inquiry.interim", "inquiry:9", until="2026-12-20", was="2026-12-06")
    shown = words_of(house.visit().get("/journal")).replace("\xa0", " ")
    for words in (
        "закончились деньги на счёте; следующая попытка: 1 дек. 2026, 12:05",
        "57 из последних 100",
        "размер: 1,4 МБ Файл 3",
        "кто оплатил",
        "до: 20 декабря 2026 г.; прежде: 6 декабря 2026 г.",
    ):
        assert words in shown, words


def test_every_act_of_the_program_has_words_for_a_clerk() -> None:
    """Whoever adds an act to the trail gives it words in `dispatcher/web/journal_words.py`."""
    assert len(named_acts()) > 40
    assert named_acts() - set(journal_words.acts()) == set()
    kinds = {action.partition(".")[0] for action in journal_words.acts()}
    assert kinds == set(journal_words.kinds())


def test_acts_are_told_in_words_with_what_they_were_done_to(house: House) -> None:
    note(house, "administrator", "staff.role", "staff:1", role="editor", was="reader")
    note(house, "loop", "campaign.paused", "campaign:7", reason="failing")
    note(house, "someone", "new.act", "thing:5", count=3)
    shown = words_of(house.visit().get("/journal"))
    assert "Роль сотрудника изменена роль: редактор; прежде: читатель" in shown
    assert "программа" in shown
    assert "new.act count: 3 thing:5" in shown, "what is not known is shown as it stands"


def test_a_link_is_shown_where_there_is_a_page(house: House) -> None:
    house.token(Role.READER)
    note(house, "loop", "message.told", "nowhere:1")
    page = house.visit().get("/journal").text
    assert 'href="/people/' in page
    assert "nowhere:1" in page
    assert 'href="/nowhere' not in page


@pytest.mark.parametrize("query", ["who=1&who=2", "who=x", "day=2026-99-99", "day=0001-01-01"])
def test_a_question_that_is_none_is_left_out(house: House, query: str) -> None:
    assert house.visit().get(f"/journal?{query}&before=x&kind=y").status_code == 200


def test_pages_follow_one_another_though_more_is_written(tmp_path: Path, ledger_url: str) -> None:
    with open_house(tmp_path, ledger_url) as house:
        boss = house.visit()
        with house.engine.ledger.write() as tx:
            for number in range(120):
                at = NOON + timedelta(seconds=number)
                trail.note(tx, at, "loop", "campaign.running", f"campaign:{number}")
            trail.note(tx, NOON + timedelta(days=1), "loop", "ledger.backup", "ledger")
        seen: list[str] = []
        path = "/journal?who=program&kind=campaign&day=2026-12-01"
        while path:
            page = boss.get(path).text
            note(house, "loop", "campaign.running", "campaign:999")
            seen += re.findall(r"Кампания (\d+)", page.partition("<tbody>")[2])
            _before, more, rest = page.partition('rel="next" href="')
            path = rest.split('"')[0].replace("&amp;", "&") if more else ""
        assert [one for one in seen if one != "999"] == [str(n) for n in range(119, -1, -1)]


def test_the_journal_as_a_file_is_noted_and_runs_no_formula(house: House) -> None:
    note(house, "=cmd()", "audience.import", "audience:3", rows=7)
    boss = house.visit()
    answer = boss.post("/journal/export", {"kind": "audience"})
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert ";'=cmd();Список загружен;audience.import;audience:3;" in lines[1]
    assert "Журнал выгружен" in words_of(boss.get("/journal?kind=export"))


@pytest.mark.parametrize("who", ["999999", "12345678901", "x"])
def test_acts_of_somebody_unknown_are_not_those_of_everybody(house: House, who: str) -> None:
    note(house, "loop", "campaign.running", "campaign:7")
    boss = house.visit()
    answer = boss.post("/journal/export", {"who": who})
    assert len(answer.content.decode("utf-8-sig").splitlines()) == 1, "its head alone"
    assert "Кампания 7" not in words_of(boss.get(f"/journal?who={who}"))
    assert "Кампания 7" in words_of(boss.get("/journal"))


def test_the_journal_is_the_administrators(house: House) -> None:
    clerk = house.visit(Role.APPROVER)
    assert clerk.get("/journal").status_code == 403
    assert clerk.post("/journal/export").status_code == 403


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_journal_can_be_read_by_everybody(
    browser: Browser, house: House, size: tuple[int, int]
) -> None:
    note(house, "mailrobot", "inquiry.close", "inquiry:3", reason="answered")
    with window(browser, house, size=size) as page:
        page.goto("/journal")
        assert faults_of(page) == []
        assert overflow_of(page) == 0


def test_every_act_is_told_in_russian_without_latin_letters() -> None:
    with speaking("ru"):
        for words in (journal_words.acts(), journal_words.kinds(), journal_words.actors()):
            latin = [one for one in words.values() if re.search("[a-z]", one)]
            assert latin in ([], ["mail-робот"])  # so the standard calls it
