"""What letters say about campaigns: they come back, are read, are answered, and stop us."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from campaigns.channel import Purpose
from campaigns.consent import Suppression
from campaigns.delivery import Status
from campaigns.inquiry.bounce_rules import REST, Effect
from campaigns.inquiry.letter import Letter
from campaigns.inquiry.report import MailReport, ReportKind
from campaigns.inquiry.status import InquiryChannel
from campaigns.outcome import Outcome
from campaigns.recipient import Consent
from campaigns.stop_words import Wish
from dispatcher import campaigning
from dispatcher.audit import examine
from dispatcher.ledger import Transaction, inquiries, mail_reports, outbox, suppressions
from dispatcher.ledger import tables as t
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.inquiries import NewInquiry
from dispatcher.ledger.outbox import MailKind, Owed
from dispatcher.mailrobot.bounces import take_report
from dispatcher.mailrobot.campaign_mail import attempt_of, reply_arrived
from dispatcher.mailrobot.unsubscribing import stop_asked, unsubscribe_by_mail
from dispatcher.record import Finding, record
from dispatcher.tokens import TokenFor, attempt_key, sign
from tests.conftest import empty
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    ACTOR,
    DAY,
    EMAIL,
    HOUR,
    PHONE,
    SECRET,
    SMS,
    WEEK,
    Rehearsal,
    customer,
    open_rehearsal,
    scenario_text,
)

Result = TypeVar("Result")

ADDRESS = "Anna@example.com"
ANNA = customer("1", ADDRESS)
BY_MAIL = scenario_text("email")
MARKETING = scenario_text(
    "email",
    template="service-offer",
    purpose="marketing",
    fields="[]",
    top='[values]\noffer_subject = "Тема"\noffer = "Счётчик."\noffer_details = "Подробности."',
)
HARD, SOFT, FULL, READ = ReportKind.HARD, ReportKind.SOFT, ReportKind.FULL, ReportKind.READ
REJECTED = ReportKind.REJECTED
NOTHING = Letter()


@contextmanager
def house(folder: Path, ledger_url: str) -> Iterator[Rehearsal]:
    """Started once for many tests, each of which finds its ledger empty; time only goes on."""
    one = open_rehearsal(folder, ledger_url)
    yield one.rehearsal
    one.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def on_either(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rehearsal]:
    folder = tmp_path_factory.mktemp("campaign_mail")
    if request.param == "sqlite":
        url = copied(request.getfixturevalue("migrated_sqlite"), folder)
    else:
        url = request.getfixturevalue("migrated_postgres")
    with house(folder, url) as rehearsal:
        yield rehearsal


@pytest.fixture(scope="module")
def on_sqlite(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rehearsal]:
    folder = tmp_path_factory.mktemp("campaign_mail")
    with house(folder, copied(migrated_sqlite, folder)) as rehearsal:
        yield rehearsal


def copied(ledger: Path, folder: Path) -> str:
    return f"sqlite:///{shutil.copy(ledger, folder / 'ledger.sqlite3')}"


@pytest.fixture
def running(on_either: Rehearsal) -> Rehearsal:
    """On either database; everybody is reached at the first try."""
    return emptied(on_either)


@pytest.fixture
def rehearsal(on_sqlite: Rehearsal) -> Rehearsal:
    return emptied(on_sqlite)


def emptied(house: Rehearsal) -> Rehearsal:
    if house.ledger.is_sqlite:
        with house.ledger.write() as tx:
            for table in reversed(t.metadata.sorted_tables):
                tx.execute(table.delete())
    else:
        empty(house.ledger)
    house.engine._scenarios.clear()
    house.campaigns.clear()
    return house


def letters(running: Rehearsal) -> int:
    """How many went out."""
    return sum(attempt.channel is EMAIL for attempt in running.attempts())


def token(
    running: Rehearsal, purpose: TokenFor = TokenFor.MESSAGE_ID, account: str = "1", number: int = 1
) -> str:
    row = running.row(account, EMAIL, running.campaigns[-1])
    return sign(SECRET, purpose, attempt_key(row.id, number))


def named(running: Rehearsal, account: str = "1", number: int = 1) -> str:
    """The Message-ID of our letter."""
    return f"<{token(running, account=account, number=number)}@example.com>"


def write(running: Rehearsal, act: Callable[[Transaction], Result]) -> Result:
    with running.ledger.write() as tx:
        return act(tx)


def found(
    running: Rehearsal,
    letter: Letter = NOTHING,
    report: MailReport | None = None,
    *recipients: str,
) -> Attempt | None:
    return write(running, lambda tx: attempt_of(tx, running.engine, letter, report, recipients))


def told(
    running: Rehearsal,
    kind: ReportKind,
    account: str = "1",
    number: int = 1,
    *,
    status: str = "",
    recipient: str = "",
) -> Effect:
    """A report on the customer's letter comes and is taken."""
    report = MailReport(kind, recipient, status, (named(running, account, number),))

    def take(tx: Transaction) -> Effect:
        attempt = attempt_of(tx, running.engine, NOTHING, report)
        assert attempt is not None
        return take_report(tx, running.engine, attempt, report, None, running.clock.now())

    return write(running, take)


