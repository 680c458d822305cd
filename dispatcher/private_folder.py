"""A folder for a file that must be on disk for a moment: ours alone, and gone afterwards.

Whoever is killed cannot clear up. So each folder is locked while somebody works in it, and whoever
makes the next one takes those away whose lock the system has let go.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "dispatcher-private-"
_LOCK = ".lock"
# Between its making and its locking a folder looks forsaken.
_YOUNG_SECONDS = 60.0


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder that nobody else may read; it goes with all that is in it."""
    clear_forsaken()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    with (folder / _LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def clear_forsaken() -> int:
    """Take away what processes left behind that are no more; how many folders."""
    cleared = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            status = folder.lstat()
            is_young = time.time() - status.st_mtime < _YOUNG_SECONDS
            if folder.is_symlink() or status.st_uid != os.getuid() or is_young:
                continue
            with (folder / _LOCK).open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                cleared += 1
        except OSError:
            continue  # somebody works in it, or has just cleared it
    return cleared
