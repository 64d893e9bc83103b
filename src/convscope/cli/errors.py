"""Messages for errors, with what the user may have meant: by meaning first, then by spelling."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from cyclopts import (
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from convscope.errors import ConvscopeError

MEANINGS = {
    "learning-rate": "lr alpha step-size max-lr base-lr lr0 initial-lr learn-rate",
    "batch-size": "bs batch batches mini-batch minibatch-size per-device-train-batch-size",
    "epochs": "epoch num-epochs n-epochs nb-epoch max-epochs num-train-epochs iterations steps",
    "size": "img-size image-size imgsz img resolution input-size resize height width target-size image",
    "weight-decay": "wd decay l2 adamw",
    "clip-norm": "clip gradient-clip grad-clip clipnorm max-grad-norm gradient-clipping global-clipnorm",
    "schedule": "scheduler lr-schedule lr-scheduler learning-rate-schedule",
    "warmup": "warmup-ratio warmup-steps warmup-epochs",
    "averaging": "ema swa weight-averaging ema-decay",
    "label-smoothing": "smoothing smooth",
    "patience": "early-stopping early-stop earlystopping",
    "augmentation": "augment aug data-augmentation augmentations randaugment",
    "mixing": "mixup cutmix mix mixup-alpha",
    "class-weights": "class-weight balanced balance weighted",
    "precision": "dtype mixed-precision amp fp16 bf16 half",
    "seed": "random-seed random-state rng manual-seed",
    "tensorboard": "log-dir logdir tb logging",
    "architecture": "arch model net network backbone model-name",
    "recipe": "task kind problem type",
    "out": "output output-dir save-dir to outdir destination target-dir project save run",
    "resume": "continue checkpoint ckpt restore",
    "flip": "horizontal-flip hflip random-flip",
    "erase": "cutout random-erasing random-erase",
    "mirror": "tta test-time-augmentation",
    "kernel-size": "kernel filter-size ksize kernels",
    "depth": "layers num-layers n-layers blocks num-blocks",
    "filters": "channels num-filters n-filters",
    "dropout": "drop drop-rate dropout-rate",
    "pooling": "pool-type",
    "vocabulary": "vocab vocab-size vocabulary-size max-tokens max-words num-words",
    "max-length": "max-len maxlen seq-len sequence-length max-seq-length max-sequence-length",
    "embedding": "embedding-dim emb-dim embed-dim embedding-size",
    "vectors": "embeddings glove word2vec fasttext pretrained",
    "unit": "tokenizer tokens",
    "text-column": "text text-col x",
    "label-column": "label labels y label-col class-column target-column",
    "time-column": "time timestamp date-column timestamp-column date",
    "beam": "beam-size num-beams beam-width",
    "rate": "sample-rate sampling-rate sr samplerate",
    "seconds": "duration clip-length",
    "window": "window-size lookback history",
    "format": "output-format fmt form",
    "layer": "layers layer-name layer-names",
    "method": "attribution algorithm technique",
    "target": "class class-index label target-class",
    "channels": "filters num-channels",
    "theme": "dark style",
    "color": "colour color-by hue c",
    "count": "k n top neighbors num-neighbors n-neighbors",
    "pool": "pooling aggregation reduce",
    "trust": "unsafe trust-remote-code allow-code safe-mode",
    "code": "custom-objects import module",
    "input-shape": "shape input-size",
    "classes": "num-classes n-classes",
    "split": "splits subset",
    "part-size": "chunk-size shard-size",
}
"""Options and what other tools call them."""


def meant(flag: str, known: Iterable[str]) -> list[str]:
    """The options that a user may have meant, at most two.

    Args:
        flag: As it was typed, such as `--lr=0.1`.
        known: The options that there are, such as `--learning-rate`.

    Example:
        >>> meant("--lr", ["--learning-rate", "--epochs"])
        ['--learning-rate']
    """
    word = flag.partition("=")[0].lstrip("-").replace("_", "-").lower()
    names = sorted({name.lstrip("-") for name in known})
    same = [name for name in names if word in MEANINGS.get(name, "").split()]
    near = same or difflib.get_close_matches(word, names, n=2, cutoff=0.7)
    longer = near or [name for name in names if len(word) > 2 and name.startswith(word)]
    return [f"--{name}" for name in longer[:2]]


def explained(error: BaseException, commands: Mapping[str, Iterable[str]]) -> tuple[str, str, int]:
    """What is wrong, what to do, and the exit code.

    Args:
        error: What a command raised.
        commands: Every command with what other tools call it.
    """
    if isinstance(error, ConvscopeError):
        return error.message, error.hint, error.exit_code
    return _misused(error, commands) if isinstance(error, CycloptsError) else (*_failed(error), 1)


def _failed(error: BaseException) -> tuple[str, str]:
    """What is wrong and what to do, where something failed that is no error of the package."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}.", "--debug shows the traceback."
    if isinstance(error, MemoryError):
        return "There is not enough memory.", "Use less data, or a smaller batch or part size."
    first = str(error).strip().partition("\n")[0][:200]
    return (
        f"An internal error occurred ({type(error).__name__}: {first}).",
        "This is a defect of convscope. --debug shows the traceback; please report it.",
    )


def _misused(error: CycloptsError, commands: Mapping[str, Iterable[str]]) -> tuple[str, str, int]:
    """As `explained`, where the words of the command line cannot be understood."""
    command = " ".join(getattr(error, "command_chain", None) or ())
    listing = f"`convscope {command} --help` lists the options of {command}."
    if not command:
        listing = "`convscope --help` lists the commands."
    if isinstance(error, UnknownCommandError):
        word = (error.unused_tokens or [""])[0]
        near = _commands_like(word, commands)
        hint = f"Did you mean {' or '.join(near)}?" if near else listing
        return f"There is no command '{word}'.", hint, 2
    if isinstance(error, UnknownOptionError):
        flag = error.token.keyword or error.token.value
        known = [name for each in error.argument_collection if each.parse for name in each.names]
        near = meant(flag, known)
        hint = f"Did you mean {' or '.join(near)}?" if near else listing
        return f"{command} has no option {flag}.", hint, 2
    if isinstance(error, UnusedCliTokensError):
        return f"{command} does not take '{(error.unused_tokens or [''])[0]}'.", listing, 2
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        name = error.argument.name
        return (f"{name} needs a value." if error.keyword else f"{command} needs {name}."), listing, 2
    return str(error), listing, 2


def _commands_like(word: str, commands: Mapping[str, Iterable[str]]) -> list[str]:
    """Commands that other tools call so, or else those of similar spelling."""
    same = [name for name, synonyms in commands.items() if word in synonyms]
    return same or difflib.get_close_matches(word, commands, n=2)
