"""Files in trouble, through the whole import into the ledger: refused in words, or read as far as
they go; never half an audience, never all of the memory."""

import json
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from dispatcher.errors import NotFound, NotPossible
from dispatcher.importing import Imported, import_audience
from dispatcher.ledger import audiences
from templates.problem import Refused
from tests.trouble.house import House, customer, living, write_rows

ROOT = Path(__file__).parents[2]
HEADER = "Лицевой счёт;ФИО;Телефон;Сумма долга\r\n"
ROW = "7000001;Иванов Иван;89161234567;1 234,56\r\n"
MEMORY_MIB = 300


def load(house: House, path: Path, name: str = "people") -> Imported:
    return import_audience(house.engine, path, name, "test", mapping={})


def tables(house: House) -> list[int]:
    """How many rows of an audience there are, in any state."""
    return [
        int(str(house.rows(f"SELECT count(*) FROM {table}")[0][0]))
        for table in ("audiences", "recipients", "contact_points", "row_errors")
    ]


NOTHING = [0, 0, 0, 0]


def workbook(path: Path, rows: list[list[object]]) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    book.save(path)


def zip_bomb(path: Path) -> None:
    """A true workbook but for its sheet, which unpacks from half a megabyte to half a gibibyte."""
    honest = path.with_name("honest.xlsx")
    workbook(honest, [["Лицевой счёт", "Телефон"], ["7000001", "89161234567"]])
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(path, "w") as archive:
        for member in source.namelist():
            if "sheet1" not in member:
                archive.writestr(member, source.read(member))
        bomb = zipfile.ZipInfo("xl/worksheets/sheet1.xml")
        bomb.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(bomb, "w", force_zip64=True) as sheet:
            sheet.write(b"<worksheet><sheetData><row><c><v>")
            for _ in range(512):
                sheet.write(b"0" * (1 << 20))


def of(content: bytes | str) -> Callable[[Path], object]:
    """Writes a file of that content."""
    encoded = content.encode() if isinstance(content, str) else content
    return lambda path: path.write_bytes(encoded)


UNUSABLE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "nothing in it": ("a.csv", of(b""), "empty_file"),
    "only blank lines": ("a.csv", of(b"\r\n\r\n ;; \r\n"), "empty_file"),
    "the header alone": ("a.csv", of(HEADER), "header_only"),
    "no text at all": ("a.csv", of(bytes(range(256)) * 40), "wrong_encoding"),
    "utf-16 without a mark": (
        "a.csv",
        of(HEADER.encode("utf-16-le")),
        "wrong_encoding",
    ),
    "two columns of one name": (
        "a.csv",
        of("Лицевой счёт;Сумма долга;Сумма долга\r\n1;2;3\r\n"),
        "duplicate_header",
    ),
    "a thousand columns": (
        "a.csv",
        of(HEADER.strip() + "".join(f";к{n}" for n in range(1000)) + "\r\n" + ROW),
        "too_many_columns",
    ),
    "an archive that explodes": ("a.xlsx", zip_bomb, "zip_bomb"),
    "an archive that is none": (
        "a.xlsx",
        of(b"PK\x03\x04" + b"\0" * 90),
        "not_a_workbook",
    ),
    "an empty workbook": ("a.xlsx", lambda p: workbook(p, []), "empty_file"),
    "a picture": (
        "a.csv",
        of(b"\x89PNG\r\n\x1a\n" + b"\0" * 500),
        "wrong_encoding",
    ),
    "a page of the web": (
        "a.csv",
        of("<html><body>404</body></html>"),
        "not_a_list",
    ),
}


@pytest.mark.parametrize("trouble", UNUSABLE)
def test_a_file_that_cannot_be_used_is_refused_in_words_and_leaves_no_trace(
    trouble: str, tmp_path: Path
) -> None:
    name, write, code = UNUSABLE[trouble]
    path = tmp_path / name
    write(path)
    with living(tmp_path, {}) as house:
        with pytest.raises(Refused) as refused:
            load(house, path)
        assert all(problem.message and problem.advice for problem in refused.value.problems)
        assert code in {problem.code for problem in refused.value.problems}
        assert tables(house) == NOTHING
        good = tmp_path / "good.csv"
        good.write_text(HEADER + ROW, "utf-8")
        assert load(house, good).audience.recipients == 1  # the name is still free


