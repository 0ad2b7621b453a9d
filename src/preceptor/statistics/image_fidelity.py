"""How near an image is to its reference: squared error, PSNR, SSIM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy  # its parts are imported where they are first used

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["mean_squared_error", "psnr", "ssim"]

#: Constants, window and sigma of Wang et al. 2004.
_K1, _K2 = 0.01, 0.03
_SIGMA, _TRUNCATE, _WINDOW = 1.5, 3.5, 7


def mean_squared_error(reference: Floats, image: Floats) -> float:
    """Mean over pixels and channels, in squared grey levels."""
    return float(np.mean((reference - image) ** 2))


def psnr(reference: Floats, image: Floats, data_range: float) -> float:
    """Peak signal-to-noise ratio in dB: 10·log10(range² / MSE); infinite for equal images."""
    error = mean_squared_error(reference, image)
    return float("inf") if error == 0 else float(10 * np.log10(data_range**2 / error))


def ssim(reference: Floats, image: Floats, data_range: float, *, gaussian: bool = False) -> float:
    """Structural similarity, −1 to 1: the mean of its map without the rim that windows overlap.

    Wang et al. (2004), IEEE Trans. Image Process. 13:600.

    Parameters
    ----------
    reference, image
        One channel, of two or three dimensions, each at least as long as the window.
    gaussian
        Their window, Gaussian of σ 1.5 and 11 wide, with the population covariance; otherwise a
        square of 7 with the sample covariance, the default of scikit-image.
    """
    if gaussian:
        rim, unbiased = int(_TRUNCATE * _SIGMA + 0.5), 1.0

        def mean(values: Floats) -> Floats:
            found: Floats = scipy.ndimage.gaussian_filter(values, _SIGMA, truncate=_TRUNCATE)
            return found

    else:
        pixels = _WINDOW**reference.ndim
        rim, unbiased = (_WINDOW - 1) // 2, pixels / (pixels - 1)

        def mean(values: Floats) -> Floats:
            found: Floats = scipy.ndimage.uniform_filter(values, size=_WINDOW)
            return found

    if min(reference.shape) < 2 * rim + 1:
        raise ValueError(f"an image must have at least {2 * rim + 1} pixels a side")
    ux, uy = mean(reference), mean(image)
    vx = unbiased * (mean(reference * reference) - ux * ux)
    vy = unbiased * (mean(image * image) - uy * uy)
    vxy = unbiased * (mean(reference * image) - ux * uy)
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    found = (2 * ux * uy + c1) * (2 * vxy + c2) / ((ux**2 + uy**2 + c1) * (vx + vy + c2))
    inner = tuple(slice(rim, size - rim) for size in found.shape)
    return float(found[inner].mean())
