"""The calls of a model, what feeds what, and what goes in and out of one while it runs."""
