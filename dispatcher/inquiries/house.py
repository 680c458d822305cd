"""What the judgement must know of us, from the settings and the rules."""

from campaigns.inquiry.verdict import House
from dispatcher.engine import Engine
from dispatcher.inquiries.writing import loop_mark, wrote


def house_of(engine: Engine) -> House:
    """Our own addresses are whatever we write from and read, and those of our specialists."""
    settings, rules = engine.settings, engine.inquiry_rules
    addresses = {
        settings.mail_from,
        settings.mail_reply_to,
        settings.mail_bounces_to,
        settings.inquiries_to,
        *(box.address for box in settings.mailboxes),
        *(box.username for box in settings.mailboxes),
        *(route.person for route in rules.routes),
        *(route.head for route in rules.routes),
    }
    return House(
        addresses=frozenset(one.lower() for one in addresses if "@" in one),
        loop_mark=loop_mark(engine),
        spam_headers={k.lower(): v for k, v in settings.spam_headers.items()},
        wrote=lambda message_id: wrote(engine, message_id),
        most_answers=settings.robot_answers_per_day,
    )
