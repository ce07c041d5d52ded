"""How results look: JSON documents, tables, live lines. Nothing here decides anything."""
