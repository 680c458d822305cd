"""Traces, where somebody wants them: what took how long, and within what.

Off, and free of cost, unless DISPATCHER_OTLP_ENDPOINT is set; then the extra `otel` must be
installed. Attributes are words of closed sets and our own row numbers: no contact point, no name,
no text.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from dispatcher.errors import BadSetting
from templates.i18n import _

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

SETTING = "DISPATCHER_OTLP_ENDPOINT"
INSTALL = "pip install 'dispatcher[otel]'"
# So long the last spans may take to leave when a role stops.
FLUSH_SECONDS = 3.0

Attribute = str | int | bool

_NOTHING: AbstractContextManager[None] = nullcontext()


class _State:
    """The one tracer of a process; None as long as nobody wants traces."""

    tracer: "Tracer | None" = None


def span(name: str, **attributes: Attribute) -> AbstractContextManager[None]:
    """What is done within belongs to this span."""
    if _State.tracer is None:
        return _NOTHING
    return _span(_State.tracer, name, attributes)


@contextmanager
def _span(tracer: "Tracer", name: str, attributes: dict[str, Attribute]) -> Iterator[None]:
    # An error's text may quote a row: its kind has to do.
    from opentelemetry.trace import StatusCode

    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except Exception as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def note(name: str, seconds: float, **attributes: Attribute) -> None:
    """Something that is over and took so long, as a part of what goes on now."""
    if _State.tracer is None:
        return
    ended_ns = time.time_ns()
    begun_ns = ended_ns - round(seconds * 1e9)
    _State.tracer.start_span(name, start_time=begun_ns, attributes=attributes).end(ended_ns)


@contextmanager
def tracing(endpoint: str, role: str, version: str) -> Iterator[None]:
    """Traces of this process go to `endpoint` (OTLP over HTTP) for the length of a `with` block;
    nothing happens where it is empty. Raises BadSetting where the extra is not installed."""
    if not endpoint:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        raise BadSetting(
            SETTING, _("traces need a further package: {command}").format(command=INSTALL)
        ) from None
    with traced_to(OTLPSpanExporter(endpoint=endpoint), role, version):
        yield


@contextmanager
def traced_to(exporter: "SpanExporter", role: str, version: str) -> Iterator[None]:
    """The same with an exporter of one's own."""
    provider = _provider(exporter, role, version)
    _State.tracer = provider.get_tracer("dispatcher", version)
    try:
        yield
    finally:
        _State.tracer = None
        provider.force_flush(round(FLUSH_SECONDS * 1000))
        provider.shutdown()


def _provider(exporter: "SpanExporter", role: str, version: str) -> "TracerProvider":
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    told = {"service.name": "dispatcher", "service.version": version, "dispatcher.role": role}
    provider = TracerProvider(resource=Resource.create(told))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
