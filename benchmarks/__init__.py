"""symnet's training steps measured beside its peers': ``python -m benchmarks``."""
