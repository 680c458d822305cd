"""A call in progress: what a pressed key leads to.

Pure: the engine knows whether an operator is free and writes down what was decided, the provider's
module turns a `Turn` into its own markup.
"""

from dataclasses import dataclass

from templates.call import Fragment


@dataclass(frozen=True, slots=True)
class Operator:
    """Where a call is switched to: a number in E.164 or a SIP address."""

    address: str
    wait_seconds: int  # how long it may ring (the standard: at most 30 s)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a call does next: say `fragments`, then listen for a key again, dial, or hang up."""

    fragments: tuple[Fragment, ...]
    listens: bool = False  # the menu once more, as round number `round`
    operator: Operator | None = None
    round: int = 1
