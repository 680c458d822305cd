"""Before a launch every call and SMS is worded and measured: staff learn what does not fit."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.delivery import Status
from campaigns.recipient import Recipient
from dispatcher import campaigning
from dispatcher.errors import NotPossible
from dispatcher.examination import TextsUnfit
from dispatcher.ledger import campaigns, trail
from dispatcher.voices import Voice
from templates.call import Say, seconds_of
from templates.tape import join
from tests.flow.rehearsing import (
    ACTOR,
    PHONE,
    SMS,
    Rehearsal,
    customer,
    scenario_text,
)

Rehearse = Callable[..., Rehearsal]


def offered(account: str, offer: str) -> Recipient:
    phone = f"+7916{int(account):07}"
    return replace(customer(account, phone), fields={"debt_kopecks": 100, "offer": offer})


def scenario_of(*names: str) -> str:
    top = 'same_contact = "once"'
    return scenario_text(*names, template="own", fields='["debt_kopecks", "offer"]', top=top)


def texts(folder: Path, **files: str) -> None:
    """A template of the house's own beside the scenario."""
    place = folder / "templates" / "own"
    place.mkdir(parents=True)
    for name, text in files.items():
        (place / f"{name}.txt").write_text(text, "utf-8")


def launch(rehearsal: Rehearsal, people: list[Recipient], *names: str, **how: object) -> None:
    """Store people and a scenario of these channels, and launch."""
    audience = rehearsal.store(people, scenario_of(*names))
    campaign = campaigning.launch(rehearsal.engine, "trial", audience, ACTOR, **how)  # type: ignore[arg-type]
    rehearsal.campaigns.append(campaign)


def left(rehearsal: Rehearsal) -> tuple[int, int]:
    return rehearsal.count("campaigns"), rehearsal.count("deliveries")


