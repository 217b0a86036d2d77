"""The wheel holds all that an installation needs: both packages, the pages of the BI, and the DDL of record."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The files of a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("picoevent-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_it_holds_what_the_repository_holds(unpacked):
    for folder, pattern, place in (
        ("sql", "*/*.sql", "picoevent/sql"),
        ("picoevent", "**/*.py", "picoevent"),
        ("admin/picoevent_admin", "**/*.*", "picoevent_admin"),
    ):
        wanted = {
            str(Path(place) / path.relative_to(ROOT / folder))
            for path in (ROOT / folder).glob(pattern)
            if "__pycache__" not in path.parts
        }
        assert wanted - {str(path.relative_to(unpacked)) for path in unpacked.rglob("*")} == set()


def test_it_logs_without_the_repository(unpacked, tmp_path):
    program = (
        "import picoevent; events = picoevent.EventLog('sqlite:///wheel.db')\n"
        "print(picoevent.__file__, events.get(events.log('wheel.built', {'works': True})).data)"
    )
    # The editable install of this environment is found by name otherwise.
    paths = os.pathsep.join([str(unpacked), *(path for path in sys.path if "site-packages" in path)])
    environment = {"PYTHONPATH": paths, "PATH": os.environ["PATH"]}

    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == f"{unpacked / 'picoevent' / '__init__.py'} {{'works': True}}"
