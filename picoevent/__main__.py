"""`python -m picoevent` is the command `picoevent`."""

from __future__ import annotations

from picoevent.cli import main

if __name__ == "__main__":
    main()
