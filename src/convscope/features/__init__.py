"""Features: what layers put out for a whole data set, written to disk and used from there.

Extraction reads samples, computes layers and writes parts; what is built on it reads `Features`.
"""
