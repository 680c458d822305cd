"""The clerk's loop: bad rows go out into a file, are mended there, and come back."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.scenario_file import library_path, read_scenario
from dispatcher import campaigning
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.importing import Imported, NoRowTaken, import_audience, write_errors
from dispatcher.ledger import audiences, scenarios
from dispatcher.rehearsal import stand_ins
from dispatcher.settings import Settings
from dispatcher.wiring import make_engine

HEADER = "Лицевой счёт;ФИО;Телефон;Долг"
EXPORT = (
    HEADER + "\n"
    "101;Иванов Иван;89161234501;100,00\n"  # row 2
    "102;Петров Пётр;12;200,00\n"  # row 3: a bad number, and nobody to reach
    "103;Сидоров Семён;89161234503;сто\n"  # row 4: refused
    ";Безымянный Борис;89161234504;400,00\n"  # row 5: refused, no account
    "101;Иванов Иван;89161234501;150,00\n"  # row 6: the same account, another amount
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    settings = Settings(_env_file=None, data_dir=tmp_path / "var")
    engine = make_engine(settings)
    yield engine
    engine.ledger.close()


def bring(engine: Engine, path: Path, text: str, *, into: bool = False) -> Imported:
    path.write_text(text, "utf-8-sig")
    return import_audience(engine, path, "list", "clerk", mapping={}, into=into)


def taken_out(engine: Engine, path: Path) -> list[dict[str, str]]:
    """The file of errors as a spreadsheet shows it."""
    with engine.ledger.read() as tx:
        audience = audiences.find(tx, "list")
    write_errors(engine, audience, path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def written(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue()


def debts(engine: Engine) -> dict[str, object]:
    with engine.ledger.read() as tx:
        found = audiences.after(tx, audiences.find(tx, "list").id, 0)
    return {r.account_number: r.fields.get("debt_kopecks") for r in found.values()}


def test_mended_rows_leave_the_file_of_errors_until_no_mistake_is_left(
    engine: Engine, tmp_path: Path
) -> None:
    errors = tmp_path / "errors.csv"
    first = bring(engine, tmp_path / "export.csv", EXPORT)
    assert (first.audience.rows, first.audience.recipients) == (5, 2)
    rows = taken_out(engine, errors)
    assert [row["ошибка: строка"] for row in rows] == ["3", "4", "5", "6"]

    mended = [row | {"Долг": "300,00"} if row["ошибка: строка"] == "4" else row for row in rows]
    second = bring(engine, tmp_path / "mended.csv", written(mended), into=True)
    assert (second.audience.rows, second.audience.recipients) == (5, 3)
    rows = taken_out(engine, errors)
    assert [row["ошибка: строка"] for row in rows] == ["3", "5", "6"]
    assert rows[2]["ошибка: столбец"] == "Долг"
    assert rows[2]["Лицевой счёт"] == "101"
    assert rows[2]["Долг"] == ""
    assert debts(engine)["101"] == 100_00

    rows[0]["Телефон"] = "89161234502"
    rows[1]["Лицевой счёт"] = "104"
    rows[2]["Долг"] = "150,00"
    third = bring(engine, tmp_path / "mended.csv", written(rows), into=True)
    assert (third.rows_refused, third.rows_warned, list(third.errors)) == (0, 0, [])
    assert third.audience.rows == 5
    assert taken_out(engine, errors) == []
    assert debts(engine) == {"101": 150_00, "102": 200_00, "103": 300_00, "104": 400_00}


def test_a_file_of_errors_that_comes_back_as_it_was_changes_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    bring(engine, tmp_path / "export.csv", EXPORT)
    rows = taken_out(engine, tmp_path / "errors.csv")
    for _time in range(2):
        again = bring(engine, tmp_path / "again.csv", written(rows), into=True)
        assert again.rows_refused == 3
        assert again.audience.rows == 5
        assert taken_out(engine, tmp_path / "errors.csv") == rows
    assert debts(engine) == {"101": 100_00, "102": 200_00}


def test_a_mended_account_number_answers_the_finding_about_its_row(
    engine: Engine, tmp_path: Path
) -> None:
    bring(engine, tmp_path / "export.csv", EXPORT)
    rows = taken_out(engine, tmp_path / "errors.csv")
    twin = rows[3] | {"Лицевой счёт": "106", "Телефон": "89161234506", "Долг": "150,00"}
    bring(engine, tmp_path / "mended.csv", written([twin]), into=True)
    left = taken_out(engine, tmp_path / "errors.csv")
    assert [row["ошибка: строка"] for row in left] == ["3", "4", "5"]
    assert debts(engine) == {"101": 100_00, "102": 200_00, "106": 150_00}


def test_rows_of_another_file_answer_by_account_and_keep_their_own_columns(
    engine: Engine, tmp_path: Path
) -> None:
    bring(engine, tmp_path / "export.csv", EXPORT)
    more = "Долг;Лицевой счёт;Дом\n300,00;103;5\nмного;107;7\nмного;;9\n"
    for _time in range(2):  # the same file twice is no more rows and no more findings
        added = bring(engine, tmp_path / "more.csv", more, into=True)
        assert (added.audience.rows, added.audience.recipients) == (7, 3)
        left = taken_out(engine, tmp_path / "errors.csv")
        # Row 3 of one file and row 3 of the other are not taken for one.
        assert [(row["Лицевой счёт"], row["Долг"], row["Дом"]) for row in left] == [
            ("103", "300,00", "5"),
            ("102", "200,00", ""),
            ("107", "много", "7"),
            ("", "много", "9"),
            ("", "400,00", ""),
            ("101", "", ""),
        ]


def test_an_audience_that_has_a_campaign_takes_no_more_rows(engine: Engine, tmp_path: Path) -> None:
    bring(engine, tmp_path / "export.csv", EXPORT)
    engine.channels = stand_ins()
    with engine.ledger.write() as tx:
        file = read_scenario(library_path("debt-reminder"), supplier=engine.settings.supplier())
        scenarios.add(tx, file, "clerk", engine.clock.now())
    campaigning.launch(engine, "debt-reminder", "list", "clerk")
    with pytest.raises(NotPossible, match="--name"):
        bring(engine, tmp_path / "more.csv", HEADER + "\n109;;89161234509;1\n", into=True)
    assert "109" not in debts(engine)


def test_a_file_of_bad_rows_only_leaves_its_errors_and_no_audience(
    engine: Engine, tmp_path: Path
) -> None:
    export, errors = tmp_path / "export.csv", tmp_path / "errors.csv"
    export.write_text(HEADER + "\n103;Сидоров;89161234503;сто\n104;;12;двести\n", "utf-8-sig")
    with pytest.raises(NoRowTaken) as raised:
        import_audience(engine, export, "list", "clerk", mapping={}, errors_path=errors)
    told = raised.value.imported
    assert (told.audience.rows, told.rows_refused, raised.value.exit_code) == (2, 2, 1)
    # The bad number of a row that was refused for its amount was not "taken without it".
    assert {error.code: error.fatal for error in told.errors} == {
        "amount_unreadable": True,
        "phone_too_short": True,
    }
    assert errors.read_text("utf-8-sig").count(";сто;") == 1
    with engine.ledger.read() as tx:
        assert list(audiences.all_ready(tx)) == []
    assert bring(engine, export, EXPORT).audience.recipients == 2
