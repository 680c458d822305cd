"""How a line of the log looks, whoever writes it."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
import structlog

from campaigns.inquiry.letter import Flaw
from dispatcher import logs

ADDRESS = "maria.ivanova@example.com"


Configure = Callable[[Literal["console", "json"]], None]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Logs set up as a program does it, whose standard library has no handlers yet."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level

    def bare(shape: Literal["console", "json"]) -> None:
        root.handlers = [one for one in root.handlers if type(one).__module__ == logs.__name__]
        logs.configure("INFO", shape, colours=False)

    yield bare
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_of_a_channel_is_json_with_time_and_level_like_ours(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("json")
    logging.getLogger("channels.mailbox.imap").warning("%s: %s", "info", f"login of {ADDRESS}")
    structlog.get_logger().warning("ours")
    theirs, ours = lines(capsys)
    assert set(ours) <= set(theirs)
    assert theirs["logger"] == "channels.mailbox.imap"
    assert theirs["level"] == "warning"
    assert len(str(theirs["timestamp"])) == len(str(ours["timestamp"]))
    assert theirs["event"] == "info: login of m***@example.com"


def test_a_traceback_of_a_library_is_one_line_of_json_without_addresses(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("json")
    logging.getLogger("some.library").error("broken", exc_info=OSError(ADDRESS))
    [line] = lines(capsys)
    assert line["exception"] == "OSError: m***@example.com"
    assert ADDRESS not in str(line)


def test_on_the_console_a_line_of_a_channel_tells_time_and_level(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("console")
    logging.getLogger("channels.mailbox.imap").warning("info: login (LoginRefused)")
    told = capsys.readouterr().err
    assert told.startswith("20")
    assert "[warning" in told
    assert "info: login (LoginRefused)" in told
    assert "channels.mailbox.imap" in told


def test_who_configures_last_says_how_all_lines_look(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("console")
    configure("json")
    logging.getLogger("channels").warning("once")
    assert [line["event"] for line in lines(capsys)] == ["once"]


def test_words_of_closed_sets_are_plain_and_what_there_is_none_of_is_left_out(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("console")
    structlog.get_logger().info(
        "letter.in", flaws=[Flaw.NO_TEXT], kinds={Flaw.NO_TEXT}, kind=Flaw.NO_TEXT, topic=None
    )
    told = capsys.readouterr().err
    assert "flaws=['no_text']" in told
    assert "kinds=['no_text']" in told
    assert "Flaw" not in told
    assert "topic" not in told
