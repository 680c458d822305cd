"""What Twilio is told to do, in its own markup (TwiML), and where it is to report.

https://www.twilio.com/docs/voice/twiml: Say, Play, Pause, Gather, Dial, Hangup.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from campaigns.menu import Operator, Turn
from channels.base import CallMessage
from templates.call import PAUSE_SECONDS, Fragment, Say
from templates.i18n import _, speaking

SPOKEN_LANGUAGE = {"ru": "ru-RU", "en": "en-US"}
# How long a key is waited for when all is said: longer where there is a choice to think about.
KEY_WAIT_SECONDS = 3
CHOICE_WAIT_SECONDS = 5
# How often a call that was answered asks for its first words, and how long it waits in between.
MAX_TRIES = 3
TRY_AGAIN_SECONDS = 1
# A talk with an operator that lasts longer was most likely not hung up properly.
TALK_LIMIT_SECONDS = 1800
MAX_ROUND = 99

# XML 1.0, section 2.2: what no document may hold, escaped or not.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def callback_url(message: CallMessage, kind: str, round_: int | None = None) -> str:
    """Where a callback of this attempt goes; the signature covers what its query says."""
    token = quote(message.token, safe="")
    url = f"{message.receipts_url}/twilio/{kind}/{token}?expects={message.expected_seconds:g}"
    return url if round_ is None else f"{url}&round={round_}"


def expected_seconds(url: str) -> float | None:
    """The seconds a callback's own address says the message lasts; None where it says nothing."""
    values = parse_qs(urlsplit(url).query).get("expects", [])
    try:
        seconds = float(values[0])
    except (IndexError, ValueError):
        return None
    return seconds if 0 < seconds < 3600 else None


def round_of(url: str) -> int:
    """Which round of the menu a callback's own address tells of; calls of old do not say: 1."""
    return min(_number_in(url, "round"), MAX_ROUND)


def try_of(url: str) -> int:
    """How often a call has asked for its first words, as the callback's own address tells."""
    return _number_in(url, "try")


def _number_in(url: str, name: str) -> int:
    """A number from 1 to 99 in the query of an address; 1 where it has none."""
    text = (parse_qs(urlsplit(url).query).get(name) or [""])[0]
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 3 else 1


def ask_again(url: str) -> str:
    """A moment of silence, then the call asks the same question once more; empty when it has been
    asked often enough. `url` is where it was asked, checked to be an address that we gave."""
    tries = try_of(url) + 1
    if tries > MAX_TRIES:
        return ""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    again = parts._replace(query=urlencode({**query, "try": tries})).geturl()
    response = VoiceResponse()
    response.pause(length=TRY_AGAIN_SECONDS)
    response.redirect(again, method="POST")
    return str(response)


def hang_up() -> str:
    """The line is freed without a word."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def turn_script(message: CallMessage, turn: Turn, voice: str | None) -> str:
    """How a call goes on: something said, then an operator, the keys, or the end."""
    response = VoiceResponse()
    if turn.listens and turn.operator is None:
        response.append(_listening(message, turn.fragments, turn.round, voice))
        return str(response)
    _speak(response, message, turn.fragments, voice)
    if turn.operator is not None:
        response.append(_dialling(message, turn.operator))
    else:
        response.hangup()
    return str(response)


def farewell(language: str, voice: str | None) -> str:
    """Thanks, and the line is freed: the answer when nothing else is decided."""
    response = VoiceResponse()
    with speaking(language):
        _say(response, _("Thank you. Goodbye."), language, voice)
    response.hangup()
    return str(response)


def _listening(
    message: CallMessage, fragments: Sequence[Fragment], round_: int, voice: str | None
) -> Gather:
    """A Gather: a key pressed at any moment, or none by the end, is reported.

    No key is left to end the input by itself (`#` would, and would look like silence).
    """
    gather = Gather(
        input="dtmf",
        num_digits=1,
        finish_on_key="",
        timeout=CHOICE_WAIT_SECONDS if message.script.keys else KEY_WAIT_SECONDS,
        action=callback_url(message, "gather", round_),
        method="POST",
        action_on_empty_result=True,
    )
    _speak(gather, message, fragments, voice)
    return gather


def _dialling(message: CallMessage, operator: Operator) -> Dial:
    """A Dial: the customer hears it ring, and both sides report what becomes of it."""
    dial = Dial(
        timeout=operator.wait_seconds,
        action=callback_url(message, "dial"),
        method="POST",
        caller_id=message.sender,
        time_limit=TALK_LIMIT_SECONDS,
        answer_on_bridge=True,
    )
    is_sip = operator.address.lower().startswith(("sip:", "sips:"))
    (dial.sip if is_sip else dial.number)(
        _UNSPEAKABLE.sub("", operator.address),
        status_callback=callback_url(message, "operator"),
        status_callback_event="answered",
        status_callback_method="POST",
    )
    return dial


def _speak(
    verb: VoiceResponse | Gather,
    message: CallMessage,
    fragments: Iterable[Fragment],
    voice: str | None,
) -> None:
    for number, fragment in enumerate(fragments):
        if number:
            verb.pause(length=round(PAUSE_SECONDS))
        if isinstance(fragment, Say):
            _say(verb, fragment.text, message.language, voice)
        else:
            verb.play(message.sound_url(fragment.sound))


def _say(verb: VoiceResponse | Gather, text: str, language: str, voice: str | None) -> None:
    spoken = SPOKEN_LANGUAGE.get(language, SPOKEN_LANGUAGE["ru"])
    # The voice of the settings speaks Russian; another language takes Twilio's own.
    verb.say(
        _UNSPEAKABLE.sub(" ", text),
        language=spoken,
        voice=voice if spoken == "ru-RU" else None,
    )
