"""A day on which invented inquiries are registered."""

from datetime import date

TODAY = date(2026, 11, 23)  # a Monday
