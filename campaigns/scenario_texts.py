"""Whether a scenario's texts can be said: harmless, complete, filled, and short enough."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from campaigns.call_rules import call_warnings, is_call, sound_problems
from campaigns.channel import ChannelName, Purpose
from campaigns.content import (
    COMPUTED_NAMES,
    RECIPIENT_NAMES,
    SUPPLIER_NAMES,
    CallContent,
    MailContent,
    SmsContent,
    main_amount,
    render_content,
)
from campaigns.recipient import Recipient
from campaigns.scenario import Scenario
from campaigns.scenario_samples import (
    LONG,
    SAMPLE_LINK,
    SAMPLE_SUPPLIER,
    SAMPLE_URL,
    SHORT,
    USUAL,
    merged_accounts,
    sample_accounts,
)
from campaigns.sms_rules import dear_characters, shorten_problems
from templates.call_check import examine_call
from templates.errors import EmptyText, MissingValue, RenderError, TooLong, UnfitValue
from templates.folder import FILES, twin
from templates.i18n import _
from templates.problem import Problem
from templates.render import examine_template
from templates.similar import did_you_mean
from templates.sounds import Sound, refs_of
from templates.speech import CALL_LIMIT_SECONDS
from templates.subset import Findings

_SUBJECT_CHARACTERS = 78
_LANGUAGES = ("ru", "en")
LONGEST_PHRASES = 3  # of a call that is too long


@dataclass(frozen=True, slots=True)
class ChannelTexts:
    """The texts of one channel, what to call the place they come from, and a call's sound files.

    A sound file that cannot be played is there with the reason.
    """

    channel: ChannelName
    texts: Mapping[str, str]
    place: str
    sounds: Mapping[str, Sound | Problem] = field(default_factory=dict)

    @property
    def playable(self) -> dict[str, Sound]:
        return {name: one for name, one in self.sounds.items() if isinstance(one, Sound)}

    def file(self, name: str) -> str:
        return f"{self.place}/{name}"


def grammar_problems(texts: ChannelTexts) -> list[Problem]:
    """Missing files, and commands that a template must not use: needs no valid scenario."""
    problems = [
        Problem(
            "missing_template_file",
            _("The file {file} is missing.").format(file=name),
            _("Create it in the template's folder; see docs/scenarios.md."),
            file=texts.file(name),
            field=f"channels.{texts.channel}.template",
        )
        for name in FILES[texts.channel]
        if name not in texts.texts
    ]
    for name, text in texts.texts.items():
        problems += _examine(texts, name).problems
        if is_call(name):
            problems += sound_problems(text, texts.file(name), texts.sounds)
    return problems


def meaning_problems(
    scenario: Scenario, texts: ChannelTexts, supplier: Mapping[str, str] | None
) -> list[Problem]:
    """Placeholders nobody fills, texts too long with short values, unsubscribing forgotten."""
    problems = list(_unfilled(scenario, texts))
    if problems:
        return problems  # a trial would only say the same again
    problems += _unsubscribing(scenario, texts)
    problems += _shortening(scenario, texts)
    for language in _languages(texts):
        for accounts in _trials(scenario, language, texts.channel):
            if found := _trial(scenario, texts, accounts, supplier):
                problems.append(found)
                break
    return problems


def text_warnings(
    scenario: Scenario, texts: ChannelTexts, supplier: Mapping[str, str] | None
) -> list[Problem]:
    """Texts that become too long only for some customers, and subjects that are not short."""
    for language in _languages(texts):
        accounts = sample_accounts(scenario, LONG, language)
        try:
            content = _render(scenario, texts, accounts, supplier)
        except TooLong as error:
            problem = _too_long(texts, error, likely=False)
            return [_with_phrases(problem, scenario, texts, accounts, supplier)]
        if isinstance(content, SmsContent) and (dear := _dear(texts, content.text, language)):
            return dear
        if isinstance(content, MailContent) and len(content.subject) > _SUBJECT_CHARACTERS:
            return [
                Problem(
                    "subject_long",
                    _("The subject is longer than most mail programs show."),
                    _("Keep it under {limit} characters.").format(limit=_SUBJECT_CHARACTERS),
                    file=texts.file(twin("subject.txt", language)),
                )
            ]
    return []


def spoken_warnings(scenario: Scenario, texts: ChannelTexts) -> list[Problem]:
    """What in a call's text is hardly meant."""
    return [
        problem
        for name, text in texts.texts.items()
        if is_call(name)
        for problem in call_warnings(scenario, text, texts.file(name))
    ]


