"""Makes `tests/` importable, so that every folder below can use `tiny`, and makes hypothesis repeatable."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, max_examples=25)
settings.load_profile("repeatable")
