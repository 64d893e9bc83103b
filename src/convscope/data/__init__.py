"""The door of the house: readers and representations, one folder per kind. What is malformed stops here.

The files beside the folders serve several kinds. A kind does not import another one.
"""
