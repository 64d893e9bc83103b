"""The source as a house: what each file imports, and the rules that `test_architecture.py` holds it to."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PACKAGE = "convscope"
ROOMS = (
    ("cli", "studio"),
    (PACKAGE,),
    ("api",),
    ("features",),
    ("workflows",),
    ("kinds",),
    ("engine", "lenses"),
    ("data", "models"),
    ("layers",),
    ("scope",),
    ("ground",),
)
GROUND = {
    "types",
    "errors",
    "run",
    "files",
    "kept",
    "backend",
    "lazy",
    "option",
    "json_values",
    "phrasing",
    "csv_text",
    "layer_names",
}
LEVEL = {room: level for level, line in enumerate(ROOMS) for room in line}
INSIDE_KINDS = {"registry": 0, "kind": 1, "tasks": 2, "contract": 3}
KINDS = ("image", "text", "series", "audio", "graph", "volume", "video", "points")
BACKENDS = {"tensorflow", "jax", "torch"}
EXPORT, GRADIENTS = Path("engine/export.py"), Path("scope/differentiate.py")
LONGEST_FILE = 400


@dataclass(frozen=True, order=True)
class Fault:
    """One place that breaks a rule."""

    file: str
    line: int
    what: str
    more: str = ""

    def __str__(self):
        return f"{self.file}:{self.line}: {self.what}" + (f": {self.more}" if self.more else "")


@dataclass(frozen=True)
class Import:
    """A module that a file imports: at its top, in a function, for type checkers alone, or by a string."""

    line: int
    module: str
    for_types: bool = False
    lazy: bool = False

    @property
    def top(self):
        return self.module.split(".")[0]


@lru_cache(maxsize=4096)
def tree_of(file):
    return ast.parse(file.read_text("utf-8"))


def files_below(source):
    return sorted(file for file in source.rglob("*.py") if "__pycache__" not in file.parts)


def module_name(file, source):
    parts = (PACKAGE, *file.relative_to(source).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def file_of(module, source):
    """The file of a module of the package; None where there is none."""
    place = source.joinpath(*module.split(".")[1:])
    candidates = (place / "__init__.py", place.with_suffix(".py") if place != source else place)
    return next((file for file in candidates if file.is_file()), None)


def only_for_types(tree):
    """The nodes below `if TYPE_CHECKING:`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            found.update(id(inner) for each in node.body for inner in ast.walk(each))
    return found


