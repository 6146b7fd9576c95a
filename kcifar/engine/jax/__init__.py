"""The JAX implementation of the engine: compiled updates."""
