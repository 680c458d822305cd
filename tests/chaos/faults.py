"""What goes wrong in a town: each fault strikes, lasts for a while, and is healed.

A fault draws everything from the chance that it is given, so that a storm can be replayed by its
seed: the same faults at the same seconds upon the same victims.
"""

import random
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from campaigns.channel import ChannelName
from tests.chaos.town import GENTLE_SECONDS, Role, Town

Chance = random.Random
Heal = Callable[[], None]
WORKERS = tuple(channel.value for channel in ChannelName)


@dataclass(frozen=True)
class Blast:
    """What was done, and how it is healed. Where one worker alone was struck, its channel; and the
    promise that was broken on the spot."""

    words: str
    heal: Heal = lambda: None
    channel: ChannelName | None = None
    broken: str = ""


@dataclass(frozen=True)
class Fault:
    """`strike` is healed after so many seconds as `lasts` says, from … to …"""

    name: str
    lasts: tuple[float, float]
    strike: Callable[[Town, Chance], Blast]
    about: str
    # Why it cannot be shown on a ground; empty: it can.
    lacking: Callable[[Town], str] = lambda _town: ""
    # Whether it can leave messages of which nobody knows whether they went.
    leaves_doubt: bool = True
    # Whether it waits until nothing else is wrong: it shows something about well-being.
    needs_calm: bool = False


def _channel_of(victim: Role) -> ChannelName | None:
    return ChannelName(victim.kind) if victim.kind in WORKERS else None


def _killing(*kinds: str) -> Callable[[Town, Chance], Blast]:
    def strike(town: Town, chance: Chance) -> Blast:
        victim = chance.choice(town.of_kind(kinds))
        victim.kill(rest_seconds=chance.uniform(0.5, 4))
        return Blast(victim.name, channel=_channel_of(victim))

    return strike


def _stop_gently(town: Town, chance: Chance) -> Blast:
    """A rolling restart: SIGTERM, and it must be gone within ten seconds."""
    victim = chance.choice(town.of_kind((*WORKERS, "loop", "receipts", "robot", "web")))
    seconds = victim.stop()
    late = f"{victim.name} took {seconds:.1f} s to stop, more than {GENTLE_SECONDS:g}"
    broken = late if seconds > GENTLE_SECONDS else ""
    return Blast(f"{victim.name}, gone in {seconds:.1f} s", victim.call_back, broken=broken)


def _freeze(town: Town, chance: Chance) -> Blast:
    victim = chance.choice(town.of_kind(WORKERS))
    victim.send(signal.SIGSTOP)
    victim.held = True

    def heal() -> None:
        victim.held = False
        victim.send(signal.SIGCONT)

    return Blast(victim.name, heal, _channel_of(victim))


def _flush_redis(town: Town, _chance: Chance) -> Blast:
    town.redis.flush()
    return Blast("everything in it")


def _stop_redis(town: Town, _chance: Chance) -> Blast:
    town.redis.stop()
    return Blast("away", town.redis.begin)


def _restart_redis(town: Town, _chance: Chance) -> Blast:
    town.redis.stop(signal.SIGTERM)
    town.redis.begin()
    return Blast("empty")


def _restart_postgres(town: Town, _chance: Chance) -> Blast:
    town.postgres.stop(signal.SIGINT)
    return Blast("orderly", town.postgres.begin)


def _crash_postgres(town: Town, _chance: Chance) -> Blast:
    town.postgres.stop(signal.SIGQUIT)
    return Blast("at once", town.postgres.begin)


def _cut_sessions(town: Town, _chance: Chance) -> Blast:
    return Blast(f"{town.postgres.cut_connections()} sessions")


def _fill_disk(town: Town, _chance: Chance) -> Blast:
    town.postgres.fill_disk()
    return Blast("the ledger's, to the last byte", town.postgres.empty_disk)


def _cutting(machine: str) -> Callable[[Town, Chance], Blast]:
    def strike(town: Town, _chance: Chance) -> Blast:
        town.ground.cut(machine)
        return Blast(machine, lambda: town.ground.mend(machine))

    return strike