def known_names(scenario: Scenario) -> frozenset[str]:
    """Every placeholder that somebody fills in this scenario."""
    totals = {f"total_{name}" for name in scenario.fields if name.endswith("_kopecks")}
    names = {*RECIPIENT_NAMES, *SUPPLIER_NAMES, *COMPUTED_NAMES, *scenario.fields, *scenario.values}
    if main_amount(scenario.fields) not in scenario.fields:
        names.discard("total_kopecks")
    if scenario.purpose is not Purpose.MARKETING:
        names.discard("unsubscribe_url")
    return frozenset(names | totals)


def _examine(texts: ChannelTexts, name: str) -> Findings:
    text, file = texts.texts[name], texts.file(name)
    if is_call(name):
        return examine_call(text, file).template
    return examine_template(text, file=file, html=name.endswith(".html"))


def _unfilled(scenario: Scenario, texts: ChannelTexts) -> Iterator[Problem]:
    known = known_names(scenario)
    for file in texts.texts:
        findings = _examine(texts, file)
        in_rows = frozenset((*RECIPIENT_NAMES, *scenario.fields, *scenario.values))
        found = [(name, line, known) for name, line in findings.names.items()]
        found += [(name, line, in_rows) for name, line in findings.row_names.items()]
        for name, line, filled in found:
            if name not in filled:
                add = _("Add the column to fields = […] or the text to [values].")
                yield Problem(
                    "unfilled_placeholder",
                    _("Nobody fills the placeholder “{name}”.").format(name=name),
                    f"{did_you_mean(name, filled)} {add}".strip(),
                    file=texts.file(file),
                    line=line,
                    field=name,
                    value=name,
                )


def _unsubscribing(scenario: Scenario, texts: ChannelTexts) -> Iterator[Problem]:
    if scenario.purpose is not Purpose.MARKETING or texts.channel is not ChannelName.EMAIL:
        return
    for file in texts.texts:
        if file.startswith("body.") and "unsubscribe_url" not in _examine(texts, file).names:
            yield Problem(
                "no_unsubscribe",
                _("A marketing letter must tell how to unsubscribe."),
                _("Write {{ unsubscribe_url }} at its end."),
                file=texts.file(file),
                field="unsubscribe_url",
            )


def _shortening(scenario: Scenario, texts: ChannelTexts) -> Iterator[Problem]:
    if texts.channel is ChannelName.SMS:
        for problem in shorten_problems(scenario, texts.texts):
            yield replace(problem, file=texts.file("sms.txt"), line=1)


def _dear(texts: ChannelTexts, sent: str, language: str) -> list[Problem]:
    file = twin("sms.txt", language)
    found = dear_characters(sent, texts.texts[file])
    return [replace(problem, file=texts.file(file), line=problem.line or 1) for problem in found]


def _languages(texts: ChannelTexts) -> Iterator[str]:
    for language in _LANGUAGES:
        if all(twin(file, language) in texts.texts for file in FILES[texts.channel]):
            yield language


def _trials(scenario: Scenario, language: str, channel: ChannelName) -> Iterator[list[Recipient]]:
    size = SHORT if channel is ChannelName.SMS else USUAL
    yield sample_accounts(scenario, size, language)
    if merged := merged_accounts(scenario, size, language):
        yield merged


