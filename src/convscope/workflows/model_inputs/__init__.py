"""Files, arrays and data sets become the inputs of a model."""
