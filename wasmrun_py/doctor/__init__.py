"""What is wrong with this installation, and what is safe to mend.

Looks at everything and changes nothing, but for what ``--fix`` asks for: ``leftovers`` removes what killed
runs left, ``repair`` mends toolchains that wasmrun installed.
"""
