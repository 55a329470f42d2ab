"""How bytes and commands travel to a site."""
