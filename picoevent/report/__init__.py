"""Questions with names, and typed answers that say where they come from; read from rollups where these can answer."""
