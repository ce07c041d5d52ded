"""Calling an installed plugin: through a helper process in its own environment, or through its program.

``ExternalPlugin`` answers the Protocols of ``plugin.api`` over either. Foreign code never runs in this
process: a crash, a hang, garbage and a flood are ordinary, named errors here.
"""
