"""A rehearsed campaign with every logger there is turned up: `python -m
tests.trouble.talkative_campaign FOLDER AUDIENCE` writes it to standard error, for a test to read.

A process of its own, because loggers are set up once a process.
"""

import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from campaigns.scenario_file import library_path, read_scenario
from dispatcher import logs
from dispatcher.demo import Telling, rehearse
from dispatcher.settings import Settings

# Not `mail.log`: the sandbox's mail server stands for the one of the other side.
HEARD = ("urllib3", "requests", "aiohttp", "aiosmtplib", "asyncio", "uvicorn", "twilio")


def main() -> None:
    folder, audience = Path(sys.argv[1]), Path(sys.argv[2])
    logs.configure("DEBUG", "json")
    logging.basicConfig(
        level=logging.DEBUG, force=True, format="%(name)s %(levelname)s %(message)s"
    )
    for name in HEARD:  # as if somebody had undone what we silence
        logging.getLogger(name).setLevel(logging.DEBUG)
    rehearse(
        Settings(_env_file=None, log_level="DEBUG"),
        read_scenario(library_path("debt-reminder")),
        audience,
        folder,
        start_at=datetime(2026, 12, 1, 6, tzinfo=UTC),
        days=3,
        seed=3,
        mapping={},
        telling=Telling(lambda _n: None, lambda _n: None, lambda *_: None),
    )


if __name__ == "__main__":
    main()
