"""Two daemons never share a state folder."""

from pathlib import Path

import pytest

from proxy.cli.state_lock import StateLock
from proxy.errors import ConfigError


def test_a_second_one_is_told_whose_folder_it_is(tmp_path: Path) -> None:
    first, second = StateLock(tmp_path), StateLock(tmp_path)
    first.take()
    with pytest.raises(ConfigError, match=f"another ordergate runs in {tmp_path}"):
        second.take()
    first.release()
    second.take()
    second.release()
    second.release()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
