"""Noise levels, plans, denoisers, samplers. Torch only; no files, no subjects.

Throughout: x = alpha * clean + sigma * noise, and a denoiser returns its estimate of `clean`.
"""
