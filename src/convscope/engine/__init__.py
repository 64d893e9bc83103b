"""Training and inference: one `fit` on Keras' own loop, resume, precision, export, metrics."""
