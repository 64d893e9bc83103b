"""Fuzzes all readers and saved files: `python tests/fuzz/run.py --inputs 1000000 --time 3600`.

Inputs are numbered: input 17 of a target is the same in every run with the same seed, so that a run goes on
where the last one ended. Results (counts, and each defect with its traceback) are written to a JSON file, and
the bytes of each defect beside it. `--engine atheris` follows coverage instead, for a time. A process of its
own runs each target, so that a crash or a loop without end is a defect like others.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

SECONDS = 20
"""After which an input is a loop without end."""
ATHERIS_SECONDS = 120
"""For one target at a time."""
MEMORY = 12 * 2**30
BATCH = 100


def main() -> None:
    """Runs all targets in turn, a batch of inputs each, until all inputs are done or the time is over."""
    options = _options()
    if options.target:
        _work(options)
        return
    results = _load(options.results)
    names = _names()
    unknown = sorted(set(options.only or ()) - set(names))
    if unknown:
        sys.exit(f"There is no target {', '.join(unknown)}; there are {', '.join(names)}.")
    names = options.only or names
    until = time.monotonic() + options.time
    each = -(-options.inputs // len(names))
    while time.monotonic() < until:
        left = [name for name in names if results.get(name, {}).get("inputs", 0) < each]
        if not left:
            break
        for name in left:
            if time.monotonic() < until:
                _batch(options, results, name, each)
                options.results.write_text(json.dumps(results, indent=1) + "\n")
    print(f"{sum(found['inputs'] for found in results.values()):,} inputs")  # noqa: T201
    for name, found in results.items():
        kinds = ", ".join(sorted(found["defects"])) or "no defect"
        print(f"{name}: {found['inputs']:,} inputs, {found['accepted']:,} accepted; {kinds}")  # noqa: T201
    sys.exit(any(found["defects"] for found in results.values()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="of all targets together")
    parser.add_argument("--time", type=float, default=3600, help="seconds")
    parser.add_argument("--only", nargs="*", help="names of targets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=Path("fuzz-results.json"))
    parser.add_argument("--engine", choices=("random", "atheris"), default="random")
    parser.add_argument("--target", help=argparse.SUPPRESS)
    parser.add_argument("--start", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def _load(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _names() -> list[str]:
    code = "import targets; print('\\n'.join(targets.names()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def _batch(options: argparse.Namespace, results: dict[str, Any], name: str, each: int) -> None:
    """Runs some inputs of a target in a process; a crash counts for the input at which it happened."""
    found = results.setdefault(name, {"inputs": 0, "accepted": 0, "seconds": 0.0, "defects": {}})
    size = BATCH * 100
    count = min(size, each - found["inputs"])
    arguments = {
        "--target": name,
        "--start": found["inputs"],
        "--count": count,
        "--seed": options.seed,
        "--engine": options.engine,
        "--time": options.time,
        "--results": options.results,
    }
    words = [str(word) for pair in arguments.items() for word in pair]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    said = [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]
    last = said[-1] if said else {"inputs": 0, "accepted": 0}
    found["inputs"] += last["inputs"] + (done.returncode != 0)
    found["accepted"] += last["accepted"]
    found["seconds"] = round(found["seconds"] + time.monotonic() - began, 1)
    for line in said:
        if "defect" in line:
            found["defects"].setdefault(line["defect"], {"first": line["at"], "traceback": line["traceback"]})
    if done.returncode != 0:
        at = found["inputs"] - 1
        found["defects"].setdefault(f"exit {done.returncode}", {"first": at, "traceback": ""})


def _work(options: argparse.Namespace) -> None:
    """Runs the inputs of one target and says as JSON lines how far it is."""
    sys.path.insert(0, str(Path(__file__).parent))
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with _instrumented(options.engine):
        import targets

        target = targets.target(options.target)
        assert target.accepts(target.seed), "the seed is refused"
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _too_long)
    judge = Judge(target, options, out)
    if options.engine == "atheris":
        _follow_coverage(judge, options)
        return
    for number in range(options.start, options.start + options.count):
        rng = random.Random(f"{options.seed} {target.name} {number}")
        judge(target.change(target.seed, rng))
    judge.say()


class Judge:
    """Gives inputs to a target, counts them, and keeps those that end in a defect.

    Args:
        target: What is fuzzed.
        options: Of the command.
        out: Where it says as JSON lines how far it is.
    """

    def __init__(self, target: Any, options: argparse.Namespace, out: TextIO) -> None:
        self.target, self._options, self._out = target, options, out
        self._inputs = self._accepted = 0

    def __call__(self, content: bytes) -> None:
        """Takes the next input."""
        self._inputs += 1
        try:
            signal.alarm(SECONDS)
            self._accepted += self.target.accepts(content)
        except BaseException as error:  # noqa: BLE001 - whatever it is
            text = traceback.format_exc()
            digest = hashlib.sha256(content).hexdigest()[:12]
            (self._options.results.parent / f"defect-{self.target.name}-{digest}").write_bytes(content)
            at = self._options.start + self._inputs - 1
            self.say({"defect": _named(error), "at": at, "traceback": text[-3000:]})
        finally:
            signal.alarm(0)
        if self._inputs % BATCH == 0:
            self.say()

    def say(self, more: Mapping[str, Any] | None = None) -> None:
        """Says how many inputs there were and how many were accepted."""
        line = {**(more or {}), "inputs": self._inputs, "accepted": self._accepted}
        print(json.dumps(line), file=self._out, flush=True)


@contextmanager
def _instrumented(engine: str) -> Iterator[None]:
    """Within it, atheris prepares the modules of the package that are imported to tell what they reach."""
    if engine != "atheris":
        yield
        return
    import atheris

    with atheris.instrument_imports(include=["convscope"]):
        yield


def _too_long(*_: object) -> None:
    raise TimeoutError(f"no end after {SECONDS} s")


def _named(error: BaseException) -> str:
    """The exception and the line of the package from which it came."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "convscope" in frame.filename and "fuzz" not in frame.filename]
    where = f"{Path(own[-1].filename).name}:{own[-1].name}" if own else "?"
    return f"{type(error).__name__} in {where}"


def _follow_coverage(judge: Judge, options: argparse.Namespace) -> None:
    """Lets atheris, which has to be installed, look for inputs that reach new lines of the package."""
    import atheris

    corpus = options.results.parent / f"corpus-{judge.target.name}"
    corpus.mkdir(exist_ok=True)
    (corpus / "seed").write_bytes(judge.target.seed)
    limits = [f"-max_total_time={min(int(options.time), ATHERIS_SECONDS)}", f"-runs={options.count}"]
    atheris.Setup([sys.argv[0], str(corpus), "-max_len=20000", *limits], judge)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
