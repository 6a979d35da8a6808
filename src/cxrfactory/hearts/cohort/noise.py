"""Smooth periodic noise in space, from which textures and irregular borders are made."""

import numpy as np
from jaxtyping import Float32
from numpy.random import Generator

from cxrfactory.compiled import compiled

SIDE = 32  # voxels; the noise repeats after as many


def draw_noise(rng: Generator) -> Float32[np.ndarray, "32 32 32"]:
    """Draw noise of mean 0 and standard deviation 1, smooth over about two voxels."""
    waves = np.fft.fftfreq(SIDE)
    power = np.exp(-2 * (np.pi * 0.9) ** 2 * (waves**2))
    spectrum = np.fft.fftn(rng.standard_normal((SIDE, SIDE, SIDE))) * np.einsum("i,j,k->ijk", power, power, power)
    noise = np.fft.ifftn(spectrum).real
    return ((noise - noise.mean()) / noise.std()).astype(np.float32)


@compiled
def noise_at(noise, x, y, z):
    """Return the noise at a position in voxels, interpolated linearly."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    i, j, k = int(fx) & 31, int(fy) & 31, int(fz) & 31
    u, v, w = x - fx, y - fy, z - fz
    a, b, c = (i + 1) & 31, (j + 1) & 31, (k + 1) & 31
    low = (noise[i, j, k] * (1 - w) + noise[i, j, c] * w) * (1 - v) + (
        noise[i, b, k] * (1 - w) + noise[i, b, c] * w
    ) * v
    top = (noise[a, j, k] * (1 - w) + noise[a, j, c] * w) * (1 - v) + (
        noise[a, b, k] * (1 - w) + noise[a, b, c] * w
    ) * v
    return low * (1 - u) + top * u
