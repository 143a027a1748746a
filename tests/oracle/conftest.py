"""Keras on JAX, an oracle that shares nothing with our code."""

import os

# Before Keras is imported anywhere in this process.
os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Each network is compiled once and run once: optimizing what is compiled would take longer than it saves.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")
