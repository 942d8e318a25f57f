"""Loaders that are killed at random and resumed: no sample may be lost, repeated or altered."""
