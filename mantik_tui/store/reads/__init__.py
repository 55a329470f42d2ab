"""Named reads. Each opens and ends its own read, so that no read transaction outlives a call."""
