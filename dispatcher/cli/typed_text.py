"""What a member of staff wrote to a customer: from a file, or as typed."""

import sys
from pathlib import Path

from dispatcher.cli import shared
from dispatcher.errors import NotPossible
from templates.i18n import _

LARGEST_TEXT = 1024 * 1024


def typed_text(file: Path) -> str:
    """What staff wrote, from a file; of “-” as typed. Raises NotPossible."""
    if str(file) == "-":
        raw = sys.stdin.buffer.read(LARGEST_TEXT + 1)
    else:
        with shared.existing(file).open("rb") as opened:
            raw = opened.read(LARGEST_TEXT + 1)
    if len(raw) > LARGEST_TEXT:
        raise NotPossible(_("The file is too large for a letter."))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1251", errors="replace")
