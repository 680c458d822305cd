"""Recorded sound files of a call: uncompressed WAV files that a telephone can play.

They lie in the template's folder beside call.txt, which names them (`@play intro.wav`).
"""

import io
import re
import struct
import unicodedata
import warnings
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from templates.call import SoundRef
from templates.i18n import _
from templates.problem import Problem

LIMIT_BYTES = 10_000_000
LIMIT_SECONDS = 60.0  # the standard: no message is longer
SHORTEST_SECONDS = 0.1  # nobody hears less: a recording that failed
RATES_HZ = (8_000, 48_000)
_NAME = re.compile(r"\w[\w-]*(\.[\w-]+)*\.wav", re.IGNORECASE)
_NAME_CHARACTERS = 80
# All that `wave` raises for a damaged file: it seeks beyond chunks, divides, unpacks.
_HOSTILE = (
    *(wave.Error, EOFError, OSError, RuntimeError, Warning),
    *(ValueError, ArithmeticError, struct.error),
)


@dataclass(frozen=True, slots=True)
class Sound:
    """One file, read and found playable."""

    name: str
    ref: SoundRef
    content: bytes


def is_sound_name(name: str) -> bool:
    """Whether this can name a sound file: letters, digits, hyphens, dots; never a path."""
    return len(name) <= _NAME_CHARACTERS and _NAME.fullmatch(name) is not None


def read_sound(name: str, content: bytes) -> Sound | Problem:
    """The file's bytes as a sound; whatever they are, they raise nothing."""
    if len(content) > LIMIT_BYTES:
        return _too_large(name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            seconds = _seconds(content)
    except _Unplayable as error:
        return error.problem(name)
    except _HOSTILE:
        return _Unplayable("sound_unreadable").problem(name)
    return Sound(name, SoundRef(sha256(content).hexdigest(), seconds), content)


def load_sounds(folder: Path, names: frozenset[str]) -> dict[str, Sound | Problem]:
    """The named files of a template's folder; those that are not there are left out."""
    found: dict[str, Sound | Problem] = {}
    for name in sorted(filter(is_sound_name, names)):
        path = _find(folder, name)
        if path is None:
            continue
        try:
            with path.open("rb") as file:
                content = file.read(LIMIT_BYTES + 1)
        except OSError:
            found[name] = _Unplayable("sound_unreadable").problem(name)
        else:
            found[name] = read_sound(name, content)
    return found


def refs_of(sounds: Mapping[str, Sound]) -> dict[str, SoundRef]:
    """The sounds as a stored scenario knows them, by name."""
    return {name: sound.ref for name, sound in sounds.items()}


def _find(folder: Path, name: str) -> Path | None:
    """A file of that name, however the computer it came from composes its letters («й»)."""
    wanted = unicodedata.normalize("NFC", name)
    try:
        same = [p for p in folder.iterdir() if unicodedata.normalize("NFC", p.name) == wanted]
    except OSError:
        return None
    return next((path for path in sorted(same) if path.is_file()), None)


class _Unplayable(Exception):
    """A WAV file that a call cannot use."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)

    def problem(self, name: str) -> Problem:
        message, advice = _words()[self.code]
        return Problem(self.code, message.format(name=name), advice, value=name)


def _seconds(content: bytes) -> float:
    with wave.open(io.BytesIO(content)) as file:
        told = file.getparams()
        frames = file.readframes(LIMIT_BYTES)
    if told.nchannels not in (1, 2) or told.sampwidth not in (1, 2):
        raise _Unplayable("sound_format")
    if not RATES_HZ[0] <= told.framerate <= RATES_HZ[1]:
        raise _Unplayable("sound_format")
    there = len(frames) // (told.nchannels * told.sampwidth)
    if there < SHORTEST_SECONDS * told.framerate:
        raise _Unplayable("sound_empty")
    if there < told.nframes:
        raise _Unplayable("sound_cut_off")
    seconds: float = there / told.framerate
    if seconds > LIMIT_SECONDS:
        raise _Unplayable("sound_too_long")
    return round(seconds, 3)


def _too_large(name: str) -> Problem:
    return _Unplayable("sound_too_large").problem(name)


def _words() -> dict[str, tuple[str, str]]:
    save = _("Save it as WAV, PCM, 16 bits, mono, 8000 to 48000 Hz.")
    shorten = _("Keep it under 60 seconds and 10 MB.")
    return {
        "sound_unreadable": (_("The sound file {name} is no WAV file that can be read."), save),
        "sound_format": (_("The sound file {name} is not in a format that can be played."), save),
        "sound_empty": (_("The sound file {name} is empty."), _("Record it again.")),
        "sound_cut_off": (
            _("The sound file {name} is cut off: its end is missing."),
            _("Copy or record it again."),
        ),
        "sound_too_long": (_("The sound file {name} is too long."), shorten),
        "sound_too_large": (_("The sound file {name} is too large."), shorten),
    }
