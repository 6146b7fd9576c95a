"""What every other package stands on: errors, checks, registries, lazy imports, files, randomness. It knows nothing of training."""
