"""How fast an audience of a million rows is read, and in how much memory.

    python benchmarks/import_rows.py --rows 1000000

Writes a CSV of that many rows as a billing system would (cp1251, `;`, kept with `--keep FILE`),
then reads it in a process of its own and prints rows per second and the peak of resident memory.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

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


def read_and_measure(path: Path) -> dict[str, float]:
    """Read the file to its end in this process. Times in seconds, memory in MiB."""
    from campaigns.audience import RowError, read_audience

    started = time.perf_counter()
    recipients = errors = 0
    for item in read_audience(path):
        if isinstance(item, RowError):
            errors += 1
        else:
            recipients += 1
    seconds = time.perf_counter() - started
    return {
        "recipients": recipients,
        "errors": errors,
        "seconds": round(seconds, 2),
        "rows_per_second": round((recipients + errors) / seconds),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="write the file here and leave it")
    parser.add_argument("--read", type=Path, help="only read this file and print the measures")
    options = parser.parse_args()
    if options.read:
        print(json.dumps(read_and_measure(options.read)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder) / "million.csv"
        write_billing_export(path, options.rows)
        print(f"{path.stat().st_size / 2**20:.0f} MiB written, {options.rows} rows", flush=True)
        subprocess.run([sys.executable, __file__, "--read", str(path)], check=True)


if __name__ == "__main__":
    main()
