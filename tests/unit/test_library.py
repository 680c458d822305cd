"""The scenarios and texts that come with the product."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from campaigns.channel import ChannelName, Purpose
from campaigns.content import (
    RESERVED_NAMES,
    CallContent,
    MailContent,
    SmsContent,
    render_content,
)
from campaigns.outcome import Outcome
from campaigns.scenario_description import describe
from campaigns.scenario_file import check_scenario, library, library_path, read_scenario
from campaigns.scenario_samples import LONG, SAMPLE_SUPPLIER, merged_accounts, sample_accounts
from templates.call import Action, CallScript, Say
from templates.call_check import examine_call
from templates.filters import ALLOWED_FILTERS, SPOKEN_FILTERS
from templates.i18n import LOCALES, speaking

SUPPLIER = {**SAMPLE_SUPPLIER, "company": "АО «АтомЭнергоСбыт»"}
URL = "https://example.ru/u/1"
NAMES = library()


def test_every_purpose_the_standard_names_has_a_scenario() -> None:
    assert NAMES == [
        "connection-works",
        "debt-reminder",
        "emergency",
        "payment-due",
        "planned-outage",
        "satisfaction-survey",
        "service-offer",
        "supply-restriction",
        "tariff-change",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_built_in_scenario_is_sound_and_speaks_on_all_channels(name: str) -> None:
    read = read_scenario(library_path(name), supplier=SUPPLIER)
    assert read.scenario.name == name
    # A survey by letter needs a form to fill in.
    assert set(ChannelName) - set(read.templates) == set(
        [ChannelName.EMAIL] if read.scenario.purpose is Purpose.SURVEY else []
    )
    assert read.warnings == ()


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_long_names_and_amounts_still_fit(name: str, merged: bool) -> None:
    read = read_scenario(library_path(name))
    choose = merged_accounts if merged else sample_accounts
    accounts = choose(read.scenario, LONG) or sample_accounts(read.scenario, LONG)
    for channel in read.templates:
        extra = {"unsubscribe_url": URL} if read.scenario.purpose is Purpose.MARKETING else {}
        content = render_content(
            read.scenario, channel, read.templates[channel], accounts, SUPPLIER, extra
        )
        if isinstance(content, SmsContent):
            assert 60 <= len(content.text) <= 160
            assert SUPPLIER["company"] in content.text
        elif isinstance(content, CallContent):
            assert content.script.total_seconds <= 60
            assert any(SUPPLIER["company"] in phrase for phrase in content.script.phrases)
            _assert_a_sensible_menu(content.script, read.scenario.purpose)
            assert not re.search(r"\d", " ".join(content.script.phrases)), (
                "digits are spoken as words"
            )
        elif isinstance(content, MailContent):
            assert len(content.subject) <= 78
            assert content.text.startswith("Здравствуйте")
            assert SAMPLE_SUPPLIER["company_signer_post"] in content.text
            assert "8 800 555-35-35" in content.text.replace("\u00a0", " ")
            assert (URL in content.html) == (read.scenario.purpose is Purpose.MARKETING)


_WORDS = (
    *("ноль", "один", "два", "три", "четыре"),
    *("пять", "шесть", "семь", "восемь", "девять"),
)


def _assert_a_sensible_menu(script: CallScript, purpose: Purpose) -> None:
    actions = {key.digit: key.action for key in script.keys}
    assert actions["0"] is Action.OPERATOR
    assert len(actions) <= 7  # the standard, chapter 4, section 2: positions on a level
    if purpose is Purpose.SURVEY:
        assert [key.answer for key in script.keys if key.action is Action.ANSWER] == list("54321")
    else:
        assert (actions["1"], actions["2"]) == (Action.HEARD, Action.REPEAT)
    if purpose in (Purpose.MARKETING, Purpose.SURVEY):
        assert actions["9"] is Action.STOP
    else:
        # It would silence the notices of outages with the reminders: the purpose is the same.
        assert Action.STOP not in actions.values()
    for key in script.keys:
        offered = " ".join(f.text for f in key.prompt if isinstance(f, Say))
        assert offered.endswith(f"нажмите {_WORDS[int(key.digit)]}.") or key.action is Action.ANSWER
    assert script.without(Action.OPERATOR).phrases == tuple(
        phrase for phrase in script.phrases if "оператор" not in phrase
    )


class Outline(HTMLParser):
    """Whether tags nest, and what a letter would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object"):
            self.loads.append(tag)
        if tag not in ("br", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


LETTERS = [name for name in NAMES if name != "satisfaction-survey"]


@pytest.mark.parametrize("name", LETTERS)
def test_an_html_letter_is_whole_loads_nothing_and_knows_the_dark(name: str) -> None:
    html = read_scenario(library_path(name)).templates[ChannelName.EMAIL]["body.html"]
    outline = Outline()
    outline.feed(re.sub(r"\{%.*?%\}", "", html))
    assert (outline.open, outline.loads) == ([], [])
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html
    assert "url(" not in html


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_is_described_in_both_languages(name: str) -> None:
    scenario = read_scenario(library_path(name)).scenario
    russian = describe(scenario)
    with speaking("en"):
        english = describe(scenario)
    assert len(russian) == len(english)
    assert ("Сценарий", name) in russian
    assert ("Scenario", name) in english
    assert any("10:00" in value for _label, value in russian) != scenario.urgent


def test_safety_outranks_the_week_of_peace() -> None:
    policy = read_scenario(library_path("emergency")).scenario.policy(ChannelName.PHONE)
    assert not policy.quiet_after_positive


def test_a_letter_about_an_outage_names_the_address_where_it_is_known() -> None:
    read = read_scenario(library_path("planned-outage"))
    (account,) = sample_accounts(read.scenario, LONG)
    for fields, said in (({"address": "ул. Мира, 5"}, "ул. Мира, 5"), ({}, "лицевой счёт")):
        known = replace(account, fields={**account.fields, **fields})
        texts = read.templates[ChannelName.EMAIL]
        content = render_content(read.scenario, ChannelName.EMAIL, texts, [known], SUPPLIER)
        assert isinstance(content, MailContent)
        assert f"— {said}" in content.text


def test_a_payment_due_names_the_amount_only_where_every_account_has_one() -> None:
    read = read_scenario(library_path("payment-due"))
    (first,) = sample_accounts(read.scenario, LONG)
    rich = replace(first, fields={**first.fields, "amount_kopecks": 123456789})
    texts = read.templates[ChannelName.SMS]
    both = render_content(read.scenario, ChannelName.SMS, texts, [rich, rich], SUPPLIER)
    one = render_content(read.scenario, ChannelName.SMS, texts, [rich, first], SUPPLIER)
    assert isinstance(both, SmsContent)
    assert isinstance(one, SmsContent)
    assert "К оплате 2469135,78 руб." in both.text
    assert "К оплате" not in one.text


def test_the_guide_explains_every_filter_and_every_name() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    for name in ALLOWED_FILTERS | SPOKEN_FILTERS.keys() | RESERVED_NAMES - {"loop"}:
        assert f"`{name}" in guide, name
    for outcome in Outcome:
        assert f"`{outcome}`" in guide, outcome


def test_the_guides_example_is_a_sound_scenario() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    example = guide.partition("```toml\n")[2].partition("```")[0]
    texts = read_scenario(library_path("debt-reminder")).templates
    assert check_scenario(example, texts).warnings == ()


def test_the_guides_call_is_a_sound_call() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    example = guide.partition("### The text of a call\n\n```\n")[2].partition("```")[0]
    found = examine_call(example, "call.txt")
    assert (found.template.problems, found.warnings) == ([], [])
    assert set(found.sounds) == {"intro.wav", "press-two.wav"}
    for action in Action:
        assert f"| `{action}" in guide


SOURCES = (
    "templates/render.py",
    "templates/subset.py",
    "templates/similar.py",
    "templates/call_command.py",
    "templates/call_check.py",
    "templates/sounds.py",
    "campaigns/call_rules.py",
    *(
        f"campaigns/scenario_{part}.py"
        for part in ("problems", "standard", "texts", "file", "description")
    ),
)


def test_every_message_has_a_russian_translation_with_the_same_blanks() -> None:
    from babel.messages.extract import extract_from_file

    root = Path(__file__).parents[2]
    catalog = Catalog(locale="ru")
    for path in (LOCALES / "ru").glob("*.po"):
        with path.open("rb") as file:
            for known in read_po(file, locale="ru"):
                catalog[known.id] = known
    for source in SOURCES:
        for _line, message, _comments, _context in extract_from_file("python", root / source):
            entry = catalog.get(message if isinstance(message, str) else message[0])
            assert entry, (source, message)
            singular = message if isinstance(message, str) else message[0]
            forms = [entry.string] if isinstance(entry.string, str) else list(entry.string or ())
            assert forms, (source, message)
            for form in forms:
                assert form, (source, message)
                assert set(re.findall(r"\{\w+\}", form)) == set(re.findall(r"\{\w+\}", singular))
