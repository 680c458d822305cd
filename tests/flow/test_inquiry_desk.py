"""What staff do with inquiries, and what customers and specialists get of it, on both databases."""

import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.inquiry.status import OPEN, CloseReason, InquiryChannel, InquiryStatus
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.inquiries import desk
from dispatcher.ledger import Ledger, inquiries, inquiry_lists
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.inquiry_lists import ALL, Wanted
from dispatcher.logs import mask
from tests.flow.inquiring import (
    ANNA,
    DAY,
    HEAD,
    NOON,
    OLGA,
    PAVEL,
    TODAY,
    Office,
    open_office,
    said,
)

WORDS = "Свет будет завтра.\n\nС уважением"
CLERK = "marina"


@pytest.fixture
def office(ledger: Ledger, tmp_path: Path) -> Office:
    return open_office(ledger, tmp_path)


@pytest.fixture
def quick(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    """On one database, for what does not depend on it."""
    ledger = Ledger(sqlite_url)
    yield open_office(ledger, tmp_path)
    ledger.close()


# The specialist -----------------------------------------------------------------------------------


def test_who_is_assigned_gets_the_letter_whole_and_everything_written_since(office: Office) -> None:
    one = office.asked(person="")
    raw = office.wrote(one)
    office.wrote(one)
    done = desk.assign(office.engine, one.number, PAVEL, CLERK, HEAD)
    assert (done.status, done.person, done.head) == (InquiryStatus.ROUTED, PAVEL, HEAD)
    [letter] = office.owed(PAVEL)
    assert letter["Auto-Submitted"] == "auto-generated"
    assert one.number in said(letter)
    assert said(letter).count("где же свет?") == 2
    [attached] = letter.iter_attachments()
    assert attached.get_payload(decode=True) == raw
    [act] = office.acts(one)
    assert (act.actor, act.action) == (CLERK, "inquiry.assign")
    assert PAVEL not in str(act.details)


def test_each_assignment_is_a_letter_of_its_own_and_an_interim_answer_stays_given(
    office: Office,
) -> None:
    one = office.asked()
    desk.interim(office.engine, one.number, WORDS, TODAY + 20 * DAY, CLERK)
    for person in (PAVEL, OLGA, PAVEL):
        done = desk.assign(office.engine, str(one.id), person, CLERK)
        assert done.status is InquiryStatus.INTERIM
    assert len(office.owed(PAVEL)) == 2
    assert len(office.owed(OLGA)) == 1


def test_a_letter_that_is_not_here_whole_is_not_attached(quick: Office) -> None:
    one = quick.asked()
    quick.wrote(one, is_whole=False)
    desk.assign(quick.engine, one.number, PAVEL, CLERK)
    [letter] = quick.owed(PAVEL)
    assert not list(letter.iter_attachments())


@pytest.mark.parametrize(
    "person", ["", "nobody", "a@b", "a@example.com, b@example.com", "a\n@b.ru"]
)
def test_nobody_is_assigned_under_what_is_no_address(quick: Office, person: str) -> None:
    one = quick.asked(person="")
    with pytest.raises(NotPossible, match="один адрес вида") as told:
        desk.assign(quick.engine, one.number, person, CLERK)
    assert "ячейку" not in str(told.value)
    assert quick.see(one) == one


def test_without_a_mail_server_an_inquiry_is_assigned_and_nobody_can_be_answered(
    ledger: Ledger, tmp_path: Path
) -> None:
    office = open_office(ledger, tmp_path, smtp_host="")
    one = office.asked(person="")
    assert desk.assign(office.engine, one.number, PAVEL, CLERK).person == PAVEL
    assert not office.owed(PAVEL)
    with pytest.raises(NotPossible, match="dispatcher check"):
        desk.answer(office.engine, one.number, WORDS, CLERK)
    assert office.see(one).status is InquiryStatus.ROUTED


# The answer ---------------------------------------------------------------------------------------


def test_an_answer_goes_to_the_customer_in_the_thread_of_their_last_letter(office: Office) -> None:
    one = office.asked(language="en")
    office.wrote(one)
    office.wrote(one, "References: <first@example.com>")
    office.wrote(one, sender="stranger@example.com")
    done = desk.answer(office.engine, one.number, WORDS, CLERK)
    assert (done.status, done.done_by, done.done_at) == (InquiryStatus.ANSWERED, CLERK, NOON)
    [letter] = office.owed(ANNA)
    second = letter["In-Reply-To"]
    assert str(second).startswith("<m")
    assert str(letter["References"]).split() == ["<first@example.com>", second]
    assert letter["Auto-Submitted"] is None
    assert "Свет будет завтра." in said(letter)
    assert "Hello" in said(letter)
    assert one.number in str(letter["Subject"])
    assert not office.owed("stranger@example.com")
    assert [act.action for act in office.acts(one)] == ["inquiry.answer"]


def test_an_answer_goes_where_the_customer_wants_it_but_never_to_us(quick: Office) -> None:
    one, other = quick.asked(), quick.asked()
    quick.wrote(one, "Reply-To: home@example.org")
    quick.wrote(other, "Reply-To: info@energo.example.com")
    for asked in (one, other):
        desk.answer(quick.engine, asked.number, WORDS, CLERK)
    assert len(quick.owed("home@example.org")) == 1
    assert len(quick.owed(ANNA)) == 1
    assert not quick.owed("info@energo.example.com")


MALLORY = "mallory@evil.example"


def test_a_letter_that_only_names_the_number_does_not_lead_the_answer_elsewhere(
    office: Office,
) -> None:
    """From is a stranger's word, and the number may be seen over a shoulder."""
    one = office.asked()
    office.wrote(one)
    for _each in range(7):  # more than are looked into
        office.wrote(one, f"Subject: {one.number}", f"Reply-To: {MALLORY}")
    until = TODAY + 15 * DAY
    desk.interim(office.engine, one.number, WORDS, until, CLERK)
    desk.answer(office.engine, one.number, WORDS, CLERK)
    assert not office.owed(MALLORY)
    assert len(office.owed(ANNA)) == 2
    assert [act.details["to"] for act in office.acts(one)] == [mask(ANNA)] * 2


def test_the_opening_letters_wish_stands_under_letters_that_prove_nothing(quick: Office) -> None:
    one = quick.asked()
    quick.wrote(one, "Reply-To: home@example.org")
    for _each in range(7):
        quick.wrote(one, f"Reply-To: {MALLORY}")
    desk.answer(quick.engine, one.number, WORDS, CLERK)
    assert len(quick.owed("home@example.org")) == 1
    assert not quick.owed(MALLORY)


@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
def test_who_answers_a_letter_of_ours_may_wish_the_answer_elsewhere(
    quick: Office, header: str
) -> None:
    one, other = quick.asked(), quick.asked()
    for asked in (one, other):
        quick.wrote(asked, "Reply-To: home@example.org")
    desk.interim(quick.engine, one.number, WORDS, TODAY + 15 * DAY, CLERK)
    [ours] = quick.owed("home@example.org")
    told = f"{header}: {ours['Message-ID']}"
    quick.wrote(one, told, "Reply-To: office@example.org")
    quick.wrote(other, told, f"Reply-To: {MALLORY}")  # about another inquiry: proves nothing
    for asked in (one, other):
        desk.answer(quick.engine, asked.number, WORDS, CLERK)
    assert len(quick.owed("office@example.org")) == 1
    assert len(quick.owed("home@example.org")) == 2
    assert not quick.owed(MALLORY)


def test_no_letter_opened_the_inquiry_of_a_form(quick: Office) -> None:
    one = quick.asked(channel=InquiryChannel.FORM)
    quick.wrote(one, f"Reply-To: {MALLORY}")
    desk.answer(quick.engine, one.number, WORDS, CLERK)
    assert len(quick.owed(ANNA)) == 1
    assert not quick.owed(MALLORY)


def test_who_filled_in_a_form_is_answered_by_the_name_they_gave(quick: Office) -> None:
    one = quick.asked(channel=InquiryChannel.FORM, customer="Анна Петровна")
    desk.answer(quick.engine, one.number, WORDS, CLERK)
    [letter] = quick.owed(ANNA)
    assert "Здравствуйте, Анна Петровна!" in said(letter)
    assert letter["In-Reply-To"] is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t\n",
        "\ufeff",
        "как\x00нибудь",
        "цвет \x1b[31m",
        "a\ufffdb",
        "x" * 20_001,
        "x\n" * 2000,
    ],
)
def test_a_text_that_says_nothing_or_cannot_be_shown_is_refused(quick: Office, text: str) -> None:
    one = quick.asked()
    with pytest.raises(NotPossible):
        desk.answer(quick.engine, one.number, text, CLERK)
    assert quick.see(one) == one
    assert not quick.owed(ANNA)


