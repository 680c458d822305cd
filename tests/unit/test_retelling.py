"""Words that were kept are told again in the language of whoever reads them."""

import pytest

from templates.i18n import _, speaking
from templates.retelling import retold

SUBJECT = "audience"
SAID: tuple[tuple[str, dict[str, int]], ...] = (
    ("This is not an account number.", {}),
    ("The row has {count} cells, the header only {width}.", {"count": 7, "width": 5}),
    (
        "It is row {first}, this one is row {again}. Write the right amount; until then row "
        "{first} counts.",
        {"first": 12, "again": 340},
    ),
)


@pytest.mark.parametrize(("message", "values"), SAID)
def test_there_and_back_it_says_the_same_with_what_was_filled_in(
    message: str, values: dict[str, int]
) -> None:
    said = {}
    for language in ("ru", "en"):
        with speaking(language):
            said[language] = _(message).format(**values)
    assert said["ru"] != said["en"]
    for language in ("ru", "en"):
        with speaking(language):
            assert {retold(text, SUBJECT) for text in said.values()} == {said[language]}


def test_what_no_catalogue_knows_stays_as_it_was_written() -> None:
    with speaking("en"):
        for text in ("", "Так говорили раньше.", "{count} %s \\ (", "Ячеек в строке: 7"):
            assert retold(text, SUBJECT) == text
        assert retold("Стоп-лист пуст.", "nothing-such") == "Стоп-лист пуст."
