"""Keys by which other systems of the company come in.

A key is `dsp_<prefix>_<secret>`: the prefix tells keys apart on the screen and in logs, the secret
is 256 random bits, of which the ledger has the digest. A slow hash protects words that people
choose; of such a secret nobody can try enough.
"""

import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dispatcher.access.entering import digest_of
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, api_keys, trail
from dispatcher.ledger.api_keys import StoredKey
from templates.i18n import _

# The ledger hears of a key's use no more often than this.
USED_EVERY = timedelta(minutes=1)
DEFAULT_LASTS = timedelta(days=365)
LONGEST_NAME = 60
_TOKEN = re.compile(r"dsp_([a-z2-7]{8})_([A-Za-z0-9_-]{43})")
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


class Scope(StrEnum):
    """What a key may be used for."""

    SEND = "messages:send"
    LAUNCH = "campaigns:write"
    CAMPAIGNS = "campaigns:read"
    RESULTS = "results:read"
    STOP_LIST = "stop-list:write"
    SETTLE = "accounts:settle"


@dataclass(frozen=True, slots=True)
class Key:
    """A system that has come in."""

    id: int
    name: str
    prefix: str
    scopes: frozenset[Scope]

    @property
    def actor(self) -> str:
        """How the journal names it."""
        return f"api:{self.name}"


def make(
    engine: Engine,
    name: str,
    scopes: Collection[Scope],
    actor: str,
    lasts: timedelta | None = DEFAULT_LASTS,
) -> str:
    """A new key, which is shown once; `lasts` None: until it is revoked. Raises NotPossible."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise NotPossible(
            _("Name the system that will use the key, in at most {count} characters.").format(
                count=LONGEST_NAME
            )
        )
    if not scopes:
        raise NotPossible(_("Choose at least one thing that the key may do."))
    if lasts is not None and not timedelta(0) < lasts <= timedelta(days=3660):
        raise NotPossible(_("A key lasts from one day to ten years."))
    prefix = "".join(secrets.choice(_LETTERS) for _letter in range(8))
    token = f"dsp_{prefix}_{secrets.token_urlsafe(32)}"
    now = engine.clock.now()

    def act(tx: Transaction) -> None:
        key_id = api_keys.add(
            tx,
            name=name,
            prefix=prefix,
            digest=digest_of(token),
            scopes=[scope.value for scope in scopes],
            expires_at=now + lasts if lasts is not None else None,
            actor=actor,
            now=now,
        )
        told = sorted(scope.value for scope in scopes)
        trail.note(tx, now, actor, "key.make", f"key:{key_id}", name=name, scopes=told)

    engine.ledger.insist(act)
    return token


def revoke(engine: Engine, key_id: int, actor: str) -> bool:
    """From this moment on nobody comes in by it; False where that was so. Raises NotFound."""
    now = engine.clock.now()

    def act(tx: Transaction) -> bool:
        api_keys.get(tx, key_id)
        revoked = api_keys.revoke(tx, key_id, now)
        if revoked:
            trail.note(tx, now, actor, "key.revoke", f"key:{key_id}")
        return revoked

    return engine.ledger.insist(act)


def key_with(engine: Engine, token: str) -> Key | None:
    """Whose key a token is, if it is good now: asked anew for each request."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return None
    now = engine.clock.now()
    with engine.ledger.read() as tx:
        stored = api_keys.find(tx, found[1])
    if stored is None or not hmac.compare_digest(stored.digest, digest_of(token)):
        return None
    if not stored.is_good(now):
        return None
    if stored.used_at is None or now - stored.used_at > USED_EVERY:
        engine.ledger.insist(lambda tx: api_keys.touch(tx, stored.id, now))
    return _key(stored)


def scope_title(scope: Scope) -> str:
    """What a scope allows, in the words of the screen."""
    return {
        Scope.SEND: _("send messages to single customers"),
        Scope.LAUNCH: _("launch campaigns"),
        Scope.CAMPAIGNS: _("see campaigns and how far they are"),
        Scope.RESULTS: _("read what came of messages, with account numbers"),
        Scope.STOP_LIST: _("read and change the stop-list"),
        Scope.SETTLE: _("say who has paid"),
    }[scope]


def expiry(key: StoredKey) -> datetime | None:
    """When a key ends, or has ended."""
    ends = [at for at in (key.expires_at, key.revoked_at) if at is not None]
    return min(ends, default=None)


def _key(stored: StoredKey) -> Key:
    known = {scope.value: scope for scope in Scope}
    scopes = frozenset(known[name] for name in stored.scopes if name in known)
    return Key(stored.id, stored.name, stored.prefix, scopes)
