"""A world to rehearse in: local servers that speak the providers' real protocols."""

from channels.sandbox.journal import Taken
from channels.sandbox.patterns import Fate, Patterns, load_patterns
from channels.sandbox.sandbox import Sandbox

__all__ = ["Fate", "Patterns", "Sandbox", "Taken", "load_patterns"]
