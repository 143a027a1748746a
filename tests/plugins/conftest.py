"""Keras computes with JAX here."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
