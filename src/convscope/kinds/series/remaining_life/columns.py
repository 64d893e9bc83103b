"""What the columns of tables of units are usually called."""

from __future__ import annotations

from collections.abc import Sequence

from convscope.data.columns import find_column

_UNITS = (
    *("unit", "unit_id", "unit_nr", "unit_no", "unit_number", "unitid", "engine", "engine_id", "engine_no"),
    *("engine_nr", "engine_number", "machine", "machine_id", "machineid", "asset", "asset_id", "bearing"),
    *("battery", "battery_id"),
)
_CYCLES = (
    *("cycle", "cycles", "cycle_number", "cycle_no", "cycle_nr", "cycle_index", "time_cycles"),
    *("time_in_cycles", "timecycles", "operating_hours"),
)
_LIVES = (
    *("rul", "remaining_life", "remaining_useful_life", "remaining_cycles", "cycles_to_failure"),
    *("time_to_failure", "ttf"),
)
UNIT_COLUMNS = (*_UNITS, "device", "device_id", "serial", "serial_number", "cell", "cell_id", "id")
"""Whose row it is; the last ones mean it only where the rest of the table is known to be of units."""
CYCLE_COLUMNS = (*_CYCLES, "hours")
"""When the row was measured."""
LIFE_COLUMNS = (*_LIVES, "life")
"""How long the unit lived after the row."""
CONDITION_PREFIXES = ("setting", "op_setting", "operational_setting", "op_cond", "condition")
"""How the columns begin that say how a unit was operated."""


def unit_column_of(names: Sequence[str]) -> str | None:
    """The column of units, in a table that also counts their cycles or tells their lives.

    Args:
        names: Of its columns.

    Returns:
        None of any other table.

    Example:
        >>> unit_column_of(["Engine", "cycle", "T24"]), unit_column_of(["id", "text", "label"])
        ('Engine', None)
    """
    unit, counted = find_column(names, _UNITS), find_column(names, (*_CYCLES, *_LIVES))
    return None if unit is None or counted is None else names[unit]
