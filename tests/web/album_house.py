"""What the album shows: a rehearsed fortnight, and the working day after it."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from campaigns.demo import BILLING_EXPORT
from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import InquiryChannel
from campaigns.scenario_file import library_path, read_scenario
from campaigns.stop_words import Wish
from dispatcher import campaigning
from dispatcher.access import staffing
from dispatcher.access.roles import Role
from dispatcher.cli.shared import read_instant
from dispatcher.clock import SimulatedClock
from dispatcher.demo import DESKS, PATIENCE_SECONDS, Telling, rehearse
from dispatcher.endpoint import Endpoint
from dispatcher.engine import Engine
from dispatcher.inquiries.registering import register
from dispatcher.ledger import processes, scenarios, staff
from dispatcher.ledger.inquiries import NewInquiry
from dispatcher.ledger.processes import Process
from dispatcher.queue import SEND_QUEUES, URGENT
from dispatcher.rehearsal import open_sandbox, toward
from dispatcher.settings import Settings
from dispatcher.simulation import simulate
from dispatcher.wiring import make_engine, make_works, serving
from tests.web.house import House

BEGINS = "2026-11-02T06:00"
DAYS = 14
# Wednesday: the east has been called, the west has hardly begun.
MORNING, NOON = "2026-11-18T06:00", "2026-11-18T11:20"
PRICES = {"smsaero": 349}
# Such a list needs a second person, and most are smaller.
APPROVAL_ABOVE = 500
PEOPLE = {
    Role.ADMINISTRATOR: "Ольга Смирнова",
    Role.EDITOR: "Марина Кузнецова",
    Role.APPROVER: "Павел Андреев",
}
"""Who works here; invented, as everybody in the album."""
QUESTIONS = (
    (Topic.OUTAGE, "Второй день нет света", "Здравствуйте! Второй день нет света. Когда включат?"),
    (Topic.BILLING, "Откуда такая сумма", "Прошу объяснить сумму в квитанции за октябрь."),
    (Topic.READING, "Показания", "Передаю показания: день 1234, ночь 567."),
    (Topic.THANKS, "Спасибо", "Спасибо оператору Марине за помощь!"),
)
"""What customers wrote: topic, subject, text."""


def rehearsed(home: Path) -> Engine:
    """The engine of the demonstration, at the end of its campaign."""
    settings = Settings(_env_file=None, sms_price_kopecks=PRICES, approval_above=APPROVAL_ABOVE)
    silent = Telling(lambda _rows: None, lambda _count: None, lambda *_now: None)
    scenario = read_scenario(library_path("debt-reminder"), supplier=settings.supplier())
    return rehearse(
        settings,
        scenario,
        BILLING_EXPORT,
        home,
        start_at=_instant(settings, BEGINS),
        days=DAYS,
        seed=1,
        mapping={},
        telling=silent,
    ).engine


def at_noon(past: Engine, home: Path) -> Engine:
    """Another campaign was launched in the morning, and is under way. `past` is used no more."""
    clock, settings = past.clock, past.settings
    assert isinstance(clock, SimulatedClock)
    past.ledger.close()
    endpoint = Endpoint("127.0.0.1", 0, patience_seconds=PATIENCE_SECONDS)
    with ExitStack() as stack:
        sandbox = stack.enter_context(
            open_sandbox(settings, clock, journal=home / "later.jsonl", simulated=True)
        )
        engine = make_engine(
            toward(sandbox, settings),
            clock=clock,
            receipts_url=f"http://127.0.0.1:{endpoint.port}",
        )
        engine.desks = DESKS
        clock.move_to(_instant(settings, MORNING))
        for name in ("payment-due", "emergency"):
            with engine.ledger.write() as tx:
                file = read_scenario(library_path(name), supplier=settings.supplier())
                scenarios.add(tx, file, "marina", clock.now())
        works = make_works(engine)
        crew = works.crew()
        crew.start()
        try:
            with serving(engine, endpoint):
                campaigning.launch(
                    engine, "payment-due", BILLING_EXPORT.stem, "marina", leave_out_unfit=True
                )
                simulate(works, crew, sandbox, clock, _instant(settings, NOON))
        finally:
            crew.stop()
        clock.move_to(_instant(settings, NOON))
    return engine


def receive_inquiries(engine: Engine) -> None:
    now = engine.clock.now()
    today = now.astimezone(ZoneInfo(engine.settings.zone)).date()
    with engine.ledger.write() as tx:
        for number, (topic, subject, text) in enumerate(QUESTIONS):
            new = NewInquiry(
                InquiryChannel.EMAIL,
                "info",
                f"album-{number}",
                f"klient{number}@example.com",
                Wish.QUESTION,
                text,
                subject=subject,
                customer="Анна Петровна Иванова",
                topic=topic,
                confidence=1.0,
                person="olga@energosbyt.example.com",
                respond_on=today + timedelta(days=number - 1),
                answer_on=today + timedelta(days=number + 10),
            )
            register(tx, engine, new, now - timedelta(days=2, minutes=17 * number))


def name_people(house: House) -> None:
    """Those who come in have names as people have them."""
    for role, name in PEOPLE.items():
        house.token(role)
        with house.engine.ledger.read() as tx:
            [member] = [one for one in staff.everybody(tx) if one.login == role.value]
        staffing.rename(house.engine, member.id, name, Role.ADMINISTRATOR.value)


def plan_launches(house: House) -> tuple[str, str]:
    """One launch has been rehearsed, another waits for approval: the paths of both."""
    clerk, now = house.visit(Role.EDITOR), house.engine.clock.now()
    zone = ZoneInfo(house.engine.settings.zone)
    begin = (now + timedelta(days=1)).astimezone(zone).replace(hour=10, minute=0)
    end = (begin + timedelta(days=14)).replace(hour=21)
    paths = []
    for name in ("debt-reminder", "emergency"):
        fields = {
            "scenario": name,
            "audience": "1",
            "start": f"{begin:%Y-%m-%dT%H:%M}",
            "end": f"{end:%Y-%m-%dT%H:%M}",
            "leave_out_unfit": "yes",
        }
        answer = clerk.post("/launch/rehearsals", fields)
        answer.raise_for_status()
        house.do_jobs()
        paths.append(answer.url.removeprefix(house.url))
    asked = clerk.post(f"{paths[1]}/launch")
    asked.raise_for_status()
    return paths[0], asked.url.removeprefix(house.url)


def stay_alive(engine: Engine) -> None:
    """The rehearsal's process has ended, but the album shows a house at work."""
    everything = (*SEND_QUEUES.values(), URGENT)
    with engine.ledger.write() as tx:
        processes.beat(tx, Process("album", "up", "dispatcher", 1, everything, "1.0"))


def _instant(settings: Settings, text: str) -> datetime:
    at = read_instant(text, settings.zone)
    assert at is not None
    return at
