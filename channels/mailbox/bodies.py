"""The text of a letter out of its parts, and what is attached to it."""

import re
from dataclasses import dataclass, field

from campaigns.inquiry.letter import Attachment, Flaw
from channels.mailbox.charsets import known_charset, text_of
from channels.mailbox.header_words import Parameter, decoded_words, parameters_of
from channels.mailbox.html_text import html_text
from channels.mailbox.limits import Deadline, Limits
from channels.mailbox.plain import plain_line, plain_text
from channels.mailbox.structure import Part
from channels.mailbox.transfer import decoded, size_of

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_PLAIN = frozenset({"text/plain", "text/enriched", "text/markdown", "text/x-plain"})
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}[\"']?([\w-]{1,40})", re.I)
_REPORTS = frozenset(
    {
        "message/delivery-status",
        "message/global-delivery-status",
        "message/disposition-notification",
        "message/global-disposition-notification",
        "message/feedback-report",
        "text/rfc822-headers",
        "message/global-headers",
    }
)
_ENCODED_BYTES_PER_LETTER = 6  # four of UTF-8, in base64 with its line ends
_LONGEST_NAME = 200
_SAMPLE = 4096
_TEXT_CONTROLS = frozenset(b"\t\n\r\x0b\x0c\x1b")


@dataclass(slots=True)
class Bodies:
    """`own` is what the letter itself says, `forwarded` what letters attached to it say."""

    own: str = ""
    forwarded: str = ""
    attachments: list[Attachment] = field(default_factory=list)


def read_bodies(
    raw: bytes, root: Part, limits: Limits, deadline: Deadline, flaws: set[Flaw]
) -> Bodies:
    reader = BodyReader(raw, limits, deadline, flaws)
    own = reader.texts(root)
    bodies = Bodies(_joined(own), "", reader.attachments)
    if not bodies.own.strip() and reader.unread_texts:
        # A text that was named like a file, and nothing else.
        bodies.own = _joined([reader.text(part) for part in reader.unread_texts[:5]])
    reader.attachments = []
    bodies.forwarded = _joined(
        [text for message in reader.messages for text in reader.forwarded(message)]
    )
    if not bodies.own.strip() and not bodies.forwarded.strip() and root.parts:
        bodies.own = reader.salvaged(root)
    return bodies


def _joined(texts: list[str]) -> str:
    return "\n\n".join(text.strip("\n") for text in texts if text.strip())


