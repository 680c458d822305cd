"""Sound files for tests."""

import io
import struct
import wave


def wav(
    seconds: float = 1.0,
    *,
    rate: int = 8000,
    channels: int = 1,
    width_bytes: int = 2,
    tone: int = 0,
) -> bytes:
    """A WAV file of silence; another `tone` is another content."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width_bytes)
        file.setframerate(rate)
        file.writeframes(bytes([tone]) * (round(seconds * rate) * channels * width_bytes))
    return target.getvalue()


def with_format(content: bytes, format_code: int) -> bytes:
    """The same file, claiming another encoding (1 is PCM)."""
    at = content.index(b"fmt ") + 8
    return content[:at] + struct.pack("<H", format_code) + content[at + 2 :]
