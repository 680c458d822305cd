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


PARTS = st.sampled_from(
    [
        *("a", "Z", " ", "1", "@", "\n", "Δ"),  # GSM-7
        *("€", "[", "^", "~", "\f"),  # its extension table
        *("я", "Ё", "—", "«", "\u00a0", "漢"),  # UCS-2
        *("😀", "👨‍👩‍👧", "🏳️‍🌈", "e\u0301", "👍🏽"),  # pairs, joined and marked
    ]
)
BORDERS = (66, 67, 69, 70, 133, 134, 152, 153, 159, 160, 305, 306)


def agrees(text: str) -> None:
    """Alphabet, parts and their texts are those that an independent counter finds."""
    shape = measure(text)
    other = smsutil.split(text)
    assert (shape.encoding is Encoding.GSM7) == (other.encoding == "gsm0338")
    assert list(shape.parts) == [part.content for part in other.parts]


@given(st.lists(PARTS, min_size=1, max_size=200).map("".join))
def test_a_mixed_text_is_cut_as_another_counter_cuts_it(text: str) -> None:
    agrees(text)
    assert "".join(measure(text).parts) == text


@given(
    filler=st.sampled_from("aя"),
    border=st.sampled_from(BORDERS),
    shift=st.integers(-3, 1),
    wide=st.lists(st.sampled_from(["€", "[", "😀", "👨‍👩‍👧"]), min_size=1, max_size=4).map("".join),
    rest=st.integers(0, 200),
)
def test_what_takes_two_places_at_the_border_of_a_part_is_cut_as_another_counter_cuts_it(
    filler: str, border: int, shift: int, wide: str, rest: int
) -> None:
    agrees(filler * (border + shift) + wide + filler * rest)


# The other counter takes the bare escape (U+001B) for a character of the alphabet, which it is not.
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x1b"), min_size=1))
def test_any_text_at_all_is_counted_as_another_counter_counts_it(text: str) -> None:
    agrees(text)


@given(st.text(max_size=400))
def test_no_part_holds_more_than_the_network_carries(text: str) -> None:
    shape = measure(text)
    several = len(shape.parts) > 1
    for part in shape.parts:
        if shape.encoding is Encoding.GSM7:
            places = sum(2 if c in "\f^{}\\[~]|€" else 1 for c in part)
            assert places <= (153 if several else 160)
        else:
            places = len(part.encode("utf-16-be", "surrogatepass")) // 2
            assert places <= (67 if several else 70)
    assert "".join(shape.parts) == text


def test_the_alphabets_bear_the_names_that_people_know() -> None:
    assert (str(Encoding.GSM7), str(Encoding.UCS2)) == ("GSM-7", "UCS-2")
