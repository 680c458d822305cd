"""Facts → findings, as a table: what a doctor says of each state of the house, and what not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.doctor import Facts, Severity, diagnose
from dispatcher.doctor.facts import Disk, LedgerFacts, Waiting
from dispatcher.doctor.finding import span
from dispatcher.doctor.ground import GIGABYTE
from dispatcher.ledger.circuits import Circuit
from dispatcher.ledger.processes import Process, Seen
from dispatcher.ledger.symptoms import Begun, Left, OpenCalls, StoppedCampaign
from dispatcher.queue import QUEUES
from templates.i18n import speaking

PHONE, SMS, EMAIL = ChannelName.PHONE, ChannelName.SMS, ChannelName.EMAIL
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
AN_HOUR_AGO = NOW - timedelta(hours=1)


def seen(
    role: str,
    *queues: str,
    silent: float = 3,
    version: str = "1.0",
    host: str = "host-1",
    since: datetime = AN_HOUR_AGO,
) -> Seen:
    process = Process(f"{role}-{host}-{since}", role, host, 17, queues, version)
    return Seen(process, since, timedelta(seconds=silent))


UP = seen("up", *QUEUES)
LOOP, WORKER = seen("loop"), seen("worker", *QUEUES)
RECEIPTS, ROBOT, WEB = seen("receipts"), seen("mailrobot"), seen("web")
WELL = LedgerFacts(processes=(LOOP, WORKER, RECEIPTS, ROBOT))
HOUSE = Facts(
    now=NOW,
    channels={PHONE: ("twilio",), SMS: ("smsaero", "twilio"), EMAIL: ("smtp",)},
    disk=Disk(100 * GIGABYTE, 200 * GIGABYTE),
    version="0004",
    newest_version="0004",
    ledger=WELL,
)


def with_ledger(**changes: object) -> Facts:
    return replace(HOUSE, ledger=replace(WELL, **changes))  # type: ignore[arg-type]


def circuit(channel: ChannelName, provider: str, reason: str) -> Circuit:
    return Circuit(channel, provider, AN_HOUR_AGO, NOW + timedelta(minutes=5), 3, reason)


def due(count: int = 7, **changes: object) -> Waiting:
    return Waiting(count, AN_HOUR_AGO, **changes)  # type: ignore[arg-type]


def calls(newest: float = 180, silent: int = 20, overlong: int = 0) -> OpenCalls:
    """Twenty of them; the provider is asked about the first in seven minutes."""
    newest_at = NOW - timedelta(seconds=newest)
    return OpenCalls(20, silent, overlong, AN_HOUR_AGO, newest_at, NOW + timedelta(minutes=7))


LATE = due(late_since=AN_HOUR_AGO)
STOPPED = StoppedCampaign(3, "Долг", "failures:57/100")

TABLE: Sequence[tuple[str, Facts, list[str]]] = (
    ("all is well", HOUSE, []),
    ("all in one process", with_ledger(processes=(UP,)), []),
    # the ground
    ("no provider", replace(HOUSE, channels={}), ["no_channels"]),
    ("a provider's settings", replace(HOUSE, channels_trouble="bad"), ["channels"]),
    ("no address to report to", replace(HOUSE, reports_cannot_come=True), ["no_receipts_url"]),
    ("no Redis", replace(HOUSE, queue_trouble="ConnectionError"), ["redis_away"]),
    ("little disk", replace(HOUSE, disk=Disk(GIGABYTE, 9 * GIGABYTE)), ["disk"]),
    ("no database", replace(HOUSE, ledger=None, ledger_trouble="Op"), ["ledger_away"]),
    ("no ledger yet", replace(HOUSE, ledger=None, version=None), ["no_ledger"]),
    ("an old ledger", replace(HOUSE, ledger=None, version="0003"), ["ledger_old"]),
    ("a newer ledger", replace(HOUSE, ledger=None, version="0005"), ["ledger_new"]),
    ("clocks a little apart", with_ledger(clock_ahead=timedelta(seconds=1.9)), []),
    ("clocks apart", with_ledger(clock_ahead=timedelta(seconds=-3)), ["clocks"]),
    # who is at work
    ("nobody, and nothing to do", with_ledger(processes=()), []),
    ("nobody at work", with_ledger(processes=(), under_way=[3]), ["nobody_works"]),
    ("only receipts", with_ledger(processes=(RECEIPTS,), under_way=[3]), ["nobody_works"]),
    ("no loop", with_ledger(processes=(WORKER, RECEIPTS), under_way=[3]), ["no_loop"]),
    (
        "no worker for a channel",
        with_ledger(
            processes=(LOOP, RECEIPTS, seen("worker", "send-email", "urgent")),
            under_way=[3],
            waiting={SMS: LATE, EMAIL: due()},
        ),
        ["no_worker"],
    ),
    (
        "claimed, and no worker",
        with_ledger(processes=(LOOP,), in_flight={(EMAIL, Status.QUEUED): 5}),
        ["no_worker"],
    ),
    (
        "emergencies are nobody's",
        with_ledger(processes=(LOOP, seen("worker", "send-sms")), under_way=[3]),
        ["urgent_unserved"],
    ),
    (
        "a queue that nobody serves",
        replace(
            with_ledger(processes=(LOOP, seen("worker", "send-sms"))),
            depths={"send-sms": 4, "answer": 2, "settle": 0},
        ),
        ["queue_unserved"],
    ),
    (
        "calls under way, no receipts",
        with_ledger(processes=(LOOP, WORKER), in_flight={(PHONE, Status.AWAITING): 2}),
        ["no_receipts"],
    ),
    ("a job of staff, no pages", with_ledger(jobs_waiting=1), ["no_web"]),
    ("an event to tell, no pages", with_ledger(events_waiting=1), ["no_web"]),
    ("a job of staff, and the pages", with_ledger(processes=(WEB,), jobs_waiting=1), []),
    ("a job of staff, all in one", with_ledger(processes=(UP,), jobs_waiting=1), []),
    (
        "letters under way need no receipts",
        with_ledger(processes=(LOOP, WORKER), in_flight={(EMAIL, Status.AWAITING): 2}),
        [],
    ),
    (
        "no mail-robot",
        replace(with_ledger(processes=(LOOP, WORKER, RECEIPTS)), takes_letters=True),
        ["no_mailrobot"],
    ),
    (
        "one died",
        with_ledger(processes=(*WELL.processes, seen("worker", silent=300, host="host-2"))),
        ["process_missed"],
    ),
    (
        "six died",
        with_ledger(
            processes=(
                *WELL.processes,
                *(seen("worker", silent=300, host=f"host-{n}") for n in range(2, 9)),
            )
        ),
        ["process_missed"],
    ),
    (
        "one died in the middle of its work",
        with_ledger(
            processes=(*WELL.processes, seen("worker", silent=40, host="host-2")),
            left=Left(198, NOW + timedelta(minutes=4)),
        ),
        ["left_behind", "process_missed"],
    ),
    (
        "two versions",
        with_ledger(processes=(UP, seen("worker", "urgent", version="1.1"))),
        ["versions"],
    ),
    # messages
    ("due and going out", with_ledger(under_way=[3], waiting={SMS: due()}), []),
    (
        "late and going out",
        with_ledger(under_way=[3], waiting={SMS: replace(LATE, is_moving=True)}),
        ["overdue"],
    ),
    ("late and standing still", with_ledger(under_way=[3], waiting={SMS: LATE}), ["overdue"]),
    (
        "late, for want of the only provider",
        with_ledger(waiting={EMAIL: LATE}, circuits=[circuit(EMAIL, "smtp", "unreachable")]),
        ["circuit"],
    ),
    (
        "late, though a second provider is well",
        with_ledger(waiting={SMS: LATE}, circuits=[circuit(SMS, "smsaero", "no_money")]),
        ["circuit", "overdue"],
    ),
    (
        "all lines taken, and they move",
        with_ledger(waiting={PHONE: LATE}, calls=calls(newest=60), lines_are_full=True),
        ["overdue"],
    ),
    (
        "all lines taken, and nothing is told of any call",
        with_ledger(waiting={PHONE: LATE}, calls=calls(), lines_are_full=True),
        ["calls_unreported"],
    ),
    (
        "all lines taken by talks with operators",
        with_ledger(waiting={PHONE: due()}, calls=calls(silent=9), lines_are_full=True),
        [],
    ),
    (
        "some calls should be over",
        with_ledger(waiting={PHONE: due()}, calls=calls(newest=60, overlong=3)),
        ["calls_unreported"],
    ),
    (
        "a channel that is off",
        replace(with_ledger(waiting={SMS: due()}), channels={EMAIL: ("smtp",)}),
        ["channel_off"],
    ),
    ("a campaign stopped itself", with_ledger(stopped=[STOPPED]), ["campaign_stopped"]),
    ("a restore paused them", with_ledger(restored=[1, 4]), ["campaign_restored"]),
    ("decisions are due", with_ledger(undecided={3: 5, 4: 1}), ["undecided", "undecided"]),
    ("a plan was left", with_ledger(drafts=[Begun("5", AN_HOUR_AGO)]), ["draft"]),
    (
        "a rehearsal's plan was left",
        with_ledger(drafts=[Begun("5", AN_HOUR_AGO, on_trial=True)]),
        ["rehearsal_left"],
    ),
    ("an import was left", with_ledger(imports=[Begun("people", AN_HOUR_AGO)]), ["import"]),
    ("the minute is not kept", with_ledger(alarms=["a letter waits"]), ["mailrobot"]),
    ("an SMS is owed", with_ledger(reply_due_at=AN_HOUR_AGO), ["replies_late"]),
    ("an SMS is owed just now", with_ledger(reply_due_at=NOW - timedelta(minutes=1)), []),
)


@pytest.mark.parametrize(("facts", "codes"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_each_state_has_its_findings_and_no_others(facts: Facts, codes: list[str]) -> None:
    assert sorted(one.code for one in diagnose(facts)) == sorted(codes)


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("facts", [row[1] for row in TABLE], ids=[row[0] for row in TABLE])
def test_every_finding_says_what_to_do_in_a_few_words(facts: Facts, language: str) -> None:
    with speaking(language):
        findings = diagnose(facts)
    for one in findings:
        assert one.what
        assert one.advice
        assert "{" not in one.what + one.advice
        assert len(one.what) < 160
        assert len(one.advice) < 120


SEVERITIES: Sequence[tuple[Facts, Severity]] = (
    (replace(HOUSE, disk=Disk(GIGABYTE, 9 * GIGABYTE)), Severity.WARNING),
    (replace(HOUSE, disk=Disk(1, 9 * GIGABYTE)), Severity.SERIOUS),
    (with_ledger(clock_ahead=timedelta(seconds=3)), Severity.WARNING),
    (with_ledger(clock_ahead=timedelta(minutes=3)), Severity.SERIOUS),
    (with_ledger(circuits=[circuit(SMS, "smsaero", "slow")]), Severity.WARNING),
    (with_ledger(circuits=[circuit(SMS, "smsaero", "account")]), Severity.SERIOUS),
    (with_ledger(circuits=[circuit(EMAIL, "smtp", "slow")]), Severity.SERIOUS),
    (with_ledger(restored=[3]), Severity.SERIOUS),
    (with_ledger(waiting={SMS: LATE}), Severity.SERIOUS),
    (with_ledger(waiting={SMS: replace(LATE, is_moving=True)}), Severity.NOTICE),
)


@pytest.mark.parametrize(("facts", "severity"), SEVERITIES)
def test_how_bad_it_is_depends_on_how_bad_it_is(facts: Facts, severity: Severity) -> None:
    [finding] = diagnose(facts)
    assert finding.severity is severity


@pytest.mark.parametrize(
    ("newest", "overlong", "severity"), [(180, 0, Severity.SERIOUS), (60, 3, Severity.WARNING)]
)
def test_lines_that_stand_still_are_told_with_when_the_provider_is_asked(
    newest: float, overlong: int, severity: Severity
) -> None:
    changes = {"waiting": {PHONE: due()}, "lines_are_full": True}
    with speaking("ru"):
        [asked] = diagnose(with_ledger(**changes, calls=calls(newest, overlong=overlong)))
        known = replace(calls(newest, overlong=overlong), asked_at=NOW)
        [asking] = diagnose(with_ledger(**changes, calls=known))
    assert asked.severity is asking.severity is severity
    assert "через 7" in asked.advice
    assert "уже спрашивают" in asking.advice


def test_who_was_started_anew_in_its_place_is_missed_less() -> None:
    died = seen("worker", *QUEUES, silent=300)
    heir = seen("worker", *QUEUES, since=NOW - timedelta(seconds=290))
    older = seen("worker", *QUEUES, since=AN_HOUR_AGO)
    [missed] = diagnose(with_ledger(processes=(LOOP, RECEIPTS, ROBOT, heir, died)))
    assert missed.severity is Severity.NOTICE
    [missed] = diagnose(with_ledger(processes=(LOOP, RECEIPTS, ROBOT, older, died)))
    assert missed.severity is Severity.WARNING


def test_who_does_something_else_is_no_heir() -> None:
    """Each queue has a worker of its own there; the one for letters is not back."""
    died = seen("worker", "send-email", silent=300)
    other = seen("worker", "send-sms", since=NOW - timedelta(seconds=290))
    found = diagnose(with_ledger(processes=(*WELL.processes, other, died)))
    assert [(one.code, one.severity) for one in found] == [("process_missed", Severity.WARNING)]


def test_a_house_that_died_is_one_line_for_each_role() -> None:
    """Five that died of one thing need no five pieces of advice."""
    died = [seen("worker", silent=300 + n, host=f"host-{n % 4}") for n in range(5)]
    found = diagnose(with_ledger(processes=(LOOP, *died, seen("receipts", silent=200))))
    told = {one.what: one.advice for one in found if one.code == "process_missed"}
    assert len(told) == 2
    [workers] = [what for what in told if "worker" in what]
    assert "5" in workers
    assert "host-0 (2)" in workers
    assert "journalctl -k" in told[workers]


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_host_whose_clock_is_wrong_takes_no_older_one_for_the_heir(hours: int) -> None:
    """Instants in the ledger are the database's, and so is the doctor's own time."""
    died = seen("worker", silent=300, since=AN_HOUR_AGO)
    older = seen("worker", *QUEUES, since=AN_HOUR_AGO)
    heir = seen("worker", *QUEUES, since=NOW - timedelta(seconds=290))
    for other, severity in ((older, Severity.WARNING), (heir, Severity.NOTICE)):
        ahead = timedelta(hours=hours)
        found = diagnose(with_ledger(processes=(LOOP, other, died), clock_ahead=ahead))
        [missed] = [one for one in found if one.code == "process_missed"]
        assert missed.severity is severity


def test_the_worst_stands_first() -> None:
    facts = with_ledger(imports=[Begun("people", AN_HOUR_AGO)], undecided={3: 5}, stopped=[STOPPED])
    assert [one.severity for one in diagnose(facts)] == list(Severity)


def test_what_nobody_could_find_out_is_not_judged() -> None:
    """Without the ledger nothing is said of roles, campaigns or letters."""
    facts = replace(HOUSE, ledger=None, ledger_trouble="OperationalError", takes_letters=True)
    assert [one.code for one in diagnose(facts)] == ["ledger_away"]


@given(st.timedeltas(timedelta(), timedelta(days=400)))
def test_a_length_of_time_is_one_number_and_one_unit(length: timedelta) -> None:
    for language in ("ru", "en"):
        with speaking(language):
            number = span(length).split()[0].replace("\xa0", "").replace(",", "")
        assert 0 <= int(number) <= 400


SPANS: Sequence[tuple[timedelta, str]] = (
    (timedelta(seconds=-5), "0 с"),
    (timedelta(seconds=119), "119 с"),
    (timedelta(minutes=3, seconds=59), "3 мин"),
    (timedelta(hours=5), "5 ч"),
    (timedelta(days=3), "3 дн."),
)


@pytest.mark.parametrize(("length", "words"), SPANS)
def test_lengths_of_time_in_russian(length: timedelta, words: str) -> None:
    with speaking("ru"):
        assert span(length).replace("\xa0", " ") == words


@pytest.mark.parametrize("queue", QUEUES)
def test_whichever_queue_has_nobody_is_told_by_its_name(queue: str) -> None:
    [finding] = diagnose(replace(with_ledger(processes=()), depths={queue: 1}))
    assert finding.code == "queue_unserved"
    assert queue in finding.advice
