"""The mail-robot in the demonstration: what becomes of the twenty letters, and what is shown."""

import csv
import imaplib
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from campaigns.demo.letter_files import FOLDER, Ours, demo_letters
from campaigns.inquiry.rules import Topic
from campaigns.inquiry.verdict import Reason, Verdict
from channels.mailbox.reading import read_letter
from dispatcher.audit import examine
from dispatcher.cli import demo_letters as shown
from dispatcher.cli import screen
from dispatcher.demo import ANSWERS, LETTERS
from dispatcher.demo_letters import SPECIALIST, Exchange, Followed, exchange
from dispatcher.ledger import suppressions
from dispatcher.ledger import tables as t
from dispatcher.ledger.letter_fates import LetterFate
from templates.i18n import set_language
from tests.flow.rehearsing import EMAIL, PHONE, Rehearsal, customer, open_rehearsal, scenario_text

PEOPLE = [customer(str(n), f"good{n}@example.org", row=n + 1) for n in range(1, 5)]
BY_PERSON = (Verdict.ANSWER, Reason.LETTER)
EXPECTED: dict[str, tuple[Verdict, Reason, Topic | None]] = {
    "01-complaint": (*BY_PERSON, Topic.COMPLAINT),
    "02-meter-readings": (*BY_PERSON, Topic.READING),
    "03-billing-question": (*BY_PERSON, Topic.BILLING),
    "04-outage": (*BY_PERSON, Topic.OUTAGE),
    "05-connection": (*BY_PERSON, Topic.CONNECTION),
    "06-contract-html-broken-charset": (*BY_PERSON, Topic.CONTRACT),
    "07-thanks": (*BY_PERSON, Topic.THANKS),
    "08-in-english": (*BY_PERSON, Topic.BILLING),
    "09-reply-to-campaign": (Verdict.ANSWER, Reason.REPLY, Topic.BILLING),
    "10-repeated-question": (Verdict.ANSWER, Reason.FOLLOW_UP, Topic.BILLING),
    "11-bounce": (Verdict.SILENT, Reason.REPORT, None),
    "12-disposition-notification": (Verdict.SILENT, Reason.REPORT, None),
    "13-out-of-office": (Verdict.SILENT, Reason.AUTO_SUBMITTED, None),
    "14-out-of-office-no-headers": (Verdict.SILENT, Reason.OUT_OF_OFFICE, None),
    "15-mailing-list": (Verdict.SILENT, Reason.MAILING_LIST, None),
    "16-noreply": (Verdict.SILENT, Reason.NO_REPLY, None),
    "17-spam": (Verdict.SILENT, Reason.SPAM, None),
    "18-unsubscribe": (Verdict.SILENT, Reason.UNSUBSCRIBE, None),
    "19-without-from": (Verdict.SILENT, Reason.NO_SENDER, Topic.BILLING),
    "20-unreadable": (Verdict.SILENT, Reason.NO_SENDER, Topic.OTHER),
}
ABOUT_A_CAMPAIGN = {
    "09-reply-to-campaign",
    "11-bounce",
    "12-disposition-notification",
    "18-unsubscribe",
}


@contextmanager
def campaign(folder: Path, ledger_url: str, scenario: str) -> Iterator[Rehearsal]:
    """One that has run to its end."""
    one = open_rehearsal(folder, ledger_url)
    try:
        one.rehearsal.launch(PEOPLE, scenario, days=1)
        one.rehearsal.run(one.rehearsal.campaigns[0].end_at)
        yield one.rehearsal
    finally:
        one.close()


def run(after: Rehearsal, out: Path) -> Exchange:
    return exchange(after.engine, after.campaigns[0].id, out)


def test_each_letter_has_its_verdict_and_one_answer_or_silence_on_either_database(
    tmp_path: Path, ledger_url: str
) -> None:
    with campaign(tmp_path, ledger_url, scenario_text("email")) as after:
        found = run(after, tmp_path)
        fates = {row.name: row.fate for row in found.rows}
        assert {
            name: fate and (fate.verdict, fate.reason, fate.topic) for name, fate in fates.items()
        } == EXPECTED
        assert (found.answered, found.silent, found.lost, found.failed) == (10, 10, 0, 0)
        assert all(row.answers == (row.seconds is not None) for row in found.rows)
        assert found.slowest_seconds is not None
        assert 0 < found.slowest_seconds < 60
        numbers = {name: fate.number for name, fate in fates.items() if fate}
        assert numbers["10-repeated-question"] == numbers["03-billing-question"]
        assert len({*numbers.values()} - {None}) == 11
        taken = Counter(
            json.loads(line)["contact_point"]
            for line in (tmp_path / ANSWERS).read_text("utf-8").splitlines()
        )
        assert taken["dementev@example.com"] == 2
        assert taken["n.sokolova@example.com"] == 1
        # All that is registered, and the repeated question once more.
        assert taken[SPECIALIST] == 12
        assert taken.total() == 10 + 12


