"""A translation model word by word: what was computed for the words before is kept, not computed again."""

from __future__ import annotations

import keras
from keras import ops

from convscope.errors import UsageError
from convscope.types import Tensor


class TranslationSteps:
    """Runs the decoder of a `conv_seq2seq` one position at a time.

    A causal convolution of k words needs its last k - 1 inputs and nothing else of what came before; they are
    the state. The source is encoded once. So the cost of a step does not grow with the length of the
    translation.

    Args:
        model: Made by `conv_seq2seq`, trained or loaded from a file. Its layers are called, not changed.

    Raises:
        UsageError: The model is of another architecture.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        layers = {layer.name: layer for layer in model.layers}
        self.depth = sum(name.startswith("decoder") and name.endswith("_attention") for name in layers)
        needed = {"encoder_keys", "encoder_values", "source_mask", "target_embedding", "target_position"}
        if not self.depth or needed - set(layers):
            raise UsageError(
                f"Words are translated one by one by the model conv_seq2seq. Received: {model.name}.",
                'Build it by convscope.build("conv_seq2seq", ...).',
            )
        self._layers = layers
        self.kernel_size = int(layers["decoder1_conv"].kernel_size[0])
        self.width = int(layers["target_embedding"].width)
        self.attentions = [layers[f"decoder{number}_attention"].output[1] for number in self._numbers]
        outputs = [layers[name].output for name in ("encoder_keys", "encoder_values", "source_mask")]
        self._encoder = keras.Model(model.input["source"], outputs)

    @property
    def _numbers(self) -> range:
        return range(1, self.depth + 1)

    def state_shape(self, batch: int, beam: int) -> tuple[int, ...]:
        """Of the state: before the first word it is zeros of this shape."""
        return (self.depth, batch, beam, self.kernel_size - 1, self.width)

    def encode(self, source: Tensor) -> list[Tensor]:
        """Keys, values and mask of each source, which each step reads.

        Args:
            source: Ids, (batch, source), int32.

        Returns:
            (batch, source, width), the same, and (batch, source, 1).
        """
        encoded: list[Tensor] = self._encoder(source, training=False)
        return encoded

    def step(
        self, tokens: Tensor, position: Tensor, state: Tensor, encoded: list[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Scores the words that may come next.

        Args:
            tokens: The word before, of each of some translations of each source, (batch, beam), int32.
            position: How many words were before that one, int32 scalar.
            state: What the steps before left, shape `state_shape`, float.
            encoded: What `encode` gave.

        Returns:
            Scores (logits) of the next word, (batch, beam, classes); how much each source token was looked
            at, mean over the layers, (batch, beam, source); and the new state.
        """
        batch, beam = tokens.shape
        layers = self._layers
        embedded = layers["target_embedding"](ops.reshape(tokens, (-1, 1)))
        embedded = layers["target_position"](embedded, first=position)
        wanted = ops.reshape(embedded, (batch, beam, self.width))
        x, kept, looks = wanted, [], []
        for number in self._numbers:
            block = f"decoder{number}"
            window = ops.concatenate(
                [state[number - 1], ops.expand_dims(layers[f"{block}_norm"](x), 2)], axis=2
            )
            kept.append(window[:, :, 1:])
            h = layers[f"{block}_gate"](self._convolve(layers[f"{block}_conv"], window))
            question = layers[f"{block}_question"]([layers[f"{block}_query"](h), wanted])
            context, weights = layers[f"{block}_attention"]([question, *encoded])
            looks.append(weights)
            h = layers[f"{block}_answer"]([h, layers[f"{block}_context"](context)])
            x = layers[f"{block}_sum"]([x, h])
        h = layers["output_dense"](layers["decoder_norm"](x))
        scores = layers["target_embedding"](h, reverse=True)
        return scores, ops.mean(ops.stack(looks), axis=0), ops.stack(kept)

    def _convolve(self, convolution: keras.layers.Conv1D, window: Tensor) -> Tensor:
        """The last output of a causal convolution, from (batch, beam, kernel_size, width)."""
        batch, beam = window.shape[:2]
        flat = ops.reshape(window, (batch * beam, -1))
        kernel = ops.reshape(ops.convert_to_tensor(convolution.kernel), (-1, convolution.filters))
        outputs = ops.matmul(flat, ops.cast(kernel, flat.dtype)) + ops.cast(convolution.bias, flat.dtype)
        return ops.reshape(outputs, (batch, beam, convolution.filters))
