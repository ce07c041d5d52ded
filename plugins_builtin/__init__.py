"""The plugins that ship with wasmrun, one folder a language.

Each is registered through the entry-point group ``wasmrun.plugins``, as a third party's plugin would be,
and sees only what a plugin author sees: ``wasmrun_py.plugin.api``, ``toolchain``, ``system`` and ``model``.
"""
