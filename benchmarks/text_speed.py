"""Speed on text: training `text_cnn`, tagging with `dilated_tagger`, and translating with `conv_seq2seq`.

Every contender has the same layers of the same sizes, texts of the same lengths (drawn once, as long as
sentences are: 5 to 50 words), and a process of its own; contenders take turns in every round, and the median
of the rounds is reported. Padding does not count: words are words of the texts.

- Training: convscope's own loop; plain Keras `fit` in float32 on texts that are all padded to one length, as
  its guides do; PyTorch eager and compiled, float32 and bfloat16, with batches of about one length.
- Tagging: sentences a second from ids to the best sequence of tags, Viterbi included; convscope gives the
  probability of each tag besides, in the precision that a training by default leaves the model in.
- Translating: sentences a second of beam 5 at batch 64, with decoding states kept and with every prefix
  computed again; PyTorch with the same weights, kept states and search, whose translations in float32 are
  checked to be the same. The weights are random: a translation ends at its limit, the same for all.

    python benchmarks/text_speed.py [--rounds 3] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results
from text_peers import TorchTagger, TorchTextCNN, viterbi
from turns import fresh, medians

BATCH = 50
STEPS, WARM_UP = 60, 15
VOCABULARY, TAGS, CHARACTERS = 20_000, 17, 100
SENTENCES = 1_500
TRANSLATED = 128
TORCH = [
    f"{precision}-{mode}"
    for precision, mode in itertools.product(("float32", "bfloat16"), ("eager", "compiled"))
]


def texts(count: int):
    """Rows of random ids, 5 to 50 of them, and a label for each."""
    from convscope.data.token_rows import TokenRows

    rng = np.random.default_rng(0)
    lengths = np.clip(rng.gamma(4.0, 5.0, count).astype(int), 5, 50)
    return TokenRows.of([rng.integers(2, VOCABULARY, n) for n in lengths]), rng.integers(0, 2, count)


def by_length(rows, size: int):
    """Positions of batches of about one length, in random order."""
    order = np.argsort(rows.lengths, kind="stable")
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[i] for i in np.random.default_rng(1).permutation(len(batches))]


def rate(moments: list[float], words: list[int]) -> float:
    """Words a second after the warm-up."""
    return sum(words[WARM_UP:]) / (moments[-1] - moments[WARM_UP - 1])


def clock(moments: list[float]):
    """A Keras callback that notes when each step ends."""
    import keras

    def note(batch, logs):
        moments.append(time.perf_counter())

    return keras.callbacks.LambdaCallback(on_train_batch_end=note)


def train_convscope(_: str) -> float:
    from convscope.engine.device import choose_device
    from convscope.engine.training.batches import Batches
    from convscope.engine.training.class_examples import ClassExamples
    from convscope.engine.training.fit import fit
    from convscope.engine.training.settings import FitSettings
    from convscope.kinds.registry import build

    rows, labels = texts(STEPS * BATCH)
    examples = ClassExamples(rows, lambda ids: ids, labels, 2)

    moments: list[float] = []
    watch = clock(moments)
    feed = Batches(examples, BATCH)
    words = [int(np.count_nonzero(ids)) for ids, _ in itertools.islice(feed.shuffled(0), feed.steps)]
    settings = FitSettings(epochs=1, batch_size=BATCH)
    with tempfile.TemporaryDirectory() as folder:
        small = Batches(ClassExamples(texts(BATCH)[0], lambda ids: ids, labels[:BATCH], 2), BATCH)
        fit(
            lambda: build("text_cnn", (None,), 2),
            feed,
            small,
            settings,
            choose_device(settings.precision),
            Path(folder),
            [watch],
        )
    return rate(moments, words)


def train_keras(_: str) -> float:
    import keras

    from convscope.kinds.registry import build

    rows, labels = texts(STEPS * BATCH)
    model = build("text_cnn", (None,), 2)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    moments: list[float] = []
    watch = clock(moments)
    x = rows.take(np.arange(len(rows)))
    y = keras.utils.to_categorical(labels, 2)
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0, shuffle=False, callbacks=[watch])
    words = [int(rows.lengths[start : start + BATCH].sum()) for start in range(0, len(rows), BATCH)]
    return rate(moments, words)


def train_torch(variant: str) -> float:
    import torch

    precision, mode = variant.split("-")
    torch.set_num_threads(os.cpu_count() or 1)
    rows, labels = texts(STEPS * BATCH)
    model = TorchTextCNN(VOCABULARY, 2)
    forward = torch.compile(model, dynamic=True) if mode == "compiled" else model
    optimizer = torch.optim.Adam(model.parameters())
    moments, words = [], []
    for indices in by_length(rows, BATCH):
        ids = torch.from_numpy(rows.take(indices))
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = torch.nn.functional.cross_entropy(forward(ids), torch.from_numpy(labels[indices]))
        loss.backward()
        optimizer.step()
        moments.append(time.perf_counter())
        words.append(int(rows.lengths[indices].sum()))
    return rate(moments, words)


def sentences():
    """Sentences of random words, as the tagger takes them."""
    from convscope.kinds.text.tagging.representation import TaggingRows

    rows, _ = texts(SENTENCES)
    rng = np.random.default_rng(2)
    words = np.arange(VOCABULARY, dtype=np.int32)
    characters = rng.integers(1, CHARACTERS, (VOCABULARY, 20)).astype(np.int32)
    characters[:, 8:] = 0
    characters[0] = 0
    casings = rng.integers(1, 8, VOCABULARY).astype(np.int32)
    casings[0] = 0
    return TaggingRows(rows, words, characters, casings)


def tag_convscope(_: str) -> float:
    import keras

    from convscope.engine.device import choose_device
    from convscope.kinds.registry import build
    from convscope.kinds.text.tagging.recipe import tag_rows

    keras.config.set_dtype_policy(choose_device().policy)
    model, rows = (
        build("dilated_tagger", (None,), TAGS, vocabulary=VOCABULARY, characters=CHARACTERS),
        sentences(),
    )
    names = [str(tag) for tag in range(TAGS)]
    tag_rows(model, rows, names)
    start = time.perf_counter()
    tag_rows(model, rows, names)
    return len(rows) / (time.perf_counter() - start)


def tag_keras(_: str) -> float:
    from convscope.kinds.registry import build

    model, rows = (
        build("dilated_tagger", (None,), TAGS, vocabulary=VOCABULARY, characters=CHARACTERS),
        sentences(),
    )
    x = rows.take(np.arange(len(rows)))
    emitter = model.emitter
    weights = [np.asarray(weight) for weight in model.crf.get_weights()]
    emitter.predict(x, batch_size=64, verbose=0)
    start = time.perf_counter()
    emissions, _ = emitter.predict(x, batch_size=64, verbose=0)
    viterbi(emissions, rows.lengths, *weights[:3])
    return len(rows) / (time.perf_counter() - start)


def tag_torch(variant: str) -> float:
    import torch

    precision, mode = variant.split("-")
    torch.set_num_threads(os.cpu_count() or 1)
    rows = sentences()
    model = TorchTagger(VOCABULARY, CHARACTERS, TAGS).eval()
    forward = torch.compile(model, dynamic=True) if mode == "compiled" else model

    def answer() -> None:
        for indices in by_length(rows, 64):
            inputs = {name: torch.from_numpy(part) for name, part in rows.take(indices).items()}
            with (
                torch.inference_mode(),
                torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"),
            ):
                model.decode(forward(inputs).float(), torch.from_numpy(rows.lengths[indices]))

    answer()
    start = time.perf_counter()
    answer()
    return len(rows) / (time.perf_counter() - start)


def translation():
    """A model with random weights, and sources."""
    import keras

    from convscope.kinds.registry import build

    keras.utils.set_random_seed(0)
    model = build("conv_seq2seq", (None,), 6_000, vocabulary=8_000)
    rows, _ = texts(TRANSLATED)
    return model, type(rows)(rows.ids % 7_900 + 4, rows.starts)


def translate_torch(variant: str) -> float:
    import torch
    from translation_peer import TorchSeq2Seq, translated

    from convscope.kinds.text.translation.beam import BeamSettings, Translator

    precision, mode = variant.split("-")
    torch.set_num_threads(os.cpu_count() or 1)
    model, rows = translation()
    settings = BeamSettings(beam=5, batch_size=64)
    ours = [each.ids.tolist() for each in Translator(model, settings)(rows)]
    peer = TorchSeq2Seq(model).eval()
    if precision == "bfloat16":
        peer = peer.bfloat16()
    forward = torch.compile(peer, dynamic=True) if mode == "compiled" else peer

    def answer() -> list[list[int]]:
        with torch.inference_mode():
            return translated(peer, forward, rows, settings.beam, settings.batch_size, settings.longest)

    found = answer()
    same = sum(left == right for left, right in zip(ours, found, strict=True))
    if precision == "float32" and same < 0.9 * len(ours):
        raise SystemExit(f"only {same} of {len(ours)} translations are the same")
    start = time.perf_counter()
    answer()
    return TRANSLATED / (time.perf_counter() - start)


def translate(variant: str) -> float:
    from convscope.kinds.text.translation.beam import BeamSettings, Translator

    model, rows = translation()
    translator = Translator(model, BeamSettings(beam=5, batch_size=64), cached=variant == "cached")
    translator(rows)
    start = time.perf_counter()
    translator(rows)
    return TRANSLATED / (time.perf_counter() - start)


WORKERS = {
    "train": {"convscope": train_convscope, "keras": train_keras, "torch": train_torch},
    "tag": {"convscope": tag_convscope, "keras": tag_keras, "torch": tag_torch},
    "translate": {"convscope": translate, "torch": translate_torch},
}
UNITS = {"train": "words/s", "tag": "sentences/s", "translate": "sentences/s"}


def compare(what: str, contenders: list[tuple[str, str]], rounds: int) -> list[Figure]:
    """All contenders at one thing."""
    rates = medians(
        [" ".join(contender) for contender in contenders],
        lambda name: fresh(__file__, ["--worker", what, *name.split()]),
        rounds,
        UNITS[what],
        what,
    )
    found = {contender: rates[" ".join(contender)] for contender in contenders}
    figures = [Figure(f"{what}, {' '.join(c)}", value, UNITS[what]) for c, value in found.items()]
    ours = found[contenders[0]]
    others = {contender: value for contender, value in found.items() if contender != contenders[0]}
    for name in dict.fromkeys(contender[0] for contender in others):
        best = max(value for contender, value in others.items() if contender[0] == name)
        said = "without cached states" if name == "convscope" else f"best of {name}"
        figures.append(Figure(f"{what}, convscope / {said}", ours / best, "x", 1.0))
    return figures


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=tuple(WORKERS), nargs="*", default=list(WORKERS))
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    add_arguments(parser)
    given = parser.parse_args()
    if given.worker:
        what, worker, variant = given.worker
        print(WORKERS[what][worker](variant))
        return
    variants = [v for v in TORCH if v.endswith("eager")] if given.quick else TORCH
    peers = [("convscope", "auto"), ("keras", "float32"), *(("torch", variant) for variant in variants)]
    contenders = {
        "train": peers,
        "tag": peers,
        "translate": [
            ("convscope", "cached"),
            ("convscope", "recomputed"),
            *(("torch", variant) for variant in variants),
        ],
    }
    figures: list[Figure] = []
    for what in given.only:
        figures += compare(what, contenders[what], 1 if given.quick else given.rounds)
        write_results(given.json, figures, seeds=[0])
    print_table(figures)


if __name__ == "__main__":
    main()
