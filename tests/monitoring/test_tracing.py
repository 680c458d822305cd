"""Traces: what is within what, where they go, and that they cost and tell nothing unasked."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from campaigns.channel import ChannelName
from channels.base import accepted
from dispatcher import metrics, tracing
from dispatcher.errors import BadSetting
from dispatcher.lines import BATCHES
from tests.trouble.house import customer, living, mail_channel
from tests.trouble.servers import PostOffice


@contextmanager
def remembered() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    with tracing.traced_to(exporter, "worker", "1.0"):
        yield exporter


def spans_of(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_hand_over_belongs_to_its_batch_and_bears_words_of_closed_sets() -> None:
    with remembered() as exporter, metrics.batch("sms", 2):
        metrics.handed_over("sms", "smsaero", accepted("ref"), 0.25)
    spans = spans_of(exporter)
    batch, handover = spans["batch"], spans["hand-over"]
    assert handover.parent is not None
    assert batch.context is not None
    assert handover.parent.span_id == batch.context.span_id
    assert dict(batch.attributes or {}) == {"channel": "sms", "deliveries": 2}
    told = {"channel": "sms", "provider": "smsaero", "kind": "accepted"}
    assert dict(handover.attributes or {}) == told
    assert handover.start_time is not None
    assert handover.end_time is not None
    assert (handover.end_time - handover.start_time) / 1e9 == pytest.approx(0.25, abs=0.001)


def test_an_error_is_told_by_its_kind_and_not_by_its_words() -> None:
    with (
        remembered() as exporter,
        pytest.raises(ValueError, match="7916"),
        tracing.span("receipt", channel="sms"),
    ):
        raise ValueError("+79161234567")
    [span] = exporter.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError")
    assert span.events == ()
    assert "7916" not in span.to_json()


def test_nothing_is_traced_before_and_after() -> None:
    with remembered() as exporter:
        pass
    with tracing.span("tick"):
        tracing.note("hand-over", 1.0)
    assert exporter.get_finished_spans() == ()


def test_each_batch_of_a_campaign_is_traced_to_the_provider_without_personal_data(
    tmp_path: Path,
) -> None:
    """More batches than threads: what a thread did before is not what it does now."""
    people = 6 * BATCHES[ChannelName.EMAIL]
    with (
        PostOffice() as server,
        remembered() as exporter,
        living(tmp_path, {ChannelName.EMAIL: mail_channel(server.port)}, batch_size=1) as house,
    ):
        house.import_rows([customer(n) for n in range(people)])
        house.launch(ChannelName.EMAIL)
        house.turn()
    finished = exporter.get_finished_spans()
    batches = {
        span.context.span_id: dict(span.attributes or {})["deliveries"]
        for span in finished
        if span.name == "batch" and span.context
    }
    handovers = [span.parent for span in finished if span.name == "hand-over"]
    assert len(batches) == 6
    assert Counter(parent.span_id for parent in handovers if parent) == batches
    told = "".join(span.to_json() for span in finished)
    assert not [word for word in ("example.com", "Анна", "7000000", "+7916") if word in told]


class _Collector(HTTPServer):
    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Taker)


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, _Collector)
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        pass


def test_spans_leave_for_the_address_of_the_setting_and_the_last_ones_at_the_end() -> None:
    with _Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{collector.server_port}/v1/traces"
        with tracing.tracing(address, "loop", "1.0"), tracing.span("tick"):
            pass
        collector.shutdown()
        thread.join()
    [body] = collector.bodies
    assert b"tick" in body
    assert b"loop" in body


def test_without_the_extra_the_setting_is_an_error_that_names_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with (
        pytest.raises(BadSetting, match=r"OTLP_ENDPOINT.*pip install 'dispatcher\[otel\]'"),
        tracing.tracing("http://127.0.0.1:4318/v1/traces", "loop", "1.0"),
    ):
        pytest.fail("it began")


def test_nothing_is_imported_for_traces_that_nobody_wants() -> None:
    program = (
        "import sys, dispatcher.metrics, dispatcher.tracing; "
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
