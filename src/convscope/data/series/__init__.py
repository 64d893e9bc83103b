"""Labelled series, logs in which anomalies are looked for, and histories of machines: readers and windows."""