def docstrings(tree):
    """Every string that stands alone as a statement."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


@lru_cache(maxsize=4096)
def imports(file, source) -> tuple[Import, ...]:
    """Everything that a file imports, by whatever means can be read from its text; read once."""
    return tuple(imports_in(file, source))


def imports_in(file, source) -> Iterator[Import]:
    """The same, found anew."""
    module, tree = module_name(file, source), tree_of(file)
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    typed, told = only_for_types(tree), docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, id(node) in typed)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                inside = base.split(".")[0] == PACKAGE and file_of(deeper, source)
                yield Import(node.lineno, deeper if inside else base, id(node) in typed)
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            first = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
            if isinstance(first, ast.Constant):
                yield Import(node.lineno, str(first.value).rstrip("."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            named = node.value.partition(":")[0]
            if named.startswith(f"{PACKAGE}.") and named.replace(".", "").replace("_", "").isalnum():
                yield Import(node.lineno, named, lazy=True)


def _called(node):
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def room_of(module):
    """The room of a module such as `convscope.engine.training.fit`; an unknown one gives its own name."""
    parts = module.split(".")
    if len(parts) == 1:
        return PACKAGE
    return "cli" if parts[1] == "__main__" else "ground" if parts[1] in GROUND else parts[1]


def kind_of(module, source):
    """The kind in whose folder a module lies; None for shared rooms."""
    parts = module.split(".")
    if len(parts) < 3 or parts[1] != "kinds" or parts[2] in ("tasks", "contract"):
        return None
    return parts[2] if (source / "kinds" / parts[2]).is_dir() else None


def inside_kinds(module, source):
    """Where in `kinds` a module stands: registry, kind, tasks or contract."""
    part = ".".join(module.split(".")[2:3])
    return "kind" if kind_of(module, source) else part if part in ("tasks", "contract") else "registry"


def shared_files(source):
    return [file for file in files_below(source) if kind_of(module_name(file, source), source) is None]


def fault(file, source, line, what, more=""):
    return Fault(file.relative_to(source).as_posix(), line, what, more)


def faults(rule, source):
    """What breaks a rule, each place once, in order."""
    return sorted(set(rule(source)))


def wrong_arrows(source):
    """Imports that point up or sideways, or at a room that the house does not have."""
    for file in files_below(source):
        module = module_name(file, source)
        here = room_of(module)
        for each in imports(file, source):
            if each.top != PACKAGE or each.lazy:
                continue
            there = room_of(each.module)
            known = here in LEVEL and there in LEVEL
            if not known or (here != there and LEVEL[there] <= LEVEL[here]):
                yield fault(file, source, each.line, f"{here} -> {there}")
            elif here == there == "kinds":
                above, below = inside_kinds(module, source), inside_kinds(each.module, source)
                if INSIDE_KINDS[below] < INSIDE_KINDS[above]:
                    yield fault(file, source, each.line, f"kinds: {above} -> {each.module}")


def shared_rooms_that_import_a_kind(source):
    """Imports of a kind's folder from outside; the registry names kinds by strings, and nobody else does."""
    registry = source / "kinds" / "registry.py"
    for file in shared_files(source):
        for each in imports(file, source):
            kind = each.top == PACKAGE and kind_of(each.module, source)
            if kind and not (each.lazy and file == registry):
                yield fault(file, source, each.line, f"-> kinds.{kind}")


def kinds_that_import_others(source):
    """Files of one kind that import another kind; what two need lies in a shared room."""
    for file in files_below(source / "kinds"):
        mine = kind_of(module_name(file, source), source)
        for each in imports(file, source):
            other = mine and each.top == PACKAGE and kind_of(each.module, source)
            if other and other != mine:
                yield fault(file, source, each.line, f"-> kinds.{other}")


def graph_of(source):
    """From each file to the files that it imports, those for type checkers alone left out."""
    return {
        file: {
            target
            for each in imports(file, source)
            if each.top == PACKAGE and not each.for_types and not each.lazy
            if (target := file_of(each.module, source)) is not None and target != file
        }
        for file in files_below(source)
    }


def way_back(graph, start):
    """The shortest circle of imports through a file, itself at both ends; empty where there is none."""
    ways, paths = {start}, [(start,)]
    for path in paths:
        for file in sorted(graph[path[-1]]):
            if file == start:
                return (*path, start)
            if file not in ways:
                ways.add(file)
                paths.append((*path, file))
    return ()


def import_circles(source):
    """Files that import themselves by way of others, wherever in the files the imports stand."""
    graph = graph_of(source)
    for file in graph:
        circle = " -> ".join(each.relative_to(source).as_posix() for each in way_back(graph, file))
        if circle:
            yield fault(file, source, 1, "in an import circle", circle)


def stray_backends(source):
    """Imports of a backend outside of its file in the engine, the export, and the gradients of the scope."""
    for file in files_below(source):
        place = file.relative_to(source)
        at_home = {place.stem} if place.parts[0] == "engine" and place.stem in BACKENDS else set()
        at_home = BACKENDS if place in (EXPORT, GRADIENTS) else at_home
        for each in imports(file, source):
            if each.top in BACKENDS - at_home:
                yield fault(file, source, each.line, f"-> {each.top}")


def reads_data(place):
    """Whether a file only reads: `data/`, and of a kind its readers, its detection and its list."""
    in_kind = place.parts[0] == "kinds" and (
        "readers" in place.parts or place.name in ("reader.py", "detect.py", "kind.py")
    )
    return place.parts[0] == "data" or in_kind


