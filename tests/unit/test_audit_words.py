"""What an audit says about a row that breaks a rule."""

from datetime import UTC, datetime

from dispatcher.audit.findings import Finding
from templates.i18n import speaking

AT = datetime(2026, 11, 2, 7, 0, 5, 123456, tzinfo=UTC)


def test_a_finding_is_one_line_in_the_readers_language() -> None:
    finding = Finding("70001", "phone", "+7916***67", 2, AT, "Слишком рано.")
    with speaking("ru"):
        assert str(finding) == (
            "70001, Телефон +7916***67, попытка 2, 02.11.2026 07:00:05 UTC: Слишком рано."
        )
    with speaking("en"):
        assert "attempt 2" in str(finding)


def test_a_finding_about_the_whole_campaign_is_its_text_alone() -> None:
    assert str(Finding("", "", "", None, None, "Не сходится.")) == "Не сходится."
