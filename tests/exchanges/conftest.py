"""Property tests draw the same examples in every run, and a slow machine is no fault of theirs."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
