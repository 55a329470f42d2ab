"""The table of actions from which keys, footer, palette, help and docs are made."""
