"""Letters as they came, written to files for a person to open."""

import os
from collections.abc import Sequence
from pathlib import Path

from dispatcher.errors import NotPossible
from dispatcher.ledger.letters import Original
from templates.i18n import _


def save_letters(path: Path, originals: Sequence[Original]) -> list[Path]:
    """The letters as they came: FILE.eml, FILE-2.eml …, for nobody but who saves them.

    Raises NotPossible where one of these files is there.
    """
    places = [
        path if n == 1 else path.with_name(f"{path.stem}-{n}{path.suffix}")
        for n in range(1, len(originals) + 1)
    ]
    taken = next((place for place in places if place.exists() or place.is_symlink()), None)
    if taken is not None:
        raise NotPossible(_("{path} exists and is not overwritten.").format(path=taken))
    for place, original in zip(places, originals, strict=True):
        try:
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise NotPossible(
                _("{path} exists and is not overwritten.").format(path=place)
            ) from None
        with os.fdopen(handle, "wb") as file:
            file.write(original.content)
    return places
