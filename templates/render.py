"""A template and its values become a text: sandboxed, strict, and the same every time.

Two guards stand one behind the other: `templates.subset` refuses at load what a template must not
do, and Jinja's immutable sandbox would refuse it again while rendering.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.nodes import Template as Tree
from jinja2.sandbox import ImmutableSandboxedEnvironment

from templates.errors import MissingValue, RenderError, UnfitValue
from templates.filters import filters, with_language
from templates.i18n import _
from templates.neutral import neutral
from templates.problem import Problem, Refused
from templates.subset import Findings, examine

LIMIT_CHARACTERS = 100_000  # of one template file
_LONE_TAG = re.compile(r"^[ \t]*(\{([%#])(?:(?!-?\2\}).)*)(-?)\2\}[ \t]*\n", re.MULTILINE)


class _MissingName(StrictUndefined):
    """Raises UndefinedError whose message is the bare name that nobody fills."""

    @property
    def _undefined_message(self) -> str:
        return str(self._undefined_name)


class Row(Mapping[str, object]):
    """One account inside `{% for account in accounts %}`: fields by name, and nothing else."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> object:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class _Environment(ImmutableSandboxedEnvironment):
    def getattr(self, obj: Any, attribute: str) -> Any:
        # A row's own fields only: never a method of the object that holds them.
        if isinstance(obj, Row):
            found = obj.get(attribute)
            return found if found is not None else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


def _environment(*, html: bool = False, spoken: bool = False) -> _Environment:
    environment = _Environment(
        undefined=_MissingName,
        autoescape=html,
        keep_trailing_newline=False,
    )
    default = environment.filters["default"]
    environment.filters.clear()
    environment.filters["default"] = default
    allowed = filters(spoken=spoken)
    environment.filters.update({name: with_language(name, f) for name, f in allowed.items()})
    environment.globals.clear()
    return environment


_TEXT = _environment()
_HTML = _environment(html=True)
_SPOKEN = _environment(spoken=True)


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A template that was found harmless.

    `names` and `row_names` must be filled; `optional` ones stand under `is defined` or `default`.
    """

    names: frozenset[str]
    row_names: frozenset[str]
    optional: frozenset[str]
    _compiled: Template = field(repr=False)

    def render(self, values: Mapping[str, object], language: str = "ru") -> str:
        """The text for these values; strings in it are neutralised, in HTML escaped as well.

        Raises MissingValue for a placeholder nobody fills and UnfitValue for a value of the wrong
        kind: nothing half-filled ever leaves.
        """
        given = {name: _safe(value) for name, value in values.items()}
        given["language"] = language if language in ("ru", "en") else "ru"
        try:
            return self._compiled.render(given)
        except UndefinedError as error:
            raise MissingValue(str(error.message)) from None
        except RenderError:
            raise
        except (TypeError, ValueError, OverflowError, TemplateError):
            # Words of the original error may hold a customer's data.
            raise UnfitValue("if", "values that can be compared") from None


def examine_template(text: str, *, file: str, html: bool = False, spoken: bool = False) -> Findings:
    """What a template needs and everything wrong with it; nothing of it is run.

    `spoken` is a call's text: values become words there.
    """
    tree = parse_template(text, file=file, html=html, spoken=spoken)
    if isinstance(tree, Problem):
        return Findings(problems=[tree])
    return examine(tree, file, spoken=spoken)


def parse_template(
    text: str, *, file: str, html: bool = False, spoken: bool = False
) -> Tree | Problem:
    """The template's syntax tree, or why there is none."""
    if len(text) > LIMIT_CHARACTERS:
        return _too_long(file)
    try:
        return _chosen(html=html, spoken=spoken).parse(_without_lone_lines(text))
    except TemplateSyntaxError as error:
        return _syntax_problem(file, error.lineno, error.message or "")
    except (RecursionError, ValueError, OverflowError):
        return _syntax_problem(file, 1, "too complex")


@lru_cache(maxsize=512)
def compile_template(
    text: str, *, file: str = "", html: bool = False, spoken: bool = False
) -> CompiledTemplate:
    """Check and compile once; raises Refused with every problem of the template."""
    findings = examine_template(text, file=file, html=html, spoken=spoken)
    if findings.problems:
        raise Refused(findings.problems)
    try:
        compiled = _chosen(html=html, spoken=spoken).from_string(_without_lone_lines(text))
    except (SyntaxError, RecursionError, MemoryError):
        raise Refused([_syntax_problem(file, 1, "too complex")]) from None
    return CompiledTemplate(
        names=frozenset(findings.names),
        row_names=frozenset(findings.row_names),
        optional=frozenset(findings.optional),
        _compiled=compiled,
    )


def placeholders(text: str, *, html: bool = False) -> frozenset[str]:
    """Every name that must be filled, those of the accounts' rows included."""
    template = compile_template(text, html=html)
    return template.names | template.row_names


def _chosen(*, html: bool, spoken: bool) -> _Environment:
    if html:
        return _HTML
    return _SPOKEN if spoken else _TEXT


def _without_lone_lines(text: str) -> str:
    """A tag alone on its line leaves no empty line behind, one within a line changes nothing.

    Jinja's own `trim_blocks` would also glue lines together after `… {% endif %}`. The line's end
    moves into the tag, where it means nothing and still counts: problems keep their line numbers.
    """
    return _LONE_TAG.sub(r"\1\n\3\2}", text.replace("\r\n", "\n"))


def _safe(value: object) -> object:
    if isinstance(value, str):
        return neutral(value)
    if isinstance(value, Mapping):
        return Row({name: _safe(inner) for name, inner in value.items()})
    if isinstance(value, list | tuple):
        return [_safe(inner) for inner in value]
    return value


def _too_long(file: str) -> Problem:
    return Problem(
        code="template_too_long",
        message=_("The template is too long."),
        advice=_("Keep it under {limit} characters.").format(limit=LIMIT_CHARACTERS),
        file=file,
    )


def _syntax_problem(file: str, line: int, reason: str) -> Problem:
    return Problem(
        code="template_syntax",
        message=_("The template cannot be read: {reason}.").format(reason=reason.rstrip(".")),
        advice=_(
            "Check that every {{ has its }}, every {% if %} its {% endif %}"
            " and every {% for %} its {% endfor %}."
        ),
        file=file,
        line=line,
    )