def took(running: Rehearsal, report: MailReport) -> Effect:
    """A report comes that is about no campaign's letter."""
    now = running.clock.now()
    return write(running, lambda tx: take_report(tx, running.engine, None, report, None, now))


def answered(running: Rehearsal, number: int = 1) -> bool:
    """A person answers the letter."""
    letter = Letter(in_reply_to=(named(running, number=number),))

    def take(tx: Transaction) -> bool:
        attempt = attempt_of(tx, running.engine, letter, None)
        assert attempt is not None
        return reply_arrived(tx, running.engine, attempt, running.clock.now())

    return write(running, take)


def stops(running: Rehearsal) -> list[Suppression]:
    with running.ledger.read() as tx:
        standing = suppressions.standing(tx, running.clock.now())
    return [one.suppression for one in standing]


def lifted(running: Rehearsal) -> None:
    """Staff take Anna off the stop-list."""
    now = running.clock.now()
    write(running, lambda tx: suppressions.remove(tx, ADDRESS.casefold(), None, ACTOR, now))


def kept(running: Rehearsal) -> list[tuple[str, str, str]]:
    r = t.mail_reports.c
    with running.ledger.read() as tx:
        rows = tx.execute(select(r.address, r.kind, r.effect).order_by(r.id)).all()
    return [(row.address, row.kind, row.effect) for row in rows]


def sent(running: Rehearsal, scenario: str = BY_MAIL, **options: float) -> None:
    """A letter went to Anna, a server took it, and that was enough for long; others wait."""
    running.launch([ANNA], scenario, **options)  # type: ignore[arg-type]
    went(running)


def out(running: Rehearsal) -> None:
    """A server has taken what is due; whether it comes back is waited for."""
    running.works.loop.tick()
    running.work()


def went(running: Rehearsal) -> None:
    """And it did not come back in time."""
    out(running)
    now = running.clock.now()
    taken = [Finding(attempt.id, Outcome.ACCEPTED, now) for attempt in running.attempts()]
    write(running, lambda tx: record(tx, running.engine, taken, now))


# whose letter it is


def test_a_letter_of_ours_is_known_by_its_message_id_wherever_it_is_named(
    running: Rehearsal,
) -> None:
    sent(running)
    name, others = named(running), ("<x@example.org>", "", "<>", "nonsense")
    bounce = f"bounces+{token(running, TokenFor.BOUNCE)}@example.com"
    for attempt in (
        found(running, NOTHING, MailReport(HARD, message_ids=(*others, name))),
        found(running, Letter(in_reply_to=(*others, name))),
        found(running, Letter(references=(name, *others))),
        found(running, NOTHING, None, "somebody@example.com", bounce),
        found(running, NOTHING, None, f"<{bounce.upper()}>"),
        found(running, Letter(recipients=(bounce,)), MailReport(HARD)),
    ):
        assert attempt is not None
        assert attempt.contact_point == ADDRESS


