"""A desk: never more calls than its lines and operators bear; and the file that describes desks."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.desk import Desk, Desks, Load, calls_allowed, operator_is_there
from campaigns.desk_file import parse_desks, read_desks
from campaigns.holidays import Holidays
from templates.problem import Problem, Refused

DESKS = st.builds(
    Desk,
    operator=st.just("+73822000000"),
    lines=st.none() | st.integers(0, 50),
    operators=st.integers(0, 20),
    expected_share=st.floats(0.01, 1),
)
LOADS = st.builds(Load, st.integers(0, 100), st.integers(0, 60), st.integers(0, 30))


@given(DESKS, LOADS)
def test_expected_requests_never_exceed_the_free_operators(desk: Desk, load: Load) -> None:
    allowed = calls_allowed(desk, load, offers_operator=True)
    assert allowed is not None
    assert allowed >= 0
    if allowed:
        free = desk.operators - load.with_operator
        assert (load.may_ask + allowed) * desk.expected_share <= free + 1e-6


@given(DESKS, LOADS, st.booleans())
def test_calls_never_exceed_the_lines(desk: Desk, load: Load, offers: bool) -> None:
    allowed = calls_allowed(desk, load, offers_operator=offers)
    if desk.lines is not None:
        assert allowed is not None
        assert not allowed or load.calls + allowed <= desk.lines


@given(DESKS, LOADS)
def test_one_more_call_leaves_room_for_exactly_one_less(desk: Desk, load: Load) -> None:
    allowed = calls_allowed(desk, load, offers_operator=True) or 0
    after = calls_allowed(desk, load.plus(offers_operator=True), offers_operator=True)
    assert after == max(allowed - 1, 0)


def test_without_lines_and_without_an_operator_key_nothing_bounds_the_calls() -> None:
    assert calls_allowed(Desk(), Load(1000, 0, 0), offers_operator=False) is None


def test_calls_that_offer_no_operator_take_no_operators_time() -> None:
    desk = Desk(operator="+73822000000", operators=1, expected_share=0.1, lines=100)
    assert calls_allowed(desk, Load(calls=50), offers_operator=True) == 10


def test_the_last_free_operator_is_not_promised_to_many() -> None:
    desk = Desk(operator="+73822000000", operators=1, expected_share=1)
    assert calls_allowed(desk, Load(), offers_operator=True) == 1
    assert calls_allowed(desk, Load(1, 1, 0), offers_operator=True) == 0
    assert calls_allowed(desk, Load(1, 0, 1), offers_operator=True) == 0


@pytest.mark.parametrize(
    ("at", "zone", "there"),
    [
        (datetime(2026, 9, 7, 2, 0, tzinfo=UTC), "Asia/Tomsk", True),  # Monday, 9:00 in Tomsk
        (datetime(2026, 9, 7, 1, 59, tzinfo=UTC), "Asia/Tomsk", False),
        (datetime(2026, 9, 7, 2, 0, tzinfo=UTC), "", False),  # 5:00 in Moscow, the house's zone
        (datetime(2026, 9, 6, 8, 0, tzinfo=UTC), "", False),  # a Sunday
        (datetime(2026, 11, 4, 8, 0, tzinfo=UTC), "", False),  # a public holiday, a Wednesday
        (datetime(2026, 9, 7, 15, 0, tzinfo=UTC), "", False),  # 18:00: half-open
    ],
)
def test_an_operator_is_there_in_the_desks_hours_and_zone(
    at: datetime, zone: str, there: bool
) -> None:
    desk = Desk(operator="+73822000000", zone=zone)
    assert operator_is_there(desk, at, "Europe/Moscow", Holidays({})) is there


@pytest.mark.parametrize("desk", [Desk(), Desk(operator="+73822000000", operators=0)])
def test_nobody_is_at_a_desk_without_a_number_or_without_people(desk: Desk) -> None:
    noon = datetime(2026, 9, 7, 9, 0, tzinfo=UTC)
    assert not operator_is_there(desk, noon, "Europe/Moscow", Holidays({}))


GOOD = """
[default]
operator = "+78001000000"
lines = 5

