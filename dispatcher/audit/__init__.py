"""The audit: the books of a campaign, proved from their rows.

Nothing here asks the engine what it did or decides as it decides. Each rule is computed anew from
what stands in the ledger, so that a fault of the engine, a restored backup or a hand in the
database shows. Attempts are read once, as a stream; memory does not grow with their number.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import batched  # noqa: F401

from campaigns.permission import Rulebook
from dispatcher.audit import attempt_rules, customer_rules, delivery_rules
from dispatcher.audit.attempt_rules import AttemptRule, Standard
from dispatcher.audit.findings import AuditResult, Check, Finding, Rule
from dispatcher.ledger import Transaction, books, campaigns, scenarios
from dispatcher.ledger.books import Entry
from templates.i18n import _

__all__ = ["AuditResult", "Check", "Finding", "examine"]
