"""Texts on a sheet, on a page and in the terminal."""
