"""Pictures: one reader for each layout, decoding, and arrays of one size."""
