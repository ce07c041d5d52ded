"""A build cache on another machine: the HTTP protocol of Bazel's caches, ``/ac/KEY`` and ``/cas/SHA256``.

``store`` is what a build sees (a ``build.cache.store.BuildStore``), ``gate`` when it is still asked,
``time_limit`` how long it may take, ``client`` the exchanges, ``fault`` what they run into,
``action_result`` the one message of the protocol, ``entry`` what we put into it. A remote is not trusted:
whatever it sends is checked, and whatever is wrong with it is a build that was not found. httpx enters in
``client`` only, and only when a remote is set.
"""