@given(st.text(max_size=200))
def test_a_text_that_is_accepted_is_accepted_again_unchanged(text: str) -> None:
    try:
        kept = desk.checked(text)
    except NotPossible:
        return
    assert kept.strip()
    assert desk.checked(kept) == kept


def test_who_wrote_by_sms_cannot_be_answered_by_mail_and_is_told_how(quick: Office) -> None:
    one = quick.asked(channel=InquiryChannel.SMS, contact_point="+79160000001")
    with pytest.raises(NotPossible, match="--reason answered"):
        desk.answer(quick.engine, one.number, WORDS, CLERK)
    done = desk.close(quick.engine, one.number, CloseReason.ANSWERED, CLERK)
    assert (done.status, done.close_reason) == (InquiryStatus.CLOSED, CloseReason.ANSWERED)


def test_who_tells_no_address_cannot_be_answered(quick: Office) -> None:
    one = quick.asked(contact_point="")
    with pytest.raises(NotPossible, match="no_contact"):
        desk.answer(quick.engine, one.number, WORDS, CLERK)


def test_an_inquiry_that_nobody_knows_is_not_found(quick: Office) -> None:
    for number in ("2026-000999", "999", "'; --", "٣"):
        with pytest.raises(NotFound):
            desk.answer(quick.engine, number, WORDS, CLERK)


