"""Charts drawn as SVG on the server: no script, no library, readable in print and without colour.

Every chart has a table with the same numbers beside it; `title` says it in words for who cannot
see it. Colours are classes of the style sheet, so that they follow day and night.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from campaigns.scenario import Window

_WIDTH = 360
_BAR, _STEP = 16, 44
_PLOT_TOP, _PLOT_HEIGHT = 18, 110
_LABELS, _WIDEST = 6, 45  # under the columns; of a column


@dataclass(frozen=True, slots=True)
class Bar:
    """One quantity. `colour` is one of good, work, warn, bad, rest."""

    label: str
    value: int
    shown: str
    colour: str = "rest"


@dataclass(frozen=True, slots=True)
class Pair:
    """A quantity and the part of it that reached the customer; `top` is written at the highest."""

    label: str
    value: int
    part: int
    shown: str
    top: str


def bars(rows: Sequence[Bar], title: str, whole: int = 0) -> Markup:
    """Horizontal bars on a common scale, each under its label: a funnel read downwards. `whole` is
    what fills the track; without it the largest does."""
    largest = whole or max((row.value for row in rows), default=0) or 1
    parts = []
    for index, row in enumerate(rows):
        top = index * _STEP
        width = row.value / largest * _WIDTH
        parts.append(
            f'<text class="label" x="0" y="{top + 12}">{escape(row.label)}</text>'
            f'<text class="value" x="{_WIDTH}" y="{top + 12}" text-anchor="end">'
            f"{escape(row.shown)}</text>"
            f'<rect class="c-track" x="0" y="{top + 18}" width="{_WIDTH}" height="{_BAR}" rx="3"/>'
        )
        if row.value:
            parts.append(
                f'<rect class="c-{row.colour}" x="0" y="{top + 18}" width="{max(width, 2):.1f}" '
                f'height="{_BAR}" rx="3"/>'
            )
    return _svg(len(rows) * _STEP - 8, title, parts)


def stack(rows: Sequence[Bar], title: str) -> Markup:
    """Parts of a whole in one bar; the legend stands beside it in the page."""
    whole = sum(row.value for row in rows) or 1
    parts, left = [], 0.0
    wide = 1000
    for row in rows:
        if row.value:
            width = row.value / whole * wide
            parts.append(
                f'<rect class="c-{row.colour}" x="{left:.1f}" y="0" '
                f'width="{max(width - 3, 1.5):.1f}" height="28"><title>{escape(row.label)}: '
                f"{escape(row.shown)}</title></rect>"
            )
            left += width
    return Markup(  # noqa: S704 - every text in it is escaped
        f'<svg viewBox="0 0 {wide} 28" preserveAspectRatio="none" style="height:28px" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def hours(counts: Sequence[int], window: Window, title: str, colour: str = "work") -> Markup:
    """Twenty-four columns, one an hour of local time; the allowed hours stand on a band."""
    largest = max(counts, default=0) or 1
    step = _WIDTH / 24
    bottom = _PLOT_TOP + _PLOT_HEIGHT
    parts = [
        f'<rect class="c-band" x="{since * step:.1f}" y="{_PLOT_TOP - 10}" '
        f'width="{(until - since) * step:.1f}" height="{_PLOT_HEIGHT + 10}"/>'
        for since, until in _bands(window)
    ]
    for hour, count in enumerate(counts):
        if count:
            height = max(count / largest * _PLOT_HEIGHT, 1.5)
            parts.append(
                f'<rect class="c-{colour if _is_open(hour, window) else "bad"}" '
                f'x="{hour * step + 1.5:.1f}" y="{bottom - height:.1f}" width="{step - 3:.1f}" '
                f'height="{height:.1f}" rx="1.5"><title>{hour}:00–{hour + 1}:00: {count}</title>'
                "</rect>"
            )
    parts.append(f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{bottom}" y2="{bottom}"/>')
    marks = sorted({0, 24, 6, 12, 18} if window.opens_at == window.closes_at else _marks(window))
    for mark in marks:
        anchor = "start" if mark == 0 else "end" if mark == 24 else "middle"
        parts.append(
            f'<text x="{mark * step:.1f}" y="{bottom + 15}" text-anchor="{anchor}">{mark}</text>'
        )
    if any(counts):
        peak = max(range(24), key=lambda hour: counts[hour])
        anchor = "start" if peak < 2 else "end" if peak > 21 else "middle"
        parts.append(
            f'<text class="value" x="{(peak + 0.5) * step:.1f}" y="{_PLOT_TOP - 4}" '
            f'text-anchor="{anchor}">{counts[peak]}</text>'
        )
    return _svg(bottom + 20, title, parts)


def columns(rows: Sequence[Pair], title: str) -> Markup:
    """A column each, of which the lower part is in the colour of what was reached; a label under
    the first, the last, and as many between them as there is room for."""
    largest = max((row.value for row in rows), default=0) or 1
    step = min(_WIDTH / max(len(rows), 1), _WIDEST)
    bottom = _PLOT_TOP + _PLOT_HEIGHT
    gap = min(step * 0.2, 6)
    parts = []
    for index, row in enumerate(rows):
        left, width = index * step + gap / 2, step - gap
        for value, colour in ((row.value, "rest"), (row.part, "good")):
            if value:
                height = max(value / largest * _PLOT_HEIGHT, 1.5)
                parts.append(
                    f'<rect class="c-{colour}" x="{left:.1f}" y="{bottom - height:.1f}" '
                    f'width="{width:.1f}" height="{height:.1f}"><title>{escape(row.label)}: '
                    f"{escape(row.shown)}</title></rect>"
                )
    parts.append(f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{bottom}" y2="{bottom}"/>')
    every = max(1, -(-len(rows) // _LABELS))
    for index in range(0, len(rows), every):
        is_edge = index == 0 and step < _WIDEST
        anchor = "start" if is_edge else "middle"
        left = 0 if is_edge else (index + 0.5) * step
        parts.append(
            f'<text x="{left:.1f}" y="{bottom + 15}" text-anchor="{anchor}">'
            f"{escape(rows[index].label)}</text>"
        )
    if rows:
        peak = max(range(len(rows)), key=lambda index: rows[index].value)
        left = (peak + 0.5) * step
        anchor = "start" if left < 40 else "end" if left > _WIDTH - 40 else "middle"
        parts.append(
            f'<text class="value" x="{left:.1f}" y="{_PLOT_TOP - 6}" text-anchor="{anchor}">'
            f"{escape(rows[peak].top)}</text>"
        )
    return _svg(bottom + 20, title, parts)


def meter(value: int, whole: int, title: str) -> Markup:
    """A share as a thin bar within a table."""
    width = value / whole * 100 if whole else 0
    return Markup(  # noqa: S704 - every text in it is escaped
        '<svg viewBox="0 0 100 8" preserveAspectRatio="none" '
        f'style="height:8px" role="img" aria-label="{escape(title)}">'
        '<rect class="c-track" width="100" height="8" rx="2"/>'
        f'<rect class="c-good" width="{width:.1f}" height="8" rx="2"/></svg>'
    )


def _marks(window: Window) -> set[int]:
    """The hours named under the axis: the ends, the window's edges, and some between them."""
    marks = {0, 24, window.opens_at.hour, window.closes_at.hour}
    for mark in (6, 12, 15, 18):
        if all(abs(mark - other) > 2 for other in marks):
            marks.add(mark)
    close = {b for a, b in pairwise(sorted(marks)) if b - a < 2 and b == 24}
    return marks - close


def _bands(window: Window) -> list[tuple[float, float]]:
    """The window as stretches of hours within one day; none for a whole-day one."""
    opens = window.opens_at.hour + window.opens_at.minute / 60
    closes = window.closes_at.hour + window.closes_at.minute / 60
    if opens == closes:
        return []
    if opens < closes:
        return [(opens, closes)]
    return [(0, closes), (opens, 24)] if closes else [(opens, 24)]


def _is_open(hour: int, window: Window) -> bool:
    """Whether some of this hour lies inside the window."""
    bands = _bands(window)
    return not bands or any(since < hour + 1 and hour < until for since, until in bands)


def _svg(height: float, title: str, parts: Sequence[str]) -> Markup:
    return Markup(  # noqa: S704 - every text in it is escaped
        f'<svg viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
