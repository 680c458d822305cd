"""TwiML as Twilio would read it, reduced to what takes time and what asks for something."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from templates.speech import phrase_seconds

_SECONDS_FOR_DIGIT = 0.5
_LOOPS_FOR_EVER = 1000  # Twilio's own reading of loop="0"
MAX_CHARACTERS = 64_000

# How long the sound files of a document last, by their addresses; None: it cannot be had.
Lengths = Mapping[str, float | None]


class BadTwiml(ValueError):
    """A document Twilio would answer with "an application error has occurred"."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Something the callee hears."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Broken:
    """A sound file that cannot be had: here the call breaks off with an apology."""


@dataclass(frozen=True, slots=True)
class Gather:
    """Speech during which keys are listened for, and a wait of `timeout_seconds` after it."""

    speech_seconds: float
    timeout_seconds: float
    action: str | None
    method: str
    takes_keys: bool
    reports_silence: bool
    breaks_off: bool = False  # when the speech is over, for the next sound cannot be had


@dataclass(frozen=True, slots=True)
class Dial:
    """Somebody else is called and then talked to. `address` is a number or a SIP address.

    `answered_callback` hears when that call is answered.
    """

    address: str
    timeout_seconds: float
    limit_seconds: float
    action: str | None
    method: str
    caller_id: str | None
    answered_callback: str | None
    callback_method: str


@dataclass(frozen=True, slots=True)
class Redirect:
    url: str
    method: str


@dataclass(frozen=True, slots=True)
class Hangup:
    pass


Verb = Speech | Broken | Gather | Dial | Redirect | Hangup


def parse_twiml(text: str) -> ElementTree.Element:
    """The document as a tree. Raises BadTwiml for what is no TwiML.

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
    return root


def sounds_in(root: ElementTree.Element) -> Iterator[str]:
    """The addresses of the sound files a document plays, as it writes them."""
    for element in root.iter("Play"):
        if not element.get("digits"):
            yield _text(element)


def read_verbs(root: ElementTree.Element, lengths: Lengths) -> tuple[Verb, ...]:
    """The verbs in order. Raises BadTwiml for anything Twilio would not carry out."""
    return tuple(_read_verb(element, lengths) for element in root)


def talk_seconds(verbs: tuple[Verb, ...]) -> float:
    """How long the document speaks, waiting for keys not counted."""
    spoken = 0.0
    for verb in verbs:
        if isinstance(verb, Speech):
            spoken += verb.seconds
        elif isinstance(verb, Gather):
            spoken += verb.speech_seconds
    return spoken


def _read_verb(element: ElementTree.Element, lengths: Lengths) -> Verb:
    if element.tag == "Gather":
        return _read_gather(element, lengths)
    if element.tag == "Dial":
        return _read_dial(element)
    if element.tag == "Redirect":
        return Redirect(_text(element), element.get("method", "POST").upper())
    if element.tag in {"Hangup", "Reject"}:
        return Hangup()
    seconds = _speech_seconds(element, lengths)
    return Broken() if seconds is None else Speech(seconds)


def _read_gather(element: ElementTree.Element, lengths: Lengths) -> Gather:
    spoken, breaks_off = 0.0, False
    for child in element:
        seconds = _speech_seconds(child, lengths)
        if seconds is None:
            breaks_off = True
            break
        spoken += seconds
    return Gather(
        speech_seconds=spoken,
        timeout_seconds=_seconds(element, "timeout", 5.0),
        action=element.get("action"),
        method=element.get("method", "POST").upper(),
        takes_keys="dtmf" in element.get("input", "dtmf"),
        reports_silence=element.get("actionOnEmptyResult", "false") == "true",
        breaks_off=breaks_off,
    )


def _read_dial(element: ElementTree.Element) -> Dial:
    """A Dial with one Number, one Sip, or the number as its own text."""
    nouns = list(element)
    if len(nouns) > 1 or any(noun.tag not in {"Number", "Sip"} for noun in nouns):
        raise BadTwiml("a Dial to somebody the sandbox cannot call")
    noun = nouns[0] if nouns else element
    address = _text(noun)
    if not address:
        raise BadTwiml("a Dial to nobody")
    hears_answer = "answered" in noun.get("statusCallbackEvent", "").split()
    return Dial(
        address=address,
        timeout_seconds=_seconds(element, "timeout", 30.0),
        limit_seconds=_seconds(element, "timeLimit", 14_400.0),
        action=element.get("action"),
        method=element.get("method", "POST").upper(),
        caller_id=element.get("callerId"),
        answered_callback=noun.get("statusCallback") if hears_answer else None,
        callback_method=noun.get("statusCallbackMethod", "POST").upper(),
    )


def _speech_seconds(element: ElementTree.Element, lengths: Lengths) -> float | None:
    """How long one verb speaks; None for a sound file that cannot be had."""
    if element.tag == "Say":
        return phrase_seconds("".join(element.itertext())) * _loops(element)
    if element.tag == "Pause":
        return _seconds(element, "length", 1.0)
    if element.tag == "Play":
        digits = element.get("digits")
        if digits:
            return len(digits) * _SECONDS_FOR_DIGIT
        seconds = lengths.get(_text(element))
        return None if seconds is None else seconds * _loops(element)
    raise BadTwiml(f"an unknown verb {element.tag}")


def _loops(element: ElementTree.Element) -> int:
    return int(_seconds(element, "loop", 1.0)) or _LOOPS_FOR_EVER


def _seconds(element: ElementTree.Element, name: str, default: float) -> float:
    try:
        number = float(element.get(name, default))
    except ValueError:
        raise BadTwiml(f"{name} is not a number") from None
    if not 0 <= number <= 86_400:
        raise BadTwiml(f"{name} is out of bounds")
    return number


def _text(element: ElementTree.Element) -> str:
    return (element.text or "").strip()
