"""`dispatcher mailrobot letters`: what came in, for staff and for programs."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from campaigns.inquiry.verdict import Reason
from dispatcher.cli.app import build
from dispatcher.ledger import Ledger, letter_lists
from dispatcher.ledger.letter_lists import Wanted
from dispatcher.mailrobot.reasons import reason_words
from templates.i18n import set_language
from tests.cli.test_commands import environment, home
from tests.flow.letters_by_hand import ANNA, letter
from tests.flow.rehearsing import DAY
from tests.flow.robot_post import Post, opened_post

__all__ = ["environment", "home"]  # fixtures

NASTY = "\u202e\x1b[2J\x07[red]"


@pytest.fixture
def post(home: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """A ledger that the command finds by the environment, today: it has no other clock."""
    monkeypatch.setenv("DISPATCHER_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("DISPATCHER_DATA_DIR", str(home / "var"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(home)
    set_language("ru")
    ledger = Ledger(sqlite_url)
    with opened_post(home, ledger, start_at=datetime.now(UTC) - 3 * DAY) as post:
        yield post
    ledger.close()


def type_in(*words: str) -> Result:
    done = CliRunner().invoke(build("mailrobot"), ["mailrobot", "letters", *words])
    assert done.exit_code == 0, done.exception
    return done


def reasons(*words: str) -> list[str]:
    return [row["reason"] for row in json.loads(type_in("--json", *words).stdout)]


def test_what_came_in_is_told_the_newest_first_and_spam_apart(post: Post) -> None:
    post.arrive(letter("Раз"))
    post.wait(DAY)
    post.arrive(letter("Два", headers={"List-Id": "<news.example.org>"}))
    post.arrive(letter("Три", headers={"X-Spam-Flag": "YES"}))
    post.wait(DAY)
    post.arrive(letter("Четыре", subject="В отпуске"))
    assert reasons() == [Reason.OUT_OF_OFFICE, Reason.MAILING_LIST, Reason.LETTER]
    assert reasons("--silent") == [Reason.OUT_OF_OFFICE, Reason.MAILING_LIST]
    assert reasons("--days", "2") == [Reason.OUT_OF_OFFICE]
    assert reasons("--reason", "mailing_list") == [Reason.MAILING_LIST]
    assert reasons("--reason", "spam") == [Reason.SPAM]
    assert reasons("--limit", "1") == [Reason.OUT_OF_OFFICE]
    shown = type_in("--limit", "2").stdout
    assert "Ещё 1 помечено как спам: --reason spam" in shown
    assert "и ещё 1: --limit" in shown
    assert "автоответ об отсутствии" in " ".join(shown.split())
    [first] = json.loads(type_in("--json", "--reason", "letter").stdout)
    assert first["verdict"] == "answer"
    assert first["inquiry"].endswith("-000001")


def test_strangers_words_are_harmless_and_their_addresses_masked(post: Post) -> None:
    long = f"very-long-{'x' * 50}@{'sub.' * 10}example.org"
    post.arrive(letter("Раз", subject=f"Счёт {NASTY}{'ы' * 300}"), letter("Два", sender=long))
    shown = type_in()
    assert ANNA not in shown.stdout
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())
    assert not {"\x1b", "\x07", "\u202e"} & set(shown.stdout)
    assert ANNA not in type_in("--json").stdout
    assert ANNA in type_in("--json", "--full").stdout


def test_no_letters_are_told_in_words(post: Post) -> None:
    assert "Таких писем за это время нет" in type_in().stdout
    assert json.loads(type_in("--json").stdout) == []
    bad = CliRunner().invoke(build("mailrobot"), ["mailrobot", "letters", "--reason", "bored"])
    assert bad.exit_code == 2


def test_both_databases_list_alike(tmp_path: Path, ledger: Ledger) -> None:
    with opened_post(tmp_path, ledger) as post:
        post.arrive(letter("Раз"), letter("Два", headers={"Precedence": "bulk"}))
        wanted = Wanted(post.clock.now(), is_silent=True)
        with ledger.read() as tx:
            every = letter_lists.found(tx, Wanted(post.clock.now()), 10)
            assert [(one.reason, one.number) for one in every] == [
                (Reason.PRECEDENCE, None),
                (Reason.LETTER, "2026-000001"),
            ]
            assert letter_lists.found(tx, wanted, 10) == [every[0]]
            assert letter_lists.count(tx, wanted) == 1


def test_each_reason_has_words() -> None:
    set_language("en")
    assert len({reason_words(one) for one in Reason}) == len(Reason)
    set_language("ru")
    assert all(any("а" <= c <= "я" for c in reason_words(one)) for one in Reason)
