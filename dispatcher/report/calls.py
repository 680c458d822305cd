"""What customers said in the calls of a campaign: keys, requests for an operator, answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.channel import ChannelName
from dispatcher.ledger import Transaction, calls
from dispatcher.ledger.calls import Requests
from dispatcher.ledger.scenarios import StoredScenario
from templates.call import Action
from templates.call_command import Command, Kind
from templates.call_file import read_call

_NO_REQUESTS = Requests(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One key, what the script says it does (None: the menu does not have it), and its calls."""

    digit: str
    action: Action | None
    answer: str
    calls: int


@dataclass(frozen=True, slots=True)
class CallFigures:
    """Counts of calls in which a customer said something."""

    keys: tuple[KeyFigure, ...] = ()
    answers: tuple[tuple[str, int], ...] = ()
    requests: Requests = _NO_REQUESTS
    stops: int = 0

    @property
    def pressed(self) -> int:
        return sum(key.calls for key in self.keys)

    @property
    def answered(self) -> int:
        return sum(count for _answer, count in self.answers)

    @property
    def fates(self) -> tuple[tuple[str, int], ...]:
        """What came of asking for an operator, by the keys of `report.words.operators`."""
        r = self.requests
        asking = r.asked - r.connected - r.nobody_free - r.abandoned
        return (
            ("connected", r.connected),
            ("nobody_free", r.nobody_free),
            ("abandoned", r.abandoned),
            *((("asked", asking),) if asking else ()),
        )

    @property
    def is_empty(self) -> bool:
        """Nobody pressed anything."""
        return not (self.pressed or self.requests.asked or self.stops)


def of_campaign(tx: Transaction, campaign_id: int, stored: StoredScenario) -> CallFigures:
    """Count what was said; of a scenario without calls nothing."""
    if ChannelName.PHONE not in stored.scenario.channels:
        return CallFigures()
    menu = _menu(stored.templates.get(ChannelName.PHONE, {}))
    return CallFigures(
        keys=tuple(
            KeyFigure(digit, *_meaning(menu.get(digit)), count)
            for digit, count in calls.by_key(tx, campaign_id)
        ),
        answers=tuple(calls.by_answer(tx, campaign_id)),
        requests=calls.requests(tx, campaign_id),
        stops=calls.stops(tx, campaign_id),
    )


def _menu(texts: Mapping[str, str]) -> Mapping[str, Command]:
    """The keys that the script offers, whatever their conditions."""
    commands = read_call(texts.get("call.txt", "")).commands
    return {c.digit: c for c in commands if c.kind is Kind.KEY and c.problem is None}


def _meaning(command: Command | None) -> tuple[Action | None, str]:
    return (command.action, command.answer) if command else (None, "")
