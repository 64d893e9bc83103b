"""The door of the house: readers and representations, one file per kind. What is malformed stops here."""
