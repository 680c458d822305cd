"""What every part of the engine works with: the ledger, the clock, the rules, the ways out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from campaigns.channel import ChannelName
from campaigns.consent import Caps, consent_rules
from campaigns.desk import Desks
from campaigns.holidays import Holidays
from campaigns.inquiry.rules import InquiryRules
from campaigns.permission import Rulebook
from channels.routing import Providers
from dispatcher.clock import Clock
from dispatcher.ledger import Ledger, Transaction, calendar, scenarios
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.pacing import Pacer, Unpaced
from dispatcher.settings import Settings
from dispatcher.stop import Stop
from dispatcher.watch import Watch

_UNPACED = Unpaced()


@dataclass(slots=True)
class Engine:
    """Built once per process by `wiring`; shared by its threads."""

    settings: Settings
    ledger: Ledger
    clock: Clock
    channels: Mapping[ChannelName, Providers]
    receipts_url: str
    secret: str
    desks: Desks = field(default_factory=Desks)
    inquiry_rules: InquiryRules = field(default_factory=InquiryRules)
    pacers: Mapping[tuple[ChannelName, str], Pacer] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)
    stopping: Stop = field(default_factory=Stop)
    _scenarios: dict[int, StoredScenario] = field(default_factory=dict)

    def scenario(self, tx: Transaction, scenario_id: int) -> StoredScenario:
        """A scenario version; it never changes, so it is read once."""
        known = self._scenarios.get(scenario_id)
        if known is None:
            known = self._scenarios[scenario_id] = scenarios.get(tx, scenario_id)
        return known

    def pacer(self, channel: ChannelName, provider: str) -> Pacer:
        return self.pacers.get((channel, provider), _UNPACED)

    def is_paced(self, key: tuple[ChannelName, str]) -> bool:
        """Whether messages wait for their turn at a provider."""
        return key in self.pacers

    def rules(self, tx: Transaction) -> Rulebook:
        """The house's rules with the holidays as staff corrected them just now."""
        holidays = Holidays(calendar.corrections(tx))
        return Rulebook(holidays, consent_rules(self.settings.consent), self._caps())

    def _caps(self) -> Mapping[ChannelName, Caps]:
        s = self.settings
        return {
            channel: Caps(
                per_day=s.max_per_day.get(channel),
                per_week=s.max_per_week.get(channel),
                per_month=s.max_per_month.get(channel),
            )
            for channel in ChannelName
            if channel in s.max_per_day or channel in s.max_per_week or channel in s.max_per_month
        }
