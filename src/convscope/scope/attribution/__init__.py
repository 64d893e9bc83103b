"""Which parts of an input matter for a prediction: class activation maps, gradients, perturbations."""
