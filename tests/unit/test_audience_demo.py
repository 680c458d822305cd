"""The demo's billing export is what the demo says it is."""

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from campaigns.audience import RowError, join_rows, read_audience
from campaigns.channel import ContactKind
from campaigns.demo import BILLING_EXPORT
from campaigns.demo.generate import export_bytes
from campaigns.recipient import Recipient

AUDIENCE = read_audience(BILLING_EXPORT)
ITEMS = list(AUDIENCE)
ROWS = [item for item in ITEMS if isinstance(item, Recipient)]
ERRORS = [item for item in ITEMS if isinstance(item, RowError)]


def test_the_file_is_exactly_what_its_generator_makes() -> None:
    assert BILLING_EXPORT.read_bytes() == export_bytes()


def test_it_looks_like_a_russian_billing_export() -> None:
    assert (AUDIENCE.encoding, AUDIENCE.delimiter) == ("cp1251", ";")
    assert b"\r\n" in BILLING_EXPORT.read_bytes()[:400]
    assert "1\u00a0".encode("cp1251") in BILLING_EXPORT.read_bytes()


def test_a_thousand_recipients_are_accepted() -> None:
    assert len({row.account_number for row in ROWS}) == 1000


def test_the_bad_rows_are_bad_each_in_its_own_way() -> None:
    fatal = Counter(error.code for error in ERRORS if error.fatal)
    assert sum(fatal.values()) == 12
    assert len(fatal) >= 9


def test_accounts_that_stand_twice_are_joined_and_one_contradicts_itself() -> None:
    first: dict[str, Recipient] = {}
    problems = []
    for row in ROWS:
        joined, problem = join_rows(first.setdefault(row.account_number, row), row)
        first[row.account_number] = joined
        problems += [problem] if problem else []
    assert len(ROWS) - len(first) == 7
    assert [problem.code for problem in problems] == ["duplicate_account"]


def test_people_live_in_all_eleven_time_zones_and_some_nowhere() -> None:
    winter = datetime(2026, 12, 1, tzinfo=UTC)
    zones = {row.zone for row in ROWS}
    assert len({ZoneInfo(zone).utcoffset(winter) for zone in zones if zone}) == 11
    assert None in zones


def test_there_are_landlords_refusals_and_people_nobody_can_reach() -> None:
    accounts: dict[str, set[str]] = {}
    for row in ROWS:
        for point in row.contact_points[:1]:
            accounts.setdefault(point.address, set()).add(row.account_number)
    assert sum(len(shared) > 1 for shared in accounts.values()) >= 6
    assert sum(any(not c.granted and c.purpose is None for c in row.consents) for row in ROWS) > 15
    assert sum(not row.contact_points for row in ROWS) > 5


def test_only_a_handful_of_contacts_have_a_special_meaning_in_the_sandbox() -> None:
    points = {point for row in ROWS for point in row.contact_points}
    special = Counter(
        p.address[-4:]
        for p in points
        if p.kind is not ContactKind.EMAIL and p.address[-4:-2] == "00"
    )
    assert special == {f"{ending:04}": 2 for ending in range(1, 13)}
    emails = [p.address for p in points if p.kind is ContactKind.EMAIL]
    assert sum(address.startswith("bounce") for address in emails) == 3
    assert sum(address.startswith("full") for address in emails) == 3
    assert not any(address.startswith("slow") for address in emails)
    assert all(a.endswith(("@example.com", "@example.org", "@example.net")) for a in emails)
