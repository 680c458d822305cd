"""A billing export to rehearse with: invented people, invented numbers, the usual mistakes."""

from pathlib import Path

BILLING_EXPORT = Path(__file__).with_name("billing-export.csv")
"""cp1251, `;`, CRLF: 1,000 recipients in eleven time zones and a dozen rows that cannot be read."""
