"""A disk that can be full: a tmpfs of its own size, mounted on a folder. Needs root, as mounting does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from picoevent.testing.servers import PrivateServerError

BALLAST = "ballast"
CHUNK = bytes(65_536)


class SmallDisk:
    """A folder with a disk of its own; what is in the folder is copied to it. `with` mounts and unmounts."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self._megabytes = megabytes

    def fill(self, *, leave_bytes: int = 0) -> None:
        """Fill the disk but for so many bytes."""
        left = shutil.disk_usage(self.folder).free - leave_bytes
        with (self.folder / BALLAST).open("ab", buffering=0) as ballast:
            while left > 0:
                left -= ballast.write(CHUNK[:left])

    def grow(self, megabytes: int) -> None:
        """Give the disk this size, as somebody does who is called at night."""
        self._mount("-o", f"remount,size={megabytes}m", str(self.folder))

    def free(self) -> None:
        """Delete what `fill` has written."""
        (self.folder / BALLAST).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        aside = self.folder.with_name(f"{self.folder.name}.aside")
        self.folder.rename(aside)
        self.folder.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={self._megabytes}m", "picoevent-torture", str(self.folder))
        shutil.copytree(aside, self.folder, dirs_exist_ok=True)
        shutil.rmtree(aside)
        return self

    def __exit__(self, *_: object) -> None:
        # Lazily: a server that was killed a moment ago may still hold a file.
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    @staticmethod
    def _mount(*arguments: str) -> None:
        if os.geteuid() != 0:
            raise PrivateServerError("A full disk is tried on a disk of its own, and only root may mount one.")
        subprocess.run(["mount", *arguments], check=True)