def test_what_letters_say_about_the_campaign_is_written_down_and_the_books_still_hold(
    tmp_path: Path, sqlite_url: str
) -> None:
    with campaign(tmp_path, sqlite_url, scenario_text("email")) as after:
        assert after.outcomes() == ["accepted"] * 4
        received = after.taken(EMAIL)
        run(after, tmp_path)
        told = {one.contact_point: str(one.outcome) for one in after.attempts()}
        assert list(told.values()) == ["answered", "bad_address", "read", "accepted"]
        by_order = list(told)
        with after.ledger.read() as tx:
            reasons = {
                stop.contact_point: stop.reason
                for found in suppressions.of_parties(tx, by_order, after.clock.now()).values()
                for stop in found
            }
            campaign_id = after.campaigns[0].id
            now = after.clock.now()
            assert examine(tx, campaign_id, after.engine.rules(tx), now).passed
            found_letters = tx.execute(select(func.count()).select_from(t.letters)).scalar_one()
        assert reasons[by_order[3]] == "unsubscribed"
        assert by_order[1] in reasons
        assert found_letters == 20
        assert after.taken(EMAIL) == received  # nothing of it went to the campaign's mail server


def test_after_a_campaign_without_letters_nobody_writes_about_its_letters(
    tmp_path: Path, sqlite_url: str
) -> None:
    with campaign(tmp_path, sqlite_url, scenario_text("phone")) as after:
        assert not [one for one in after.attempts() if one.channel is not PHONE]
        found = run(after, tmp_path)
    assert {row.name for row in found.rows} == EXPECTED.keys() - ABOUT_A_CAMPAIGN
    assert found.failed == 0


def test_one_letter_of_ours_is_enough_for_all_that_speak_of_one() -> None:
    ours = Ours("anna@example.com", "<1-1-0123456789abcdef0123@example.com>", "1-1-token")
    made = {one.name: one.raw for one in demo_letters([ours])}
    assert made.keys() == EXPECTED.keys()
    assert all(b"anna@example.com" in made[name] for name in ABOUT_A_CAMPAIGN)
    assert not any(place in raw for raw in made.values() for place in (b"%ADDR", b"%MESS", b"%TOK"))
    assert all(b"\n" not in raw.replace(b"\r\n", b"") for raw in made.values())


def test_several_letters_of_ours_are_spoken_of_in_turn() -> None:
    ours = [Ours(f"n{n}@example.com", f"<{n}@example.com>", str(n)) for n in range(4)]
    made = {one.name: one.raw for one in demo_letters(ours)}
    for n, name in enumerate(sorted(ABOUT_A_CAMPAIGN)):
        assert f"n{n}@example.com".encode() in made[name]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.eml")), ids=lambda path: path.stem)
def test_the_people_in_the_letters_are_invented(path: Path) -> None:
    letter = read_letter(path.read_bytes()).letter
    domains = {one.address.rpartition("@")[2] for one in letter.senders}
    assert all(one.endswith(("example.com", "example.net")) for one in domains)


def test_what_goes_wrong_with_the_letters_is_told_and_hides_nothing(
    tmp_path: Path, sqlite_url: str
) -> None:
    with campaign(tmp_path, sqlite_url, scenario_text("email")) as after:
        in_the_way = tmp_path / "out"
        in_the_way.write_text("a file where the folder should be")
        found = shown.drop(after.engine, after.campaigns[0].id, in_the_way, quiet=True)
    assert found == "FileExistsError"
    assert not shown.is_well(found)
    assert shown.facts(found) == {"error": "FileExistsError"}
    assert "FileExistsError" in printed(found)


def fate(
    verdict: Verdict = Verdict.ANSWER, subject: str = "Письмо", answer_id: str | None = None
) -> LetterFate:
    return LetterFate(1, subject, verdict, Reason.LETTER, answer_id=answer_id)


