"""What the program goes by, in words: each fact with the setting that says it, and no secret.

Facts are named one by one: a setting that comes new is not shown before somebody has thought about
it. What a secret is said to be is only whether there is one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from campaigns.channel import ChannelName, Purpose
from campaigns.consent import ConsentRule, consent_rules
from campaigns.regions import load_regions
from campaigns.scenario_description import purpose_title
from channels.routing import Route
from dispatcher.engine import Engine
from dispatcher.inquiries import words as inquiry_words
from dispatcher.report import words
from dispatcher.settings import PREFIX, Settings
from dispatcher.watching.hours import place_of
from dispatcher.web import formats
from templates.i18n import _, ngettext


@dataclass(frozen=True, slots=True)
class Fact:
    """`setting`: the variable that says it, or the file."""

    title: str
    value: str
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    facts: Sequence[Fact]
    remark: str = ""


def groups(engine: Engine) -> Sequence[Group]:
    """Everything but the providers, which have states of their own."""
    return [
        _house(engine.settings),
        _launches(engine.settings),
        _consent(engine.settings),
        _routing(engine.settings),
        _mail(engine.settings),
        _desks(engine),
        _inquiries(engine),
        _regions(engine.settings),
        _retention(engine.settings),
    ]


def _house(s: Settings) -> Group:
    signer = ", ".join(filter(None, (s.company_signer_post, s.company_signer)))
    ledger = _("a file on this machine") if s.is_embedded else "PostgreSQL"
    return Group(
        _("The house"),
        [
            Fact(_("Company"), s.company, "company"),
            Fact(_("Telephone for customers"), formats.phone(s.company_phone), "company_phone"),
            Fact(_("Site"), s.company_site, "company_site"),
            Fact(_("Who signs letters"), signer or _("the department"), "company_signer"),
            Fact(_("Time zone of the house"), f"{place_of(s.zone)} ({s.zone})", "zone"),
            Fact(_("Ledger"), ledger, "database_url"),
            Fact(_("Queue"), "Redis" if s.redis_url else _("in this process"), "redis_url"),
            Fact(_("Address of these pages"), s.web_url or _("not set"), "web_url"),
        ],
    )


def _launches(s: Settings) -> Group:
    above = (
        ngettext(
            "for more than {count} customer", "for more than {count} customers", s.approval_above
        ).format(count=formats.number(s.approval_above))
        if s.approval_above
        else _("always")
    )
    stops = _("when {share} of the last {count} attempts failed technically").format(
        share=formats.percent(s.pause_share), count=formats.number(s.pause_last_attempts)
    )
    caps = [
        (_("In a day, to one customer, at most"), s.max_per_day, "max_per_day"),
        (_("Within seven days"), s.max_per_week, "max_per_week"),
        (_("Within thirty days"), s.max_per_month, "max_per_month"),
    ]
    return Group(
        _("Launches and limits"),
        [
            Fact(_("A second person approves a launch"), above, "approval_above"),
            Fact(_("A campaign stops by itself"), stops, "pause_share"),
            *(Fact(title, _by_channel(value), name) for title, value, name in caps),
        ],
    )


def _consent(s: Settings) -> Group:
    rules = consent_rules(s.consent)
    titles = {
        ConsentRule.REQUIRED: _("only with consent"),
        ConsentRule.UNLESS_REFUSED: _("unless refused"),
        ConsentRule.ALWAYS: _("always"),
    }
    facts = []
    for purpose in Purpose:
        told = {channel: titles[rule] for channel, rule in rules[purpose].items()}
        if len(set(told.values())) == 1:
            value = next(iter(told.values()))
        else:
            value = "; ".join(f"{_channel(one)}: {text}" for one, text in told.items())
        facts.append(Fact(purpose_title(purpose), value, "consent"))
    return Group(_("Whom we may contact, by purpose"), facts)


def _routing(s: Settings) -> Group:
    facts = [Fact(route.provider, _route(route), "sms_routes") for route in s.sms_routes]
    if not facts:
        facts = [Fact("SMS", _("the first provider that is set up"), "sms_routes")]
    prices = s.sms_price_kopecks
    told = ", ".join(f"{name}: {formats.money(price)}" for name, price in prices.items())
    facts.append(Fact(_("Price of a part of an SMS"), told or _("not set"), "sms_price_kopecks"))
    return Group(_("Which provider carries an SMS"), facts)


def _route(route: Route) -> str:
    parts = [
        _("numbers that begin with {prefixes}").format(prefixes=", ".join(route.prefixes))
        if route.prefixes
        else _("all numbers"),
    ]
    if route.purposes:
        parts.append(", ".join(sorted(purpose_title(one) for one in route.purposes)))
    parts.append(
        _("share {weight}").format(weight=route.weight) if route.weight else _("when others fail")
    )
    return "; ".join(parts)


def _mail(s: Settings) -> Group:
    facts = [
        Fact(
            box.name,
            _("{host}, folder {folder}").format(host=box.host, folder=box.folder),
            "mailboxes",
        )
        for box in s.mailboxes
    ]
    if s.lmtp_port:
        facts.append(Fact("LMTP", f"{s.lmtp_host}:{s.lmtp_port}", "lmtp_port"))
    if not facts:
        facts = [Fact(_("Mailboxes"), _("not set"), "mailboxes")]
    sender = Fact(_("Letters come from"), s.mail_from or _("not set"), "mail_from")
    return Group(_("Letters"), [sender, *facts])


def _desks(engine: Engine) -> Group:
    desks, s = engine.desks, engine.settings
    if s.desks_file is None:
        facts = [Fact(_("Operators"), _("not set"), "desks_file")]
    else:
        named = [(_("all other branches"), desks.default), *sorted(desks.by_branch.items())]
        facts = [
            Fact(
                branch,
                "; ".join(
                    [
                        desk.operator or _("no operator"),
                        _("lines: {count}").format(count=desk.lines)
                        if desk.lines is not None
                        else _("lines: as many as the provider bears"),
                    ]
                ),
                "desks_file",
            )
            for branch, desk in named
        ]
    zones = [Fact(branch, zone, "branches") for branch, zone in sorted(s.branches.items())]
    return Group(_("Branches and their operators"), [*facts, *zones])


def _inquiries(engine: Engine) -> Group:
    rules, topics = engine.inquiry_rules, inquiry_words.topics()
    named = sorted({str(topics[rule.topic]) for rule in rules.topics})
    to = engine.settings.inquiries_to or _("not set")
    return Group(
        _("Inquiries"),
        [
            Fact(_("Topics that are recognised"), ", ".join(named), "inquiries_file"),
            Fact(_("Specialists by rule"), formats.number(len(rules.routes)), "inquiries_file"),
            Fact(_("Branches known"), formats.number(len(rules.branches)), "inquiries_file"),
            Fact(_("All others go to"), to, "inquiries_to"),
        ],
    )


def _regions(s: Settings) -> Group:
    count = len(load_regions(s.regions_file).by_key)
    known = ngettext("{count} name", "{count} names", count).format(count=formats.number(count))
    return Group(_("Regions"), [Fact(_("Names of regions known"), known, "regions_file")])


def _retention(s: Settings) -> Group:
    def months(count: int) -> str:
        if not count:
            return _("never")
        words = ngettext("after {count} month", "after {count} months", count)
        return words.format(count=formats.number(count))

    is_on = _("every night") if s.retention == "on" else _("off: nothing by itself")
    return Group(
        _("What is old"),
        [
            Fact(_("Archived and erased"), is_on, "retention"),
            Fact(_("Attempts go into the archive"), months(s.archive_months), "archive_months"),
            Fact(
                _("Letters and inquiries lose the person"),
                months(s.keep_letters_months),
                "keep_letters_months",
            ),
        ],
    )


def variable(setting: str) -> str:
    """How the one who sets it writes it."""
    return PREFIX + setting.upper() if setting else ""


def _by_channel(limits: Mapping[ChannelName, int]) -> str:
    told = [f"{_channel(channel)}: {limits[channel]}" for channel in _of(limits)]
    return ", ".join(told) or _("no limit")


def _of(limits: Mapping[ChannelName, int]) -> Iterator[ChannelName]:
    return (channel for channel in ChannelName if channel in limits)


def _channel(channel: ChannelName) -> str:
    return words.word(words.channels, channel)
