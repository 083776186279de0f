"""Certificates, keys and authorities from files."""
