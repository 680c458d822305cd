"""Sound files of any usual kind become one file of the right length."""

import io
import math
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.tape import RATE, NotWave, join, seconds_of_wave


def tone(seconds: float, rate: int = 8000, width: int = 2, channels: int = 1) -> bytes:
    """A humming of 200 Hz at half the loudness there is."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        for n in range(round(seconds * rate)):
            level = 0.5 * math.sin(2 * math.pi * 200 * n / rate)
            byte, word = bytes([128 + int(127 * level)]), struct.pack("<h", int(32767 * level))
            file.writeframesraw((byte if width == 1 else word) * channels)
    return target.getvalue()


def loudest(content: bytes) -> float:
    with wave.open(io.BytesIO(content)) as file:
        frames = file.readframes(file.getnframes())
    return float(max(abs(s) for (s,) in struct.iter_unpack("<h", frames))) / 32767


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_usual_kind_of_wave_keeps_its_length_and_loudness(
    rate: int, width: int, channels: int
) -> None:
    joined = join([tone(0.5, rate, width, channels)])
    assert seconds_of_wave(joined) == pytest.approx(0.5, abs=0.01)
    assert loudest(joined) == pytest.approx(0.5, abs=0.03)


@given(st.lists(st.floats(0, 2), max_size=5))
def test_silences_add_up(pauses: list[float]) -> None:
    assert seconds_of_wave(join(pauses)) == pytest.approx(sum(pauses), abs=len(pauses) / RATE)


def test_pieces_of_different_kinds_follow_each_other() -> None:
    joined = join([tone(0.2, 8000), 0.3, tone(0.4, 44100, 1, 2)])
    assert seconds_of_wave(joined) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"ID3 not a wave at all", tone(0.1)[:30]])
def test_what_is_no_wave_is_told_so(content: bytes) -> None:
    with pytest.raises(NotWave):
        seconds_of_wave(content)
    with pytest.raises(NotWave):
        join([content])


def test_an_absurd_length_in_the_head_does_not_count() -> None:
    """Engines that write to a pipe do not know the length when they write the head."""
    honest = tone(0.5)
    liar = honest[:40] + struct.pack("<I", 0x7FFFF000) + honest[44:]
    assert seconds_of_wave(liar) == pytest.approx(0.5, abs=0.01)


def test_a_file_that_ends_within_a_frame_is_played_up_to_there() -> None:
    torn = tone(0.5)[:-1]
    assert seconds_of_wave(join([torn])) == pytest.approx(0.5, abs=0.01)
