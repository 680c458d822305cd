"""Our own files: style, scripts, the icon; htmx from its package."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files as resources
from pathlib import Path

STATIC = Path(__file__).parent / "static"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_OF_PACKAGES = {"htmx.js": "htmx/htmx.min.js"}


def content_of(name: str) -> bytes | None:
    """A file by its name; None where there is none of ours."""
    return _contents().get(name)


@cache
def _contents() -> Mapping[str, bytes]:
    """All of them, read once: whatever names strangers ask for, nothing more is kept."""
    own = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in KINDS}
    folder = resources("js_lib_htmx") / "static"
    return own | {name: (folder / path).read_bytes() for name, path in _OF_PACKAGES.items()}


@cache
def asset(name: str) -> str:
    """The address of a file, which changes with its content: browsers keep it for ever.

    Raises LookupError for one that is not there.
    """
    content = content_of(name)
    if content is None:
        raise LookupError(name)
    return f"/static/{name}?{hashlib.sha256(content).hexdigest()[:12]}"
