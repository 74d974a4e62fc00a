"""uv installs the tools from where pip would, and pip does it where uv cannot."""

import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from dev import environments
from dev.environments import make_venv
from dev.uv import UvError, uv_install, uv_settings


def test_uv_is_handed_the_settings_of_pip() -> None:
    listed = r"""
:env:.find-links='/from/the/variable'
:env:.constraint='versions.txt'
:env:.default-timeout='180'
global.cert='/ca.pem'
global.extra-index-url='\nhttps://one.example/simple\nhttps://two.example/simple'
global.find-links='/from/the/file'
site.index-url='https://mirror.example/simple'"""
    assert uv_settings(listed.strip()) == {
        "SSL_CERT_FILE": "/ca.pem",
        "UV_BUILD_CONSTRAINT": "versions.txt",
        "UV_CONSTRAINT": "versions.txt",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_FIND_LINKS": "/from/the/variable",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


@pytest.mark.parametrize("line", ["global.proxy='http://proxy.example'", "global.no-index='true'", "what is this?"])
def test_with_any_other_setting_uv_is_not_used(line: str) -> None:
    with pytest.raises(UvError):
        uv_settings(f"global.cert='/ca.pem'\n{line}")


def _write_wheel(file: Path) -> None:
    about = {"METADATA": "Metadata-Version: 2.1\nName: nothing\nVersion: 1\n"}
    about["WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    about["RECORD"] = ""
    with ZipFile(file, "w") as archive:
        archive.writestr("nothing.py", "")
        for name, text in about.items():
            archive.writestr(f"nothing-1.dist-info/{name}", text)


def test_what_uv_cannot_install_pip_installs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments, "CACHE", tmp_path)
    package = tmp_path / "nothing-1-py3-none-any.whl"
    _write_wheel(package)
    folder = make_venv("tool", ("--no-index", "--no-deps", str(package)), uv=Path("/bin/false"))
    assert next(folder.glob("lib/python*/site-packages/nothing.py")).is_file()
    assert "tool: with pip, since with uv: " in capsys.readouterr().err


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/uv"])
def test_a_failure_of_uv_is_told(program: str) -> None:
    with pytest.raises(UvError):
        uv_install(Path(program), Path(sys.executable), ["nothing"])
