"""`dispatcher scenario …`"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from campaigns.scenario_description import describe
from campaigns.scenario_file import ScenarioFile, library, library_path, read_scenario
from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.engine import Engine
from dispatcher.errors import NotFound
from dispatcher.ledger import scenarios
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.report.words import channels, word
from templates.i18n import _
from templates.problem import Refused

app = typer.Typer(no_args_is_help=True)

Which = Annotated[str, typer.Argument(help=_("A name, or a TOML file."))]


def find_file(which: str, supplier: dict[str, str]) -> ScenarioFile:
    """A scenario by the name of a built-in one or by its file. Raises Refused, NotPossible, and
    NotFound with the names that are known for what looks like no file."""
    if which in library():
        return read_scenario(library_path(which), supplier=supplier)
    if not Path(which).suffix and not Path(which).exists():
        raise NotFound(_("scenario"), which, (*library(),))
    return read_scenario(shared.existing(Path(which)), supplier=supplier)


def find_or_add(engine: Engine, which: str, actor: str) -> StoredScenario:
    """A stored scenario; a built-in one that nobody stored yet is stored now."""
    with engine.ledger.write() as tx:
        scenarios.hold(tx, which)
        try:
            return scenarios.find(tx, which)
        except NotFound:
            if which not in library():
                raise _unknown(which, scenarios.newest(tx)) from None
            file = find_file(which, engine.settings.supplier())
            return scenarios.add(tx, file, actor, engine.clock.now())


def _unknown(which: str, stored: Sequence[StoredScenario]) -> NotFound:
    known = {one.name for one in stored} | {*library()}
    return NotFound(_("scenario"), which[:80], tuple(sorted(known)))


@app.command("list", help=_("Stored scenarios and the built-in ones."))
def list_(as_json: AsJson = False) -> None:
    engine = shared.engine()
    with engine.ledger.read() as tx:
        stored = {one.name: one for one in scenarios.newest(tx)}
    rows: list[dict[str, Any]] = []
    for name in sorted({*stored, *library()}):
        one = stored.get(name)
        scenario = one.scenario if one else read_scenario(library_path(name)).scenario
        rows.append(
            {
                "name": name,
                "title": scenario.title,
                "purpose": scenario.purpose,
                "channels": [channel.value for channel in scenario.sequence()],
                "version": one.version if one else None,
            }
        )
    if as_json:
        screen.print_json(rows)
        return
    screen.table(
        "",
        [_("name"), _("title"), _("channels"), _("version")],
        [
            (
                r["name"],
                r["title"],
                ", ".join(word(channels, channel) for channel in r["channels"]),
                r["version"] or _("built in"),
            )
            for r in rows
        ],
    )


@app.command("show", help=_("What a scenario says and by which rules."))
def show(which: Which, as_json: AsJson = False) -> None:
    engine = shared.engine()
    with engine.ledger.read() as tx:
        newest = scenarios.newest(tx)
    stored = next((one for one in newest if one.name == which), None)
    try:
        file = None if stored else find_file(which, engine.settings.supplier())
    except NotFound:
        raise _unknown(which, newest) from None
    scenario = stored.scenario if stored else file.scenario if file else None
    templates = stored.templates if stored else file.templates if file else {}
    assert scenario is not None  # noqa: S101
    if as_json:
        screen.print_json(
            {
                "version": stored.version if stored else None,
                "scenario": scenario.model_dump(mode="json", by_alias=True),
                "templates": {c.value: dict(texts) for c, texts in templates.items()},
            }
        )
        return
    screen.table(scenario.title, ["", ""], describe(scenario))
    for channel, texts in templates.items():
        for name in ("call.txt", "sms.txt", "subject.txt", "body.txt"):
            if name in texts:
                screen.console.rule(f"{word(channels, channel)}: {name}", align="left", style="dim")
                screen.say(texts[name].strip())


@app.command("check", help=_("Check scenarios without storing them."))
def check(
    which: Annotated[list[str], typer.Argument(help=_("Names or TOML files."))],
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    found = []
    for one in which:
        try:
            file = find_file(one, settings.supplier())
            problems, refused = file.warnings, False
        except Refused as error:
            problems, refused = error.problems, True
        found.append((one, refused, problems))
    if as_json:
        screen.print_json(
            [
                {
                    "scenario": name,
                    "refused": refused,
                    "problems": [
                        {
                            "code": p.code,
                            "file": p.file,
                            "line": p.line,
                            "field": p.field,
                            "message": p.message,
                            "advice": p.advice,
                        }
                        for p in problems
                    ],
                }
                for name, refused, problems in found
            ]
        )
    else:
        for name, refused, problems in found:
            if refused:
                screen.say_badly(_("{name}: refused").format(name=name))
            else:
                screen.say_well(_("{name}: in order").format(name=name))
            screen.tell_problems(*problems)
    if any(refused for _name, refused, _problems in found):
        raise typer.Exit(1)


@app.command("add", help=_("Store a scenario; a change is a new version."))
def add(which: Which, as_json: AsJson = False) -> None:
    settings = shared.settings()
    file = find_file(which, settings.supplier())
    engine = shared.engine(settings)
    with engine.ledger.write() as tx:
        stored = scenarios.add(tx, file, shared.actor(settings), engine.clock.now())
    if as_json:
        screen.print_json({"name": stored.name, "version": stored.version, "title": stored.title})
    else:
        screen.say_well(
            _("Scenario “{name}”, version {version}, is stored.").format(
                name=stored.name, version=stored.version
            )
        )
        screen.tell_problems(*file.warnings)
