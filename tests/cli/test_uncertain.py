"""Doubt has a way out: the provider is asked for a day, then staff decide. And what they read of
customers' answers."""

from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.channel import ChannelName
from campaigns.inquiry.status import InquiryChannel
from campaigns.outcome import Outcome
from campaigns.stop_words import Wish
from dispatcher.ledger import doubts, inquiries, replies
from dispatcher.ledger.inquiries import NewInquiry
from tests.cli.test_commands import Run, environment, facts, home, run
from tests.flow.builders import END, SMS, START, Books, mobile, open_books, recipient

__all__ = ["environment", "home", "run"]

NUMBERS = {"501": "+79160000014", "502": "+79160010014", "503": "+79160020014"}


@pytest.fixture
def books(home: Path) -> Books:
    """One SMS to each of three customers, and nobody knows what became of them. About two of them
    the provider is asked no more."""
    folder = home / "ledger"
    folder.mkdir()
    books = open_books(folder)
    books.launch(
        [recipient(a, mobile(n), row=i) for i, (a, n) in enumerate(NUMBERS.items(), 2)],
        start_at=START,
        end_at=END,
    )
    for account in NUMBERS:
        books.attempt(account, SMS, START + timedelta(hours=1), Outcome.UNCERTAIN)
    with books.ledger.write() as tx:
        theirs = {books.delivery(a, SMS).id: None for a in ("501", "502")}
        doubts.ask_next(tx, dict(theirs))
    return books


@pytest.fixture
def ledger(books: Books) -> dict[str, str]:
    return {"DISPATCHER_DATABASE_URL": str(books.ledger.engine.url)}


def test_staff_see_what_is_theirs_and_decide_and_the_books_still_hold(
    run: Run, books: Books, ledger: dict[str, str]
) -> None:
    done = run("campaign", "uncertain", "1", "--json", **ledger)
    listed = {row["account_number"]: row for row in facts(done)}
    assert {a for a, row in listed.items() if row["yours_to_decide"]} == {"501", "502"}
    assert listed["503"]["asked_next_at"] is not None
    assert not any(number in done.stdout for number in NUMBERS.values())
    assert NUMBERS["501"] in run("campaign", "uncertain", "1", "--full", "--json", **ledger).stdout

    shown = run("campaign", "uncertain", "1", **ledger).stdout
    assert shown.index("Провайдера ещё спрашиваем") < shown.index("503") < shown.index("501")
    for command in (("list",), ("show", "1")):
        told = " ".join(run("campaign", *command, **ledger).stdout.split())
        assert "2 попытки ждут вашего решения: dispatcher campaign uncertain 1" in told
    assert facts(run("campaign", "show", "1", "--json", **ledger))["undecided"] == 2
    assert facts(run("campaign", "list", "--json", **ledger))[0]["undecided"] == 2

    def decide(*how: str) -> int:
        return run("campaign", "resolve", "1", "sms", *how, **ledger).returncode

    assert decide("--reached") == 2  # neither one account nor all
    unknown = run("campaign", "resolve", "1", "sms", "--reached", "--account", "99", **ledger)
    assert unknown.returncode == 2
    assert "99" in unknown.stderr
    assert "✓" not in unknown.stdout
    assert decide("--reached", "--account", "501") == 0
    assert decide("--reached", "--account", "501") == 1  # decided already
    assert decide("--not-reached", "--all") == 0
    assert "✓" in run("campaign", "uncertain", "1", **ledger).stdout
    statuses = facts(run("campaign", "report", "1", "--json", **ledger))["channels"]["sms"]
    assert statuses["positive"] == 1
    assert statuses["statuses"]["pending"] == 2
    audit = facts(run("audit", "1", "--json", **ledger))
    broken = {check["name"] for check in audit["checks"] if check["broken"]}
    assert not broken


def test_a_customers_answer_is_listed_shown_and_dealt_with_once(
    run: Run, books: Books, ledger: dict[str, str]
) -> None:
    assert "нет" in run("inquiries", "list", **ledger).stdout
    for kind, text in ((Wish.QUESTION, "Я оплатил [red]\x1b[2J вчера"), (Wish.STOP, "стоп")):
        with books.ledger.write() as tx:
            new = NewInquiry(InquiryChannel.SMS, "smsaero", kind, NUMBERS["501"], kind, text)
            inquiries.register(tx, new, inquiries.next_number(tx, START.year), START)
    done = run("inquiries", "list", **ledger)
    assert "\x1b" not in done.stdout
    assert NUMBERS["501"] not in done.stdout
    assert [one["inquiry"] for one in facts(run("inquiries", "list", "--json", **ledger))] == [1]
    assert len(facts(run("inquiries", "list", "--all", "--json", **ledger))) == 2
    shown = run("inquiries", "show", "1", "--full", **ledger).stdout
    assert "[red]" in shown
    assert NUMBERS["501"] in shown
    assert "\x1b" not in shown

    def close() -> int:
        return run("inquiries", "close", "1", "--reason", "done", **ledger).returncode

    assert close() == 0
    assert close() == 2  # closed already
    assert run("inquiries", "show", "7", **ledger).returncode == 2
    assert facts(run("inquiries", "list", "--json", **ledger)) == []
    assert facts(run("inquiries", "show", "1", "--json", **ledger))["status"] == "closed"


def test_what_became_of_a_confirmation_is_shown_with_the_stop(
    run: Run, books: Books, ledger: dict[str, str]
) -> None:
    with books.ledger.write() as tx:
        point = NUMBERS["501"]
        new = NewInquiry(InquiryChannel.SMS, "smsaero", "1", point, Wish.STOP, "стоп")
        number = inquiries.register(tx, new, inquiries.next_number(tx, START.year), START)
        replies.add(tx, number, ChannelName.SMS, "smsaero", point, "Вы отписаны", START)
        assert replies.of_inquiry(tx, number, ChannelName.SMS, "twilio") is None
    assert "ждёт отправки" in run("inquiries", "show", "1", **ledger).stdout
    with books.ledger.write() as tx:
        replies.note_receipt(tx, number, "r-1", Outcome.DELIVERED, START)
    assert "доставлено" in run("inquiries", "show", "1", **ledger).stdout.lower()
    shown = facts(run("inquiries", "show", "1", "--json", **ledger))
    assert (shown["reply"], shown["reply_outcome"]) == ("sent", "delivered")


def test_check_prints_the_address_for_answers(run: Run) -> None:
    assert "ответы по SMS" in run("check").stdout
    done = run(
        "check",
        "--json",
        DISPATCHER_SMSAERO_EMAIL="a@example.com",
        DISPATCHER_SMSAERO_API_KEY="k" * 32,
        DISPATCHER_SMS_SIGN="Energosbyt",
        DISPATCHER_RECEIPTS_URL="https://d.example.com",
        DISPATCHER_SECRET="a secret of the tests, long enough",
    )
    [note] = [one["note"] for one in facts(done) if "smsaero/inbound" in one["note"]]
    assert "https://d.example.com/smsaero/inbound/smsaero-" in note