def _trial(
    scenario: Scenario,
    texts: ChannelTexts,
    accounts: list[Recipient],
    supplier: Mapping[str, str] | None,
) -> Problem | None:
    try:
        _render(scenario, texts, accounts, supplier)
    except TooLong as error:
        problem = _too_long(texts, error, likely=True)
        return _with_phrases(problem, scenario, texts, accounts, supplier)
    except MissingValue as error:
        return Problem(
            "differs_between_accounts",
            _("Merged accounts have no single value of “{name}”.").format(name=error.name),
            _(
                "Write total_kopecks for the sum, name the field inside"
                " {% for account in accounts %}, or put it under"
                " {% if accounts_count == 1 %}."
            ),
            file=texts.file(FILES[texts.channel][0]),
            line=_line_of_name(texts, error.name),
            field=error.name,
            value=error.name,
        )
    except EmptyText as error:
        return Problem(
            "empty_text",
            _("The text is empty."),
            _("Write what the customer should hear or read."),
            file=texts.file(error.file),
            line=1,
        )
    except RenderError as error:
        return Problem(
            "unfit_value",
            _("A value does not fit the filter “{name}”.").format(
                name=error.filter_name if isinstance(error, UnfitValue) else ""
            ),
            _("Use money for …_kopecks, date for …_on, time for …_at and …_from."),
            file=texts.file(FILES[texts.channel][0]),
        )
    return None


def _line_of_name(texts: ChannelTexts, name: str) -> int | None:
    found = (_examine(texts, file).names.get(name) for file in texts.texts)
    return next((line for line in found if line), None)


def _render(
    scenario: Scenario,
    texts: ChannelTexts,
    accounts: list[Recipient],
    supplier: Mapping[str, str] | None,
    limit_seconds: float = CALL_LIMIT_SECONDS,
) -> object:
    extra = {"link_url": SAMPLE_LINK}
    if scenario.purpose is Purpose.MARKETING:
        extra["unsubscribe_url"] = SAMPLE_URL
    named = {**SAMPLE_SUPPLIER, **(supplier or {})}
    sounds = refs_of(texts.playable)
    return render_content(
        scenario,
        texts.channel,
        texts.texts,
        accounts,
        named,
        extra,
        sounds,
        limit_seconds=limit_seconds,
    )


def _with_phrases(
    problem: Problem,
    scenario: Scenario,
    texts: ChannelTexts,
    accounts: list[Recipient],
    supplier: Mapping[str, str] | None,
) -> Problem:
    """What takes the longest in a call that is too long, with its seconds; made-up values only."""
    if texts.channel is not ChannelName.PHONE:
        return problem
    content = _render(scenario, texts, accounts, supplier, limit_seconds=math.inf)
    if not isinstance(content, CallContent):
        return problem
    told = "; ".join(
        _("{seconds} s: {phrase}").format(seconds=f"{seconds:.1f}", phrase=phrase)
        for phrase, seconds in content.script.longest(LONGEST_PHRASES)
    )
    return replace(problem, advice=f"{problem.advice} {told}")


def _too_long(texts: ChannelTexts, error: TooLong, *, likely: bool) -> Problem:
    file = texts.file(FILES[texts.channel][0])
    measured = f"{error.measured:g}"
    if texts.channel is ChannelName.SMS:
        message = (
            _("The SMS has {measured} characters even with short values; 160 are allowed.")
            if likely
            else _("With long values the SMS has {measured} characters; 160 are allowed.")
        )
        advice = _("Shorten the text: nothing is launched while somebody's SMS does not fit.")
        if error.fields:
            longest = ", ".join(f"{name} {length}" for name, length in error.fields[:3])
            advice += " " + _("The longest in it: {fields}.").format(fields=longest)
        code = "sms_too_long" if likely else "sms_may_not_fit"
    else:
        message = _("The call lasts about {measured} seconds; 60 are allowed.")
        advice = _("Shorten the text or leave out what a letter can say.")
        code = "call_too_long" if likely else "call_may_be_too_long"
    return Problem(
        code, message.format(measured=measured), advice, file=file, line=1, value=measured
    )
