"""Pure functions over rows: comparison."""
