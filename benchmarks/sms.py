"""SMS measured per second, beside an independent counter (smsutil) on the same texts.

    python benchmarks/sms.py [--texts 200000] [--json]

The texts are those of a launch: filled-in Russian and Latin ones of one to three parts, all of
them different, some with a character that takes two places. Both counters must agree on the first
two thousand of each kind, or the run fails. The ratio of the two rates can be compared between
machines.
"""

import argparse
import json
import random
from collections.abc import Callable, Sequence

import smsutil
from measuring import Stopwatch, show

from templates.sms import measure
from templates.transliteration import transliterate

WORDS = (
    *("Энергосбыт:", "лицевой", "счёт", "задолженность", "просим", "оплатить", "до", "если", "уже"),
    *("оплатили,", "спасибо!", "подача", "электроэнергии", "будет", "ограничена", "тел."),
)

ROUNDS = 10


def texts(kind: str, number: int) -> list[str]:
    """Seeded texts of 30 to 160 characters; no two alike."""
    chance = random.Random(1)
    made = []
    for index in range(number):
        length = chance.randint(30, 160)
        text = f"{index} {chance.randint(100, 999999)},00 "
        while len(text) < length:
            text += chance.choice(WORDS) + " "
        text = text[:length]
        if kind != "Russian":
            text = transliterate(text)[:160]
        if kind == "Latin with a dash":
            text = text.replace(":", " —", 1)
        if kind == "with wide characters":
            text = text.replace(" ", "€", 2)
        made.append(text)
    return made


def per_second(count: Callable[[str], object], over: Sequence[str]) -> float:
    with Stopwatch() as watch:
        for text in over:
            count(text)
    return len(over) / watch.seconds


def compare(kind: str, number: int) -> dict[str, object]:
    """One row: both rates and their ratio. Raises AssertionError where the two disagree."""
    over = texts(kind, number)
    checked = over[:2_000]
    for text in checked:
        theirs = [part.content for part in smsutil.split(text).parts]
        if list(measure(text).parts) != theirs:
            raise AssertionError(f"the two counters cut a text of kind {kind!r} differently")
    # In turns, and the best of each: on a busy machine both meet the same interruptions.
    rounds = [over[start::ROUNDS] for start in range(ROUNDS)]
    ours, other = 0.0, 0.0
    for part in rounds:
        ours = max(ours, per_second(measure, part))
        other = max(other, per_second(smsutil.split, part))
    return {
        "texts": kind,
        "parts": round(sum(len(measure(text).parts) for text in checked) / len(checked), 2),
        "measured a second": round(ours),
        "smsutil": round(other),
        "times as fast": round(ours / other, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--texts", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    kinds = ("Russian", "Latin", "Latin with a dash", "with wide characters")
    rows = [compare(kind, arguments.texts) for kind in kinds]
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        show(f"SMS measured ({arguments.texts:,} different texts)", rows)


if __name__ == "__main__":
    main()
