"""A new wording of a scenario: begun from a version, checked as it is typed, stored as a whole.

What is stored is never changed: each wording is a version, and campaigns keep the one they began
with. Whoever stores a version says which one they began from, so that nobody's work is lost under
another's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from campaigns.call_rules import sound_names
from campaigns.channel import ChannelName
from campaigns.scenario import Scenario
from campaigns.scenario_file import (
    ScenarioFile,
    check_scenario,
    library,
    library_path,
    read_scenario,
    restore_scenario,
)
from campaigns.toml_lines import key_lines
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import Transaction, scenarios, sounds
from dispatcher.ledger.scenarios import StoredScenario, Templates
from templates.call import SoundRef
from templates.i18n import _
from templates.problem import Problem, Refused
from templates.sounds import Sound

# What the scenario's own text is called where a mistake in it is told.
SOURCE = "scenario.toml"
# In characters. An editor checks at every pause in typing: what is far beyond any sensible length
# is told so at once, and not read further.
MOST_CHARACTERS: Mapping[str, int] = {
    SOURCE: 30_000,
    "call.txt": 10_000,
    "sms.txt": 4_000,
    "subject.txt": 2_000,
    "body.txt": 100_000,
    "body.html": 100_000,
}
_NAME_LINE = re.compile(r"""^(\s*name\s*=\s*)(?:"[^"]*"|'[^']*')""")


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in an editor. `origin` is the scenario it was begun from, `base` the version, 0
    where nothing was stored. A copy gets a name of its own."""

    origin: str
    base: int
    source: str
    templates: Templates
    is_copy: bool = False


@dataclass(frozen=True, slots=True)
class Examined:
    """What a check found. `file` is there if it may be stored, `scenario` if its rules can at least
    be read: then it can be shown, mistakes or not."""

    file: ScenarioFile | None
    scenario: Scenario | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Recordings:
    """The sound files that a wording may play, by name; their contents only where they are needed
    at once (a built-in scenario has them in its folder)."""

    refs: Mapping[str, SoundRef]
    contents: Mapping[str, bytes] = field(default_factory=dict)


class StoredMeanwhile(NotPossible):
    """Somebody stored a newer version since the editing began."""

    def __init__(self, newest: StoredScenario) -> None:
        self.newest = newest
        super().__init__(
            _("Meanwhile {who} has stored version {version}.").format(
                who=newest.added_by, version=newest.version
            )
        )


class SameAsOlder(NotPossible):
    """Word for word an older version; that one would not become the newest by being stored."""

    def __init__(self, older: int, newest: int) -> None:
        self.older, self.newest = older, newest
        super().__init__(
            _(
                "This is word for word version {older}, and the newest is still {newest}. To return"
                " to it, add a remark to the scenario, such as “# as version {older}”."
            ).format(older=older, newest=newest)
        )


@lru_cache(maxsize=64)
def built_in(name: str) -> ScenarioFile:
    """A scenario that comes with the product; its files never change while the program runs."""
    return read_scenario(library_path(name))


def draft_of(tx: Transaction, name: str, version: int | None = None) -> Draft:
    """The newest wording of a scenario, or that of a version; version 0 is the built-in one.

    Raises NotFound.
    """
    if version != 0:
        try:
            stored = scenarios.find(tx, name, version)
        except NotFound:
            if version is not None or name not in library():
                raise NotFound(_("scenario"), name[:80]) from None
        else:
            return Draft(name, stored.version, stored.source, stored.templates)
    if name not in library():
        raise NotFound(_("scenario"), name[:80])
    file = built_in(name)
    return Draft(name, 0, file.source_toml, file.templates)


def copy_of(draft: Draft) -> Draft:
    """The same under a new name, which nobody else has had yet."""
    source = _renamed(draft.source, f"{draft.origin[:56]}-copy")
    return replace(draft, base=0, source=source, is_copy=True)


def _renamed(source: str, name: str) -> str:
    lines = source.split("\n")
    at = key_lines(source).get(("name",))
    if at is not None:
        lines[at - 1] = _NAME_LINE.sub(rf'\g<1>"{name}"', lines[at - 1])
    return "\n".join(lines)


def recordings_for(tx: Transaction, name: str) -> Recordings:
    """The sound files a wording of this scenario may play: those of all its versions, and of the
    built-in one."""
    own = built_in(name).sounds if name in library() else {}
    refs = {file: sound.ref for file, sound in own.items()}
    contents = {file: sound.content for file, sound in own.items()}
    for file, ref in scenarios.recordings(tx, name).items():
        if refs.get(file) != ref:
            contents.pop(file, None)
        refs[file] = ref
    return Recordings(refs, contents)


def played(tx: Transaction, found: Recordings, templates: Templates) -> dict[str, bytes]:
    """The contents of the sound files that the texts play, by name."""
    contents: dict[str, bytes] = {}
    for name in sorted(_named_sounds(templates)):
        if name in found.contents:
            contents[name] = found.contents[name]
        elif name in found.refs:
            content = sounds.content(tx, found.refs[name].digest)
            if content is not None:
                contents[name] = content
    return contents


def _named_sounds(templates: Templates) -> frozenset[str]:
    return sound_names(templates.get(ChannelName.PHONE, {}))


def examine(
    draft: Draft,
    found: Recordings,
    supplier: Mapping[str, str],
    contents: Mapping[str, bytes] | None = None,
) -> Examined:
    """Everything that is wrong with a draft, as `dispatcher scenario check` would tell it, and
    whatever can be told of it all the same.

    `contents` of the sound files are needed for one that is to be stored.
    """
    excess = _excess(draft)
    if excess:
        return Examined(None, None, tuple(excess))
    there = {
        name: Sound(name, ref, (contents or {}).get(name, b""))
        for name, ref in found.refs.items()
        if contents is None or name in contents
    }
    try:
        file = check_scenario(
            draft.source, draft.templates, sounds=there, file=SOURCE, supplier=supplier
        )
    except Refused as refused:
        return Examined(None, _as_far_as_read(draft), refused.problems)
    if not draft.is_copy and file.scenario.name != draft.origin:
        return Examined(None, file.scenario, (_other_name(draft, file.scenario.name),))
    return Examined(file, file.scenario, file.warnings)


def _as_far_as_read(draft: Draft) -> Scenario | None:
    try:
        return restore_scenario(draft.source, draft.templates).scenario
    except Refused:
        return None


def _excess(draft: Draft) -> list[Problem]:
    texts = [(SOURCE, draft.source)]
    texts += [pair for channel in draft.templates.values() for pair in channel.items()]
    return [
        Problem(
            "text_far_too_long",
            _("This is far too long."),
            _("Keep it under {limit} characters.").format(limit=most_characters(name)),
            file=name,
        )
        for name, text in texts
        if len(text) > most_characters(name)
    ]


def most_characters(file: str) -> int:
    """How long a text may be in the editor; an English twin as long as its original."""
    return MOST_CHARACTERS[file.replace(".en.", ".")]


def _other_name(draft: Draft, given: str) -> Problem:
    return Problem(
        "other_name",
        _("This is the scenario “{name}”, yet here it is called “{other}”.").format(
            name=draft.origin, other=given
        ),
        _("Write name = “{name}” again; a scenario of another name is begun as a copy.").format(
            name=draft.origin
        ),
        file=SOURCE,
        line=key_lines(draft.source).get(("name",)),
        field="name",
    )


def store(engine: Engine, draft: Draft, actor: str) -> StoredScenario:
    """The draft as the newest version, whole or not at all; the newest wording once more is no new
    version.

    Raises Refused for mistakes, NotPossible where a copy bears the name of another scenario,
    StoredMeanwhile and SameAsOlder.
    """

    excess = _excess(draft)
    if excess:
        raise Refused(excess)

    def act(tx: Transaction) -> StoredScenario:
        found = recordings_for(tx, draft.origin)
        contents = played(tx, found, draft.templates)
        examined = examine(draft, found, engine.settings.supplier(), contents)
        if examined.file is None:
            raise Refused(examined.problems)
        name = examined.file.scenario.name
        scenarios.hold(tx, name)
        known = {line.digest: line.version for line in scenarios.versions(tx, name)}
        newest = max(known.values(), default=0)
        same = known.get(examined.file.digest)
        if same is not None and same == newest:
            return scenarios.find(tx, name)
        if draft.is_copy and (newest or name in library()):
            raise NotPossible(
                _("There is already a scenario “{name}”. Write another name.").format(name=name)
            )
        if newest != draft.base:
            raise StoredMeanwhile(scenarios.find(tx, name))
        if same is not None:
            raise SameAsOlder(same, newest)
        return scenarios.add(tx, examined.file, actor, engine.clock.now())

    return engine.ledger.insist(act)
