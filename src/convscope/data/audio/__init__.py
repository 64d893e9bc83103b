"""Recordings with labels or transcripts: readers, decoding, and waveforms."""
