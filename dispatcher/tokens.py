"""Names of our attempts towards the outside: short, safe in a URL, impossible to guess.

A token is the attempt's key and a keyed hash of it. The hash depends on what the token is for, so
that who sees one (a Message-ID in a forwarded letter) cannot make another (an unsubscribe link).
"""

import hashlib
import hmac
from enum import StrEnum
from functools import lru_cache


class TokenFor(StrEnum):
    RECEIPT = "receipt"
    MESSAGE_ID = "message-id"
    UNSUBSCRIBE = "unsubscribe"
    LINK = "link"
    BOUNCE = "bounce"  # in the envelope sender of a letter (VERP)
    INQUIRY = "inquiry"  # in the Message-ID of what we write about an inquiry; the key is its id
    INBOUND = "inbound"  # where a provider that does not sign posts what customers write


# Stands for a delivery in the token of a reply; deliveries are counted from one.
NO_DELIVERY = 0


def attempt_key(delivery_id: int, number: int) -> str:
    return f"{delivery_id}-{number}"


def _hash(secret: str, purpose: TokenFor, key: str) -> str:
    mac = _keyed(secret).copy()
    mac.update((purpose + ":" + key).encode("utf-8", "replace"))  # a stranger's may be anything
    return mac.hexdigest()[:20]


@lru_cache(maxsize=8)  # a process has one; its tests have a few
def _keyed(secret: str) -> hmac.HMAC:
    """The hash with the key in it already: half the work of a token."""
    return hmac.new(secret.encode(), digestmod=hashlib.sha256)


def sign(secret: str, purpose: TokenFor, key: str) -> str:
    return f"{key}-{_hash(secret, purpose, key)}"


def verify(secret: str, purpose: TokenFor, token: str) -> str | None:
    """The key inside a genuine token, None for a forged one. Takes the same time for both."""
    key, _, mac = token.rpartition("-")
    genuine = hmac.compare_digest(
        mac.encode("utf-8", "replace"), _hash(secret, purpose, key).encode()
    )
    return key if genuine else None


def read_key(key: str) -> tuple[int, int]:
    """The delivery's id and the attempt's number."""
    delivery, _, number = key.partition("-")
    return int(delivery), int(number)
