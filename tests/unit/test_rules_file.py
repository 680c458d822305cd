"""The staff's file of rules for inquiries: read strictly, every mistake told with its line."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from campaigns.inquiry.rule_rows import TopicRow
from campaigns.inquiry.rules import Branch, Periods, Route, Topic, TopicRule
from campaigns.inquiry.rules_file import LIMIT_BYTES, parse_rules, read_rules
from campaigns.inquiry.topics import Classifier
from campaigns.recipient import Segment
from templates.i18n import speaking
from templates.problem import Problem, Refused

GOOD = """
account_pattern = '55\\d{8}'

[[topic]]
topic = "outage"
words = ["подстанция"]
phrases = ["гудит будка"]
accounts = ["55"]
weight = 3

[[topic]]
topic = "contract"
senders = ["*@Gov.example.com", "Boss@example.com"]
mailboxes = ["office@corp.local"]

[[branch]]
name = "Томское отделение"
phone = "+7 (3822) 00-00-00"
hours = "пн–пт  8:00–20:00"
accounts = ["5501"]

[[route]]
person = "Claims@Example.com"
head = ""
topics = ["complaint"]

[[route]]
person = "bills@corp.local"
head = "head@example.com"
branches = ["томское отделение"]
segments = ["business"]

[periods]
answer_days = 15
respond_in_working_days = true
"""


def problems_of(source: str) -> list[Problem]:
    with pytest.raises(Refused) as refused:
        parse_rules(source)
    return list(refused.value.problems)


def test_the_built_in_rules_speak_for_every_topic() -> None:
    rules = read_rules(None)
    assert {rule.topic for rule in rules.topics} == set(Topic)
    assert (rules.routes, rules.branches, rules.periods) == ((), (), Periods())


def test_the_staffs_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "inquiries.toml"
    path.write_text("\ufeff" + GOOD, "utf-8")
    rules = read_rules(path)
    assert rules.topics[:2] == (
        TopicRule(Topic.OUTAGE, ("подстанция",), ("гудит будка",), accounts=("55",), weight=3),
        TopicRule(
            Topic.CONTRACT,
            senders=("*@gov.example.com", "boss@example.com"),
            mailboxes=("office@corp.local",),
        ),
    )
    assert rules.topics[2:] == read_rules(None).topics
    assert rules.branches == (
        Branch("Томское отделение", "+73822000000", "пн–пт 8:00–20:00", ("5501",)),
    )
    assert rules.routes == (
        Route("Claims@example.com", topics=(Topic.COMPLAINT,)),
        Route(
            "bills@corp.local",
            "head@example.com",
            branches=("томское отделение",),
            segments=(Segment.BUSINESS,),
        ),
    )
    assert rules.periods == Periods(answer_days=15, respond_in_working_days=True)
    assert rules.account_pattern == r"55\d{8}"


def test_an_empty_file_is_the_built_in_rules() -> None:
    assert parse_rules("") == read_rules(None)


def test_the_built_in_topics_can_be_dropped() -> None:
    rules = parse_rules('replace = true\n[[topic]]\ntopic = "outage"\nwords = ["свет"]')
    assert [rule.topic for rule in rules.topics] == [Topic.OUTAGE]
    assert parse_rules("replace = true").topics == ()


def test_a_rule_of_the_staff_is_heard_beside_the_built_in_ones() -> None:
    rules = parse_rules('[[topic]]\ntopic = "connection"\nphrases = ["зеленая энергия"]')
    assert Classifier(rules).classify("", "Зелёной энергии!").topic is Topic.CONNECTION


@pytest.mark.parametrize(
    ("source", "code", "line", "field"),
    [
        ("nonsense", "toml_syntax", 1, None),
        ("\n\na = ", "toml_syntax", 3, None),
        ("x = " + "[" * 2000 + "]" * 2000, "toml_syntax", 1, None),
        ("\nrouts = 1", "unknown_field", 2, "routs"),
        ("replace = 1", "wrong_value", 1, "replace"),
        ("topic = 1", "wrong_value", 1, "topic"),
        (r"account_pattern = '(\d+)+'", "bad_pattern", 1, "account_pattern"),
        ("account_pattern = 10", "wrong_value", 1, "account_pattern"),
        ("[periods]\nanswer_days = 0", "wrong_value", 2, "periods.answer_days"),
        ('[periods]\nanswer_days = "3"', "wrong_value", 2, "periods.answer_days"),
        ("[periods]\nanswer_days = true", "wrong_value", 2, "periods.answer_days"),
        ("[periods]\nanswer_days = 1000", "wrong_value", 2, "periods.answer_days"),
        ("[periods]\nanswr_days = 3", "unknown_field", 2, "periods.answr_days"),
        ("[periods]\nrespond_in_working_days = 1", "wrong_value", 2,
         "periods.respond_in_working_days"),
        ('[[topic]]\ntopic = "outages"\nwords=["свет"]', "wrong_value", 2, "topic.1.topic"),
        ('[[topic]]\nwords = ["свет"]', "missing_field", 1, "topic.1.topic"),
        ('[[topic]]\ntopic = "outage"', "empty_rule", 1, "topic.1"),
        ('[[topic]]\ntopic = "outage"\nwords = [\n "да",\n "нет света"]', "word_with_space", 3,
         "topic.1.words.2"),
        ('[[topic]]\ntopic = "outage"\nwords = ["ваш"]', "says_nothing", 3, "topic.1.words.1"),
        ('[[topic]]\ntopic = "outage"\nwords = ["123"]', "says_nothing", 3, "topic.1.words.1"),
        ('[[topic]]\ntopic = "outage"\nphrases = ["уже ещё"]', "says_nothing", 3,
         "topic.1.phrases.1"),
        ('[[topic]]\ntopic = "outage"\nphrases = ["а б в г д е ж з и"]', "long_phrase", 3,
         "topic.1.phrases.1"),
        ('[[topic]]\ntopic = "outage"\nwords = "свет"', "wrong_value", 3, "topic.1.words"),
        ('[[topic]]\ntopic = "outage"\nwords = ["свет"]\nweight = 0', "wrong_value", 4,
         "topic.1.weight"),
        ('[[topic]]\ntopic = "outage"\nwords = ["свет"]\nweight = nan', "wrong_value", 4,
         "topic.1.weight"),
        ('[[topic]]\ntopic = "outage"\nsenders = ["*example.com"]', "bad_email", 3,
         "topic.1.senders.1"),
        ('[[topic]]\ntopic = "outage"\naccounts = ["5*"]', "bad_beginning", 3,
         "topic.1.accounts.1"),
        ('[[route]]\nperson = "nobody"', "bad_email", 2, "route.1.person"),
        ('[[route]]\nperson = "a@example.com\\nBcc: b@example.com"', "bad_email", 2,
         "route.1.person"),
        ('[[route]]\nhead = "a@example.com"', "missing_field", 1, "route.1.person"),
        ('[[route]]\nperson = "a@example.com"\ntopics = ["bill"]', "wrong_value", 3,
         "route.1.topics.1"),
        ('[[route]]\nperson = "a@example.com"\nsegments = ["firms"]', "wrong_value", 3,
         "route.1.segments.1"),
        ('[[branch]]\nname = " "', "bad_line", 2, "branch.1.name"),
        ('[[branch]]\nname = "А"\nphone = "02"', "bad_phone", 3, "branch.1.phone"),
        ('[[branch]]\nname = "А"\nhours = "\\u202e8–20"', "bad_line", 3, "branch.1.hours"),
        ('[[branch]]\nname = "А"\n[[branch]]\nname = " а"', "branch_twice", 4, "branch.2.name"),
        ('[[branch]]\nname="А"\naccounts=["5"]\n[[branch]]\nname="Б"\naccounts=["6","5"]',
         "accounts_twice", 6, "branch.2.accounts"),
        ('[[branch]]\nname="А"\n[[route]]\nperson="a@example.com"\nbranches=["Б"]',
         "unknown_branch", 5, "route.1.branches"),
        ('[[route]]\nperson="a@example.com"\n[[route]]\nperson="b@example.com"\ntopics=["other"]',
         "never_reached", 3, "route.2"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_its_field(
    source: str, code: str, line: int, field: str | None
) -> None:
    (problem,) = problems_of(source)
    assert (problem.code, problem.line, problem.field) == (code, line, field)
    assert problem.message
    assert problem.advice
    assert problem.file == "inquiries.toml"


def test_every_mistake_is_told_at_once_each_with_the_line_of_its_own_row() -> None:
    source = """
