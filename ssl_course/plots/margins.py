"""Figures of lesson 03, on the triplet loss."""
