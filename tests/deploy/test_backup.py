"""A copy of the ledger, and what comes back of it: everything, and nothing by surprise."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, func, insert, make_url, select

from campaigns.delivery import Status
from dispatcher.ledger import Ledger, campaigns, inquiries, open_ledger, trail
from dispatcher.ledger import tables as t
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.copying import copy_ledger, ending_of
from dispatcher.ledger.holding_back import IDS_LEFT_OUT, NUMBERS_LEFT_OUT, RESTORED
from dispatcher.ledger.migration import LATEST, UNFINISHED, version
from dispatcher.ledger.postgres_programs import complaint_in
from templates.i18n import speaking
from tests.conftest import create_database, drop_database
from tests.deploy.conftest import Run
from tests.deploy.test_migrate import ledger_of
from tests.ledger.making import ACTOR, NOW, due_rows, force

YEAR = 2026


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Databases in which nothing stands yet, of one kind."""
    if request.param == "sqlite":
        numbers = iter(range(9))
        yield lambda: f"sqlite:///{tmp_path / str(next(numbers)) / 'ledger.sqlite3'}"
        return
    server = request.getfixturevalue("postgres_server")
    made: list[str] = []

    def make() -> str:
        made.append(create_database(server))
        return made[-1]

    yield make
    for url in made:
        drop_database(server, url)


def fill(url: str) -> None:
    """A running campaign with a claim and an attempt under way, one that waits, one that is over;
    a registration number, and what is owed to customers."""
    ledger = open_ledger(url)
    for name in ("running", "scheduled", "over"):
        campaign = due_rows(ledger, 3, name=name)
        with ledger.write() as tx:
            if name == "over":
                campaigns.change(tx, campaign, CampaignStatus.CANCELLED, ACTOR, NOW)
            if name == "scheduled":
                tx.execute(
                    t.campaigns.update()
                    .where(t.campaigns.c.id == campaign.id)
                    .values(status=CampaignStatus.SCHEDULED)
                )
    with ledger.write() as tx:
        force(tx, 1, status=Status.QUEUED, claim="somebody")
        force(tx, 2, status=Status.SENDING, claim="somebody")
        inquiries.next_number(tx, YEAR)
        owe(tx)
    ledger.close()


def owe(tx: Connection) -> None:
    """An SMS and a letter that wait to be sent."""
    inquiry = {
        "channel": "sms",
        "provider": "twilio",
        "reference": "r",
        "contact_point": "+7916",
        "kind": "stop",
        "text": "стоп",
        "received_at": NOW,
        "status": "closed",
    }
    number = tx.execute(
        insert(t.inquiries).values(**inquiry).returning(t.inquiries.c.id)
    ).scalar_one()
    tx.execute(
        insert(t.replies).values(
            inquiry_id=number,
            channel="sms",
            provider="twilio",
            contact_point="+7916",
            text="…",
            status="waiting",
            due_at=NOW,
        )
    )
    tx.execute(
        insert(t.outbox).values(
            occasion="o",
            kind="acknowledgement",
            sender="",
            recipient="a@example.com",
            message_id="<m@example.com>",
            content=b"x",
            asked_at=NOW,
            owed_at=NOW,
            status="waiting",
            due_at=NOW,
        )
    )


