"""The form as a page: plain HTML that needs no script and fetches nothing from anywhere.

Every value is escaped by the template engine. The style stands inside the page and is named by its
digest in the policy that goes with it, so that nothing else could take effect there.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from campaigns.inquiry.rules import Topic
from dispatcher.engine import Engine
from dispatcher.form.fields import (
    FIELDS,
    LONGEST_LINE,
    LONGEST_TEXT,
    TRAP,
    Mistakes,
)
from templates.answers import topic_words
from templates.filters import phone
from templates.i18n import LANGUAGES, _, current_language, ngettext

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Thanks:
    """What a visitor is told whose form was taken in."""

    number: str
    respond_on: date


def form_page(engine: Engine, typed: Mapping[str, str], mistakes: Mistakes) -> str:
    """The form in the current language, with what was typed and what is wrong with it."""
    days = engine.inquiry_rules.periods.form_working_days
    promise = ngettext(
        "We answer by e-mail. A specialist looks at your inquiry within {count} working day.",
        "We answer by e-mail. A specialist looks at your inquiry within {count} working days.",
        days,
    ).format(count=days)
    first = next((name for name in FIELDS if name in mistakes), None)
    return _render(
        engine,
        title=_("Write to us"),
        thanks=None,
        typed=typed,
        mistakes=mistakes,
        first=first,
        promise=promise,
    )


def thanks_page(engine: Engine, thanks: Thanks) -> str:
    """What is shown in place of the form once it is taken in."""
    day = format_date(thanks.respond_on, format="long", locale=current_language())
    day = day.replace(" ", "\u00a0")
    return _render(
        engine,
        title=_("Thank you, your inquiry has arrived"),
        thanks={"number": thanks.number, "day": day},
        typed={},
        mistakes={},
        first=None,
        promise="",
    )


def topics() -> Sequence[tuple[str, str]]:
    """What one may write to us about, what hurries first."""
    order = (
        Topic.OUTAGE,
        Topic.READING,
        Topic.BILLING,
        Topic.CONTRACT,
        Topic.CONNECTION,
        Topic.COMPLAINT,
        Topic.THANKS,
        Topic.OTHER,
    )
    named = ((topic, topic_words(topic)) for topic in order)
    return [(topic, words[:1].upper() + words[1:]) for topic, words in named]


@cache
def style_digest() -> str:
    """The style as a Content-Security-Policy names it."""
    return "sha256-" + b64encode(hashlib.sha256(_style().encode()).digest()).decode()


def _render(engine: Engine, **values: object) -> str:
    language = current_language()
    return _template().render(
        language=language,
        other=next(one for one in LANGUAGES if one != language),
        style=Markup(_style()),  # noqa: S704 - our own file
        company=engine.settings.company,
        phone=engine.settings.company_phone,
        shown_phone=phone(engine.settings.company_phone, language),
        fields=FIELDS,
        policy=engine.settings.form_policy_url,
        trap=TRAP,
        topics=topics(),
        most=_("At most {count} characters.").format(count=LONGEST_TEXT),
        longest_line=LONGEST_LINE,
        longest_text=LONGEST_TEXT,
        _=_,
        **values,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


@cache
def _style() -> str:
    return (_FOLDER / "page.css").read_text(encoding="utf-8")
