"""What Twilio is told to say, in its own markup (TwiML), and where it is to report."""

from urllib.parse import parse_qs, quote, urlsplit

from twilio.twiml.voice_response import Gather, VoiceResponse

from channels.base import CallMessage
from templates.call import Say
from templates.i18n import _, speaking

SPOKEN_LANGUAGE = {"ru": "ru-RU", "en": "en-US"}
KEY_WAIT_SECONDS = 3
PAUSE_SECONDS = 1
# https://www.twilio.com/docs/voice/api/call-resource: the longest TwiML a request may carry.
MAX_TWIML_CHARACTERS = 4000


def callback_url(message: CallMessage, kind: str) -> str:
    """Where a callback of this attempt goes; the signature covers the expected seconds with it."""
    token = quote(message.token, safe="")
    return f"{message.receipts_url}/twilio/{kind}/{token}?expects={message.expected_seconds:g}"


def expected_seconds(url: str) -> float | None:
    """The seconds a callback's own address says the message lasts; None where it says nothing."""
    values = parse_qs(urlsplit(url).query).get("expects", [])
    try:
        seconds = float(values[0])
    except (IndexError, ValueError):
        return None
    return seconds if 0 < seconds < 3600 else None


def call_script(message: CallMessage, voice: str | None) -> str:
    """The message inside a Gather: a key pressed at any moment, or none by the end, is reported."""
    response = VoiceResponse()
    gather = Gather(
        input="dtmf",
        num_digits=1,
        timeout=KEY_WAIT_SECONDS,
        action=callback_url(message, "gather"),
        method="POST",
        action_on_empty_result=True,
    )
    for number, fragment in enumerate(message.script.spoken):
        if number:
            gather.pause(length=PAUSE_SECONDS)
        if isinstance(fragment, Say):
            _say(gather, fragment.text, message.language, voice)
        else:
            gather.play(message.sound_url(fragment.sound))
    response.append(gather)
    return str(response)


def farewell(language: str, voice: str | None) -> str:
    """The answer to the end of the message: thanks, and the line is freed."""
    response = VoiceResponse()
    with speaking(language):
        _say(response, _("Thank you. Goodbye."), language, voice)
    response.hangup()
    return str(response)


def _say(verb: VoiceResponse | Gather, text: str, language: str, voice: str | None) -> None:
    spoken = SPOKEN_LANGUAGE.get(language, SPOKEN_LANGUAGE["ru"])
    # The voice of the settings speaks Russian; another language takes Twilio's own.
    verb.say(text, language=spoken, voice=voice if spoken == "ru-RU" else None)
