"""Series brought to times that are one step apart, so that rows are comparable steps.

| what the times are | what happens |
|---|---|
| apart by the median step, within a tenth of it | rows stay as they are |
| irregular | linear interpolation at multiples of the median step, said |
| a gap of up to ten steps | filled by interpolation, said |
| a longer gap | missing (NaN), said |
| a grid of far more rows than there were | `DataError` |
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.series.readers.sources import Series

LONGEST_GAP = 10
"""Steps of a gap that are filled by interpolation at most."""
JITTER = 0.1
"""Share of a step by which times of a regular series may be off."""

_MOST_GROWTH = 20
_FEW = 10_000


def median_step(series: Series) -> int | None:
    """The median of the steps between the times of a series, in nanoseconds; None where there are none."""
    if series.times is None:
        return None
    steps = np.diff(np.unique(series.times.astype(np.int64)))
    return int(np.median(steps)) if len(steps) else None


def regular(
    series: Series, longest_gap: int = LONGEST_GAP, step: int | None = None
) -> tuple[Series, tuple[str, ...]]:
    """Brings a series to times that are one step apart.

    Args:
        series: With times in order; without times, rows are taken to be regular.
        longest_gap: Steps of a gap that are filled by interpolation at most.
        step: In nanoseconds; by default the median of the steps between the rows.

    Returns:
        The series on the grid, and one line for each thing that was done; a regular one as it is.

    Raises:
        DataError: The grid would have far more rows than there are, because the steps are so different.
    """
    if series.times is None or len(series) < 2:
        return series, ()
    at = series.times.astype(np.int64)
    notes: list[str] = []
    values = series.values
    if np.any(np.diff(at) == 0):
        at, values = _merged(at, values)
        notes.append(f"time: {len(series) - len(at)} rows with a repeated time, averaged")
    steps = np.diff(at)
    if not len(steps):
        return Series(values, series.variables, at.astype("datetime64[ns]")), tuple(notes)
    step = step or int(np.median(steps))
    if np.all(np.abs(steps - step) <= JITTER * step):
        return Series(values, series.variables, at.astype("datetime64[ns]")), tuple(notes)
    count = int((at[-1] - at[0]) // step) + 1
    if count > max(_FEW, _MOST_GROWTH * len(at)):
        over = span_text(int(at[-1] - at[0]))
        raise DataError(
            f"a series of {len(at)} rows, mostly {span_text(step)} apart, spans {over}",
            hint="Split it at its longest gaps.",
        )
    grid = at[0] + step * np.arange(count)
    made = np.stack(
        [_interpolated(at, values[:, k], grid, step * longest_gap) for k in range(values.shape[1])], axis=1
    )
    notes.append(f"time: irregular, resampled to steps of {span_text(step)} by interpolation")
    longest = int(np.sum(steps > longest_gap * step * (1 + JITTER)))
    short = int(np.sum(steps > (1 + JITTER) * step)) - longest
    if short:
        notes.append(f"time: {short} gaps of up to {longest_gap} steps, filled by interpolation")
    if longest:
        notes.append(f"time: {longest} gaps of more than {longest_gap} steps, marked as missing")
    return Series(made, series.variables, grid.astype("datetime64[ns]")), tuple(notes)


def _merged(
    at: npt.NDArray[np.int64], values: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Each time once, with the mean of what stands there; missing where nothing does."""
    unique, place = np.unique(at, return_inverse=True)
    there = ~np.isnan(values)
    sums = np.zeros((len(unique), values.shape[1]))
    counts = np.zeros_like(sums)
    np.add.at(sums, place, np.where(there, values, 0))
    np.add.at(counts, place, there)
    with np.errstate(invalid="ignore"):
        return unique, (sums / np.where(counts, counts, np.nan)).astype(np.float32)


def _interpolated(
    at: npt.NDArray[np.int64], values: npt.NDArray[np.float32], grid: npt.NDArray[np.int64], longest: int
) -> npt.NDArray[np.float32]:
    """Between the two values around each place; NaN where these are too far apart, or one is missing."""
    known = ~np.isnan(values)
    if not np.any(known):
        return np.full(len(grid), np.nan, np.float32)
    # Counted from the first, so that times keep their nanoseconds as floating-point numbers.
    places, wanted = (at[known] - at[0]).astype(np.float64), (grid - at[0]).astype(np.float64)
    made = np.interp(wanted, places, values[known], left=np.nan, right=np.nan)
    after = np.clip(np.searchsorted(places, wanted), 1, max(len(places) - 1, 1))
    if len(places) > 1:
        exact = places[np.searchsorted(places, wanted).clip(0, len(places) - 1)] == wanted
        apart = places[after] - places[after - 1]
        made[(apart > longest * (1 + JITTER)) & ~exact] = np.nan
    found: npt.NDArray[np.float32] = made.astype(np.float32)
    return found


def span_text(nanoseconds: int) -> str:
    """A duration in words, such as `5 min`.

    Example:
        >>> span_text(90 * 10**9), span_text(250 * 10**6)
        ('1.5 min', '0.25 s')
    """
    seconds = nanoseconds / 1e9
    for unit, length in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
