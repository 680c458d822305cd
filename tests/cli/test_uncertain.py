"""Doubt has a way out: staff ask the provider and decide."""

from pathlib import Path

from tests.cli.test_commands import Run, environment, facts, home, run

__all__ = ["environment", "home", "run"]

# The sandbox answers a number that ends so with an error page: nobody can know what became of it.
IN_DOUBT = "Лицевой счёт;Телефон;Долг\n501;+79160000014;100\n502;+79160010014;200\n"


def test_staff_decide_about_what_is_uncertain_and_the_books_still_hold(
    run: Run, home: Path
) -> None:
    (home / "doubt.csv").write_text(IN_DOUBT)
    run("demo", "--audience", "doubt.csv", "--out", "out", "--json")
    ledger = {"DISPATCHER_DATA_DIR": str(home / "out" / "ledger")}
    listed = facts(run("campaign", "uncertain", "1", "--json", **ledger))
    assert {(row["account_number"], row["channel"]) for row in listed} >= {
        ("501", "sms"),
        ("502", "sms"),
    }
    assert not any("79160000014" in str(row) for row in listed)

    def decide(*how: str) -> int:
        return run("campaign", "resolve", "1", "sms", *how, **ledger).returncode

    assert decide("--reached") == 2  # neither one account nor all
    assert decide("--reached", "--account", "501") == 0
    assert decide("--reached", "--account", "501") == 1  # decided already
    assert decide("--not-reached", "--all") == 0
    left = facts(run("campaign", "uncertain", "1", "--json", **ledger))
    assert not [row for row in left if row["channel"] == "sms"]
    statuses = facts(run("campaign", "report", "1", "--json", **ledger))["channels"]["sms"]
    assert statuses["positive"] == 1
    assert statuses["expired"] == 1
    assert run("audit", "1", **ledger).returncode == 0
