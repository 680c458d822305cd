"""Roles of the staff, and what each may do: one table, asked by every page."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from templates.i18n import _


class Role(StrEnum):
    READER = "reader"
    EDITOR = "editor"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    LOOK = "look"  # campaigns, figures, lists; contact points and names are masked
    SEE_PERSONS = "see_persons"  # who the customers are, and what was said to them
    EDIT = "edit"  # audiences, scenarios, the stop-list, the calendar, inquiries
    LAUNCH = "launch"  # ask for a launch; pause, resume and cancel
    EXPORT = "export"  # take personal data out, which the journal notes
    APPROVE = "approve"  # what somebody else asked for
    ADMINISTER = "administer"  # people, keys, webhooks, settings, the journal


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.READER: frozenset({Right.LOOK}),
    Role.EDITOR: frozenset({Right.LOOK, Right.SEE_PERSONS, Right.EDIT, Right.LAUNCH, Right.EXPORT}),
    Role.APPROVER: frozenset(
        {Right.LOOK, Right.SEE_PERSONS, Right.EDIT, Right.LAUNCH, Right.EXPORT, Right.APPROVE}
    ),
    Role.ADMINISTRATOR: frozenset(Right),
}


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff who has come in. `login` is who stands in the journal."""

    id: int
    login: str
    name: str
    role: Role
    language: str

    def may(self, right: Right) -> bool:
        return right in RIGHTS[self.role]


def right_title(right: Right) -> str:
    """What a right allows, in the words of the screen."""
    return {
        Right.LOOK: _("see campaigns, lists and figures; customers are masked"),
        Right.SEE_PERSONS: _("see who the customers are, and what was said to them"),
        Right.EDIT: _("change lists, scenarios, the stop-list, the calendar; answer inquiries"),
        Right.LAUNCH: _("ask for launches; pause, resume and cancel campaigns"),
        Right.EXPORT: _("take data out as files, which the journal notes"),
        Right.APPROVE: _("approve the large launches that somebody else asks for"),
        Right.ADMINISTER: _("people, keys of other systems, settings, the journal"),
    }[right]


def role_title(role: Role) -> str:
    """A role in the words of the screen."""
    return {
        Role.READER: _("reader"),
        Role.EDITOR: _("editor"),
        Role.APPROVER: _("approver"),
        Role.ADMINISTRATOR: _("administrator"),
    }[role]
