"""How fast an audience of a million rows is read and imported, and in how much memory.

    python benchmarks/import_rows.py --rows 1000000

Writes a CSV of that many rows as a billing system would (cp1251, `;`, kept with `--keep FILE`),
then reads it, and imports it into SQLite and into PostgreSQL, each in a process of its own: rows
per second, rows per second of this process's own work (what the database works is its own), and the
peak of resident memory.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from measuring import Stopwatch, apart, peak_mib, scratch_postgres, show

HEADER = (
    "Лицевой счёт;ФИО;Телефон;Телефон 2;E-mail;Тип клиента;Филиал;Регион;Адрес;Сумма долга, руб.;"
    "Оплатить до;Согласие на рекламу"
)
REGIONS = ("Томская область", "Калининградская обл.", "Приморский край", "Москва", "Респ. Бурятия")
SURNAMES = ("Иванов", "Петрова", "Сидоренко", "Кузнецова", "Абдуллаев", "Цой", "Рябова")
NAMES = ("Иван Петрович", "Анна Сергеевна", "Олег Юрьевич", "Мария Львовна", "Тимур Русланович")


def billing_rows(count: int, seed: int) -> Iterator[str]:
    """Rows of a made-up supplier: four in five numbers are mobile, a third have an address."""
    chance = random.Random(seed)
    for number in range(count):
        subscriber = chance.randrange(10_000_000)
        mobile = (
            f"8 (9{chance.randrange(30):02}) {subscriber // 10_000:03}-{subscriber % 10_000:04}"
        )
        phone = mobile if chance.random() < 0.8 else f"8495{subscriber:07}"
        second = f"+79{chance.randrange(10**7, 3 * 10**8):09}" if chance.random() < 0.2 else ""
        email = f"client{number}@example.com" if chance.random() < 0.33 else ""
        roubles, kopecks = divmod(chance.randrange(10_000, 5_000_000), 100)
        debt = f"{roubles:,}".replace(",", "\u00a0") + f",{kopecks:02}"
        yield ";".join(
            (
                f"{70_000_000_000 + number}",
                f"{chance.choice(SURNAMES)} {chance.choice(NAMES)}",
                phone,
                second,
                email,
                "физ" if chance.random() < 0.95 else "юр",
                f"Отделение {chance.randrange(40)}",
                chance.choice(REGIONS),
                f"ул. Мира, д. {chance.randrange(200)}, кв. {chance.randrange(300)}",
                debt,
                "10.12.2026",
                chance.choice(("да", "нет", "")),
            )
        )


def write_billing_export(path: Path, count: int, seed: int = 1) -> None:
    with path.open("w", encoding="cp1251", newline="") as file:
        file.write(HEADER + "\r\n")
        file.writelines(row + "\r\n" for row in billing_rows(count, seed))


def read(path: Path) -> tuple[int, int]:
    """Read the file to its end: recipients and findings."""
    from campaigns.audience import RowError, read_audience

    recipients = errors = 0
    for item in read_audience(path):
        if isinstance(item, RowError):
            errors += 1
        else:
            recipients += 1
    return recipients, errors


def into_ledger(path: Path, url: str) -> tuple[int, int]:
    """Import the file as `dispatcher audience import` does: recipients and rows refused."""
    from dispatcher.clock import SystemClock
    from dispatcher.engine import Engine
    from dispatcher.importing import import_audience
    from dispatcher.ledger import open_ledger
    from dispatcher.settings import Settings

    engine = Engine(Settings(_env_file=None), open_ledger(url), SystemClock(), {}, "", "benchmark")
    imported = import_audience(engine, path, f"b{time.time_ns()}", "benchmark", mapping={})
    engine.ledger.close()
    return imported.audience.recipients, imported.rows_refused


def measured(path: Path, url: str | None) -> dict[str, float]:
    """Do the job in this process. Times in seconds, memory in MiB."""
    began = time.process_time()
    with Stopwatch() as watch:
        recipients, errors = into_ledger(path, url) if url else read(path)
    of_our_own = time.process_time() - began
    return {
        "recipients": recipients,
        "findings": errors,
        "seconds": round(watch.seconds, 1),
        "rows/s": round((recipients + errors) / watch.seconds),
        "rows/CPU s": round((recipients + errors) / of_our_own),
        "peak MiB": round(peak_mib()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="write the file here and leave it")
    parser.add_argument("--job", nargs="+", help=argparse.SUPPRESS)  # a file and a ledger's URL
    options = parser.parse_args()
    if options.job:
        path, *urls = options.job
        print(json.dumps(measured(Path(path), urls[0] if urls else None)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = options.keep or folder / "million.csv"
        write_billing_export(path, options.rows)
        print(f"{path.stat().st_size / 2**20:.0f} MiB written, {options.rows:,} rows", flush=True)
        rows = [{"import": "read only"} | apart(__file__, "--job", str(path))]
        sqlite = f"sqlite:///{folder / 'ledger.sqlite3'}"
        rows.append({"import": "into SQLite"} | apart(__file__, "--job", str(path), sqlite))
        with scratch_postgres(folder / "postgres") as url:
            rows.append({"import": "into PostgreSQL"} | apart(__file__, "--job", str(path), url))
        show("Import of a billing export", rows)


if __name__ == "__main__":
    main()
