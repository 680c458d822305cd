"""What providers say of our accounts, when they are asked; nothing is sent to anybody."""

import asyncio
from collections.abc import Sequence

from channels.base import AccountState, Channel
from dispatcher.settings import environment_names
from templates.i18n import _

# A provider is asked one or two questions; each has its own time-out within this one.
QUESTIONS = 3


def ask(ways: Sequence[Channel], seconds: float) -> Sequence[AccountState]:
    """What each of them says, all asked at the same time; whoever does not answer within so long,
    or answers nonsense, is not in order. Opens sessions of its own."""
    return asyncio.run(_ask(ways, seconds))


def note_of(state: AccountState) -> str:
    """What a provider has said, in words for staff: settings by their names, and the balance."""
    note = environment_names(state.note)
    if not state.balance:
        return note
    stop = "" if note.endswith((".", "!")) else "."
    balance = _("Balance: {balance}.").format(balance=state.balance)
    return f"{note}{stop} {balance}" if note else balance


async def _ask(ways: Sequence[Channel], seconds: float) -> Sequence[AccountState]:
    async def one_of(one: Channel) -> AccountState:
        async with asyncio.timeout(seconds), one:
            return await one.account()

    # What one of them does wrong must not hide what the others say.
    states = await asyncio.gather(*(one_of(one) for one in ways), return_exceptions=True)
    return [_read(state) for state in states]


def _read(state: AccountState | BaseException) -> AccountState:
    if isinstance(state, AccountState):
        return state
    if isinstance(state, TimeoutError):
        return AccountState(False, _("no answer in time"))
    if isinstance(state, Exception):
        # Its text may hold an address or a secret.
        note = _("the question failed ({kind})").format(kind=type(state).__name__)
        return AccountState(False, note)
    raise state
