"""What mail systems say of letters of ours, by the standard and in their own words."""

import pytest

from campaigns.inquiry.report import MailReport, ReportKind
from channels.mailbox.reading import read_letter
from tests.channels.letters import made, report_from

OURS = "<d.1.abc@example.org>"


@pytest.mark.parametrize(
    ("name", "kind", "status", "number", "is_standard"),
    [
        ("bounce-postfix", ReportKind.HARD, "5.1.1", 123, True),
        ("bounce-exim", ReportKind.FULL, "5.2.2", 124, False),
        ("bounce-exchange", ReportKind.REJECTED, "5.7.1", 125, True),
        ("bounce-qmail", ReportKind.HARD, "", 126, False),
        ("bounce-yandex-like", ReportKind.HARD, "5.7.1", 127, False),
        ("bounce-mailru-like", ReportKind.FULL, "", 128, False),
        ("delayed", ReportKind.DELAYED, "4.4.1", 129, True),
        ("receipt", ReportKind.READ, "", 130, True),
    ],
)
def test_a_report_of_a_known_kind_tells_what_became_of_which_letter(
    name: str, kind: ReportKind, status: str, number: int, is_standard: bool
) -> None:
    named = (f"<d.{number}.abc@example.org>",)
    expected = MailReport(kind, "ivan@example.com", status, named, is_standard=is_standard)
    assert report_from(name) == expected


def status_report(*blocks: str) -> MailReport:
    """A standard report with these blocks, one for each recipient."""
    parts = "\r\n\r\n".join(("Reporting-MTA: dns; mx.example.org", *blocks))
    body = (
        "--x\r\n\r\nwords\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"{parts}\r\n\r\n--x\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        f"Message-ID: {OURS}\r\n--x--"
    )
    kind = "Content-Type: multipart/report; report-type=delivery-status; boundary=x"
    report = read_letter(made("From: MAILER-DAEMON@example.org", kind, body=body)).report
    assert report is not None
    assert report.message_ids == (OURS,)
    return report


def block(action: str, status: str, diagnostic: str = "", address: str = "a@example.com") -> str:
    return (
        f"Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {diagnostic}"
    )


@pytest.mark.parametrize(
    ("action", "status", "diagnostic", "kind"),
    [
        ("failed", "5.1.1", "", ReportKind.HARD),
        ("failed", "5.1.2", "550 bad destination system", ReportKind.HARD),
        ("failed", "5.1.10", "550 5.1.10 RecipientNotFound", ReportKind.HARD),
        ("failed", "5.2.1", "550 disabled", ReportKind.HARD),
        ("failed", "5.4.4", "Host not found", ReportKind.HARD),
        ("failed", "5.4.310", "DNS domain does not exist", ReportKind.HARD),
        ("failed", "5.0.0", "550 No such user", ReportKind.HARD),
        ("failed", "5.0.0", "550 5.1.1 unknown", ReportKind.HARD),
        ("failed", "", "550 пользователь не найден", ReportKind.HARD),
        ("failed", "5.7.1", "550 5.7.1 No such user!", ReportKind.HARD),
        ("failed", "5.1.8", "550 sender address rejected", ReportKind.REJECTED),
        ("failed", "5.7.1", "554 5.7.1 spam", ReportKind.REJECTED),
        ("failed", "5.7.26", "550 DMARC", ReportKind.REJECTED),
        ("failed", "5.0.0", "554 message looks like spam", ReportKind.REJECTED),
        ("failed", "5.2.2", "", ReportKind.FULL),
        ("failed", "4.2.2", "", ReportKind.FULL),
        ("failed", "5.0.0", "552 Quota exceeded", ReportKind.FULL),
        ("failed", "5.2.0", "ящик переполнен", ReportKind.FULL),
        ("failed", "5.2.3", "552 too large", ReportKind.SOFT),
        ("failed", "5.3.4", "552 too large", ReportKind.SOFT),
        ("failed", "5.5.0", "", ReportKind.SOFT),
        ("failed", "5.0.0", "550", ReportKind.SOFT),
        ("failed", "4.4.7", "expired", ReportKind.SOFT),
        ("failed (bounce)", "5.1.1", "", ReportKind.HARD),
        ("delayed", "4.4.1", "", ReportKind.DELAYED),
        ("delayed", "4.2.2", "mailbox full", ReportKind.DELAYED),
        ("delivered", "2.0.0", "", ReportKind.DELIVERED),
        ("relayed", "2.1.5", "", ReportKind.DELIVERED),
        ("expanded", "2.0.0", "", ReportKind.DELIVERED),
        ("", "5.1.1", "", ReportKind.HARD),
        ("", "2.0.0", "", ReportKind.DELIVERED),
        ("dancing", "", "", ReportKind.UNKNOWN),
    ],
)
def test_a_status_means_what_the_standard_says(
    action: str, status: str, diagnostic: str, kind: ReportKind
) -> None:
    report = status_report(block(action, status, diagnostic))
    assert (report.kind, report.is_standard) == (kind, True)


def test_of_several_recipients_the_most_final_fate_counts() -> None:
    report = status_report(
        block("delivered", "2.0.0", address="a@example.com"),
        block("failed", "5.1.1", address="b@example.com"),
        block("delayed", "4.4.1", address="c@example.com"),
    )
    assert (report.kind, report.recipient) == (ReportKind.HARD, "b@example.com")


