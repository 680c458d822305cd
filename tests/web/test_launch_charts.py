"""The charts of a rehearsal, in a real browser: every label can be read."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from campaigns.channel import ChannelName
from dispatcher.forecast import ChannelOutlook, Hour, Outlook, ZoneOutlook
from dispatcher.web import launch_charts
from dispatcher.web.launch_words import zone_title
from templates.i18n import speaking

BEGINS_AT = datetime(2026, 11, 22, 15, tzinfo=UTC)  # the month with the longest name of them
ZONES = ("Europe/Kaliningrad", "Asia/Kamchatka", "America/Argentina/ComodRivadavia", "Asia/Omsk")
SHEET = Path(launch_charts.__file__).parent / "static" / "style.css"
PLACES = """texts => texts.map(text => {
    const box = text.getBoundingClientRect();
    return [text.textContent, box.left, box.right, box.top, box.bottom];
})"""


def outlook(hours: int) -> Outlook:
    """A call and a letter every hour, for so many hours, in every zone."""
    ways = (ChannelName.PHONE, ChannelName.EMAIL)
    return Outlook(
        scenario_id=1,
        audience_id=1,
        audience_rows=9,
        recipients=9,
        begins_at=BEGINS_AT,
        ends_at=BEGINS_AT + timedelta(hours=hours),
        channels=tuple(
            ChannelOutlook(
                channel=channel,
                planned=9,
                skipped={},
                held_back=0,
                attempts=9,
                attempts_most=9,
                reached=9,
                given_up=0,
                superseded=0,
                out_of_time=0,
                untried=0,
                finishes_at=None,
                by_own_past=True,
            )
            for channel in ways
        ),
        finishes_at=None,
        hours=tuple(
            Hour(at=BEGINS_AT + timedelta(hours=hour), channel=channel, attempts=1)
            for hour in range(hours)
            for channel in ways
        ),
        zones=tuple(
            ZoneOutlook(zone=zone, deliveries=9, hours=tuple((n, 1.0) for n in range(hours)))
            for zone in ZONES
        ),
        bounds=(),
        unfit=0,
        examples=(),
        left_out=False,
        sms_parts=0,
        sms_longest=0,
        longest_call_seconds=0,
    )


@pytest.mark.parametrize("language", ["ru", "en"])
def test_no_label_of_a_chart_lies_on_another_or_beyond_its_edge(
    browser: Browser, language: str
) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    style = SHEET.read_text("utf-8")
    for hours in (1, 7, 26, 40, 7 * 24, 9 * 24, 10 * 24, 14 * 24, 15 * 24, 17 * 24, 31 * 24):
        seen = outlook(hours)
        with speaking(language):
            titles = {zone: zone_title(zone, BEGINS_AT) for zone in ZONES}
            ways = {ChannelName.PHONE: "Звонки", ChannelName.EMAIL: "Письма"}
            charts = (
                launch_charts.hours_chart(seen, ways, "", "Europe/Moscow"),
                launch_charts.zones_chart(seen, titles, "", "Europe/Moscow"),
            )
        for chart in charts:
            page.set_content(f"<style>{style}</style><main>{chart}</main>")
            right = page.locator("svg").evaluate("it => it.getBoundingClientRect().right")
            places = page.locator("svg text").evaluate_all(PLACES)
            assert places
            for text, _left, end, _top, _bottom in places:
                assert end <= right + 1, (hours, text)
            for one, two in combinations(places, 2):
                apart = one[2] + 3 < two[1] or two[2] + 3 < one[1]
                assert apart or one[4] <= two[3] + 4 or two[4] <= one[3] + 4, (hours, one, two)
            columns = page.locator("svg rect").evaluate_all(
                "all => Math.min(...all.map(it => it.getBoundingClientRect().left))"
            )
            lanes = page.locator("svg .lane").evaluate_all(PLACES)
            if chart is charts[1]:
                assert max(lane[2] for lane in lanes) < columns, (hours, lanes)
    page.close()
