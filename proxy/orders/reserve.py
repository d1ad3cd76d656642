"""A file that is given back when the disk is full, so that answers to orders under way can still be written down."""

import errno
import os
from contextlib import suppress
from pathlib import Path

_BYTES = 4 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """One file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> None:
        """Raises OSError if there is no room for it, and nothing stays behind then. Other trouble is the journal's own
        to find."""
        if self._path.exists():
            return
        try:
            with open(self._path, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                os.posix_fallocate(file.fileno(), 0, _BYTES)
        except OSError as fault:
            self.spend()
            if fault.errno in _FULL:
                raise

    def spend(self) -> None:
        with suppress(OSError):
            self._path.unlink()
