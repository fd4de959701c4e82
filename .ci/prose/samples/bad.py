"""Reads a file. That is all."""

# What remains

print(f"{name}: nobody reads the message")
