"""The local SQLite database: schema, named reads and writes. Imports only domain."""