# An interim answer --------------------------------------------------------------------------------


def test_an_interim_answer_promises_a_later_day_and_says_so(office: Office) -> None:
    one = office.asked()
    until = TODAY + 29 * DAY  # 14 days and 15 more
    with pytest.raises(NotPossible):
        desk.interim(office.engine, one.number, WORDS, until + DAY, CLERK)
    done = desk.interim(office.engine, one.number, WORDS, until, CLERK)
    assert (done.status, done.answer_on) == (InquiryStatus.INTERIM, until)
    [letter] = office.owed(ANNA)
    assert "6 октября 2026" in said(letter)
    with pytest.raises(NotPossible):  # what was given once is not given again
        desk.interim(office.engine, one.number, WORDS, until + DAY, CLERK)
    [act] = office.acts(one)
    assert act.details == {"until": "2026-10-06", "was": "2026-09-21", "to": mask(ANNA)}


@pytest.mark.parametrize("days", [-1, 30])
def test_an_interim_answer_promises_no_day_that_is_over_or_too_far(
    quick: Office, days: int
) -> None:
    one = quick.asked()
    with pytest.raises(NotPossible):
        desk.interim(quick.engine, one.number, WORDS, TODAY + days * DAY, CLERK)
    assert quick.see(one) == one


def test_an_interim_answer_comes_too_late_after_ten_days(quick: Office) -> None:
    one = quick.asked()
    quick.clock.move_to(NOON + timedelta(days=11))
    with pytest.raises(NotPossible, match="17 сентября"):
        desk.interim(quick.engine, one.number, WORDS, TODAY + 20 * DAY, CLERK)


# The end ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", CloseReason)
def test_an_inquiry_is_closed_once_for_a_reason(quick: Office, reason: CloseReason) -> None:
    one = quick.asked()
    done = desk.close(quick.engine, one.number, reason, CLERK)
    assert (done.status, done.close_reason, done.done_by) == (InquiryStatus.CLOSED, reason, CLERK)
    with pytest.raises(NotPossible, match=CLERK):
        desk.close(quick.engine, one.number, reason, "another")
    assert quick.see(one) == done


def test_what_was_answered_stays_answered_by_whom_and_when_it_was(office: Office) -> None:
    one = office.asked()
    desk.answer(office.engine, one.number, WORDS, CLERK)
    office.clock.move_to(NOON + DAY)
    with pytest.raises(NotPossible, match="answered"):
        desk.close(office.engine, one.number, CloseReason.SPAM, "another")
    done = desk.close(office.engine, one.number, CloseReason.ANSWERED, "another")
    assert (done.done_at, done.done_by) == (NOON, CLERK)
    assert [act.actor for act in office.acts(one)] == [CLERK, "another"]


def test_what_is_over_admits_nothing_until_it_is_opened_again(office: Office) -> None:
    one = office.asked()
    desk.answer(office.engine, one.number, WORDS, CLERK)
    acts: tuple[Callable[[Engine, str], Inquiry], ...] = (
        lambda engine, number: desk.assign(engine, number, PAVEL, CLERK),
        lambda engine, number: desk.answer(engine, number, WORDS, CLERK),
        lambda engine, number: desk.interim(engine, number, WORDS, TODAY + DAY, CLERK),
    )
    for act in acts:
        with pytest.raises(NotPossible, match="reopen"):
            act(office.engine, one.number)
    opened = desk.reopen(office.engine, one.number, CLERK)
    assert (opened.status, opened.done_at) == (InquiryStatus.ROUTED, None)
    with pytest.raises(NotPossible):
        desk.reopen(office.engine, one.number, CLERK)
    desk.answer(office.engine, one.number, "Ещё раз: завтра.", CLERK)
    assert len(office.owed(ANNA)) == 2


