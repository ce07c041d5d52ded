"""Serve what the session says, and guard the door (DESIGN §8). Nothing is built or watched in here."""
