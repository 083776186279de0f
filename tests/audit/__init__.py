"""Audit records on their way: files, stdout, and a real rsyslog."""