class BodyReader:
    """Reads texts as far as there is room left for them."""

    def __init__(self, raw: bytes, limits: Limits, deadline: Deadline, flaws: set[Flaw]) -> None:
        self._raw = raw
        self._deadline = deadline
        self._flaws = flaws
        self._room = limits.text_characters
        self._html_room = limits.html_characters
        self.attachments: list[Attachment] = []
        self.messages: list[Part] = []
        self.unread_texts: list[Part] = []

    def texts(self, part: Part, *, wanted: bool = True) -> list[str]:
        """What is to be read of a part, best form only; the rest is noted as attached."""
        if self._deadline.is_over:
            self._flaws.add(Flaw.TOO_SLOW)
            return []
        if part.media_type == "multipart/alternative" and part.parts:
            return self._alternatives(part, wanted=wanted)
        if part.is_multipart and part.parts:
            return [text for inner in part.parts for text in self.texts(inner, wanted=wanted)]
        if part.is_message and part.parts:
            self.messages.append(part)
            self._attach(part)
            return []
        if part.media_type in _REPORTS:
            return []
        if part.is_multipart:
            return [self.salvaged(part)] if wanted else []
        if not _is_text(part):
            self._attach(part)
            return []
        if _disposition(part) == "attachment" or (
            _file_name(part) and _disposition(part) != "inline"
        ):
            self.unread_texts.append(part)
            self._attach(part)
            return []
        return [self.text(part)] if wanted else []

    def _alternatives(self, part: Part, *, wanted: bool) -> list[str]:
        """Plain text before HTML, whatever their order; empty ones do not count."""
        found: list[str] = []
        for inner in sorted(part.parts, key=lambda one: one.media_type not in _PLAIN):
            texts = self.texts(inner, wanted=wanted and not found)
            if any(text.strip() for text in texts):
                found = texts
        return found

    def forwarded(self, message: Part) -> list[str]:
        """What a message within the letter says, with its subject above it."""
        subject = message.parts[0].headers.first("subject")
        above = decoded_words(text_of(subject, "utf-8")[0])[0] if subject else ""
        self.messages = []
        texts = self.texts(message.parts[0])
        deeper = list(self.messages)
        texts += [text for one in deeper for text in self.forwarded(one)]
        return [plain_line(above, 500), *texts]

    def text(self, part: Part) -> str:
        """The text of a leaf in letters."""
        most = min(self._room, self._html_room) if part.media_type in _HTML else self._room
        most_source = self._html_room if part.media_type in _HTML else self._room
        if most <= 0:
            self._flaws.add(Flaw.TOO_LARGE)
            return ""
        end = min(part.end, part.start + most_source * _ENCODED_BYTES_PER_LETTER)
        content, is_right = decoded(self._raw[part.start : end], part.encoding)
        if not is_right:
            self._flaws.add(Flaw.ENCODING)
        source = self._letters(part, content)
        if end < part.end or len(source) > most_source:
            self._flaws.add(Flaw.TOO_LARGE)
        if part.media_type in _HTML:
            source = source[:most_source]
            self._html_room -= len(source)
            source = html_text(source, most, self._deadline)
        text = plain_text(source, most)
        self._room -= len(text)
        return text

    def _letters(self, part: Part, content: bytes) -> str:
        declared = charset_of(part)
        if part.media_type in _HTML and not known_charset(declared):
            meta = _META_CHARSET.search(content[:_SAMPLE])
            declared = meta.group(1).decode("ascii", "replace") if meta else declared
        text, is_sure = text_of(content, declared)
        if not is_sure:
            self._flaws.add(Flaw.CHARSET)
        if _is_binary(text):
            self._flaws.add(Flaw.UNREADABLE)
        return text

    def salvaged(self, part: Part) -> str:
        """Whatever can be read where the parts could not be told apart: lines of words."""
        end = min(part.end, part.start + self._html_room)
        text = plain_text(self._letters(part, self._raw[part.start : end]), self._html_room)
        words = "\n".join(line for line in text.split("\n") if _says_something(line)).strip()
        self._html_room -= len(text)
        words = words[: self._room]
        self._room -= len(words)
        return words

    def _attach(self, part: Part) -> None:
        size = size_of(self._raw, part.start, part.end, part.encoding)
        self.attachments.append(
            Attachment(_file_name(part), plain_line(part.media_type, 100), size)
        )


def charset_of(part: Part) -> str:
    return part.parameters.get("charset", Parameter(b"")).raw.decode("latin-1")


def _is_text(part: Part) -> bool:
    return part.media_type in _HTML or part.media_type in _PLAIN


def _is_binary(text: str) -> bool:
    """Whether this cannot be what anybody wrote."""
    sample = text[:_SAMPLE]
    strange = sum(letter < " " and ord(letter) not in _TEXT_CONTROLS for letter in sample)
    strange += sample.count("\ufffd")
    return strange > 8 + len(sample) / 20


def _says_something(line: str) -> bool:
    if line.startswith("--") or line.lower().startswith(("content-", "mime-version:")):
        return False
    return len(line) < 60 or " " in line


def _disposition(part: Part) -> str:
    return parameters_of(part.headers.first("content-disposition"))[0]


def _file_name(part: Part) -> str:
    """The last piece of the path, in letters; empty where there is none."""
    named = parameters_of(part.headers.first("content-disposition"))[1].get("filename")
    named = named or part.parameters.get("name")
    if named is None:
        return ""
    text = decoded_words(text_of(named.raw, named.charset or "utf-8")[0])[0]
    return plain_line(re.split(r"[/\\]", text)[-1], _LONGEST_NAME)