def _cut_worker(town: Town, chance: Chance) -> Blast:
    victim = chance.choice(town.of_kind(WORKERS))
    town.ground.cut(victim.name)
    return Blast(victim.name, lambda: town.ground.mend(victim.name), _channel_of(victim))


def _jump(town: Town, chance: Chance) -> Blast:
    """The wall clock of one machine is wrong for a while, by minutes or by an hour."""
    victim = chance.choice(town.of_kind((*WORKERS, "loop", "receipts", "robot", "web")))
    seconds = chance.choice((-3600, -600, -90, 90, 600, 3600))
    town.shift_clock(victim.name, seconds)
    return Blast(f"{victim.name} by {seconds:+d} s", lambda: town.shift_clock(victim.name, 0))


def _no_cables(town: Town) -> str:
    return "" if town.ground.separate else "needs network namespaces (Linux, root)"


def _no_disk(town: Town) -> str:
    return "" if town.postgres.has_own_disk else "needs a disk of its own (Linux, root)"


def _no_clocks(town: Town) -> str:
    return "" if town.shift_library else "needs a C compiler (Linux)"


FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("kill-worker", (0, 0), _killing(*WORKERS), "kill -9 of a worker"),
        Fault("kill-loop", (0, 0), _killing("loop"), "kill -9 of a loop", leaves_doubt=False),
        Fault("kill-receipts", (0, 0), _killing("receipts"), "kill -9 of the endpoint"),
        Fault("kill-robot", (0, 0), _killing("robot"), "kill -9 of the robot", leaves_doubt=False),
        Fault(
            "stop-role",
            (0, 2),
            _stop_gently,
            "SIGTERM: a rolling restart",
            leaves_doubt=False,
            needs_calm=True,
        ),
        Fault("freeze-worker", (62, 75), _freeze, "a worker stands still beyond its lease"),
        Fault("kill-web", (0, 0), _killing("web"), "kill -9 of the pages", leaves_doubt=False),
        Fault("flush-redis", (0, 0), _flush_redis, "Redis is flushed", leaves_doubt=False),
        Fault("stop-redis", (2, 8), _stop_redis, "Redis is away", leaves_doubt=False),
        Fault(
            "restart-redis", (0, 0), _restart_redis, "Redis comes back empty", leaves_doubt=False
        ),
        Fault("restart-postgres", (0, 4), _restart_postgres, "PostgreSQL is restarted"),
        Fault("crash-postgres", (0, 4), _crash_postgres, "PostgreSQL crashes"),
        Fault("cut-sessions", (0, 0), _cut_sessions, "all connections to it are cut"),
        Fault("disk-full", (4, 12), _fill_disk, "the ledger's disk is full", _no_disk),
        Fault("cut-ledger", (3, 15), _cutting("ledger"), "the ledger's cable is out", _no_cables),
        Fault("cut-queue", (3, 15), _cutting("queue"), "the queue's cable is out", _no_cables),
        Fault(
            "cut-providers",
            (3, 15),
            _cutting("providers"),
            "the providers' cable is out",
            _no_cables,
        ),
        Fault("cut-worker", (5, 20), _cut_worker, "a worker's cable is out", _no_cables),
        Fault("jump-clock", (5, 30), _jump, "a machine's clock is wrong", _no_clocks),
    )
}


@dataclass(frozen=True)
class Blow:
    """One strike of a schedule: after so many seconds, for so long, with a chance of its own."""

    after_seconds: float
    lasts_seconds: float
    fault: Fault
    seed: int


def draw_schedule(
    seed: int, names: list[str], seconds: float, gap: tuple[float, float]
) -> list[Blow]:
    """A storm of that length: every few seconds a fault, each as often as the others."""
    chance = random.Random(f"storm {seed}")
    blows: list[Blow] = []
    waiting: list[str] = []
    at = chance.uniform(*gap)
    while at < seconds and names:
        if not waiting:
            waiting = chance.sample(names, len(names))
        fault = FAULTS[waiting.pop()]
        blows.append(Blow(at, chance.uniform(*fault.lasts), fault, chance.getrandbits(32)))
        at += chance.uniform(*gap)
    return blows
