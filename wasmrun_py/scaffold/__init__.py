"""New projects from templates: small, real, and ready to build.

A template is a folder under ``templates/``; ``{{name}}`` in its files becomes the project's name. Nothing
here builds, and nothing that exists is overwritten.
"""
