"""A run from start to end: the trainer, what it leaves, and what looks at a recipe without training it."""
