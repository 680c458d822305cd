"""How a wording looks to one customer: every message of it, and when it would come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaigns.channel import ChannelName
from campaigns.outlook import anybody, foresee
from campaigns.recipient import Recipient
from campaigns.scenario import Scenario
from campaigns.scenario_description import channel_title
from campaigns.scenario_samples import USUAL, sample_accounts
from dispatcher.access.roles import Person, Right
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, audience_lists, leafing
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.ledger.scenarios import Templates
from dispatcher.previewing import Call, Letter, Message, Sms, Unsaid, word
from dispatcher.report.unfit_words import advice_on, why
from dispatcher.voices import find_voice
from dispatcher.web.scenarios_cadence import Picture, draw
from templates.call import CallScript, SoundRef
from templates.i18n import _

ENGLISH = "en"  # in place of an audience: a made-up customer who is written to in English
MOST_AUDIENCES = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """For whom somebody wants to see it, as the page asks: `audience` is an id, `en`, or empty."""

    audience: str = ""
    recipient: str = ""
    step: str = ""  # next, former


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whom it is shown for. `audience` is None for a made-up customer, `recipient_id` then 0."""

    recipient: Recipient
    audience: StoredAudience | None = None
    recipient_id: int = 0
    has_former: bool = False
    has_next: bool = False
    is_english: bool = False

    @property
    def wish(self) -> Wish:
        if self.audience is None:
            return Wish(ENGLISH if self.is_english else "")
        return Wish(str(self.audience.id), str(self.recipient_id))


@dataclass(frozen=True, slots=True)
class Shown:
    """One channel's message; `why` and `advice` where it cannot be said."""

    channel: ChannelName
    title: str
    kind: str  # sms, call, letter, unsaid
    message: Message
    why: str = ""
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    chosen: Chosen
    shown: tuple[Shown, ...]
    picture: Picture
    has_voice: bool

    @property
    def has_letter(self) -> bool:
        return any(one.kind == "letter" for one in self.shown)


def choose(tx: Transaction, person: Person, scenario: Scenario, wish: Wish) -> Chosen:
    """A recipient of the audience for whoever may see persons; else a made-up customer."""
    if person.may(Right.SEE_PERSONS) and wish.audience.isdecimal():
        found = _leaf(tx, wish)
        if found is not None:
            return found
    language = ENGLISH if wish.audience == ENGLISH else "ru"
    made_up = anybody(sample_accounts(scenario, USUAL, language)[0], scenario.purpose)
    return Chosen(made_up, is_english=language == ENGLISH)


def _leaf(tx: Transaction, wish: Wish) -> Chosen | None:
    if len(wish.audience) >= 10:
        return None
    audience = audience_lists.find_launchable(tx, int(wish.audience))
    if audience is None:
        return None
    found = None
    if wish.recipient.isdecimal() and len(wish.recipient) < 10:
        found = leafing.find(tx, audience.id, int(wish.recipient))
    if found is not None and wish.step:
        account = found[1].account_number
        back = wish.step == "former"
        found = leafing.neighbour(tx, audience.id, account, back=back) or found
    found = found or leafing.first(tx, audience.id)
    if found is None:
        return None
    account = found[1].account_number
    return Chosen(
        found[1],
        audience,
        found[0],
        leafing.neighbour(tx, audience.id, account, back=True) is not None,
        leafing.neighbour(tx, audience.id, account) is not None,
    )


def offered(tx: Transaction, person: Person) -> Sequence[StoredAudience]:
    """The audiences whose people somebody may look at, the latest first."""
    if not person.may(Right.SEE_PERSONS):
        return ()
    return audience_lists.launchable(tx, MOST_AUDIENCES)


def look(
    engine: Engine,
    tx: Transaction,
    scenario: Scenario,
    templates: Templates,
    sounds: Mapping[str, SoundRef],
    chosen: Chosen,
) -> Look:
    shown = tuple(
        _shown(channel, message_of(engine, scenario, templates, sounds, chosen, channel))
        for channel in scenario.sequence()
    )
    outlook = foresee(
        scenario, chosen.recipient, engine.clock.now(), engine.settings.zone, engine.rules(tx)
    )
    return Look(chosen, shown, draw(outlook), find_voice() is not None)


def message_of(
    engine: Engine,
    scenario: Scenario,
    templates: Templates,
    sounds: Mapping[str, SoundRef],
    chosen: Chosen,
    channel: ChannelName,
) -> Message:
    settings = engine.settings
    return word(
        scenario,
        channel,
        templates,
        [chosen.recipient],
        settings.supplier(),
        sounds,
        settings.sms_price_kopecks,
    )


def _shown(channel: ChannelName, message: Message) -> Shown:
    title = channel_title(channel)
    match message:
        case Sms():
            return Shown(channel, title, "sms", message)
        case Call():
            return Shown(channel, title, "call", message)
        case Letter():
            return Shown(channel, title, "letter", message)
        case Unsaid():
            unfit = message.unfit
            if unfit is None:
                wait = _("mend the mistakes in it first")
                return Shown(channel, title, "unsaid", message, wait)
            advice = tuple(advice_on([unfit]))
            return Shown(channel, title, "unsaid", message, why(unfit), advice)


def script_of(message: Message) -> CallScript | None:
    return message.script if isinstance(message, Call) else None
