"""Compiles functions that call a model, and takes gradients: the one file here that knows the backends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np

from convscope.types import Tensor

Function = Callable[..., Tensor]
Program = Callable[..., tuple[list[np.ndarray], Tensor]]


def forward_program(model: keras.Model, function: Function, *, compiled: bool = True) -> Function:
    """Makes a function of tensors into a program on arrays.

    Args:
        model: The model that the function calls.
        function: From tensors to a structure of tensors; must have no other effect.
        compiled: Whether TensorFlow compiles it for the shapes it meets, which pays from the second call on.
            JAX always does, since it would compile each operation alone otherwise; PyTorch runs it as it is.

    Returns:
        A function of arrays that gives the same structure with NumPy arrays, bfloat16 as float32.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        traced = _traced(function) if compiled else function
        return lambda *arrays: _arrays(traced(*map(keras.ops.convert_to_tensor, arrays)))
    if backend == "jax":
        pure = _with_variables(model, function)
        return lambda *arrays: _arrays(pure(*arrays))

    def run(*arrays: Tensor) -> Tensor:
        import torch

        with torch.no_grad():
            return _arrays(function(*map(keras.ops.convert_to_tensor, arrays)))

    return run


def gradient_program(
    model: keras.Model, function: Function, wrt: Sequence[int], *, compiled: bool = True
) -> Program:
    """Makes a function of tensors into a program that differentiates it.

    Args:
        model: The model that the function calls.
        function: From tensors to (a scalar, a structure of tensors).
        wrt: Positions of the arguments to differentiate by, which are of a floating type.
        compiled: Whether to compile, as in `forward_program`.

    Returns:
        A function of arrays that gives the gradients of the scalar, one of the shape of each argument in
        `wrt` (zeros where it has no influence), and the structure with NumPy arrays.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _tensorflow_gradient(function, tuple(wrt), compiled)
    return (_jax_gradient if backend == "jax" else _torch_gradient)(model, function, tuple(wrt))


def _tensorflow_gradient(function: Function, wrt: tuple[int, ...], compiled: bool) -> Program:
    import tensorflow as tf

    def differentiated(*tensors: Tensor) -> Tensor:
        chosen = [tensors[i] for i in wrt]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for tensor in chosen:
                tape.watch(tensor)
            score, more = function(*tensors)
        zero = tf.UnconnectedGradients.ZERO
        return tape.gradient(score, chosen, unconnected_gradients=zero), more

    traced = _traced(differentiated) if compiled else differentiated

    def run(*arrays: Tensor) -> tuple[list[np.ndarray], Tensor]:
        gradients, more = traced(*map(keras.ops.convert_to_tensor, arrays))
        return [_array(tf.convert_to_tensor(gradient)) for gradient in gradients], _arrays(more)

    return run


def _traced(function: Function) -> Function:
    """For TensorFlow: a graph for each set of shapes, made when it is first met."""
    import tensorflow as tf

    graphs: dict[Tensor, Function] = {}

    def run(*tensors: Tensor) -> Tensor:
        key = tuple((tuple(tensor.shape), tensor.dtype) for tensor in tensors)
        if key not in graphs:
            specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
            graphs[key] = tf.function(function, autograph=False).get_concrete_function(*specs)
        return graphs[key](*tensors)

    return run


def _jax_gradient(model: keras.Model, function: Function, wrt: tuple[int, ...]) -> Program:
    import jax

    def differentiated(*tensors: Tensor) -> Tensor:
        (_, more), gradients = jax.value_and_grad(function, argnums=wrt, has_aux=True)(*tensors)
        return list(gradients), more

    pure = _with_variables(model, differentiated)

    def run(*arrays: Tensor) -> tuple[list[np.ndarray], Tensor]:
        gradients, more = pure(*arrays)
        return [_array(gradient) for gradient in gradients], _arrays(more)

    return run


def _torch_gradient(model: keras.Model, function: Function, wrt: tuple[int, ...]) -> Program:
    import torch

    def run(*arrays: Tensor) -> tuple[list[np.ndarray], Tensor]:
        tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
        for i in wrt:
            tensors[i] = tensors[i].detach().clone().requires_grad_()
        with torch.enable_grad():
            score, more = function(*tensors)
            chosen = [tensors[i] for i in wrt]
            if not score.requires_grad:
                gradients = [None] * len(chosen)
            else:
                gradients = list(torch.autograd.grad(score, chosen, allow_unused=True))
        filled = [
            torch.zeros_like(tensor) if gradient is None else gradient
            for gradient, tensor in zip(gradients, chosen, strict=True)
        ]
        return [_array(gradient) for gradient in filled], _arrays(more)

    return run


def _with_variables(model: keras.Model, function: Function) -> Function:
    """For JAX: the model's variables become an argument, so that they are not compiled in as constants."""
    import jax

    variables = model.variables

    def pure(values: list[Tensor], *tensors: Tensor) -> Tensor:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*tensors)

    program = jax.jit(pure)

    def run(*arrays: Tensor) -> Tensor:
        tensors = map(keras.ops.convert_to_tensor, arrays)
        return program([variable.value for variable in variables], *tensors)

    return run


def _arrays(structure: Tensor) -> Tensor:
    return keras.tree.map_structure(_array, structure)


def _array(tensor: Tensor) -> np.ndarray:
    if keras.backend.standardize_dtype(tensor.dtype) in ("bfloat16", "float16"):
        tensor = keras.ops.cast(tensor, "float32")
    return np.asarray(keras.ops.convert_to_numpy(tensor))
