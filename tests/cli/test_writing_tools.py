"""`sms` and `speech`: quick tools for those who write texts, in their words, at 80 columns."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from dispatcher.cli import screen
from dispatcher.cli.app import build
from dispatcher.errors import NotPossible
from templates.i18n import set_language


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(screen.console, "width", 80)
    set_language("ru")


def ask(*arguments: str, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(build(arguments[0]), arguments, input=given)


def said(*arguments: str) -> str:
    done = ask("speech", *arguments, "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert set(facts) == {"words"}
    return str(facts["words"])


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("abc", (3, "GSM-7", 1, [])),
        ("", (0, "GSM-7", 1, [])),
        ("Долг", (4, "UCS-2", 1, ["Д", "о", "л", "г"])),
        ("a — «b» — c", (11, "UCS-2", 1, ["—", "«", "»"])),
        ("€" * 81, (81, "GSM-7", 2, [])),
        ("😀" * 36, (36, "UCS-2", 2, ["😀"])),
        ("- скидка", (8, "UCS-2", 1, ["с", "к", "и", "д", "а"])),
        ("--5%", (4, "GSM-7", 1, [])),
    ],
)
def test_a_measure_for_a_program_is_four_facts(
    text: str, facts: tuple[int, str, int, list[str]]
) -> None:
    done = ask("sms", "measure", text, "--json")
    assert done.exit_code == 0, done.output
    names = ("characters", "encoding", "parts", "offenders")
    assert json.loads(done.stdout) == dict(zip(names, facts, strict=True))


@pytest.mark.parametrize("given", ["Долг\n", "Долг\r\n", "\ufeffДолг", "Долг"])
def test_a_text_from_standard_input_is_measured_without_its_line_end(given: str) -> None:
    done = ask("sms", "measure", "-", "--json", given=given)
    assert json.loads(done.stdout)["characters"] == 4


@pytest.mark.parametrize("given", ["Долг".encode("cp1251"), b"a" * 1_000_001])
def test_what_is_no_text_is_refused_in_words(given: bytes) -> None:
    done = ask("sms", "measure", "-", given=given)
    assert isinstance(done.exception, NotPossible)
    assert done.exception.exit_code == 2


def test_an_argument_in_another_encoding_is_refused_and_not_a_traceback() -> None:
    done = ask("sms", "measure", "\udcc4\udcee", "--json")
    assert isinstance(done.exception, NotPossible)


def test_the_picture_points_at_the_dear_character_under_its_place() -> None:
    done = ask("sms", "measure", "Your debt — 5 rub")
    lines = done.stdout.splitlines()
    drawn = next(number for number, line in enumerate(lines) if "Your debt" in line)
    assert lines[drawn + 1].index("^") == lines[drawn].index("—")
    assert "^ — тире: пишите -" in done.stdout
    assert "Без них: GSM-7, частей: 1." in done.stdout


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("–", "^ – короткое тире: пишите -"),
        ("«", "^ « кавычка: пишите"),
        ("’", "^ ’ апостроф: пишите '"),
        ("…", "^ … многоточие: пишите ..."),
        ("\u00a0", "^ неразрывный пробел: поставьте обычный пробел"),
        ("\t", "^ U+0009 табуляция: "),
        ("😀", "^ 😀 эмодзи: "),
        ("с", "^ с русская буква: пишите c"),
        ("\u200b", "^ U+200B невидимый знак: "),
        ("ł", "^ ł U+0142: "),
    ],
)
def test_a_dear_character_is_named_in_russian_or_by_its_number(character: str, name: str) -> None:
    told = ask("sms", "measure", f"Your debt {character} rub").stdout
    assert name in told


def test_the_picture_shows_the_parts_and_fits_the_screen() -> None:
    text = "Долг по лицевому счёту 😀 " * 8
    done = ask("sms", "measure", text)
    assert done.exit_code == 0
    assert "Знаков: 200 из 160" in done.stdout
    assert "Лишние 40 знаков" in done.stdout
    assert "Частей: 4" in done.stdout
    assert "часть 4" in done.stdout
    assert max(map(cell_len, done.stdout.splitlines())) <= 80
    drawn = [line[2:] for line in done.stdout.splitlines() if line.startswith("│ ")]
    assert "".join(drawn) == text


def test_a_text_can_neither_command_the_terminal_nor_pose_as_markup() -> None:
    done = ask("sms", "measure", "[red]a[/red] :smile: \x1b[2J\x07 b\u202ec")
    assert "[red]a[/red] :smile: ·[2J· b·c" in done.stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout)


def test_the_cost_is_told_by_provider_where_the_price_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISPATCHER_SMS_PRICE_KOPECKS", '{"smsaero": 399}')
    done = ask("sms", "measure", "я" * 71)
    assert "smsaero: 2 × 3,99\u00a0₽ = 7,98\u00a0₽" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("money", "2547.30"), "две тысячи пятьсот сорок семь рублей тридцать копеек"),
        (("money", "2 547,3"), "две тысячи пятьсот сорок семь рублей тридцать копеек"),
        (("money", "0"), "ноль рублей"),
        (("money", "1"), "один рубль"),
        (("money", "0.01"), "одна копейка"),
        (("money", "-5"), "минус пять рублей"),
        (("money", "1.02", "--language", "en"), "one rouble two kopecks"),
        (("date", "2026-12-01"), "первого декабря две тысячи двадцать шестого года"),
        (("date", "01.12.2026", "--no-year"), "первого декабря"),
        (("time", "9:30"), "девять часов тридцать минут"),
        (("time", "09:30", "--genitive"), "девяти часов тридцати минут"),
        (("count", "21", "--noun", "квитанция"), "двадцать одна квитанция"),
        (("count", "112", "--noun", "лицевой счёт"), "сто двенадцать лицевых счетов"),
        (("count", "2", "--noun", "квитанция,квитанции,квитанций"), "две квитанции"),
        (("count", "2", "--noun", "хаб-кит, хаб-кита, хаб-китов"), "два хаб-кита"),
        (("count", "2", "--noun", "bill", "--language", "en"), "two bills"),
        (("count", "2", "--noun", "child,children", "--language", "en"), "two children"),
        (("count", "5"), "пять"),
        (
            ("phone", "+7 (800) 555-35-35"),
            "восемь, восемьсот, пятьсот пятьдесят пять, тридцать пять, тридцать пять",
        ),
        (("digits", "4012"), "четыре ноль один, два"),
        (("account", "40120"), "четыре ноль один, два ноль"),
        (("account", "4012", "--pairs"), "сорок, двенадцать"),
    ],
)
def test_a_value_is_said_as_a_call_says_it(arguments: tuple[str, ...], words: str) -> None:
    assert said(*arguments) == words


def test_for_a_person_the_words_stand_alone() -> None:
    assert ask("speech", "money", "5").stdout == "пять рублей\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("money", "abc"), "сумма в рублях"),
        (("money", "1.234"), "сумма в рублях"),
        (("money", "1" * 16), "такой большой суммы"),
        (("money", "١٢"), "сумма в рублях"),
        (("date", "2026-02-30"), "нужна дата"),
        (("date", "1.12.26"), "нужна дата"),
        (("time", "24:00"), "время суток"),
        (("time", "9"), "время суток"),
        (("count", "1.5", "--noun", "счёт"), "целое число"),
        (("count", "5", "--noun", "ыыы"), "в словаре нет"),
        (("count", "5", "--noun", "счёт,счета"), "три формы"),
        (("count", "5", "--noun", ","), "три формы"),
        (("count", "5", "--noun", "a,b,c", "--language", "en"), "английские формы"),
        (("count", "5", "--noun", "счёт", "--language", "en"), "английское существительное"),
        (("count", "5", "--noun", "bill,счета", "--language", "en"), "английское существительное"),
        (("phone", "звоните"), "номер из цифр"),
        (("digits", "1" * 101), "номер из цифр"),
        (("account", "№"), "лицевого счёта"),
        (("digits", "\x1b[2J"), "·[2J"),
    ],
)
def test_a_bad_value_is_told_in_russian_with_an_example(
    arguments: tuple[str, ...], told: str
) -> None:
    done = ask("speech", *arguments)
    assert isinstance(done.exception, NotPossible)
    assert done.exception.exit_code == 2
    assert told in str(done.exception)
    assert "\x1b" not in str(done.exception)


@pytest.mark.parametrize("arguments", [("sms", "measure", "да"), ("speech", "money", "5")])
def test_the_tools_wait_for_neither_a_database_nor_a_providers_library(
    arguments: tuple[str, ...],
) -> None:
    program = (
        "import sys\n"
        "from dispatcher.cli.app import build\n"
        f"build({arguments[0]!r})({list(arguments)!r}, standalone_mode=False)\n"
        "heavy = {'sqlalchemy', 'alembic', 'twilio', 'smsaero', 'aiohttp', 'dramatiq', 'redis'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