@pytest.fixture(scope="session")
def copies(
    postgres_server: str, programs_path: str, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[bool, Path]:
    """A copy of what `fill` makes, of either kind; True for SQLite."""
    folder = tmp_path_factory.mktemp("copies")
    server = create_database(postgres_server)
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", programs_path)
        for url in (f"sqlite:///{folder / 'ledger.sqlite3'}", server):
            fill(url)
            with closing(Ledger(url)) as ledger:
                path = folder / f"copy{ending_of(ledger)}"
                made[ledger.is_sqlite] = copy_ledger(ledger, path, ACTOR, NOW).path
    drop_database(postgres_server, server)
    return made


@pytest.fixture
def copy(copies: Mapping[bool, Path], empty_url: Callable[[], str]) -> str:
    """The copy for the kind of databases that the test asks for."""
    return str(copies[empty_url().startswith("sqlite")])


def rows(tx: Connection) -> dict[str, int]:
    """How many there are of everything but counters, which follow what they count."""
    return {
        table.name: tx.execute(select(func.count()).select_from(table)).scalar_one()
        for table in t.metadata.sorted_tables
        if not table.name.endswith("_tallies")
    }


def test_all_rows_come_back_and_no_campaign_goes_on_by_itself(
    empty_url: Callable[[], str], run: Run, tmp_path: Path
) -> None:
    before, after = empty_url(), empty_url()
    fill(before)
    copied = run(before, "backup", "copy", "--json")
    assert copied.returncode == 0, copied.stderr
    restored = run(after, "restore", "copy", "--json")
    assert restored.returncode == 0, restored.stderr
    told = json.loads(restored.stdout)
    assert told["campaigns"] == [1, 2]
    assert (told["claims"], told["open_attempts"]) == (1, 1)
    old, new = Ledger(before), Ledger(after)
    with old.read() as was, new.read() as tx:
        assert rows(tx) == rows(was) | {"trail": rows(was)["trail"] + 3}
        states = {one.id: (one.status, one.note) for one in campaigns.everything(tx)}
        assert states == {
            1: (CampaignStatus.PAUSED, RESTORED),
            2: (CampaignStatus.PAUSED, RESTORED),
            3: (CampaignStatus.CANCELLED, ""),
        }
        assert [act.action for act in trail.of(tx, "ledger")] == ["ledger.backup", "ledger.restore"]
        assert {act.actor for act in trail.of(tx, "ledger")} == {"a.petrova"}
        claimed = select(t.deliveries.c.status, t.deliveries.c.claim).where(t.deliveries.c.id == 1)
        assert tuple(tx.execute(claimed).one()) == (Status.PENDING, None)
    # What was never paused by the original stays as it was there.
    with old.read() as was:
        assert campaigns.get(was, 1).status is CampaignStatus.RUNNING
    old.close()
    new.close()


def test_numbers_given_away_since_the_copy_are_given_to_nobody_else(
    empty_url: Callable[[], str], copy: str, run: Run
) -> None:
    after = empty_url()
    assert run(after, "restore", copy).returncode == 0
    ledger = Ledger(after)
    with ledger.write() as tx:
        assert inquiries.next_number(tx, YEAR) == f"{YEAR}-{1 + NUMBERS_LEFT_OUT + 1:06}"
    if not ledger.is_sqlite:
        due_rows(ledger, 1, name="later")
        with ledger.read() as tx:
            assert tx.execute(select(func.max(t.deliveries.c.id))).scalar_one() > IDS_LEFT_OUT
    ledger.close()


def test_a_copy_is_for_its_owner_alone_and_overwrites_nothing(
    empty_url: Callable[[], str], run: Run, tmp_path: Path
) -> None:
    url = empty_url()
    fill(url)
    (tmp_path / "taken").write_text("precious")
    assert run(url, "backup", "taken").returncode == 2
    assert (tmp_path / "taken").read_text() == "precious"
    assert run(url, "backup", "copy").returncode == 0
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.partial"))
    assert run(url, "backup", "no/such/folder/copy").returncode == 2


def test_in_a_folder_the_newest_copies_are_kept_and_nothing_else_is_touched(
    sqlite_url: str, run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    old = [folder / f"ledger-2020010{day}T030000Z.sqlite3" for day in (1, 2, 3)]
    for path in (*old, folder / "ledger-of-my-own.sqlite3"):
        path.touch()
    done = run(sqlite_url, "backup", "copies", "--keep", "2", "--json")
    assert done.returncode == 0, done.stderr
    left = {path.name for path in folder.iterdir()}
    new = Path(json.loads(done.stdout)["file"]).name
    assert left == {new, old[2].name, "ledger-of-my-own.sqlite3"}
    assert run(sqlite_url, "backup", "one", "--keep", "2").returncode == 2


def test_what_a_killed_copy_left_goes_with_the_next_one_and_nothing_else(
    sqlite_url: str, run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    left = [
        folder / "ledger-20200101T030000Z.sqlite3.0123abcd.partial",
        tmp_path / "copy.0123abcd.partial",
    ]
    others = [
        folder / "film.0123abcd.partial",
        tmp_path / "other.0123abcd.partial",
        folder / "ledger-20200101T030000Z.sqlite3",
    ]
    for path in (*left, *others):
        path.touch()
    assert run(sqlite_url, "backup", "copies").returncode == 0
    assert all(path.exists() for path in (*left, *others))  # somebody may be at work on them
    for path in (*left, *others):
        os.utime(path, (1, 1))
    assert run(sqlite_url, "backup", "copy").returncode == 0
    (folder / "ledger-20200101T030000Z.sqlite3").touch()
    assert run(sqlite_url, "backup", "copies").returncode == 0
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in others)


def test_what_a_killed_restore_left_goes_with_the_next_one(
    tmp_path: Path, copies: Mapping[bool, Path], run: Run
) -> None:
    place = tmp_path / "new" / "ledger.sqlite3"
    ours, young, others = (place.parent / f"restore-{name}" for name in ("a1", "b2", "c3"))
    for folder, name in ((ours, place.name), (young, place.name), (others, "letters.txt")):
        folder.mkdir(parents=True)
        (folder / name).write_text("rows")
        for path in (folder / name, folder):
            os.utime(path, None if folder is young else (1, 1))
    assert run(f"sqlite:///{place}", "restore", str(copies[True])).returncode == 0
    assert [folder.exists() for folder in (ours, young, others)] == [False, True, True]


def test_a_ledger_with_rows_is_not_overwritten(
    empty_url: Callable[[], str], copy: str, run: Run
) -> None:
    other = empty_url()
    open_ledger(other).close()
    ledger = Ledger(other)
    with ledger.write() as tx:
        trail.note(tx, NOW, ACTOR, "act", "subject")
    ledger.close()
    assert run(other, "restore", copy).returncode == 2
    ledger = Ledger(other)
    with ledger.read() as tx:
        assert rows(tx)["trail"] == 1
    ledger.close()


def test_tables_without_rows_are_an_empty_ledger(
    empty_url: Callable[[], str], copy: str, run: Run
) -> None:
    after = empty_url()
    open_ledger(after).close()
    done = run(after, "restore", copy)
    assert done.returncode == 0, done.stderr


def test_a_database_of_something_else_is_left_alone(
    postgres_server: str, copies: Mapping[bool, Path], run: Run
) -> None:
    other = create_database(postgres_server)
    try:
        with psycopg.connect(other) as connection:
            connection.execute("CREATE TABLE payroll (id integer)")
        done = run(other, "restore", str(copies[False]))
        assert done.returncode == 2
        assert "payroll" in done.stderr
    finally:
        drop_database(postgres_server, other)


def test_a_copy_that_was_cut_short_or_damaged_is_refused_and_nothing_is_restored(
    empty_url: Callable[[], str], copy: str, run: Run, tmp_path: Path
) -> None:
    after = empty_url()
    whole = Path(copy).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) * 9 // 10])
    (tmp_path / "other").write_bytes(b"something else")
    for name in ("cut", "other"):
        done = run(after, "restore", name)
        assert done.returncode in (1, 2), done.stdout
        assert "Traceback" not in done.stderr
    done = run(after, "restore", copy)
    assert done.returncode == 0, done.stderr  # still empty


def test_a_copy_of_a_newer_program_is_refused(empty_url: Callable[[], str], run: Run) -> None:
    before, after = empty_url(), empty_url()
    fill(before)
    ledger = Ledger(before)
    with ledger.write() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    ledger.close()
    assert run(before, "backup", "copy").returncode == 0  # a copy can be made by any program
    done = run(after, "restore", "copy")
    assert done.returncode == 2
    assert "9999" in done.stderr
    open_ledger(after).close()  # nothing is there


def test_a_copy_of_the_other_kind_of_database_is_refused(
    sqlite_url: str, migrated_postgres: str, run: Run
) -> None:
    assert run(sqlite_url, "backup", "copy").returncode == 0
    done = run(migrated_postgres, "restore", "copy")
    assert done.returncode == 2
    assert "SQLite" in done.stderr


def test_nothing_is_restored_while_somebody_is_at_work_on_the_database(
    postgres_server: str, copies: Mapping[bool, Path], run: Run
) -> None:
    url = create_database(postgres_server)
    try:
        with psycopg.connect(url, application_name="a look by hand"):
            done = run(url, "restore", str(copies[False]))
        assert done.returncode == 2
        assert "Stop every dispatcher" in done.stderr
        assert "a look by hand" in done.stderr  # who it is
    finally:
        drop_database(postgres_server, url)


@pytest.fixture
def in_place_of_psql(tmp_path: Path, house: dict[str, str]) -> Callable[[str], str]:
    """A PATH with a `psql` of the test's own; `{psql}` in what it does stands for the real one."""
    real = shutil.which("psql", path=house["PATH"])
    folder = tmp_path / "bin"
    folder.mkdir()

    def write(does: str) -> str:
        (folder / "psql").write_text("#!/bin/sh\n" + does.replace("{psql}", str(real)) + "\n")
        (folder / "psql").chmod(0o755)
        return f"{folder}:{house['PATH']}"

    return write


def test_as_soon_as_the_rows_are_there_their_campaigns_are_paused(
    postgres_server: str,
    copies: Mapping[bool, Path],
    run: Run,
    tmp_path: Path,
    in_place_of_psql: Callable[[str], str],
) -> None:
    """What a loop would see at the very instant at which psql has committed."""
    look = "SELECT string_agg(DISTINCT status, ' ' ORDER BY status) FROM campaigns"
    path = in_place_of_psql(
        f'{{psql}} "$@"\ncode=$?\n{{psql}} -X -At -c "{look}" > {tmp_path}/seen\nexit $code'
    )
    url = create_database(postgres_server)
    try:
        done = run(url, "restore", str(copies[False]), PATH=path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "seen").read_text().split() == ["cancelled", "paused"]
    finally:
        drop_database(postgres_server, url)


def test_a_restore_that_dies_on_the_way_leaves_nothing_behind(
    postgres_server: str,
    copies: Mapping[bool, Path],
    run: Run,
    in_place_of_psql: Callable[[str], str],
) -> None:
    """psql gets as much of the script as whoever died had written; the last line of it is the pause
    and the word to commit."""
    url = create_database(postgres_server)
    try:
        for cut in ("head -c 200", "head -c 30000", "head -n -30", "head -n -1"):
            path = in_place_of_psql(f'{cut} | {{psql}} "$@"')
            done = run(url, "restore", str(copies[False]), PATH=path)
            assert done.returncode == 1, (cut, done.stdout)
            with psycopg.connect(url) as connection:
                left = connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")
                assert left.fetchone() is None, cut
        assert run(url, "restore", str(copies[False])).returncode == 0
    finally:
        drop_database(postgres_server, url)


def outline(url: str) -> tuple[object, ...]:
    """What a restore has to bring about, whether in one go or not."""
    with closing(Ledger(url)) as ledger, ledger.read() as tx:
        return (
            rows(tx),
            sorted((one.id, one.status, one.note) for one in campaigns.everything(tx)),
            sorted(map(tuple, tx.execute(select(t.deliveries.c.id, t.deliveries.c.status)))),
            tx.execute(select(t.replies.c.status)).scalars().all(),
            tx.execute(select(t.inquiry_numbers.c.last)).scalar_one(),
            version(tx),
        )


@pytest.mark.parametrize(
    "dies",
    [
        # Between the two transactions: kill -9 of the program that started psql.
        '{psql} "$@"\nkill -9 $PPID',
        # In the midst of the second one: its last acts fail.
        '{psql} "$@" && {psql} -X -q -c "CREATE FUNCTION dies() RETURNS trigger LANGUAGE plpgsql '
        "AS 'BEGIN RAISE EXCEPTION ''out of memory''; END'\" -c \"CREATE TRIGGER dies BEFORE "
        'UPDATE ON inquiry_numbers EXECUTE FUNCTION dies()"',
    ],
    ids=["killed", "breaks off"],
)
def test_half_a_restore_lets_nothing_start_and_is_done_anew(
    postgres_server: str,
    copies: Mapping[bool, Path],
    run: Run,
    in_place_of_psql: Callable[[str], str],
    tmp_path: Path,
    dies: str,
) -> None:
    url, at_once = create_database(postgres_server), create_database(postgres_server)
    copy = str(copies[False])
    try:
        assert run(url, "restore", copy, PATH=in_place_of_psql(dies)).returncode not in (0, 2)
        with closing(Ledger(url)) as ledger, ledger.read() as tx:
            assert version(tx) == UNFINISHED
            assert {one.status for one in campaigns.everything(tx)} == {
                CampaignStatus.PAUSED,
                CampaignStatus.CANCELLED,
            }
            assert trail.of(tx, "ledger")[-1].action == "ledger.backup"
        for refused in (
            ["loop"],
            ["campaign", "list"],
            ["migrate"],
            ["migrate", "--check"],
            ["backup", "half.dump"],
        ):
            done = run(url, *refused, DISPATCHER_REDIS_URL="redis://127.0.0.1:1/0")
            assert done.returncode == 2, (refused, done.stdout)
            assert "once more" in done.stderr, refused
        assert not (tmp_path / "half.dump").exists()
        assert "half restored" in run(url, "doctor").stdout
        again = run(url, "restore", copy)
        assert again.returncode == 0, again.stderr
        assert run(at_once, "restore", copy).returncode == 0
        assert outline(url) == outline(at_once)
    finally:
        drop_database(postgres_server, url)
        drop_database(postgres_server, at_once)


def test_a_copy_of_an_older_ledger_is_brought_up_to_date(
    empty_url: Callable[[], str], run: Run
) -> None:
    before, after = empty_url(), empty_url()
    with ledger_of(before, "0002") as ledger, ledger.write() as tx:
        at = NOW.strftime("%Y-%m-%d %H:%M:%S.%f")
        tx.exec_driver_sql(
            "INSERT INTO scenarios (id, name, version, title, digest, source, templates, added_at, "
            f"added_by) VALUES (1, 's', 1, 't', 'd', '', '{{}}', '{at}', 'x')"
        )
        tx.exec_driver_sql(
            "INSERT INTO audiences (id, name, file_name, status, columns, header, rows, "
            "recipients, imported_at, imported_by) "
            f"VALUES (1, 'a', 'f', 'ready', '[]', '[]', 0, 0, '{at}', 'x')"
        )
        tx.exec_driver_sql(
            "INSERT INTO campaigns (id, scenario_id, audience_id, status, zone, start_at, "
            "end_at, created_at, created_by) "
            f"VALUES (1, 1, 1, 'running', 'UTC', '{at}', '{at}', '{at}', 'x')"
        )
    assert run(before, "backup", "copy").returncode == 0
    with closing(Ledger(before)) as ledger, ledger.read() as tx:
        assert version(tx) == "0002"  # to copy is not to upgrade
    assert run(after, "restore", "copy").returncode == 0
    with closing(Ledger(after)) as ledger, ledger.read() as tx:
        assert version(tx) == LATEST
        assert campaigns.get(tx, 1).status is CampaignStatus.PAUSED


def test_an_embedded_ledger_is_not_restored_under_a_running_dispatcher(
    run: Run, house: dict[str, str], sqlite_url: str, tmp_path: Path
) -> None:
    assert run(sqlite_url, "backup", "copy").returncode == 0
    var = Path(house["DISPATCHER_DATA_DIR"])
    var.mkdir()
    with (var / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        done = run(f"sqlite:///{var / 'dispatcher.sqlite3'}", "restore", "copy")
    assert done.returncode == 2
    assert not (var / "dispatcher.sqlite3").exists()


def test_without_a_ledger_there_is_nothing_to_copy(run: Run, tmp_path: Path) -> None:
    done = run(f"sqlite:///{tmp_path / 'none.sqlite3'}", "backup", "copy")
    assert done.returncode == 2
    assert not (tmp_path / "none.sqlite3").exists()


def test_the_password_goes_to_the_programs_by_their_environment_alone(
    run: Run, tmp_path: Path, house: dict[str, str], postgres_url: str
) -> None:
    """A `pg_dump` of the test's own writes down how it was called, and does nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = folder / "pg_dump"
    fake.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/argv\nenv > {tmp_path}/env\n'
        'echo "pg_dump: error: no: \\"Иванов\\"" >&2\nexit 3\n'
    )
    fake.chmod(0o755)
    url = make_url(postgres_url).set(password="geheim")
    done = run(
        url.render_as_string(hide_password=False),
        "backup",
        "copy",
        PATH=f"{folder}:{house['PATH']}",
        DISPATCHER_SECRET="s" * 40,
    )
    assert done.returncode == 1
    assert "Иванов" not in done.stderr
    assert "geheim" not in (tmp_path / "argv").read_text() + done.stderr
    environment = (tmp_path / "env").read_text()
    assert "PGPASSWORD=geheim" in environment
    assert "DISPATCHER_" not in environment
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('pg_restore: error: COPY failed: invalid input syntax: "Иванов"', "invalid input syntax"),
        ("psql:-:9: ERROR:  duplicate key\nDETAIL:  Key (party)=(+7916) exists.", "duplicate key"),
        ("", "did not say"),
    ],
)
def test_what_a_program_complains_of_is_told_without_the_row(said: str, told: str) -> None:
    with speaking("en"):
        found = complaint_in(said)
    assert told in found
    assert "Иванов" not in found
    assert "+7916" not in found


def test_a_waiting_sms_is_left_in_doubt_and_a_waiting_letter_goes(
    empty_url: Callable[[], str], copy: str, run: Run
) -> None:
    after = empty_url()
    told = json.loads(run(after, "restore", copy, "--json").stdout)
    assert (told["replies"], told["letters"]) == (1, 1)
    ledger = Ledger(after)
    with ledger.read() as tx:
        assert tx.execute(select(t.replies.c.status)).scalars().all() == ["uncertain"]
        assert tx.execute(select(t.outbox.c.status)).scalars().all() == ["waiting"]
    ledger.close()
