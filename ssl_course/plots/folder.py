"""Figures of lesson 08, on one's own images."""
