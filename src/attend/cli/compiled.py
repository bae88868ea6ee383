"""Compiled programs are kept between runs, so that a second run of a command starts sooner."""

import contextlib
import hashlib
import os
import platform
from pathlib import Path

from platformdirs import user_cache_dir

MOST = 512 * 2**20
"""Bytes that are kept, at most; what was used least recently goes first."""

LEAST_SECONDS = 0.3
"""What takes less time to compile is not kept."""

FOLDER = "JAX_COMPILATION_CACHE_DIR"


def keep_compiled() -> None:
    """Let JAX keep what it compiles in the user's cache folder.

    It must be called before JAX is imported. What the user has told JAX by its environment variables has precedence.
    Each kind of processor has a folder of its own, since a home may be shared by machines that differ. Where the folder
    cannot be written, nothing is kept.
    """
    if FOLDER in os.environ:
        return
    folder = Path(user_cache_dir("attend")) / "compiled" / _processor()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            os.environ[FOLDER] = str(folder)
            os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(MOST))
            os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(LEAST_SECONDS))


def _processor() -> str:
    """A short digest of what this machine's processor can do."""
    about = platform.machine() + platform.processor()
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:  # only its first part is read: it can be long
        about += next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return hashlib.sha256(about.encode()).hexdigest()[:12]
