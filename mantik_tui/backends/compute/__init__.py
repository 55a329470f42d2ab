"""Sites: transports that carry bytes and commands, and schedulers that run jobs."""
