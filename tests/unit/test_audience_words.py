"""Clerks read Russian: every finding of the import has a Russian text that fits its blanks."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir, extract_from_file

import campaigns
from templates.i18n import _, speaking

SOURCES = Path(campaigns.__path__[0])
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None}


def _messages() -> set[str]:
    found = {
        str(message)
        for _file, _line, message, *_rest in extract_from_dir(
            SOURCES / "audience", [("**.py", "python")], keywords=KEYWORDS
        )
    }
    for name in ("contact.py", "regions.py"):
        found |= {
            str(message)
            for _line, message, *_rest in extract_from_file(
                "python", SOURCES / name, keywords=KEYWORDS
            )
        }
    return found


@pytest.mark.parametrize("message", sorted(_messages()))
def test_a_finding_is_told_in_russian_with_the_same_blanks(message: str) -> None:
    with speaking("ru"):
        russian = _(message)
    assert re.search("[а-яё]", russian)
    assert set(re.findall(r"{\w+}", russian)) == set(re.findall(r"{\w+}", message))
