"""A storm: a campaign runs through a town while things go wrong, until all is calm again."""

import imaplib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial

import psycopg
import redis

from campaigns.channel import ChannelName
from campaigns.consent import Suppression
from campaigns.scenario_file import read_scenario
from dispatcher import campaigning
from dispatcher.errors import LedgerAway, NotPossible
from dispatcher.importing import import_audience
from dispatcher.ledger import LedgerFault, Transaction, calendar, scenarios, suppressions
from tests.chaos.clerk import Clerk
from tests.chaos.faults import Blast, Blow
from tests.chaos.people import SCENARIO, Person, Window, people, scenario_text, write_audience
from tests.chaos.town import Town

TURN_SECONDS = 0.25
TELL_EVERY_SECONDS = 5.0
# Nothing is expected to happen by itself for so long: then it is calm.
CALM_SECONDS = 3.0
InFlight = Mapping[ChannelName, int]


@dataclass
class Strike:
    """A blow that fell: when, upon whom, and what hung in the air just then."""

    blow: Blow
    at: datetime
    blast: Blast
    in_flight: InFlight
    healed_at: datetime | None = None

    @property
    def leaves_doubt(self) -> int:
        """Of how many messages nobody may know, because of it, whether they went: of those that
        hung in the air. What is begun while it lasts comes on top."""
        if not self.blow.fault.leaves_doubt:
            return 0
        only = self.blast.channel
        return sum(count for channel, count in self.in_flight.items() if only in (None, channel))


@dataclass
class Course:
    """What happened in a storm, as far as the harness itself has done it."""

    campaign_id: int
    window: Window
    began_at: datetime
    ended_at: datetime
    strikes: list[Strike] = field(default_factory=list)
    stopped: dict[str, tuple[Person, datetime]] = field(default_factory=dict)  # by account
    writers: dict[str, datetime] = field(default_factory=dict)  # who wrote to us, and when
    broken: list[str] = field(default_factory=list)
    # Lists that a page has taken: how many people are in the file, and in each list of that name.
    brought: dict[str, int] = field(default_factory=dict)
    found: dict[str, list[int]] = field(default_factory=dict)
    calm: bool = False
    left: str = ""  # what was not at rest at the end


@dataclass(frozen=True)
class Plan:
    """What a storm is to be."""

    seed: int
    recipients: int
    blows: tuple[Blow, ...]
    patience_seconds: float
    opens_after_seconds: float
    closes_after_seconds: float
    settle_seconds: float = 40.0
    letters: int = 30
    stops: int = 20
    lists: int = 8


