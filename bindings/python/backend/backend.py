# This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
# distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

"""Packs the wheel: a few files of Python in a zip archive, which is all that there is to build.

The hooks are those of PEP 517 and PEP 660.
"""

import base64
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple

HERE = Path(__file__).resolve().parent.parent
PACKAGE = "zgossip"
TAG = "py3-none-any"


def _metadata() -> str:
    return (HERE / "METADATA").read_text() + "\n" + (HERE / "README.md").read_text()


def _version() -> str:
    lines = (HERE / "METADATA").read_text().splitlines()
    return next(line.split(": ")[1] for line in lines if line.startswith("Version: "))


def _sources() -> Iterator[Tuple[str, bytes]]:
    for path in sorted((HERE / "src" / PACKAGE).iterdir()):
        if path.suffix == ".py" or path.name == "py.typed":
            yield f"{PACKAGE}/{path.name}", path.read_bytes()


def _pack(directory: str, files: Iterator[Tuple[str, bytes]]) -> str:
    info = f"{PACKAGE}-{_version()}.dist-info"
    wheel = f"Wheel-Version: 1.0\nGenerator: {PACKAGE}\nRoot-Is-Purelib: true\nTag: {TAG}\n"
    contents = [*files, (f"{info}/METADATA", _metadata().encode()), (f"{info}/WHEEL", wheel.encode())]
    record = ""
    name = f"{PACKAGE}-{_version()}-{TAG}.whl"
    with zipfile.ZipFile(Path(directory) / name, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(path: str, data: bytes) -> None:
            # The same bytes from the same sources, whoever packs them and when.
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)

        for path, data in contents:
            add(path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(data)}\n"
        add(f"{info}/RECORD", f"{record}{info}/RECORD,,\n".encode())
    return name


def build_wheel(
    directory: str, settings: Optional[Dict[str, Any]] = None, metadata: Optional[str] = None
) -> str:
    """The package itself."""
    return _pack(directory, _sources())


def build_editable(
    directory: str, settings: Optional[Dict[str, Any]] = None, metadata: Optional[str] = None
) -> str:
    """A pointer to the sources, for those who change them."""
    return _pack(directory, iter([(f"{PACKAGE}.pth", f"{HERE / 'src'}\n".encode())]))


def build_sdist(directory: str, settings: Optional[Dict[str, Any]] = None) -> str:
    """The sources, with which the same wheel can be made elsewhere."""
    stem = f"{PACKAGE}-{_version()}"
    name = f"{stem}.tar.gz"
    files = ["METADATA", "README.md", "pyproject.toml", "backend/backend.py"]
    files += [f"src/{path}" for path, _ in _sources()]
    files += [str(path.relative_to(HERE)) for path in sorted((HERE / "tests").glob("*.py"))]
    with tarfile.open(Path(directory) / name, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path in files:
            archive.add(HERE / path, f"{stem}/{path}")
        info = tarfile.TarInfo(f"{stem}/PKG-INFO")
        data = _metadata().encode()
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return name
