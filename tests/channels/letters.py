"""Letters for tests: from the corpus, or made of a few lines."""

from pathlib import Path

from campaigns.inquiry.letter import Letter
from campaigns.inquiry.report import MailReport
from channels.mailbox.reading import read_letter

CORPUS = Path(__file__).parents[1] / "corpora" / "letters"


def corpus() -> list[Path]:
    found = sorted(CORPUS.glob("*.eml"))
    assert len(found) > 10
    return found


def from_file(name: str) -> Letter:
    return read_letter((CORPUS / f"{name}.eml").read_bytes()).letter


def report_from(name: str) -> MailReport:
    report = read_letter((CORPUS / f"{name}.eml").read_bytes()).report
    assert report is not None
    return report


def made(*lines: str | bytes, body: str | bytes = "Здравствуйте!") -> bytes:
    """A letter with these headers, a blank line and a body in UTF-8."""
    head = b"\r\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    return head + b"\r\n\r\n" + (body.encode() if isinstance(body, str) else body)


def read(*lines: str | bytes, body: str | bytes = "Здравствуйте!") -> Letter:
    return read_letter(made(*lines, body=body)).letter


def words_of(text: str) -> str:
    return read(
        "From: ivan@example.com", "Content-Type: text/plain; charset=utf-8", body=text
    ).words
