"""The TensorFlow implementation of the engine: compiled updates, and faster kernels for processors."""
