"""Figures of lesson 06, on masked autoencoders."""