def test_of_a_thread_the_latest_letter_is_answered(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA, customer("2", "b@example.com")], BY_MAIL)
    rehearsal.run(HOUR)
    thread = Letter(references=(named(rehearsal, "1"), named(rehearsal, "2")))
    attempt = found(rehearsal, thread)
    assert attempt is not None
    assert attempt.contact_point == "b@example.com"


def test_nothing_but_a_genuine_name_of_the_right_kind_proves_anything(running: Rehearsal) -> None:
    sent(running)
    real = token(running)
    forged = [
        real[:-1] + ("0" if real[-1] != "0" else "1"),
        token(running, TokenFor.UNSUBSCRIBE),
        token(running, TokenFor.RECEIPT),
        token(running, TokenFor.BOUNCE),  # right, but in a Message-ID
        sign(SECRET, TokenFor.MESSAGE_ID, attempt_key(10**9, 1)),  # of no delivery
        sign("another secret", TokenFor.MESSAGE_ID, real.rpartition("-")[0]),
        "1-1-" + "0" * 20,
        "-",
        "9" * 100_000,
        "\ud800-\x00",
    ]
    for name in forged:
        stranger = Letter(in_reply_to=(f"<{name}@example.com>",), subject=real)
        report = MailReport(HARD, recipient=ADDRESS.lower(), message_ids=(f"<{name}@x>",))
        assert found(running, stranger, report, ADDRESS, f"bounces+{real}@example.com") is None


def test_an_answer_about_an_inquiry_is_not_about_the_campaign_that_began_it(
    rehearsal: Rehearsal,
) -> None:
    sent(rehearsal)
    ours = f"<{sign(SECRET, TokenFor.INQUIRY, '7-abcdef')}@example.com>"
    assert found(rehearsal, Letter(references=(named(rehearsal), "<a@b>", ours))) is None
    assert found(rehearsal, NOTHING, MailReport(HARD, message_ids=(ours, named(rehearsal)))) is None


def test_a_call_is_not_spoken_of_in_letters(rehearsal: Rehearsal) -> None:
    rehearsal.launch([customer("1", "+79160000001")], scenario_text("phone"))
    out(rehearsal)
    assert len(rehearsal.attempts()) == 1
    key = attempt_key(rehearsal.row("1", PHONE).id, 1)
    name = f"<{sign(SECRET, TokenFor.MESSAGE_ID, key)}@example.com>"
    assert found(rehearsal, Letter(in_reply_to=(name,))) is None


# reports


def test_a_letter_to_a_dead_mailbox_ends_the_delivery_and_the_next_campaign_skips_the_address(
    running: Rehearsal,
) -> None:
    sent(running)
    assert running.status("1", EMAIL) is Status.POSITIVE
    assert told(running, HARD, status="5.1.1") is Effect.SUPPRESSED
    row = running.row("1", EMAIL)
    assert (row.status, row.reason) == (Status.GIVEN_UP, "bad_address")
    assert running.outcomes() == ["bad_address"]
    assert running.attempts()[0].reason == "report: hard 5.1.1 (late; was accepted)"
    [stop] = stops(running)
    assert (stop.channel, stop.purpose, stop.until_at) == (EMAIL, None, None)
    assert (stop.contact_point, stop.reason) == (ADDRESS.casefold(), "bounced")
    again = running.launch([ANNA], BY_MAIL)
    assert running.row("1", EMAIL, again).reason == "suppressed"
    assert kept(running) == [(ADDRESS.casefold(), "hard", "suppressed")]


def test_of_two_addresses_the_living_one_is_written_to(rehearsal: Rehearsal) -> None:
    rehearsal.launch([customer("1", ADDRESS, "second@example.com")], BY_MAIL, days=30)
    went(rehearsal)
    told(rehearsal, HARD)
    rehearsal.run(WEEK + DAY)
    assert [one.contact_point for one in rehearsal.attempts()] == [ADDRESS, "second@example.com"]
    assert rehearsal.outcomes() == ["bad_address", "accepted"]