def test_an_sms_that_is_too_long_for_one_customer_stops_the_launch_and_names_him(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    texts(rehearsal.folder, sms="{{ company }}: {{ offer }}")
    people = [offered("1", "короткое"), offered("2", "слово " * 30)]
    with pytest.raises(TextsUnfit) as refused:
        launch(rehearsal, people, "sms")
    [unfit] = refused.value.examination.unfit
    assert (unfit.account_number, unfit.channel, unfit.code) == ("2", SMS, "too_long")
    assert unfit.measured is not None
    assert unfit.measured > 160
    assert unfit.fields[0][0] == "offer"
    assert left(rehearsal) == (0, 0)


def test_a_refused_launch_stands_in_the_trail(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    texts(rehearsal.folder, sms="{{ offer }}")
    with pytest.raises(TextsUnfit):
        launch(rehearsal, [offered("1", "слово " * 40)], "sms")
    with rehearsal.ledger.read() as tx:
        entries = [entry.action for entry in trail.of(tx, "campaign:1")]
    assert entries == ["campaign.launch", "campaign.discard"]


def test_staff_may_launch_without_the_messages_that_do_not_fit(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    texts(rehearsal.folder, sms="{{ offer }}")
    people = [offered("1", "короткое"), offered("2", "слово " * 40)]
    launch(rehearsal, people, "sms", leave_out_unfit=True)
    rehearsal.run(timedelta(days=1))
    assert [taken.contact_point for taken in rehearsal.taken(SMS)] == ["+79160000001"]


def test_a_value_that_cannot_be_spoken_stops_the_launch_not_the_call(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    texts(rehearsal.folder, call="Работы {{ due_on | date_words }}.")
    people = [
        replace(offered("1", "да"), fields={"due_on": "2026-12-01"}),
        replace(offered("2", "да"), fields={"due_on": "завтра"}),
    ]
    scenario = scenario_text("phone", template="own", fields='["due_on"]')
    audience = rehearsal.store(people, scenario)
    with pytest.raises(TextsUnfit) as refused:
        campaigning.launch(rehearsal.engine, "trial", audience, ACTOR)
    [unfit] = refused.value.examination.unfit
    assert (unfit.account_number, unfit.channel, unfit.code) == ("2", PHONE, "unfit_value")


def test_a_call_over_a_minute_stops_the_launch_with_its_seconds(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    texts(rehearsal.folder, call="{{ offer }}")
    with pytest.raises(TextsUnfit) as refused:
        launch(rehearsal, [offered("1", "да"), offered("2", "очень длинное слово " * 70)], "phone")
    [unfit] = refused.value.examination.unfit
    assert (unfit.account_number, unfit.channel, unfit.code) == ("2", PHONE, "too_long")
    assert unfit.measured is not None
    assert unfit.measured > 60


class SlowVoice(Voice):
    """A voice that takes its time: a phrase lasts as long as it is told to, or by its letters."""

    def __init__(self, seconds: float = 0, letter_seconds: float = 0) -> None:
        super().__init__("slow", ())
        self.each, self.letter = seconds, letter_seconds

    def speak(self, text: str, language: str = "ru") -> bytes:
        return join([self.each + self.letter * len(text)])


@pytest.mark.parametrize(("each", "fits"), [(29.0, True), (31.0, False)])
def test_where_there_is_a_voice_its_seconds_count_not_the_estimate(
    rehearse: Rehearse, each: float, fits: bool
) -> None:
    rehearsal = rehearse()
    texts(rehearsal.folder, call="Здравствуйте!\n{{ offer }}")
    people = [offered("1", "короткое")]
    if fits:
        launch(rehearsal, people, "phone", voice=SlowVoice(each))
        assert left(rehearsal) == (1, 1)
        return
    with pytest.raises(TextsUnfit) as refused:
        launch(rehearsal, people, "phone", voice=SlowVoice(each))
    calls = refused.value.examination.calls
    assert (calls.longest_seconds, calls.voice) == (63.0, "slow")
    assert calls.phrases == (("Здравствуйте!", 31.0), ("короткое", 31.0))


def test_every_call_that_is_too_long_in_the_voice_is_told_not_only_the_longest(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    texts(rehearsal.folder, call="{{ offer }}")
    people = [offered(str(n), "слово " * (100 + n % 40)) for n in range(160)]
    with pytest.raises(TextsUnfit) as refused:
        launch(rehearsal, people, "phone", voice=SlowVoice(letter_seconds=0.09))
    too_long = {str(n) for n in range(160) if len("слово " * (100 + n % 40)) - 1 > 60 / 0.09}
    assert len(too_long) > 100
    told = {one.account_number for one in refused.value.examination.unfit}
    assert told == too_long


def test_who_is_left_out_is_not_called_even_if_the_estimate_would_let_it_pass(
    rehearse: Rehearse,
) -> None:
    """Just over a minute is refused before the launch; sending alone would have let it go."""
    rehearsal = rehearse()
    texts(rehearsal.folder, call="{{ offer }}")
    long = "слово " * 160
    assert 60 < seconds_of([Say(long.strip())]) < 66
    people = [offered("1", "короткое"), offered("2", long)]
    launch(rehearsal, people, "phone", leave_out_unfit=True)
    rehearsal.run(timedelta(days=1))
    assert {taken.contact_point for taken in rehearsal.taken(PHONE)} == {"+79160000001"}
    assert rehearsal.status("2", PHONE) is Status.GIVEN_UP


def test_a_preview_counts_the_plan_and_the_parts_and_leaves_nothing(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    texts(rehearsal.folder, sms="{{ offer }}", call="{{ offer }}")
    people = [offered("1", "привет"), offered("2", "да " * 25), offered("3", "hello")]
    audience = rehearsal.store(people, scenario_of("phone", "sms"))
    found = campaigning.preview(rehearsal.engine, "trial", audience, ACTOR)
    assert sum(one.deliveries for one in found.statuses) == 6
    assert (found.examination.sms.texts, found.examination.sms.parts_in_all) == (3, 4)
    assert found.examination.sms.cost_kopecks(500) == 2000
    assert found.examination.calls.texts == 3
    assert left(rehearsal) == (0, 0)


def test_a_draft_that_was_cancelled_meanwhile_is_not_taken_back(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    texts(rehearsal.folder, sms="{{ offer }}")
    campaign_id: list[int] = []

    def cancel(_done: int) -> None:
        with rehearsal.ledger.read() as tx:
            campaign_id.append(campaigns.everything(tx)[0].id)
        campaigning.cancel(rehearsal.engine, campaign_id[0], ACTOR)

    with pytest.raises(NotPossible):
        launch(rehearsal, [offered("1", "слово " * 40)], "sms", told=cancel)
    assert rehearsal.count("campaigns") == 1
