"""Where other packages meet PicoEvent: `logging`, structlog, Prometheus. Each file stands alone."""
