"""Our own files: style, scripts, the icon; htmx from its package."""

import hashlib
from functools import cache
from importlib.resources import files as resources
from pathlib import Path

STATIC = Path(__file__).parent / "static"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_OF_PACKAGES = {"htmx.js": "htmx/htmx.min.js", "sse.js": "htmx/ext/sse.js"}


@cache
def content_of(name: str) -> bytes | None:
    """A file by its name; None where there is none of ours."""
    if name in _OF_PACKAGES:
        return (resources("js_lib_htmx") / "static" / _OF_PACKAGES[name]).read_bytes()
    if Path(name).suffix not in KINDS or name not in {path.name for path in STATIC.iterdir()}:
        return None
    return (STATIC / name).read_bytes()


@cache
def asset(name: str) -> str:
    """The address of a file, which changes with its content: browsers keep it for ever.

    Raises LookupError for one that is not there.
    """
    content = content_of(name)
    if content is None:
        raise LookupError(name)
    return f"/static/{name}?{hashlib.sha256(content).hexdigest()[:12]}"
