"""What a site's queue speaks."""
