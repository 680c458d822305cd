"""Trying a letter out: what would be done with it, by the very code, and nothing is done."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from channels.mailbox.reading import read_letter
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.inquiries.house import house_of
from dispatcher.inquiries.signature import supplier_in
from dispatcher.ledger import Transaction
from dispatcher.mailrobot.deciding import Decided, decide
from templates.answers import AnswerWords, render_answer
from templates.i18n import _

MEGABYTE = 1024 * 1024
# Stands for a number that is given at registration only.
NO_NUMBER = "000000"


@dataclass(frozen=True, slots=True)
class Trial:
    """`answer` is what would go, to `decided.recipient`; None where the robot is silent."""

    path: Path
    decided: Decided
    answer: AnswerWords | None


def letters_in(paths: Sequence[Path]) -> Iterator[Path]:
    """The files themselves, and of a folder every file in it. Raises NotPossible."""
    for path in paths:
        if path.is_dir():
            found = sorted(one for one in path.rglob("*") if one.is_file())
            if not found:
                raise NotPossible(_("There is no letter in {path}.").format(path=path))
            yield from found
        elif path.is_file():
            yield path
        else:
            raise NotPossible(_("There is no file {path}.").format(path=path))


def try_out(engine: Engine, tx: Transaction, path: Path) -> Trial:
    """What would be done with the letter in a file, if it came now. Raises NotPossible."""
    limit = engine.settings.letter_max_mb * MEGABYTE
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise NotPossible(
            _("{path} cannot be read: {reason}").format(path=path, reason=error.strerror)
        ) from None
    read = read_letter(raw[:limit], is_whole=len(raw) <= limit)
    now = engine.clock.now()
    decided = decide(tx, engine, house_of(engine), read, raw, now, sorts_all=True)
    if not decided.judged.is_answered:
        return Trial(path, decided, None)
    year = now.astimezone(ZoneInfo(engine.settings.zone)).year
    number = decided.inquiry.number if decided.inquiry else f"{year}-{NO_NUMBER}"
    language = decided.letter.language
    values = decided.values(number)
    return Trial(
        path,
        decided,
        render_answer(decided.kind, language, values, supplier_in(engine.settings, language)),
    )
