"""Keras on JAX, an oracle that shares nothing with our code."""

import os

# Before Keras is imported anywhere in this process.
os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
