"""`.env.example` is the manual of the settings: complete, and true."""

import json
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from dispatcher.errors import BadSetting
from dispatcher.settings import PREFIX, Settings, load_settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
SETTING = re.compile(rf"^#({PREFIX}[A-Z_]+)=(.+)$", re.MULTILINE)
# Whose example shows what one might write; the comment says that the default is nothing.
DEFAULT_SAID_BY = re.compile(r"Default: (none|the |\{\}|\[\]|built in|made once|http://|beside)")


def _written() -> dict[str, str]:
    return dict(SETTING.findall(EXAMPLE.read_text("utf-8")))


def _comment_of(name: str) -> str:
    above = EXAMPLE.read_text("utf-8").partition(f"#{name}=")[0]
    return above.rsplit("\n\n", 1)[1].replace("\n# ", " ")


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert set(_written()) == {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", sorted(_written()))
def test_each_setting_says_what_it_is_for_and_its_default(name: str) -> None:
    comment = _comment_of(name)
    assert comment.startswith("# ")
    assert "Default: " in comment
    default = Settings.model_fields[name.removeprefix(PREFIX).lower()].get_default(
        call_default_factory=True
    )
    if default in (None, "", {}, ()) or default == SecretStr(""):
        assert DEFAULT_SAID_BY.search(comment), comment
    else:
        number = f"{default:g}" if isinstance(default, float) else str(default)
        if isinstance(default, bool):
            number = number.lower()
        assert f"Default: {number}" in comment
        assert _written()[name] == number


def test_the_file_with_its_values_uncommented_is_accepted(tmp_path: Path) -> None:
    real = tmp_path / ".env"
    real.write_text(SETTING.sub(r"\1=\2", EXAMPLE.read_text("utf-8")), "utf-8")
    settings = Settings(_env_file=real)
    assert settings.company == "Энергосбыт"
    assert settings.max_per_day == json.loads(_written()["DISPATCHER_MAX_PER_DAY"])
    assert settings.branches["Омское отделение"] == "Asia/Omsk"


def test_the_file_as_it_is_changes_nothing(tmp_path: Path) -> None:
    with_example = Settings(_env_file=EXAMPLE)
    assert with_example == Settings(_env_file=tmp_path / "absent")


def test_a_misspelt_setting_is_an_error_that_names_the_right_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPATCHER_SMTP_PASWORD", "hunter2")
    with pytest.raises(BadSetting, match="DISPATCHER_SMTP_PASSWORD") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_a_misspelt_setting_in_the_file_is_an_error_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DISPATCHER_SMTP_PASWORD=hunter2\n")
    with pytest.raises(BadSetting, match="DISPATCHER_SMTP_PASSWORD") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_the_addresses_of_test_servers_are_no_misspelt_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPATCHER_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1/postgres")
    assert load_settings().is_embedded
