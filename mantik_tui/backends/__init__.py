"""The world outside: tracking servers and compute sites. Imports only `domain`."""