def test_formula_cells_are_told_by_row_and_the_other_rows_go_in(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    rows: list[list[object]] = [
        ["Лицевой счёт", "ФИО", "Телефон", "Сумма долга"],
        ["7000001", "Иванов Иван", "89161234567", 100],
        ["7000002", '=HYPERLINK("http://evil.example")', "89161234568", "=1+1"],
        ["7000003", "Петров Пётр", "89161234569", 300],
    ]
    workbook(path, rows)
    with living(tmp_path, {}) as house:
        imported = load(house, path)
        accounts = {str(row[0]) for row in house.rows("SELECT account_number FROM recipients")}
        assert {"7000001", "7000003"} <= accounts
        assert imported.rows_refused + imported.rows_warned == 1


def peak_mib() -> float:
    """The most memory this program has held; `getrusage` counts that of its parent, too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024  # bytes on macOS
    lines = status.read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


MEASURED = """
import json, sys
from pathlib import Path
from templates.problem import Refused
from tests.trouble.house import living
from tests.trouble.test_files import load, peak_mib, tables

folder, path = Path(sys.argv[1]), Path(sys.argv[2])
with living(folder, {}) as house:
    try:
        imported = load(house, path)
        found = {"recipients": imported.audience.recipients, "refused": imported.rows_refused}
    except Refused as error:
        found = {"problems": [problem.code for problem in error.problems]}
    found["tables"] = tables(house)
found["peak_mib"] = peak_mib()
print(json.dumps(found))
"""


def measured(folder: Path, path: Path) -> dict[str, object]:
    """Import a file in a process of its own; what came of it, and its peak of memory."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(folder), str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    assert found["peak_mib"] < MEMORY_MIB
    return found


@pytest.mark.parametrize("quoted", [False, True], ids=["bare", "in quotes"])
def test_a_cell_of_200_megabytes_is_refused_in_little_memory(quoted: bool, tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(HEADER.encode() + ROW.encode() + b"7000002;")
        file.write(b'"' if quoted else b"")
        block = "Ы".encode() * (1 << 19)
        for _ in range(200):
            file.write(block)
        file.write(b'"' if quoted else b"")
        file.write(b";89161234568;5\r\n" + ROW.replace("7000001", "7000003").encode())
    found = measured(tmp_path, path)
    assert found.get("problems") or found["refused"]


def test_an_archive_that_explodes_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    zip_bomb(path)
    found = measured(tmp_path, path)
    assert found["problems"] == ["zip_bomb"]
    assert found["tables"] == NOTHING


class Interrupted(Exception):
    """Somebody pulled the plug."""


def test_an_interrupted_import_leaves_no_half_audience_and_can_be_repeated(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "people.csv", [customer(number) for number in range(5000)])

    def pull_the_plug(rows: int) -> None:
        if rows >= 4000:
            raise Interrupted

    with living(tmp_path, {}) as house:
        with pytest.raises(Interrupted):
            import_audience(house.engine, path, "people", "test", mapping={}, told=pull_the_plug)
        with house.engine.ledger.read() as tx:
            assert audiences.all_ready(tx) == []
            with pytest.raises(NotFound):
                audiences.find(tx, "people")
        again = load(house, path)
        assert again.audience.recipients == 5000
        assert tables(house) == [1, 5000, 10000, 0]


def test_an_audience_that_is_there_is_not_overwritten_by_a_second_import(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "people.csv", [customer(1), customer(2)])
    with living(tmp_path, {}) as house:
        load(house, path)
        write_rows(path, [customer(3)])
        with pytest.raises(NotPossible, match="people"):
            load(house, path)
        assert tables(house)[1] == 2


def test_a_file_that_turns_to_rubbish_half_way_gives_its_good_rows_and_says_where(
    tmp_path: Path,
) -> None:
    path = tmp_path / "torn.csv"
    good = "".join(f"{7000000 + n};Иван;8916{1000000 + n};100\r\n" for n in range(3000))
    path.write_bytes((HEADER + good).encode() + b"\xff\xfe\xd0;;\x98\r\n" * 3)
    with living(tmp_path, {}) as house:
        imported = load(house, path)
        assert imported.audience.recipients == 3000
        assert imported.rows_refused == 3
