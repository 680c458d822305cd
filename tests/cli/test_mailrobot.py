"""`dispatcher mailrobot …` as staff and other programs use it: real processes."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.inquiry.verdict import Reason
from dispatcher.clock import SimulatedClock
from dispatcher.errors import NotPossible
from dispatcher.ledger import Ledger, mailboxes, open_ledger, outbox
from dispatcher.ledger.mailboxes import MailboxState
from dispatcher.ledger.outbox import MailKind, Owed
from dispatcher.ledger.tables import metadata
from dispatcher.mailrobot.reasons import reason_words
from dispatcher.mailrobot.trial import letters_in, try_out
from dispatcher.mailrobot.wellbeing import Wellbeing, wellbeing
from dispatcher.wiring import make_engine
from tests.cli.test_commands import environment, home, run
from tests.flow.letters_by_hand import ANNA, INFO, bounce, letter
from tests.flow.rehearsing import MONDAY, settings_for
from tests.flow.robot_post import BOX, DESK, opened_post, robot_settings

__all__ = ["environment", "home", "run"]  # fixtures

Run = Callable[..., subprocess.CompletedProcess[str]]
ROBOT = {
    "DISPATCHER_SMTP_HOST": "127.0.0.1",
    "DISPATCHER_SMTP_TLS": "none",
    "DISPATCHER_MAIL_FROM": INFO,
    "DISPATCHER_INQUIRIES_TO": DESK,
}
BOXES = json.dumps(
    [{"name": "info", "host": "127.0.0.1", "port": 1, "tls": "none", "username": INFO}]
)
# Turns the text round, clears the screen, rings, renames the window.
NASTY = "\u202eexe.\x1b[2J\x07\x1b]0;x\x07\u200b"


@pytest.fixture
def letters(home: Path) -> Path:
    folder = home / "letters"
    (folder / "deeper").mkdir(parents=True)
    hostile = letter(
        f"Здравствуйте! Третий день нет света. {NASTY}",
        subject=f"Нет света{NASTY}",
        sender=f'"{NASTY}" <{ANNA}>',
    )
    (folder / "a.eml").write_bytes(hostile)
    automatic = letter("Я в отпуске", headers={"Auto-Submitted": "auto-replied"})
    (folder / "b.eml").write_bytes(automatic)
    (folder / "c.eml").write_bytes(b"\x00\xff" * 3000)
    (folder / "deeper" / "d.eml").write_bytes(bounce("<x@example.com>", ANNA))
    Path(os.fsdecode(os.fsencode(folder) + b"/z\xff\x1b[31m.eml")).write_bytes(letter())
    return folder


def is_harmless(text: str) -> bool:
    return not {"\x1b", "\x07", "\u202e", "\u200b"} & set(text)


def test_one_letter_is_shown_with_its_answer_and_nothing_is_left_behind(
    run: Run, home: Path, letters: Path
) -> None:
    done = run("mailrobot", "test", "letters/a.eml", **ROBOT)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "ответ: письмо от человека",
        "Тема: нет электричества",
        f"Кому передаётся: {DESK}",
        f"Кому: {ANNA}",
        "-000000]",
        "Третий день нет света",
    ):
        assert words in done.stdout, done.stdout
    assert is_harmless(done.stdout)
    assert not (home / "var").exists()
    assert not list(home.glob("*.sqlite3"))


def test_a_folder_is_told_in_one_line_of_json_for_each_letter(
    run: Run, home: Path, letters: Path
) -> None:
    done = run("mailrobot", "test", "letters", "letters/a.eml", "--json", **ROBOT)
    assert (done.returncode, done.stderr) == (0, "")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    verdicts = [(Path(one["file"]).name[:5], one["verdict"], one["reason"]) for one in told]
    assert verdicts == [
        ("a.eml", "answer", "letter"),
        ("b.eml", "silent", "auto_submitted"),
        ("c.eml", "silent", "no_sender"),
        ("d.eml", "silent", "report"),
        ("z?\x1b[3", "answer", "letter"),
        ("a.eml", "answer", "letter"),
    ]
    first = told[0]
    assert (first["topic"], first["route"], first["language"]) == ("outage", DESK, "ru")
    assert first["missing"] == ["account"]
    assert first["answer"]["to"] == ANNA
    assert first["answer"]["subject"].startswith("Re: Нет света")
    assert "зарегистрировали" in first["answer"]["text"]
    assert 0 < first["confidence"] <= 1
    assert {one["answer"] is None for one in told if one["verdict"] == "silent"} == {True}
    assert told[3]["report"] == "hard"
    assert "unreadable" in told[2]["flaws"]
    assert "\x1b" not in done.stdout
    assert not (home / "var").exists()


def test_several_letters_are_told_in_a_line_each(run: Run, letters: Path) -> None:
    done = run("mailrobot", "test", "letters", **ROBOT)
    assert done.returncode == 0
    told = done.stdout.replace("\n", " ")
    for words in ("a.eml: ответ,", "b.eml: молчание,", "c.eml: молчание,", "d.eml: молчание,"):
        assert words in told, done.stdout
    assert is_harmless(done.stdout)


def test_a_letter_that_is_not_there_is_bad_use(run: Run) -> None:
    done = run("mailrobot", "test", "nowhere.eml", **ROBOT)
    assert done.returncode == 2
    assert "nowhere.eml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_letters_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(NotPossible, match=tmp_path.name):
        list(letters_in([tmp_path]))


def test_a_trial_knows_what_the_ledger_knows_and_changes_nothing(
    tmp_path: Path, ledger: Ledger
) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(letter("Другие слова", message_id="<1@example.org>"))
    with opened_post(tmp_path, ledger) as post:
        post.arrive(letter(message_id="<1@example.org>"))
        before = [post.rows(table) for table in metadata.tables]
        with ledger.read() as tx:
            trial = try_out(post.engine, tx, path)
        assert trial.decided.judged.reason is Reason.ANSWERED_BEFORE
        assert trial.answer is None
        assert [post.rows(table) for table in metadata.tables] == before


def test_every_reason_has_words_of_its_own() -> None:
    assert len({reason_words(one) for one in Reason}) == len(Reason)


def test_status_says_by_its_exit_code_whether_the_minute_is_kept(run: Run, home: Path) -> None:
    settings = {**ROBOT, "DISPATCHER_MAILBOXES": BOXES}
    never = run("mailrobot", "status", "--json", **settings)
    assert never.returncode == 1
    told = json.loads(never.stdout)
    assert (told["is_well"], told["mailboxes"][0]["seconds_since_look"]) == (False, None)
    ledger = open_ledger(f"sqlite:///{home / 'var' / 'dispatcher.sqlite3'}")
    with ledger.write() as tx:
        mailboxes.note(tx, MailboxState("info", datetime.now(UTC), waiting=3, left_alone=2143))
    well = run("mailrobot", "status", **settings)
    assert (well.returncode, well.stderr) == (0, "")
    assert "info" in well.stdout
    assert "Ответов в пути нет" in well.stdout
    assert "2\xa0143 письма лежали там задолго" in " ".join(well.stdout.split("\n"))
    with ledger.write() as tx:
        mailboxes.note(tx, MailboxState("info", None, trouble="вход отклонён"))
    ledger.close()
    refused = run("mailrobot", "status", **settings)
    assert refused.returncode == 1
    assert "Ящик info: вход отклонён." in refused.stdout
    assert "укладываемся" not in refused.stdout


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "DISPATCHER_SMTP_HOST"),
        (
            {**ROBOT, "DISPATCHER_MAILBOXES": '[{"name": "i", "host": "h", "pasword": "pa55"}]'},
            "DISPATCHER_MAILBOXES",
        ),
    ],
)
def test_a_robot_that_cannot_work_says_which_setting_is_wrong_and_not_what_is_in_it(
    run: Run, settings: dict[str, str], told: str
) -> None:
    done = run("mailrobot", **settings)
    assert done.returncode == 2
    assert told in done.stderr
    assert "pa55" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


# How it stands ----------------------------------------------------------------------------------


def standing(folder: Path, url: str, *, after_seconds: float, sent: bool = False) -> Wellbeing:
    """A robot looked into its mailbox, and an answer became owed; so long ago."""
    clock = SimulatedClock(MONDAY)
    ledger = open_ledger(url)
    engine = make_engine(settings_for(folder, url, **robot_settings(1)), clock=clock, ledger=ledger)
    now = clock.now()
    owed = Owed("a", MailKind.ACKNOWLEDGEMENT, "", ANNA, "<a@example.com>", b"x", now)
    with ledger.write() as tx:
        mailboxes.note(tx, MailboxState(BOX.name, now, waiting=1, oldest_at=now))
        made = outbox.owe(tx, owed, now)
        if sent and made is not None:
            outbox.claim(tx, "robot", now)
            ending = outbox.MailEnding(made, outbox.MailStatus.SENT, sent_at=now)
            outbox.finish(tx, [ending], "robot")
    clock.move_to(now + timedelta(seconds=after_seconds))
    found = wellbeing(engine)
    ledger.close()
    return found


def test_an_alarm_is_raised_before_the_minute_is_over(tmp_path: Path, ledger_url: str) -> None:
    assert standing(tmp_path, ledger_url, after_seconds=40).is_well


def test_after_forty_seconds_everything_that_waits_is_told(tmp_path: Path, ledger_url: str) -> None:
    found = standing(tmp_path, ledger_url, after_seconds=41)
    assert len(found.alarms) == 3
    assert (found.unanswered, found.oldest_unanswered_seconds) == (1, 41)
    assert [(box.waiting, box.oldest_seconds) for box in found.mailboxes] == [(1, 41)]


def test_a_mailbox_in_trouble_is_an_alarm_at_once(tmp_path: Path, ledger_url: str) -> None:
    ledger = open_ledger(ledger_url)
    engine = make_engine(
        settings_for(tmp_path, ledger_url, **robot_settings(1)),
        clock=SimulatedClock(MONDAY),
        ledger=ledger,
    )
    with ledger.write() as tx:
        mailboxes.note(tx, MailboxState(BOX.name, None, trouble="нет связи"))
    assert wellbeing(engine).alarms == (f"Ящик {BOX.name}: нет связи.",)
    with ledger.write() as tx:
        mailboxes.note(tx, MailboxState(BOX.name, MONDAY))
        assert not mailboxes.everything(tx)[0].trouble
    assert wellbeing(engine).is_well
    with ledger.write() as tx:
        mailboxes.note(tx, MailboxState(BOX.name, None, trouble="нет связи"))
    assert not wellbeing(engine).is_well
    ledger.close()


def test_an_answer_that_was_sent_waits_no_more(tmp_path: Path, ledger_url: str) -> None:
    found = standing(tmp_path, ledger_url, after_seconds=30, sent=True)
    assert (found.unanswered, found.oldest_unanswered_seconds) == (0, None)
    assert found.is_well
