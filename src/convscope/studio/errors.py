"""What goes wrong with a question of the page."""

from __future__ import annotations

from convscope.errors import UsageError


class UnknownIdError(UsageError):
    """An id that nothing on the page has."""

    def __init__(self, what: str, given: str) -> None:
        super().__init__(f"No {what} has the id '{given[:60]}'.", "Reload the page.")


class BadParameterError(UsageError):
    """A parameter of an address that cannot be."""

    def __init__(self, name: str, expected: str, given: str) -> None:
        super().__init__(f"'{name}' must be {expected}. Received: {given[:60]!r}.")
