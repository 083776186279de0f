"""The plugin model: what hooks see, how they are asked, and what becomes of those that fail."""
