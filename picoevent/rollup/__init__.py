"""What lies in the rollups: tiers and their calendar, sets, cells and sketches, and how they are packed. No SQL."""
