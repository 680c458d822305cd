"""What customers said in calls, in the report, its files and the audit."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import text

from campaigns.outcome import Outcome
from dispatcher import audit
from dispatcher.report import export, figures, html, workbook
from dispatcher.report.figures import CampaignReport
from templates.call import Action
from tests.flow.rehearsing import DAY, HOUR, Rehearsal, customer
from tests.flow.talking import Talk, call, with_desk

KEYS = ("1", "2", "4", "4", "5", "9", "7", "0", "0", "0")


def broken(rehearsal: Rehearsal) -> set[str]:
    with rehearsal.ledger.read() as tx:
        now, rules = rehearsal.clock.now(), rehearsal.engine.rules(tx)
        result = audit.examine(tx, rehearsal.campaigns[0].id, rules, now)
    return {check.name for check in result.checks if not check.passed}


def report_of(rehearsal: Rehearsal) -> CampaignReport:
    with rehearsal.ledger.read() as tx:
        return figures.of_campaign(tx, rehearsal.campaigns[0].id, rehearsal.clock.now())


@pytest.fixture
def talked(rehearsal: Rehearsal) -> Rehearsal:
    """Ten calls; of three who asked for an operator one talks, one hangs up, one asks in vain."""
    with_desk(rehearsal, operators=2)
    people = [customer(str(n), f"+791600000{n:02}", row=n) for n in range(2, 12)]
    call(rehearsal, people)
    talks = [Talk(rehearsal, person.account_number) for person in people]
    rehearsal.clock.move_to(rehearsal.clock.now() + timedelta(minutes=1))
    for talk, key in zip(talks, KEYS, strict=True):
        talk.press(key)
    talks[7].operator_answers()
    for talk in talks:
        talk.hangs_up(40)
    return rehearsal


def test_keys_are_counted_by_what_the_script_says_they_do(talked: Rehearsal) -> None:
    calls = report_of(talked).calls
    assert [(key.digit, key.action, key.answer, key.calls) for key in calls.keys] == [
        ("0", Action.OPERATOR, "", 3),
        ("1", Action.HEARD, "", 1),
        ("2", Action.REPEAT, "", 1),
        ("4", Action.ANSWER, "good", 2),
        ("5", Action.ANSWER, "bad", 1),
        ("7", None, "", 1),
        ("9", Action.STOP, "", 1),
    ]
    assert (calls.stops, calls.answers) == (1, (("good", 2), ("bad", 1)))


def test_requests_for_an_operator_are_told_by_their_fate(talked: Rehearsal) -> None:
    calls = report_of(talked).calls
    assert calls.requests.asked == 3
    assert calls.fates == (("connected", 1), ("nobody_free", 1), ("abandoned", 1))


def test_a_request_still_going_on_is_counted_as_such(rehearsal: Rehearsal) -> None:
    with_desk(rehearsal)
    call(rehearsal).press("0")
    assert report_of(rehearsal).calls.fates[-1] == ("asked", 1)


def test_the_page_says_what_was_said(talked: Rehearsal) -> None:
    page = html.render(report_of(talked))
    for words in (
        "0: Попросили оператора",
        "4: Ответ на опрос: good",
        "7: Такой клавиши в меню нет",
        "Положил трубку, пока вызывали оператора",
        "1 клиент попросил клавишей больше не звонить",
        "twilio",
    ):
        assert words in page


def test_a_campaign_in_which_nobody_pressed_anything_has_no_such_part(rehearsal: Rehearsal) -> None:
    call(rehearsal).press("")
    assert "Нажатые клавиши" not in html.render(report_of(rehearsal))


def test_the_files_hold_key_answer_and_operator(talked: Rehearsal, tmp_path: Path) -> None:
    report = report_of(talked)
    file = io.StringIO()
    with talked.ledger.read() as tx:
        export.write_csv(export.attempts(tx, report.campaign.id, full=True), file)
        workbook.write(tmp_path / "report.xlsx", tx, report)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [(row["key"], row["answer"], row["operator"]) for row in rows] == [
        ("1", "", ""),
        ("2", "", ""),
        ("4", "good", ""),
        ("4", "good", ""),
        ("5", "bad", ""),
        ("9", "", ""),
        ("7", "", ""),
        ("0", "", "connected"),
        ("0", "", "abandoned"),
        ("0", "", "nobody_free"),
    ]
    sheet = load_workbook(tmp_path / "report.xlsx")["Звонки и провайдеры"]
    assert "good" in {cell.value for cell in sheet["A"]}


class TestAudit:
    def test_call_backs_after_a_quarter_of_an_hour_are_in_order(self, talked: Rehearsal) -> None:
        talked.run(HOUR)
        assert len(talked.attempts()) == 12
        assert broken(talked) == set()

    def test_a_call_back_that_came_too_early_is_found(self, talked: Rehearsal) -> None:
        talked.run(DAY)
        with talked.ledger.write() as tx:
            moved = tx.execute(
                text(
                    "UPDATE attempts SET ended_at = datetime(ended_at, '+10 minutes') "
                    "WHERE outcome = 'nobody_free' AND delivery_id = 10"
                )
            ).rowcount
        assert moved == 1
        assert "keeps_cadence" in broken(talked)

    def test_a_stop_that_is_not_on_the_list_is_found(self, talked: Rehearsal) -> None:
        with talked.ledger.write() as tx:
            tx.execute(text("DELETE FROM suppressions"))
        assert broken(talked) == {"stops_are_kept"}

    def test_a_stop_that_stands_twice_is_found(self, talked: Rehearsal) -> None:
        columns = "party, channel, purpose, reason, since_at, added_by"
        with talked.ledger.write() as tx:
            tx.execute(
                text(f"INSERT INTO suppressions ({columns}) SELECT {columns} FROM suppressions")
            )
        assert broken(talked) == {"stops_are_kept"}

    def test_a_call_after_the_stop_is_found(self, talked: Rehearsal) -> None:
        with talked.ledger.write() as tx:
            tx.execute(text("UPDATE suppressions SET since_at = datetime(since_at, '-1 day')"))
        assert broken(talked) == {"after_suppression"}

    def test_a_stop_that_staff_lifted_later_was_kept_all_the_same(self, talked: Rehearsal) -> None:
        with talked.ledger.write() as tx:
            tx.execute(text("UPDATE suppressions SET removed_at = datetime(since_at, '+1 second')"))
        assert broken(talked) == set()


def test_outcomes_of_these_calls(talked: Rehearsal) -> None:
    outcomes = talked.outcomes()
    assert outcomes.count(Outcome.KEY_PRESSED) == 7
    assert outcomes.count(Outcome.CONNECTED) == 1
    assert outcomes.count(Outcome.NOBODY_FREE) == 2