def test_a_letter_refused_by_policy_is_not_repeated_and_silences_nobody(
    rehearsal: Rehearsal,
) -> None:
    sent(rehearsal)
    assert told(rehearsal, REJECTED, status="5.7.1") is Effect.RECORDED
    assert rehearsal.outcomes() == ["rejected"]
    assert rehearsal.status("1", EMAIL) is Status.GIVEN_UP
    assert stops(rehearsal) == []
    again = rehearsal.launch([ANNA], BY_MAIL)
    assert rehearsal.row("1", EMAIL, again).status is Status.PENDING


@pytest.mark.parametrize(
    ("kind", "outcome", "words"),
    [(SOFT, "bounced", "report: soft"), (FULL, "deferred", "mailbox full")],
)
def test_a_letter_that_came_back_after_it_was_accepted_is_sent_again_by_the_cadence(
    rehearsal: Rehearsal, kind: ReportKind, outcome: str, words: str
) -> None:
    sent(rehearsal, days=30)
    assert rehearsal.status("1", EMAIL) is Status.POSITIVE
    now = rehearsal.clock.now()
    assert told(rehearsal, kind) is Effect.RECORDED
    row = rehearsal.row("1", EMAIL)
    assert (row.status, row.due_at) == (Status.PENDING, now + WEEK)
    assert rehearsal.outcomes() == [outcome]
    assert rehearsal.attempts()[0].reason.startswith(words)
    rehearsal.run(WEEK + 2 * DAY)
    assert rehearsal.outcomes() == [outcome, "accepted"]
    assert rehearsal.status("1", EMAIL) is Status.POSITIVE
    assert stops(rehearsal) == []


def test_after_the_third_letter_that_comes_back_an_address_rests_for_ninety_days(
    running: Rehearsal,
) -> None:
    running.launch([ANNA], BY_MAIL, days=60)
    for number in (1, 2, 3):
        running.run(HOUR)
        last = told(running, SOFT, number=number)
        assert told(running, SOFT, number=number) is Effect.STALE
        running.run(WEEK)
    assert last is Effect.SUPPRESSED
    [stop] = stops(running)
    assert stop.until_at is not None
    assert stop.until_at - running.clock.now() == REST - WEEK
    running.run(2 * WEEK)
    assert letters(running) == 3
    running.run(stop.until_at)
    assert stops(running) == []


def test_who_read_or_answered_one_meanwhile_gets_no_rest(running: Rehearsal) -> None:
    positive = scenario_text("email", rules={"email": 'positive = ["answered"]'})
    running.launch([ANNA], positive, days=60)
    for number in (1, 2, 3, 4):
        running.run(HOUR)
        effect = told(running, READ if number == 2 else SOFT, number=number)
        assert effect is Effect.RECORDED
        running.run(WEEK)
    assert running.outcomes() == ["bounced", "read", "bounced", "bounced"]
    assert stops(running) == []


def test_a_full_mailbox_is_never_taken_for_a_dead_one(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA], BY_MAIL, days=60)
    for number in (1, 2, 3, 4):
        rehearsal.run(HOUR)
        assert told(rehearsal, FULL, number=number, status="5.2.2") is Effect.RECORDED
        rehearsal.run(WEEK)
    assert stops(rehearsal) == []


def test_a_letter_that_was_read_is_positive_at_once(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA], BY_MAIL)
    rehearsal.run(HOUR)
    assert rehearsal.status("1", EMAIL) is Status.AWAITING
    assert told(rehearsal, READ) is Effect.RECORDED
    assert rehearsal.status("1", EMAIL) is Status.POSITIVE
    assert rehearsal.outcomes() == ["read"]
    assert told(rehearsal, HARD) is Effect.STALE  # out of order, or of somebody it was handed on to
    assert rehearsal.outcomes() == ["read"]
    assert stops(rehearsal) == []


