"""One way to turn whatever a parser raises on damaged bytes into a `DataError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from convscope.errors import DataError

COPY_AGAIN = "Copy or download the file again; if it is whole, save it anew."
"""What to do about a file that is cut off or damaged."""


@contextmanager
def disk_as_data_error() -> Iterator[None]:
    """Turns what the disk refuses, such as a name that is too long, into a `DataError`.

    Raises:
        DataError: An `OSError` was raised inside.
    """
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise DataError(f"{where}cannot be read ({error.strerror or error})") from error


@contextmanager
def damage_as_data_error(where: str, kind: str) -> Iterator[None]:
    """Turns any exception of the parsing inside into a `DataError`.

    Parsers of binary formats raise a dozen exception types, `SyntaxError` and `struct.error` among them.

    Args:
        where: The file, as the user would look for it.
        kind: What it was taken for, such as `JPEG`.

    Raises:
        DataError: Something was raised inside; one that is a `DataError` already passes unchanged.
    """
    try:
        yield
    except DataError:
        raise
    except PermissionError:
        raise DataError(f"{where}: permission denied", hint="Check the permissions of the file.") from None
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of a package in Rust is no `Exception`
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DataError(f"{where}: truncated or damaged {kind} ({reason})", hint=COPY_AGAIN) from error
