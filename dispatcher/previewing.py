"""What a scenario would say to one customer: worded, measured, and spoken on request."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import BoundedSemaphore

from campaigns.channel import ChannelName, Purpose
from campaigns.content import CallContent, MailContent, SmsContent, render_content
from campaigns.recipient import Recipient
from campaigns.scenario import Scenario
from campaigns.scenario_samples import SAMPLE_LINK, SAMPLE_URL
from dispatcher.errors import NotPossible
from dispatcher.examination import Unfit, unfit_of
from dispatcher.ledger.scenarios import Templates
from dispatcher.voices import Voice, VoiceBroken
from templates.call import PAUSE_SECONDS, CallScript, Say, SoundRef
from templates.errors import RenderError
from templates.i18n import _
from templates.problem import Refused
from templates.sms import SmsShape, measure
from templates.speech import CALL_LIMIT_SECONDS, SENDING_LIMIT_SECONDS
from templates.tape import join

# Voices work as hard as they can while somebody waits; so many calls are spoken at once.
_SPEAKING = BoundedSemaphore(2)
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sms:
    text: str
    shape: SmsShape
    costs: Mapping[str, int]  # kopecks by provider


@dataclass(frozen=True, slots=True)
class Call:
    """`fits` says whether it may be launched: within a minute, by the estimate."""

    script: CallScript

    @property
    def seconds(self) -> float:
        return self.script.total_seconds

    @property
    def fits(self) -> bool:
        return self.seconds <= CALL_LIMIT_SECONDS


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    text: str
    html: str

    @property
    def digest(self) -> str:
        """Whether the design has changed since somebody last looked."""
        return sha256(self.html.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Unsaid:
    """A message that cannot be worded: what is in the way, or nothing where the text itself has a
    mistake that its check tells."""

    unfit: Unfit | None = None


Message = Sms | Call | Letter | Unsaid


def word(
    scenario: Scenario,
    channel: ChannelName,
    templates: Templates,
    accounts: Sequence[Recipient],
    supplier: Mapping[str, str],
    sounds: Mapping[str, SoundRef],
    prices: Mapping[str, int],
) -> Message:
    """What these accounts would be told on the channel; too long or not. `prices` are those of an
    SMS part, in kopecks by provider. Links in it lead nowhere."""
    extra = {"link_url": SAMPLE_LINK}
    if scenario.purpose is Purpose.MARKETING:
        extra["unsubscribe_url"] = SAMPLE_URL
    try:
        content = render_content(
            scenario,
            channel,
            templates.get(channel, {}),
            accounts,
            supplier,
            extra,
            sounds,
            limit_seconds=math.inf,
        )
    except RenderError as error:
        return Unsaid(unfit_of(channel, 0, accounts[0].account_number, error))
    except (Refused, KeyError):
        return Unsaid()
    match content:
        case SmsContent():
            shape = measure(content.text)
            costs = {name: price * len(shape.parts) for name, price in sorted(prices.items())}
            return Sms(content.text, shape, costs)
        case CallContent():
            return Call(content.script)
        case MailContent():
            return Letter(content.subject, content.text, content.html)


def speak(script: CallScript, sounds: Mapping[str, bytes], voice: Voice) -> bytes:
    """The whole call as one WAV file, as a silent listener would hear it; `sounds` are the contents
    of the files it plays.

    Raises NotPossible for one that is far too long, for a file that is not there, for a voice that
    does not speak, and while others listen.
    """
    if script.total_seconds > SENDING_LIMIT_SECONDS:
        raise NotPossible(_("This is too long for a call: shorten it before you listen to it."))
    if not _SPEAKING.acquire(timeout=PATIENCE_SECONDS):
        raise NotPossible(_("The voice is busy. Try again in a few seconds."))
    try:
        return join(_pieces(script, sounds, voice))
    except VoiceBroken:
        raise NotPossible(
            _("The voice of this server does not speak. Tell whoever runs it.")
        ) from None
    finally:
        _SPEAKING.release()


def _pieces(script: CallScript, sounds: Mapping[str, bytes], voice: Voice) -> list[bytes | float]:
    pieces: list[bytes | float] = []
    for fragment in script.spoken:
        if pieces:
            pieces.append(PAUSE_SECONDS)
        if isinstance(fragment, Say):
            pieces.append(voice.speak(fragment.text, script.language))
        elif fragment.name in sounds:
            pieces.append(sounds[fragment.name])
        else:
            raise NotPossible(_("The sound file {name} is not there.").format(name=fragment.name))
    return pieces
