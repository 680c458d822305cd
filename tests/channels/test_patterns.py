"""The table of the sandbox: read strictly, first rule first, drawn by weight."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.channel import ChannelName
from channels.sandbox import Fate, load_patterns
from channels.sandbox.dice import Dice
from channels.sandbox.operators import OperatorFate, Operators
from channels.sandbox.patterns import FATES
from templates.problem import Refused

TABLE = load_patterns()
MIX = "[mix.phone]\nheard = 1\n[mix.sms]\ndelivered = 1\n[mix.email]\naccepted = 1\n"


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "patterns.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("channel", "point", "fate"),
    [
        ("phone", "+79161230001", Fate.BUSY),
        ("phone", "+79161230006", Fate.KEY_0),
        ("phone", "+79161230012", Fate.THROTTLED),
        ("phone", "+79161230021", Fate.KEY_0_HANGS_UP),
        ("phone", "+79161230029", Fate.KEY_9),
        ("phone", "+79161230018", Fate.HEARD),
        ("sms", "+79161230003", Fate.DELIVERED),
        ("sms", "+79161230007", Fate.UNDELIVERED),
        ("sms", "+79161230016", Fate.BAD_NUMBER),
        ("email", "bounce.17@example.com", Fate.NO_SUCH_MAILBOX),
        ("email", "Full@Example.com", Fate.FULL),
        ("email", "drop@example.com", Fate.DROP_AFTER_ACCEPT),
        ("email", "anna.bounce@example.com", None),
        ("phone", "+79161239999", None),
        ("email", "0001", None),
        ("phone", "", None),
    ],
)
def test_the_built_in_table_decides(channel: str, point: str, fate: Fate | None) -> None:
    rule = TABLE.rule_for(ChannelName(channel), point)
    assert (rule.outcome if rule else None) == fate


def test_the_first_fitting_rule_decides_whatever_its_kind(tmp_path: Path) -> None:
    rules = """
        [[rules]]
        channel = "phone"
        regex = '\\+7916.*'
        outcome = "busy"
        [[rules]]
        channel = "phone"
        ends = "01"
        outcome = "machine"
        [[rules]]
        channel = "phone"
        ends = "1"
        outcome = "failed"
    """
    found = load_patterns(table(tmp_path, rules + MIX))
    fates = [found.rule_for(ChannelName.PHONE, n) for n in ("+791601", "+790001", "+790011")]
    assert [rule and rule.outcome for rule in fates] == [Fate.BUSY, Fate.MACHINE, Fate.FAILED]


@pytest.mark.parametrize(
    "mistake",
    [
        "channel = 'fax'\nends = '1'\noutcome = 'busy'",
        "channel = 'phone'\nends = '1'\noutcome = 'delivered'",
        "channel = 'phone'\nends = '1'\noutcome = 'exploded'",
        "channel = 'phone'\noutcome = 'busy'",
        "channel = 'phone'\nends = '1'\nregex = '.*'\noutcome = 'busy'",
        "channel = 'phone'\nends = 'one'\noutcome = 'busy'",
        "channel = 'phone'\nregex = '('\noutcome = 'busy'",
        "channel = 'phone'\nends = '1'\noutcome = 'hung_up'\nshare = 3",
        "channel = 'phone'\nends = '1'\noutcome = 'busy'\ncolour = 'red'",
    ],
)
def test_a_mistake_in_a_rule_is_told_with_its_place(tmp_path: Path, mistake: str) -> None:
    path = table(tmp_path, f"[[rules]]\n{mistake}\n{MIX}")
    with pytest.raises(Refused) as refusal:
        load_patterns(path)
    [problem] = refusal.value.problems
    assert problem.file == str(path)
    assert (problem.field or "").startswith("rules.1")
    assert problem.message


@pytest.mark.parametrize(
    "mix",
    [
        "",
        "[mix.phone]\nheard = 1\n",
        MIX.replace("heard = 1", "heard = -1"),
        MIX.replace("heard = 1", "heard = 0"),
        MIX.replace("heard = 1", "delivered = 1"),
        "not toml at all",
    ],
)
def test_a_mistake_in_the_mix_is_refused(tmp_path: Path, mix: str) -> None:
    with pytest.raises(Refused):
        load_patterns(table(tmp_path, mix))


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        load_patterns(tmp_path / "nowhere.toml")
    (tmp_path / "cp1251.toml").write_bytes("# таблица".encode("cp1251"))
    with pytest.raises(Refused):
        load_patterns(tmp_path / "cp1251.toml")


@pytest.mark.parametrize(
    "mistake",
    [
        "answers = 1.5",
        "answers = 0.7\nbusy = 0.7",
        "talk_seconds = [60, 30]",
        "talk_seconds = [60]",
        "rings_seconds = [0, 5]",
        "colour = 'red'",
        "[[operator.rules]]\noutcome = 'answers'",
        "[[operator.rules]]\noutcome = 'answers'\nends = '1'\naddress = '*'",
        "[[operator.rules]]\noutcome = 'heard'\nends = '1'",
    ],
)
def test_a_mistake_about_operators_is_told_with_its_place(tmp_path: Path, mistake: str) -> None:
    with pytest.raises(Refused) as refusal:
        load_patterns(table(tmp_path, f"[operator]\n{mistake}\n{MIX}"))
    assert all((problem.field or "").startswith("operator") for problem in refusal.value.problems)


def test_a_table_without_operators_has_some_all_the_same(tmp_path: Path) -> None:
    assert load_patterns(table(tmp_path, MIX)).operator == Operators()


def test_the_first_fitting_rule_decides_about_an_operator_and_else_the_shares() -> None:
    rules = [
        {"outcome": "busy", "ends": "4321"},
        {"outcome": "failed", "address": "sip:*@pbx.example.com"},
    ]
    found = Operators.model_validate({"answers": 0.5, "busy": 0.25, "rules": rules})
    assert found.fate("+74957654321", 0.0) is OperatorFate.BUSY
    assert found.fate("sip:Desk@pbx.example.com", 0.0) is OperatorFate.FAILED
    drawn = [found.fate("+74950000000", chance) for chance in (0.0, 0.5, 0.75, 0.99)]
    assert drawn == ["answers", "busy", "no_answer", "no_answer"]


@given(st.sampled_from(list(ChannelName)), st.floats(0, 1))
def test_every_draw_is_a_fate_of_its_channel(channel: ChannelName, chance: float) -> None:
    assert TABLE.drawn(channel, chance) in FATES[channel]


def test_the_mix_comes_out_as_its_weights_say() -> None:
    draws = 4000
    dice = [Dice(1, ChannelName.PHONE, f"+7916{n:07}", 0) for n in range(draws)]
    found = Counter(TABLE.drawn(ChannelName.PHONE, one.chance("fate")) for one in dice)
    weights = TABLE.mix[ChannelName.PHONE]
    for name, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(found[Fate(name)] / draws - share) < 0.03


def test_references_look_like_the_providers_and_differ_by_every_part_of_their_name() -> None:
    base = (1, ChannelName.PHONE, "+79160000000", 0)
    others = [
        (2, *base[1:]),
        (1, ChannelName.SMS, *base[2:]),
        (1, ChannelName.PHONE, "+79160000001", 0),
        (*base[:3], 1),
    ]
    sids = {Dice(*one).sid("CA") for one in [base, *others]}
    assert len(sids) == 5
    assert all(len(sid) == 34 for sid in sids)
    assert len(str(Dice(*base).serial())) == 15
