"""Bringing a ledger up to date: by whom it is done, and what is said of it."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from dispatcher.errors import NotPossible
from dispatcher.ledger import Ledger
from dispatcher.ledger.migration import LATEST, SCRIPTS, upgrade_of, version, way_from
from tests.deploy.conftest import Run
from tests.ledger.schema import differences


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(SCRIPTS))
    return made


def numbers() -> list[str]:
    scripts = ScriptDirectory.from_config(config()).walk_revisions()
    return sorted(script.revision for script in scripts)


@contextmanager
def ledger_of(url: str, number: str) -> Iterator[Ledger]:
    """A ledger as a former program left it."""
    ledger = Ledger(url)
    made = config()
    with ledger.write() as tx:
        made.attributes["connection"] = tx
        command.upgrade(made, number)
    yield ledger
    ledger.close()


@pytest.mark.filterwarnings(
    "ignore:Skipped unsupported reflection of expression-based index",
    "ignore:autogenerate skipping metadata-specified expression-based index",
)
def test_of_eight_processes_that_upgrade_an_old_ledger_at_once_one_does_it(
    unmigrated_url: str, run: Run
) -> None:
    with ledger_of(unmigrated_url, "0001") as ledger:
        with ThreadPoolExecutor(8) as hands:
            ends = [hands.submit(run, unmigrated_url, "migrate", "--json") for _ in range(8)]
        told = []
        for end in ends:
            assert end.result().returncode == 0, end.result().stderr
            told.append(json.loads(end.result().stdout))
        assert sum(one["done"] for one in told) == 1
        assert {one["from"] for one in told if one["done"]} == {"0001"}
        with ledger.read() as tx:
            assert version(tx) == LATEST
            assert differences(tx) == []


def test_to_look_exits_with_one_for_an_older_ledger_and_changes_nothing(
    unmigrated_url: str, run: Run
) -> None:
    with ledger_of(unmigrated_url, "0002") as ledger:
        looked = run(unmigrated_url, "migrate", "--check")
        assert looked.returncode == 1
        assert "0002" in looked.stdout
        assert "Stop every program of the former version first" in looked.stdout
        with ledger.read() as tx:
            assert version(tx) == "0002"
        assert run(unmigrated_url, "migrate").returncode == 0
        assert run(unmigrated_url, "migrate", "--check").returncode == 0
        assert not upgrade_of(ledger).is_needed


def test_a_newer_ledger_is_bad_use_for_looking_and_for_doing(unmigrated_url: str, run: Run) -> None:
    with ledger_of(unmigrated_url, "head") as ledger:
        with ledger.write() as tx:
            tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        for arguments in (["migrate"], ["migrate", "--check"]):
            done = run(unmigrated_url, *arguments)
            assert done.returncode == 2
            assert "9999" in done.stderr


def test_a_database_that_does_not_answer_is_told_without_its_address(run: Run) -> None:
    done = run("postgresql://somebody:geheim@127.0.0.1:1/x", "migrate")
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "geheim" not in done.stderr + done.stdout


def test_an_upgrade_may_go_beside_the_former_program_only_if_every_step_says_so() -> None:
    known = numbers()
    assert known[-1] == LATEST
    assert not way_from("0001").beside_former  # 0003 renames what the former program writes
    assert way_from(LATEST).beside_former
    assert way_from(None).steps == tuple(known)
    with pytest.raises(NotPossible):
        way_from("9999")
