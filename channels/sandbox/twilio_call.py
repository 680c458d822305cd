"""One call in the sandbox, from the first ring to the last callback."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urljoin

from campaigns.channel import ChannelName
from channels.sandbox.patterns import KEYS, Fate
from channels.sandbox.postman import Answer
from channels.sandbox.twilio_call_request import CallRequest
from channels.sandbox.twilio_operator import Leg, make_leg
from channels.sandbox.twilio_rest import Account, instant
from channels.sandbox.twiml import (
    BadTwiml,
    Broken,
    Dial,
    Gather,
    Hangup,
    Redirect,
    Verb,
    parse_twiml,
    read_verbs,
    sounds_in,
    talk_seconds,
)
from channels.sandbox.world import Contact, World

# Deciding whether a person or a machine has answered takes Twilio a moment.
DETECTION_SECONDS = 1.0
APOLOGY_SECONDS = 5.0  # "an application error has occurred"
# Calls that nobody takes: the status, and the SIP code of the telephone's answer.
NOT_TAKEN = {
    Fate.BUSY: ("busy", 486),
    Fate.DECLINED: ("busy", 603),
    Fate.FAILED: ("failed", 503),
}
MAX_DOCUMENTS = 50  # of one call: a Redirect to itself must end


@dataclass(slots=True)
class Call:
    """The call's state, and the story its fate makes of it."""

    world: World
    account: Account
    contact: Contact
    sid: str
    asked: CallRequest
    created_at: datetime
    status: str = "queued"
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    answered_by: str | None = None
    _step: int = 0
    _story: int = 0  # a new one makes what was planned for the old one void
    _documents: int = 0
    _dials: int = 0
    _base_url: str = ""
    _hangs_up_at: datetime | None = None
    _pending_key: str | None = field(default=None)

    @property
    def over(self) -> bool:
        return self.ended_at is not None

    @property
    def duration_seconds(self) -> int | None:
        if self.answered_at is None or self.ended_at is None:
            return None
        # Instants are told in whole seconds: the length is that between the two that are told.
        speed = self.world.speed
        return int(self.ended_at.timestamp() * speed) - int(self.answered_at.timestamp() * speed)

    def begin(self) -> None:
        """Put the first events on the timeline."""
        dice, fate = self.contact.dice, self.contact.fate
        self._later(self.created_at + self.world.span(1), self._ring)
        rings = dice.between("ring", 3.0, 18.0)
        if fate in NOT_TAKEN:
            status, sip = NOT_TAKEN[fate]
            self._later(self.created_at + self.world.span(2), lambda at: self.end(at, status, sip))
        elif fate is Fate.NO_ANSWER or rings >= self.asked.ring_seconds:
            gone_at = self.created_at + self.world.span(self.asked.ring_seconds)
            self._later(gone_at, lambda at: self.end(at, "no-answer", 487))
        else:
            self._pending_key = KEYS.get(fate)
            self._later(self.created_at + self.world.span(rings), self._answer)

    def tell_anew(self, at: datetime, twiml: str | None, url: str | None, method: str) -> None:
        """The client changes a call in progress: what was to come is forgotten."""
        self._story += 1
        if url:
            self._later(at, lambda at: self._fetch(at, url, method))
        else:
            self._later(at, lambda at: self._play(at, twiml or ""))

    async def _ring(self, at: datetime) -> None:
        self.status = "ringing"
        await self._report(at, "initiated", step_status="queued")
        await self._report(at, "ringing", step_status="ringing")

    async def _answer(self, at: datetime) -> None:
        self.status, self.answered_at = "in-progress", at
        await self._report(at, "answered", step_status="in-progress")
        speaks_at = at
        if self.asked.detect_machine:
            machine = self.contact.fate is Fate.MACHINE
            self.answered_by = "machine_start" if machine else "human"
            speaks_at = at + self.world.span(DETECTION_SECONDS)
        limit_at = at + self.world.span(self.asked.limit_seconds)
        self._later(limit_at, lambda at: self.end(at, "completed"))
        url, method = self.asked.url, self.asked.method
        if url:
            self._later(speaks_at, lambda at: self._fetch(at, url, method))
        else:
            self._later(speaks_at, lambda at: self._play(at, self.asked.twiml or ""))

    async def _fetch(
        self, at: datetime, url: str, method: str, told: Mapping[str, str] | None = None
    ) -> None:
        """Ask the client what to say next, and say it."""
        story = self._story
        self._base_url = url = urljoin(self._base_url, url)
        answer = await self._post(url, {**self._form("in-progress"), **(told or {})}, method)
        if story != self._story:  # while the client thought, the call was ended or changed
            return
        if answer is None or answer.status >= 400:
            self._apologise(at)
        else:
            await self._play(at, answer.body)

    async def _play(self, at: datetime, document: str) -> None:
        self._documents += 1
        story = self._story
        try:
            root = parse_twiml(document)
            lengths = {
                sound: await self.world.sounds.seconds(urljoin(self._base_url, sound))
                for sound in sounds_in(root)
            }
            verbs = read_verbs(root, lengths)
        except BadTwiml:
            self._apologise(at)
            return
        if story != self._story:
            return
        if self._documents > MAX_DOCUMENTS:
            self._apologise(at)
            return
        if self.contact.fate is Fate.HUNG_UP and self._hangs_up_at is None:
            heard_seconds = talk_seconds(verbs) * self.contact.share(0.1, 0.5)
            self._hangs_up_at = at + self.world.span(heard_seconds)
            self._later(self._hangs_up_at, lambda at: self.end(at, "completed"))
        self._go_through(at, verbs)

    def _go_through(self, at: datetime, verbs: tuple[Verb, ...]) -> None:
        """Find the next verb at which something happens, and plan it for its time."""
        for number, verb in enumerate(verbs):
            if isinstance(verb, Hangup):
                break
            if isinstance(verb, Broken):
                self._apologise(at)
                return
            if isinstance(verb, Redirect):
                url, method = verb.url, verb.method
                self._later(at, lambda at, u=url, m=method: self._fetch(at, u, m))  # type: ignore[misc]
                return
            if isinstance(verb, Dial):
                self._plan_dial(at, verb, verbs[number + 1 :])
                return
            if isinstance(verb, Gather):
                if self._plan_gather(at, verb):
                    return
                at += self.world.span(verb.speech_seconds + verb.timeout_seconds)
            else:
                at += self.world.span(verb.seconds)
        self._later(at, lambda at: self.end(at, "completed"))

    def _plan_gather(self, at: datetime, gather: Gather) -> bool:
        """Whether the gather leads on to its action, by a key or by silence, or breaks off."""
        action = gather.action or self._base_url
        key = self._pending_key if gather.takes_keys and action else None
        if key is not None:
            self._pending_key = None
            seconds = gather.speech_seconds * self.contact.share(0.5, 0.95)
        elif gather.breaks_off:
            self._apologise(at + self.world.span(gather.speech_seconds))
            return True
        elif gather.reports_silence and action:
            seconds = gather.speech_seconds + gather.timeout_seconds
        else:
            return False
        told = {"Digits": key or ""}
        pressed_at = at + self.world.span(seconds)
        self._later(pressed_at, lambda at: self._fetch(at, action, gather.method, told))
        return True

    def _plan_dial(self, at: datetime, dial: Dial, rest: tuple[Verb, ...]) -> None:
        """Ring an operator; what follows the talk, or its failure, is planned with it."""
        self._dials += 1
        leg = make_leg(self.world, self.contact, dial, self._dials)
        over_at = at + self.world.span(leg.rings_seconds)
        if leg.answers:
            self._later(over_at, lambda at: self._tell_answered(at, leg))
            over_at += self.world.span(leg.talk_seconds)
        self._later(over_at, lambda at: self._dialled(at, leg, rest))

    async def _tell_answered(self, at: datetime, leg: Leg) -> None:
        if leg.dial.answered_callback:
            form = {**leg.answered(self._form("in-progress")), "Timestamp": instant(at) or ""}
            url = urljoin(self._base_url, leg.dial.answered_callback)
            await self._post(url, form, leg.dial.callback_method)

    async def _dialled(self, at: datetime, leg: Leg, rest: tuple[Verb, ...]) -> None:
        """The operator's part is over: tell the action, and go on with what it answers."""
        action = leg.dial.action
        if leg.abandoned:
            if action:  # told all the same, but there is nobody left to hear the answer
                form = {**self._form("completed"), **leg.done()}
                await self._post(urljoin(self._base_url, action), form, leg.dial.method)
            await self.end(at, "completed")
        elif action:
            await self._fetch(at, action, leg.dial.method, leg.done())
        else:
            self._go_through(at, rest)

    def _apologise(self, at: datetime) -> None:
        self._later(at + self.world.span(APOLOGY_SECONDS), lambda at: self.end(at, "completed"))

    async def end(self, at: datetime, status: str, sip_code: int = 200) -> None:
        """The line is free: settle the call's state and report it as the fate wants. Once."""
        if self.over:
            return
        self.status, self.ended_at = status, at
        self._story += 1
        extra = {"SipResponseCode": str(sip_code)}
        if self.duration_seconds is not None:
            extra["CallDuration"] = str(self.duration_seconds)
            extra["Duration"] = str(-(-self.duration_seconds // 60))
        fate = self.contact.fate
        if fate is Fate.LATE_RECEIPT:
            late_at = at + self.world.span(self.contact.late_seconds)
            self._after_all(late_at, lambda _at: self._report(at, "completed", status, extra))
            return
        if fate is Fate.NO_RECEIPT:
            return
        await self._report(at, "completed", status, extra)
        if fate is Fate.REORDERED_RECEIPTS:
            self._after_all(at + self.world.span(1), self._ask_late)
        if fate is Fate.DUPLICATE_RECEIPT:
            again_at = at + self.world.span(1)
            self._after_all(again_at, lambda _at: self._report(at, "completed", status, extra))

    async def _ask_late(self, _at: datetime) -> None:
        """A request for the first words that was long on its way: the call is over by now."""
        if self.asked.url and self.answered_at is not None:
            await self._post(self.asked.url, self._form("in-progress"), self.asked.method)

    async def _report(
        self,
        at: datetime,
        event: str,
        step_status: str,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        url = self.asked.status_callback
        if not url or event not in self.asked.status_events:
            return
        form = {
            **self._form(step_status),
            **(extra or {}),
            "Timestamp": instant(at) or "",
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(("initiated", "ringing", "answered", "completed").index(event)),
        }
        await self._post(url, form, self.asked.status_method)

    def _form(self, status: str) -> dict[str, str]:
        form = {
            "CallSid": self.sid,
            "AccountSid": self.account.sid,
            "ApiVersion": "2010-04-01",
            "Direction": "outbound-api",
            "CallStatus": status,
            "From": self.asked.from_,
            "Caller": self.asked.from_,
            "To": self.asked.to,
            "Called": self.asked.to,
        }
        if self.answered_by:
            form["AnsweredBy"] = self.answered_by
        return form

    async def _post(self, url: str, form: Mapping[str, str], method: str) -> Answer | None:
        signature = self.account.signature(url, form if method == "POST" else {})
        return await self.world.postman.post(
            url, form=form, headers={"X-Twilio-Signature": signature}, method=method
        )

    def _later(self, at: datetime, happen: Callable[[datetime], Awaitable[None]]) -> None:
        """Plan a step of the present story; it is void when the call ends or is changed before."""
        story = self._story

        async def if_still_true(at: datetime) -> None:
            if story == self._story:
                await happen(at)

        self._after_all(at, if_still_true)

    def _after_all(self, at: datetime, happen: Callable[[datetime], Awaitable[None]]) -> None:
        self._step += 1
        self.world.timeline.put(
            at, ChannelName.PHONE, self.contact.contact_point, self.sid, self._step, happen
        )
