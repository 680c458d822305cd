"""Who is answered: a corpus of letters with what must become of each, and what holds for all."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.inquiry.judgement import ANSWERED, TABLE, Case, judge
from campaigns.inquiry.letter import Letter, Mailbox
from campaigns.inquiry.verdict import History, House, Judged, Reason, Verdict

MANUAL = Path(__file__).parents[2] / "docs" / "mailrobot.md"
OURS = "<answer-7@energo.example>"
MARK = "dispatcher-4f2a"
HOUSE = House(
    addresses=frozenset({"robot@energo.example", "info@почта.рф", "anna+mail@energo.example"}),
    loop_mark=MARK,
    spam_headers={},
    wrote=lambda message_id: message_id == OURS,
    most_answers=10,
    most_repeats=2,
)
NEW = History()
IVAN = Letter(
    message_id="<1@mail.example>",
    senders=(Mailbox("ivan@mail.example", "Иван"),),
    return_path="ivan@mail.example",
    recipients=("robot@energo.example",),
    subject="Нет света",
    headers={"subject": ("Нет света",), "user-agent": ("Mail",)},
    words="Нет света с утра",
)


def told(letter: Letter, history: History = NEW, house: House = HOUSE) -> Reason:
    """The reason; that the verdict goes with it is looked at every time."""
    judged = judge(letter, house, history, is_report=False)
    assert judged.is_answered == (judged.reason in ANSWERED)
    return judged.reason


def having(name: str, *values: str) -> Letter:
    return replace(IVAN, headers={**IVAN.headers, name: values})


def sent_by(*addresses: str, path: str | None = None) -> Letter:
    return replace(IVAN, senders=tuple(map(Mailbox, addresses)), return_path=path)


# A header, and what becomes of the letter that has it. Several values: several headers.
CASES: list[tuple[str, Reason, list[tuple[str, ...]]]] = [
    ("auto-submitted", Reason.AUTO_SUBMITTED, [
        ("auto-replied",), ("auto-generated",), ("auto-notified",), ("AUTO-REPLIED",),
        ("auto-replied (vacation); owner-email=\"a@b.example\"",), ("(why) auto-replied",),
        ("auto-generated; type=x",), ("yes",), ("",), ("  ",), ("()",), ("no-reply",),
        ("nothing",), ("no no",), ("no, auto-replied",), ("no", "auto-replied"),
        ("auto-replied", "no"), ("; no",), ("(no)",), ("(no",), ("auto-\r\n replied",),
        ("auto-replied;\r\n\tno",), ("\"no",), ("\"\"",), ("\"auto-replied\"",),
    ]),
    ("auto-submitted", Reason.LETTER, [
        ("no",), ("No",), ("NO",), (" no ",), ("no ; x=y",), ("NO ; x=auto-replied",),
        ("(comment) no",), ("no (typed (by) hand)",), ("no (auto-replied)",), ("no (open",),
        ("no", "No"), ("(a \\) b) no",), ("\r\n no",), ("no;",), ("\"no\"",),
    ]),
    ("precedence", Reason.PRECEDENCE, [
        ("bulk",), ("Bulk",), ("LIST",), ("junk",), ("auto_reply",), ("auto-reply",),
        ("Auto_Reply",), ("bulk (comment)",), (" bulk ",), ("normal", "bulk"),
        ("first-class", "junk", "x"), ("bulk, list",), ("\"bulk\"",), ("normal; list",),
    ]),
    ("precedence", Reason.LETTER, [
        ("first-class",), ("normal",), ("special-delivery",), ("",), ("Normal (bulk)",),
        ("urgent",), ("listless",), ("bulky",),
    ]),
    ("x-precedence", Reason.PRECEDENCE, [("bulk",)]),
    ("list-id", Reason.MAILING_LIST, [("<news.shop.example>",), ("",)]),
    ("list-unsubscribe", Reason.MAILING_LIST, [("<mailto:x@y.example>",)]),
    ("list-unsubscribe-post", Reason.MAILING_LIST, [("List-Unsubscribe=One-Click",)]),
    ("list-post", Reason.MAILING_LIST, [("NO",)]),
    ("list-help", Reason.MAILING_LIST, [("<mailto:x@y.example>",)]),
    ("list-subscribe", Reason.MAILING_LIST, [("<mailto:x@y.example>",)]),
    ("list-owner", Reason.MAILING_LIST, [("<mailto:x@y.example>",)]),
    ("list-archive", Reason.MAILING_LIST, [("<https://y.example>",)]),
    ("mailing-list", Reason.MAILING_LIST, [("contact x@y.example",)]),
    ("x-mailing-list", Reason.MAILING_LIST, [("x@y.example",)]),
    ("x-beenthere", Reason.MAILING_LIST, [("x@y.example",)]),
    ("x-auto-response-suppress", Reason.SUPPRESS_HEADER, [
        ("All",), ("all",), ("OOF",), ("oof",), ("AutoReply",), ("DR, OOF, AutoReply",),
        ("DR,RN,NRN,OOF",), ("DR; AutoReply",), ("None", "All"), ("Auto-Reply",),
        ("DR,\r\n OOF",),
    ]),
    ("x-auto-response-suppress", Reason.LETTER, [
        ("None",), ("none",), ("DR",), ("RN",), ("NRN",), ("DR, RN, NRN",), ("",),
    ]),
    ("x-autoreply", Reason.AUTO_HEADER, [("yes",), ("",), ("true",), ("no", "yes")]),
    ("x-autoreply", Reason.LETTER, [("no",), ("False",), ("0",)]),
    ("x-auto-reply", Reason.AUTO_HEADER, [("yes",)]),
    ("x-autoreply-from", Reason.AUTO_HEADER, [("x@y.example",)]),
    ("x-auto-reply-from", Reason.AUTO_HEADER, [("x@y.example",)]),
    ("x-mail-autoreply", Reason.AUTO_HEADER, [("1",)]),
    ("x-autorespond", Reason.AUTO_HEADER, [("Re: bill",), ("",)]),
    ("x-auto-respond", Reason.AUTO_HEADER, [("1",)]),
    ("x-autoresponder", Reason.AUTO_HEADER, [("1",)]),
    ("x-autogenerated", Reason.AUTO_HEADER, [("Reply",), ("Forward",)]),
    ("x-auto-generated", Reason.AUTO_HEADER, [("yes",)]),
    ("x-fc-machinegenerated", Reason.AUTO_HEADER, [("true",)]),
    ("x-post-messageclass", Reason.AUTO_HEADER, [("9; Autoresponder",)]),
    ("x-post-messageclass", Reason.LETTER, [("1; Message",)]),
    ("delivered-to", Reason.AUTO_HEADER, [("Autoresponder",)]),
    # A server on the customer's side wrote it, of a mailbox that they pass on to us.
    ("delivered-to", Reason.LETTER, [
        ("robot@energo.example",), ("x@y.example",), ("ivan@mail.example",),
        ("ivan@mail.example", "robot@energo.example"),
    ]),
    ("x-loop", Reason.AUTO_HEADER, [("x@y.example",), ("",)]),
    ("x-loop", Reason.OWN_LETTER, [
        (MARK,), (MARK.upper(),), (f"other {MARK}",), ("x@y.example", f"<{MARK}>"),
    ]),
    ("x-otrs-loop", Reason.AUTO_HEADER, [("yes",)]),
    ("feedback-id", Reason.AUTO_HEADER, [
        ("autumn:shop:offer:mailer",), ("1.eu-west-1.abc=:AmazonSES",), ("x",),
    ]),
    ("feedback-id", Reason.LETTER, [
        ("i56a14606:Fastmail",), ("17485103:user:proton",), ("rr1:zu2:rf3:ZohoMail",),
        (":ivan@mail.example:mail.example:flockmailId",), ("",),
    ]),
    ("x-spam-flag", Reason.SPAM, [("YES",), ("yes",), (" Yes ",), ("NO", "YES")]),
    ("x-spam-flag", Reason.LETTER, [("NO",), ("",)]),
    ("x-spam-status", Reason.SPAM, [("Yes, score=7.1 required=5.0",)]),
    ("x-spam-status", Reason.LETTER, [("No, score=-1.9",), ("No, yes=0",)]),
    ("x-spam", Reason.SPAM, [("Yes",)]),
    ("x-spam-score", Reason.LETTER, [("9.9",)]),
    ("sender", Reason.MAIL_SYSTEM, [
        ("MAILER-DAEMON@mail.example",), ("Mail <postmaster@mail.example>",),
    ]),
    ("sender", Reason.LETTER, [("noreply@portal.example",), ("anna@mail.example",)]),
    ("x-mailer", Reason.LETTER, [("PHPMailer 5.2",), ("The Bat!",), ("Unisender",)]),
    ("x-priority", Reason.LETTER, [("1",)]),
    ("x-auto-something", Reason.LETTER, [("1",)]),
    ("content-language", Reason.LETTER, [("ru",)]),
    ("reply-to", Reason.LETTER, [("noreply@mail.example",)]),
]  # fmt: skip
HEADERS = [(name, values, reason) for name, reason, cases in CASES for values in cases]


@pytest.mark.parametrize(("name", "values", "reason"), HEADERS)
def test_a_header_decides(name: str, values: tuple[str, ...], reason: Reason) -> None:
    assert told(having(name, *values)) is reason


SENDERS: list[tuple[str, Reason]] = [
    (address, reason)
    for reason, listed in [
        (Reason.MAIL_SYSTEM, """
            mailer-daemon@mail.example MAILER-DAEMON@mail.example mailer-daemon
            mailerdaemon@x.example mailer_daemon@x.example mail-daemon@x.example
            postmaster@mail.example PostMaster@x.example postmaster+1@x.example MAILER-DAEMON@
        """),
        (Reason.OWN_ADDRESS, """
            robot@energo.example ROBOT@Energo.Example robot+bill@energo.example info@почта.рф
            info@xn--80a1acny.xn--p1ai INFO@ПОЧТА.РФ anna@energo.example anna+x@energo.example
        """),
        (Reason.NO_REPLY, """
            noreply@shop.example no-reply@shop.example no_reply@shop.example no.reply@shop.example
            NoReply@shop.example noreply+x@shop.example noreply-bills@shop.example
            noreply2@x.example shop-noreply@x.example shop.no_reply2+x@x.example
            noreplyinfo@x.example donotreply@x.example do-not-reply@x.example
            do_not_reply@x.example dont-reply@x.example notification@x.example
            notifications@x.example notifications+7@x.example mailer@x.example bounce@x.example
            bounces@x.example bounces+12@x.example autoreply@x.example auto-responder@x.example
            нетответа@почта.рф.example не-отвечать@пример.рф neotvechat@x.example
            ne-otvechat@x.example
        """),
        (Reason.NO_SENDER, "broken @x.example a@b@c.example root@x.example ivan@[127.0.0.1]"),
        (Reason.LETTER, """
            nora.eply@x.example noreen@x.example ivan.noreplyakov@x.example reply@x.example
            norep@x.example no@reply.example ivan@noreply.example noreplacement@x.example
            donot@x.example renotification@x.example ivan.mailer@x.example bounce-studio@x.example
            postmasterov@x.example daemon-ivan@x.example robot@other.example иван@почта.рф
            robot@sub.energo.example xrobot@energo.example notify.ivan@x.example mailers@x.example
            ivan+noreplacement@x.example info@x.example support@x.example admin@x.example
        """),
    ]
    for address in listed.split()
]  # fmt: skip


@pytest.mark.parametrize(("address", "reason"), SENDERS)
def test_a_sender_decides(address: str, reason: Reason) -> None:
    assert told(sent_by(address)) is reason


LETTERS: list[tuple[str, Letter, Reason]] = [
    ("a plain letter", IVAN, Reason.LETTER),
    ("nothing in it but a sender", Letter(senders=IVAN.senders), Reason.LETTER),
    ("nothing at all", Letter(), Reason.NO_SENDER),
    ("null path", replace(IVAN, return_path=""), Reason.NULL_SENDER),
    ("null path in brackets", replace(IVAN, return_path=" <> "), Reason.NULL_SENDER),
    ("no path told", replace(IVAN, return_path=None), Reason.LETTER),
    (
        "path of a mail system",
        replace(IVAN, return_path="MAILER-DAEMON@x.example"),
        Reason.MAIL_SYSTEM,
    ),
    (
        "path of a mailing service",
        replace(IVAN, return_path="bounces+1@esp.example"),
        Reason.LETTER,
    ),
    (
        "path that takes no answers",
        replace(IVAN, return_path="noreply@mail.example"),
        Reason.LETTER,
    ),
    (
        "a delivery report",
        replace(IVAN, media_type="multipart/report", report_type="delivery-status"),
        Reason.REPORT,
    ),
    (
        "a disposition report",
        replace(IVAN, media_type="multipart/report", report_type="disposition-notification"),
        Reason.REPORT,
    ),
    ("a report of unknown kind", replace(IVAN, media_type="multipart/report"), Reason.REPORT),
    ("a bare delivery status", replace(IVAN, media_type="message/delivery-status"), Reason.REPORT),
    ("a mixed letter", replace(IVAN, media_type="multipart/mixed"), Reason.LETTER),
    ("our own letter", replace(IVAN, message_id=OURS), Reason.OWN_LETTER),
    (
        "a reply to our letter",
        replace(IVAN, in_reply_to=(OURS,), references=(OURS,)),
        Reason.LETTER,
    ),
    ("no Message-ID", replace(IVAN, message_id=""), Reason.LETTER),
    ("several senders", sent_by("a@x.example", "b@x.example"), Reason.LETTER),
    ("several, one of them us", sent_by("a@x.example", "robot@energo.example"), Reason.OWN_ADDRESS),
    (
        "noreply with a Reply-To",
        replace(sent_by("noreply@x.example"), reply_to=IVAN.senders),
        Reason.NO_REPLY,
    ),
    ("no From, a Reply-To", replace(sent_by(), reply_to=IVAN.senders), Reason.LETTER),
    (
        "a web form",
        replace(
            sent_by("www-data@site.example", path="www-data@site.example"), reply_to=IVAN.senders
        ),
        Reason.LETTER,
    ),
    ("out of office", replace(IVAN, subject="Автоответ: Re: счёт"), Reason.OUT_OF_OFFICE),
    (
        "out of office in English",
        replace(IVAN, subject="Out of Office: bill"),
        Reason.OUT_OF_OFFICE,
    ),
    ("written on holiday", replace(IVAN, subject="Не отключайте, я в отпуске"), Reason.LETTER),
    (
        "about an answering machine",
        replace(IVAN, subject="Автоответчик не работает"),
        Reason.LETTER,
    ),
    (
        "out of office, by hand",
        replace(having("auto-submitted", "no"), subject="Автоответ"),
        Reason.LETTER,
    ),
    (
        "out of office, by a program",
        replace(having("auto-submitted", "auto-replied"), subject="Автоответ"),
        Reason.AUTO_SUBMITTED,
    ),
    (
        "by hand, and bulk",
        replace(IVAN, headers={"auto-submitted": ("no",), "precedence": ("bulk",)}),
        Reason.PRECEDENCE,
    ),
    (
        "a list with Precedence",
        replace(IVAN, headers={"precedence": ("list",), "list-id": ("<x>",)}),
        Reason.MAILING_LIST,
    ),
    (
        "spam by a list",
        replace(IVAN, headers={"x-spam-flag": ("YES",), "list-id": ("<x>",)}),
        Reason.SPAM,
    ),
    (
        "spam from our address",
        replace(sent_by("robot@energo.example"), headers={"x-spam-flag": ("YES",)}),
        Reason.SPAM,
    ),
    (
        "a vacation answer with null path",
        replace(having("auto-submitted", "auto-replied"), return_path=""),
        Reason.AUTO_SUBMITTED,
    ),
    (
        "a bounce nobody could read",
        replace(sent_by("mailer-daemon@x.example", path=""), subject="Undelivered"),
        Reason.MAIL_SYSTEM,
    ),
]


@pytest.mark.parametrize(
    ("letter", "reason"), [pytest.param(*one[1:], id=one[0]) for one in LETTERS]
)
def test_a_letter_is_judged(letter: Letter, reason: Reason) -> None:
    assert told(letter) is reason


def test_a_report_comes_before_everything_about_addresses() -> None:
    bounced = replace(sent_by("robot@energo.example", path=""), message_id=OURS)
    judged = judge(bounced, HOUSE, NEW, is_report=True)
    assert judged == Judged(Verdict.SILENT, Reason.REPORT)


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (History(is_unsubscribe=True), Reason.UNSUBSCRIBE),
        (History(is_unsubscribe=True, was_answered=True, answers=99), Reason.UNSUBSCRIBE),
        (History(was_answered=True), Reason.ANSWERED_BEFORE),
        (History(was_answered=True, repeats=9, answers=99), Reason.ANSWERED_BEFORE),
        (History(repeats=1), Reason.LETTER),
        (History(repeats=2), Reason.REPEATED),
        (History(repeats=2, answers=10), Reason.REPEATED),
        (History(answers=9), Reason.LETTER),
        (History(answers=10), Reason.TOO_MANY),
        (History(answers=11, answers_campaign=True), Reason.TOO_MANY),
        (History(repeats=3, follows_inquiry=True), Reason.REPEATED),
        (History(answers_campaign=True), Reason.REPLY),
        (History(answers_campaign=True, follows_inquiry=True), Reason.REPLY),
        (History(follows_inquiry=True), Reason.FOLLOW_UP),
    ],
)
def test_what_went_before_decides(history: History, reason: Reason) -> None:
    assert told(IVAN, history) is reason


def test_a_program_that_unsubscribes_is_obeyed_and_not_answered() -> None:
    program = replace(having("auto-submitted", "auto-generated"), return_path="")
    assert told(program, History(is_unsubscribe=True)) is Reason.UNSUBSCRIBE


def test_the_settings_name_other_spam_headers() -> None:
    house = replace(HOUSE, spam_headers={"x-our-filter": "Reject"})
    assert told(having("x-our-filter", "reject: 9.1"), house=house) is Reason.SPAM
    assert told(having("x-our-filter", "accept"), house=house) is Reason.LETTER
    assert told(having("x-spam-flag", "YES"), house=house) is Reason.LETTER


def test_without_a_mark_of_ours_no_letter_carries_it() -> None:
    unmarked = replace(HOUSE, loop_mark="")
    assert told(having("x-loop", "x@y.example"), house=unmarked) is Reason.AUTO_HEADER


def test_each_reason_has_one_row() -> None:
    assert sorted(row.reason for row in TABLE) == sorted(Reason)


def test_the_manual_shows_the_table() -> None:
    section = MANUAL.read_text().partition("## Who is answered")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    rows = [line.strip("| ").split(" | ") for line in lines[1:]]
    assert rows == [[row.says, str(row.verdict), f"`{row.reason}`"] for row in TABLE]


SILENCING = [(n, v) for n, v, reason in HEADERS if reason not in ANSWERED]
EVERY_LETTER = [
    *(letter for _, letter, _ in LETTERS),
    *(having(name, *values) for name, values, _ in HEADERS),
    *(sent_by(address) for address, _ in SENDERS),
]
histories = st.builds(
    History,
    was_answered=st.booleans(),
    answers=st.integers(0, 20),
    repeats=st.integers(0, 4),
    answers_campaign=st.booleans(),
    follows_inquiry=st.booleans(),
    is_unsubscribe=st.booleans(),
)


not_no = st.text(st.characters(exclude_characters="("), max_size=60).filter(
    lambda value: value.partition(";")[0].strip().casefold() != "no"
)


@given(st.sampled_from(EVERY_LETTER), not_no, histories, st.booleans())
def test_a_letter_that_is_auto_submitted_is_never_answered(
    letter: Letter, value: str, history: History, is_report: bool
) -> None:
    headers = {**letter.headers, "auto-submitted": (value,)}
    judged = judge(replace(letter, headers=headers), HOUSE, history, is_report=is_report)
    assert judged.verdict is Verdict.SILENT


def changed(headers: Mapping[str, tuple[str, ...]], *, upper: bool, fold: str) -> Letter:
    def otherwise(value: str) -> str:
        return fold.join((value.upper() if upper else value.lower()).split(" "))

    return replace(IVAN, headers={n: tuple(map(otherwise, v)) for n, v in headers.items()})


@given(st.sampled_from(HEADERS), st.booleans(), st.sampled_from(["\r\n ", "\n\t", "  "]))
def test_letter_case_and_folding_change_nothing(
    case: tuple[str, tuple[str, ...], Reason], upper: bool, fold: str
) -> None:
    name, values, reason = case
    assert told(changed({name: values}, upper=upper, fold=fold)) is reason


@given(st.sampled_from(EVERY_LETTER), st.sampled_from(SILENCING), histories)
def test_a_silencing_header_more_never_makes_an_answer_of_silence(
    letter: Letter, header: tuple[str, tuple[str, ...]], history: History
) -> None:
    name, values = header
    more = {**letter.headers, name: (*letter.values(name), *values)}
    before = judge(letter, HOUSE, history, is_report=False)
    after = judge(replace(letter, headers=more), HOUSE, history, is_report=False)
    assert before.is_answered or not after.is_answered
    if name != "delivered-to":  # only the topmost of these is our own mail system's
        assert not after.is_answered


names = st.sampled_from(sorted({name for name, _, _ in HEADERS})) | st.text(max_size=20)


@given(st.dictionaries(names, st.lists(st.text(max_size=40), max_size=3).map(tuple)), st.text())
def test_any_letter_is_judged(headers: dict[str, tuple[str, ...]], text: str) -> None:
    letter = Letter(headers=headers, subject=text, senders=(Mailbox(text),), return_path=text)
    assert told(letter) in Reason


@pytest.mark.parametrize(
    "piece", ["(", "()", "(\\", "no;", "bulk,", "-", "<", "a@", ":", " ", "no-"]
)
def test_a_megabyte_of_anything_takes_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    headers = {name: (text,) for name, _, _ in HEADERS}
    letter = Letter(headers=headers, senders=(Mailbox(text),), subject=text, return_path=text)
    started = time.perf_counter()
    case = Case(letter, HOUSE, NEW)
    fitting = [row.reason for row in TABLE if row.fits(case)]
    assert Reason.AUTO_SUBMITTED in fitting or piece == "no;"
    assert time.perf_counter() - started < 10
