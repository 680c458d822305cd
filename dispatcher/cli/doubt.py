"""What is uncertain, as staff see it: what providers are still asked about, and what is theirs."""

from collections.abc import Sequence

from dispatcher.cli import screen
from dispatcher.engine import Engine
from dispatcher.ledger import campaigns, doubts
from dispatcher.ledger.doubts import Doubt
from dispatcher.logs import mask
from dispatcher.report.words import channels, word
from templates.i18n import _, ngettext


def undecided(engine: Engine) -> dict[int, int]:
    """How many attempts wait for staff, by campaign."""
    with engine.ledger.read() as tx:
        return dict(doubts.undecided(tx))


def needs_decision(campaign_id: int, count: int) -> str:
    """The line that tells staff to decide, with the command to type."""
    return ngettext(
        "{count} attempt needs a decision: dispatcher campaign uncertain {id}",
        "{count} attempts need a decision: dispatcher campaign uncertain {id}",
        count,
    ).format(count=count, id=campaign_id)


def of_campaign(engine: Engine, campaign_id: int) -> list[Doubt]:
    """Raises NotFound."""
    with engine.ledger.read() as tx:
        campaigns.get(tx, campaign_id)
        return list(doubts.of_campaign(tx, campaign_id))


def facts(found: Sequence[Doubt], *, full: bool) -> list[dict[str, object]]:
    return [
        {
            "account_number": one.account_number,
            "channel": one.channel,
            "contact_point": one.contact_point if full else mask(one.contact_point),
            "provider": one.provider,
            "reference": one.reference,
            "attempts": one.attempts,
            "last_started_at": one.started_at,
            "reason": one.reason,
            "asked_next_at": one.ask_at,
            "yours_to_decide": one.ask_at is None,
        }
        for one in found
    ]


def tell(found: Sequence[Doubt], campaign_id: int, zone: str, *, full: bool) -> None:
    asked = [one for one in found if one.ask_at is not None]
    ours = [one for one in found if one.ask_at is None]
    if not found:
        screen.say_well(_("Nothing is uncertain."))
    if asked:
        _table(_("The provider is still being asked"), asked, zone, full=full)
    if ours:
        _table(_("Yours to decide"), ours, zone, full=full)
    if found:
        screen.say(
            _(
                "Ask the provider, then: dispatcher campaign resolve {id} CHANNEL --reached …"
            ).format(id=campaign_id)
        )


def _table(title: str, found: Sequence[Doubt], zone: str, *, full: bool) -> None:
    headers = [_("account"), _("channel"), _("contact"), _("sent at"), _("its number there")]
    waits = found[0].ask_at is not None
    rows = []
    for one in found:
        row = [
            one.account_number,
            word(channels, one.channel),
            one.contact_point if full else mask(one.contact_point),
            screen.moment(one.started_at, zone),
            f"{one.provider} {one.reference or '—'}",
        ]
        rows.append([*row, screen.moment(one.ask_at, zone)] if one.ask_at else row)
    screen.table(title, [*headers, _("asked next")] if waits else headers, rows)
