"""A folder of texts: which files each channel needs, read from disk or from what the ledger keeps.

    sms.txt                              one SMS; line breaks become spaces
    call.txt                             one phrase a line, `#` begins a comment line
    subject.txt body.txt body.html       one letter

Every file may have an English twin (`sms.en.txt`), used for recipients whose language is English.
"""

from collections.abc import Mapping
from pathlib import Path

LIBRARY = Path(__file__).parent / "library"
FILES: dict[str, tuple[str, ...]] = {
    "phone": ("call.txt",),
    "sms": ("sms.txt",),
    "email": ("subject.txt", "body.txt", "body.html"),
}
LANGUAGES = ("ru", "en")
_LIMIT_BYTES = 400_000


class UnreadableFile(Exception):
    """A template's file that cannot be opened, is too large, or is not in UTF-8."""

    def __init__(self, path: Path, *, not_utf8: bool = False) -> None:
        self.path = path
        self.not_utf8 = not_utf8
        super().__init__(f"cannot read {path.name}")


def find_folder(name: str, beside: Path | None = None) -> Path | None:
    """The folder of that name: beside the scenario file first, then in the product's library."""
    places = [beside / "templates", beside] if beside else []
    for place in (*places, LIBRARY):
        folder = place / name
        if folder.is_dir():
            return folder
    return None


def load_templates(folder: Path, channel: str) -> dict[str, str]:
    """The channel's files that exist in the folder, by file name; what is missing is not there.

    Raises UnreadableFile.
    """
    texts = {}
    for name in (twin(file, language) for file in FILES[channel] for language in LANGUAGES):
        path = folder / name
        if path.is_file():
            texts[name] = _read(path)
    return texts


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise UnreadableFile(path)
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(path, not_utf8=True) from None
    except OSError:
        raise UnreadableFile(path) from None


def twin(file: str, language: str) -> str:
    """The file's name for a language: `sms.txt` in Russian, `sms.en.txt` in English."""
    stem, _dot, extension = file.rpartition(".")
    return file if language == "ru" else f"{stem}.{language}.{extension}"


def texts_for(channel: str, texts: Mapping[str, str], language: str) -> tuple[dict[str, str], str]:
    """The channel's texts under their plain names, and the language they are written in.

    A language counts only if all files of the channel exist in it: no letter is half translated.
    """
    for wanted in (language, "ru"):
        names = {file: twin(file, wanted) for file in FILES[channel]}
        if wanted in LANGUAGES and all(name in texts for name in names.values()):
            return {file: texts[name] for file, name in names.items()}, wanted
    raise KeyError(channel)
