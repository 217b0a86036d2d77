"""From `pending` to the rollups, each event once: folding, closing, keeping, verifying, rebuilding."""
