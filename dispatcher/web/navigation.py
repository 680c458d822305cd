"""Where one can go: the places of the menu, as far as a person's role reaches."""

from collections.abc import Sequence
from dataclasses import dataclass

from dispatcher.access.roles import Person, Right
from templates.i18n import _

_BESIDES = {"/campaigns": "/launch"}


@dataclass(frozen=True, slots=True)
class Place:
    """`besides`: another path whose pages belong here."""

    path: str
    title: str
    icon: str  # the name of a symbol in html/icons.html
    besides: str = ""

    def holds(self, path: str) -> bool:
        """Whether the page at `path` is this place, or lies behind it."""
        if path == self.path:
            return True
        roots = [one for one in (self.path, self.besides) if one.strip("/")]
        return any(path == root or path.startswith(f"{root}/") for root in roots)


def places(person: Person | None) -> Sequence[Place]:
    """The menu of a person; empty for somebody who has not come in."""
    if person is None:
        return ()
    return [
        Place(path, title, icon, _BESIDES.get(path, ""))
        for path, title, icon, right in _all()
        if person.may(right)
    ]


def _all() -> Sequence[tuple[str, str, str, Right]]:
    return (
        ("/", _("Today"), "today", Right.LOOK),
        ("/campaigns", _("Campaigns"), "campaigns", Right.LOOK),
        ("/audiences", _("Audiences"), "audiences", Right.LOOK),
        ("/scenarios", _("Scenarios"), "scenarios", Right.LOOK),
        ("/recipients", _("Recipients"), "recipients", Right.SEE_PERSONS),
        ("/inquiries", _("Inquiries"), "inquiries", Right.SEE_PERSONS),
        ("/reports", _("Reports"), "reports", Right.LOOK),
        ("/stop-list", _("Stop-list"), "stop", Right.SEE_PERSONS),
        ("/calendar", _("Calendar"), "calendar", Right.LOOK),
        ("/settings", _("Settings"), "settings", Right.ADMINISTER),
        ("/people", _("People"), "people", Right.ADMINISTER),
        ("/journal", _("Journal"), "journal", Right.ADMINISTER),
    )
