"""The configured ways out: which providers there are, by the settings."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit

from campaigns.channel import ChannelName
from channels.base import Channel
from channels.gateway import checked_base_url, is_loopback
from channels.routing import Providers
from dispatcher.errors import BadSetting
from dispatcher.settings import PREFIX, SMS_PROVIDERS, Settings, environment_names
from templates.i18n import _

# Every provider the product knows, as `limits` names it.
LIMITED = ("phone.twilio", *(f"sms.{name}" for name in SMS_PROVIDERS), "email.smtp")


def make_channels(settings: Settings) -> Mapping[ChannelName, Providers]:
    """The ways out by channel. A channel without its settings is absent; half of them is an error.

    Raises BadSetting naming what is missing or wrong.
    """
    try:
        _check_base_url(settings)
        found = {
            ChannelName.PHONE: _phone(settings),
            ChannelName.SMS: _sms(settings),
            ChannelName.EMAIL: _email(settings),
        }
    except ValueError as error:
        raise _named(str(error)) from None
    _check_routes(settings, [way.provider for way in found[ChannelName.SMS]])
    _check_limits(settings)
    return {
        channel: Providers(
            MappingProxyType({one.provider: one for one in ways}),
            settings.sms_routes if channel is ChannelName.SMS else (),
        )
        for channel, ways in found.items()
        if ways
    }


def _email(settings: Settings) -> Sequence[Channel]:
    if not settings.smtp_host:
        return ()
    from channels.email.smtp import SmtpChannel

    _need(settings, "mail_from")
    return [
        SmtpChannel(
            settings.smtp_host,
            settings.smtp_port,
            username=settings.smtp_username or None,
            password=settings.smtp_password.get_secret_value() or None,
            tls=settings.smtp_tls,
            timeout_seconds=settings.provider_timeout_seconds,
            concurrency=settings.smtp_connections,
        )
    ]


def _sms(settings: Settings) -> Sequence[Channel]:
    ways: list[Channel] = []
    if settings.smsaero_email:
        from channels.sms.gate import read_gate
        from channels.sms.smsaero import SmsAeroChannel

        _need(settings, "smsaero_api_key", "sms_sign")
        try:
            read_gate(settings.smsaero_gate)
        except ValueError as error:
            raise BadSetting(f"{PREFIX}SMSAERO_GATE", str(error)) from None
        ways.append(
            SmsAeroChannel(
                settings.smsaero_email,
                settings.smsaero_api_key.get_secret_value(),
                settings.sms_sign,
                url_gate=settings.smsaero_gate,
                timeout_seconds=settings.provider_timeout_seconds,
            )
        )
    if settings.twilio_sms_sender:
        from channels.sms.twilio_messages import TwilioMessagesChannel

        _need(settings, "twilio_account_sid", "twilio_auth_token")
        ways.append(
            TwilioMessagesChannel(
                settings.twilio_account_sid,
                settings.twilio_auth_token.get_secret_value(),
                settings.twilio_sms_sender,
                base_url=settings.twilio_base_url or None,
                timeout_seconds=settings.provider_timeout_seconds,
            )
        )
    return ways


def _phone(settings: Settings) -> Sequence[Channel]:
    if not settings.twilio_account_sid:
        return ()
    if not settings.caller_id and not settings.twilio_sms_sender:
        raise BadSetting(
            f"{PREFIX}CALLER_ID",
            _("the account at Twilio needs it for calls, or {other} for SMS.").format(
                other=f"{PREFIX}TWILIO_SMS_SENDER"
            ),
        )
    if not settings.caller_id:
        return ()
    rehearsed = is_loopback(urlsplit(settings.twilio_base_url).hostname or "")
    if not settings.receipts_url and not rehearsed:
        raise BadSetting(
            f"{PREFIX}RECEIPTS_URL",
            _("is needed for calls: when one is answered, Twilio asks there what to say."),
        )
    from channels.phone.twilio import TwilioChannel

    _need(settings, "twilio_auth_token")
    return [
        TwilioChannel(
            settings.twilio_account_sid,
            settings.twilio_auth_token.get_secret_value(),
            base_url=settings.twilio_base_url or None,
            timeout_seconds=settings.provider_timeout_seconds,
        )
    ]


def _named(text: str) -> BadSetting:
    """What a channel says of its own setting, with the name that stands in the environment."""
    text = environment_names(text)
    name, _space, rest = text.partition(" ")
    if name.startswith(PREFIX):
        return BadSetting(name, rest.removeprefix("— "))
    return BadSetting(f"{PREFIX}…", text)


def _check_base_url(settings: Settings) -> None:
    """Calls and SMS share it; what is wrong with it does not name it."""
    if settings.twilio_base_url:
        try:
            checked_base_url(settings.twilio_base_url)
        except ValueError as error:
            raise BadSetting(f"{PREFIX}TWILIO_BASE_URL", str(error)) from None


def _check_routes(settings: Settings, known: Sequence[str]) -> None:
    """A route to nowhere would be a provider that silently carries nothing."""
    for route in settings.sms_routes:
        if route.provider not in known:
            raise BadSetting(
                f"{PREFIX}SMS_ROUTES",
                _("there is no SMS provider “{name}” in the settings; known: {known}.").format(
                    name=route.provider[:40], known=", ".join(known) or _("none")
                ),
            )


def _check_limits(settings: Settings) -> None:
    """A limit of a provider that is merely switched off may stay; a misspelt one would limit
    nobody."""
    for name in settings.limits:
        if name not in LIMITED:
            raise BadSetting(
                f"{PREFIX}LIMITS",
                _("there is no provider “{name}”; known: {known}.").format(
                    name=name[:40], known=", ".join(LIMITED)
                ),
            )


def _need(settings: Settings, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not (value.get_secret_value() if hasattr(value, "get_secret_value") else value):
            raise BadSetting(PREFIX + name.upper(), _("is needed for this channel."))