[branch."Томское отделение"]
operator = "sip:desk@pbx.example.com:5060"
hours = { from = "08:00", until = "20:00", days = ["mon", "sat"], holidays = true }
zone = "Asia/Tomsk"
lines = 30
operators = 4
expected_share = 0.15
wait_seconds = 30
"""


def test_a_file_of_desks_says_whose_lines_a_customer_takes(tmp_path: Path) -> None:
    path = tmp_path / "desks.toml"
    path.write_text(GOOD, "utf-8")
    desks = read_desks(path)
    assert desks.name_of("Томское отделение") == "Томское отделение"
    assert desks.name_of(" ТОМСКОЕ  отделение ") == "Томское отделение"
    assert desks.name_of("Омское отделение") == ""
    assert (desks.desk("Томское отделение").lines, desks.desk("").lines) == (30, 5)
    assert desks.desk("Томское отделение").wait_seconds == 30


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(Refused) as refused:
        parse_desks(text)
    return list(refused.value.problems)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('operater = "+78001000000"', "unknown_field"),
        ('operator = "8 800 100 00 00"', "bad_operator"),
        ('operator = "sip:desk@<evil>"', "bad_operator"),
        ('operator = "https://example.com"', "bad_operator"),
        ('operator = "+78001000000\\n"', "bad_operator"),
        ('zone = "Asia/Tomks"', "unknown_zone"),
        ("lines = -1", "wrong_value"),
        ("lines = 1.5", "wrong_value"),
        ("lines = true", "wrong_value"),
        ("wait_seconds = true", "wrong_value"),
        ("expected_share = true", "wrong_value"),
        ("expected_share = 0", "wrong_value"),
        ("expected_share = nan", "wrong_value"),
        ("wait_seconds = 31", "wrong_value"),
        ('hours = { from = "25:00" }', "bad_time"),
        ('hours = { days = ["Montag"] }', "bad_days"),
        ('hours = { till = "18:00" }', "unknown_field"),
        ('hours = "always"', "wrong_value"),
    ],
)
def test_a_wrong_line_is_told_with_its_number_and_what_to_write(line: str, code: str) -> None:
    [problem] = problems_of(f"[default]\noperators = 2\n{line}\n")
    assert (problem.code, problem.line) == (code, 3)
    assert problem.file == "desks.toml"
    assert problem.field
    assert problem.field.startswith("default.")
    assert problem.advice


def test_true_is_no_number_of_operators() -> None:
    [problem] = problems_of("[default]\noperators = true\n")
    assert (problem.code, problem.line, problem.field) == ("wrong_value", 2, "default.operators")


def test_every_problem_of_a_file_is_told_at_once() -> None:
    text = '[default]\nlines = -1\n[branch."Томск"]\noperator = "x"\n[brunch."Омск"]\n'
    assert [(p.code, p.line) for p in problems_of(text)] == [
        ("wrong_value", 2),
        ("bad_operator", 4),
        ("unknown_field", 5),
    ]


def test_two_spellings_of_one_branch_are_refused() -> None:
    [problem] = problems_of('[branch."Томск"]\nlines = 1\n[branch."ТОМСК "]\nlines = 2\n')
    assert (problem.code, problem.line) == ("branch_twice", 3)


def test_what_is_no_toml_is_told_with_its_line() -> None:
    [problem] = problems_of('[default]\noperator = "\n')
    assert (problem.code, problem.line) == ("toml_syntax", 2)


def test_a_branch_without_quotes_is_told_how_to_write_it() -> None:
    [problem] = problems_of("[branch.Томск]\nlines = 1\n")
    assert (problem.code, problem.line) == ("toml_syntax", 1)
    assert '[branch."' in problem.advice


@pytest.mark.parametrize("content", [b"\xff\xfe", b"#" * 1_000_001])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "desks.toml"
    path.write_bytes(content)
    with pytest.raises(Refused):
        read_desks(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        read_desks(tmp_path / "none.toml")


def test_without_desks_nothing_has_to_be_counted() -> None:
    assert not Desks().count_calls
    assert parse_desks(GOOD).count_calls
