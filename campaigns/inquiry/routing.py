"""Who answers an inquiry, and by which branch's telephone its customer reaches people."""

from campaigns.desk import fold
from campaigns.inquiry.rules import Branch, InquiryRules, Route, Topic


def route(
    rules: InquiryRules, topic: Topic, branch: str, segment: str, default_person: str = ""
) -> Route:
    """The first route that fits; without any, whoever gets what no rule gives to anybody else.

    A route for certain branches or segments does not fit a customer of whom these are not known.
    """
    for one in rules.routes:
        if _fits(one, topic, fold(branch), segment):
            return one
    return Route(person=default_person)


def branch_of(rules: InquiryRules, branch: str, account_number: str | None) -> Branch:
    """The branch that the base names, else the one whose accounts begin like this, the longest
    beginning first. A branch that the rules do not describe has a name and nothing else."""
    wanted = fold(branch)
    if wanted:
        described = (one for one in rules.branches if fold(one.name) == wanted)
        return next(described, Branch(name=branch))
    return branch_of_account(rules, account_number) or Branch(name="")


def branch_of_account(rules: InquiryRules, account_number: str | None) -> Branch | None:
    found = [
        (len(beginning), one)
        for one in rules.branches
        for beginning in one.accounts
        if account_number and account_number.startswith(beginning)
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _fits(one: Route, topic: Topic, branch: str, segment: str) -> bool:
    return (
        (not one.topics or topic in one.topics)
        and (not one.branches or branch in {fold(name) for name in one.branches})
        and (not one.segments or segment in one.segments)
    )
