"""What tests of faults share with `python -m torture`: a place with servers, databases and workers of its own."""

from __future__ import annotations

from zlib import crc32

import pytest

from torture.site import Site


@pytest.fixture
def site(request, tmp_path, mariadb):
    """A place for a scenario; its choices are the same in every run, and its bounds of time leave room for others."""
    with Site(tmp_path, crc32(request.node.name.encode()), lambda: mariadb, precise=False) as site:
        yield site
