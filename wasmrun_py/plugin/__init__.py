"""Who can build what: the Protocols of a plugin, the registered plugins, and the choice among them.

``api`` is the page a plugin author reads. Nothing here names a particular plugin or language.
"""