def keras_in_readers(source):
    for file in files_below(source):
        for each in imports(file, source) if reads_data(file.relative_to(source)) else ():
            if each.top == "keras" and not each.for_types:
                yield fault(file, source, each.line, "-> keras")


def long_files(source):
    for file in files_below(source):
        lines = len(file.read_text("utf-8").splitlines())
        if lines > LONGEST_FILE:
            yield fault(file, source, lines, "is too long")


def classes_of_one_name(source):
    """Public classes whose name stands in another room, or another kind, as well."""
    places = defaultdict(list)
    for file in files_below(source):
        module = module_name(file, source)
        room = kind_of(module, source) or room_of(module)
        for node in tree_of(file).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append((room, file, node.lineno))
    for name, found in places.items():
        if len({room for room, _, _ in found}) > 1:
            yield from (fault(file, source, line, f"class {name}") for _, file, line in found)


def names_a_kind(node):
    """The kinds whose names stand in an expression, as such or at the head of a recipe's name."""
    strings = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
    heads = {str(each).partition("-")[0] for each in strings if isinstance(each, str)}
    return sorted(heads & set(KINDS))


def branches(tree):
    """Every (line, subject, cases): comparisons, matches, tables, beginnings of strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            yield node.lineno, ast.unparse(node), node
        elif isinstance(node, ast.Match):
            for case in node.cases:
                yield case.pattern.lineno, ast.unparse(node.subject), case.pattern
        elif isinstance(node, ast.Call) and _called(node) in ("startswith", "endswith", "get", "pop"):
            yield node.lineno, ast.unparse(node), node
        elif isinstance(node, ast.Dict):
            keys = [key for key in node.keys if isinstance(key, ast.Constant) and key.value in KINDS]
            if len(keys) > 1:
                yield node.lineno, "kind", ast.List([*keys])


def branches_on_a_kind(source):
    """Decisions by a kind's name in shared rooms.

    A word such as `text` is a kind's name where the decision is about something called a kind or a recipe;
    a name of a recipe always is; a table with two kinds among its keys is one as well.
    """
    for file in shared_files(source):
        for line, subject, cases in branches(tree_of(file)):
            names = names_a_kind(cases)
            recipes = [f"{name}-" for name in names if f"'{name}-" in ast.unparse(cases)]
            about = any(word in subject.lower() for word in ("kind", "recipe"))
            if names and (about or recipes):
                yield fault(file, source, line, f"branches on {', '.join(names)}")


def mentions(source, word):
    """Strings and names in shared rooms of which a kind's name is a word, docstrings left out."""
    for file in shared_files(source):
        if file.relative_to(source) == Path("kinds/registry.py"):
            continue
        tree = tree_of(file)
        told = docstrings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                said = node.value
            else:
                said = next(
                    (getattr(node, at) for at in ("id", "attr", "arg", "name") if hasattr(node, at)), ""
                )
            words = "".join(c if c.isalnum() else " " for c in str(said or "")).lower().split()
            if word in words:
                yield fault(file, source, getattr(node, "lineno", 1), f"says {str(said)[:60]!r}")


def sound_in_shared_rooms(source):
    """What shared rooms say of one kind: a new one changes none of them, so that none may name one."""
    yield from mentions(source, "audio")


def pass_through_modules(source):
    """Modules that only import and list what others have; a package's own face excepted."""
    for file in files_below(source):
        body = [node for node in tree_of(file).body if not isinstance(node, ast.Expr)]
        plain = all(
            isinstance(node, ast.Import | ast.ImportFrom) or "__all__" in ast.unparse(node) for node in body
        )
        if plain and file.name not in ("__init__.py", "__main__.py"):
            yield fault(file, source, 1, "only passes through")


RULES = (
    wrong_arrows,
    shared_rooms_that_import_a_kind,
    kinds_that_import_others,
    import_circles,
    stray_backends,
    keras_in_readers,
    long_files,
    classes_of_one_name,
    branches_on_a_kind,
    sound_in_shared_rooms,
    pass_through_modules,
)
