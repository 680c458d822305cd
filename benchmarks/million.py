"""A campaign of a million: memory of every process, and whether the millionth letter costs no more.

    python benchmarks/million.py --recipients 1000000 [--send 100000] [--beside 10000]

The house is PostgreSQL, Redis, one loop and two workers for e-mail, each a process of the command
line; the letters go into `smtp-sink`. The list is imported and the campaign launched by the very
commands that staff give, each in a process of its own. Before it a campaign of 10,000 goes the same
way, in the same house. With `--send` the big one is cancelled after so many letters.

Every second each role is looked at: its memory, and the processor time that it has used. Told is
what a letter costs in every tenth of the way, the roles' own work and PostgreSQL's (without its
memory, most of which is shared): processor time, for it does not grow by what else the machine
does. Exit code 1 when a limit is not kept. Linux only.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from house import (
    House,
    add_scenario,
    analyse,
    house,
    look,
    mail_settings,
    waiting_in,
    write_audience,
)
from mail_peers import running_sink
from measuring import show
from processes import Ran, cpu_seconds_with_children, memory_of, parent_of

ROLE_MB = 250
PLANNER_MB = 300
# A letter of the second half may cost so many times one of the small campaign: room for noise.
FLAT = 1.25
PARTS = 10
LOOK_SECONDS = 1.0

SCENARIO = """
name = "letters"
title = "Письма"
purpose = "service"
same_contact = "merge"
fields = ["debt_kopecks"]

