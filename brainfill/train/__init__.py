"""Training: packed data, examples, the loop and its state. Needs torch, numpy, scipy, safetensors."""
