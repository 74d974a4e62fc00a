"""nginx for the bench and the tests: find or fetch it, and write its configuration from `deploy/nginx.conf`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dev.environments import ROOT, InstallError, UnavailableError, make_folder
from dev.processes import run

__all__ = ["SITE", "NoNginxError", "configuration", "find_nginx", "whole_configuration"]

SITE: Final = ROOT / "deploy" / "nginx.conf"
_PORTS: Final = (8787, 8788)
"""Of the two processes, in that file."""
_MAIN: Final = """\
daemon off;
master_process off; # one process, as whoever starts it: the two upstreams take strict turns
worker_rlimit_nofile 4096;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}}}
"""


class NoNginxError(Exception):
    """There is no nginx here, and it could not be fetched. The text says why."""


def find_nginx() -> Path:
    """Find nginx: the installed one, or Debian's package, unpacked into a folder of ours and not installed.

    Raises:
        NoNginxError: neither is to be had.
    """
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    if installed := shutil.which("nginx", path=places):
        return Path(installed)
    try:
        program = make_folder("nginx", "nginx of Debian", _unpack) / "usr" / "sbin" / "nginx"
        if run([program, "-v"]).returncode:
            raise NoNginxError("the unpacked nginx does not run; install it: apt-get install nginx-light")
    except UnavailableError as error:
        raise NoNginxError(f"{error}; install it: apt-get update && apt-get install nginx-light") from None
    return program


def _unpack(folder: Path) -> None:
    tools = [shutil.which(name) for name in ("apt-get", "dpkg")]
    if not all(tools):
        raise InstallError("this is no Debian, on which it could be fetched")
    apt, dpkg = map(str, tools)
    with tempfile.TemporaryDirectory() as empty:
        download = [apt, "--quiet", "download", "nginx"]
        done = run(download, folder=Path(empty))
        if done.returncode:  # the lists are missing on a new machine, or are old
            run([apt, "--quiet", "update"])
            done = run(download, folder=Path(empty))
        package = next(Path(empty).glob("nginx_*.deb"), None)
        if package is None:
            raise InstallError(done.stderr.strip().rpartition("\n")[2] or "apt-get downloads no package")
        run([dpkg, "-x", package, folder]).check_returncode()


def configuration(folder: Path, port: int, upstreams: Sequence[int]) -> str:
    """Return a whole configuration around `deploy/nginx.conf`, on loopback and without TLS.

    Args:
        folder: where nginx keeps its files.
        port: where it listens.
        upstreams: the ports of one or two servers.
    """
    lines = []
    for line in SITE.read_text(encoding="utf-8").splitlines():
        if line.strip().startswith("ssl_"):
            continue
        text = line.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
        for given, own in zip(_PORTS, [*upstreams, None], strict=False):
            text = text.replace(f"127.0.0.1:{given} ", f"127.0.0.1:{own} ")
        if "127.0.0.1:None" not in text:
            lines.append(text)
    return whole_configuration(folder, "\n".join(lines))


def whole_configuration(folder: Path, site: str) -> str:
    """Return a whole configuration of nginx, which keeps its files in a folder, around that of one site."""
    return _MAIN.format(folder=folder, site=f"{site}\n")