class Storm:
    """One campaign of one town. `say` hears a line whenever there is something to tell."""

    def __init__(self, town: Town, plan: Plan, say: Callable[[str], None]) -> None:
        self._town, self._plan, self._say = town, plan, say
        self._chance = random.Random(f"staff {plan.seed}")
        self._active: list[tuple[float, Strike]] = []  # healed at, by the monotonic clock
        self._in_flight: InFlight = {}
        self._clerk = Clerk(town.engine, town.web_url())
        self._stands, self._moves, self._is_paused = "nobody has looked yet", True, False

    def run(self) -> Course:
        """Launch the campaign, let everything go wrong, and wait until all is at rest."""
        course = self._launch()
        self._began = time.monotonic()
        self._say("under way")
        blows = list(self._plan.blows)
        told = calm_since = struck_at = self._began
        over = threading.Event()
        with ThreadPoolExecutor(2) as hands:
            try:
                looking = hands.submit(self._keep_looking, over)
                errands = hands.submit(self._run_errands, course, over)
                while not looking.done():
                    time.sleep(TURN_SECONDS)
                    now = time.monotonic()
                    self._town.tend()
                    self._heal(now)
                    for blow in [b for b in blows if b.after_seconds <= now - self._began]:
                        if not (blow.fault.needs_calm and self._active):
                            blows.remove(blow)
                            self._strike(blow, course)
                    if now - told > TELL_EVERY_SECONDS:
                        told = now
                        self._say(f"{now - self._began:6.0f} s  {self._stands}  {self._troubles()}")
                    if blows or self._active:
                        struck_at = now
                    if self._is_paused:
                        self._resume(course)
                    if now == struck_at or not errands.done() or self._moves:
                        calm_since = now
                    course.calm = now - calm_since > CALM_SECONDS
                    if course.calm or now - struck_at > self._plan.patience_seconds:
                        break
            finally:
                over.set()
                self._heal(float("inf"))
        looking.result()
        errands.result()
        course.left = self._stands
        course.brought, course.found = self._clerk.brought, self._clerk.found()
        course.ended_at = datetime.now(UTC)
        return course

    def _resume(self, course: Course) -> None:
        """A campaign that stopped itself, because too much went wrong, is set going by staff."""
        try:
            campaigning.resume(self._town.engine, course.campaign_id, "staff")
        except (*LedgerFault, LedgerAway, NotPossible):
            return
        self._is_paused = False
        self._say(
            f"{time.monotonic() - self._began:6.0f} s  it had paused itself; resumed by staff"
        )

    def _keep_looking(self, over: threading.Event) -> None:
        """A look at the ledger may take long when it is away; nothing else waits for it."""
        while not over.wait(2 * TURN_SECONDS):
            self._look()

    # --- the campaign ---------------------------------------------------------------------------

    def _launch(self) -> Course:
        """The audience by file, the scenario by file, the plan: as staff do it."""
        town, plan = self._town, self._plan
        engine, now = town.engine, datetime.now(UTC)
        starts_at = now + timedelta(seconds=3 + plan.recipients / 1000)
        window = Window.around(starts_at, plan.opens_after_seconds, plan.closes_after_seconds)
        file, text = town.folder / "people.csv", town.folder / "chaos-debt.toml"
        write_audience(file, plan.recipients, plan.seed, window)
        text.write_text(scenario_text(window, plan.settle_seconds), "utf-8")

        def prepare(tx: Transaction) -> None:
            scenarios.add(tx, read_scenario(text), "staff", now)
            for days in range(-1, 4):  # whatever day it is: tests run on holidays, too
                day = (now + timedelta(days=days)).date()
                calendar.correct(tx, day, False, "a storm", "staff", now)

        engine.ledger.insist(prepare)
        self._say(f"taking in {plan.recipients} recipients")
        import_audience(engine, file, "people", "staff", mapping={})
        self._say("planning")
        campaign = campaigning.launch(
            engine, SCENARIO, "people", "staff", leave_out_unfit=True, start_at=None
        )
        at = datetime.now(UTC)
        return Course(campaign.id, window, at, at)

    def _look(self) -> None:
        """How it stands, and whether anything is still going to move by itself soon."""
        query = """
            SELECT channel, status, count(*),
                   count(*) FILTER (WHERE due_at < now() + interval '20 s')
            FROM deliveries WHERE status IN ('pending', 'queued', 'sending', 'awaiting')
            GROUP BY channel, status"""
        paused = "SELECT count(*) FROM campaigns WHERE status = 'paused'"
        asked = "SELECT count(*) FROM jobs WHERE status IN ('waiting', 'running')"
        try:
            with self._town.ledger() as ledger:
                rows = ledger.execute(query).fetchall()
                self._is_paused = ledger.execute(paused).fetchone() != (0,)
                is_asked = ledger.execute(asked).fetchone() != (0,)
        except psycopg.Error:
            self._stands, self._moves = "the ledger is away", True
            return
        self._in_flight = {
            ChannelName(str(r[0])): int(str(r[2])) for r in rows if r[1] == "sending"
        }
        counts: dict[str, int] = {}
        moving = 0
        for _channel, status, count, soon in rows:
            counts[str(status)] = counts.get(str(status), 0) + int(str(count))
            moving += int(str(count if status in ("queued", "sending") else soon))
        told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        self._stands, self._moves = told or "all is done", moving > 0 or is_asked

    # --- what goes wrong ------------------------------------------------------------------------

    def _strike(self, blow: Blow, course: Course) -> None:
        at, in_flight = datetime.now(UTC), dict(self._in_flight)
        try:
            blast = blow.fault.strike(self._town, random.Random(blow.seed))
        except (psycopg.Error, redis.RedisError) as error:
            # What is away already cannot be struck.
            self._say(f"        {blow.fault.name}: missed, {type(error).__name__}")
            return
        strike = Strike(blow, at, blast, in_flight)
        course.strikes.append(strike)
        if blast.broken:
            course.broken.append(blast.broken)
        lasts = f" for {blow.lasts_seconds:.0f} s" if blow.lasts_seconds >= 1 else ""
        self._say(
            f"{time.monotonic() - self._began:6.0f} s  {blow.fault.name}: {blast.words}{lasts}"
        )
        self._active.append((time.monotonic() + blow.lasts_seconds, strike))

    def _heal(self, now: float) -> None:
        for one in [one for one in self._active if one[0] <= now]:
            _at, strike = one
            strike.blast.heal()
            strike.healed_at = datetime.now(UTC)
            self._active.remove(one)

    def _troubles(self) -> str:
        return ", ".join(sorted({strike.blow.fault.name for _at, strike in self._active}))

    # --- what staff and customers do meanwhile ---------------------------------------------------

    def _run_errands(self, course: Course, over: threading.Event) -> None:
        """One after the other, each at its time, and again until it is done."""
        for after_seconds, errand in self._errands(course):
            while time.monotonic() < self._began + after_seconds and not over.is_set():
                over.wait(TURN_SECONDS)
            while not over.is_set() and not errand():
                over.wait(1)

    def _errands(self, course: Course) -> list[tuple[float, Callable[[], bool]]]:
        """(after how many seconds, what is to be done)."""
        plan, chance = self._plan, self._chance
        length = max([blow.after_seconds for blow in plan.blows], default=20.0)
        everybody = list(people(plan.recipients, plan.seed))
        sharing = Counter(one.phone for one in everybody)
        alone = [one for one in everybody if sharing[one.phone] == 1]
        stops = [
            (chance.uniform(0, length), self._stopper(person, course))
            for person in chance.sample(alone, min(plan.stops, len(alone)))
        ]
        letters = [
            (chance.uniform(0, length), self._writer(f"writer{number}@letters.example", course))
            for number in range(plan.letters)
        ]
        lists = [
            (chance.uniform(0, length), partial(self._clerk.bring, f"list-{number}"))
            for number in range(plan.lists)
        ]
        return sorted([*stops, *letters, *lists], key=lambda errand: errand[0])

    def _stopper(self, person: Person, course: Course) -> Callable[[], bool]:
        def stop() -> bool:
            entry = Suppression("staff", account_number=person.account)
            try:
                with self._town.engine.ledger.write() as tx:
                    suppressions.add(tx, entry, "staff", self._town.engine.clock.now())
            except (*LedgerFault, LedgerAway):
                return False
            course.stopped[person.account] = (person, datetime.now(UTC))
            return True

        return stop

    def _writer(self, address: str, course: Course) -> Callable[[], bool]:
        def write() -> bool:
            letter = EmailMessage()
            letter["From"], letter["To"] = address, "robot@example.com"
            letter["Subject"] = "Вопрос о счёте"
            letter["Message-ID"] = f"<{address}>"
            letter["Date"] = datetime.now(UTC)
            letter.set_content("Здравствуйте! Когда придёт счёт за этот месяц?\n")
            host, port = self._town.ground.address("providers"), self._town.provider_ports[2]
            try:
                with imaplib.IMAP4(host, port, timeout=2) as box:
                    box.login("robot@example.com", "sandbox")
                    box.append("INBOX", "", "", bytes(letter))
            except (OSError, imaplib.IMAP4.error):
                return False
            course.writers.setdefault(address, datetime.now(UTC))
            return True

        return write
