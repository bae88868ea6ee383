"""MNIST's own file format, IDX, gzipped or not."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from attend.errors import AttendError

_UNSIGNED_BYTE = 0x08


def read_idx(path: str | Path, ndim: int) -> UInt8[np.ndarray, "..."]:
    """The array of unsigned bytes in an IDX file.

    The header is two zero bytes, the type, the number of axes, then each axis as a big-endian 32-bit number.

    Args:
        path: the file; gzipped or not is seen from its first bytes.
        ndim: axes it must have: 3 for images, 1 for labels.

    Raises:
        AttendError: the file cannot be read, or its header or size is wrong.
    """
    try:
        content = Path(path).read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise AttendError(f"{path}: cannot be read ({error}); it must be an intact IDX file") from error
    magic = bytes([0, 0, _UNSIGNED_BYTE, ndim])
    if content[:4] != magic:
        raise AttendError(
            f"{path}: starts with {content[:4].hex() or 'nothing'}; it must start with {magic.hex()} (IDX)"
        )
    start = 4 + 4 * ndim
    if len(content) < start:
        raise AttendError(f"{path}: ends within its header; it must be at least {start} bytes long")
    shape = struct.unpack(f">{ndim}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise AttendError(
            f"{path}: holds {len(content) - start} bytes of data; its header {shape} says {math.prod(shape)}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
