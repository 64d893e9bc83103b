"""Forecasts of series: the next rows of each variable, with intervals, beside what needs no model."""