def printed(found: Exchange | str) -> str:
    set_language("ru")
    with screen.console.capture() as capture:
        shown.tell(found)
    return capture.get()


@pytest.mark.parametrize(
    "row",
    [
        Followed("01", None, None, 0),
        Followed("01", fate(answer_id="<a@b>"), None, 0),
        Followed("01", fate(answer_id="<a@b>"), 0.5, 2),
        Followed("01", fate(), None, 0),
        Followed("01", fate(verdict=Verdict.SILENT, answer_id="<a@b>"), 0.5, 1),
    ],
    ids=["lost", "not sent", "sent twice", "not written", "answered though silent"],
)
def test_a_letter_that_did_not_fare_well_is_shown_as_such(row: Followed) -> None:
    well = Followed("02", fate(answer_id="<c@d>"), 0.25, 1)
    found = Exchange([row, well])
    assert found.failed == 1
    assert found.lost == (row.fate is None)
    assert not shown.is_well(found)
    assert shown.is_well(Exchange([well]))
    text = printed(found)
    assert "✗" in text
    assert "letters.csv" in text


def test_a_subject_cannot_colour_or_move_the_screen() -> None:
    text = printed(
        Exchange([Followed("01", fate(subject="[red]\x1b[31mA", answer_id="<a>"), 1, 1)])
    )
    assert "\x1b[31m" not in text
    assert "[red]" in text


EXPORT = (
    "Лицевой счёт;ФИО;E-mail;Регион;Долг\n"
    "100001;Иванов Иван Иванович;good1@example.com;Омская область;1 234,56\n"
    "100002;Петрова Анна Сергеевна;good2@example.com;Москва;500\n"
)


def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DISPATCHER_")}
    scripts = str(Path(sys.executable).parent)
    return kept | {
        "DISPATCHER_DATA_DIR": str(home / "var"),
        "COLUMNS": "80",
        "PATH": f"{scripts}:{kept['PATH']}",
    }


def test_the_demonstration_shows_the_letters_in_eighty_columns_and_what_to_try_next(
    tmp_path: Path,
) -> None:
    (tmp_path / "export.csv").write_text(EXPORT, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "dispatcher", "demo", "--audience", "export.csv", "--out", "out"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    screenful = done.stdout.partition("Письма mail-роботу")[2]
    assert max(map(len, screenful.splitlines())) <= 80
    assert "Отвечено: 10" in screenful
    assert "Потеряно: 0" in screenful
    with (tmp_path / "out" / LETTERS).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["letter"] for row in rows] == sorted(EXPECTED)
    for row in rows:
        assert row["number"] in screenful
        assert (row["verdict"] == "answer") == bool(row["seconds"])
    [command] = [line for line in screenful.splitlines() if line.endswith("inquiries list")]
    listed = subprocess.run(
        ["/usr/bin/env", *shlex.split(command), "--json"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr
    assert all(row["number"] in listed.stdout for row in rows)


def test_a_letter_put_into_the_mailbox_of_a_rehearsal_is_answered(tmp_path: Path) -> None:
    """By the address, the user and the password that the screen tells."""
    with subprocess.Popen(
        [sys.executable, "-m", "dispatcher", "up", "--sandbox"],
        cwd=tmp_path,
        env=environment(tmp_path)
        | {
            "DISPATCHER_RECEIPTS_PORT": "0",
            # One's own mailboxes are left alone: nobody could look into this one.
            "DISPATCHER_MAILBOXES": '[{"name": "own", "host": "127.0.0.1", "port": 1}]',
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        patience = threading.Timer(40, process.kill)
        patience.start()
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            command = shlex.split(next(line for line in lines if "curl" in line))
            username, _colon, password = command[command.index("--user") + 1].partition(":")
            host, _colon, port = (
                command[-1].removeprefix("imap://").partition("/")[0].partition(":")
            )
            with imaplib.IMAP4(host, int(port)) as client:
                client.login(username, password)
                client.append("INBOX", "", "", (FOLDER / "04-outage.eml").read_bytes())
            sent = next((line for line in lines if "letter.out" in line), "")
            assert "status=sent" in sent
            assert "galina.melnik" not in sent
            assert "galina.melnik" in (tmp_path / "var" / "received.jsonl").read_text("utf-8")
        finally:
            patience.cancel()
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=30)[0]
    assert process.returncode == 0, rest
    assert " own" not in rest
