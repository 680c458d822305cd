"""What a clerk sees and hears of a scenario before anybody else does."""

import re
import wave
from pathlib import Path

import pytest

from dispatcher.voices import find_voice
from templates.sms import measure
from tests.cli.test_commands import Run, environment, facts, home, run
from tests.ledger.servers import unavailable

__all__ = ["environment", "home", "run"]


def test_every_channel_is_shown_filled_in_and_measured(run: Run) -> None:
    shown = facts(run("template", "preview", "debt-reminder", "--json"))
    sms = shown["sms"]
    shape = measure(sms["text"])
    assert (sms["characters"], sms["encoding"]) == (shape.characters, "UCS-2")
    assert "".join(sms["parts"]) == sms["text"]
    assert shown["phone"]["seconds"] <= 60
    assert {key["action"] for key in shown["phone"]["keys"]} >= {"heard", "repeat", "operator"}
    assert shown["email"]["subject"]


def test_the_cost_is_told_by_the_price_of_a_part(run: Run) -> None:
    price = {"DISPATCHER_SMS_PRICE_KOPECKS": '{"smsaero": 549}'}
    shown = facts(
        run("template", "preview", "debt-reminder", "--channel", "sms", "--json", **price)
    )
    assert shown["sms"]["cost_kopecks"] == {"smsaero": 549 * len(shown["sms"]["parts"])}


def test_a_customer_of_a_list_is_shown_with_his_own_amount(run: Run) -> None:
    run("audience", "import", "export.csv")
    which = ("--audience", "export", "--account", "100002", "--channel", "sms")
    shown = facts(run("template", "preview", "debt-reminder", *which, "--json"))
    assert "500,00" in shown["sms"]["text"]
    unknown = run("template", "preview", "debt-reminder", "--audience", "export", "--account", "9")
    assert unknown.returncode == 2


def test_the_whole_call_is_a_sound_file_as_long_as_the_preview_says(run: Run, home: Path) -> None:
    if find_voice() is None:
        unavailable("neither RHVoice nor espeak-ng is installed")
    done = run("template", "preview", "debt-reminder", "--audio", "call.wav", "--json")
    told = facts(done)["phone"]
    with wave.open(str(home / "call.wav")) as file:
        seconds = file.getnframes() / file.getframerate()
    assert seconds == pytest.approx(told["seconds"], abs=1)
    assert told["voice"]


def test_without_a_voice_the_fragments_are_listed_and_nothing_is_recorded(
    run: Run, home: Path
) -> None:
    done = run("template", "preview", "debt-reminder", "--audio", "call.wav", "--json", PATH="")
    told = facts(done)["phone"]
    assert (told["voice"], told["audio"]) == (None, None)
    assert len(told["fragments"]) > 4
    assert "espeak-ng" in done.stderr
    assert not (home / "call.wav").exists()


def test_a_campaign_is_previewed_with_number_types_parts_and_the_longest_call(run: Run) -> None:
    run("audience", "import", "export.csv")
    done = run("campaign", "preview", "debt-reminder", "export", "--json")
    shown = facts(done)
    assert done.returncode == 0
    assert sum(row["recipients"] for row in shown["plan"]) == 3 * shown["recipients"]
    assert shown["sms"]["texts"] == 2
    assert 0 < shown["calls"]["longest_seconds"] <= 60
    assert facts(run("campaign", "list", "--json")) == []


LONG_SMS = """
name = "long"
title = "Long"
purpose = "service"
same_contact = "once"
fields = ["offer"]
[channels.sms]
template = "long"
"""


def test_an_sms_that_does_not_fit_is_told_in_russian_with_what_makes_it_long(
    run: Run, home: Path
) -> None:
    (home / "templates" / "long").mkdir(parents=True)
    (home / "templates" / "long" / "sms.txt").write_text("{{ company }}: {{ offer }}")
    (home / "long.toml").write_text(LONG_SMS)
    offer = "слово " * 33
    (home / "offers.csv").write_text(f"Лицевой счёт;Телефон;offer\n1;+79161234567;{offer}\n")
    run("audience", "import", "offers.csv", "--map", "offer=offer")
    done = run("template", "preview", "long.toml", "--audience", "offers")
    assert done.returncode == 2
    told = " ".join(done.stderr.split())
    assert re.search(r"2\d\d знак\w* при допустимых 160 \(offer 197", told)
    assert "Traceback" not in done.stderr


def test_a_recording_that_cannot_be_written_is_an_error_in_words(run: Run) -> None:
    if find_voice() is None:
        unavailable("neither RHVoice nor espeak-ng is installed")
    done = run("template", "preview", "debt-reminder", "--audio", "/no/such/folder/call.wav")
    assert done.returncode == 2
    assert "/no/such/folder/call.wav" in "".join(done.stderr.split("\n"))
    assert "Traceback" not in done.stderr
