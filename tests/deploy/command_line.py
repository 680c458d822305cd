"""Whether a command line is one of ours, found out by parsing it and doing nothing."""

from collections.abc import Sequence

from typer.main import get_command

from dispatcher.cli.app import build
from dispatcher.queue import QUEUES

# Roles come to these queues; each has to be served by somebody.
EVERY_QUEUE = frozenset(QUEUES)


def parse(arguments: Sequence[str]) -> str:
    """The command that `dispatcher ARGUMENTS…` would run. Raises an error of typer's for an option
    or a command that there is not."""
    words = list(arguments)
    tree = get_command(build(words[0]))
    context = tree.make_context("dispatcher", words)
    name, command, rest = tree.resolve_command(context, words)  # type: ignore[attr-defined]
    command.make_context(name, rest, parent=context)
    return str(name)


def queues_of(arguments: Sequence[str]) -> frozenset[str]:
    """The queues that a worker with these arguments serves."""
    named = {arguments[at + 1] for at, word in enumerate(arguments) if word == "--queue"}
    return frozenset(named) or EVERY_QUEUE
