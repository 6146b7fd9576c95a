"""The base of all other packages: errors, checks, registries, command-line options, lazy imports, files, randomness; nothing about training."""
