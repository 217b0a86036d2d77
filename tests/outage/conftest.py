"""What tests of faults share with `python -m torture`: a place with servers, databases and workers of its own."""

from __future__ import annotations

from itertools import count
from zlib import crc32

import pytest

from torture.site import Site


@pytest.fixture
def new_site(request, tmp_path, mariadb):
    """What makes places, each for one `with`; their choices are the same in every run of this test."""
    numbers = count()

    def new_site():
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return Site(folder, crc32(request.node.name.encode()), lambda: mariadb, precise=False)

    return new_site


@pytest.fixture
def site(new_site):
    """One such place."""
    with new_site() as site:
        yield site
