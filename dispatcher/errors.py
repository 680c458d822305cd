"""The errors a member of staff can act on. Each carries fields, not only text.

Outcomes of messages are values (`campaigns.outcome`), never exceptions. Problems in somebody's
file are `templates.problem.Refused`. What is left is here: a bad setting, something that is not
there, an act that is not possible now, a service that is away.
"""

from templates.i18n import _


class DispatcherError(Exception):
    """Something a person must mend; `exit_code` follows the CLI's rule (2: bad use or input)."""

    exit_code = 2


class BadSetting(DispatcherError):
    def __init__(self, name: str, advice: str) -> None:
        self.name = name
        self.advice = advice
        super().__init__(_("Setting {name}: {advice}").format(name=name, advice=advice))


class NotFound(DispatcherError):
    """No such scenario, audience or campaign."""

    def __init__(self, what: str, key: str, known: tuple[str, ...] = ()) -> None:
        self.what = what
        self.key = key
        text = _("There is no {what} “{key}”.").format(what=what, key=key)
        if known:
            text += " " + _("Known: {names}.").format(names=", ".join(known[:20]))
        super().__init__(text)


class NotPossible(DispatcherError):
    """The act is understood but not possible in the present state."""


class Busy(DispatcherError):
    """As much of this is under way as the machine bears; a little later there is room again."""

    exit_code = 1


class AlreadyRunning(DispatcherError):
    """Another process already works on the embedded ledger."""

    def __init__(self, path: str) -> None:
        super().__init__(
            _(
                "Another dispatcher already runs on {path}. Stop it first, or set "
                "DISPATCHER_DATABASE_URL and DISPATCHER_REDIS_URL to run several processes."
            ).format(path=path)
        )


class LedgerAway(DispatcherError):
    """The database did not answer for longer than we are ready to wait."""

    exit_code = 1

    def __init__(self) -> None:
        super().__init__(
            _("The database does not answer. Nothing is lost; try again when it is back.")
        )
