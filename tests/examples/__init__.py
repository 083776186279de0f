"""The worked examples, each tested as its author would test it."""
