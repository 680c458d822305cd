"""Stored scenarios: every change is a new version, and a campaign keeps the one it began with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Row, func, insert, select

from campaigns.channel import ChannelName
from campaigns.scenario import Scenario
from campaigns.scenario_file import ScenarioFile, restore_scenario
from dispatcher.errors import NotFound
from dispatcher.ledger import sounds, trail
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import campaigns, scenarios
from templates.call import SoundRef
from templates.i18n import _

Templates = Mapping[ChannelName, Mapping[str, str]]

# Names our locks among the advisory locks of a PostgreSQL database, one for each scenario.
SCENARIO_LOCK = 72_115_301


@dataclass(frozen=True, slots=True)
class StoredScenario:
    """One version. `templates`: for each channel the texts by file name; `sounds`: those of its
    calls, by file name."""

    id: int
    name: str
    version: int
    title: str
    scenario: Scenario
    templates: Templates
    source: str
    added_at: datetime
    added_by: str
    sounds: Mapping[str, SoundRef] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version in a list of them."""

    version: int
    title: str
    added_at: datetime
    added_by: str
    digest: str


def hold(tx: Transaction, name: str) -> None:
    """Nobody else who holds this name stores a version of it until the transaction ends. On SQLite
    a writing transaction is alone anyway."""
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(SCENARIO_LOCK, func.hashtext(name))))


def add(tx: Transaction, file: ScenarioFile, actor: str, now: datetime) -> StoredScenario:
    """Store a scenario; the same text again is the version that is there already. Whoever stores
    another version of it at the same moment waits."""
    hold(tx, file.scenario.name)
    same = tx.execute(
        select(scenarios.c.id).where(
            scenarios.c.name == file.scenario.name, scenarios.c.digest == file.digest
        )
    ).scalar()
    if same is not None:
        return get(tx, same)
    sounds.store(tx, file.sounds.values(), now)
    version = tx.execute(
        select(func.coalesce(func.max(scenarios.c.version), 0) + 1).where(
            scenarios.c.name == file.scenario.name
        )
    ).scalar_one()
    added = tx.execute(
        insert(scenarios)
        .values(
            name=file.scenario.name,
            version=version,
            title=file.scenario.title,
            digest=file.digest,
            source=file.source_toml,
            templates={channel.value: dict(texts) for channel, texts in file.templates.items()},
            sounds={
                name: {"digest": sound.ref.digest, "seconds": sound.ref.seconds}
                for name, sound in file.sounds.items()
            },
            added_at=now,
            added_by=actor,
        )
        .returning(scenarios.c.id)
    ).scalar_one()
    trail.note(tx, now, actor, "scenario.add", f"scenario:{file.scenario.name}", version=version)
    return get(tx, added)


def get(tx: Transaction, scenario_id: int) -> StoredScenario:
    row = tx.execute(select(scenarios).where(scenarios.c.id == scenario_id)).one()
    return _read(row)


def find(tx: Transaction, name: str, version: int | None = None) -> StoredScenario:
    """The newest version of that name, or the one asked for. Raises NotFound."""
    query = select(scenarios).where(scenarios.c.name == name)
    if version is not None:
        query = query.where(scenarios.c.version == version)
    row = tx.execute(query.order_by(scenarios.c.version.desc()).limit(1)).first()
    if row is None:
        known = tx.execute(select(scenarios.c.name).distinct().order_by(scenarios.c.name))
        raise NotFound(_("scenario"), name, tuple(known.scalars()))
    return _read(row)


def versions(tx: Transaction, name: str) -> Sequence[VersionLine]:
    """Every version of a scenario, the newest first; none for one that nobody stored."""
    s = scenarios.c
    rows = tx.execute(
        select(s.version, s.title, s.added_at, s.added_by, s.digest)
        .where(s.name == name)
        .order_by(s.version.desc())
    )
    return [VersionLine(*row) for row in rows]


def last_used(tx: Transaction) -> Mapping[str, datetime]:
    """When the last campaign of each scenario began, or will begin; by name."""
    rows = tx.execute(
        select(scenarios.c.name, func.max(campaigns.c.start_at).label("at"))
        .join(campaigns, campaigns.c.scenario_id == scenarios.c.id)
        .where(campaigns.c.status != "draft")
        .group_by(scenarios.c.name)
    )
    return {row.name: row.at for row in rows}


def recordings(tx: Transaction, name: str) -> Mapping[str, SoundRef]:
    """The sound files of all versions by name; where two share one, the later."""
    s = scenarios.c
    rows = tx.execute(select(s.sounds).where(s.name == name).order_by(s.version))
    return {
        file: SoundRef(told["digest"], told["seconds"])
        for played in rows.scalars()
        for file, told in played.items()
    }


def all_ids(tx: Transaction) -> Sequence[int]:
    """Every version of every scenario."""
    return tx.scalars(select(scenarios.c.id).order_by(scenarios.c.id)).all()


def newest(tx: Transaction) -> Sequence[StoredScenario]:
    """The newest version of each scenario, by name."""
    last = (
        select(scenarios.c.name, func.max(scenarios.c.version).label("version"))
        .group_by(scenarios.c.name)
        .subquery()
    )
    rows = tx.execute(
        select(scenarios)
        .join(last, (scenarios.c.name == last.c.name) & (scenarios.c.version == last.c.version))
        .order_by(scenarios.c.name)
    )
    return [_read(row) for row in rows]


def _read(row: Row[tuple[object, ...]]) -> StoredScenario:
    templates = {ChannelName(channel): texts for channel, texts in row.templates.items()}
    return StoredScenario(
        id=row.id,
        name=row.name,
        version=row.version,
        title=row.title,
        scenario=restore_scenario(row.source, templates).scenario,
        templates=templates,
        source=row.source,
        added_at=row.added_at,
        added_by=row.added_by,
        sounds={
            name: SoundRef(told["digest"], told["seconds"]) for name, told in row.sounds.items()
        },
    )
