"""What a clerk reads is Russian, names what is known, and stands on the right stream."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dispatcher.cli.app import build
from dispatcher.cli.demo import how_far
from dispatcher.errors import BadSetting, NotFound, NotPossible
from dispatcher.settings import load_settings
from templates.i18n import set_language


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPATCHER_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("COLUMNS", "100")
    set_language("ru")


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(build(arguments[0]), arguments)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("RECEIPTS_PORT", "порт", "нужно целое число"),
        ("RECEIPTS_PORT", "70000", "не больше 65535"),
        ("POLL_SECONDS", "0", "не меньше 0.05"),
        ("LANGUAGE", "de", "ru, en"),
        ("ZONE", "Mars", "часовой пояс IANA"),
        ("BRANCHES", "Томск", "в виде JSON"),
        ("MAX_PER_DAY", '{"fax": 1}', "phone, sms, email"),
        ("RECEIPTS_URL", "ftp://x", "https://"),
        ("RECEIPTS_URL", "http://notify.example.com", "https"),
        ("RECEIPTS_URL", "https://x/?a", "без имени пользователя"),
        ("RECEIPTS_URL", "https://x/#a", "без имени пользователя"),
        ("RECEIPTS_URL", "https://u:p@x/", "без имени пользователя"),
        ("RECEIPTS_URL", "https://x:port/", "https://notify.example.com"),
        ("RECEIPTS_URL", "https:///x", "https://notify.example.com"),
        ("COMPANY_PHONE", "позвоните нам", "+78001000000"),
        ("COMPANY_PHONE", "8 800 100 00 00", "+78001000000"),
        ("SMS_PRICE_KOPECKS", '{"smsaero": -549}', "smsaero: нужно значение не меньше 0"),
        ("SMS_PRICE_KOPECKS", '{"smsaero": true}', "smsaero: нужно целое число"),
        ("SMS_PRICE_KOPECKS", '{"twlio": 5}', "«twlio»; есть: smsaero, twilio"),
        ("MAX_PER_DAY", '{"sms": true}', "sms: нужно целое число"),
        ("MAX_PER_DAY", '{"sms": 0}', "sms: нужно значение не меньше 1"),
        ("LIMITS", '{"sms.smsaero": {"per_secnd": 1}}', "sms.smsaero: поля «per_secnd» здесь нет"),
        ("LIMITS", '{"sms.smsaero": {"per_secnd": 1}}', "per_second, at_once"),
        ("LIMITS", '{"sms.smsaero": {"per_second": 0}}', "per_second: нужно число больше нуля"),
        ("LIMITS", '{"sms.smsaero": {"at_once": true}}', "at_once: нужно целое число"),
        ("SMS_ROUTES", '[{"provider": "smsaero", "weigth": 3}]', "«weigth»"),
        ("CONSENT", '{"marketing": {"sms": "always"}}', "согласия"),
    ],
)
def test_a_wrong_setting_is_told_in_russian_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"DISPATCHER_{name}", value)
    with pytest.raises(BadSetting) as raised:
        load_settings()
    assert raised.value.name == f"DISPATCHER_{name}"
    assert told in raised.value.advice
    assert "Value error" not in str(raised.value)
    assert "Input should" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECEIPTS_URL", "https://notify.example.com/dispatcher/"),
        ("RECEIPTS_URL", "http://127.0.0.1:8089"),
        ("RECEIPTS_URL", "http://[::1]:8089"),
        ("RECEIPTS_URL", ""),
        ("COMPANY_PHONE", "+73822000000"),
        ("SMS_PRICE_KOPECKS", '{"smsaero": 0, "twilio": 900}'),
        ("LIMITS", '{"sms.smsaero": {"per_second": 50}, "phone.twilio": {"per_second": 0.5}}'),
    ],
)
def test_a_setting_that_fits_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"DISPATCHER_{name}", value)
    load_settings()


def test_channels_have_their_russian_names_in_lists_and_checks() -> None:
    listed = ask("scenario", "list")
    assert "Телефон" in listed.stdout
    assert "email" not in listed.stdout
    checked = ask("check").stdout
    assert "Телефон: " in checked
    assert "встроенная" in checked


def test_an_unknown_scenario_is_answered_with_the_known_ones() -> None:
    for arguments in (("scenario", "show", "nothere"), ("demo", "--scenario", "nothere")):
        told = ask(*arguments).exception
        assert isinstance(told, NotFound)
        assert "debt-reminder" in str(told)


def test_an_unknown_scenario_is_answered_with_the_stored_ones_too(tmp_path: Path) -> None:
    from campaigns.scenario_file import library_path

    source = library_path("emergency").read_text("utf-8")
    (tmp_path / "ours.toml").write_text(source.replace('"emergency"', '"our-own"', 1), "utf-8")
    stored = ask("scenario", "add", "ours.toml")
    assert stored.exit_code == 0, stored.output
    for arguments in (("scenario", "show", "nothere"), ("campaign", "launch", "nothere", "list")):
        told = ask(*arguments).exception
        assert isinstance(told, NotFound)
        assert "debt-reminder" in str(told)
        assert "our-own" in str(told)


def test_problems_of_a_scenario_stand_below_its_name_on_one_stream(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\ntitle = "Моё"\npurpose = "servise"\n')
    done = ask("scenario", "check", "mine.toml", "debt-reminder")
    assert done.exit_code == 1
    assert done.stderr == ""
    head, _colon, rest = done.stdout.partition("✓ debt-reminder")
    assert "mine.toml:3" in head
    assert "mine.toml:3" not in rest


def test_the_reason_on_the_stop_list_is_a_word_of_the_readers_language() -> None:
    ask("suppress", "add", "+7 916 123-45-67", "--channel", "sms", "--purpose", "marketing")
    listed = " ".join(ask("suppress", "list").stdout.split())
    assert "решение" in listed
    assert "staff" not in listed
    assert "marketing" not in listed


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("key", "клавиши"),
        ("sms", "SMS"),
        ("unsubscribed", "письме"),
        ("email", "письмом"),
        ("bounced", "возвращаются"),
    ],
)
def test_why_a_customer_stopped_us_is_told_in_words(reason: str, told: str) -> None:
    ask("suppress", "add", "+7 916 123-45-67", "--reason", reason)
    listed = ask("suppress", "list").stdout  # words of a cell may stand on several lines
    assert told in listed
    assert f" {reason} " not in listed


def test_missing_columns_of_an_outage_are_named_each_with_its_mapping(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("ЛС;Телефон;Дата отключения\n1;89161234567;01.12.2026\n")
    imported = ask("audience", "import", "list.csv")
    assert "UTF-8, разделитель «;»" in imported.stdout
    told = ask("campaign", "launch", "planned-outage", "list", "--sandbox").exception
    assert isinstance(told, NotPossible)
    assert "нет столбцов outage_from, outage_until" in str(told)
    for field in ("outage_from", "outage_until"):
        assert f'--map "Заголовок={field}"' in str(told)


def test_a_campaign_that_cannot_change_is_told_without_an_english_status(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("ЛС;Телефон;Долг\n1;89161234567;100\n")
    ask("audience", "import", "list.csv")
    ask("campaign", "launch", "debt-reminder", "list", "--sandbox")
    assert ask("campaign", "cancel", "1").exit_code == 0
    told = str(ask("campaign", "pause", "1").exception)
    assert "отменена" in told
    assert "cancelled" not in told


def test_a_campaign_is_launched_with_limits_and_shows_them(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("ЛС;Телефон;Долг\n1;89161234567;100\n")
    ask("audience", "import", "list.csv")
    options = ("--sandbox", "--per-hour", "phone=300", "--per-hour", "sms=90")
    assert ask("campaign", "launch", "debt-reminder", "list", *options).exit_code == 0
    told = ask("campaign", "show", "1").stdout
    assert "Предел в час:" in told
    assert "300" in told
    assert '"phone": 300' in ask("campaign", "show", "1", "--json").stdout


@pytest.mark.parametrize("option", ["300", "phone=", "fax=3", "phone=-1", "phone=many"])
def test_a_limit_that_cannot_be_read_is_told(option: str) -> None:
    told = ask("campaign", "launch", "debt-reminder", "list", "--per-hour", option).exception
    assert isinstance(told, NotPossible)
    assert "phone=300" in str(told)


def test_the_demonstration_says_how_far_the_simulated_time_has_come() -> None:
    start_at = datetime(2026, 11, 2, 3, tzinfo=UTC)
    assert how_far(start_at, start_at, 14) == "День 1 из 14 (0 %)"
    assert how_far(start_at + timedelta(days=7), start_at, 14) == "День 8 из 14 (50 %)"
    assert "завершена" in how_far(start_at + timedelta(days=14), start_at, 14)


def test_a_campaign_without_skips_has_no_empty_table_of_them(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "ЛС;Телефон;E-mail;Регион;Долг\n1;89161234567;a@example.com;Москва;100\n"
    )
    done = ask("demo", "--audience", "list.csv", "--days", "1", "--out", "out")
    assert done.exit_code == 0, done.stderr
    assert "Пропущено, по причинам" not in done.stdout
    assert "День 1 из 1" in done.stderr
    assert (tmp_path / "out" / "ledger").stat().st_mode & 0o777 == 0o700


def test_a_demonstration_that_fails_leaves_no_report_of_an_earlier_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.html").write_text("an earlier campaign")
    (tmp_path / "bad.csv").write_text("ЛС;Долг\n1;сто\n")
    assert ask("demo", "--audience", "bad.csv", "--out", "out").exit_code == 1
    assert not (out / "report.html").exists()
    assert "сто" in (out / "row-errors.csv").read_text("utf-8-sig")


def test_the_mail_robot_has_one_name() -> None:
    """The standard's word is mail-робот."""
    root = Path(__file__).parents[2]
    read = [*root.glob("templates/locale/ru/*.po"), *root.glob("docs/*.md"), *root.glob("*.md")]
    others = re.compile(r"почтов\w+[ \n]робот", re.IGNORECASE)
    assert [path.name for path in read if others.search(path.read_text("utf-8"))] == []
