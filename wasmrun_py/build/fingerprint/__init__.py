"""What makes two builds the same: the exact inputs of a build, as one key, found out without a toolchain.

``key`` puts together what is known before a build (files, options, plugin, variables); ``dependencies`` what
only a build can tell (headers outside the project, programs on PATH). ``kept_hashes`` makes both fast.
Nothing here knows what an artifact is; ``cache`` does.
"""