def test_the_address_we_wrote_to_goes_before_the_one_it_ended_at() -> None:
    both = "Original-Recipient: rfc822;First@Example.com\r\n" + block("failed", "5.1.1")
    assert status_report(both).recipient == "first@example.com"


def test_a_report_without_any_status_is_of_an_unknown_kind() -> None:
    assert status_report().kind is ReportKind.UNKNOWN


@pytest.mark.parametrize(
    ("disposition", "kind"),
    [
        ("manual-action/MDN-sent-manually; displayed", ReportKind.READ),
        ("automatic-action/MDN-sent-automatically; displayed/warning", ReportKind.READ),
        ("Manual-Action/MDN-sent-manually;DELETED", ReportKind.DELETED),
        ("automatic-action/MDN-sent-automatically; processed", ReportKind.UNKNOWN),
        ("", ReportKind.UNKNOWN),
    ],
)
def test_a_receipt_tells_whether_the_letter_was_shown(disposition: str, kind: ReportKind) -> None:
    body = (
        "--x\r\nContent-Type: message/disposition-notification\r\n\r\n"
        f"Final-Recipient: rfc822;a@example.com\r\nOriginal-Message-ID: {OURS}\r\n"
        f"Disposition: {disposition}\r\n--x--"
    )
    kind_of_letter = "multipart/report; report-type=disposition-notification; boundary=x"
    report = read_letter(made(f"Content-Type: {kind_of_letter}", body=body)).report
    assert report == MailReport(kind, "a@example.com", "", (OURS,))


def free(*lines: str, body: str) -> MailReport | None:
    kind = "Content-Type: text/plain; charset=utf-8"
    return read_letter(made(*lines, kind, body=body)).report


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("<a@example.com>: 550 5.1.1 unknown", ReportKind.HARD),
        ("<a@example.com>: почтовый ящик переполнен", ReportKind.FULL),
        ("<a@example.com>: 554 5.7.1 blocked", ReportKind.REJECTED),
        ("<a@example.com>: 451 4.3.0 later. We will continue to try.", ReportKind.DELAYED),
        ("<a@example.com> (Exim 4.96.1): something", ReportKind.SOFT),
    ],
)
def test_words_of_a_mail_system_tell_the_kind(words: str, kind: ReportKind) -> None:
    sender = "From: MAILER-DAEMON@mx.example.com"
    report = free(sender, "Subject: Undelivered mail", body=f"{words}\nMessage-ID: {OURS}")
    assert report is not None
    assert (report.kind, report.recipient) == (kind, "a@example.com")
    assert report.message_ids == (OURS,)
    assert not report.is_standard


def test_a_mail_system_that_says_nothing_of_the_kind_is_not_understood() -> None:
    report = free("From: postmaster@example.com", "Subject: news", body="Maintenance tonight.")
    assert report is not None
    assert report.kind is ReportKind.UNKNOWN


@pytest.mark.parametrize(
    "sender",
    [
        "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@firm.example",
        "System.Administrator@a.example",
    ],
)
@pytest.mark.parametrize(
    "subject",
    [
        "Undeliverable: счёт",
        "Не удается доставить: счёт",
        "Не удаётся доставить: счёт",
        "Недоставленное сообщение",
        "Undelivered Mail Returned to Sender",
        "Mail delivery failed: returning message to sender",
    ],
)
def test_an_exchange_server_that_writes_no_standard_report_is_known(
    sender: str, subject: str
) -> None:
    report = free(
        f"From: {sender}",
        f"Return-Path: <{sender}>",
        f"Subject: {subject}",
        body="Не удалось доставить:\r\n<a@example.com>: 550 5.1.1 no such user",
    )
    assert report is not None
    assert (report.kind, report.recipient) == (ReportKind.HARD, "a@example.com")


@pytest.mark.parametrize(
    "lines",
    [
        ("From: system.administrator@example.com", "Subject: Нет света в серверной"),
        ("From: system.administrator@example.com", "Subject: Re: Недоставленное сообщение"),
        ("From: microsoftexchange@example.com", "Subject: Недоставленное сообщение"),
        ("Return-Path: <ivan@example.com>", "From: ivan@example.com", "Subject: Undelivered mail"),
        ("From: ivan@example.com", "Subject: 550 5.1.1 no such user"),
        ("Return-Path: <>", "From: ivan@example.com", "Subject: Я в отпуске"),
    ],
)
def test_a_letter_of_a_person_is_no_report(lines: tuple[str, ...]) -> None:
    assert free(*lines, body="I was told: 550 5.1.1 no such user <a@example.com>") is None


def test_a_report_that_somebody_forwards_as_a_file_is_no_report() -> None:
    inner = "Content-Type: message/delivery-status\r\n\r\n" + block("failed", "5.1.1")
    body = f"--x\r\n\r\nsee\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--x--"
    raw = made("From: a@example.com", "Content-Type: multipart/mixed; boundary=x", body=body)
    assert read_letter(raw).report is None


def test_a_report_with_thousands_of_recipients_is_read_as_far_as_the_limits() -> None:
    report = status_report(
        *(block("failed", "5.2.2", address=f"a{n}@x.example") for n in range(5000))
    )
    assert report.kind is ReportKind.FULL
