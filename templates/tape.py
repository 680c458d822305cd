"""Sound files put one after the other: a whole call as one WAV file.

Everything becomes mono, 16 bits, 16,000 samples a second: more than a telephone carries.
"""

import io
import warnings
import wave
from collections.abc import Iterable

with warnings.catch_warnings():
    # Python 3.13 has it as a package of its own, which our lock file names; 3.11 and 3.12 warn.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

RATE = 16_000
WIDTH_BYTES = 2


class NotWave(ValueError):
    """Bytes that are no uncompressed WAV file."""


def join(pieces: Iterable[bytes | float]) -> bytes:
    """WAV files (bytes) and silences (seconds) in their order, as one WAV file.

    Raises NotWave.
    """
    samples = b"".join(
        _samples(piece) if isinstance(piece, bytes) else _silence(piece) for piece in pieces
    )
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(WIDTH_BYTES)
        file.setframerate(RATE)
        file.writeframes(samples)
    return target.getvalue()


def seconds_of_wave(content: bytes) -> float:
    """How long a WAV file lasts. Raises NotWave."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            # Programs that write to a pipe leave an absurd length in the head: the content counts.
            frame_bytes = file.getsampwidth() * file.getnchannels()
            frames = min(file.getnframes(), len(content) // frame_bytes)
            seconds: float = frames / file.getframerate()
            return seconds
    except (wave.Error, EOFError, ZeroDivisionError, RuntimeError) as error:
        raise NotWave(str(error)) from None


def _silence(seconds: float) -> bytes:
    return bytes(round(seconds * RATE) * WIDTH_BYTES)


def _samples(content: bytes) -> bytes:
    try:
        with wave.open(io.BytesIO(content)) as file:
            channels, width = file.getnchannels(), file.getsampwidth()
            rate, frames = file.getframerate(), file.readframes(len(content))
    except (wave.Error, EOFError, RuntimeError) as error:
        raise NotWave(str(error)) from None
    whole = len(frames) - len(frames) % (width * channels)  # a file may end within a frame
    frames = frames[:whole]
    try:
        if width == 1:
            frames = audioop.bias(frames, 1, -128)  # the only unsigned one
        frames = audioop.lin2lin(frames, width, WIDTH_BYTES)
        if channels == 2:
            frames = audioop.tomono(frames, WIDTH_BYTES, 0.5, 0.5)
        if rate != RATE:
            frames, _state = audioop.ratecv(frames, WIDTH_BYTES, 1, rate, RATE, None)
    except audioop.error as error:
        raise NotWave(str(error)) from None
    return frames
