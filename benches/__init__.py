"""Benches: Ostiary beside HAProxy and stunnel, as CPU per operation. `python -m benches.compare --help`."""
