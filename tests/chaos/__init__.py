"""A town of real processes, things that go wrong in it, and the books afterwards.

`python -m tests.chaos storm` and `python -m tests.chaos many`; see docs/survival.md.
"""
