"""Settings of the whole test run."""

from hypothesis import settings

settings.register_profile("thorough", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("project", settings.get_profile("thorough"), max_examples=50)
settings.load_profile("project")
