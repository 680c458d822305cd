"""An SMS as the network counts it, beside an independent counter."""

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from templates.sms import Encoding, measure


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("a" * 160, Encoding.GSM7, 1),
        ("a" * 161, Encoding.GSM7, 2),
        ("a" * 306, Encoding.GSM7, 2),
        ("a" * 307, Encoding.GSM7, 3),
        ("я" * 70, Encoding.UCS2, 1),
        ("я" * 71, Encoding.UCS2, 2),
        ("я" * 134, Encoding.UCS2, 2),
        ("я" * 135, Encoding.UCS2, 3),
        ("я" * 160, Encoding.UCS2, 3),
        ("€" * 80, Encoding.GSM7, 1),
        ("€" * 81, Encoding.GSM7, 2),
        ("", Encoding.GSM7, 1),
    ],
)
def test_the_edges_of_a_part(text: str, encoding: Encoding, parts: int) -> None:
    shape = measure(text)
    assert (shape.encoding, len(shape.parts)) == (encoding, parts)


def test_a_surrogate_pair_is_never_cut() -> None:
    shape = measure("я" * 66 + "😀" + "я" * 10)
    assert shape.parts == ("я" * 66, "😀" + "я" * 10)


def test_an_escaped_character_is_never_cut() -> None:
    shape = measure("a" * 152 + "€" + "a" * 10)
    assert shape.parts == ("a" * 152, "€" + "a" * 10)


def test_the_characters_that_make_a_text_dear_are_named_once() -> None:
    shape = measure("Debt — 5 rub «now» — pay")
    assert shape.encoding is Encoding.UCS2
    assert shape.offenders == ("—", "«", "»")


def test_the_standard_counts_characters_whatever_the_alphabet() -> None:
    assert measure("я" * 160).fits
    assert measure("a" * 160).fits
    assert not measure("я" * 161).fits


@given(st.text(alphabet=st.sampled_from("aZ 1€[^яЁ—😀\n@"), min_size=1, max_size=400))
def test_the_parts_are_the_text_and_agree_with_another_counter(text: str) -> None:
    shape = measure(text)
    assert "".join(shape.parts) == text
    other = smsutil.split(text)
    assert (shape.encoding is Encoding.GSM7) == (other.encoding == "gsm0338")
    assert list(shape.parts) == [part.content for part in other.parts]
