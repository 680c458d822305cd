"""Whether `too_long` and `shorten` of a scenario can do what they promise (docs/scenarios.md)."""

from collections.abc import Iterator, Mapping

from campaigns.channel import ChannelName
from campaigns.scenario import Scenario, TooLongSms
from templates.filled import filters_on
from templates.i18n import _
from templates.problem import Problem
from templates.render import examine_template
from templates.similar import did_you_mean
from templates.sms import measure
from templates.sms_offenders import Offender, offenders_of, visible

_FIELD = f"channels.{ChannelName.SMS}.shorten"
_FILE = "sms.txt"
# Half an amount, a date, a telephone or an account is a lie, not a shorter text.
_WHOLE_ENDINGS = (
    *("_kopecks", "_on", "_at", "_from", "_until", "_time", "_count"),
    *("_phone", "_number", "_url", "_site"),
)
_WHOLE_NAMES = frozenset(
    (
        *("account_number", "accounts", "accounts_count", "total_kopecks", "greeting"),
        *("name", "patronymic", "surname", "segment", "language", "loop"),
        *("company", "company_phone", "company_site", "company_signer", "company_signer_post"),
        *("link_url", "unsubscribe_url"),
    )
)
_FILTERS_OF_TEXT = frozenset({"default", "upper", "lower"})


def too_long_problems(scenario: Scenario) -> Iterator[Problem]:
    """What is wrong with the two entries as far as the scenario's file alone can tell."""
    for channel, rules in scenario.channels.items():
        if channel is not ChannelName.SMS:
            for name in ("too_long", "shorten"):
                if name in rules.model_fields_set:
                    yield Problem(
                        "only_for_sms",
                        _("Only an SMS can be too long in characters."),
                        _("Remove the line, or move it to [channels.sms]."),
                        field=f"channels.{channel}.{name}",
                    )
            continue
        shortens = rules.too_long is TooLongSms.SHORTEN
        if shortens and rules.shorten is None:
            yield Problem(
                "shorten_what",
                _("It is not said which field may lose its last words."),
                _("Write for example: {example}.").format(example='shorten = "offer"'),
                field=f"channels.{channel}.too_long",
            )
        if rules.shorten is None:
            continue
        if not shortens:
            yield Problem(
                "shorten_unused",
                _("A field to shorten is named, but nothing is ever shortened."),
                _("Write too_long = “shorten”, or remove the line."),
                field=_FIELD,
                value=rules.shorten,
            )
        if _is_whole(rules.shorten):
            yield _no_text(rules.shorten)


def shorten_problems(scenario: Scenario, texts: Mapping[str, str]) -> Iterator[Problem]:
    """Whether the SMS says the field to shorten, and says it as a text.

    `texts` are the files of the template by name, without mistakes of grammar.
    """
    name = scenario.channels[ChannelName.SMS].shorten
    if name is None or _is_whole(name) or _FILE not in texts:
        return
    findings = examine_template(texts[_FILE], file=_FILE)
    said = {*findings.names, *findings.row_names, *findings.optional}
    if name not in said:
        candidates = sorted(one for one in said if not _is_whole(one))
        known = _("Texts that it says: {names}.").format(names=", ".join(candidates))
        advice = did_you_mean(name, candidates) or (known if candidates else "")
        yield Problem(
            "shorten_not_said",
            _("The SMS does not say the field “{name}”.").format(name=name),
            advice or _("The SMS says no text that could be shortened: remove the line."),
            field=_FIELD,
            value=name,
        )
    elif any(filters_on(text, name) - _FILTERS_OF_TEXT for text in texts.values()):
        yield _no_text(name)


def dear_characters(sent: str, template: str) -> Iterator[Problem]:
    """Characters of a template that make its Latin text dear: each once, at its first line.

    `sent` is the text as a made-up customer gets it; what only the values bring is not the
    template's fault.
    """
    if len(measure(sent).parts) == 1:
        return  # it costs what it would cost without them
    told: dict[str, Offender] = {}
    for offender in offenders_of(sent):
        told.setdefault(offender.character, offender)
    lines = template.splitlines()
    for character, offender in told.items():
        line = next((n for n, text in enumerate(lines, start=1) if character in text), None)
        if line is None and character != "₽":
            continue
        yield Problem(
            "sms_dear_character",
            _("One character makes the Latin SMS up to three times dearer: {character}.").format(
                character=f"{visible(character)} ({offender.name})"
            ),
            _advice(offender) if line else _("Write the filter rub in place of money."),
            line=line,
            value=character,
        )


def _advice(offender: Offender) -> str:
    if offender.instead is None:
        return _("Leave it out: an SMS in Latin letters has 160 places, with it only 70.")
    instead = _("a plain space") if offender.instead == " " else offender.instead
    return _("Write in its place: {instead}").format(instead=instead)


def _is_whole(name: str) -> bool:
    return name in _WHOLE_NAMES or name.startswith("total_") or name.endswith(_WHOLE_ENDINGS)


def _no_text(name: str) -> Problem:
    return Problem(
        "shorten_no_text",
        _("The field “{name}” cannot be shortened: only a text can lose words.").format(name=name),
        _("Name a text, not an amount, a date, a telephone, an account or a person."),
        field=_FIELD,
        value=name,
    )
