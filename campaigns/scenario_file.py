"""Reading a scenario with its texts, from files or from what the ledger keeps of them.

A scenario and its templates are one thing: they are read, checked, versioned and stored together.
Whatever is wrong is told at once and in full.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from campaigns.call_rules import sound_names
from campaigns.channel import ChannelName
from campaigns.scenario import Scenario
from campaigns.scenario_problems import explain
from campaigns.scenario_standard import standard_problems, standard_warnings
from campaigns.scenario_texts import (
    ChannelTexts,
    grammar_problems,
    meaning_problems,
    spoken_warnings,
    text_warnings,
)
from campaigns.toml_lines import Lines, key_lines, line_of
from templates.folder import LIBRARY as TEMPLATE_LIBRARY
from templates.folder import UnreadableFile, find_folder, load_templates
from templates.i18n import _
from templates.problem import Problem, Refused
from templates.similar import did_you_mean
from templates.sounds import Sound, load_sounds

LIBRARY = Path(__file__).parent / "library"
_LIMIT_BYTES = 1_000_000
_TEMPLATE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

Templates = dict[ChannelName, dict[str, str]]


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """A scenario that may be run, the texts it came with, and what is worth a second look.

    `sounds` are the sound files that its calls play, by name. `digest` names this very wording:
    another comma is another version, and so is another recording.
    """

    scenario: Scenario
    templates: Templates
    source_toml: str
    digest: str
    warnings: tuple[Problem, ...] = ()
    sounds: Mapping[str, Sound] = field(default_factory=dict)


def library() -> list[str]:
    """The names of the scenarios that come with the product."""
    return sorted(path.stem for path in LIBRARY.glob("*.toml"))


def library_path(name: str) -> Path:
    """The file of a built-in scenario; raises Refused with the known names for another one."""
    if name not in library():
        known = _("Built-in scenarios: {names}.").format(names=", ".join(library()))
        raise Refused(
            [
                Problem(
                    "unknown_scenario",
                    _("There is no built-in scenario “{name}”.").format(name=name[:80]),
                    f"{did_you_mean(name, library())} {known}".strip(),
                    value=name[:80],
                )
            ]
        )
    return LIBRARY / f"{name}.toml"


def read_scenario(path: Path, *, supplier: Mapping[str, str] | None = None) -> ScenarioFile:
    """Read and check a scenario file and the templates it names.

    A template's folder is looked for in `templates/` beside the file, beside the file, and in the
    product's library. `supplier` are the real values of company, phone and site where they are
    known: lengths are then true. Raises Refused with every problem.
    """
    source = _source(path)
    table, lines = _parse(source, str(path))
    problems: list[Problem] = []
    texts = [
        found
        for channel, name in _named_templates(table)
        if (found := _load(channel, name, path, lines, problems))
    ]
    return _checked(source, table, texts, str(path), lines, supplier, problems)


def check_scenario(
    source_toml: str,
    templates: Mapping[ChannelName, Mapping[str, str]],
    *,
    sounds: Mapping[str, Sound] = MappingProxyType({}),
    file: str = "scenario.toml",
    supplier: Mapping[str, str] | None = None,
) -> ScenarioFile:
    """The same from texts and sound files, as an editor or the ledger holds them.

    Raises Refused.
    """
    table, lines = _parse(source_toml, file)
    texts = [
        ChannelTexts(channel, templates.get(channel, {}), name, sounds)
        for channel, name in _named_templates(table)
    ]
    return _checked(source_toml, table, texts, file, lines, supplier, [])


def restore_scenario(
    source_toml: str,
    templates: Mapping[ChannelName, Mapping[str, str]],
    sounds: Mapping[str, Sound] = MappingProxyType({}),
) -> ScenarioFile:
    """A version that was checked when it was stored: read again, not judged again.

    A rule that became stricter since must not stop a campaign under way. Raises Refused only for
    what cannot be read at all.
    """
    table, lines = _parse(source_toml, "scenario.toml")
    kept = {channel: dict(texts) for channel, texts in templates.items()}
    scenario = _validated(table, "scenario.toml", lines, [])
    digest = _digest(source_toml, kept, sounds)
    return ScenarioFile(scenario, kept, source_toml, digest, sounds=dict(sounds))


def _checked(
    source: str,
    table: dict[str, object],
    texts: list[ChannelTexts],
    file: str,
    lines: Lines,
    supplier: Mapping[str, str] | None,
    problems: list[Problem],
) -> ScenarioFile:
    grammar = [problem for channel_texts in texts for problem in grammar_problems(channel_texts)]
    scenario = _validated(table, file, lines, [*problems, *grammar])
    problems = [*problems, *grammar, *standard_problems(scenario, file, lines)]
    if not grammar:
        for channel_texts in texts:
            problems += meaning_problems(scenario, channel_texts, supplier)
    if problems:
        raise Refused(_once_each(problems))
    warnings = standard_warnings(scenario, file, lines)
    for channel_texts in texts:
        warnings += spoken_warnings(scenario, channel_texts)
        warnings += text_warnings(scenario, channel_texts, supplier)
    templates = {channel_texts.channel: dict(channel_texts.texts) for channel_texts in texts}
    sounds = {
        name: channel_texts.playable[name]
        for channel_texts in texts
        for name in sorted(sound_names(channel_texts.texts))
    }
    digest = _digest(source, templates, sounds)
    return ScenarioFile(scenario, templates, source, digest, tuple(warnings), sounds)


def _validated(
    table: dict[str, object], file: str, lines: Lines, others: list[Problem]
) -> Scenario:
    try:
        return Scenario.model_validate(table)
    except ValidationError as error:
        raise Refused(_once_each([*explain(error, file, lines), *others])) from None


def _source(path: Path) -> str:
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise Refused(
                [
                    Problem(
                        "file_too_large",
                        _("This is too large for a scenario."),
                        _("A scenario is a short text file; check that it is the right one."),
                        file=str(path),
                    )
                ]
            )
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Refused([_not_utf8(str(path))]) from None
    except OSError:
        raise Refused(
            [
                Problem(
                    "file_unreadable",
                    _("The scenario file cannot be read."),
                    _("Check the name, and that you may open the file."),
                    file=str(path),
                )
            ]
        ) from None


def _parse(source: str, file: str) -> tuple[dict[str, object], Lines]:
    try:
        return tomllib.loads(source), key_lines(source)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else max(1, len(source.rstrip().splitlines()))
        reason = re.sub(r"\s*\(at .*\)$", "", str(error))
    except (RecursionError, ValueError):
        line, reason = 1, "too complex"
    raise Refused(
        [
            Problem(
                "toml_syntax",
                _("The file is not correct TOML: {reason}.").format(reason=reason),
                _("Check quotes, brackets and the sign = on this line; no name may stand twice."),
                file=file,
                line=line,
            )
        ]
    )


def _named_templates(table: Mapping[str, object]) -> list[tuple[ChannelName, str]]:
    """Channels and their templates as far as the table can be understood at all."""
    channels = table.get("channels")
    if not isinstance(channels, dict):
        return []
    return [
        (ChannelName(name), template)
        for name, rules in channels.items()
        if name in frozenset(ChannelName)
        and isinstance(rules, dict)
        and isinstance(template := rules.get("template"), str)
        and _TEMPLATE_NAME.fullmatch(template)
    ]


def _load(
    channel: ChannelName, name: str, path: Path, lines: Lines, problems: list[Problem]
) -> ChannelTexts | None:
    where = ("channels", channel, "template")
    folder = find_folder(name, path.parent)
    if folder is None:
        known = [entry.name for entry in TEMPLATE_LIBRARY.iterdir() if entry.is_dir()]
        create = _("Create the folder templates/{name} beside the scenario.").format(name=name)
        problems.append(
            Problem(
                "missing_template",
                _("There is no template “{name}”.").format(name=name),
                f"{did_you_mean(name, known)} {create}".strip(),
                file=str(path),
                line=line_of(lines, where),
                field=".".join(where),
                value=name,
            )
        )
        return None
    try:
        texts = load_templates(folder, channel)
        return ChannelTexts(channel, texts, str(folder), load_sounds(folder, sound_names(texts)))
    except UnreadableFile as error:
        problems.append(_unreadable(error))
    return None


def _unreadable(error: UnreadableFile) -> Problem:
    if error.not_utf8:
        return _not_utf8(str(error.path))
    return Problem(
        "file_unreadable",
        _("A file of the template cannot be read or is too large."),
        _("Check the files in the template's folder."),
        file=str(error.path),
    )


def _not_utf8(file: str) -> Problem:
    return Problem(
        "not_utf8",
        _("The file is not in the encoding UTF-8."),
        _("Save it again as UTF-8; Notepad offers this under “Save as”."),
        file=file,
    )


def _once_each(problems: list[Problem]) -> list[Problem]:
    """Every problem once, in the order of the files and their lines."""
    unique = dict.fromkeys(problems)
    return sorted(unique, key=lambda problem: (problem.file or "", problem.line or 0))


def _digest(
    source: str,
    templates: Mapping[ChannelName, Mapping[str, str]],
    sounds: Mapping[str, Sound],
) -> str:
    told: list[object] = [source, {str(c): dict(t) for c, t in templates.items()}]
    if sounds:  # versions without any keep the digest they always had
        told.append({name: sound.ref.digest for name, sound in sounds.items()})
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