[[topic]]
topic = "outage"
words = ["свет"]

[[topic]]
topic = "fire"
words = ["ваш"]

[[route]]
person = "x"
"""
    found = {(problem.field, problem.line) for problem in problems_of(source)}
    assert found == {("topic.2.topic", 7), ("topic.2.words.1", 8), ("route.1.person", 11)}


def test_routes_that_share_something_are_both_reached() -> None:
    source = """
[[route]]
person = "a@example.com"
topics = ["outage", "billing"]
[[route]]
person = "b@example.com"
topics = ["billing", "other"]
[[route]]
person = "c@example.com"
"""
    assert len(parse_rules(source).routes) == 3


def test_problems_are_told_in_the_readers_language() -> None:
    source = '[[route]]\nperson = "x"'
    assert "Укажите адрес" in str(problems_of(source)[0])
    with speaking("en"):
        assert "Write an address" in str(problems_of(source)[0])


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"#" * (LIMIT_BYTES + 1)])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "inquiries.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Refused) as refused:
        read_rules(path)
    assert refused.value.problems[0].file == str(path)


# What the documentation says ---------------------------------------------------------------------

DOCUMENT = (Path(__file__).parents[2] / "docs" / "inquiries.md").read_text("utf-8")


def test_the_documented_file_can_be_used() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    rules = parse_rules(example)
    assert rules.routes
    assert rules.branches
    assert rules.periods.answer_days == 15


def test_the_documented_periods_are_the_defaults() -> None:
    rows = re.findall(r"\| `(\w+)` \| (\d+|false) \|$", DOCUMENT, re.MULTILINE)
    told = {name: value == "true" if value == "false" else int(value) for name, value in rows}
    assert told == asdict(Periods())


def test_every_field_of_a_topic_is_documented() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)) == set(TopicRow.model_fields)
