"""One customer erased on request (federal law 152-FZ, articles 20 and 21).

First nothing more is said to them: what is planned ends as withdrawn. While a message is on its way
nothing is erased, for its outcome must still find its row; nor while an answer to them is still to
be sent, for it would go nowhere. Then they are taken out of everything
that is kept, and the trail notes that it was done, not to whom. The stop-list stays: to honour a
refusal one must remember who refused.
"""

from dataclasses import replace
from datetime import datetime

from campaigns.delivery import Status
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, deliveries, groups, person, trail
from dispatcher.ledger.deliveries import Change
from dispatcher.ledger.person import Person, Traces
from dispatcher.record import stop
from dispatcher.retention.books import forget_people
from templates.i18n import _, ngettext


def find(tx: Transaction, *, account: str | None, point: str | None) -> tuple[Person, Traces]:
    """Somebody, and what is kept of them. Raises NotPossible when that is nothing."""
    if account is not None:
        found = person.of_account(tx, account)
    else:
        found = person.of_point(tx, point or "")
    traces = person.traces(tx, found)
    if traces.is_nothing:
        raise NotPossible(_("Nothing is kept of this customer."))
    return found, traces


def erase(
    engine: Engine, *, account: str | None, point: str | None, request: str, actor: str
) -> Traces:
    """Stop what is planned, then erase; what was kept before. `request`: the incoming paper's
    number, for the trail.

    Raises NotPossible when nothing is kept, and while a message is on its way or an answer is owed,
    with everything else stopped.
    """
    now = engine.clock.now()
    engine.ledger.insist(lambda tx: _stop(tx, find(tx, account=account, point=point)[0], now))

    def act(tx: Transaction) -> Traces:
        found, before = find(tx, account=account, point=point)
        # Locked, so that nothing begins meanwhile.
        deliveries.lock(tx, person.live_deliveries(tx, found))
        if flying := person.flying(tx, found):
            raise NotPossible(
                ngettext(
                    "{count} message to this customer is on its way; nothing more will follow. Do "
                    "this again when its outcome is known.",
                    "{count} messages to this customer are on their way; nothing more will follow. "
                    "Do this again when their outcomes are known.",
                    flying,
                ).format(count=flying)
            )
        if owed := person.owed(tx, found):
            raise NotPossible(
                ngettext(
                    "{count} answer to this customer is still to be sent. Do this again when it "
                    "has gone.",
                    "{count} answers to this customer are still to be sent. Do this again when "
                    "they have gone.",
                    owed,
                ).format(count=owed)
            )
        person.erase(tx, found, now)
        accounts = frozenset(found.accounts if account is not None else ())
        for campaign_id in found.campaign_ids:
            forget_people(tx, campaign_id, accounts, frozenset(found.points))
        trail.note(
            tx,
            now,
            actor,
            "retention.erase_person",
            "retention",
            request=request,
            rows=before.rows,
            attempts=before.attempts,
            inquiries=before.inquiries,
            letters=before.letters,
        )
        return replace(before, waiting=0)

    return engine.ledger.insist(act)


def _stop(tx: Transaction, found: Person, now: datetime) -> None:
    rows = deliveries.lock(tx, person.open_deliveries(tx, found)).values()
    # Those told in another's message first: whom we forget must not inherit it.
    joined = [d for d in rows if d.status is Status.SKIPPED and d.reason in groups.JOINED]
    deliveries.change(tx, [Change(d.id, d.status, Status.WITHDRAWN, d.reason) for d in joined])
    stop(tx, [d for d in rows if d.status is not Status.SKIPPED], Status.WITHDRAWN, now)
