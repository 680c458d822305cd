"""A file that is there whole or not at all, for its owner alone."""

import errno
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dispatcher.errors import NotPossible
from templates.i18n import _

# File systems that know no hard links say one of these.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
# What nobody has written to for so long nobody is at work on; the next night's copy finds it.
ABANDONED_SECONDS = 20 * 3600


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Where to write what shall stand at `path`: an empty file beside it, which takes its name at
    the end of the `with` block, and goes away if that fails. A kill leaves a `.partial` behind, and
    nothing under the name itself; the next one of that name removes it.

    Nothing is overwritten. Raises NotPossible for a file that is there, and for a folder that
    cannot be written to.
    """
    if path.exists():
        raise _taken(path)
    remove_abandoned(path.parent, re.escape(path.name))
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise NotPossible(
            _("{path} cannot be written: {reason}.").format(path=path, reason=error.strerror)
        ) from None
    try:
        yield partial
        _sync(partial)
        _take_name(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    _sync(path.parent)


def remove_abandoned(folder: Path, names: str) -> None:
    """Remove what killed processes left of files with such names (a regular expression): all
    personal data may stand in it."""
    left = re.compile(rf"(?:{names})\.[0-9a-f]{{8}}\.partial")
    if not folder.is_dir():
        return
    for one in folder.iterdir():
        if left.fullmatch(one.name) and is_abandoned(one):
            one.unlink(missing_ok=True)


def is_abandoned(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - ABANDONED_SECONDS
    except FileNotFoundError:
        return False


def _take_name(partial: Path, path: Path) -> None:
    """A link is made whole or not at all, and never over a file that came meanwhile."""
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise _taken(path) from None
        partial.rename(path)


def _taken(path: Path) -> NotPossible:
    return NotPossible(_("{path} is there already; nothing is overwritten.").format(path=path))


def _sync(path: Path) -> None:
    """What is written is on the disk before anybody is told so."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
