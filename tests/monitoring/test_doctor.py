"""The doctor at a house that is really broken: a real ledger, real campaigns, a real command."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from pydantic import SecretStr
from sqlalchemy import text, update

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from channels.base import Channel
from dispatcher.doctor import Facts, Severity, diagnose, read_facts
from dispatcher.ledger import (
    Ledger,
    attempts,
    audiences,
    campaigns,
    circuits,
    claims,
    mailboxes,
    migration,
    processes,
)
from dispatcher.ledger.attempts import Opening
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.holding_back import hold_back
from dispatcher.ledger.mailboxes import MailboxState
from dispatcher.ledger.processes import Process
from dispatcher.ledger.tables import campaigns as campaign_rows
from dispatcher.ledger.tables import processes as process_rows
from dispatcher.pacing import ProviderLimit
from dispatcher.queue import QUEUES
from dispatcher.settings import Settings
from templates.i18n import speaking
from tests.channels.servers import closed_port
from tests.cli.test_commands import environment, home, run
from tests.ledger.making import force
from tests.trouble.house import (
    NOON,
    SMS_KEY,
    TWILIO_SID,
    TWILIO_TOKEN,
    House,
    customer,
    living,
    phone_channel,
    sms_channel,
)

__all__ = ["environment", "home", "run"]  # fixtures

SMS, PHONE = ChannelName.SMS, ChannelName.PHONE
# On this machine, so that nobody is told.
TWILIO = {
    "twilio_account_sid": TWILIO_SID,
    "twilio_auth_token": SecretStr(TWILIO_TOKEN),
    "twilio_base_url": "http://127.0.0.1:1",
}
LATER = NOON + timedelta(hours=1)
Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    channels: dict[ChannelName, Channel] = {
        SMS: sms_channel(closed_port()),
        PHONE: phone_channel(closed_port()),
    }
    with living(tmp_path, channels, database_url=url) as found:
        found.import_rows([customer(n) for n in range(3)])
        yield found


def settings_of(house: House, **changes: object) -> Settings:
    """As the house has them, and its provider set up: on this machine, so that nobody is told."""
    provider = {
        "smsaero_email": "account@example.com",
        "smsaero_api_key": SecretStr(SMS_KEY),
        "smsaero_gate": f"@127.0.0.1:{closed_port()}/v2/",
    }
    return house.engine.settings.model_copy(update=provider | changes)


def facts(house: House, **changes: object) -> Facts:
    return read_facts(settings_of(house, **changes), house.clock.now())


def codes(house: House, **changes: object) -> set[str]:
    # The test's clock is not the database's: that alone is no trouble of the house.
    return {one.code for one in diagnose(facts(house, **changes))} - {"clocks"}


def start(house: House, role: str = "up", version: str = "1.0") -> None:
    with house.engine.ledger.write() as tx:
        processes.beat(tx, Process(role, role, "host", 7, QUEUES, version))


def begin(house: House, channel: ChannelName = SMS) -> int:
    """A campaign that runs; nothing is claimed yet."""
    campaign = house.launch(channel)
    with house.engine.ledger.write() as tx:
        change = update(campaign_rows).where(campaign_rows.c.id == campaign.id)
        tx.execute(change.values(status=CampaignStatus.RUNNING))
    return campaign.id


def test_a_house_in_order_has_nothing_wrong(house: House) -> None:
    start(house)
    begin(house)
    assert codes(house) == set()


def test_a_campaign_that_nobody_works_on_is_told_with_its_deliveries(house: House) -> None:
    campaign_id = begin(house)
    found = {one.code: one for one in diagnose(facts(house))}
    assert {"nobody_works"} <= found.keys()
    assert str(campaign_id) in found["nobody_works"].what
    start(house, role="loop")
    assert codes(house) == set()  # its queues are served; by whom does not matter here


def test_what_is_late_in_open_hours_is_told_and_at_night_it_is_not(house: House) -> None:
    start(house)
    begin(house)
    house.clock.move_to(NOON + timedelta(minutes=9))
    assert codes(house) == set()
    house.clock.move_to(NOON + timedelta(minutes=11))
    [finding] = [one for one in diagnose(facts(house)) if one.code == "overdue"]
    assert finding.severity is Severity.SERIOUS
    house.clock.move_to(NOON + timedelta(hours=12))
    assert codes(house) == set()


def test_what_is_late_while_others_go_out_is_only_a_notice(house: House) -> None:
    start(house)
    campaign_id = begin(house)
    house.clock.move_to(NOON + timedelta(minutes=11))
    with house.engine.ledger.write() as tx:
        [(delivery_id, *_rest)] = claims.claim_due(tx, NOON, LATER, "claim", 1)
        number = "+79162000000"
        begun = Opening(delivery_id, 1, campaign_id, SMS, number, "smsaero", "Europe/Moscow")
        attempts.open_many(tx, [begun], house.clock.now())
    [finding] = [one for one in diagnose(facts(house)) if one.code == "overdue"]
    assert finding.severity is Severity.NOTICE


def test_a_house_that_is_broken_in_many_places_has_all_of_them_told(house: House) -> None:
    campaign_id = begin(house)
    with house.engine.ledger.write() as tx:
        ids = [row[0] for row in claims.claim_due(tx, NOON, LATER, "claim", 3)]
        force(tx, ids[0], status=Status.AWAITING)
        force(tx, ids[1], status=Status.UNCERTAIN, due_at=None)
        circuits.open_(tx, (SMS, "smsaero"), "no_money", NOON, LATER)
        audiences.begin(tx, "half", "half.csv", (), "test", NOON - timedelta(hours=3))
        stopped = {"status": CampaignStatus.PAUSED, "note": "failures:57/100"}
        tx.execute(update(campaign_rows).where(campaign_rows.c.id == campaign_id).values(**stopped))
    found = codes(house, lmtp_port=2424)
    assert found >= {
        "no_worker",
        "no_receipts",
        "no_mailrobot",
        "circuit",
        "campaign_stopped",
        "undecided",
        "import",
    }
    assert "mailrobot" not in found  # that nobody looks is told once


def test_a_robot_that_works_and_does_not_look_is_told(house: House) -> None:
    start(house, role="mailrobot")
    with speaking("ru"):
        told = {one.code: one.what for one in diagnose(facts(house, lmtp_port=2424))}
    assert "LMTP" in told["mailrobot"]
    with house.engine.ledger.write() as tx:
        mailboxes.note(tx, MailboxState("lmtp", NOON))
    house.clock.move_to(NOON + timedelta(seconds=950))
    with speaking("ru"):
        told = {one.code: one.what for one in diagnose(facts(house, lmtp_port=2424))}
    assert "15 мин" in told["mailrobot"].replace("\N{NO-BREAK SPACE}", " ")


def call(house: House, campaign_id: int) -> int:
    """The first who waits is called, and the provider took the call at NOON; nothing more is heard
    of it, and the provider is asked after ten minutes."""
    with house.engine.ledger.write() as tx:
        [(delivery_id, *_rest)] = claims.claim_due(tx, NOON, LATER, "claim", 1)
        number = "+79162000000"
        begun = Opening(delivery_id, 1, campaign_id, PHONE, number, "twilio", "Europe/Moscow")
        [attempt_id] = attempts.open_many(tx, [begun], NOON).values()
        attempts.mark_handed(tx, {attempt_id: ("CA1", NOON)})
        force(tx, delivery_id, status=Status.AWAITING, due_at=NOON + timedelta(minutes=10))
    return attempt_id


def test_lines_that_are_taken_by_calls_of_which_nobody_hears_are_told_at_once(house: House) -> None:
    start(house)
    call(house, begin(house, PHONE))

    def told(minutes: float, at_once: int) -> dict[str, Severity]:
        house.clock.move_to(NOON + timedelta(minutes=minutes))
        limits = {"phone.twilio": ProviderLimit(at_once=at_once)}
        found = diagnose(facts(house, **TWILIO, limits=limits))
        return {one.code: one.severity for one in found if one.code != "clocks"}

    assert told(1, at_once=1) == {}  # it may well go on
    assert told(3, at_once=1) == {"calls_unreported": Severity.SERIOUS}
    assert told(3, at_once=2) == {}  # another call finds its line
    assert told(6, at_once=2) == {"calls_unreported": Severity.WARNING}
    assert told(11, at_once=1) == {"calls_unreported": Severity.SERIOUS}  # and why it is late


def test_what_a_dead_worker_was_at_is_told_with_the_time_until_it_is_looked_after(
    house: House,
) -> None:
    start(house)
    campaign_id = begin(house)

    def send(at: datetime) -> None:
        with house.engine.ledger.write() as tx:
            [(delivery_id, *_rest)] = claims.claim_due(tx, NOON, LATER, "claim", 1)
            number = "+79162000000"
            begun = Opening(delivery_id, 1, campaign_id, SMS, number, "smsaero", "Europe/Moscow")
            attempts.open_many(tx, [begun], at)
            due_at = NOON + timedelta(minutes=5)
            force(tx, delivery_id, status=Status.SENDING, due_at=due_at)

    send(NOON)
    assert codes(house) == set()
    with house.engine.ledger.write() as tx:
        processes.beat(tx, Process("died", "worker", "host-2", 7, ("send-sms",), "1.0"))
        seen_at = processes.clock_of(tx) - timedelta(seconds=50)
        tx.execute(update(process_rows).where(process_rows.c.id == "died").values(seen_at=seen_at))
    house.clock.move_to(NOON + timedelta(minutes=1))
    send(NOON + timedelta(seconds=55))  # by another one, who lives
    with speaking("en"):
        found = {one.code: one for one in diagnose(facts(house))}
    assert {"process_missed", "left_behind"} <= found.keys()
    assert found["left_behind"].what.startswith("1 ")
    assert "4 min" in found["left_behind"].advice


def test_an_operators_talk_takes_its_time(house: House) -> None:
    start(house)
    attempt_id = call(house, begin(house, PHONE))
    with house.engine.ledger.write() as tx:
        attempts.mark_pressed(tx, attempt_id, "0", operator_at=NOON)
    house.clock.move_to(NOON + timedelta(minutes=6))
    limits = {"phone.twilio": ProviderLimit(at_once=1)}
    assert codes(house, **TWILIO, limits=limits) == set()


def test_a_file_of_desks_that_cannot_be_read_is_told(house: House, tmp_path: Path) -> None:
    start(house)
    call(house, begin(house, PHONE))
    desks = tmp_path / "desks.toml"
    desks.write_text("[default]\nlines = 'many'\n", "utf-8")
    assert codes(house, **TWILIO, desks_file=desks) == {"channels"}


def test_after_a_restore_nothing_is_well_until_the_last_campaign_is_looked_at(house: House) -> None:
    """Everybody is at work, nothing fails, and nobody is served."""
    start(house)
    first, second = begin(house), begin(house)
    with house.engine.ledger.write() as tx:
        hold_back(tx, [first, second], "test", NOON)
        tx.execute(update(campaign_rows).values(status=CampaignStatus.PAUSED))
    start(house)
    [finding] = [one for one in diagnose(facts(house)) if one.code != "clocks"]
    assert (finding.code, finding.severity) == ("campaign_restored", Severity.SERIOUS)
    assert f"{first}, {second}" in finding.what
    with house.engine.ledger.write() as tx:
        campaigns.change(tx, campaigns.get(tx, first), CampaignStatus.RUNNING, "test", NOON)
    assert codes(house) == {"campaign_restored"}
    with house.engine.ledger.write() as tx:
        campaigns.change(tx, campaigns.get(tx, second), CampaignStatus.CANCELLED, "test", NOON)
    assert codes(house) == set()


def test_a_ledger_of_another_version_is_told_and_left_as_it_is(house: House) -> None:

    def become(version: str) -> None:
        with house.engine.ledger.write() as tx:
            tx.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})

    try:
        become("0003")
        assert codes(house) == {"ledger_old"}
        become("9999")
        assert codes(house) == {"ledger_new"}
        with house.engine.ledger.read() as tx:
            assert migration.version(tx) == "9999"
    finally:
        become(migration.LATEST)  # other tests share the database


def test_settings_that_hold_real_providers_and_no_address_are_told(house: House) -> None:
    start(house)
    gate = {"smsaero_gate": "@gate.smsaero.ru/v2/"}
    assert codes(house, **gate) == {"no_receipts_url"}
    assert codes(house, **gate, receipts_url="https://notify.example.com") == set()


def test_a_database_or_a_redis_that_is_away_is_told_without_its_address(house: House) -> None:
    nowhere = f"postgresql://nobody:hunter2@127.0.0.1:{closed_port()}/none"
    found = facts(house, database_url=SecretStr(nowhere))
    assert [one.code for one in diagnose(found)] == ["ledger_away"]
    assert "hunter2" not in repr(found)
    redis = SecretStr(f"redis://:hunter2@127.0.0.1:{closed_port()}/0")
    start(house)
    found = facts(house, redis_url=redis)
    assert "redis_away" in {one.code for one in diagnose(found)}
    assert "hunter2" not in repr(found)


def test_where_nothing_was_ever_started_nothing_is_made(run: Run, home: Path) -> None:
    done = run("doctor", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["well"] is True
    assert {one["code"] for one in told["findings"]} == {"no_channels", "no_ledger"}
    assert not (home / "var").exists()


def test_the_command_says_it_in_words_within_the_screen_and_exits_with_one(
    run: Run, home: Path
) -> None:
    run("provider", "list")  # makes the ledger
    ledger = Ledger(f"sqlite:///{home / 'var' / 'dispatcher.sqlite3'}")
    now = datetime.now(UTC)
    with ledger.write() as tx:
        circuits.open_(tx, (SMS, "smsaero"), "no_money", now - timedelta(minutes=7), now)
    ledger.close()
    for language, words in (("ru", "закончились деньги"), ("en", "balance is spent")):
        done = run("doctor", DISPATCHER_LANGUAGE=language)
        assert done.returncode == 1, done.stderr
        assert words in " ".join(done.stdout.split())
        assert "dispatcher provider retry sms smsaero" in " ".join(done.stdout.split())
        assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_a_setting_that_cannot_be_read_is_the_one_finding(run: Run) -> None:
    done = run("doctor", "--json", DISPATCHER_SMTP_HOTS="mail.example.com")
    assert done.returncode == 1
    [finding] = json.loads(done.stdout)["findings"]
    assert (finding["code"], finding["severity"]) == ("settings", "serious")
    assert "DISPATCHER_SMTP_HOST" in finding["what"]
