"""A voice of this machine, where one is installed: to hear a call before a customer does, and to
know how long it really lasts.

RHVoice first, with the voices that are free for commercial use, else espeak-ng. Both are offline
programs; a text goes to them over standard input, never as an argument.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from templates.tape import seconds_of_wave

# Of RHVoice's Russian voices these are free for commercial use (LGPL 2.1; aleksandr-hq CC BY-SA).
FREE_VOICES = ("Anna", "Elena", "Irina", "Aleksandr")
VOICE_FOLDERS = (Path("/usr/share/RHVoice/voices"), Path("/usr/local/share/RHVoice/voices"))
TIMEOUT_SECONDS = 30
# In words a minute, as an announcement is read; the estimate of `templates.speech` is fitted to it.
ESPEAK_PACE = 140


class VoiceBroken(Exception):
    """The engine is installed but did not speak."""


@dataclass(slots=True)
class Voice:
    """One engine with one voice. What it said once it does not say again: phrases repeat a lot."""

    name: str
    command: Sequence[str]
    _said: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def speak(self, text: str, language: str = "ru") -> bytes:
        """The text as a WAV file. Raises VoiceBroken."""
        key = (text, language)
        if key not in self._said:
            self._said[key] = self._synthesise(text, language)
        return self._said[key]

    def seconds(self, text: str, language: str = "ru") -> float:
        """How long the text lasts when it is spoken. Raises VoiceBroken."""
        return seconds_of_wave(self.speak(text, language))

    def _synthesise(self, text: str, language: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            command = [part.format(path=path, language=language) for part in self.command]
            try:
                subprocess.run(  # noqa: S603 - a fixed command; the text goes over standard input
                    command,
                    input=f"{text}\n".encode(),
                    capture_output=True,
                    timeout=TIMEOUT_SECONDS,
                    check=True,
                )
                content = path.read_bytes()
            except (OSError, subprocess.SubprocessError) as error:
                # The error's own text holds what was to be said.
                raise VoiceBroken(f"{self.name}: {type(error).__name__}") from None
        if not content:
            raise VoiceBroken(f"{self.name}: silence")
        return content


def find_voice() -> Voice | None:
    """The best voice of this machine; None where there is none."""
    rhvoice = shutil.which("RHVoice-test")
    if rhvoice is not None:
        for name in FREE_VOICES:
            if any((folder / name.lower()).is_dir() for folder in VOICE_FOLDERS):
                return Voice(f"RHVoice {name}", [rhvoice, "-p", name, "-o", "{path}"])
    espeak = shutil.which("espeak-ng")
    if espeak is not None:
        options = ["-v", "{language}", "-s", str(ESPEAK_PACE), "-w", "{path}", "--stdin"]
        return Voice("espeak-ng", [espeak, *options])
    return None
