"""The header of an array as NumPy stores it, read without the array."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError


def npy_header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Reads the header of an array; the file is left at its first value.

    Args:
        file: Stands at the beginning of the array.
        where: What it is called in messages.

    Returns:
        The shape, whether the first axis is fastest, and the dtype.

    Raises:
        DataError: The header is damaged, or of another version than 1 and 2.
    """
    form: Any = npy
    with damage_as_data_error(where, "array"):
        version = form.read_magic(file)
        readers = {(1, 0): form.read_array_header_1_0, (2, 0): form.read_array_header_2_0}
        if version in readers:
            header: tuple[tuple[int, ...], bool, np.dtype[np.generic]] = readers[version](file)
            return header
    raise DataError(f"{where}: expected version 1 or 2 of the NumPy format, received {version}")
