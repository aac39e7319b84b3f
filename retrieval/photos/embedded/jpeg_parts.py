"""What JPEG files hold beside the photograph, and no result does.

That is moving pictures, further pictures and credentials.
"""

from PIL import Image

_MOTION = "the moving picture of this motion photo is left out"
_TAIL = 1 << 12  # bytes at the end that tell what a telephone has appended
_TRAILER, _MOTION_NAME = b"SEFT", b"MotionPhoto_Data"
_MPF_ENTRIES, _MPF_TYPE = 0xB002, "MPType"


def left_out_of_jpeg(image: Image.Image) -> list[str]:
    """A line for each kind of part of a JPEG that its result cannot keep; empty of other formats.

    Args:
        image: opened by Pillow.
    """
    if image.format not in ("JPEG", "MPO"):
        return []
    lines = []
    tail = _tail(image)
    if _TRAILER in tail and _MOTION_NAME in tail:
        lines.append(_MOTION)
    segments = getattr(image, "applist", [])
    if any(name == "APP11" and b"jumb" in data[:64] for name, data in segments):
        lines.append("its content credentials, which hold for the original only, are left out")
    entries = getattr(image, "mpinfo", {}).get(_MPF_ENTRIES, [])
    others = [one["Attribute"] for one in entries[1:] if isinstance(one, dict)]
    # previews are small copies of the gray picture, which nobody misses
    others = [one for one in others if "Large Thumbnail" not in str(one.get(_MPF_TYPE))]
    if others:
        count = f"{len(others)} further picture{'s' if len(others) > 1 else ''}"
        lines.append(f"{count} in it, as stereo cameras and HDR have, left out")
    return lines


def _tail(image: Image.Image) -> bytes:
    file = getattr(image, "fp", None)
    if file is None or file.closed:
        return b""
    place = file.tell()
    file.seek(0, 2)
    file.seek(max(0, file.tell() - _TAIL))
    tail = bytes(file.read())
    file.seek(place)
    return tail
