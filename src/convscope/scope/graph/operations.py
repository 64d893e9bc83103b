"""Names of Keras' operations by how they treat positions."""

ELEMENTWISE = frozenset(
    {
        "Abs",
        "Absolute",
        "Ceil",
        "Celu",
        "Clip",
        "Cos",
        "Elu",
        "Erf",
        "Exp",
        "Expm1",
        "Floor",
        "Gelu",
        "HardShrink",
        "HardSigmoid",
        "HardSilu",
        "HardTanh",
        "Identity",
        "LeakyRelu",
        "Log",
        "Log1p",
        "LogSigmoid",
        "Mish",
        "Negative",
        "Reciprocal",
        "Relu",
        "Relu6",
        "Round",
        "Rsqrt",
        "Selu",
        "Sigmoid",
        "Sign",
        "Silu",
        "Sin",
        "Softplus",
        "Softshrink",
        "Softsign",
        "Sqrt",
        "Square",
        "StopGradient",
        "Tanh",
        "Threshold",
    }
)
"""Operations that change each value alone."""

MERGING = frozenset(
    {
        "Add",
        "Divide",
        "Maximum",
        "Minimum",
        "Multiply",
        "Power",
        "Subtract",
        "TrueDivide",
        "Where",
    }
)
"""Operations that join values at the same place."""

REDUCING = frozenset(
    {
        "All",
        "Amax",
        "Amin",
        "Any",
        "Logsumexp",
        "Max",
        "Mean",
        "Min",
        "Prod",
        "Std",
        "Sum",
        "Var",
    }
)
"""Operations that reduce axes."""

POINTWISE_OF_APPLICATIONS = frozenset({"LayerScale", "StochasticDepth"})
"""Layers of `keras.applications` that treat each position alone."""
