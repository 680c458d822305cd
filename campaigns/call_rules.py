"""What a scenario's call must have besides words: its sound files; and what is hardly meant."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath

from campaigns.channel import Purpose
from campaigns.scenario import Scenario
from templates.call_check import examine_call
from templates.i18n import _
from templates.problem import Problem
from templates.similar import did_you_mean
from templates.sounds import Sound


def sound_names(texts: Mapping[str, str]) -> frozenset[str]:
    """Every sound file that these texts play, in all their languages."""
    return frozenset(
        name
        for file, text in texts.items()
        if is_call(file)
        for name in examine_call(text, file).sounds
    )


def is_call(file: str) -> bool:
    """Whether this is a call's text: `call.txt`, or its twin in another language."""
    return PurePath(file).name.startswith("call.")


def sound_problems(
    text: str, file: str, sounds: Mapping[str, Sound | Problem]
) -> Iterator[Problem]:
    """Sound files that are missing or cannot be played, at the line that plays them."""
    for name, line in examine_call(text, file).sounds.items():
        found = sounds.get(name)
        if isinstance(found, Problem):
            yield replace(found, file=file, line=line, field="@play")
        elif found is None:
            put = _("Put it into the template's folder, beside call.txt.")
            yield Problem(
                "sound_missing",
                _("The sound file {name} is missing.").format(name=name),
                f"{did_you_mean(name, sounds)} {put}".strip(),
                file=file,
                line=line,
                field="@play",
                value=name,
            )


def call_warnings(scenario: Scenario, text: str, file: str) -> Iterator[Problem]:
    """Numbers that a voice would read in its own way, and answers that nobody asked for."""
    found = examine_call(text, file)
    yield from dict.fromkeys(found.warnings)
    for name, line in found.raw_names.items():
        if re.search(r"\d", scenario.values.get(name, "")):
            yield Problem(
                "call_raw_number",
                _("There is a number in “{name}” that a voice would read in its own way.").format(
                    name=name
                ),
                _("Use a filter here, or write the number in words in [values]."),
                file=file,
                line=line,
                field=name,
            )
    if scenario.purpose is not Purpose.SURVEY:
        for name, line in found.answers.items():
            yield Problem(
                "call_answer_purpose",
                _("An answer is counted, but this is no survey."),
                _("Write purpose = “survey” in the scenario, or another action for the key."),
                file=file,
                line=line,
                value=name,
            )
