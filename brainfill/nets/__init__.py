"""Network parts: convolutions, residual blocks, one U-Net. Torch only; nothing about diffusion."""
