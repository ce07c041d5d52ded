"""Do the build: choose the plugin, stage, check what was made, publish it.

Languages and toolchains are the plugins' business; nothing here knows a compiler.
"""
