"""Scenarios and audiences as either database keeps them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select

from campaigns.audience import RowError
from campaigns.channel import ChannelName, Purpose
from campaigns.recipient import Consent
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import Ledger, audiences, glimpses, scenarios, sounds, trail
from dispatcher.ledger import tables as t
from dispatcher.ledger.reports import by_row_error
from templates.sounds import Sound, read_sound
from tests.flow.test_under_fire_postgres import somebody_waits_for_a_lock, until
from tests.ledger.making import ACTOR, NOW, PHONE, campaign_of, person, scenario_file
from tests.unit.waves import wav


def test_the_same_scenario_added_twice_is_one_version(ledger: Ledger) -> None:
    with ledger.write() as tx:
        first = scenarios.add(tx, scenario_file(), ACTOR, NOW)
        again = scenarios.add(tx, scenario_file(), ACTOR, NOW)
        assert (again.id, again.version) == (first.id, 1)
        assert len(trail.of(tx, "scenario:debt-reminder")) == 1


def test_a_changed_scenario_is_a_new_version_and_the_old_one_stays(ledger: Ledger) -> None:
    file = scenario_file()
    changed = replace(file, digest="f" * 64, source_toml=file.source_toml + "\n# again\n")
    with ledger.write() as tx:
        old = scenarios.add(tx, file, ACTOR, NOW)
        new = scenarios.add(tx, changed, ACTOR, NOW)
        assert new.version == 2
        assert scenarios.find(tx, "debt-reminder").id == new.id
        assert scenarios.find(tx, "debt-reminder", version=1) == old
        assert [one.version for one in scenarios.newest(tx)] == [2]
        assert old.scenario == file.scenario
        assert old.templates == file.templates


def test_two_who_change_a_scenario_at_once_store_a_version_each(ledger: Ledger) -> None:
    file = scenario_file()
    changed = replace(file, digest="f" * 64, source_toml=file.source_toml + "\n# again\n")

    def change() -> int:
        with ledger.write() as tx:
            return scenarios.add(tx, changed, ACTOR, NOW).version

    with ThreadPoolExecutor(1) as threads:
        with ledger.write() as tx:
            first = scenarios.add(tx, file, ACTOR, NOW).version
            second = threads.submit(change)
            if not ledger.is_sqlite:  # there the other one cannot even begin
                until(lambda: somebody_waits_for_a_lock(ledger))
        assert (first, second.result(30)) == (1, 2)


def test_the_sound_files_of_a_scenario_are_kept_once_and_found_by_what_they_hold(
    ledger: Ledger,
) -> None:
    intro = read_sound("intro.wav", wav(2.5))
    copy = read_sound("copy.wav", wav(2.5))
    other = read_sound("other.wav", wav(1))
    assert isinstance(intro, Sound)
    assert isinstance(copy, Sound)
    assert isinstance(other, Sound)
    file = replace(scenario_file(), sounds={"intro.wav": intro, "copy.wav": copy})
    changed = replace(file, digest="f" * 64, sounds={"intro.wav": other})
    with ledger.write() as tx:
        first = scenarios.add(tx, file, ACTOR, NOW)
        second = scenarios.add(tx, changed, ACTOR, NOW)
        assert first.sounds == {"intro.wav": intro.ref, "copy.wav": intro.ref}
        assert second.sounds == {"intro.wav": other.ref}
        assert sounds.content(tx, intro.ref.digest) == intro.content
        assert sounds.content(tx, other.ref.digest) == other.content
        assert sounds.content(tx, "0" * 64) is None
        assert tx.execute(select(func.count()).select_from(t.sounds)).scalar() == 2
        assert scenarios.get(tx, first.id).sounds == first.sounds


def test_a_scenario_that_is_not_there_names_those_that_are(ledger: Ledger) -> None:
    with ledger.write() as tx:
        scenarios.add(tx, scenario_file(), ACTOR, NOW)
        with pytest.raises(NotFound, match="debt-reminder"):
            scenarios.find(tx, "debt")


def test_a_recipient_comes_back_as_it_went_in(ledger: Ledger) -> None:
    consent = Consent(True, Purpose.MARKETING, ChannelName.SMS, "form", date(2026, 2, 28))
    anna = replace(
        person("1", "+79160000001", "Anna@example.com"),
        name="Анна",
        consents=(consent, Consent(False)),
        fields={"debt_kopecks": 2**53, "адрес": "ул. «Мира», д. 1"},
    )
    with ledger.write() as tx:
        audience = campaign_of(tx, [anna]).audience_id
        assert list(audiences.after(tx, audience, 0).values()) == [anna]


@pytest.mark.parametrize("text", ["\\N", "a\tb\\n", "'; --", '"{\\"x\\"}"', "%s ? $1", "ё\u2028"])
def test_no_text_of_a_file_is_taken_for_anything_else(ledger: Ledger, text: str) -> None:
    odd = replace(
        person(text, f"+7916{text}"),
        name=text,
        patronymic=text,
        surname=text,
        branch=text,
        region=text,
        zone="Asia/Tomsk",
        consents=(Consent(True, basis=text),),
        fields={text: text},
    )
    error = RowError(9, text, "bad_amount", text, text, text, (text, ""), True, text)
    with ledger.write() as tx:
        audience = campaign_of(tx, [odd]).audience_id
        audiences.add_errors(tx, audience, [error])
        assert list(audiences.after(tx, audience, 0).values()) == [odd]
        assert list(audiences.errors_of(tx, audience)) == [error]


def test_ids_rise_with_the_rows_of_the_file_though_two_files_come_in_at_once(
    ledger: Ledger,
) -> None:
    """The first in the file leads those who share a number."""
    names = ("one", "two")
    with ledger.write() as tx:
        ids = [audiences.begin(tx, name, "list.csv", (), ACTOR, NOW) for name in names]

    def fill(audience: int) -> None:
        for first in range(0, 1000, 100):
            people = [
                person(f"{1000 - n}", f"+7916{n:07}", "a@example.com", row=n)
                for n in range(first, first + 100)
            ]
            with ledger.write() as tx:
                audiences.add_recipients(tx, audience, people)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(fill, ids))
    with ledger.read() as tx:
        for audience in ids:
            kept = audiences.after(tx, audience, 0, 2000)
            assert [r.row for r in kept.values()] == list(range(1000))
            assert [r.contact_points[0].address for r in kept.values()] == [
                f"+7916{n:07}" for n in range(1000)
            ]


def test_a_plan_glimpses_what_stands_in_the_ledger(ledger: Ledger) -> None:
    anna = replace(
        person("Счёт-1", "+79160000001", "Anna@example.com", debt=5),
        branch="Север",
        zone="Asia/Tomsk",
        consents=(Consent(False, Purpose.SERVICE, since_on=date(2026, 2, 28)),),
    )
    with ledger.write() as tx:
        audience = campaign_of(tx, [anna, person("2")]).audience_id
        ids = list(audiences.after(tx, audience, 0))
        fields = ("debt_kopecks", "due_on")
        other = campaign_of(tx, [person("3")], name="other").audience_id
        whole = glimpses.span(tx, audience)
        found = glimpses.first(tx, audience, whole, 10, fields)
        assert list(whole) == ids
        assert glimpses.first(tx, audience, range(10**6), 10, fields) == found
        assert glimpses.first(tx, audience, whole, 1, fields) == found[:1]
        assert glimpses.first(tx, audience, whole[1:], 10, fields) == found[1:]
        assert not glimpses.first(tx, other, whole, 10, fields)
        assert glimpses.of(tx, ids[::-1], fields) == found
        assert not glimpses.span(tx, 99)
    one, two = found
    assert (one.recipient_id, two.recipient_id) == tuple(ids)
    assert (one.account_number, one.branch, one.zone) == ("Счёт-1", "Север", "Asia/Tomsk")
    assert glimpses.read_consents(one.consents) == anna.consents
    assert ([str(one.values[0]), one.values[1]], two.zone) == (["5", None], None)
    assert list(zip(one.addresses, one.point_kinds, strict=True)) == [
        (point.address, point.kind) for point in anna.contact_points
    ]
    assert (two.addresses, two.point_kinds, glimpses.read_consents(two.consents)) == ((), (), ())


def test_the_same_account_in_a_later_batch_is_the_same_recipient(ledger: Ledger) -> None:
    refusal = Consent(False, Purpose.SERVICE)
    again = replace(person("1", "+79160000002", row=9), name="Анна", consents=(refusal,))
    with ledger.write() as tx:
        audience = audiences.begin(tx, "list", "list.csv", (), ACTOR, NOW)
        assert not audiences.add_recipients(tx, audience, [person("1", "+79160000001")])
        assert not audiences.add_recipients(tx, audience, [again])
        [one] = audiences.after(tx, audience, 0).values()
    assert [p.address for p in one.contact_points] == ["+79160000001", "+79160000002"]
    # A refusal in the second row counts as much as one in the first.
    assert (one.name, one.consents, one.row) == ("Анна", (refusal,), 2)


@pytest.mark.parametrize("erased", [0, 1, 2])
def test_a_later_row_adds_a_number_after_one_that_was_erased(ledger: Ledger, erased: int) -> None:
    numbers = [f"+791600000{n:02}" for n in range(3)]
    with ledger.write() as tx:
        audience = audiences.begin(tx, "list", "list.csv", (), ACTOR, NOW)
        audiences.add_recipients(tx, audience, [person("1", *numbers)])
        gone = t.contact_points.c.address == numbers.pop(erased)
        tx.execute(t.contact_points.delete().where(gone))
        again = person("1", *numbers, "+79169999901", "+79169999902")
        assert not audiences.add_recipients(tx, audience, [again])
        [one] = audiences.after(tx, audience, 0).values()
    assert [p.address for p in one.contact_points] == [*numbers, "+79169999901", "+79169999902"]


@pytest.mark.parametrize("batches", [1, 2])
def test_two_amounts_for_one_account_are_an_error_and_the_first_counts(
    ledger: Ledger, batches: int
) -> None:
    rows = [person("1", row=2, debt=100), person("1", row=3, debt=999)]
    with ledger.write() as tx:
        audience = audiences.begin(tx, "list", "list.csv", (), ACTOR, NOW)
        pieces = [rows] if batches == 1 else [rows[:1], rows[1:]]
        errors = [e for piece in pieces for e in audiences.add_recipients(tx, audience, piece)]
        [one] = audiences.after(tx, audience, 0).values()
    assert [(e.code, e.row) for e in errors] == [("duplicate_account", 3)]
    assert one.fields["debt_kopecks"] == 100


def test_row_errors_are_kept_with_their_cells_in_the_order_of_the_file(ledger: Ledger) -> None:
    errors = [
        RowError(9, "Долг", "bad_amount", "сто", "плохо", "лучше", ("1", "сто"), True, "1"),
        RowError(3, "E-mail", "bad_email", "@", "плохо", "лучше", ("2", "@"), False, "2"),
    ]
    with ledger.write() as tx:
        audience = audiences.begin(tx, "list", "list.csv", ("Счёт", "Долг"), ACTOR, NOW)
        audiences.add_errors(tx, audience, errors)
        assert list(audiences.errors_of(tx, audience)) == errors[::-1]
        counts = {(one.code, one.fatal): one.rows for one in by_row_error(tx, audience)}
        assert counts == {("bad_amount", True): 1, ("bad_email", False): 1}


def test_an_interrupted_import_is_not_there_and_the_next_one_begins_anew(ledger: Ledger) -> None:
    with ledger.write() as tx:
        old = audiences.begin(tx, "list", "list.csv", (), ACTOR, NOW)
        audiences.add_recipients(tx, old, [person("1", "+79160000001")])
    with ledger.write() as tx:
        with pytest.raises(NotFound):
            audiences.find(tx, "list")
        new = audiences.begin(tx, "list", "list.csv", (), ACTOR, NOW)
        audiences.add_recipients(tx, new, [person("2", "+79160000002")])
        stored = audiences.finish(tx, new, 1, ["debt_kopecks"], ACTOR, NOW)
        assert stored.recipients == 1
        assert [r.account_number for r in audiences.after(tx, new, 0).values()] == ["2"]


def test_the_name_of_an_audience_that_is_ready_is_taken(ledger: Ledger) -> None:
    with ledger.write() as tx:
        campaign_of(tx, [person("1")], name="list")
        with pytest.raises(NotPossible, match="list"):
            audiences.begin(tx, "list", "other.csv", (), ACTOR, NOW)


def test_rows_added_to_an_audience_add_to_its_counts_and_columns(ledger: Ledger) -> None:
    with ledger.write() as tx:
        audience = campaign_of(tx, [person("1")]).audience_id
        audiences.add_recipients(tx, audience, [person("2")])
        stored = audiences.finish(tx, audience, 3, ["due_on"], ACTOR, NOW)
    assert (stored.rows, stored.recipients) == (4, 2)
    assert stored.columns == ("debt_kopecks", "due_on")


def test_only_those_who_share_a_contact_point_are_told_so(ledger: Ledger) -> None:
    people = [
        person("1", "+79160000001"),
        person("2", "+79160000002", "a@example.com"),
        person("3", "+79160000001"),
    ]
    with ledger.write() as tx:
        audience = campaign_of(tx, people).audience_id
        sharing = audiences.get_many(tx, glimpses.sharing(tx, audience))
    assert sorted(one.account_number for one in sharing.values()) == ["1", "3"]
    assert all(one.reachable_on(PHONE) for one in sharing.values())
