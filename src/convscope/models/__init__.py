"""Architectures: functions that build a `keras.Model`, one file per kind, listed in one registry."""