def test_more_words_open_an_inquiry_again_for_whoever_had_it_and_leave_an_open_one_as_it_is(
    office: Office,
) -> None:
    over, nobodys, interim = office.asked(), office.asked(person=""), office.asked()
    for one in (over, nobodys):
        desk.close(office.engine, one.number, CloseReason.DONE, CLERK)
    desk.interim(office.engine, interim.number, WORDS, TODAY + DAY, CLERK)
    with office.engine.ledger.write() as tx:
        for one in (over, nobodys, interim):
            inquiries.append(tx, one, "и ещё")
    statuses = [office.see(one).status for one in (over, nobodys, interim)]
    assert statuses == [InquiryStatus.ROUTED, InquiryStatus.REGISTERED, InquiryStatus.INTERIM]


def test_two_clerks_at_the_same_moment_answer_once(office: Office) -> None:
    one = office.asked()
    barrier = threading.Barrier(4)
    came_to: list[str] = []

    def work(clerk: str) -> None:
        barrier.wait(10)
        try:
            desk.answer(office.engine, one.number, f"Отвечает {clerk}.", clerk)
            came_to.append(clerk)
        except NotPossible as error:
            came_to.append(f"refused: {error}")

    clerks = [threading.Thread(target=work, args=(f"clerk-{n}",)) for n in range(4)]
    for clerk in clerks:
        clerk.start()
    for clerk in clerks:
        clerk.join(30)
    [winner] = [told for told in came_to if not told.startswith("refused")]
    assert len(came_to) == 4
    assert all(winner in told for told in came_to)
    [letter] = office.owed(ANNA)
    assert f"Отвечает {winner}." in said(letter)
    assert office.see(one).done_by == winner
    assert len(office.acts(one)) == 1


# The list -----------------------------------------------------------------------------------------


def test_what_is_most_urgent_stands_first_and_what_is_over_last(office: Office) -> None:
    calm = office.asked(respond_on=TODAY + 9 * DAY)
    old_sms = office.asked(channel=InquiryChannel.SMS, respond_on=None, answer_on=None)
    overdue = office.asked(respond_on=TODAY - DAY)
    promised = office.asked(respond_on=TODAY - 5 * DAY)
    desk.interim(office.engine, promised.number, WORDS, TODAY + 4 * DAY, CLERK)
    closed = office.asked(respond_on=TODAY - 9 * DAY)
    desk.close(office.engine, closed.number, CloseReason.SPAM, CLERK)
    with office.engine.ledger.read() as tx:
        ids = [one.id for one in inquiry_lists.found(tx, Wanted(ALL))]
        late = inquiry_lists.found(tx, Wanted(ALL, overdue_on=TODAY))
    assert ids == [overdue.id, promised.id, calm.id, old_sms.id, closed.id]
    assert [one.id for one in late] == [overdue.id]


def test_inquiries_are_found_by_everything_that_tells_them_apart(office: Office) -> None:
    theirs = office.asked(branch="Омск", segment="business", person="Olga@energo.example.com")
    office.asked(branch="Тара", person="olgarth@energo.example.com")
    office.asked(branch="Тара", person="")
    wanted = [
        Wanted(branch="Омск"),
        Wanted(segment="business"),
        Wanted(person="olga"),
        Wanted(person=OLGA.upper()),
    ]
    with office.engine.ledger.read() as tx:
        for one in wanted:
            assert [found.id for found in inquiry_lists.found(tx, one)] == [theirs.id]
            assert inquiry_lists.count(tx, one) == 1
        assert not inquiry_lists.found(tx, Wanted(person="%"))
        assert len(inquiry_lists.found(tx, Wanted(), limit=2)) == 2
        assert inquiry_lists.count(tx, Wanted(OPEN)) == 3


@given(
    st.lists(
        st.tuples(
            st.sampled_from(InquiryStatus),
            st.none() | st.dates(date(2026, 9, 1), date(2026, 9, 12)),
            st.none() | st.dates(date(2026, 9, 8), date(2026, 9, 20)),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_the_database_and_the_screen_agree_on_what_is_overdue(
    overdue_office: Office, rows: list[tuple[InquiryStatus, date | None, date | None]]
) -> None:
    ledger = overdue_office.engine.ledger
    made = []
    for status, respond_on, answer_on in rows:
        one = overdue_office.asked(respond_on=respond_on, answer_on=answer_on)
        with ledger.write() as tx:
            inquiries.change(tx, one, status)
        made.append(overdue_office.see(one))
    for day in (date(2026, 9, 5), date(2026, 9, 15)):
        with ledger.read() as tx:
            found = {one.id for one in inquiry_lists.found(tx, Wanted(ALL, overdue_on=day))}
        owed = {one.id: inquiry_lists.owed_on(one) for one in made}
        late = {number for number, on in owed.items() if on is not None and on < day}
        assert late == found & owed.keys()


@pytest.fixture(scope="module")
def overdue_office(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("overdue")
    path = folder / "ledger.sqlite3"
    path.write_bytes(migrated_sqlite.read_bytes())
    ledger = Ledger(f"sqlite:///{path}")
    yield open_office(ledger, folder)
    ledger.close()
