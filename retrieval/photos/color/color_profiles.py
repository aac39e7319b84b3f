"""Pictures of other color spaces than sRGB, above all Display P3 of telephones, read as sRGB."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from retrieval.photos.metadata import profile_space

_ALIKE = 2  # of 255: profiles that change no color by more are sRGB under another name
_PROBE = (
    np.stack(np.meshgrid(*[np.linspace(0, 255, 6)] * 3, indexing="ij"), -1)
    .reshape(12, 18, 3)
    .astype(np.uint8)
)


def to_srgb(image: Image.Image, profile: object) -> Image.Image:
    """Convert what a profile says into sRGB, relative to its white.

    Args:
        image: RGB of 8 bits.
        profile: ICC, or anything.

    Returns:
        The picture in sRGB; the same picture if the profile is that of sRGB, not of RGB, or cannot
        be read.
    """
    transform = (
        _transform(profile)
        if isinstance(profile, bytes) and profile_space(profile) == "RGB"
        else None
    )
    if transform is None:
        return image
    converted: Image.Image | None = ImageCms.applyTransform(image, transform)
    return converted or image


@lru_cache(maxsize=32)
def _transform(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    try:
        own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(
            own, srgb, "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
        )
        probe = ImageCms.applyTransform(Image.fromarray(_PROBE), transform)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    change = np.abs(np.asarray(probe).astype(int) - _PROBE).max()
    return transform if change > _ALIKE else None
