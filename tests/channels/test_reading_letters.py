"""Texts and attachments of letters, whatever form they come in."""

from base64 import b64encode

import pytest

from campaigns.inquiry.letter import Attachment, Flaw
from channels.mailbox.reading import read_letter
from tests.channels.letters import from_file, made, read

TEXT = "Здравствуйте! Нет света третий день, примите меры."


@pytest.mark.parametrize("declared", ["", "x-unknown", "us-ascii", "iso-8859-1", "utf-8", "base64"])
@pytest.mark.parametrize("charset", ["utf-8", "windows-1251", "koi8-r", "cp866"])
def test_a_charset_that_is_wrong_or_missing_is_found_out(charset: str, declared: str) -> None:
    kind = f"Content-Type: text/plain; charset={declared}" if declared else "X-Nothing: said"
    letter = read("From: ivan@example.com", kind, body=TEXT.encode(charset))
    assert letter.text == TEXT
    assert (Flaw.CHARSET in letter.flaws) == (charset != declared)


@pytest.mark.parametrize("declared", ["windows-1251", "koi8-r"])
@pytest.mark.parametrize("charset", ["windows-1251", "koi8-r"])
def test_one_russian_charset_declared_as_another_is_found_out(charset: str, declared: str) -> None:
    letter = read(f"Content-Type: text/plain; charset={declared}", body=TEXT.encode(charset))
    assert letter.text == TEXT


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("koi8-r", "РЕЗЮМЕ"),
        ("windows-1251", "СТОП"),
        ("windows-1251", "Ф. Э. Щ."),
        ("cp866", "рано"),
        ("iso-8859-5", "Привет"),
        ("utf-16", "Привет"),
        ("koi8-u", "Їжак"),
        ("iso-8859-1", "Grüße"),
        ("gb18030", "你好，没有电"),
        ("iso-2022-jp", "こんにちは"),
        ("utf-7", "Привет"),
    ],
)
def test_a_charset_that_is_declared_rightly_is_believed(charset: str, text: str) -> None:
    letter = read(f'Content-Type: text/plain; charset="{charset}"', body=text.encode(charset))
    assert letter.text == text
    assert Flaw.CHARSET not in letter.flaws


def test_a_few_spoiled_bytes_do_not_spoil_the_rest() -> None:
    letter = read("Content-Type: text/plain; charset=utf-8", body=TEXT.encode() + b"\xff\xfe ok")
    assert letter.text.startswith(TEXT)
    assert letter.text.endswith("ok")
    assert Flaw.CHARSET in letter.flaws


def test_a_letter_cut_within_a_character_is_read_up_to_there() -> None:
    raw = made("Content-Type: text/plain; charset=utf-8", body=TEXT.encode() + "я".encode()[:1])
    letter = read_letter(raw, is_whole=False).letter
    assert letter.text == TEXT
    assert letter.flaws == {Flaw.TOO_LARGE, Flaw.NO_SENDER}


@pytest.mark.parametrize("spoil", [b"!!", b"=", b"*\r\n*", b""])
def test_base64_with_errors_is_read_as_far_as_it_goes(spoil: bytes) -> None:
    encoded = b64encode(TEXT.encode())
    letter = read(
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: BASE64",
        body=encoded[:24] + spoil + encoded[24:],
    )
    assert letter.text == TEXT
    assert (Flaw.ENCODING in letter.flaws) == (spoil not in (b"", b"="))


def test_quoted_printable_with_errors_is_read() -> None:
    letter = read("Content-Transfer-Encoding: quoted-printable", body=b"a=XXb =D0=9F=\r\n=D1=80=")
    assert letter.text == "a=XXb Пр"
    assert Flaw.ENCODING in letter.flaws


def test_html_alone_becomes_lines_of_words() -> None:
    html = (
        "<html><head><title>T</title><style>p {color: red}</style></head><body>"
        "<div hidden>no</div><span style='DISPLAY : none'>no<span>no</span></span>"
        "<p>Добрый&nbsp;день,<br>нет&#32;света</p><!-- no <p> --><script>no()</script>"
        '<p title="a>b">5 &lt; 6 &amp; 7</p><table><tr><td>день</td><td>123</td></tr></table>'
        "<blockquote>quoted</blockquote></body></html>"
    )
    letter = read("Content-Type: text/html; charset=utf-8", body=html)
    assert letter.text == "Добрый день,\nнет света\n\n5 < 6 & 7\n\nдень 123\n> quoted"
    assert letter.words == "Добрый день,\nнет света\n\n5 < 6 & 7\n\nдень 123"


def test_html_tells_its_charset_itself() -> None:
    html = f"<meta http-equiv=Content-Type content='text/html; charset=koi8-r'><p>{TEXT}"
    assert read("Content-Type: text/html", body=html.encode("koi8_r")).text == TEXT


def test_what_is_hidden_is_read_when_there_is_nothing_else() -> None:
    assert read("Content-Type: text/html", body="<p style=display:none>all").text == "all"


def test_plain_text_is_read_before_html_and_html_where_it_is_empty() -> None:
    parts = "--x\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n--x\r\n\r\n{}\r\n--x--"
    for plain, text in (("plain", "plain"), ("  ", "html")):
        body = parts.format(plain)
        letter = read("Content-Type: multipart/alternative; boundary=x", body=body)
        assert letter.text == text


