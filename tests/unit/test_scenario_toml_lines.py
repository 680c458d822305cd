"""The line of a key in a TOML file."""

import tomllib

from campaigns.toml_lines import key_lines, line_of

SOURCE = '''# name = "not a key"
name = "a"  # comment

text = """
purpose = "inside a string"
[channels.fake]
"""
days = [
  "mon",  # [values]
  "tue",
]
order.kind = "cascade"
window = { from = "10:00" }

[channels.sms]
template = "x]"
'quoted key' = 1
[channels."phone"]
template = "y"
'''


def test_each_key_has_its_line_and_strings_hide_none() -> None:
    lines = key_lines(SOURCE)
    assert tomllib.loads(SOURCE)["order"] == {"kind": "cascade"}
    assert lines == {
        ("name",): 2,
        ("text",): 4,
        ("days",): 8,
        ("order",): 12,
        ("order", "kind"): 12,
        ("window",): 13,
        ("channels",): 15,
        ("channels", "sms"): 15,
        ("channels", "sms", "template"): 16,
        ("channels", "sms", "quoted key"): 17,
        ("channels", "phone"): 18,
        ("channels", "phone", "template"): 19,
    }


def test_what_has_no_line_of_its_own_gets_that_of_what_surrounds_it() -> None:
    lines = key_lines(SOURCE)
    assert line_of(lines, ("window", "from")) == 13
    assert line_of(lines, ("channels", "sms", "positive", 0)) == 15
    assert line_of(lines, ("nowhere",)) is None
