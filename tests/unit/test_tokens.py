"""Names of attempts towards the outside cannot be guessed, and one kind does not open another."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.tokens import TokenFor, attempt_key, read_key, sign, verify

SECRET = "one secret"


@given(st.integers(1, 2**40), st.integers(1, 100))
def test_a_genuine_token_gives_its_attempt_back(delivery: int, number: int) -> None:
    token = sign(SECRET, TokenFor.RECEIPT, attempt_key(delivery, number))
    key = verify(SECRET, TokenFor.RECEIPT, token)
    assert key is not None
    assert read_key(key) == (delivery, number)


@given(st.text(max_size=60))
def test_whatever_else_is_no_token(text: str) -> None:
    assert verify(SECRET, TokenFor.RECEIPT, text) is None


def test_a_token_for_one_thing_is_none_for_another() -> None:
    token = sign(SECRET, TokenFor.MESSAGE_ID, attempt_key(7, 1))
    assert verify(SECRET, TokenFor.UNSUBSCRIBE, token) is None


def test_another_house_has_other_tokens() -> None:
    token = sign("another secret", TokenFor.LINK, attempt_key(7, 1))
    assert verify(SECRET, TokenFor.LINK, token) is None


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.sampled_from(TokenFor), st.text())
def test_the_keyed_hash_is_the_usual_one_however_often_the_key_was_used(
    secret: str, purpose: TokenFor, key: str
) -> None:
    """HMAC-SHA256 (RFC 2104): letters that are under way carry tokens of earlier versions."""
    named = f"{purpose.value}:{key}".encode("utf-8", "replace")
    usual = hmac.new(secret.encode(), named, hashlib.sha256).hexdigest()[:20]
    assert [sign(secret, purpose, key) for _ in range(2)] == [f"{key}-{usual}"] * 2
