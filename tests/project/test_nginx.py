"""nginx takes the configuration that is shipped, as a whole, with its TLS and its limits."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dev.nginx import SITE, whole_configuration
from tests.support.certificates import write_certificate

PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


def check(folder: Path, site: str) -> "subprocess.CompletedProcess[str]":
    """Let nginx check a site, with a certificate of our own in the place of the operator's."""
    nginx = shutil.which("nginx", path=PLACES)
    if nginx is None:
        pytest.skip("nginx is not installed here: apt-get install nginx-light")
    public, private = write_certificate(folder)
    site = site.replace("/etc/ssl/projects-mcp/fullchain.pem", str(public))
    site = site.replace("/etc/ssl/projects-mcp/privkey.pem", str(private))
    file = folder / "nginx.conf"
    file.write_text(whole_configuration(folder, site), encoding="utf-8")
    command = [nginx, "-t", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_nginx_takes_what_is_shipped(tmp_path: Path) -> None:
    site = SITE.read_text(encoding="utf-8")
    assert "limit_conn projects_mcp_address" in site
    done = check(tmp_path, site)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_the_limit_of_connections_is_one_that_nginx_knows(tmp_path: Path) -> None:
    lines = SITE.read_text(encoding="utf-8").splitlines()
    without = "\n".join(line for line in lines if not line.startswith("limit_conn_zone"))
    done = check(tmp_path, without)
    assert done.returncode != 0, "so the check above looks at it"
    assert "projects_mcp_address" in done.stderr
