"""A customer's story in sentences, for screen and paper."""

from datetime import datetime

from campaigns.cadence import Delay
from campaigns.calendar import Closed
from campaigns.channel import ChannelName
from campaigns.consent import QuietTime
from campaigns.delivery import Status
from campaigns.recipient import Consent
from campaigns.scenario import Policy
from campaigns.scenario_description import channel_title, purpose_title, spoken_duration
from dispatcher.ledger.suppressions import StoredSuppression
from dispatcher.report import words
from dispatcher.stop_list import reason_title
from dispatcher.story.customer import Standing
from dispatcher.story.texts import NoWords
from dispatcher.story.times import local_clock, local_date, local_day, local_moment, zone_title
from dispatcher.story.why import Ground, Outlook, Why
from templates.i18n import _, ngettext


def next_time(outlook: Outlook) -> str:
    """«Следующий звонок: вт, 1 дек. 2026, 10:00 (Омск, UTC+6)»."""
    if outlook.next_at is None:
        return _not_foreseen(outlook)
    zone = outlook.delivery.zone
    moment = f"{local_moment(outlook.next_at, zone)} ({zone_title(zone, outlook.next_at)})"
    match outlook.delivery.channel:
        case ChannelName.PHONE:
            return _("Next call: {moment}").format(moment=moment)
        case ChannelName.SMS:
            return _("Next SMS: {moment}").format(moment=moment)
        case ChannelName.EMAIL:
            return _("Next letter: {moment}").format(moment=moment)


def _not_foreseen(outlook: Outlook) -> str:
    match outlook.delivery.status, {ground.why for ground in outlook.grounds}:
        case ((Status.QUEUED | Status.SENDING), _whys):
            return _("It goes just now")
        case ((Status.AWAITING | Status.UNCERTAIN), _whys):
            return _("It was sent; what comes next follows from the answer")
        case _status, whys if Why.PAUSED in whys or Why.PLANNING in whys:
            return _("Nothing is sent for now")
    return _("Nothing more will be sent")


def ground(one: Ground, outlook: Outlook, policy: Policy, home: str) -> str:
    """One reason, as a sentence. What happens to the customer is told on the customer's clock; what
    the house does, on that of its own zone, `home`, as everywhere else."""
    zone = outlook.delivery.zone
    until = local_moment(one.until_at, zone) if one.until_at else ""
    match one.why:
        case Why.PLANNING:
            return _("The campaign is still being planned.")
        case Why.STARTS:
            return _("The campaign starts on {moment}.").format(moment=until)
        case Why.PAUSED:
            told = _("The campaign is paused: nothing is sent until somebody resumes it.")
            return f"{told} ({words.note(one.note)})" if one.note else told
        case Why.IN_QUEUE:
            return _("It is in the queue.")
        case Why.ON_ITS_WAY:
            return _("It is being handed to the provider.")
        case Why.AWAITS:
            return _("The provider’s report on it is awaited until {moment}.").format(moment=until)
        case Why.IN_DOUBT:
            return _("Nobody knows whether it arrived: the provider is asked, or staff decide.")
        case Why.AFTER_ATTEMPT:
            return _after(one, zone, policy)
        case Why.CLOSED:
            return _closed(one.delay, zone, policy) if one.delay else ""
        case Why.QUIET:
            return _quiet(one.quiet, zone, policy)
        case Why.CASCADE:
            told = _("First the other channels of the campaign have their turn")
            return f"{told}: {until}." if until else f"{told}."
        case Why.LINE_BUSY:
            return _("Another campaign is calling this customer just now.")
        case Why.AWAY:
            return _away(one, zone, home)
        case Why.NO_LINE:
            return _("No line or operator is free for the call.")
        case Why.OWN_LIMIT:
            return _("It waits for its turn: so many messages a second are allowed.")
        case Why.CAMPAIGN_LIMIT:
            return _("It waits for its turn: the campaign may make only so many attempts an hour.")
        case Why.STOPPED:
            return _stopped(one, zone, home)
        case Why.NO_CONSENT:
            return _no_consent(one.consent)
        case Why.NO_TIME:
            return _("No allowed hour is left before the campaign ends on {moment}.").format(
                moment=until
            )
        case Why.NO_ADDRESS:
            return _("No working number or address is left.")
        case Why.POINT_STOPPED:
            return _("One of the contacts is left out, the others are used. {why}").format(
                why=_stopped(one, zone, home)
            )


def _after(one: Ground, zone: str, policy: Policy) -> str:
    attempt = one.attempt
    if attempt is None or attempt.ended_at is None or one.until_at is None:
        return ""
    return _("{outcome} at {clock} on {day}; again after {pause}: {moment}.").format(
        outcome=words.word(words.outcomes, attempt.outcome),
        clock=local_clock(attempt.ended_at, zone),
        day=_day(attempt.ended_at, zone),
        pause=spoken_duration(policy.retry),
        moment=local_moment(one.until_at, zone),
    )


