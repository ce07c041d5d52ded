"""Find compilers on the user's machine, or install a pinned one through the user's own package client.

``find`` looks at PATH, ``version`` asks a tool who it is, ``provision`` installs what is missing into
``Home.toolchains``; ``catalog`` holds what can be installed, as data. How a compiler is *called* is the
business of the plugin that knows its language and does not belong here. No registry host is named.
"""
