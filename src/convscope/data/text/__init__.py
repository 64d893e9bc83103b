"""Texts, tagged words and sentences in two languages: readers, vocabularies and rows of ids."""
