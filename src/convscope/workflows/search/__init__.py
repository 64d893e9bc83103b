"""Search: architectures, their options and settings tried with early stopping, and what of them mattered."""
