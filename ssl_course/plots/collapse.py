"""Figures of lesson 05, on learning without negatives."""
