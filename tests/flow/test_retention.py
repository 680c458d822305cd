"""What is old moves out, nobody can be told from it any more, and the books say what they said."""

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Table, event, func, insert, select

from campaigns.audience import RowError
from campaigns.channel import ContactKind, Purpose
from campaigns.consent import Suppression
from campaigns.outcome import Outcome
from campaigns.recipient import Consent, ContactPoint
from campaigns.scenario_file import library_path, read_scenario
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import (
    Ledger,
    archive,
    audiences,
    erasure,
    scenarios,
    suppressions,
    tallies,
    trail,
    uploads,
)
from dispatcher.ledger import receipts as kept_receipts
from dispatcher.ledger import tables as t
from dispatcher.ledger.erasure import Used
from dispatcher.receipts import attempt_of
from dispatcher.report import export, html, workbook
from dispatcher.report.figures import CampaignReport
from dispatcher.retention import keeper, person
from dispatcher.retention.books import FORMAT, audit_of, read, report_of, written
from dispatcher.retention.carrying_out import Kind, look, work
from dispatcher.retention.terms import Terms, is_over, months_before
from dispatcher.settings import Settings
from dispatcher.tokens import TokenFor, attempt_key, sign
from tests.flow.builders import (
    EMAIL,
    END,
    PHONE,
    SMS,
    START,
    Books,
    address,
    mobile,
    recipient,
)

IVAN, MARIA = "70001850005", "70001850006"
IVANS_NUMBER, MARIAS_NUMBER = "+79161234567", "+79161234568"
IVANS_ADDRESS = "ivan.petrov@example.com"
HOUR = timedelta(hours=1)
YEARS_LATER = END + timedelta(days=37 * 31)
ARCHIVE_TIME = END + timedelta(days=14 * 31)


@pytest.fixture
def books(ledger: Ledger, tmp_path: Path) -> Books:
    """A completed campaign on two customers and a landlord's second account, with a bad row."""
    clock = SimulatedClock(START - timedelta(days=30))
    engine = Engine(
        settings=Settings(_env_file=None, data_dir=tmp_path),
        ledger=ledger,
        clock=clock,
        channels={},
        receipts_url="http://127.0.0.1:1",
        secret="for tests only",
    )
    books = Books(ledger, engine, clock)
    books.launch(
        [
            recipient(IVAN, mobile(IVANS_NUMBER), address(IVANS_ADDRESS), row=2),
            recipient(MARIA, mobile(MARIAS_NUMBER), row=3),
            recipient("70001850007", mobile(MARIAS_NUMBER), row=4),
        ],
        errors=[
            RowError(
                9, "Телефон", "phone_invalid", "12", "Не номер.", "Исправьте.", ("Ольга", "12"),
                fatal=False, account_number="70001850009",
            )
        ],
    )  # fmt: skip
    books.attempt(IVAN, EMAIL, START, Outcome.ACCEPTED)
    books.attempt(IVAN, PHONE, START, Outcome.BUSY)
    books.attempt(IVAN, SMS, START, Outcome.UNDELIVERED)
    books.attempt(MARIA, PHONE, START + HOUR, Outcome.HEARD)
    books.attempt(IVAN, PHONE, START + 4 * HOUR, Outcome.HEARD)
    books.attempt(MARIA, SMS, START + 5 * HOUR, Outcome.DELIVERED)
    with ledger.write() as tx:
        for attempt_id, point in tx.execute(
            select(t.attempts.c.id, t.attempts.c.contact_point)
        ).all():
            kept_receipts.keep(
                tx,
                provider="sandbox",
                attempt_id=attempt_id,
                reference=f"ref-{attempt_id}",
                outcome=None,
                effect="sign",
                payload={"To": point},
                now=clock.now(),
            )
    books.close()
    return books


def everything(ledger: Ledger, *without: Table) -> str:
    """All that stands in the ledger, as one text: what is searched for must not be in it."""
    with ledger.read() as tx:
        return json.dumps(
            [
                [str(value) for value in row]
                for table in t.metadata.sorted_tables
                if table not in without
                for row in tx.execute(select(table))
            ],
            ensure_ascii=False,
        )


def count(ledger: Ledger, table: Table) -> int:
    with ledger.read() as tx:
        return tx.execute(select(func.count()).select_from(table)).scalar_one()


def report(books: Books) -> CampaignReport:
    with books.ledger.read() as tx:
        return report_of(tx, books.campaign.id, books.clock.now())


def figures_of(found: CampaignReport) -> Mapping[str, Any]:
    """What a report tells, but for when it was made and whom it names."""
    return {
        name: getattr(found, name)
        for name in ("recipients", "reach", "channels", "calls", "providers", "zones", "balances")
    }


