"""What is looked at in a model file before, and just after, Keras opens it."""
