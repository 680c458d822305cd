"""What a log line shows of a number or an address."""

import pytest

from dispatcher.logs import mask


@pytest.mark.parametrize(
    ("contact_point", "shown"),
    [
        ("+79161234567", "+7916***67"),
        ("maria.ivanova@example.com", "m***@example.com"),
        ("@example.com", "***@example.com"),
        ("112", "***"),
        ("", "***"),
    ],
)
def test_a_masked_contact_point_is_known_only_to_who_knows_it(
    contact_point: str, shown: str
) -> None:
    assert mask(contact_point) == shown
