"""What an administrator does with webhooks: add, change, rotate the secret, try, end."""

from collections.abc import Collection
from datetime import timedelta

from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, trail, webhook_posts, webhooks
from dispatcher.ledger.webhooks import TEST, Event
from dispatcher.webhooks.address import place_of
from dispatcher.webhooks.connection import refuse_houses
from dispatcher.webhooks.signing import new_secret
from templates.i18n import _

# Whoever listens has a day to take the new secret up: until then both sign.
FORMER_LASTS = timedelta(days=1)
MOST = 20


def add(engine: Engine, url: str, events: Collection[Event], actor: str) -> tuple[int, str]:
    """A new webhook: its id, and its secret, which is shown once. Raises NotPossible; its kind
    BadAddress where it is the address that will not do."""
    _check(engine, url, events)
    secret, now = new_secret(), engine.clock.now()

    def act(tx: Transaction) -> int:
        if sum(hook.ended_at is None for hook in webhooks.everything(tx)) >= MOST:
            raise NotPossible(_("There are {count} webhooks: end one first.").format(count=MOST))
        webhook_id = webhooks.add(tx, url, secret, [e.value for e in events], actor, now)
        told = sorted(event.value for event in events)
        trail.note(tx, now, actor, "webhook.add", f"webhook:{webhook_id}", events=told)
        return webhook_id

    return engine.ledger.insist(act), secret


def change(
    engine: Engine, webhook_id: int, url: str, events: Collection[Event], actor: str
) -> None:
    """Another address, other events. Raises NotPossible and NotFound."""
    _check(engine, url, events)
    now = engine.clock.now()

    def act(tx: Transaction) -> None:
        _alive(tx, engine, webhook_id)
        webhooks.change(tx, webhook_id, url, [event.value for event in events])
        told = sorted(event.value for event in events)
        trail.note(tx, now, actor, "webhook.change", f"webhook:{webhook_id}", events=told)

    engine.ledger.insist(act)


def rotate(engine: Engine, webhook_id: int, actor: str) -> str:
    """A new secret, which is shown once; for a day the former one signs, too."""
    secret, now = new_secret(), engine.clock.now()

    def act(tx: Transaction) -> None:
        webhook = _alive(tx, engine, webhook_id)
        webhooks.rotate(tx, webhook, secret, now + FORMER_LASTS)
        trail.note(tx, now, actor, "webhook.rotate", f"webhook:{webhook_id}")

    engine.ledger.insist(act)
    return secret


def try_out(engine: Engine, webhook_id: int, actor: str) -> None:
    """Tell a webhook of nothing but that it was tried."""
    now = engine.clock.now()

    def act(tx: Transaction) -> None:
        _alive(tx, engine, webhook_id)
        webhooks.tell_one(tx, webhook_id, TEST, {"webhook": webhook_id}, now)
        trail.note(tx, now, actor, "webhook.test", f"webhook:{webhook_id}")

    engine.ledger.insist(act)


def tell_again(engine: Engine, webhook_id: int, post_id: int, actor: str) -> bool:
    """What was given up is tried anew; False where it was not."""
    now = engine.clock.now()

    def act(tx: Transaction) -> bool:
        _alive(tx, engine, webhook_id)
        again = webhook_posts.tell_again(tx, webhook_id, post_id, now)
        if again:
            trail.note(tx, now, actor, "webhook.again", f"webhook:{webhook_id}", post=post_id)
        return again

    return engine.ledger.insist(act)


def end(engine: Engine, webhook_id: int, actor: str) -> None:
    """Nothing more is told to it."""
    now = engine.clock.now()

    def act(tx: Transaction) -> None:
        webhooks.get(tx, webhook_id, now)
        if webhooks.end(tx, webhook_id, now):
            trail.note(tx, now, actor, "webhook.end", f"webhook:{webhook_id}")

    engine.ledger.insist(act)


def event_title(event: str) -> str:
    """An event in the words of the screen."""
    return {
        Event.MESSAGE_FINISHED.value: _("a message of another system is over"),
        Event.CAMPAIGN_STARTED.value: _("a campaign has started"),
        Event.CAMPAIGN_FINISHED.value: _("a campaign is over"),
        Event.CAMPAIGN_PAUSED.value: _("a campaign was paused, or paused itself"),
        Event.RECIPIENT_STOPPED.value: _("somebody came onto the stop-list"),
        TEST: _("a test"),
    }.get(event, event)


def _check(engine: Engine, url: str, events: Collection[Event]) -> None:
    loopback = engine.settings.webhooks_to_this_machine
    refuse_houses(place_of(url, loopback=loopback), loopback=loopback)
    if not events:
        raise NotPossible(_("Choose at least one thing to tell of."))


def _alive(tx: Transaction, engine: Engine, webhook_id: int) -> webhooks.Webhook:
    webhook = webhooks.get(tx, webhook_id, engine.clock.now())
    if webhook.ended_at is not None:
        raise NotPossible(_("This webhook has ended."))
    return webhook
