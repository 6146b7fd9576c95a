"""The engine's JAX parts: compiled updates."""
