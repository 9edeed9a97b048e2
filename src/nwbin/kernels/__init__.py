"""Counting, strict inside: exact dtypes, arrays allocated by the caller, preconditions written down.

``compiled`` brings the functions that Numba compiles, and ``settings`` is the only importer of numba;
``plain`` gives the same answers with NumPy alone, for requests so small that loading numba would take longer
than the work. Nothing here is imported before it is needed.
"""
