"""A voice of the machine speaks; where there is none, nothing breaks."""

from pathlib import Path

import pytest

from dispatcher import voices
from dispatcher.voices import Voice, VoiceBroken, find_voice
from tests.ledger.servers import unavailable

TEXT = "Здравствуйте! Вам звонит автоинформатор компании Энергосбыт."


@pytest.fixture(scope="module")
def voice() -> Voice:
    found = find_voice()
    if found is None:
        unavailable("neither RHVoice nor espeak-ng is installed")
    return found


def test_a_greeting_lasts_some_seconds_and_is_said_once(voice: Voice) -> None:
    assert 2 < voice.seconds(TEXT) < 8
    assert voice.speak(TEXT) is voice.speak(TEXT)


def test_a_longer_text_lasts_longer(voice: Voice) -> None:
    assert voice.seconds(f"{TEXT} {TEXT}") > 1.6 * voice.seconds(TEXT)


def test_a_text_is_never_taken_for_an_option(voice: Voice) -> None:
    assert voice.seconds("-w /etc/passwd --help") > 0.5


def test_without_an_engine_there_is_no_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert find_voice() is None


def test_an_engine_that_fails_says_so_without_the_text(tmp_path: Path) -> None:
    broken = Voice("broken", ["/bin/false", "{path}"])
    with pytest.raises(VoiceBroken) as error:
        broken.speak("долг сто рублей")
    assert "долг" not in str(error.value)


def test_only_voices_that_are_free_for_commercial_use_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "RHVoice-test"
    engine.write_text("#!/bin/sh\n")
    engine.chmod(0o755)
    (tmp_path / "voices" / "tatiana").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(voices, "VOICE_FOLDERS", (tmp_path / "voices",))
    assert find_voice() is None
    (tmp_path / "voices" / "elena").mkdir()
    found = find_voice()
    assert found is not None
    assert found.name == "RHVoice Elena"
