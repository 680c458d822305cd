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
from jinja2.nodes import Output, TemplateData
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

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields = fields

    def __getitem__(self, name: str) -> object:
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)


class _Environment(ImmutableSandboxedEnvironment):
    def getattr(self, obj: Any, attribute: str) -> Any:
        # A row's own fields only: never a method of the object that holds them.
        if type(obj) is Row:  # an abstract class answers `isinstance` slowly
            found = obj.fields.get(attribute)
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
class SafeValues:
    """Values made harmless once, for several templates of one message."""

    _given: dict[str, Any] = field(repr=False)


def make_safe(values: Mapping[str, object], language: str = "ru") -> SafeValues:
    """Strings become one neutral line each, mappings rows of fields; no template changes them."""
    given = _safe_fields(values)
    given["language"] = language if language in ("ru", "en") else "ru"
    return SafeValues(given)


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A template that was found harmless.

    `names` and `row_names` must be filled; `optional` ones stand under `is defined` or `default`.
    """

    names: frozenset[str]
    row_names: frozenset[str]
    optional: frozenset[str]
    _compiled: Template = field(repr=False)
    _constant: str | None = field(default=None, repr=False)  # the text of one that says no value

    def render(self, values: Mapping[str, object], language: str = "ru") -> str:
        """The text for these values; strings in it are neutralised, in HTML escaped as well.

        Raises MissingValue for a placeholder nobody fills and UnfitValue for a value of the wrong
        kind: nothing half-filled ever leaves.
        """
        return self.render_safe(make_safe(values, language))

    def render_safe(self, values: SafeValues) -> str:
        """As `render`, of values that were made safe before."""
        if self._constant is not None:
            return self._constant
        compiled = self._compiled
        try:
            # What `Template.render` does, without copying the values for each template.
            context = compiled.new_context(values._given, shared=True)
            return "".join(compiled.root_render_func(context))
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
    tree = parse_template(text, file=file, html=html, spoken=spoken)
    if isinstance(tree, Problem):
        raise Refused([tree])
    findings = examine(tree, file, spoken=spoken)
    if findings.problems:
        raise Refused(findings.problems)
    try:
        compiled = _chosen(html=html, spoken=spoken).from_string(_without_lone_lines(text))
    except (SyntaxError, RecursionError, MemoryError):
        raise Refused([_syntax_problem(file, 1, "too complex")]) from None
    constant = compiled.render() if _says_no_value(tree) else None
    return CompiledTemplate(
        names=frozenset(findings.names),
        row_names=frozenset(findings.row_names),
        optional=frozenset(findings.optional),
        _compiled=compiled,
        _constant=constant,
    )


def _says_no_value(tree: Tree) -> bool:
    return all(
        isinstance(node, Output) and all(isinstance(part, TemplateData) for part in node.nodes)
        for node in tree.body
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


def _safe_fields(values: Mapping[str, object]) -> dict[str, Any]:
    # Nearly all are numbers and printable words, which `_safe` would return as they are.
    return {
        name: value
        if type(value) is int or (type(value) is str and value.isprintable())
        else _safe(value)
        for name, value in values.items()
    }


def _safe(value: object) -> object:
    if isinstance(value, str):
        return neutral(value)
    if isinstance(value, Mapping):
        return Row(_safe_fields(value))
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
