"""Letters read and judged per second, beside the standard library doing the reading only; and
letters spoilt at random.

    python benchmarks/letters.py --letters 3000 --spoilt 20000

Ordinary letters: the corpus of the tests (answers, forwarded ones, bounces, old charsets) and
questions as mail programs make them, in equal parts. Read and judged is all that happens to a
letter before the ledger is asked: headers, parts, charsets, the customer's own words out of the
quotes, reports, language; then who must not be answered. The standard library's `policy.default`
reads the headers that the judgement needs and the text, nothing else. Spoilt letters are those of
the tests, each result checked for everything that must hold.
"""

import argparse
import email
import random
import time
from collections.abc import Callable, Mapping, Sequence
from email import policy
from email.message import EmailMessage

from mail_world import letter
from measuring import Stopwatch, show

HEADERS = (
    *("From", "To", "Cc", "Reply-To", "Sender", "Return-Path", "Subject", "Date", "Message-ID"),
    *("In-Reply-To", "References", "Auto-Submitted", "Precedence", "List-Id", "List-Unsubscribe"),
    *("X-Auto-Response-Suppress", "X-Autoreply", "X-Loop", "Feedback-ID", "Content-Type"),
)


def ordinary(count: int) -> Sequence[bytes]:
    from tests.channels.letters import corpus

    kept = [path.read_bytes() for path in corpus()]
    return [letter(n) if n % 2 else kept[n // 2 % len(kept)] for n in range(count)]


def ours() -> tuple[Callable[[bytes], object], Callable[[bytes], object]]:
    """Reading, and reading with judging."""
    from campaigns.inquiry.judgement import judge
    from campaigns.inquiry.reply_to import reply_address
    from campaigns.inquiry.verdict import History, House
    from channels.mailbox.reading import read_letter

    house = House(
        addresses=frozenset({"info@example.com"}),
        loop_mark="info@example.com",
        spam_headers={"x-spam-flag": "yes"},
        wrote=lambda message_id: message_id.endswith("@example.com>"),
    )
    history = History()

    def read_and_judge(raw: bytes) -> object:
        found = read_letter(raw)
        reply_address(found.letter, house.addresses)
        return judge(found.letter, house, history, is_report=found.report is not None)

    return read_letter, read_and_judge


class Stdlib:
    """`policy.default`; what it cannot read it raises on, and that is counted."""

    def __init__(self) -> None:
        self.raised = 0

    def __call__(self, raw: bytes) -> object:
        try:
            found = email.message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
            headers = [str(value) for name in HEADERS for value in found.get_all(name, [])]
            body = found.get_body(preferencelist=("plain", "html"))
            return headers, body.get_content() if body is not None else ""
        except Exception:
            self.raised += 1
            return None


def timed(
    ways: Mapping[str, Callable[[bytes], object]], letters: Sequence[bytes]
) -> Mapping[str, Mapping[str, float]]:
    """Each way over the same letters, by turns, in seconds of the processor: whatever else the
    machine does weighs on none of them more."""
    spent, slowest = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0.0)
    for raw in letters[:100]:
        for read in ways.values():
            read(raw)
    for raw in letters:
        for name, read in ways.items():
            began = time.process_time()
            read(raw)
            took = time.process_time() - began
            spent[name] += took
            slowest[name] = max(slowest[name], took)
    return {
        name: {
            "letters/s of one core": round(len(letters) / spent[name]),
            "slowest, ms": 1000 * slowest[name],
        }
        for name in ways
    }


def spoilt_ones(count: int, seed: int) -> dict[str, object]:
    """How many were read, how many only the last guard kept from being a crash, the slowest."""
    from structlog.testing import capture_logs

    from tests.channels.letters import corpus
    from tests.channels.test_letters_fuzzed import check, spoilt

    dice = random.Random(seed)
    letters = [path.read_bytes() for path in corpus()]
    slowest, size, crashes = 0.0, 0, 0
    stdlib = Stdlib()
    with Stopwatch() as watch, capture_logs() as said:
        for _ in range(count):
            raw = spoilt(dice, letters)
            began = time.process_time()
            try:
                check(raw)
            except Exception:
                crashes += 1
            took = time.process_time() - began
            stdlib(raw)
            if took > slowest:
                slowest, size = took, len(raw)
    return {
        "spoilt": count,
        "crashes": crashes,
        "left to the last guard": sum(one["event"] == "letter_not_read" for one in said),
        "slowest, ms": slowest * 1000,
        "its bytes": size,
        "stdlib raised on": stdlib.raised,
        "seconds": watch.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--letters", type=int, default=3000)
    parser.add_argument("--spoilt", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=20261120)
    options = parser.parse_args()
    letters = ordinary(options.letters)
    read, read_and_judge = ours()
    stdlib = Stdlib()
    ways: dict[str, Callable[[bytes], object]] = {
        "read and judged": read_and_judge,
        "of it read": read,
        "stdlib, headers and text": stdlib,
    }
    found = timed(ways, letters)
    show(
        f"{len(letters)} ordinary letters, {sum(map(len, letters)) // len(letters)} bytes each",
        [{"way": name, **figures} for name, figures in found.items()],
    )
    rates = {name: figures["letters/s of one core"] for name, figures in found.items()}
    plain = rates["stdlib, headers and text"]
    print(f"read and judged / stdlib: {rates['read and judged'] / plain:.2f}")
    print(f"read / stdlib: {rates['of it read'] / plain:.2f}")
    if stdlib.raised:
        print(f"stdlib raised on {stdlib.raised} of them")
    show(f"Spoilt letters, seed {options.seed}", [spoilt_ones(options.spoilt, options.seed)])


if __name__ == "__main__":
    main()
