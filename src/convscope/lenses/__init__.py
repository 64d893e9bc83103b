"""Pictures of what a model saw and learned, as files and pages."""
