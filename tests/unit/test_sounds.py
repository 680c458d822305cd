"""Sound files: what a telephone can play is taken, everything else is told and raises nothing."""

import unicodedata
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.call import SoundRef
from templates.i18n import speaking
from templates.problem import Problem
from templates.sounds import (
    LIMIT_BYTES,
    Sound,
    is_sound_name,
    load_sounds,
    read_sound,
    refs_of,
)
from tests.unit.waves import wav, with_format


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("width_bytes", [1, 2])
def test_usual_recordings_are_taken_with_their_length(
    rate: int, channels: int, width_bytes: int
) -> None:
    content = wav(2.5, rate=rate, channels=channels, width_bytes=width_bytes)
    sound = read_sound("intro.wav", content)
    assert isinstance(sound, Sound)
    assert sound.ref.seconds == pytest.approx(2.5, abs=0.001)
    assert sound.ref.digest == sha256(content).hexdigest()
    assert refs_of({"intro.wav": sound}) == {"intro.wav": sound.ref}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "sound_unreadable"),
        (b"RIFF", "sound_unreadable"),
        (b"ID3\x04 an mp3", "sound_unreadable"),
        (b"RIFF\x04\x00\x00\x00WAVE", "sound_unreadable"),
        (with_format(wav(), 85), "sound_unreadable"),  # mp3 within WAV
        (with_format(wav(), 7), "sound_unreadable"),  # mu-law
        (wav(width_bytes=3), "sound_format"),
        (wav(channels=3), "sound_format"),
        (wav(rate=4000), "sound_format"),
        (wav(rate=96000), "sound_format"),
        (wav(0), "sound_empty"),
        (wav()[:-1000], "sound_cut_off"),
        (wav(61), "sound_too_long"),
        (wav(48, rate=44100, channels=2) + bytes(LIMIT_BYTES), "sound_too_large"),
    ],
)
def test_what_no_telephone_can_play_is_told_in_both_languages(content: bytes, code: str) -> None:
    for language in ("ru", "en"):
        with speaking(language):
            problem = read_sound("intro.wav", content)
        assert isinstance(problem, Problem)
        assert problem.code == code
        assert "intro.wav" in problem.message
        assert problem.advice


def test_exactly_a_minute_is_not_too_long() -> None:
    assert isinstance(read_sound("a.wav", wav(60)), Sound)


@given(st.binary(max_size=200))
def test_hostile_bytes_raise_nothing(content: bytes) -> None:
    assert isinstance(read_sound("a.wav", content), Problem)


@given(
    st.integers(0, 43), st.binary(min_size=1, max_size=8), st.sampled_from([0, 1, 20, 400, 16044])
)
def test_a_damaged_head_raises_nothing(at: int, junk: bytes, length: int) -> None:
    whole = wav()
    damaged = (whole[:at] + junk + whole[at + len(junk) :])[: len(whole) - length or None]
    read = read_sound("a.wav", damaged)
    assert isinstance(read, Problem) or 0 < read.ref.seconds <= 60


@pytest.mark.parametrize(
    "name", ["intro.wav", "Intro.WAV", "intro.en.wav", "привет-2.wav", "_.wav"]
)
def test_a_name_is_letters_digits_and_hyphens(name: str) -> None:
    assert is_sound_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".wav", "intro", "intro.mp3", "a b.wav", "../a.wav", "a/b.wav", "a\\b.wav"),
        *("/a.wav", "..wav", "a..wav", "a.wav\n", "a\x00.wav", "-a.wav", "{{ a }}.wav"),
    ],
)
def test_a_path_is_no_name(name: str) -> None:
    assert not is_sound_name(name)


def test_files_are_found_in_the_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "outside.wav").write_bytes(wav())
    (tmp_path / "own" / "intro.wav").write_bytes(wav())
    (tmp_path / "own" / "folder.wav").mkdir()
    (tmp_path / "own" / "bad.wav").write_bytes(b"no")
    names = frozenset({"intro.wav", "folder.wav", "bad.wav", "ghost.wav", "../outside.wav"})
    found = load_sounds(tmp_path / "own", names)
    assert isinstance(found["intro.wav"], Sound)
    assert isinstance(found["bad.wav"], Problem)
    assert set(found) == {"intro.wav", "bad.wav"}
    assert load_sounds(tmp_path / "nowhere", names) == {}


def test_a_letter_that_another_computer_composes_otherwise_is_the_same_letter(
    tmp_path: Path,
) -> None:
    (tmp_path / unicodedata.normalize("NFD", "май.wav")).write_bytes(wav())
    found = load_sounds(tmp_path, frozenset({"май.wav"}))
    assert isinstance(found["май.wav"], Sound)


def test_the_same_content_under_two_names_is_one_recording() -> None:
    first, second = read_sound("a.wav", wav()), read_sound("b.wav", wav())
    assert isinstance(first, Sound)
    assert isinstance(second, Sound)
    assert first.ref == second.ref == SoundRef(first.ref.digest, 1.0)
