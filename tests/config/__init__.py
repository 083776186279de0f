"""What configuration files mean, and every fault they can have."""
