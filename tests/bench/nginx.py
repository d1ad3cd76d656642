"""nginx, where it is installed: as the exchange (`return 200`) and as a forwarder without signatures."""

import shutil
import socket
from pathlib import Path

from tests.bench.order import ADDRESSES, ANSWER, ANSWER_HEADERS


def found() -> str | None:
    """The program, or None."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def command(folder: Path, name: str, http: str) -> list[str]:
    """Write a configuration of one process and give the command that runs it."""
    place = folder / f"{name}.conf"
    temp = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    place.write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/{name}.pid;\nerror_log stderr crit;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{\naccess_log off;\nserver_tokens off;\n{temp}"
        f"keepalive_requests 1000000000;\nkeepalive_timeout 75;\n{http}}}\n",
        encoding="utf-8",
    )
    return [str(found()), "-p", str(folder), "-e", "stderr", "-c", str(place)]


def stub(port: int) -> str:
    rows = "".join(f'add_header {name} "{value}";\n' for name, value in ANSWER_HEADERS if name != "Content-Type")
    return (
        f"server {{ listen 127.0.0.1:{port} backlog=1024;\nlocation / {{\n"
        f"default_type \"application/json\";\n{rows}return 200 '{ANSWER.decode()}';\n}} }}\n"
    )


def forwarder(port: int, upstream_port: int) -> str:
    """The 20 source addresses, each with its own idle connections: one pool would mix the sources."""
    share = 100 / len(ADDRESSES)
    names = [address.replace(".", "_") for address in ADDRESSES]
    pools = "".join(
        f"upstream from_{name} {{ server 127.0.0.1:{upstream_port}; keepalive 128; keepalive_requests 1000000000; }}\n"
        for name in names
    )
    split = "".join(f"{share}% {address};\n" for address in ADDRESSES[:-1]) + f"* {ADDRESSES[-1]};\n"
    split_name = "".join(f"{share}% from_{name};\n" for name in names[:-1]) + f"* from_{names[-1]};\n"
    return (
        f"{pools}split_clients $request_id $source {{\n{split}}}\nsplit_clients $request_id $pool {{\n{split_name}}}\n"
        f"server {{ listen 127.0.0.1:{port} backlog=1024;\nlocation / {{\n"
        f'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_bind $source; proxy_pass http://$pool;\n}} }}\n'
    )
