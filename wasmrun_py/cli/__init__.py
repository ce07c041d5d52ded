"""Telling a person: the argument parser, the commands, and what they print.

The only room that may import typer and rich, print, or end the process. No decision about builds,
plugins or modules is taken here.
"""
