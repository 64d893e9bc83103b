"""Series and recordings: everything that lies along one axis of time."""
