"""Figures of lesson 02, on autoencoders."""
