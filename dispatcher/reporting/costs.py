"""What was sent, in money: parts of SMS by the price of each provider; of calls the minutes."""

from collections.abc import Mapping, Sequence

from campaigns.channel import ChannelName
from dispatcher.ledger.spending import Carried
from dispatcher.report import words
from dispatcher.report.html import number
from dispatcher.report.tables import Cell, Kopecks, Panel, Share, Table
from templates.i18n import _


def cost_of(carried: Sequence[Carried], prices: Mapping[str, int]) -> int | None:
    """Kopecks for all SMS whose price and parts are known; None where there are none."""
    known = [one for one in carried if one.channel is ChannelName.SMS and one.provider in prices]
    return sum(one.parts * prices[one.provider] for one in known) if known else None


def cost_panel(carried: Sequence[Carried], prices: Mapping[str, int]) -> Panel:
    rows: list[tuple[Cell, ...]] = []
    for one in carried:
        rows.append(
            (
                words.word(words.channels, one.channel),
                one.provider,
                one.attempts,
                one.positives,
                Share(one.positives, one.attempts),
                one.parts if one.channel is ChannelName.SMS else None,
                round(one.seconds / 60) if one.channel is ChannelName.PHONE else None,
                _cost(one, prices),
            )
        )
    total = cost_of(carried, prices)
    if rows:
        made, reached = (sum(getattr(one, n) for one in carried) for n in ("attempts", "positives"))
        parts = sum(one.parts for one in carried)
        minutes = round(sum(one.seconds for one in carried) / 60)
        money: Cell = Kopecks(total) if total is not None else _("not known")
        rows.append((_("Total"), "", made, reached, Share(reached, made), parts, minutes, money))
    heads = (
        _("Channel"),
        _("Provider"),
        _("Made"),
        _("Of them reached"),
        _("Share"),
        _("Parts of SMS"),
        _("Minutes of calls"),
        _("Cost, ₽"),
    )
    table = Table(heads, tuple(rows), total=bool(rows))
    return Panel("", table, None, " ".join(_remarks(carried, prices)))


def _cost(one: Carried, prices: Mapping[str, int]) -> Cell:
    if one.channel is ChannelName.EMAIL:
        return Kopecks(0)
    known = one.channel is ChannelName.SMS and one.provider in prices
    return Kopecks(one.parts * prices[one.provider]) if known else _("not known")


def _remarks(carried: Sequence[Carried], prices: Mapping[str, int]) -> Sequence[str]:
    found = []
    uncounted = sum(one.uncounted for one in carried)
    if uncounted:
        found.append(
            _("Of {count} SMS nobody counted the parts: they are not in the cost.").format(
                count=number(uncounted)
            )
        )
    if any(one.channel is ChannelName.SMS and one.provider not in prices for one in carried):
        found.append(
            _("The price of a part is not known of every provider: an administrator can set it.")
        )
    if any(one.channel is ChannelName.PHONE for one in carried):
        found.append(_("What calls cost is on the provider's own bill; letters cost nothing."))
    return found
