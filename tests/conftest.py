"""Tests keep their files in memory where there is room: an order must be on the disk within a quarter of a second, and
disks of shared machines are slower at times. What a slow or full disk does is tested on its own (tests/orders).
"""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 1 << 30

if os.access(_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
    os.environ.setdefault("TMPDIR", str(_MEMORY))
    tempfile.tempdir = None  # asked for anew
