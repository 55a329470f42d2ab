"""What a person can do: one function a verb, used by the TUI, the command line and scripts alike."""
