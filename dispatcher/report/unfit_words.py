"""Why a message cannot go as it is, and what can be done about it, in the words of a clerk."""

from collections.abc import Iterator, Sequence

from campaigns.channel import ChannelName
from dispatcher.examination import Unfit
from templates.i18n import _, ngettext


def why(one: Unfit) -> str:
    """What is wrong with it."""
    measured = f"{one.measured:g}" if one.measured is not None else ""
    match one.code:
        case "too_long" if one.channel is ChannelName.PHONE:
            return _("{seconds} s where 60 are allowed").format(seconds=measured)
        case "too_long":
            fields = ", ".join(f"{name} {length}" for name, length in one.fields)
            told = ngettext(
                "{characters} character where 160 are allowed",
                "{characters} characters where 160 are allowed",
                int(one.measured or 0),
            ).format(characters=measured)
            return f"{told} ({fields})" if fields else told
        case "missing_value":
            return _("nobody fills {name}").format(name=one.name)
        case "empty_text":
            return _("the text is empty")
        case "too_many_accounts":
            return _("{count} accounts in one message").format(count=measured)
        case _:
            return _("a value does not fit the filter {name}").format(name=one.name or "—")


def advice_on(unfit: Sequence[Unfit]) -> Iterator[str]:
    """What can be done about such messages."""
    kinds = {(one.channel, one.code) for one in unfit}
    if (ChannelName.SMS, "too_long") in kinds:
        yield _(
            "Shorten the text or the values named, or let the scenario do so: too_long under"
            " [channels.sms] (docs/scenarios.md)."
        )
    if (ChannelName.PHONE, "too_long") in kinds:
        yield _("Shorten the call, or leave out what a letter can say.")
