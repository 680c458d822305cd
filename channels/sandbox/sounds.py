"""Sound files as a telephone exchange has them: fetched from where the client keeps them."""

import asyncio
import logging

import aiohttp

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
# https://www.twilio.com/docs/voice/twiml/play: Twilio plays nothing larger.
MAX_BYTES = 40 * 1024 * 1024
# A file that is no WAV (an MP3) is taken to last this long.
_UNKNOWN_SECONDS = 5.0


class SoundShelf:
    """The lengths of sound files. Each is fetched once; one that could not be had, anew."""

    def __init__(self) -> None:
        self.fetched = 0
        self.missing = 0
        self._found: dict[str, asyncio.Task[float | None]] = {}
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            headers={"User-Agent": "dispatcher-sandbox"},
        )

    async def seconds(self, url: str) -> float | None:
        """How long the file at that address plays; None when it cannot be had."""
        asking = self._found.get(url)
        if asking is None:
            asking = self._found[url] = asyncio.create_task(self._fetch(url))
        found = await asking
        if found is None:
            self._found.pop(url, None)
        return found

    async def _fetch(self, url: str) -> float | None:
        self.fetched += 1
        content = await self._content(url)
        if not content:
            self.missing += 1
            logger.warning("a sound file of a call cannot be had")
            return None
        seconds = wav_seconds(content)
        return _UNKNOWN_SECONDS if seconds is None else seconds

    async def _content(self, url: str) -> bytes:
        """The file; nothing where there is none, or where it never ends."""
        content = bytearray()
        try:
            async with self._http.get(url) as answer:
                if answer.status != 200:
                    return b""
                async for piece in answer.content.iter_chunked(64 * 1024):
                    content += piece
                    if len(content) > MAX_BYTES:
                        return b""
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return b""
        return bytes(content)

    async def close(self) -> None:
        await self._http.close()


def wav_seconds(content: bytes) -> float | None:
    """How long a WAV plays, whatever its coding (PCM, A-law, mu-law); None for what is no WAV.

    Chunks of RIFF: four letters, a length, as many bytes, and one more where the length is odd.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    place, bytes_per_second = 12, 0
    while place + 8 <= len(content):
        name = content[place : place + 4]
        length = int.from_bytes(content[place + 4 : place + 8], "little")
        if name == b"fmt ":
            bytes_per_second = int.from_bytes(content[place + 16 : place + 20], "little")
        if name == b"data":
            there = min(length, len(content) - place - 8)
            return there / bytes_per_second if bytes_per_second else None
        place += 8 + length + length % 2
    return None
