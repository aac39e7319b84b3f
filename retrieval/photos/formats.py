"""What a picture file is: content decides; names only say which files of a folder to look at."""

from pathlib import Path

# name of Pillow's reader: suffixes; no reader that starts another program is among them
READ = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jps", ".mpo"),
    "PNG": (".png", ".apng"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "HEIF": (".heic", ".heif", ".heics", ".heifs", ".hif"),
    "AVIF": (".avif", ".avifs"),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".jpc", ".j2c"),
    "BMP": (".bmp",),
    "DIB": (".dib",),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "PSD": (".psd",),
    "SGI": (".sgi", ".rgb", ".rgba", ".bw"),
    "SUN": (".ras",),
    "QOI": (".qoi",),
    "DDS": (".dds",),
    "ICO": (".ico",),
    "ICNS": (".icns",),
}
# nothing in these files says what they are: they are only tried by their names
READ_BY_NAME = {"TGA": (".tga", ".icb", ".vda", ".vst"), "PCX": (".pcx",)}
SUFFIXES = frozenset(
    suffix for table in (READ, READ_BY_NAME) for some in table.values() for suffix in some
)
_RAW = "camera raw files cannot be read: develop them first"
_DRAWING = "drawings cannot be read: export them as PNG first"
_PAGES = "documents cannot be read: export their pages as TIFF or PNG first"
_LAYERS = "layered files of this program cannot be read: export them as TIFF first"
_FILM = "films are for another command: rechroma video"
_CONVERT = "this format cannot be read: convert it to TIFF or PNG first"
# suffixes that are like those of pictures, and why their files are passed over
UNREAD = {
    **dict.fromkeys(
        (".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".raf", ".orf",
         ".rw2", ".pef", ".srw", ".x3f", ".3fr", ".fff", ".iiq", ".mef", ".mos", ".mrw", ".erf",
         ".kdc", ".dcr", ".rwl", ".gpr"), _RAW),
    **dict.fromkeys((".svg", ".svgz", ".eps", ".ai", ".wmf", ".emf", ".cdr"), _DRAWING),
    ".pdf": _PAGES,
    **dict.fromkeys(
        (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".mpg", ".mpeg", ".mts", ".m2ts",
         ".3gp", ".flv", ".vob", ".ogv"), _FILM),
    **dict.fromkeys((".psb", ".xcf", ".kra", ".ora", ".afphoto", ".clip", ".pdn"), _LAYERS),
    **dict.fromkeys(
        (".jxl", ".jxr", ".wdp", ".exr", ".hdr", ".pcd", ".djvu", ".djv", ".fits", ".fit"),
        _CONVERT),
}  # fmt: skip
NO_HEIC = 'reading HEIC needs pillow-heif: pip install -e ".[heic]"'
HEAD = 32  # bytes of a file that tell its format
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def readers_for(name: str) -> tuple[str, ...]:
    """The readers of Pillow that may try a file, by its name."""
    by_name = (one for one, some in READ_BY_NAME.items() if name.lower().endswith(some))
    return (*READ, *by_name)


def head_of(path: Path) -> bytes:
    """The bytes of a file that tell its format."""
    with path.open("rb") as file:
        return file.read(HEAD)


def is_heic(head: bytes) -> bool:
    """Whether a file that begins so is HEIC, which needs an extra to be read."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS and b"avif" not in head


def is_tiff(head: bytes) -> bool:
    """Whether a file that begins so is a TIFF."""
    return head.startswith(_TIFF_MAGIC)
