"""`dispatcher doctor`: what is wrong with the running system, in words, and what to do.

`reading` gathers facts, `diagnosis` judges them: the one asks everybody and decides nothing, the
other decides and asks nobody.
"""

from dispatcher.doctor.diagnosis import diagnose
from dispatcher.doctor.facts import Facts
from dispatcher.doctor.finding import Finding, Severity
from dispatcher.doctor.reading import read_facts

__all__ = ["Facts", "Finding", "Severity", "diagnose", "read_facts"]