def test_what_says_nothing_is_kept_and_changes_nothing(rehearsal: Rehearsal) -> None:
    sent(rehearsal)
    before = rehearsal.rows()
    quiet = (ReportKind.DELAYED, ReportKind.DELIVERED, ReportKind.DELETED, ReportKind.UNKNOWN)
    for kind in quiet:
        assert told(rehearsal, kind, status="4.4.7") is Effect.KEPT
    assert rehearsal.rows() == before
    assert kept(rehearsal) == [(ADDRESS.casefold(), kind, "kept") for kind in quiet]


def test_a_report_that_comes_again_after_staff_lifted_the_stop_does_not_bring_it_back(
    running: Rehearsal,
) -> None:
    sent(running)
    told(running, HARD)
    lifted(running)
    assert told(running, HARD) is Effect.STALE
    assert stops(running) == []
    assert [effect for _address, _kind, effect in kept(running)] == ["suppressed", "stale"]


def test_a_hard_report_after_a_soft_one_stops_the_address_though_the_attempt_is_judged(
    rehearsal: Rehearsal,
) -> None:
    sent(rehearsal)
    assert told(rehearsal, SOFT) is Effect.RECORDED
    assert told(rehearsal, HARD) is Effect.SUPPRESSED
    assert rehearsal.outcomes() == ["bounced"]


def test_a_report_on_a_letter_that_was_handed_on_counts_for_the_address_we_wrote_to(
    rehearsal: Rehearsal,
) -> None:
    sent(rehearsal)
    assert told(rehearsal, HARD, recipient="work@example.org") is Effect.SUPPRESSED
    [stop] = stops(rehearsal)
    assert stop.contact_point == ADDRESS.casefold()


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_report_after_the_campaign_is_over_is_recorded_and_starts_nothing(
    rehearsal: Rehearsal, cancelled: bool
) -> None:
    sent(rehearsal)
    if cancelled:
        with rehearsal.ledger.write() as tx:
            tx.execute(t.campaigns.update().values(status="cancelled"))
    else:
        rehearsal.run(rehearsal.campaigns[0].end_at)
    assert told(rehearsal, SOFT) is Effect.RECORDED
    assert rehearsal.status("1", EMAIL) is Status.EXPIRED
    rehearsal.run(2 * WEEK)
    assert letters(rehearsal) == 1


def test_what_a_stranger_puts_into_a_report_is_kept_cut_and_goes_no_further(
    running: Rehearsal,
) -> None:
    sent(running)
    nasty = "5.1.1\x00\ud800; DROP" + "x" * 1_000_000
    assert told(running, SOFT, status=nasty, recipient=nasty) is Effect.RECORDED
    [attempt] = running.attempts()
    assert attempt.reason == "report: soft (late; was accepted)"
    stray = MailReport(HARD, recipient=nasty, status=nasty, message_ids=(nasty,) * 1000)
    assert took(running, stray) is Effect.UNKNOWN
    assert stops(running) == []


def test_the_same_soft_bounces_at_the_same_moment_are_counted_one_by_one(
    running: Rehearsal,
) -> None:
    people = [customer(str(n), ADDRESS, row=n) for n in (1, 2, 3)]
    running.launch(people, scenario_text("email", top='same_contact = "separate"'))
    running.run(HOUR)
    assert told(running, SOFT, "1") is Effect.RECORDED
    report = MailReport(SOFT, message_ids=(named(running, "2"),))
    second, now = found(running, NOTHING, report), running.clock.now()
    with ThreadPoolExecutor(1) as pool:
        with running.ledger.write() as tx:
            assert take_report(tx, running.engine, second, report, None, now) is Effect.RECORDED
            third = pool.submit(told, running, SOFT, "3")
            wait([third], timeout=0.3)  # as long as it takes that does not wait for us
        assert third.result(timeout=30) is Effect.SUPPRESSED
    assert len(stops(running)) == 1


# with other channels and other customers


CASCADE = scenario_text(
    "email",
    "sms",
    order='kind = "cascade"\nchannels = ["email", "sms"]\ndelay = "2d"',
)


