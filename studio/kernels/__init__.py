"""Kernels: machine code made by Numba, called by address. Nothing here knows of graphs."""

#: Whether kernels may be compiled in this process. The window's sets it to False before anything of
#: this package is imported: other processes compile for it, and Numba is not loaded.
COMPILES_HERE = True
