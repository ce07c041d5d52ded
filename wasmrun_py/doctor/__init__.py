"""What is wrong with this installation, and what is safe to mend.

Looks at everything and changes nothing, but for ``repair``, which removes only what killed runs left.
"""
