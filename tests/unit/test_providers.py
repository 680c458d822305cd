"""Which ways out there are, by the settings; what is half set or misspelt is told."""

import pytest
from pydantic import SecretStr

from campaigns.channel import ChannelName
from channels.routing import Route
from dispatcher.errors import BadSetting
from dispatcher.pacing import ProviderLimit
from dispatcher.providers import make_channels
from dispatcher.settings import Settings

TWILIO: dict[str, object] = {
    "twilio_account_sid": "AC" + "0f" * 16,
    "twilio_auth_token": SecretStr("secret-token-of-twilio"),
}
SMSAERO: dict[str, object] = {
    "smsaero_email": "energy@example.com",
    "smsaero_api_key": SecretStr("secret-key-of-the-gate-0123"),
    "sms_sign": "Energo",
}


def made(**changes: object) -> dict[ChannelName, tuple[str, ...]]:
    usual: dict[str, object] = {"receipts_url": "https://notify.example.com"}
    settings = Settings(_env_file=None).model_copy(update=usual | changes)
    return {channel: ways.names for channel, ways in make_channels(settings).items()}


def wrong(**changes: object) -> str:
    with pytest.raises(BadSetting) as refusal:
        made(**changes)
    assert "secret" not in str(refusal.value)
    return str(refusal.value)


def test_without_settings_there_is_no_way_out() -> None:
    assert made() == {}


def test_twilio_may_carry_calls_sms_or_both() -> None:
    assert made(**TWILIO, caller_id="+74951234567") == {ChannelName.PHONE: ("twilio",)}
    assert made(**TWILIO, twilio_sms_sender="Energo") == {ChannelName.SMS: ("twilio",)}
    both = made(**TWILIO, caller_id="+74951234567", twilio_sms_sender="+74951234567")
    assert both == {ChannelName.PHONE: ("twilio",), ChannelName.SMS: ("twilio",)}


def test_the_gate_of_old_comes_first_where_there_are_two() -> None:
    both = made(**SMSAERO, **TWILIO, twilio_sms_sender="Energo")
    assert both == {ChannelName.SMS: ("smsaero", "twilio")}


def test_an_account_at_twilio_that_can_neither_call_nor_write_names_both_settings() -> None:
    said = wrong(**TWILIO)
    assert "DISPATCHER_CALLER_ID" in said
    assert "DISPATCHER_TWILIO_SMS_SENDER" in said


def test_calls_are_not_set_up_without_an_address_where_they_ask_what_to_say() -> None:
    said = wrong(**TWILIO, caller_id="+74951234567", receipts_url="")
    assert "DISPATCHER_RECEIPTS_URL" in said
    rehearsal = {"receipts_url": "", "twilio_base_url": "http://127.0.0.1:8090"}
    assert made(**TWILIO, caller_id="+74951234567", **rehearsal)
    assert made(**TWILIO, twilio_sms_sender="Energo", receipts_url="")  # an SMS asks for nothing


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"twilio_sms_sender": "Energo"}, "DISPATCHER_TWILIO_ACCOUNT_SID"),
        (
            {"twilio_account_sid": TWILIO["twilio_account_sid"], "twilio_sms_sender": "Energo"},
            "DISPATCHER_TWILIO_AUTH_TOKEN",
        ),
        (
            {"twilio_account_sid": TWILIO["twilio_account_sid"], "caller_id": "+74951234567"},
            "DISPATCHER_TWILIO_AUTH_TOKEN",
        ),
        ({"smsaero_email": "energy@example.com"}, "DISPATCHER_SMSAERO_API_KEY"),
        ({**SMSAERO, "smsaero_email": "nobody"}, "DISPATCHER_SMSAERO_EMAIL: это адрес"),
        ({**SMSAERO, "smsaero_api_key": SecretStr("short")}, "DISPATCHER_SMSAERO_API_KEY: это "),
        ({**TWILIO, "twilio_sms_sender": "Энергосбыт"}, "DISPATCHER_TWILIO_SMS_SENDER"),
        (
            {**TWILIO, "twilio_sms_sender": "E", "twilio_base_url": "x"},
            "DISPATCHER_TWILIO_BASE_URL",
        ),
        ({**SMSAERO, "smsaero_gate": "http://gate.example.com"}, "DISPATCHER_SMSAERO_GATE"),
    ],
)
def test_half_a_provider_is_an_error_that_names_what_is_missing(
    changes: dict[str, object], name: str
) -> None:
    assert name in wrong(**changes)


@pytest.mark.parametrize("provider", ["smsaerro", "smtp", "twilio"])
def test_a_route_to_a_provider_that_is_not_there_names_those_that_are(provider: str) -> None:
    said = wrong(**SMSAERO, sms_routes=(Route(provider="smsaero"), Route(provider=provider)))
    assert "DISPATCHER_SMS_ROUTES" in said
    assert provider in said
    assert "smsaero." in said


def test_routes_without_any_provider_of_sms_are_an_error() -> None:
    assert "DISPATCHER_SMS_ROUTES" in wrong(sms_routes=(Route(provider="smsaero"),))


def test_routes_to_both_providers_are_taken() -> None:
    routes = (Route(provider="smsaero", weight=3), Route(provider="twilio"))
    assert made(**SMSAERO, **TWILIO, twilio_sms_sender="Energo", sms_routes=routes)


@pytest.mark.parametrize("name", ["twilio", "phone.smsaero", "sms.twillio", "phone.", ""])
def test_a_limit_of_nobody_names_whom_one_may_limit(name: str) -> None:
    said = wrong(limits={name: ProviderLimit(per_second=1)})
    assert "DISPATCHER_LIMITS" in said
    assert "phone.twilio" in said


def test_a_limit_of_a_provider_that_is_switched_off_may_stay() -> None:
    assert made(limits={"sms.twilio": ProviderLimit(per_second=1)}) == {}
