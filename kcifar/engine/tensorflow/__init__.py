"""The engine's TensorFlow parts: compiled updates, and faster kernels for processors."""
