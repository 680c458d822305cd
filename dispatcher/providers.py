"""The configured ways out: which providers there are, by the settings."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from campaigns.channel import ChannelName
from channels.base import Channel
from channels.routing import Providers
from dispatcher.errors import BadSetting
from dispatcher.settings import PREFIX, Settings
from templates.i18n import _


def make_channels(settings: Settings) -> Mapping[ChannelName, Providers]:
    """The ways out by channel. A channel without its settings is absent; half of them is an error.

    Raises BadSetting naming what is missing or wrong.
    """
    try:
        found = {
            ChannelName.PHONE: _phone(settings),
            ChannelName.SMS: _sms(settings),
            ChannelName.EMAIL: _email(settings),
        }
    except ValueError as error:
        raise BadSetting(f"{PREFIX}…", str(error)) from None
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
        from channels.sms.smsaero import SmsAeroChannel

        _need(settings, "smsaero_api_key", "sms_sign")
        ways.append(
            SmsAeroChannel(
                settings.smsaero_email,
                settings.smsaero_api_key.get_secret_value(),
                settings.sms_sign,
                url_gate=settings.smsaero_gate,
                timeout_seconds=settings.provider_timeout_seconds,
            )
        )
    return ways


def _phone(settings: Settings) -> Sequence[Channel]:
    if not settings.twilio_account_sid:
        return ()
    from channels.phone.twilio import TwilioChannel

    _need(settings, "twilio_auth_token", "caller_id")
    return [
        TwilioChannel(
            settings.twilio_account_sid,
            settings.twilio_auth_token.get_secret_value(),
            base_url=settings.twilio_base_url or None,
            timeout_seconds=settings.provider_timeout_seconds,
        )
    ]


def _need(settings: Settings, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not (value.get_secret_value() if hasattr(value, "get_secret_value") else value):
            raise BadSetting(PREFIX + name.upper(), _("is needed for this channel."))
