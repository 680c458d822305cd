"""TwiML as Twilio would read it, reduced to what takes time and what asks for something."""

from dataclasses import dataclass
from xml.etree import ElementTree

from templates.speech import expected_seconds

_PLAY_SECONDS = 5.0  # a sound file is not fetched; this is how long one is taken to be
_DIAL_SECONDS = 20.0
_SECONDS_FOR_DIGIT = 0.5
MAX_CHARACTERS = 64_000


class BadTwiml(ValueError):
    """A document Twilio would answer with "an application error has occurred"."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Something the callee hears."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Gather:
    """Speech during which keys are listened for, and a wait of `timeout_seconds` after it."""

    speech_seconds: float
    timeout_seconds: float
    action: str | None
    method: str
    takes_keys: bool
    reports_silence: bool


@dataclass(frozen=True, slots=True)
class Redirect:
    url: str
    method: str


@dataclass(frozen=True, slots=True)
class Hangup:
    pass


Verb = Speech | Gather | Redirect | Hangup


def read_twiml(text: str) -> tuple[Verb, ...]:
    """The verbs in order. Raises BadTwiml for anything Twilio would not carry out.

    A document with a DTD is refused: TwiML has none, and entities could grow without end.
    """
    if len(text) > MAX_CHARACTERS or "<!" in text.replace("<!--", ""):
        raise BadTwiml("too long, or with a DTD")
    try:
        root = ElementTree.fromstring(text.strip())  # noqa: S314 - no DTD, no entities
    except ElementTree.ParseError as error:
        raise BadTwiml("not well-formed") from error
    if root.tag != "Response":
        raise BadTwiml("the root element is not Response")
    return tuple(_read_verb(element) for element in root)


def talk_seconds(verbs: tuple[Verb, ...]) -> float:
    """How long the document speaks, waiting for keys not counted."""
    spoken = 0.0
    for verb in verbs:
        if isinstance(verb, Speech):
            spoken += verb.seconds
        elif isinstance(verb, Gather):
            spoken += verb.speech_seconds
    return spoken


def _read_verb(element: ElementTree.Element) -> Verb:
    if element.tag == "Gather":
        return _read_gather(element)
    if element.tag == "Redirect":
        return Redirect((element.text or "").strip(), element.get("method", "POST").upper())
    if element.tag in {"Hangup", "Reject"}:
        return Hangup()
    return Speech(_speech_seconds(element))


def _read_gather(element: ElementTree.Element) -> Gather:
    return Gather(
        speech_seconds=sum(_speech_seconds(child) for child in element),
        timeout_seconds=_seconds(element, "timeout", 5.0),
        action=element.get("action"),
        method=element.get("method", "POST").upper(),
        takes_keys="dtmf" in element.get("input", "dtmf"),
        reports_silence=element.get("actionOnEmptyResult", "false") == "true",
    )


def _speech_seconds(element: ElementTree.Element) -> float:
    if element.tag == "Say":
        text = "".join(element.itertext())
        return expected_seconds([text]) * int(_seconds(element, "loop", 1.0))
    if element.tag == "Pause":
        return _seconds(element, "length", 1.0)
    if element.tag == "Play":
        digits = element.get("digits")
        return len(digits) * _SECONDS_FOR_DIGIT if digits else _PLAY_SECONDS
    if element.tag == "Dial":
        return _DIAL_SECONDS
    raise BadTwiml(f"an unknown verb {element.tag}")


def _seconds(element: ElementTree.Element, name: str, default: float) -> float:
    try:
        return float(element.get(name, default))
    except ValueError:
        raise BadTwiml(f"{name} is not a number") from None
