"""Made-up histories of units that wear out, as tables and in the form of C-MAPSS."""

import numpy as np

COLUMNS = ("unit", "cycle", "setting_1", "heat", "shake", "still")


def fleet(seed=0, units=12, shortest=20, longest=40):
    """Rows of (unit, cycle, setting, two sensors that tell the wear, one that stands still)."""
    rng = np.random.default_rng(seed)
    rows = []
    for unit in range(1, units + 1):
        life = int(rng.integers(shortest, longest))
        for cycle in range(1, life + 1):
            wear = np.exp((cycle - life) / 8)
            heat, shake = wear + rng.normal(0, 0.03), -2 * wear + rng.normal(0, 0.06)
            rows.append((unit, cycle, rng.integers(2), round(heat, 4), round(shake, 4), 7))
    return rows


def table(path, rows, columns=COLUMNS):
    """Writes rows as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def engine_line(unit, cycle, wear, rng):
    """One line of 26 numbers."""
    settings = (rng.normal(0, 0.002), 0.0003, 100.0)
    sensors = [round(500 + 10 * k + (5 * wear if k % 3 else 0) + rng.normal(0, 0.1), 2) for k in range(21)]
    return " ".join(f"{value:g}" for value in (unit, cycle, *settings, *sensors)) + "  "


def engines(folder, name="FD001", train=8, test=4, seed=0, lives=True):
    """Writes `train_`, `test_` and `RUL_` of a set; gives the folder."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    after = rng.integers(5, 30, test)
    for role, count in (("train", train), ("test", test)):
        lines = []
        for unit in range(1, count + 1):
            seen = int(rng.integers(12, 25))
            left = 0 if role == "train" else int(after[unit - 1])
            lines += [
                engine_line(unit, cycle, np.exp((cycle - seen - left) / 8), rng)
                for cycle in range(1, seen + 1)
            ]
        (folder / f"{role}_{name}.txt").write_text("\n".join(lines) + "\n")
    if lives:
        (folder / f"RUL_{name}.txt").write_text("".join(f"{life} \n" for life in after))
    return folder
