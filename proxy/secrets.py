"""Where secrets come from: files, systemd credentials, the environment. No text here ever holds a value."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from proxy.errors import ConfigError

MAX_BYTES = 64 * 1024
_NO_SUCH_FILE = "there is no such file (a relative path starts at the folder of the configuration)"
_NO_GROUP_OR_OTHER = 0o077
# From systemd 254 a credential belongs to root and an access list opens it to the unit's user; the list's
# mask shows as group-read, 0440 (systemd/systemd#29435).
_CREDENTIAL_FORBIDDEN = 0o037


def from_file(path: Path) -> bytes:
    """The content of a secret file, without one newline at its end.

    All is judged on the opened descriptor: a regular file, not a link, owned by root or us, closed to
    group and others. No folder above it may be writable by others, unless it is sticky.
    ConfigError with one complaint otherwise.
    """
    if "\0" in str(path):
        raise _fault(_NO_SUCH_FILE)
    for folder in _folders_above(path):
        _check_folder(folder)
    return _read(path, _NO_GROUP_OR_OTHER)


def from_credential(name: str, environ: Mapping[str, str]) -> bytes:
    """A credential that systemd handed over (LoadCredential=, LoadCredentialEncrypted=). ConfigError if absent."""
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise _fault(
            "there are no systemd credentials here ($CREDENTIALS_DIRECTORY is not set): "
            "start the daemon as a unit with LoadCredential="
        )
    if "/" in name or "\0" in name or name in (".", ".."):
        raise _fault("a credential is named without a folder, as in the unit's LoadCredential=")
    path = Path(folder) / name
    if not os.path.lexists(path):
        raise _fault("systemd handed over no such credential: see LoadCredential= in the unit")
    return _read(path, _CREDENTIAL_FORBIDDEN)


def from_env(name: str, environ: Mapping[str, str]) -> bytes:
    """The value of an environment variable. ConfigError if it is not set or empty."""
    value = environ.get(name)
    if value is None:
        raise _fault("this environment variable is not set")
    return _content(os.fsencode(value))


def from_value(value: str) -> bytes:
    """A value that stands in the configuration itself. ConfigError if it is empty."""
    return _content(value.encode())


def _fault(text: str) -> ConfigError:
    return ConfigError([text])


def _folders_above(path: Path) -> list[Path]:
    """Every folder on the way, as written and with links resolved; outermost first."""
    written = Path(os.path.abspath(path))
    return sorted({*written.parents, *Path(os.path.realpath(written.parent) + "/x").parents})


def _check_folder(folder: Path) -> None:
    try:
        status = os.stat(folder)
    except OSError:
        return  # opening the file says what is wrong
    if status.st_uid not in (0, os.geteuid()):
        raise _fault(f"another user owns the folder {folder}: chown it to root or to the daemon's user")
    if status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX:
        raise _fault(f"other users may write to the folder {folder}: chmod go-w {folder}")


def _read(path: Path, forbidden: int) -> bytes:
    # Non-blocking, so that a named pipe does not hold up the start.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags)
    except OSError as problem:
        raise _fault(_why_not_opened(path, problem)) from None
    try:
        _check_file(path, os.fstat(descriptor), forbidden)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise _fault(f"{path} is larger than {MAX_BYTES} bytes: not a secret")
    return _content(content)


def _why_not_opened(path: Path, problem: OSError) -> str:
    # The path is named only where something exists: a secret pasted as a file's name must not be printed.
    if isinstance(problem, PermissionError):
        return "no right to open the file or a folder above it: chown it to the daemon's user"
    if not os.path.lexists(path):
        return _NO_SUCH_FILE
    return f"{path} is a symbolic link: name the file itself" if path.is_symlink() else f"{path} is not a regular file"


def _check_file(path: Path, status: os.stat_result, forbidden: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _fault(f"{path} is not a regular file")
    if status.st_uid not in (0, os.geteuid()):
        raise _fault(f"another user owns {path}: chown it to root or to the daemon's user")
    if status.st_mode & forbidden:
        raise _fault(f"group or others may open {path} (mode {stat.S_IMODE(status.st_mode):04o}): chmod 600 {path}")


def _content(raw: bytes) -> bytes:
    """Without one newline at the end; the lines of a PEM stay."""
    content = raw.removesuffix(b"\n")
    content = content.removesuffix(b"\r") if content != raw else content
    if not content.strip():
        raise _fault("the secret is empty")
    return content
