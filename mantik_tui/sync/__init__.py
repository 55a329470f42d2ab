"""The engine: one module per duty. Does everything that can block or burn CPU."""
