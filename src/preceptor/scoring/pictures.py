"""An image and its reference → PSNR, SSIM and MSE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from preceptor.statistics.image_fidelity import mean_squared_error, psnr, ssim

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["picture_metrics"]


def picture_metrics(
    reference: Floats, image: Floats, data_range: float, *, channels: bool = False
) -> dict[str, float | None]:
    """Metrics of one image; PSNR of equal images is not defined.

    Parameters
    ----------
    channels
        Whether the last axis has channels: SSIM is then the mean of theirs.

    Raises
    ------
    ValueError
        The image is smaller than a window of SSIM.
    """
    last = range(reference.shape[-1]) if channels else [slice(None)]
    pairs = [(reference[..., each], image[..., each]) for each in last]
    noise = psnr(reference, image, data_range)
    return {
        "psnr": noise if np.isfinite(noise) else None,
        "ssim": float(np.mean([ssim(a, b, data_range) for a, b in pairs])),
        "ssim_gaussian": float(np.mean([ssim(a, b, data_range, gaussian=True) for a, b in pairs])),
        "mse": mean_squared_error(reference, image),
    }
