"""What the scenarios' pages call things."""

from collections.abc import Mapping, Sequence
from typing import Any

from campaigns.channel import ChannelName
from campaigns.consent import ConsentRule, consent_rules
from campaigns.scenario import Scenario
from campaigns.scenario_description import channel_title, describe
from dispatcher.engine import Engine
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.report.words import skip_reasons
from dispatcher.rewording import SOURCE
from dispatcher.web.field_words import column_title
from dispatcher.web.scenarios_look import ENGLISH
from templates.call import Action
from templates.i18n import _

Options = Sequence[tuple[str, str]]


def page_words() -> dict[str, Any]:
    """For every page and fragment of the scenarios, in the reader's language."""
    return {
        "file_titles": file_titles(),
        "channel_titles": {channel.value: channel_title(channel) for channel in ChannelName},
        "weekday_names": (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")),
        "skip_words": skip_reasons(),
        "key_words": key_words,
        "version_titles": version_titles,
        "audience_options": audience_options,
        "source_name": SOURCE,
    }


def file_titles() -> Mapping[str, str]:
    """What each text is called."""
    titles = {
        "call.txt": _("Text of the call"),
        "sms.txt": _("Text of the SMS"),
        "subject.txt": _("Subject of the letter"),
        "body.txt": _("Letter as plain text"),
        "body.html": _("Letter with design"),
    }
    english = {
        file.replace(".", ".en.", 1): _("{title}, in English").format(title=title)
        for file, title in titles.items()
    }
    return {SOURCE: _("Rules of the scenario"), **titles, **english}


def version_titles(numbers: Sequence[int]) -> Options:
    return [
        (str(number), _("version {number}").format(number=number) if number else _("built in"))
        for number in numbers
    ]


def audience_options(audiences: Sequence[StoredAudience]) -> Options:
    """For whom a wording may be shown."""
    made_up = [("", _("a made-up customer")), (ENGLISH, _("a made-up customer, in English"))]
    return [*made_up, *((str(one.id), one.name) for one in audiences)]


def key_words(action: Action) -> str:
    """What a key of the telephone does."""
    return {
        Action.REPEAT: _("the message once more"),
        Action.OPERATOR: _("switch to an operator"),
        Action.HEARD: _("confirm that it was heard"),
        Action.STOP: _("never call again"),
        Action.ANSWER: _("an answer"),
    }[action]


def in_words(engine: Engine, scenario: Scenario) -> Sequence[tuple[str, Options]]:
    """What a scenario does, under a heading for all of it and one for each channel."""
    rules = consent_rules(engine.settings.consent)[scenario.purpose]
    parts: dict[str, list[tuple[str, str]]] = {"": []}
    for channel in scenario.sequence():
        parts[channel_title(channel)] = [(_("consent"), _consents()[rules[channel]])]
    for label, value in describe(scenario, column_title):
        title, _colon, rest = label.partition(": ")
        if rest and title in parts:
            parts[title].append((rest, value))
        else:
            parts[""].append((label, value))
    return list(parts.items())


def _consents() -> Mapping[ConsentRule, str]:
    return {
        ConsentRule.REQUIRED: _("only who has agreed"),
        ConsentRule.UNLESS_REFUSED: _("all but those who have refused"),
        ConsentRule.ALWAYS: _("everybody, also those who have refused"),
    }
