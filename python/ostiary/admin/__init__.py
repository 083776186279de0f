"""The admin endpoint: metrics, health, status, and the page that shows them.

Imports nothing: a plan is unpickled, and a configuration checked, without what serves HTTP.
"""
