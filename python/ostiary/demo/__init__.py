"""`ostiary demo`: a small directory, the gateway before it, and a tour of real traffic through both.

Nothing here is used by `ostiary run`. The directory is for demonstration and tests: it keeps all in memory.
"""
