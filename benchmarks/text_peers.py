"""`text_cnn` and `dilated_tagger` in PyTorch, layer by layer, and Viterbi in NumPy, for text_speed.py."""

from __future__ import annotations

import numpy as np

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError:  # contenders of other frameworks need none of it
    torch = None
    nn = None
BASE = nn.Module if nn is not None else object


class TorchTextCNN(BASE):
    """Words, kernels over 3, 4 and 5 of them, the largest value of each, one dense layer."""

    def __init__(self, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 300)
        self.convolutions = nn.ModuleList(nn.Conv1d(300, 100, width, padding="same") for width in (3, 4, 5))
        self.dense = nn.Linear(300, classes)

    def forward(self, ids):
        """Scores of the classes."""
        mask = (ids != 0).unsqueeze(1)
        x = functional.dropout2d(self.embedding(ids).transpose(1, 2).unsqueeze(-1), 0.25, self.training)
        x = x.squeeze(-1) * mask
        maps = [functional.relu(convolution(x)).masked_fill(~mask, -3e4) for convolution in self.convolutions]
        joined = torch.cat([each.amax(dim=2) for each in maps], dim=1)
        return self.dense(functional.dropout(joined, 0.5, self.training))


class TorchTagger(BASE):
    """Words beside their characters and casing, four dilated convolutions that add up, emissions, Viterbi."""

    def __init__(self, vocabulary: int, characters: int, tags: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, 100)
        self.characters, self.casings = nn.Embedding(characters, 32), nn.Embedding(8, 16)
        self.spelling = nn.Conv1d(32, 64, 3, padding="same")
        self.projection = nn.Linear(180, 256)
        self.norms = nn.ModuleList(nn.LayerNorm(256, eps=1e-3) for _ in range(5))
        self.convolutions = nn.ModuleList(
            nn.Conv1d(256, 256, 3, padding="same", dilation=dilation) for dilation in (1, 2, 4, 1)
        )
        self.emissions = nn.Linear(256, tags)
        self.transitions = nn.Parameter(torch.zeros(tags, tags))

    def forward(self, inputs):
        """Emissions."""
        ids = inputs["words"]
        mask = (ids != 0).unsqueeze(-1)
        letters = inputs["characters"]
        there = (letters != 0).flatten(0, 1).unsqueeze(1)
        spelled = self.characters(letters).flatten(0, 1).transpose(1, 2) * there
        spelled = functional.relu(self.spelling(spelled)).masked_fill(~there, -3e4).amax(dim=2)
        spelled = (spelled * there.any(dim=2)).unflatten(0, ids.shape)
        x = torch.cat([self.words(ids), spelled, self.casings(inputs["casings"])], dim=-1)
        x = self.projection(x) * mask
        for norm, convolution in zip(self.norms, self.convolutions, strict=False):
            y = (norm(x) * mask).transpose(1, 2)
            x = x + functional.relu(convolution(y)).transpose(1, 2)
        return self.emissions(self.norms[-1](x))

    def decode(self, emissions, lengths):
        """The best sequence of each sentence, batched over sentences."""
        score, pointers = emissions[:, 0], []
        for step in range(1, emissions.shape[1]):
            best, pointer = (score[:, :, None] + self.transitions).max(dim=1)
            inside = (step < lengths)[:, None]
            score = torch.where(inside, best + emissions[:, step], score)
            pointers.append(torch.where(inside, pointer, torch.arange(pointer.shape[1])))
        tags = [score.argmax(dim=1)]
        for pointer in reversed(pointers):
            tags.append(pointer.gather(1, tags[-1][:, None])[:, 0])
        return torch.stack(tags[::-1], dim=1)


def viterbi(emissions, lengths, transitions, starts, ends):
    """The best sequence of each sentence, batched over sentences."""
    score, pointers = emissions[:, 0] + starts, []
    for step in range(1, emissions.shape[1]):
        candidates = score[:, :, None] + transitions
        pointer = candidates.argmax(axis=1)
        inside = (step < lengths)[:, None]
        best = np.take_along_axis(candidates, pointer[:, None], axis=1)[:, 0] + emissions[:, step]
        score = np.where(inside, best, score)
        pointers.append(np.where(inside, pointer, np.arange(pointer.shape[1])))
    tags = [(score + ends).argmax(axis=1)]
    for pointer in reversed(pointers):
        tags.append(np.take_along_axis(pointer, tags[-1][:, None], axis=1)[:, 0])
    return np.stack(tags[::-1], axis=1)