def test_an_answer_in_html_of_outlook_is_read_with_its_picture() -> None:
    letter = from_file("reply-outlook-html-cp1251")
    assert letter.words == "Прошу пересчитать начисления за октябрь."
    assert "скрытый" not in letter.text
    assert "Ваш долг 1234 руб." in letter.text
    assert letter.attachments == (Attachment("logo.png", "image/png", 8),)
    assert not letter.flaws


def test_names_of_attachments_are_read_in_every_spelling_and_lead_nowhere() -> None:
    letter = from_file("attachment-names")
    assert letter.attachments == (
        Attachment("акт.pdf", "application/pdf", 8),
        Attachment("фото.jpg", "image/jpeg", 6),
        Attachment("readme.txt", "text/plain", 14),
    )
    assert letter.text == "Акты приложены."


def test_a_letter_forwarded_as_attachment_is_text_but_not_the_senders_words() -> None:
    letter = from_file("forwarded-as-attachment")
    assert letter.words == "Посмотрите письмо соседки."
    assert letter.text.endswith("Свет\n\nВ подъезде нет света.")
    assert letter.values("auto-submitted") == ()  # that is the attached one's
    [attached] = letter.attachments
    assert (attached.name, attached.media_type) == ("letter.eml", "message/rfc822")


def test_a_letter_that_only_forwards_has_the_words_of_the_other() -> None:
    body = "From: maria@example.com\r\n\r\nНет света."
    assert read("Content-Type: message/rfc822", body=body).words == "Нет света."


def test_several_texts_are_joined_and_a_lonely_named_text_is_read() -> None:
    body = "--x\r\n\r\none\r\n--x\r\nContent-Type: image/png\r\n\r\n\r\n--x\r\n\r\ntwo\r\n--x--"
    assert read("Content-Type: multipart/mixed; boundary=x", body=body).text == "one\n\ntwo"
    letter = read("Content-Disposition: attachment; filename=a.txt", body="one")
    assert letter.text == "one"
    assert letter.attachments == (Attachment("a.txt", "text/plain", 3),)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/mixed", "--x\r\n\r\nwords\r\n--x--"),  # no boundary is declared
        ("multipart/mixed; boundary=y", "words"),  # none is there
        ("multipart/mixed; boundary=x", "--x\r\n\r\nwords"),  # it does not end
        ("multipart/mixed boundary=x", "--x\r\n\r\nwords\r\n--x--"),
        ("multipart/mixed; boundary=x", "--x\r\nContent-Type: text/plain\r\nwords\r\n--x--"),
        (
            "multipart/mixed; boundary=x",
            "--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nwords\r\n--x--",
        ),
    ],
)
def test_parts_that_are_wrongly_put_together_are_read_and_noted(kind: str, body: str) -> None:
    letter = read(f"Content-Type: {kind}", body=body)
    assert letter.text == "words"
    assert (Flaw.STRUCTURE in letter.flaws) == ("mixed boundary" not in kind)


@pytest.mark.parametrize("kind", ["text", "", "/", "text/plain/x", "x" * 1000, ";;=;", "a/b\x00"])
def test_a_senseless_type_does_no_harm(kind: str) -> None:
    letter = read(f"Content-Type: {kind}", body="words")
    assert "words" in letter.text or letter.attachments


def test_a_letter_without_text_is_noted_and_one_without_anything_unreadable() -> None:
    assert Flaw.NO_TEXT in read("From: ivan@example.com", body="").flaws
    for nothing in (b"", b"\r\n", b"\x00" * 100, bytes(range(256)) * 40):
        assert Flaw.UNREADABLE in read_letter(nothing).letter.flaws


def test_no_control_character_is_left_but_line_ends() -> None:
    body = "a\x00b\x07c\x1b[31m\td\x9be\u2028f\u202eg\ufeff\r\nh\x0ci"
    assert read("Content-Type: text/plain; charset=utf-8", body=body).text == "abc[31m de\nfg\nh\ni"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Please tell me what I have to pay.", "en"),
        ("Electricity outage since yesterday", "en"),
        ("Hello, I am Иван and my bill is wrong, can you check it?", "en"),
        ("Добрый день! My iPhone app Energo Online Cabinet Pro не открывается", "ru"),
        ("ivan.petrov@example.com лс 123", "ru"),
        ("Where is my bill?", "en"),
        ("No light", "en"),
        ("Thanks!", "en"),
        ("Zdravstvuyte, u nas net sveta s utra", "ru"),
        ("pokazaniya schetchika 12345", "ru"),
        ("Dobryy den! Kogda vklyuchat svet na ulice Lesnaya?", "ru"),
        ("https://example.com/the/cabinet ivan.the.first.of.all@example.com", "ru"),
        ("Petrov 12345", "ru"),
        ("ok", "ru"),
        ("123", "ru"),
        ("", "ru"),
    ],
)
def test_the_language_is_russian_unless_it_is_english_beyond_doubt(
    text: str, language: str
) -> None:
    assert read("Content-Type: text/plain; charset=utf-8", body=text).language == language


@pytest.mark.parametrize(
    ("subject", "words", "language"),
    [
        ("Bill", "Where is my bill?", "en"),
        ("Bill", "", "en"),
        ("Счёт", "Where is it?", "en"),
        ("Счёт", "account 12345", "ru"),
        ("Re: Счёт за ноябрь [2026-000123]", "Thanks", "ru"),
        ("Re: Bill", "Спасибо", "ru"),
    ],
)
def test_in_a_short_letter_the_subject_has_its_say(subject: str, words: str, language: str) -> None:
    kind = "Content-Type: text/plain; charset=utf-8"
    assert read(f"Subject: {subject}", kind, body=words).language == language
