"""One daemon per state folder: two would give out the same nonces and the same numbers of the journal."""

import fcntl
import os
from pathlib import Path

from proxy.errors import ConfigError

_FILE = "lock"


class StateLock:
    """Held from `take` to `release`, or until the process is gone, however it goes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._file: int | None = None

    def take(self) -> None:
        """Raises ConfigError if another process has it."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            text = f"state_dir: another ordergate runs in {self._path.parent}; stop it, or give this one its own folder"
            raise ConfigError([text]) from None
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
