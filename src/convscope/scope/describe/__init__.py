"""A model in words: purpose, key points, blocks, layers, and what a reviewer would remark."""