[channels.email]
template = "debt-reminder"
"""


@dataclass(frozen=True)
class Sample:
    """What one look saw: letters of the campaign, and what was used since the roles began."""

    at: float
    letters: int
    roles_cpu_seconds: float
    postgres_cpu_seconds: float
    largest_role_mb: float


@dataclass(frozen=True)
class Stretch:
    """A part of the way, between two looks."""

    begin: Sample
    end: Sample

    @property
    def letters(self) -> int:
        return self.end.letters - self.begin.letters

    @property
    def roles_ms(self) -> float:
        """Processor time of the loop and the workers for each letter."""
        used = self.end.roles_cpu_seconds - self.begin.roles_cpu_seconds
        return used * 1000 / self.letters

    @property
    def postgres_ms(self) -> float:
        used = self.end.postgres_cpu_seconds - self.begin.postgres_cpu_seconds
        return used * 1000 / self.letters

    @property
    def cost_ms(self) -> float:
        return self.roles_ms + self.postgres_ms

    def row(self, name: str) -> dict[str, object]:
        return {
            "stretch": name,
            "letters": self.letters,
            "letters/s": round(self.letters / (self.end.at - self.begin.at)),
            "CPU ms a letter": round(self.cost_ms, 3),
            "of the roles": round(self.roles_ms, 3),
            "of PostgreSQL": round(self.postgres_ms, 3),
            "largest role MB": round(self.end.largest_role_mb),
        }


class Watch:
    """Looks at the house, again and again, while a campaign is sent."""

    def __init__(self, home: House, engine: Any) -> None:
        self._home, self._engine = home, engine
        backend = int(look(engine, "SELECT pg_backend_pid()"))
        # None where PostgreSQL works on another machine, or is not ours to look at.
        self._postgres = parent_of(backend, "postgres")

    def sample(self, campaign_id: int, recipients: int) -> Sample:
        memories = [memory_of(process.pid) for process in self._home.roles.values()]
        return Sample(
            time.perf_counter(),
            recipients - waiting_in(self._engine, campaign_id),
            sum(self._home.cpu_seconds().values()),
            cpu_seconds_with_children(self._postgres) if self._postgres else 0.0,
            max(memory.now_mb for memory in memories if memory),
        )

    def follow(self, campaign_id: int, recipients: int, letters: int) -> list[Sample]:
        """Look on until so many letters are handed over and written down."""
        samples = [self.sample(campaign_id, recipients)]
        while samples[-1].letters < letters:
            time.sleep(LOOK_SECONDS)
            self._home.need_all()
            samples.append(self.sample(campaign_id, recipients))
        return samples


def tenths(samples: list[Sample], letters: int) -> list[Stretch]:
    """The way in ten parts, each from the look that ended the one before."""
    stretches = []
    begin = samples[0]
    for part in range(1, PARTS + 1):
        end = next(sample for sample in samples if sample.letters >= letters * part // PARTS)
        if end.letters > begin.letters:  # between two looks there may be more than one part
            stretches.append(Stretch(begin, end))
            begin = end
    return stretches


@dataclass(frozen=True)
class Found:
    imported: Ran
    planned: Ran
    small: Stretch
    parts: list[Stretch]
    peaks_mb: dict[str, float]
    handed: int
    seconds: float


def measure(folder: Path, port: int, recipients: int, letters: int, beside: int) -> Found:
    """Both campaigns through one house."""
    from dispatcher import campaigning

    with house(folder, mail_settings(port)) as home:
        engine = home.engine()
        add_scenario(engine, folder, SCENARIO)
        write_audience(folder / "few.csv", beside)
        write_audience(folder / "people.csv", recipients, first=beside)
        home.run("audience", "import", str(folder / "few.csv"))
        imported = home.run("audience", "import", str(folder / "people.csv"))
        analyse(engine)
        home.start("loop", "loop")
        for number in (1, 2):
            home.start(f"worker {number}", "worker", "--queue", "send-email")
        watch = Watch(home, engine)
        few = campaigning.launch(engine, "letters", "few", "b").id
        small = watch.follow(few, beside, beside)
        planned = home.run("campaign", "launch", "letters", "people")
        campaign = int(look(engine, "SELECT max(id) FROM campaigns"))
        samples = watch.follow(campaign, recipients, letters)
        if letters < recipients:
            campaigning.cancel(engine, campaign, "b")
            while waiting_in(engine, campaign):
                time.sleep(LOOK_SECONDS)
        home.measure()
        handed = look(
            engine,
            "SELECT count(*) FROM attempts WHERE handed_at IS NOT NULL "
            f"AND campaign_id = {campaign}",
        )
        engine.ledger.close()
    return Found(
        imported,
        planned,
        Stretch(small[0], small[-1]),
        tenths(samples, letters),
        home.peaks_mb,
        handed,
        samples[-1].at - samples[0].at,
    )


def tell(found: Found, recipients: int, letters: int) -> bool:
    """Tables, and whether every limit was kept."""
    processes: list[dict[str, object]] = [
        {
            "process": name,
            "seconds": round(ran.seconds, 1),
            "rows/s": round(recipients / ran.seconds),
            "peak MB": round(ran.peak_mb),
        }
        for name, ran in (("import", found.imported), ("launch", found.planned))
    ]
    processes += [
        {"process": role, "peak MB": round(peak)} for role, peak in found.peaks_mb.items()
    ]
    show(f"A campaign of {recipients:,} recipients, {letters:,} letters sent", processes)
    stretches = [found.small.row("a small campaign")]
    stretches += [part.row(f"part {n}") for n, part in enumerate(found.parts, 1)]
    show("What a letter costs on the way", stretches)
    half = Stretch(found.parts[len(found.parts) // 2].begin, found.parts[-1].end)
    growth = half.cost_ms / found.small.cost_ms
    most = max([found.imported.peak_mb, *found.peaks_mb.values()])
    verdicts = {
        f"letters handed over: {found.handed:,} of {letters:,}": found.handed >= letters,
        f"memory of each process: {most:.0f} MB at most, under {ROLE_MB}": most < ROLE_MB,
        f"memory of the planner: {found.planned.peak_mb:.0f} MB, under {PLANNER_MB}": (
            found.planned.peak_mb < PLANNER_MB
        ),
        f"a letter of the second half costs {growth:.2f} of one in the small campaign, "
        f"{FLAT} at most": growth <= FLAT,
    }
    print()
    for verdict, is_kept in verdicts.items():
        print(f"{'kept  ' if is_kept else 'BROKEN'}  {verdict}")
    return all(verdicts.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--send", type=int, help="cancel after so many letters; all if left out")
    parser.add_argument("--beside", type=int, default=10_000)
    options = parser.parse_args()
    letters = min(options.send or options.recipients, options.recipients)
    with running_sink() as port, tempfile.TemporaryDirectory() as name:
        found = measure(Path(name), port, options.recipients, letters, options.beside)
    if not tell(found, options.recipients, letters):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
