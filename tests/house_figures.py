"""Prints the size of the house: `python tests/house_figures.py [SOURCE] [--list]`."""

import ast
import re
import sys
from collections import Counter
from pathlib import Path

from house import PACKAGE, RULES, faults, file_of, files_below, imports, tree_of

LONG_FUNCTION = 50
ANY = re.compile(r"(: |-> )Any\b(?! \w)")  # not a sentence that begins so


def importers(source):
    """How many other files import each file; strings do not count, faces of packages are left out."""
    count = Counter(
        {file: 0 for file in files_below(source) if file.name not in ("__init__.py", "__main__.py")}
    )
    for file in files_below(source):
        named = [each.module for each in imports(file, source) if each.top == PACKAGE and not each.lazy]
        targets = {file_of(module, source) for module in named}
        count.update(target for target in targets - {file} if target in count)
    return count


def functions(source):
    """Every (lines, name, file)."""
    for file in files_below(source):
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.end_lineno - node.lineno + 1, node.name, file


def untyped(source):
    """On how many lines of each file an annotation begins with `Any`."""
    return {
        file: sum(bool(ANY.search(line)) for line in file.read_text("utf-8").splitlines())
        for file in files_below(source)
    }


def figures(source):
    """Every (name, value, goal); a goal is an upper bound."""
    files, once = files_below(source), [file for file, many in importers(source).items() if many == 1]
    yield "files", len(files), None
    yield "lines", sum(len(file.read_text("utf-8").splitlines()) for file in files), 58_800
    yield "longest file", max(len(file.read_text("utf-8").splitlines()) for file in files), 400
    # 89 of the 483 files when there were four kinds; a further kind brings its share of such files.
    yield "files with exactly one importer", len(once), 89 * len(files) // 483
    yield f"functions over {LONG_FUNCTION} lines", sum(n > LONG_FUNCTION for n, _, _ in functions(source)), 39
    yield "lines with an annotation `Any`", sum(untyped(source).values()), 249
    for rule in RULES:
        yield rule.__name__.replace("_", " "), len(faults(rule, source)), 0


def listing(source):
    """The files and functions behind the figures, line by line."""
    yield "\nfiles with exactly one importer:"
    yield from sorted(str(file.relative_to(source)) for file, many in importers(source).items() if many == 1)
    yield f"\nfunctions over {LONG_FUNCTION} lines:"
    for lines, name, file in sorted(functions(source), reverse=True):
        if lines > LONG_FUNCTION:
            yield f"{lines:4} {file.relative_to(source)}: {name}"
    yield "\nlines with an annotation `Any`:"
    for file, many in sorted(untyped(source).items(), key=lambda each: -each[1]):
        if many:
            yield f"{many:4} {file.relative_to(source)}"
    for rule in RULES:
        yield f"\n{rule.__name__}:"
        yield from map(str, faults(rule, source))


def main():
    """Prints the figures, and with `--list` what is behind them."""
    arguments = [each for each in sys.argv[1:] if each != "--list"]
    source = Path(arguments[0] if arguments else Path(__file__).parents[1] / "src" / PACKAGE).resolve()
    lines = []
    for name, value, goal in figures(source):
        verdict = "" if goal is None else f"  (goal: at most {goal})" + ("" if value <= goal else "  OVER")
        lines.append(f"{name:40} {value:6}{verdict}")
    lines += listing(source) if "--list" in sys.argv else ()
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
