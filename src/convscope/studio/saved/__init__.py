"""A selection of the studio as one page that needs no server."""
