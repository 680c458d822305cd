"""The providers of a town, in a process of their own: the sandbox and its mailbox."""

import argparse
import json
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path

from channels.sandbox import Sandbox, load_patterns
from channels.sandbox.mailbox_server import MailboxServer


def main() -> None:
    """Listen until a signal ends it. What was received is written line by line."""
    words = argparse.ArgumentParser()
    words.add_argument("--host", required=True)
    for port in ("--smtp-port", "--http-port", "--imap-port"):
        words.add_argument(port, type=int, required=True)
    words.add_argument("--seed", type=int, required=True)
    words.add_argument("--speed", type=float, required=True)
    words.add_argument("--patterns", type=Path, required=True)
    words.add_argument("--journal", type=Path, required=True)
    words.add_argument("--inbound", type=json.loads, required=True)
    given = words.parse_args()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    sandbox = Sandbox(
        lambda: datetime.now(UTC),
        seed=given.seed,
        patterns=load_patterns(given.patterns),
        journal_path=given.journal,
        speed=given.speed,
        host=given.host,
        smtp_port=given.smtp_port,
        http_port=given.http_port,
        inbound_urls=given.inbound,
    )
    with sandbox, MailboxServer(given.host, given.imap_port):
        stopped.wait()


if __name__ == "__main__":
    main()
