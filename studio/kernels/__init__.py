"""Kernels: machine code made by Numba, called by address. Nothing here knows of graphs."""
