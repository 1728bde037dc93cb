"""Other libraries' names for what symnet does."""
