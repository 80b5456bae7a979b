"""Synthetic heads with MS-like lesions, drawn from the ICBM152 template and fixed seeds."""
