"""What things are: frozen, typed, without I/O. Imports nothing else of this package."""
