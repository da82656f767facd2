"""Encoders: from tracks to a feature for every joint and time."""
