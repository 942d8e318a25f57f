"""Which Pillow is in use, and how far its resize may be from ours."""

from __future__ import annotations

import PIL
from PIL import features

MAJOR = int(PIL.__version__.split(".")[0])

IS_SIMD = ".post" in PIL.__version__
"""pillow-simd numbers its releases as Pillow's with a ".post" suffix."""

RESIZE_TOLERANCE = 0 if MAJOR >= 13 and not IS_SIMD else 1
"""Grey levels by which a pixel of `PIL.Image.resize` may differ: pillow-simd sums with less precision, and every Pillow
before 13 works along the rows first."""

WEBP = "WEBP" if features.check("webp") else "TIFF"
"""A format that is no JPEG or PNG, which this Pillow was built with: a pillow-simd from source may lack libwebp."""
