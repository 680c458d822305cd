"""What looking at a campaign's texts before its launch has found."""

from collections import Counter
from dataclasses import dataclass, field, replace

from campaigns.channel import ChannelName
from dispatcher.errors import NotPossible
from templates.errors import EmptyText, MissingValue, RenderError, TooLong, TooManyAccounts
from templates.i18n import ngettext

# Texts that cannot go are counted all and listed up to here.
LISTED = 10_000


@dataclass(frozen=True, slots=True)
class Unfit:
    """One message of the plan that cannot go as it is.

    `code` is too_long, missing_value, unfit_value, empty_text or too_many_accounts. `measured` are
    characters or seconds; `fields` name what makes the text long, longest first, with characters.
    """

    channel: ChannelName
    delivery_id: int
    account_number: str
    code: str
    measured: float | None = None
    name: str = ""
    fields: tuple[tuple[str, int], ...] = ()


def unfit_of(
    channel: ChannelName, delivery_id: int, account_number: str, error: RenderError
) -> Unfit:
    """What a message that could not be worded is listed as."""

    def because(code: str, measured: float | None = None, name: str = "") -> Unfit:
        return Unfit(channel, delivery_id, account_number, code, measured, name)

    if isinstance(error, TooLong):
        return replace(because("too_long", error.measured), fields=error.fields)
    if isinstance(error, MissingValue):
        return because("missing_value", name=error.name)
    if isinstance(error, EmptyText):
        return because("empty_text")
    if isinstance(error, TooManyAccounts):
        return because("too_many_accounts", float(error.accounts))
    return because("unfit_value", name=getattr(error, "filter_name", ""))


@dataclass(slots=True)
class SmsFigures:
    """The plan's SMS in numbers."""

    texts: int = 0
    longest: int = 0
    encodings: Counter[str] = field(default_factory=Counter)
    parts: Counter[int] = field(default_factory=Counter)  # how many texts go in so many parts

    @property
    def parts_in_all(self) -> int:
        return sum(parts * texts for parts, texts in self.parts.items())

    def cost_kopecks(self, price_kopecks: int) -> int:
        return self.parts_in_all * price_kopecks


@dataclass(slots=True)
class CallFigures:
    """The plan's calls in numbers; `phrases` are those of the longest, with their seconds."""

    texts: int = 0
    longest_seconds: float = 0.0
    phrases: tuple[tuple[str, float], ...] = ()
    voice: str = ""  # the engine that spoke it; empty: an estimate


@dataclass(slots=True)
class Examination:
    sms: SmsFigures = field(default_factory=SmsFigures)
    calls: CallFigures = field(default_factory=CallFigures)
    unfit: list[Unfit] = field(default_factory=list)  # some of them, to be listed
    unfit_ids: list[int] = field(default_factory=list)  # the deliveries of all of them

    @property
    def unfit_count(self) -> int:
        return len(self.unfit_ids)

    def complain(self, one: Unfit) -> None:
        self.unfit_ids.append(one.delivery_id)
        if len(self.unfit) < LISTED:
            self.unfit.append(one)


class TextsUnfit(NotPossible):
    """A launch that was refused for what it would have said; `examination` lists whom and why."""

    def __init__(self, examination: Examination) -> None:
        self.examination = examination
        super().__init__(
            ngettext(
                "{count} message cannot go as it is. Nothing was launched.",
                "{count} messages cannot go as they are. Nothing was launched.",
                examination.unfit_count,
            ).format(count=examination.unfit_count)
        )
