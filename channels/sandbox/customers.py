"""Customers who write to us: SMS to our numbers, posted on by the provider they came through."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from campaigns.channel import ChannelName
from channels.sandbox.patterns import Fate
from channels.sandbox.postman import Answer
from channels.sandbox.twilio_rest import Account
from channels.sandbox.world import Contact, World

OUR_NUMBER = "+74951000000"  # what customers write to, where nobody wrote to them before
ANSWER_SECONDS = 60
ANSWERS = {
    Fate.REPLIES_STOP: "СТОП",
    Fate.REPLIES_QUESTION: "Я уже оплатил вчера. Когда спишется долг?",
}
_LAST_STEP = 9  # of one instant, receipts come before an answer


class Customers:
    """Writes what customers write.

    `inbound_urls` tells by provider ("smsaero", "twilio") where their SMS are posted to; it may be
    filled after the start. What comes through a provider without an address goes nowhere, as with a
    real one that was told none.
    """

    def __init__(self, world: World, account: Account, inbound_urls: Mapping[str, str]) -> None:
        self._world = world
        self._account = account
        self._inbound_urls = inbound_urls
        self._written: Counter[tuple[str, str]] = Counter()

    def plan_answer(
        self, provider: str, contact: Contact, ours: str, delivered_at: datetime
    ) -> None:
        """A minute after delivery, if that is this customer's fate."""
        text = ANSWERS.get(contact.fate)
        if text is None:
            return

        async def happen(at: datetime) -> None:
            await self.write(provider, contact.contact_point, text, at, ours)

        self._world.timeline.put(
            delivered_at + self._world.span(ANSWER_SECONDS),
            ChannelName.SMS,
            contact.contact_point,
            provider,
            _LAST_STEP,
            happen,
        )

    async def write(
        self,
        provider: str,
        number: str,
        text: str,
        at: datetime,
        ours: str = OUR_NUMBER,
        reference: str | None = None,
    ) -> Answer | None:
        """Post one SMS; None when the receiver failed or the provider knows no address."""
        self._written[provider, number] += 1
        url = self._inbound_urls.get(provider)
        if url is None:
            return None
        name = reference or self._reference(provider, number)
        if provider == "twilio":
            form = self._twilio(name, number, text, ours)
            headers = {"X-Twilio-Signature": self._account.signature(url, form)}
            return await self._world.postman.post(url, form=form, headers=headers)
        form = {
            "id": name,
            "number": number.removeprefix("+"),
            "to": ours.removeprefix("+"),
            "text": text,
            "date": str(int(at.timestamp())),
        }
        return await self._world.postman.post(url, form=form)

    def _twilio(self, sid: str, number: str, text: str, ours: str) -> dict[str, str]:
        return {
            "MessageSid": sid,
            "SmsSid": sid,
            "SmsMessageSid": sid,
            "SmsStatus": "received",
            "AccountSid": self._account.sid,
            "From": number,
            "To": ours,
            "Body": text,
            "NumMedia": "0",
            "NumSegments": "1",
            "ApiVersion": "2010-04-01",
        }

    def _reference(self, provider: str, number: str) -> str:
        """The n-th SMS of a number has the same name for the same seed, like everything here."""
        count = self._written[provider, number]
        named = f"{self._world.seed}|inbound|{provider}|{number}|{count}".encode()
        digest = hashlib.sha256(named).digest()
        if provider == "twilio":
            return f"SM{digest.hex()[:32]}"
        return str(10**14 + int.from_bytes(digest[:8]) % (9 * 10**14))
