"""`conv_seq2seq` in PyTorch, layer by layer, with kept decoding states and beam search, for text_speed.py.

Its weights are those of a Keras model, so that both find the same translations.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

HALF = 0.5**0.5
PADDING, UNKNOWN, START, END = 0, 1, 2, 3
NEVER = -1e9


def dense(layer) -> nn.Linear:
    """A dense layer with the weights of one of Keras."""
    kernel, bias = (torch.from_numpy(np.asarray(weight)) for weight in layer.get_weights())
    made = nn.Linear(*kernel.shape)
    made.weight.data, made.bias.data = kernel.T.contiguous(), bias
    return made


def norm(layer) -> nn.LayerNorm:
    """Likewise."""
    gamma, beta = (torch.from_numpy(np.asarray(weight)) for weight in layer.get_weights())
    made = nn.LayerNorm(len(gamma), eps=layer.epsilon)
    made.weight.data, made.bias.data = gamma, beta
    return made


class TorchSeq2Seq(nn.Module):
    """The layers of a Keras model that `conv_seq2seq` has made."""

    def __init__(self, model) -> None:
        super().__init__()
        layers = {layer.name: layer for layer in model.layers}

        def table(name: str, at: int = 0) -> nn.Parameter:
            return nn.Parameter(torch.from_numpy(np.asarray(layers[name].get_weights()[at])))

        self.source, self.source_places = table("source_embedding"), table("source_position")
        self.target, self.target_bias = table("target_embedding"), table("target_embedding", 1)
        self.target_places = table("target_position")
        self.width = self.source.shape[1]
        encoders = [name for name in layers if name.startswith("encoder") and name.endswith("_conv")]
        decoders = [name for name in layers if name.startswith("decoder") and name.endswith("_conv")]
        self.reading, self.reading_norms = nn.ModuleList(), nn.ModuleList()
        for number in range(1, len(encoders) + 1):
            kernel, bias = layers[f"encoder{number}_conv"].get_weights()
            convolution = nn.Conv1d(kernel.shape[1], kernel.shape[2], kernel.shape[0], padding="same")
            convolution.weight.data = torch.from_numpy(kernel.transpose(2, 1, 0).copy())
            convolution.bias.data = torch.from_numpy(bias)
            self.reading.append(convolution)
            self.reading_norms.append(norm(layers[f"encoder{number}_norm"]))
        self.writing, self.norms, self.queries, self.contexts = (nn.ModuleList() for _ in range(4))
        for number in range(1, len(decoders) + 1):
            kernel, bias = layers[f"decoder{number}_conv"].get_weights()
            step = nn.Linear(kernel.shape[0] * kernel.shape[1], kernel.shape[2])
            step.weight.data = torch.from_numpy(kernel.reshape(-1, kernel.shape[2]).T.copy())
            step.bias.data = torch.from_numpy(bias)
            self.writing.append(step)
            self.norms.append(norm(layers[f"decoder{number}_norm"]))
            self.queries.append(dense(layers[f"decoder{number}_query"]))
            self.contexts.append(dense(layers[f"decoder{number}_context"]))
        self.kept = kernel.shape[0] - 1
        self.encoder_norm, self.decoder_norm = norm(layers["encoder_norm"]), norm(layers["decoder_norm"])
        self.output = dense(layers["output_dense"])

    def encode(self, source):
        """Keys, values and what is added to scores where there is no word."""
        there = (source != PADDING).unsqueeze(-1).to(self.source.dtype)
        places = torch.arange(source.shape[1]).clamp(max=len(self.source_places) - 1)
        x = embedded = (self.source[source] * self.width**0.5 + self.source_places[places]) * there
        for layer_norm, convolution in zip(self.reading_norms, self.reading, strict=True):
            h = convolution((layer_norm(x) * there).transpose(1, 2)).transpose(1, 2)
            x = x + functional.glu(h)
        keys = self.encoder_norm(x) * there
        return keys.transpose(1, 2), (keys + embedded) * HALF, NEVER * (1 - there.transpose(1, 2).float())

    def forward(self, tokens, position: int, state, keys, values, absent):
        """Scores of the next word, the attention to the source, and the new state."""
        batch, beam = tokens.shape
        place = min(position, len(self.target_places) - 1)
        wanted = x = self.target[tokens] * self.width**0.5 + self.target_places[place]
        kept, looks = [], []
        for at, layer_norm in enumerate(self.norms):
            window = torch.cat([state[at], layer_norm(x).unsqueeze(2)], dim=2)
            kept.append(window[:, :, 1:])
            h = functional.glu(self.writing[at](window.reshape(batch * beam, -1))).view(batch, beam, -1)
            query = (self.queries[at](h) + wanted) * HALF
            weights = torch.softmax((query * self.width**-0.5 @ keys).float() + absent, dim=-1)
            looks.append(weights)
            x = x + (h + self.contexts[at](weights.to(values.dtype) @ values)) * HALF
        scores = functional.linear(self.output(self.decoder_norm(x)), self.target, self.target_bias)
        return scores.float(), torch.stack(looks).mean(0), torch.stack(kept)


def translated(model, forward, rows, beam: int, batch_size: int, longest) -> list[list[int]]:
    """The best translation of each source, by the same search as convscope's.

    Args:
        model: A `TorchSeq2Seq`.
        forward: It, or its compiled form.
        rows: Sources.
        beam: Translations that are followed.
        batch_size: Sources at a time.
        longest: From words of a source to the most of its translation.
    """
    found: list[list[int]] = [[] for _ in range(len(rows))]
    order = np.argsort(-rows.lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        best = _batch(model, forward, rows, chosen, beam, [longest(int(n)) for n in rows.lengths[chosen]])
        for row, ids in zip(chosen.tolist(), best, strict=True):
            found[row] = ids
    return found


def _batch(model, forward, rows, chosen, beam: int, longest: list[int]) -> list[list[int]]:
    source = torch.from_numpy(rows.take(chosen)).long()
    keys, values, absent = model.encode(source)
    count = len(source)
    allowed = torch.zeros(len(model.target))
    allowed[[PADDING, START]] = NEVER
    unknown = torch.where((source == UNKNOWN).any(1), 0.0, NEVER)
    tokens = torch.full((count, beam), START)
    parents = torch.zeros((count, beam), dtype=torch.long)
    scores = torch.full((count, beam), NEVER)
    scores[:, 0] = 0
    state = torch.zeros((len(model.norms), count, beam, model.kept, model.width), dtype=keys.dtype)
    written = torch.zeros((count, beam, 0), dtype=torch.long)
    finished: list[list[tuple[float, list[int]]]] = [[] for _ in range(count)]
    done = [False] * count
    position = 0
    while not all(done):
        state = state[:, torch.arange(count)[:, None], parents]
        logits, _, state = forward(tokens, position, state, keys, values, absent)
        reached = torch.log_softmax(logits, -1) + allowed + scores[..., None]
        reached[:, :, UNKNOWN] += unknown[:, None]
        if position == 0:
            reached[:, :, END] += NEVER
        best, places = reached.view(count, -1).topk(2 * beam)
        from_, ids = places // reached.shape[-1], places % reached.shape[-1]
        position += 1
        ends = (ids == END).numpy()
        sure, endings = best.numpy(), reached[:, :, END].numpy()
        going = np.zeros((count, beam), np.int64)
        for row in range(count):
            going[row] = np.flatnonzero(~ends[row])[:beam]
            if done[row]:
                continue
            if position >= longest[row]:
                pairs = [(float(endings[row, place]), place) for place in range(beam)]
                done[row] = True
            else:
                ranks = np.flatnonzero(ends[row, :beam])
                pairs = [(float(sure[row, rank]), int(from_[row, rank])) for rank in ranks]
            for score, place in pairs:
                if score > NEVER / 2:
                    finished[row].append((score / position, [*written[row, place].tolist(), END]))
            done[row] = done[row] or len(finished[row]) >= beam
        picked = torch.from_numpy(going)
        tokens, parents, scores = ids.gather(1, picked), from_.gather(1, picked), best.gather(1, picked)
        written = torch.cat([written[torch.arange(count)[:, None], parents], tokens[..., None]], dim=2)
    return [max(each)[1] for each in finished]
