"""The words of an HTML letter.

A single pass that looks at tags and believes none of them. A real HTML parser (nh3 was tried) takes
quadratic time over some nestings: 300 KB of <font> tags kept it busy for five seconds. Nothing
that comes out is ever used as HTML, so nothing has to be safe as HTML either.
"""

import re
from html import unescape

from channels.mailbox.limits import Deadline

_OPENS = re.compile(r"<(?:(/?)([A-Za-z][A-Za-z0-9:-]{0,30})|(!--)|[!?])")
_HIDDEN = re.compile(
    r"display\s{0,20}:\s{0,20}none|visibility\s{0,20}:\s{0,20}hidden|mso-hide\s{0,20}:\s{0,20}all"
    r"|(?:^|\s)hidden(?:\s|=|/|$)"
)
_HUGE_REFERENCE = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")
_UNREAD = frozenset(
    {"script", "style", "title", "template", "noscript", "svg", "iframe", "object", "select"}
)
_BLOCK_NAMES = (
    "address article aside body center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6"
    " header hr html li main nav ol p pre section table tbody tfoot thead tr ul br"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_PARTED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6"})  # by an empty line
_CELLS = frozenset({"td", "th"})
_EMPTY = frozenset({"br", "hr", "img", "input", "meta", "link", "wbr", "area", "col", "base"})
_DEEPEST_QUOTE = 5
_LONGEST_READ_TAG = 2000


def html_text(source: str, most: int, deadline: Deadline) -> str:
    """At most so many characters of text, block by block; quoted blocks marked with ">". What is
    hidden from a reader is left out, unless there is nothing else."""
    words = _Page(source, most, deadline).text(shows_hidden=False)
    if not words.strip():
        words = _Page(source, most, deadline).text(shows_hidden=True)
    return words


class _Lines:
    """Lines that are being filled."""

    def __init__(self, most: int) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._most = most
        self.size = 0
        self.depth = 0  # of quotation
        self.keeps_spaces = False

    def add(self, text: str) -> None:
        if self.keeps_spaces:
            first, *others = text.replace("\r\n", "\n").split("\n")
            self._put(first)
            for line in others:
                self.end_line()
                self._put(line)
            return
        if text[:1].isspace():
            self.space()
        self._put(" ".join(text.split()))
        if text[-1:].isspace():
            self.space()

    def space(self) -> None:
        if self._line and not self._line[-1].endswith(" "):
            self._line.append(" ")

    def _put(self, text: str) -> None:
        if text:
            self._line.append(text)
            self.size += len(text)

    def begin_block(self) -> None:
        if self._line:
            self.end_line()

    def part(self) -> None:
        """An empty line, if there is none yet."""
        self.begin_block()
        if self._lines and self._lines[-1].strip("> "):
            self.end_line()

    def end_line(self) -> None:
        mark = ">" * min(self.depth, _DEEPEST_QUOTE)
        line = "".join(self._line).rstrip()
        self._lines.append(f"{mark} {line}" if mark else line)
        self.size += 1 + len(mark)
        self._line = []

    def text(self) -> str:
        self.begin_block()
        return "\n".join(self._lines)[: self._most].strip("\n")


class _Page:
    def __init__(self, source: str, most: int, deadline: Deadline) -> None:
        self._source = source
        self._lines = _Lines(most)
        self._most = most
        self._deadline = deadline
        self._hidden_by = ""  # the tag within which nothing is shown
        self._hidden_depth = 0
        self._comments_end = self._tags_end = True

    def text(self, *, shows_hidden: bool) -> str:
        source = self._source
        at = count = 0
        while self._lines.size < self._most and (found := _OPENS.search(source, at)):
            self._say(source[at : found.start()])
            count += 1
            if count % 4096 == 0 and self._deadline.is_over:
                break
            if found.group(2):
                at = self._tag(found, shows_hidden=shows_hidden)
            else:
                at = self._aside(found)
        else:
            self._say(source[at : at + self._most])
        return self._lines.text()

    def _say(self, text: str) -> None:
        if not text or self._hidden_by:
            return
        if "&" in text:
            # So many digits that they cannot be made a number.
            text = unescape(_HUGE_REFERENCE.sub("", text))
        self._lines.add(text)

    def _aside(self, found: re.Match[str]) -> int:
        """A comment or declaration: where it ends."""
        if found.group(3) and self._comments_end:
            end = self._source.find("-->", found.end())
            if end >= 0:
                return end + 3
            self._comments_end = False
        return self._tag_end(found.end())

    def _tag_end(self, at: int) -> int:
        """After the next ">"; where there is none, what looked like a tag is text."""
        if self._tags_end:
            end = self._source.find(">", at)
            if end >= 0:
                return end + 1
            self._tags_end = False
        return at

    def _tag(self, found: re.Match[str], *, shows_hidden: bool) -> int:
        name = found.group(2).lower().rpartition(":")[2]
        closes = bool(found.group(1))
        end = self._tag_end(found.end())
        attributes = self._source[found.end() : min(end - 1, found.end() + _LONGEST_READ_TAG)]
        if attributes.count('"') % 2:
            # A ">" within quotation marks does not end the tag, if they end soon.
            quote = self._source.find('"', end, end + _LONGEST_READ_TAG)
            end = self._tag_end(quote + 1) if quote >= 0 else end
        if self._hidden_by:
            if name == self._hidden_by:
                self._hidden_depth += -1 if closes else 1
                self._hidden_by = name if self._hidden_depth else ""
            return end
        if name in _UNREAD and not closes:
            return self._skip(name, end)
        if not closes and name not in _EMPTY and not shows_hidden and _is_hidden(attributes):
            self._hidden_by, self._hidden_depth = name, 1
            return end
        self._lay_out(name, closes=closes)
        return end

    def _skip(self, name: str, at: int) -> int:
        """After the content of an element that nobody reads; to the end, if that never comes."""
        found = re.compile(rf"</{name}[^>]{{0,100}}>?", re.IGNORECASE).search(self._source, at)
        return found.end() if found else len(self._source)

    def _lay_out(self, name: str, *, closes: bool) -> None:
        lines = self._lines
        if name == "blockquote":
            lines.begin_block()
            lines.depth = max(0, lines.depth + (-1 if closes else 1))
        elif name == "br":
            lines.end_line()
        elif name in _PARTED:
            lines.part()
        elif name in _BLOCKS:
            lines.begin_block()
            if name == "pre":
                lines.keeps_spaces = not closes
        elif name in _CELLS:
            lines.space()


def _is_hidden(attributes: str) -> bool:
    return bool(attributes) and _HIDDEN.search(attributes.lower()) is not None
