"""Figures of lesson 00, on judging an encoder."""
