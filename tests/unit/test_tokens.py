"""Names of attempts towards the outside cannot be guessed, and one kind does not open another."""

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
