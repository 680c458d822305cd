"""Callbacks from the sandbox to the program under rehearsal, as providers send them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
TRIES = 3


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str


class Postman:
    """Posts callbacks over kept-open connections. A receiver that fails never harms the sandbox."""

    def __init__(self) -> None:
        self.posted = 0
        self.failed = 0
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            headers={"User-Agent": "dispatcher-sandbox"},
        )

    async def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Answer | None:
        """The receiver's answer; None when it failed three times.

        Like the providers, it tries again after a 5xx, a lost connection or five seconds of
        silence, and takes any other answer for final.
        """
        for _try in range(TRIES):
            answer = await self._post_once(url, form, json, headers, method)
            if answer is not None and answer.status < 500:
                self.posted += 1
                return answer
        self.failed += 1
        logger.warning("a callback failed %d times and is given up", TRIES)
        return None

    async def _post_once(
        self,
        url: str,
        form: Mapping[str, str] | None,
        json: Mapping[str, object] | None,
        headers: Mapping[str, str] | None,
        method: str,
    ) -> Answer | None:
        try:
            async with self._http.request(
                method,
                url,
                data=form if method == "POST" else None,
                params=form if method != "POST" else None,
                json=json,
                headers=headers,
            ) as response:
                return Answer(response.status, await response.text(errors="replace"))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None

    async def close(self) -> None:
        await self._http.close()