def _closed(delay: Delay, zone: str, policy: Policy) -> str:
    clock = local_clock(delay.from_at, zone)
    hours = words.hours_of(policy.window)
    match delay.closed:
        case Closed.HOLIDAY:
            told = [_("{day} is a public holiday.").format(day=_day(delay.from_at, zone))]
        case Closed.WEEKDAY:
            told = [_("{day} is no day of this channel.").format(day=_day(delay.from_at, zone))]
        case _closed:
            told = [
                _("At {clock} the window is closed: allowed {hours}.").format(
                    clock=clock, hours=hours
                )
            ]
    for why, sentence in (
        (Closed.HOLIDAY, _("Public holidays: {days}.")),
        (Closed.WEEKDAY, _("No days of this channel: {days}.")),
    ):
        days = [local_day(day) for day, of in delay.days if of is why]
        if days:
            told.append(sentence.format(days=", ".join(days)))
    return " ".join(told)


def _quiet(quiet: QuietTime | None, zone: str, policy: Policy) -> str:
    if quiet is None:
        return _("The customer was contacted lately.")
    until, since = local_moment(quiet.until_at, zone), local_moment(quiet.since_at, zone)
    if quiet.most is None:
        return _("Quiet until {until}: reached on {since}, and left alone for {span}.").format(
            until=until, since=since, span=spoken_duration(policy.quiet_after_positive)
        )
    return ngettext(
        "Quiet until {until}: at most {count} attempt in {span}.",
        "Quiet until {until}: at most {count} attempts in {span}.",
        quiet.most,
    ).format(until=until, count=quiet.most, span=spoken_duration(quiet.span))


def _away(one: Ground, zone: str, home: str) -> str:
    circuit = one.circuit
    if circuit is None:
        return _("The provider is out of order.")
    return _("The provider {name} is out of order since {since}: {why}; tried at {retry}.").format(
        name=circuit.provider,
        since=_at_home(circuit.opened_at, zone, home),
        why=words.word(words.troubles, circuit.reason),
        retry=local_clock(circuit.retry_at, home),
    )


def _stopped(one: Ground, zone: str, home: str) -> str:
    if one.stop is None:
        return ""
    who = _("The account") if one.stop.account_number else _("The contact")
    told = _("{who} is on the stop-list").format(who=who)
    if one.entry is not None:
        told += " " + _("since {moment}").format(moment=_at_home(one.entry.since_at, zone, home))
    if one.until_at is not None:
        told += " " + _("until {moment}").format(moment=_at_home(one.until_at, zone, home))
    return f"{told} ({reason_title(one.stop.reason)})."


def _at_home(at: datetime, zone: str, home: str) -> str:
    """On the clock of the house; with its name, where the customer's shows another time."""
    shown = local_moment(at, home)
    return shown if shown == local_moment(at, zone) else f"{shown} ({zone_title(home, at)})"


def _no_consent(consent: Consent | None) -> str:
    if consent is None:
        return _("This needs the customer’s consent, and there is none.")
    return _("The customer refused: {statement}.").format(statement=statement(consent))


def _day(at: datetime, zone: str) -> str:
    return local_day(local_date(at, zone))


def statement(consent: Consent) -> str:
    """«отказ: реклама, SMS; заявление от 1 декабря 2026»."""
    about = [
        purpose_title(consent.purpose) if consent.purpose else _("every purpose"),
        channel_title(consent.channel) if consent.channel else _("every channel"),
    ]
    told = ", ".join(about)
    if consent.basis:
        told += f"; {consent.basis}"
    if consent.since_on:
        told += f"; {consent.since_on:%d.%m.%Y}"
    return told


def standing(one: Standing) -> str:
    """How a customer stands on a channel, in a few words."""
    delivery = one.delivery
    if delivery.status is Status.SKIPPED:
        return words.word(words.skip_reasons, delivery.reason)
    title = words.word(words.statuses, delivery.status)
    is_ended = delivery.status in (Status.GIVEN_UP, Status.EXPIRED, Status.WITHDRAWN)
    return f"{title}: {words.ending(delivery.reason)}" if is_ended and delivery.reason else title


def no_words(missing: NoWords) -> str:
    """Why the words of an attempt are not shown."""
    return {
        NoWords.ERASED: _("The customer’s data were erased: the words cannot be made again."),
        NoWords.OTHERS_ERASED: _(
            "The message spoke of an account whose data were erased: the words cannot be made"
            " again."
        ),
        NoWords.UNFIT: _("The row has changed since: the words cannot be made again."),
    }[missing]


def scope(entry: StoredSuppression) -> str:
    """Of which channel and purpose a line of the stop-list speaks."""
    stop = entry.suppression
    if stop.channel is None and stop.purpose is None:
        return _("nothing may be sent")
    parts = (
        channel_title(stop.channel) if stop.channel else "",
        purpose_title(stop.purpose) if stop.purpose else "",
    )
    return ", ".join(filter(None, parts))