def failed(books: Books) -> Sequence[str]:
    with books.ledger.read() as tx:
        result = audit_of(tx, books.engine, books.campaign.id, books.clock.now())
    return [check.name for check in result.checks if not check.passed]


def carry_out(books: Books, at: datetime) -> Mapping[Kind, int]:
    books.clock.move_to(at)
    done: dict[Kind, int] = {}
    for piece in work(books.engine, books.clock.now()):
        done[piece.kind] = done.get(piece.kind, 0) + piece.count
    return {kind: n for kind, n in done.items() if n}


def exported(books: Books) -> list[export.Row]:
    with books.ledger.read() as tx:
        return list(export.attempts(tx, books.campaign.id, full=True))


class TestArchive:
    def test_attempts_move_a_year_after_the_end_and_the_report_stays(
        self, books: Books, tmp_path: Path
    ) -> None:
        before, rows, told = figures_of(report(books)), exported(books), count_all(books)
        carry_out(books, END + timedelta(days=12 * 30))
        assert count(books.ledger, t.archived_attempts) == 0
        with books.ledger.read() as tx:
            (month, campaigns, attempts) = archive.waiting(tx, ARCHIVE_TIME)[0]
        assert (month, campaigns, attempts) == ("2026-12", 1, 6)
        done = carry_out(books, ARCHIVE_TIME)
        assert done == {Kind.BOOKS: 1, Kind.ARCHIVED: 5}  # one stays, so that its number is taken
        assert count(books.ledger, t.attempts) == 1
        assert count(books.ledger, t.touches) == 2
        assert count(books.ledger, t.receipts) == 1
        assert figures_of(report(books)) == before
        assert exported(books) == rows
        assert count_all(books) == told
        assert failed(books) == []
        with books.ledger.read() as tx:
            workbook.write(tmp_path / "report.xlsx", tx, report(books))
        assert "Учёт сходится." in html.render(report(books))

    def test_what_hung_on_an_attempt_moves_with_it(self, books: Books) -> None:
        carry_out(books, ARCHIVE_TIME)
        with books.ledger.read() as tx:
            row = tx.execute(select(t.archived_attempts).where(t.archived_attempts.c.id == 1)).one()
        assert {one["party"] for one in row.told} == {f"account:{IVAN}", IVANS_ADDRESS}
        assert [one["reference"] for one in row.receipts] == ["ref-1"]

    def test_it_is_proved_what_was_said_to_a_customer(self, books: Books) -> None:
        carry_out(books, ARCHIVE_TIME)
        with books.ledger.read() as tx:
            said = archive.said_to(tx, IVAN)
            shared = archive.said_to(tx, "70001850007")
        assert [(one.channel, one.outcome) for one in said] == [
            (PHONE, Outcome.HEARD),
            (SMS, Outcome.UNDELIVERED),
            (PHONE, Outcome.BUSY),
            (EMAIL, Outcome.ACCEPTED),
        ] or len(said) == 4
        # Told in Maria's message, under the number they share.
        assert {one.contact_point for one in shared} == {MARIAS_NUMBER}
        assert {one.channel for one in shared} == {PHONE, SMS}

    @pytest.mark.parametrize("dies_at", range(6))
    def test_killed_anywhere_each_attempt_is_in_exactly_one_place(
        self, books: Books, monkeypatch: pytest.MonkeyPatch, dies_at: int
    ) -> None:
        monkeypatch.setattr(archive, "PIECE", 2)
        monkeypatch.setattr(archive.move, "__defaults__", (2,))
        books.clock.move_to(ARCHIVE_TIME)
        statements = 0

        def die(*_: object) -> None:
            nonlocal statements
            statements += 1
            if statements == 3 + 4 * dies_at:
                raise KeyboardInterrupt

        pieces = work(books.engine, books.clock.now())
        next(pieces)  # the books
        event.listen(books.ledger.engine, "before_cursor_execute", die)
        try:
            for _ in pieces:
                pass
        except KeyboardInterrupt:
            pass
        event.remove(books.ledger.engine, "before_cursor_execute", die)
        assert count(books.ledger, t.attempts) + count(books.ledger, t.archived_attempts) == 6
        with books.ledger.read() as tx:
            assert not set(tx.execute(select(t.attempts.c.id)).scalars()) & set(
                tx.execute(select(t.archived_attempts.c.id)).scalars()
            )
            assert list(tallies.drift(tx, books.campaign.id)) == []
        carry_out(books, books.clock.now())
        assert count(books.ledger, t.archived_attempts) == 5
        assert len(exported(books)) == 6

    def test_two_at_once_share_the_work(self, books: Books) -> None:
        books.clock.move_to(ARCHIVE_TIME)
        both = [threading.Thread(target=carry_out, args=(books, ARCHIVE_TIME)) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        assert count(books.ledger, t.archived_attempts) == 5
        assert failed(books) == []

    def test_what_is_uncertain_waits_for_staff(self, books: Books) -> None:
        with books.ledger.write() as tx:
            a = t.attempts
            tx.execute(a.update().where(a.c.id == 3).values(outcome="uncertain"))
        carry_out(books, ARCHIVE_TIME)
        with books.ledger.read() as tx:
            assert set(tx.execute(select(t.attempts.c.id)).scalars()) == {3, 6}
            left = select(t.closed_books.c.archived_at)
            assert tx.execute(left).scalar_one() is None

    def test_a_new_attempt_never_gets_the_number_of_one_that_moved(self, books: Books) -> None:
        carry_out(books, ARCHIVE_TIME)
        _second_campaign(books)
        assert books.attempt(IVAN, PHONE, books.clock.now() + HOUR, Outcome.HEARD) == 7

    def test_an_old_letter_can_still_be_answered_with_a_no(self, books: Books) -> None:
        delivery_id = books.delivery(IVAN, EMAIL).id
        carry_out(books, ARCHIVE_TIME)
        token = sign(books.engine.secret, TokenFor.UNSUBSCRIBE, attempt_key(delivery_id, 1))
        with books.ledger.read() as tx:
            found = attempt_of(tx, books.engine, TokenFor.UNSUBSCRIBE, token)
        assert found is not None
        assert found.contact_point == IVANS_ADDRESS

    def test_never_means_never(self, books: Books) -> None:
        books.engine.settings = books.engine.settings.model_copy(update={"archive_months": 0})
        assert Kind.ARCHIVED not in carry_out(books, YEARS_LATER)


def count_all(books: Books) -> object:
    with books.ledger.read() as tx:
        return (
            tallies.by_status(tx, books.campaign.id),
            sorted(tallies.by_outcome(tx, books.campaign.id), key=str),
        )


def _second_campaign(books: Books, scenario: str = "debt-reminder") -> None:
    """A new audience with the same two customers, in a campaign that begins tomorrow at ten."""
    start = books.clock.now().replace(hour=3, minute=0, second=0, microsecond=0)
    start += timedelta(days=1)
    while start.month in (1, 5) or start.weekday() >= 5:
        start += timedelta(days=1)
    books.launch(
        [
            recipient(
                IVAN,
                mobile(IVANS_NUMBER),
                address(IVANS_ADDRESS),
                consents=(Consent(granted=True),),
            ),
            recipient(MARIA, mobile(MARIAS_NUMBER), row=3, consents=(Consent(granted=True),)),
        ],
        scenario=scenario,
        start_at=start,
        end_at=start + timedelta(days=14),
    )


class TestBooksOfFormerPrograms:
    """What was kept years ago is still read; who changes it sees here what that takes."""

    CORPUS = Path(__file__).parents[1] / "corpora" / "books"

    def test_each_format_that_ever_was_is_there_to_be_read(self) -> None:
        names = sorted(path.name for path in self.CORPUS.iterdir())
        assert names == [f"format-{n}.json" for n in range(1, FORMAT + 1)]

    def test_closed_books_of_every_format_are_read(self, books: Books) -> None:
        carry_out(books, ARCHIVE_TIME)
        for path in self.CORPUS.iterdir():
            kept = json.loads(path.read_text("utf-8"))
            with books.ledger.write() as tx:
                archive.rewrite_books(tx, books.campaign.id, kept["report"], kept["audit"])
            found = report(books)
            assert (found.recipients, len(found.uncertain), len(found.row_errors)) == (3, 1, 1)
            assert "Учёт" in html.render(found)
            with books.ledger.read() as tx:
                audited = audit_of(tx, books.engine, books.campaign.id, ARCHIVE_TIME)
            assert any(check.findings for check in audited.checks)

    def test_a_field_more_or_less_in_what_is_kept_is_a_new_format(self) -> None:
        """Then FORMAT rises by a step, and books of the new format are laid beside the old."""
        frozen = json.loads((self.CORPUS / f"format-{FORMAT}.json").read_text("utf-8"))
        again = written(*read(frozen["report"], frozen["audit"]))
        assert json.loads(json.dumps(again)) == [frozen["report"], frozen["audit"]]

    def test_books_closed_before_they_had_a_format_are_of_the_first(self) -> None:
        frozen = json.loads((self.CORPUS / "format-1.json").read_text("utf-8"))
        without = {name: value for name, value in frozen["report"].items() if name != "format"}
        assert read(without, frozen["audit"]) == read(frozen["report"], frozen["audit"])

    def test_books_of_a_newer_program_are_not_guessed_at(self) -> None:
        with pytest.raises(NotPossible):
            read({"format": FORMAT + 1}, {})


class TestErasure:
    def test_after_three_years_nobody_can_be_told_and_the_report_is_the_same(
        self, books: Books, tmp_path: Path
    ) -> None:
        before, told = figures_of(report(books)), count_all(books)
        books.clock.move_to(YEARS_LATER)
        due = look(books.engine, YEARS_LATER)
        assert (due.lists, due.customers) == (1, 3)
        done = carry_out(books, YEARS_LATER)
        assert (done[Kind.CUSTOMERS], done[Kind.LISTS]) == (3, 1)
        left = everything(books.ledger)
        for secret in (IVAN, MARIA, "9161234567", "9161234568", "ivan", "Иван", "Ольга", "123456"):
            assert secret.lower() not in left.lower(), secret
        assert figures_of(report(books)) == before
        assert count_all(books) == told
        assert failed(books) == []
        assert len(exported(books)) == 6
        with books.ledger.read() as tx:
            workbook.write(tmp_path / "report.xlsx", tx, report(books), full=True)
            acts = trail.of(tx, "audience:1")
        assert [act.action for act in acts][-1] == "retention.erase"
        assert look(books.engine, YEARS_LATER).is_nothing
        assert carry_out(books, YEARS_LATER + HOUR) == {}

    def test_erased_before_it_is_archived_it_moves_all_the_same(self, books: Books) -> None:
        months = dict.fromkeys(Purpose, 6)
        update = {"keep_months": months}
        books.engine.settings = books.engine.settings.model_copy(update=update)
        before = figures_of(report(books))
        done = carry_out(books, END + timedelta(days=7 * 31))
        assert (done[Kind.CUSTOMERS], count(books.ledger, t.attempts)) == (3, 6)
        assert failed(books) == []
        carry_out(books, ARCHIVE_TIME)
        assert count(books.ledger, t.archived_attempts) == 5
        assert (failed(books), figures_of(report(books))) == ([], before)

    def test_a_customer_who_is_in_a_newer_list_stays_there(self, books: Books) -> None:
        books.clock.move_to(YEARS_LATER - timedelta(days=30))
        _second_campaign(books)
        carry_out(books, YEARS_LATER)
        with books.ledger.read() as tx:
            accounts = set(tx.execute(select(t.recipients.c.account_number)).scalars())
        assert accounts == {IVAN, MARIA, "erased-1", "erased-2", "erased-3"}

    def test_a_list_that_is_used_again_is_kept_for_that(self, books: Books) -> None:
        books.clock.move_to(YEARS_LATER)
        with books.ledger.write() as tx:
            row = tx.execute(select(t.campaigns)).mappings().one()
            again = {**row, "id": 2, "status": "running", "closed_at": None}
            tx.execute(insert(t.campaigns).values(again))
        assert look(books.engine, YEARS_LATER).lists == 0

    @pytest.mark.parametrize("status", ["draft", "running"])
    def test_a_campaign_begun_while_its_list_is_erased_keeps_whom_it_still_finds(
        self, books: Books, monkeypatch: pytest.MonkeyPatch, status: str
    ) -> None:
        monkeypatch.setattr(erasure.erase_recipients, "__defaults__", (1,))
        books.engine.settings = books.engine.settings.model_copy(update={"archive_months": 0})
        books.clock.move_to(YEARS_LATER)
        pieces = work(books.engine, YEARS_LATER)
        assert [next(pieces).kind for _ in range(2)] == [Kind.BOOKS, Kind.CUSTOMERS]
        with books.ledger.write() as tx:
            row = tx.execute(select(t.campaigns)).mappings().one()
            again = {"id": 2, "status": status, "closed_at": None, "created_at": YEARS_LATER}
            tx.execute(insert(t.campaigns).values({**row, **again}))
        assert [piece.kind for piece in pieces] == []
        with books.ledger.read() as tx:
            accounts = set(tx.execute(select(t.recipients.c.account_number)).scalars())
            assert audiences.get(tx, 1).status == "ready"
        assert accounts == {"erased-1", MARIA, "70001850007"}

    def test_a_list_that_was_erased_cannot_be_used_and_its_name_is_not_free(
        self, books: Books
    ) -> None:
        carry_out(books, YEARS_LATER)
        with books.ledger.write() as tx:
            assert audiences.all_ready(tx) == []
            with pytest.raises(NotPossible):
                audiences.begin(tx, "audience 1", "b.csv", (), "test", YEARS_LATER)

    @pytest.mark.parametrize("pieces", range(1, 6))
    def test_interrupted_anywhere_it_goes_on(
        self, books: Books, monkeypatch: pytest.MonkeyPatch, pieces: int
    ) -> None:
        books.engine.settings = books.engine.settings.model_copy(update={"archive_months": 0})
        books.clock.move_to(YEARS_LATER)
        list(islice(work(books.engine, YEARS_LATER), pieces))
        carry_out(books, YEARS_LATER + HOUR)
        assert IVANS_NUMBER not in everything(books.ledger)
        assert failed(books) == []

    def test_the_stop_list_remembers_who_refused(self, books: Books) -> None:
        with books.ledger.write() as tx:
            stop = Suppression("asked", contact_point=IVANS_NUMBER)
            suppressions.add(tx, stop, "test", books.clock.now())
        carry_out(books, YEARS_LATER)
        with books.ledger.read() as tx:
            assert suppressions.of_parties(tx, [IVANS_NUMBER], YEARS_LATER)
        assert IVANS_NUMBER not in everything(books.ledger, t.suppressions)


def _inquiry(books: Books, **values: object) -> None:
    row = {
        "number": "2026-000001",
        "channel": "email",
        "provider": "box",
        "reference": "<1@example.com>",
        "contact_point": IVANS_ADDRESS,
        "account_number": IVAN,
        "kind": "question",
        "text": "Почему такой счёт? Иван Петров",
        "subject": "Счёт",
        "customer": "Иван Петрович",
        "received_at": START,
        "status": "closed",
        "done_at": START,
        "topic": "billing",
    }
    with books.ledger.write() as tx:
        number = tx.execute(insert(t.inquiries).values(row | values).returning(t.inquiries.c.id))
        inquiry_id = number.scalar_one()
        letter = tx.execute(
            insert(t.letters)
            .values(
                identity=f"{inquiry_id:064}",
                mailbox="box",
                message_id=f"<{inquiry_id}@example.com>",
                sender=IVANS_ADDRESS,
                subject="Счёт",
                words="Почему такой счёт? Иван Петров",
                words_digest="0" * 64,
                arrived_at=START,
                taken_at=START,
                verdict="answer",
                reason="",
                flaws=[],
                attachments=[{"name": "паспорт Петрова.pdf"}],
                size_bytes=10,
                inquiry_id=inquiry_id,
                writer=IVANS_ADDRESS,
                answered=IVANS_ADDRESS,
            )
            .returning(t.letters.c.id)
        ).scalar_one()
        tx.execute(
            insert(t.letter_sources).values(letter_id=letter, content=b"Ivan", is_whole=True)
        )
        tx.execute(
            insert(t.outbox).values(
                occasion=f"answer:<{inquiry_id}@example.com>",
                kind="answer",
                inquiry_id=inquiry_id,
                letter_id=letter,
                sender="",
                recipient=IVANS_ADDRESS,
                message_id=f"<a{inquiry_id}@example.com>",
                content=b"Dear Ivan",
                asked_at=START,
                owed_at=START,
                status="sent",
            )
        )


class TestLetters:
    def test_letters_and_inquiries_go_three_years_after_they_were_over(self, books: Books) -> None:
        _inquiry(books)
        due = look(books.engine, YEARS_LATER)
        assert (due.inquiries, due.letters) == (1, 1)
        done = carry_out(books, YEARS_LATER)
        assert (done[Kind.LETTERS], done[Kind.INQUIRIES]) == (1, 1)
        left = everything(books.ledger)
        for secret in ("ivan", "петр", "почему", "dear"):
            assert secret not in left.lower(), secret
        with books.ledger.read() as tx:
            row = tx.execute(select(t.inquiries)).one()
        assert (row.number, row.topic, row.status) == ("2026-000001", "billing", "closed")

    def test_an_inquiry_that_is_still_open_stays(self, books: Books) -> None:
        _inquiry(books, status="routed", done_at=None)
        done = carry_out(books, YEARS_LATER)
        assert Kind.INQUIRIES not in done
        assert Kind.LETTERS not in done

    def test_what_is_not_sent_yet_is_sent_first(self, books: Books) -> None:
        _inquiry(books)
        with books.ledger.write() as tx:
            tx.execute(t.outbox.update().values(status="waiting"))
        assert Kind.INQUIRIES not in carry_out(books, YEARS_LATER)


class TestImports:
    def test_an_interrupted_import_that_nobody_took_up_is_thrown_away(self, books: Books) -> None:
        with books.ledger.write() as tx:
            begun = audiences.begin(tx, "cut off", "b.csv", (), "test", YEARS_LATER)
            people = [recipient(str(n), mobile(f"+7999000{n:04}"), row=n) for n in range(1, 4)]
            audiences.add_recipients(tx, begun, people)
            bad = RowError(9, "", "x", "+79990009999", "", "", ("+79990009999",), fatal=False)
            audiences.add_errors(tx, begun, [bad])
        carry_out(books, YEARS_LATER + HOUR)
        assert "+7999000" in everything(books.ledger)
        next_day = YEARS_LATER + timedelta(hours=25)
        assert look(books.engine, next_day).imports == 1
        assert carry_out(books, next_day) == {Kind.IMPORTS: 1}
        assert "+7999000" not in everything(books.ledger)
        assert "cut off" not in everything(books.ledger)
        assert look(books.engine, next_day).is_nothing


class TestOnePerson:
    def test_while_an_answer_is_still_to_be_sent_nothing_is_erased(self, books: Books) -> None:
        _inquiry(books)
        with books.ledger.write() as tx:
            tx.execute(t.outbox.update().values(status="waiting"))
        with books.ledger.read() as tx:
            assert person.find(tx, account=IVAN, point=None)[1].owed == 1
        for account, point in ((IVAN, None), (None, IVANS_ADDRESS)):
            with pytest.raises(NotPossible):
                person.erase(books.engine, account=account, point=point, request="", actor="olga")
        assert IVANS_ADDRESS in everything(books.ledger)
        with books.ledger.write() as tx:
            tx.execute(t.outbox.update().values(status="sent"))
        person.erase(books.engine, account=IVAN, point=None, request="", actor="olga")
        assert IVANS_ADDRESS not in everything(books.ledger)

    def test_what_was_sent_after_its_inquiry_was_erased_goes_the_next_night(
        self, books: Books
    ) -> None:
        _inquiry(books)
        with books.ledger.write() as tx:
            tx.execute(t.inquiries.update().values(erased_at=START))
        carry_out(books, ARCHIVE_TIME)
        with books.ledger.read() as tx:
            row = tx.execute(select(t.outbox)).one()
        assert (row.recipient, row.content) == ("", b"")

    @pytest.mark.parametrize(
        ("account", "point", "gone", "stays"),
        [
            (None, "+79161112233", ["8 (916) 111-22-33", "Пётр"], "Анна"),
            (None, "Anna@Example.com", ["ANNA@example.com", "Анна"], "Пётр"),
            (IVAN, None, ["7000 1850 005", "Жанна"], "Анна"),
        ],
    )
    def test_bad_rows_that_name_the_customer_in_any_spelling_are_emptied(
        self, books: Books, account: str | None, point: str | None, gone: list[str], stays: str
    ) -> None:
        cells = [
            ("Пётр", "8 (916) 111-22-33"),
            ("Анна", "<ANNA@example.com>"),
            ("Жанна", "'7000 1850 005", "8 (916) 999-99-99"),
        ]
        with books.ledger.write() as tx:
            errors = [
                RowError(n, "", "phone_invalid", row[1], "", "", row, fatal=False)
                for n, row in enumerate(cells)
            ]
            audiences.add_errors(tx, 1, errors)
            if point is not None:
                kept = recipient(
                    "9", mobile("+79995550000"), ContactPoint(point, ContactKind.MOBILE)
                )
                other = audiences.begin(tx, "other", "c.csv", (), "test", START)
                audiences.add_recipients(tx, other, [kept])
        person.erase(books.engine, account=account, point=point, request="", actor="olga")
        left = everything(books.ledger)
        for secret in gone:
            assert secret not in left
        assert stays in left

    def test_whoever_asks_is_erased_everywhere_and_the_books_still_hold(self, books: Books) -> None:
        _inquiry(books)
        carry_out(books, ARCHIVE_TIME)
        _second_campaign(books)
        before = count_all(books)
        with books.ledger.read() as tx:
            _found, traces = person.find(tx, account=IVAN, point=None)
        assert (traces.rows, traces.attempts, traces.inquiries, traces.letters) == (2, 4, 1, 1)
        assert traces.waiting == 3
        person.erase(books.engine, account=IVAN, point=None, request="№ 15", actor="olga")
        left = everything(books.ledger, t.trail)
        for secret in (IVAN, "9161234567", "ivan", "почему"):
            assert secret not in left.lower(), secret
        assert MARIAS_NUMBER in left
        assert count_all(books) != before  # what was planned is withdrawn
        assert failed(books) == []
        with books.ledger.read() as tx:
            (act,) = trail.of(tx, "retention")
        assert (act.actor, act.details["request"], act.details["rows"]) == ("olga", "№ 15", 2)
        assert IVAN not in str(act)

    def test_while_a_message_is_on_its_way_nothing_more_is_said_and_nothing_erased(
        self, books: Books
    ) -> None:
        _second_campaign(books)
        books.attempt(IVAN, PHONE, books.clock.now() + HOUR, None)
        with pytest.raises(NotPossible, match=r"customer|клиент"):
            person.erase(books.engine, account=IVAN, point=None, request="", actor="olga")
        with books.ledger.read() as tx:
            statuses = dict(
                tx.execute(
                    select(t.deliveries.c.channel, t.deliveries.c.status)
                    .join(t.recipients, t.recipients.c.id == t.deliveries.c.recipient_id)
                    .where(
                        t.deliveries.c.campaign_id == books.campaign.id,
                        t.recipients.c.account_number == IVAN,
                    )
                ).all()
            )
        assert statuses == {"phone": "sending", "sms": "withdrawn", "email": "withdrawn"}
        attempt = books.delivery(IVAN, PHONE)
        assert attempt.end_as == "withdrawn"
        with books.ledger.read() as tx:
            last = tx.execute(select(func.max(t.attempts.c.id))).scalar_one()
        books.find(last, Outcome.HEARD, books.clock.now() + HOUR)
        person.erase(books.engine, account=IVAN, point=None, request="", actor="olga")
        assert IVANS_NUMBER not in everything(books.ledger)

    def test_who_shares_a_message_with_the_erased_one_is_told_all_the_same(
        self, books: Books
    ) -> None:
        books.launch(
            [
                recipient("1", mobile(MARIAS_NUMBER), row=2),
                recipient("2", mobile(MARIAS_NUMBER), row=3),
            ],
            start_at=books.clock.now(),
            end_at=books.clock.now() + timedelta(days=14),
        )
        person.erase(books.engine, account="1", point=None, request="", actor="olga")
        assert books.delivery("2", PHONE).status == "pending"
        assert books.delivery("erased-4", PHONE).status == "withdrawn"

    def test_a_number_goes_and_the_customers_stay(self, books: Books) -> None:
        person.erase(books.engine, account=None, point=MARIAS_NUMBER, request="", actor="olga")
        left = everything(books.ledger)
        assert MARIAS_NUMBER not in left
        assert MARIA in left
        assert IVANS_NUMBER in left

    def test_a_number_that_is_being_called_is_not_erased_meanwhile(self, books: Books) -> None:
        _second_campaign(books)
        books.attempt(MARIA, PHONE, books.clock.now() + HOUR, None)
        with pytest.raises(NotPossible):
            person.erase(books.engine, account=None, point=MARIAS_NUMBER, request="", actor="olga")
        assert MARIAS_NUMBER in everything(books.ledger)

    def test_of_two_numbers_the_other_one_is_still_called(self, books: Books) -> None:
        books.launch(
            [recipient("1", mobile(MARIAS_NUMBER), mobile("+79990000001"))],
            start_at=books.clock.now(),
            end_at=books.clock.now() + timedelta(days=14),
        )
        person.erase(books.engine, account=None, point=MARIAS_NUMBER, request="", actor="olga")
        found = books.delivery("1", PHONE)
        assert (found.status, found.points) == ("pending", ("+79990000001",))

    def test_of_whom_nothing_is_kept_nothing_is_erased(self, books: Books) -> None:
        with pytest.raises(NotPossible):
            person.erase(books.engine, account="4711", point=None, request="", actor="olga")
        person.erase(books.engine, account=IVAN, point=None, request="", actor="olga")
        with pytest.raises(NotPossible):
            person.erase(books.engine, account=IVAN, point=None, request="", actor="olga")


class TestNight:
    def test_the_work_is_done_at_night_and_stops_when_it_is_over(self, books: Books) -> None:
        stopped = threading.Event()
        night = YEARS_LATER.replace(hour=23)  # two in the morning in Moscow
        books.clock.move_to(night)
        assert keeper.is_quiet(night, "Europe/Moscow")
        assert not keeper.is_quiet(night + timedelta(hours=6), "Europe/Moscow")
        assert keeper.night(books.engine, stopped)
        assert IVANS_NUMBER not in everything(books.ledger)

    def test_told_to_stop_it_stops_between_two_pieces(self, books: Books) -> None:
        stopped = threading.Event()
        stopped.set()
        books.clock.move_to(YEARS_LATER.replace(hour=23))
        assert not keeper.night(books.engine, stopped)
        assert IVANS_NUMBER in everything(books.ledger)

    @pytest.mark.parametrize("retention", ["on", "off"])
    def test_files_that_nobody_accepted_go_by_day_though_nobody_sends_another(
        self, books: Books, monkeypatch: pytest.MonkeyPatch, retention: str
    ) -> None:
        swept = threading.Event()
        now = books.clock.now()
        with books.ledger.write() as tx:
            old = uploads.begin(tx, "a.csv", "olga", now - uploads.KEPT - timedelta(seconds=1))
            uploads.finish(tx, old, 0, now - uploads.KEPT - timedelta(seconds=1))
            young = uploads.begin(tx, "b.csv", "olga", now)
            uploads.finish(tx, young, 0, now)

        real = keeper.sweep

        def sweep(engine: Engine) -> int:
            count = real(engine)
            swept.set()
            return count

        monkeypatch.setattr(keeper, "sweep", sweep)
        monkeypatch.setattr(keeper, "LOOK_SECONDS", 0.01)
        settings = books.engine.settings.model_copy(update={"retention": retention})
        monkeypatch.setattr(books.engine, "settings", settings)
        end = keeper.start_keeping(books.engine)
        try:
            assert swept.wait(20)
        finally:
            books.engine.stopping.set()
            end()
        with books.ledger.read() as tx:
            assert uploads.get(tx, young).id == young
            with pytest.raises(NotFound):
                uploads.get(tx, old)

    def test_the_thread_ends_with_its_process(self, books: Books) -> None:
        end = keeper.start_keeping(books.engine)
        assert any(one.name == "retention" for one in threading.enumerate())
        books.engine.stopping.set()
        end()
        assert not any(one.name == "retention" for one in threading.enumerate())


class TestQuietTimes:
    """Whom a scenario leaves alone after it has reached them is told by their attempts alone."""

    @pytest.fixture
    def quiet(self, books: Books, tmp_path: Path) -> Books:
        """A scenario that leaves a customer alone for two years."""
        rules = library_path("debt-reminder").read_text("utf-8")
        rules = rules.replace('name = "debt-reminder"', 'name = "seldom"', 1)
        file = tmp_path / "seldom.toml"
        seldom = '[channels.phone]\nquiet_after_positive = "730d"'
        file.write_text(rules.replace("[channels.phone]", seldom, 1), "utf-8")
        with books.ledger.write() as tx:
            scenarios.add(tx, read_scenario(file), "test", books.clock.now())
        return books

    def test_attempts_stay_at_work_for_the_longest_quiet_time_of_all_scenarios(
        self, quiet: Books
    ) -> None:
        assert carry_out(quiet, ARCHIVE_TIME) == {}
        assert look(quiet.engine, ARCHIVE_TIME).is_nothing
        done = carry_out(quiet, END + timedelta(days=740))
        assert done == {Kind.BOOKS: 1, Kind.ARCHIVED: 5}

    def test_customers_are_not_erased_before_it_is_over(self, quiet: Books) -> None:
        months = {"keep_months": dict.fromkeys(Purpose, 6)}
        quiet.engine.settings = quiet.engine.settings.model_copy(update=months)
        assert Kind.CUSTOMERS not in carry_out(quiet, END + timedelta(days=700))
        assert carry_out(quiet, END + timedelta(days=740))[Kind.CUSTOMERS] == 3

    def test_a_term_shorter_than_half_a_year_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            Settings(_env_file=None, keep_months={Purpose.SURVEY: 5})
        assert Settings(_env_file=None, keep_months={Purpose.SURVEY: 6}).keep_months


class TestTerms:
    def test_a_month_back_from_the_last_day_is_the_last_day(self) -> None:
        at = datetime(2028, 3, 31, 12, tzinfo=UTC)
        assert months_before(at, 1) == datetime(2028, 2, 29, 12, tzinfo=UTC)
        assert months_before(at, 13) == datetime(2027, 2, 28, 12, tzinfo=UTC)
        assert months_before(at, 36) == datetime(2025, 3, 31, 12, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("purpose", "months_ago", "over"),
        [
            (Purpose.SERVICE, 35, False),
            (Purpose.SERVICE, 37, True),
            (Purpose.EMERGENCY, 35, False),
            (Purpose.MARKETING, 11, False),
            (Purpose.MARKETING, 13, True),
            (Purpose.SURVEY, 13, True),
        ],
    )
    def test_each_purpose_has_a_term_of_its_own(
        self, purpose: Purpose, months_ago: int, over: bool
    ) -> None:
        closed_at = months_before(YEARS_LATER, months_ago)
        used = Used(1, closed_at, 10, ((1, 5, closed_at),))
        assert is_over(used, {5: purpose}, Terms({}, 36, 13), YEARS_LATER) is over

    def test_the_longest_term_of_all_uses_counts(self) -> None:
        long_ago = months_before(YEARS_LATER, 40)
        used = Used(1, long_ago, 10, ((1, 5, long_ago), (2, 6, months_before(YEARS_LATER, 13))))
        purposes = {5: Purpose.MARKETING, 6: Purpose.SERVICE}
        assert not is_over(used, purposes, Terms({}, 36, 13), YEARS_LATER)
        assert is_over(used, purposes, Terms({Purpose.SERVICE: 12}, 36, 13), YEARS_LATER)