def test_in_a_cascade_a_letter_that_came_back_lets_the_sms_go(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.launch([customer("1", ADDRESS, "+79160000001")], CASCADE)
    out(rehearsal)
    told(rehearsal, HARD)
    rehearsal.run(3 * DAY)
    assert rehearsal.status("1", EMAIL) is Status.GIVEN_UP
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert len(rehearsal.taken(SMS)) == 1


def test_in_a_cascade_a_letter_that_was_read_makes_the_sms_needless(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.launch([customer("1", ADDRESS, "+79160000001")], CASCADE)
    rehearsal.run(HOUR)
    told(rehearsal, READ)
    assert rehearsal.status("1", SMS) is Status.SUPERSEDED
    rehearsal.run(5 * DAY)
    assert rehearsal.taken(SMS) == []


def test_a_letter_about_several_flats_comes_back_for_all_of_them(rehearsal: Rehearsal) -> None:
    flats = [customer(account, ADDRESS, row=int(account)) for account in "123"]
    rehearsal.launch(flats, BY_MAIL)
    went(rehearsal)
    assert told(rehearsal, HARD) is Effect.SUPPRESSED
    assert rehearsal.status("1", EMAIL) is Status.GIVEN_UP
    assert {rehearsal.row(account, EMAIL).reason for account in "23"} == {"merged"}
    rehearsal.run(2 * WEEK)
    assert letters(rehearsal) == 1


def test_who_has_paid_stays_settled_whatever_comes_back(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA], BY_MAIL)
    rehearsal.run(HOUR)
    campaigning.settle(rehearsal.engine, rehearsal.campaigns[0].id, ["1"], ACTOR)
    assert told(rehearsal, SOFT) is Effect.RECORDED
    assert rehearsal.status("1", EMAIL) is Status.SETTLED


# answers


def test_a_persons_answer_is_positive_where_the_scenario_says_so(rehearsal: Rehearsal) -> None:
    sent(rehearsal, scenario_text("email", rules={"email": 'positive = ["answered"]'}))
    assert rehearsal.status("1", EMAIL) is Status.PENDING
    assert answered(rehearsal) is True
    assert answered(rehearsal) is False
    assert rehearsal.outcomes() == ["answered"]
    assert rehearsal.status("1", EMAIL) is Status.POSITIVE
    assert rehearsal.attempts()[0].reason == "answered by e-mail (late; was accepted)"


def test_who_did_what_the_scenario_asks_for_and_then_more_is_not_written_to_again(
    rehearsal: Rehearsal,
) -> None:
    """Else a word of thanks would bring the next letter."""
    sent(rehearsal, scenario_text("email", rules={"email": 'positive = ["read"]'}), days=30)
    assert told(rehearsal, READ) is Effect.RECORDED
    assert answered(rehearsal) is False
    assert rehearsal.outcomes() == ["read"]
    rehearsal.run(3 * WEEK)
    assert rehearsal.status("1", EMAIL) is Status.POSITIVE
    assert letters(rehearsal) == 1


def test_an_answer_that_comes_when_the_next_letter_is_out_passes_the_audit(
    running: Rehearsal,
) -> None:
    sent(running, scenario_text("email", rules={"email": 'positive = ["answered"]'}), days=30)
    running.run(WEEK + HOUR)
    assert letters(running) == 2
    assert told(running, SOFT) is Effect.RECORDED  # the first letter, a week late
    running.run(HOUR)
    assert answered(running, number=2) is True
    running.run(running.campaigns[0].end_at)
    with running.ledger.read() as tx:
        rules, now = running.engine.rules(tx), running.clock.now()
        audit = examine(tx, running.campaigns[0].id, rules, now)
    assert [check for check in audit.checks if not check.passed] == []


# stops


def unsubscribed(running: Rehearsal, letter: Letter) -> bool:
    now = running.clock.now()
    return write(running, lambda tx: unsubscribe_by_mail(tx, running.engine, letter, now))


def offered(running: Rehearsal) -> str:
    """An offer went to Anna; the token in its List-Unsubscribe."""
    running.launch([replace(ANNA, consents=(Consent(True, Purpose.MARKETING),))], MARKETING)
    running.run(HOUR)
    return token(running, TokenFor.UNSUBSCRIBE)


LETTERS: list[Callable[[str], Letter]] = [
    lambda token: Letter(subject=f"unsubscribe {token}"),
    lambda token: Letter(subject=f"Re: Fwd:  UNSUBSCRIBE   {token.upper()} "),
    lambda token: Letter(subject=f"[внешнее] unsubscribe%20{token}"),
    lambda token: Letter(subject=f"unsubscribe+{token}"),
    lambda token: Letter(subject="Unsubscribe", words=f"\n  {token}\nСпасибо!"),
    lambda token: Letter(subject="", text=f"unsubscribe {token}\n"),
    lambda token: Letter(recipients=("a@b.c", f"robot+{token}@example.com")),
    lambda token: Letter(recipients=(f"robot+unsubscribe-{token.upper()}@example.com",)),
]


def test_a_letter_from_list_unsubscribe_stops_offers_to_the_address_it_came_with(
    running: Rehearsal,
) -> None:
    name = offered(running)
    for letter in LETTERS:
        assert unsubscribed(running, letter(name)) is True
        assert unsubscribed(running, letter(name)) is True
        [stop] = stops(running)
        assert (stop.contact_point, stop.channel) == (ADDRESS.casefold(), EMAIL)
        assert (stop.purpose, stop.reason) == (Purpose.MARKETING, "unsubscribed")
        lifted(running)


def test_nobody_is_unsubscribed_by_what_only_looks_like_it(rehearsal: Rehearsal) -> None:
    real = offered(rehearsal)
    forged = real[:-1] + ("0" if real[-1] != "0" else "1")
    others = [token(rehearsal, purpose) for purpose in TokenFor if purpose != "unsubscribe"]
    for name in (forged, *others, f"{real}0", f"x{real}", real[:-1], ""):
        subject = f"unsubscribe {name}"
        letter = Letter(subject=subject, words=subject, recipients=(f"robot+{name}@example.com",))
        assert unsubscribed(rehearsal, letter) is False
    assert unsubscribed(rehearsal, Letter(subject=f"Вопрос {real}")) is False
    assert unsubscribed(rehearsal, Letter(words=f"Не могу\nunsubscribe {real}")) is False
    flood = "unsubscribe " * 100_000 + "1-" * 100_000
    tags = tuple(f"+{'1-' * 1000}@{n}" for n in range(1000))
    assert unsubscribed(rehearsal, Letter(subject=flood, words=flood, recipients=tags)) is False
    assert stops(rehearsal) == []


def said(running: Rehearsal, words: str, sender: str = "ANNA@Example.com") -> bool:
    now = running.clock.now()
    return write(running, lambda tx: stop_asked(tx, running.engine, words, sender, now))


def test_a_letter_that_says_stop_ends_every_letter_that_may_be_refused(
    running: Rehearsal,
) -> None:
    for words in ("Отпишите меня от рассылки, пожалуйста!", "unsubscribe", "СТОП"):
        lifted(running)
        assert said(running, words) is True
        assert said(running, words) is True
        assert {stop.purpose for stop in stops(running)} == set(Purpose) - {Purpose.EMERGENCY}
        assert {(stop.channel, stop.reason) for stop in stops(running)} == {(EMAIL, "email")}
    campaign = running.launch([customer("1", ADDRESS, "+79160000001")])
    assert running.row("1", EMAIL, campaign).reason == "suppressed"
    assert running.row("1", SMS, campaign).status is Status.PENDING
    assert running.row("1", PHONE, campaign).status is Status.PENDING


def test_a_letter_that_says_anything_else_stops_nothing(rehearsal: Rehearsal) -> None:
    for words in ("", "Не останавливайте счётчик", "стоп-кран сломан", "х" * 10**6):
        assert said(rehearsal, words) is False
    assert stops(rehearsal) == []


def test_a_stop_of_a_sender_that_is_no_address_stops_nobody(rehearsal: Rehearsal) -> None:
    for sender in ("", "nobody", "a@b@c", "x" * 100_000 + "@example.com", "\x00@x", "\ud800@a.b"):
        assert said(rehearsal, "стоп", sender) is True
    assert stops(rehearsal) == []


def test_a_stop_that_answers_our_letter_from_elsewhere_stops_the_address_we_wrote_to(
    rehearsal: Rehearsal,
) -> None:
    sent(rehearsal)
    attempt = found(rehearsal, Letter(in_reply_to=(named(rehearsal),)))
    now = rehearsal.clock.now()
    write(
        rehearsal,
        lambda tx: stop_asked(
            tx, rehearsal.engine, "стоп", "work@example.org", now, attempt=attempt
        ),
    )
    points = {stop.contact_point for stop in stops(rehearsal)}
    assert points == {ADDRESS.casefold(), "work@example.org"}


# answers of ours that come back


def owed(running: Rehearsal, kind: MailKind, recipient: str) -> str:
    """A letter about an inquiry was sent; its Message-ID."""
    now = running.clock.now()

    def act(tx: Transaction) -> str:
        new = NewInquiry(InquiryChannel.EMAIL, "box", f"<{kind}>", recipient, Wish.QUESTION, "?")
        inquiry = inquiries.register(tx, new, f"2026-00000{len(kind)}", now)
        name = f"<{sign(SECRET, TokenFor.INQUIRY, f'{inquiry}-ab12')}@example.com>"
        letter = Owed(kind, kind, "", recipient, name, b"", now, inquiry)
        number = outbox.owe(tx, letter, now)
        tx.execute(t.outbox.update().where(t.outbox.c.id == number).values(status="sent"))
        return name

    return write(running, act)


def test_a_letter_to_a_specialist_that_comes_back_is_told_to_staff_and_stops_nobody(
    running: Rehearsal,
) -> None:
    name = owed(running, MailKind.ROUTE, "Chief@example.com")
    owed(running, MailKind.ACKNOWLEDGEMENT, "anna@example.com")
    for kind in (HARD, REJECTED, SOFT, FULL):
        report = MailReport(kind, "other@example.org", "5.1.1", ("<x@y>", name))
        assert found(running, NOTHING, report) is None
        with capture_logs() as logged:
            assert took(running, report) is Effect.ANSWER
        assert [line["log_level"] for line in logged if line["event"] == "letter.bounced"] == [
            "warning"
        ]
        assert "hief@" not in str(logged)
        with running.ledger.read() as tx:
            o = t.outbox.c
            rows = tx.execute(select(o.kind, o.status, o.reason).order_by(o.id)).all()
        assert [tuple(row) for row in rows] == [
            ("route", "sent", f"{kind}: 5.1.1"),
            ("acknowledgement", "sent", ""),
        ]
        assert kept(running)[-1] == ("chief@example.com", kind, "answer")
    assert stops(running) == []


def test_that_an_answer_was_read_is_kept_only(rehearsal: Rehearsal) -> None:
    name = owed(rehearsal, MailKind.ANSWER, "anna@example.com")
    assert took(rehearsal, MailReport(READ, message_ids=(name,))) is Effect.KEPT
    assert kept(rehearsal) == [("anna@example.com", "read", "kept")]


def test_a_report_about_nothing_of_ours_is_kept_and_believed_nothing(rehearsal: Rehearsal) -> None:
    sent(rehearsal)
    forged = MailReport(HARD, ADDRESS.lower(), "5.1.1", ("<1-1-00000000000000000000@example.com>",))
    assert took(rehearsal, forged) is Effect.UNKNOWN
    assert took(rehearsal, replace(forged, kind=SOFT)) is Effect.UNKNOWN
    assert stops(rehearsal) == []
    assert rehearsal.outcomes() == ["accepted"]
    with rehearsal.ledger.read() as tx:
        assert mail_reports.soft_since(tx, ADDRESS, rehearsal.clock.now() - DAY) == []
