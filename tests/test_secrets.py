"""Secret sources: what is accepted, what is refused, and that no refusal holds the value."""

import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from proxy import secrets
from proxy.errors import ConfigError

CANARY = "dummy-canary-value"


@pytest.fixture
def secret_file(tmp_path: Path) -> Callable[..., Path]:
    def write(content: bytes = CANARY.encode(), mode: int = 0o600) -> Path:
        path = tmp_path / "dummy.secret"
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return write


def complaint(read: Callable[[], bytes]) -> str:
    with pytest.raises(ConfigError) as caught:
        read()
    (text,) = caught.value.complaints
    assert CANARY not in text
    return text


def disown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the file another user's: by giving it away where we may, else by being someone else."""
    if os.geteuid() == 0:
        os.chown(path, 65534, -1)
    else:
        mine = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"dummy-secret", b"dummy-secret"),
        (b"dummy-secret\n", b"dummy-secret"),
        (b"dummy-secret\r\n", b"dummy-secret"),
        (b"dummy-secret\n\n", b"dummy-secret\n"),
        (b"dummy-secret\r", b"dummy-secret\r"),
        (b" dummy secret \n", b" dummy secret "),
        (
            b"-----BEGIN DUMMY-----\nZHVtbXk=\n-----END DUMMY-----\n",
            b"-----BEGIN DUMMY-----\nZHVtbXk=\n-----END DUMMY-----",
        ),
        (b"ZHVtbXktYmFzZTY0LXRleHQ=\n", b"ZHVtbXktYmFzZTY0LXRleHQ="),
        (b"\xff\xfe", b"\xff\xfe"),
    ],
)
def test_a_file_loses_one_newline_and_nothing_else(
    secret_file: Callable[..., Path], content: bytes, secret: bytes
) -> None:
    assert secrets.from_file(secret_file(content)) == secret


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b" \n", b"\n\n\n"])
def test_an_empty_secret_is_refused(secret_file: Callable[..., Path], content: bytes) -> None:
    path = secret_file(content)
    assert complaint(lambda: secrets.from_file(path)) == "the secret is empty"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_strict_modes_are_accepted(secret_file: Callable[..., Path], mode: int) -> None:
    assert secrets.from_file(secret_file(mode=mode)) == CANARY.encode()


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644])
def test_bits_for_group_or_others_are_refused_with_the_remedy(secret_file: Callable[..., Path], mode: int) -> None:
    path = secret_file(mode=mode)
    text = complaint(lambda: secrets.from_file(path))
    assert f"chmod 600 {path}" in text
    assert f"{mode:04o}" in text


def test_another_users_file_is_refused(secret_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = secret_file()
    os.chmod(path.parent, 0o1777)  # so that the file, not its folder, is what is wrong
    disown(path, monkeypatch)
    assert "another user owns" in complaint(lambda: secrets.from_file(path))


def test_a_link_to_a_good_file_is_refused(secret_file: Callable[..., Path], tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(secret_file())
    assert complaint(lambda: secrets.from_file(link)) == f"{link} is a symbolic link: name the file itself"


def test_only_regular_files_are_read_and_a_pipe_does_not_block(tmp_path: Path) -> None:
    folder, pipe, sock = tmp_path / "folder", tmp_path / "pipe", tmp_path / "sock"
    folder.mkdir(0o700)
    os.mkfifo(pipe, 0o600)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(sock))
        for path in (folder, pipe, sock):
            assert complaint(partial(secrets.from_file, path)) == f"{path} is not a regular file"


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    outer = tmp_path / "outer"
    inner = outer / "inner"
    inner.mkdir(0o700, parents=True)
    path = inner / "dummy.secret"
    path.touch(0o600)
    path.write_text(CANARY)
    outer.chmod(mode)
    assert complaint(lambda: secrets.from_file(path)).endswith(f"chmod go-w {outer}")
    outer.chmod(mode | 0o1000)
    assert secrets.from_file(path) == CANARY.encode()


def test_a_folder_behind_a_link_is_judged_too(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    real.chmod(0o777)
    (tmp_path / "safe").symlink_to(real)
    (real / "dummy.secret").touch(0o600)
    text = complaint(lambda: secrets.from_file(tmp_path / "safe" / "dummy.secret"))
    assert "may write to the folder" in text


def test_another_users_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(0o755)
    (folder / "dummy.secret").touch(0o600)
    disown(folder, monkeypatch)
    text = complaint(lambda: secrets.from_file(folder / "dummy.secret"))
    assert text.startswith("another user owns the folder")


@pytest.mark.parametrize("name", [CANARY, CANARY * 40, f"{CANARY}\0", f"{CANARY}/deeper"])
def test_a_secret_in_place_of_a_file_name_is_not_repeated(tmp_path: Path, name: str) -> None:
    assert complaint(lambda: secrets.from_file(tmp_path / name)).startswith("there is no such file")


def test_a_file_too_large_for_a_secret_is_refused(secret_file: Callable[..., Path]) -> None:
    path = secret_file(b"x" * (secrets.MAX_BYTES + 1))
    assert "is larger than" in complaint(lambda: secrets.from_file(path))


def test_no_descriptor_stays_open(secret_file: Callable[..., Path]) -> None:
    good = secret_file()
    before = os.listdir("/proc/self/fd")
    secrets.from_file(good)
    bad = secret_file(mode=0o644)
    complaint(lambda: secrets.from_file(bad))
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_credential_is_read_from_its_folder(secret_file: Callable[..., Path]) -> None:
    path = secret_file(CANARY.encode() + b"\n", 0o400)
    environ = {"CREDENTIALS_DIRECTORY": str(path.parent)}
    assert secrets.from_credential(path.name, environ) == CANARY.encode()


def test_a_credential_may_show_the_mask_of_its_access_list(secret_file: Callable[..., Path]) -> None:
    path = secret_file(mode=0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(path.parent)}
    assert secrets.from_credential(path.name, environ) == CANARY.encode()
    path.chmod(0o444)
    assert "chmod 600" in complaint(lambda: secrets.from_credential(path.name, environ))


@pytest.mark.parametrize("name", ["../dummy.secret", "/etc/hostname", "..", "."])
def test_a_credential_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert "without a folder" in complaint(lambda: secrets.from_credential(name, environ))


def test_a_credential_that_is_not_there(tmp_path: Path) -> None:
    assert "LoadCredential=" in complaint(lambda: secrets.from_credential(CANARY, {}))
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert "no such" in complaint(lambda: secrets.from_credential(CANARY, environ))
    assert "LoadCredential=" in complaint(lambda: secrets.from_credential(CANARY, environ))
    assert "without a folder" in complaint(lambda: secrets.from_credential("dummy\0", environ))


def test_the_environment() -> None:
    assert secrets.from_env("DUMMY", {"DUMMY": CANARY}) == CANARY.encode()
    assert "not set" in complaint(lambda: secrets.from_env(CANARY, {}))
    assert "empty" in complaint(lambda: secrets.from_env("DUMMY", {"DUMMY": ""}))


def test_a_value() -> None:
    assert secrets.from_value(CANARY) == CANARY.encode()
    assert "empty" in complaint(lambda: secrets.from_value(" "))
