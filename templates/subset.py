"""The part of Jinja that templates may use, checked on the syntax tree before anything runs.

A template is a form with blanks, not a program: text, `{{ name | filter }}`, `{% if %}` and one
loop over `accounts`. Without sets, calls, arithmetic, ranges and attributes it can neither loop for
ever, nor eat memory, nor reach into Python.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from jinja2 import nodes

from templates.filters import filters, knows_noun, takes
from templates.i18n import _
from templates.problem import Problem
from templates.similar import did_you_mean

ROWS = "accounts"  # the only thing that can be looped over
_LOOP_FIELDS = frozenset({"first", "last", "index", "length"})
_TESTS = frozenset({"defined", "undefined", "odd", "even"})
_DEPTH = 40
# The beginning of a command in a call's text (templates.call_file). It is of the private use area,
# which `templates.neutral` removes from every value, and no template may write it.
COMMAND_MARK = "\ue010"

_PLAIN = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Const,
)


@dataclass(slots=True)
class Findings:
    """What a walk over a template found: the names it needs, and everything it must not do.

    Names come with the line on which they first stand.
    """

    names: dict[str, int] = field(default_factory=dict)
    row_names: dict[str, int] = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    row: str | None = None  # the name of the loop's row, inside the loop
    depth: int = 0
    spoken: bool = False  # a call's text, which has filters of its own

    def deeper(self, row: str | None = None) -> "_Place":
        return replace(self, row=row or self.row, depth=self.depth + 1)


def examine(tree: nodes.Template, file: str, *, spoken: bool = False) -> Findings:
    """Walk the tree; refuse whatever is not expressly allowed."""
    findings = Findings()
    _visit(tree, _Place(file, spoken=spoken), findings)
    for name in findings.optional:
        findings.names.pop(name, None)
        findings.row_names.pop(name, None)
    return findings


def _visit(node: nodes.Node, place: _Place, findings: Findings) -> None:
    if place.depth > _DEPTH:
        findings.problems.append(_refusal("template_too_deep", node, place))
    elif isinstance(node, nodes.Name):
        _visit_name(node, place, findings)
    elif isinstance(node, nodes.Getattr):
        _visit_attribute(node, place, findings)
    elif isinstance(node, nodes.Filter):
        _visit_filter(node, place, findings)
    elif isinstance(node, nodes.Test):
        _visit_test(node, place, findings)
    elif isinstance(node, nodes.For):
        _visit_loop(node, place, findings)
    elif isinstance(node, nodes.Const) and COMMAND_MARK in str(node.value):
        findings.problems.append(_refusal("template_constant", node, place))
    elif isinstance(node, _PLAIN):
        for child in node.iter_child_nodes():
            _visit(child, place.deeper(), findings)
    else:
        findings.problems.append(_refusal(_code_of(node), node, place))


def _visit_name(node: nodes.Name, place: _Place, findings: Findings) -> None:
    if node.name.startswith("_"):
        findings.problems.append(_refusal("template_private_name", node, place))
    elif node.name in (ROWS, "loop", place.row):
        findings.problems.append(_refusal("template_whole_row", node, place))
    else:
        findings.names.setdefault(node.name, node.lineno)


def _visit_attribute(node: nodes.Getattr, place: _Place, findings: Findings) -> None:
    owner = node.node.name if isinstance(node.node, nodes.Name) else None
    if place.row and owner == "loop" and node.attr in _LOOP_FIELDS:
        return
    if place.row and owner == place.row and not node.attr.startswith("_"):
        findings.row_names.setdefault(node.attr, node.lineno)
        return
    findings.problems.append(_refusal("template_attribute", node, place))


def _visit_filter(node: nodes.Filter, place: _Place, findings: Findings) -> None:
    known = {*filters(spoken=place.spoken), "default"}
    if node.name not in known:
        advice = _("Known filters: {names}.").format(names=", ".join(sorted(known)))
        findings.problems.append(
            Problem(
                code="template_filter",
                message=_("There is no filter “{name}”.").format(name=node.name),
                advice=did_you_mean(node.name, known) or advice,
                file=place.file,
                line=node.lineno,
                value=node.name,
            )
        )
        return
    constant = all(isinstance(argument, nodes.Const) for argument in node.args)
    if not constant or node.kwargs or node.dyn_args or node.dyn_kwargs or node.node is None:
        findings.problems.append(_refusal("template_filter_arguments", node, place))
        return
    if not takes(node.name, len(node.args), spoken=place.spoken):
        findings.problems.append(_refusal("template_filter_arguments", node, place))
    elif place.spoken and node.name == "count" and len(node.args) == 1:
        _visit_noun(node.args[0], place, findings)
    for argument in node.args:
        _visit(argument, place.deeper(), findings)
    if node.name == "default":
        findings.optional.update(_named(node.node))
    _visit(node.node, place.deeper(), findings)


def _visit_noun(node: nodes.Node, place: _Place, findings: Findings) -> None:
    """`count("квитанция")`: the dictionary must know how the noun is counted."""
    if isinstance(node, nodes.Const) and not knows_noun(node.value):
        findings.problems.append(_refusal("template_noun", node, place))


def _visit_test(node: nodes.Test, place: _Place, findings: Findings) -> None:
    if node.name not in _TESTS or node.args or node.kwargs:
        findings.problems.append(_refusal("template_test", node, place))
        return
    if node.name in ("defined", "undefined"):
        findings.optional.update(_named(node.node))
    _visit(node.node, place.deeper(), findings)


def _visit_loop(node: nodes.For, place: _Place, findings: Findings) -> None:
    target = node.target.name if isinstance(node.target, nodes.Name) else ""
    over_rows = isinstance(node.iter, nodes.Name) and node.iter.name == ROWS
    good_target = target and not target.startswith("_") and target not in (ROWS, "loop")
    if place.row or not over_rows or not good_target or node.recursive or node.test:
        findings.problems.append(_refusal("template_loop", node, place))
        return
    for child in node.body:
        _visit(child, place.deeper(target), findings)
    for child in node.else_:
        _visit(child, place.deeper(), findings)


def _named(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Name):
        yield node.name
    elif isinstance(node, nodes.Getattr):
        yield node.attr


def _code_of(node: nodes.Node) -> str:
    if isinstance(node, nodes.Call):
        return "template_call"
    if isinstance(node, nodes.Getitem | nodes.Slice):
        return "template_attribute"
    if isinstance(node, nodes.BinExpr | nodes.UnaryExpr | nodes.Concat):
        return "template_arithmetic"
    if isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
        return "template_import"
    return "template_statement"


def _refusal(code: str, node: nodes.Node, place: _Place) -> Problem:
    message, advice = _refusals()[code]
    return Problem(code=code, message=message, advice=advice, file=place.file, line=node.lineno)


def _refusals() -> dict[str, tuple[str, str]]:
    return {
        "template_too_deep": (
            _("Conditions are nested too deeply."),
            _("Write simpler conditions, one after another."),
        ),
        "template_private_name": (
            _("A name cannot begin with an underscore."),
            _("Write the name of a column or a value, such as {{ debt_kopecks | money }}."),
        ),
        "template_whole_row": (
            _("A whole account or the list of accounts cannot be printed."),
            _("Name one field of it inside the loop, such as {{ account.account_number }}."),
        ),
        "template_attribute": (
            _("A dot or square brackets may only follow the loop's account."),
            _(
                "Write {% for account in accounts %}{{ account.account_number }}{% endfor %},"
                " or a plain name without a dot."
            ),
        ),
        "template_filter_arguments": (
            _("The filter was given the wrong things in its brackets."),
            _("Only ready words in quotes are allowed there, as many as the filter needs."),
        ),
        "template_constant": (
            _("There is a character here that means something to the program itself."),
            _("Write the text anew by hand; it was probably copied from elsewhere."),
        ),
        "template_noun": (
            _("The voice cannot count with this noun."),
            _(
                "Write a noun in the singular, or its three forms:"
                " count(“счёт”, “счёта”, “счетов”)."
            ),
        ),
        "template_test": (
            _("This check after “is” is not allowed."),
            _("Only “is defined”, “is undefined”, “is odd” and “is even” can be used."),
        ),
        "template_loop": (
            _("Only a simple loop over accounts is allowed, and no loop within a loop."),
            _("Write {% for account in accounts %} … {% endfor %}."),
        ),
        "template_call": (
            _("A template cannot call anything."),
            _("Use a filter instead, such as {{ debt_kopecks | money }}."),
        ),
        "template_arithmetic": (
            _("A template cannot calculate."),
            _("Put the ready number into a column of the audience, or use total_kopecks."),
        ),
        "template_import": (
            _("A template cannot read other files."),
            _("Copy the text into this file."),
        ),
        "template_statement": (
            _("This command is not allowed in a template."),
            _("Use only text, {{ name }}, {% if %} and {% for account in accounts %}."),
        ),
    }
